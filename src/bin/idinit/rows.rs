//! A weight, row by row: only one row of it is ever in memory, unless its rule writes no less than
//! all of it.

use crate::failure::Failure;
use crate::output;
use idinit::init::Written;
use idinit::rule::{Dims, Fill, Rule, Start};
use idinit::shape::Shape;
use std::io::{self, Write};

/// A weight, output by output, in the order of storage.
pub struct Rows {
    dims: Dims,
    rule: Option<Rule>,
    /// All numbers, where they cannot be had one by one.
    whole: Vec<f32>,
}

impl Rows {
    /// The rows of a weight under its rule, if what must be in memory at once is no more than a
    /// network's layer may have.
    pub fn new(written: Written, dims: Dims) -> Result<Self, Failure> {
        let at_once = match written {
            Written::Rule(_) => dims.row(),
            _ => dims.len(),
        };
        if at_once > Shape::MOST as usize {
            let why = format!("{at_once} weights at once are more than {}", Shape::MOST);
            return Err(Failure::Usage(why));
        }
        if let Written::Rule(rule) = written {
            return Ok(Self { dims, rule: Some(rule), whole: Vec::new() });
        }
        let mut whole = output::zeros(dims.len())?;
        written.fill_f32(dims, &mut whole).map_err(Failure::failed)?;
        Ok(Self { dims, rule: None, whole })
    }

    /// Hands out every row, `[kh][kw][in]`.
    fn each(&self, mut take: impl FnMut(u32, &[f32]) -> io::Result<()>) -> io::Result<()> {
        let mut buffer = match self.rule {
            None => Vec::new(),
            Some(_) => output::zeros(self.dims.row()).map_err(|failure| {
                io::Error::new(io::ErrorKind::OutOfMemory, failure.to_string())
            })?,
        };
        for o in 0..self.dims.out() {
            let row = match self.rule {
                None => self.whole.chunks(self.dims.row()).nth(o as usize).unwrap_or_default(),
                Some(rule) => {
                    // the buffer is a row, and there are rows left
                    let _ = rule.fill_rows(self.dims, o, &mut buffer);
                    &buffer
                }
            };
            match row.iter().find(|w| !w.is_finite()) {
                None => take(o, row)?,
                Some(w) => return Err(io::Error::other(format!("output {o} has the weight {w}"))),
            }
        }
        Ok(())
    }

    /// A row in PyTorch's order, `[in][kh][kw]`.
    fn permuted<'a>(&self, row: &'a [f32]) -> impl Iterator<Item = &'a f32> {
        let inp = self.dims.inp() as usize;
        (0..inp).flat_map(move |input| row.iter().skip(input).step_by(inp))
    }

    /// Numbers between commas, as `{}` prints them: their shortest decimals.
    pub fn csv(&self, out: &mut dyn Write) -> io::Result<()> {
        self.each(|_, row| {
            for (place, w) in self.permuted(row).enumerate() {
                write!(out, "{}{w}", if place == 0 { "" } else { "," })?;
            }
            writeln!(out)
        })
    }

    /// A mark for each number, in the order of storage.
    pub fn picture(&self, out: &mut dyn Write) -> io::Result<()> {
        self.each(|_, row| {
            for w in row {
                let mark = match w {
                    w if *w > 0.0 => b"#",
                    w if *w < 0.0 => b"-",
                    _ => b".",
                };
                out.write_all(mark)?;
            }
            writeln!(out)
        })
    }

    /// One object: the sizes, and an array for each output.
    pub fn json(&self, out: &mut dyn Write, rule: &str, inputs: u32) -> io::Result<()> {
        let d = self.dims;
        let [height, width] = d.kernel();
        let shape = [d.out(), d.inp(), height, width];
        write!(out, "{{\"rule\":\"{}\",\"shape\":{shape:?},", rule)?;
        write!(out, "\"inputs\":{inputs},\"groups\":{},\"weights\":[", d.groups())?;
        self.each(|o, row| {
            write!(out, "{}\n[", if o == 0 { "" } else { "," })?;
            for (place, w) in self.permuted(row).enumerate() {
                // with a point or an exponent, so that readers take −0 for the number that it is
                write!(out, "{}{w:?}", if place == 0 { "" } else { "," })?;
            }
            write!(out, "]")
        })?;
        writeln!(out, "\n]}}")
    }
}
