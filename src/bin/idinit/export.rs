//! `idinit export`: weights in the form that another program wants.

use crate::failure::Failure;
use crate::loaded::Loaded;
use crate::output;
use crate::regenerate::{Names, as_io, notes};
use crate::start::RecipeArg;
use clap::{Args, ValueEnum};
use idinit::exchange::{Content, Entry, safetensors};
use idinit::recipe::Fingerprint;
use std::io::{self, Write};
use std::path::PathBuf;

/// Write weights in the form that another program wants: PyTorch, firmware in Rust or in C.
#[derive(Args)]
#[command(after_help = "\
Examples:
  idinit export runs/residual-digits --scheme idinit --format safetensors -o digits.safetensors
  idinit export runs/residual-digits/weights-idinit.bin --format c -o weights.h
  idinit export digits.safetensors --format rust -o weights.rs
  idinit export 'idinit/1 mlp idinit' --format bin -o start.bin")]
pub struct Export {
    /// The folder of a run, a file of weights, or a recipe
    what: PathBuf,
    /// The form
    #[arg(long, value_enum)]
    format: Format,
    /// Which weights of the folder
    #[arg(long, value_name = "SCHEME")]
    scheme: Option<String>,
    /// What the weights are of, where no file says so
    #[arg(long, value_name = "RECIPE")]
    recipe: Option<RecipeArg>,
    /// Whose names and layouts the weights have in safetensors
    #[arg(long, value_enum, default_value_t = Names::Torchvision)]
    names: Names,
    /// The file to write; it appears when all of it is there [default: standard output]
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    file: Option<PathBuf>,
}

/// A form of weights.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tensors under PyTorch's names
    Safetensors,
    /// A header with a table, weights as [out][kh][kw][in]
    C,
    /// A constant table, weights as [out][kh][kw][in]
    Rust,
    /// Plain f32, little-endian, weights as [out][kh][kw][in]
    Bin,
}

impl Export {
    pub fn run(self) -> Result<(), Failure> {
        let recipe = self.recipe.map(|recipe| recipe.0);
        let loaded = Loaded::of(&self.what, self.scheme.as_deref(), recipe.as_ref())?;
        let entries = self.names.entries(loaded.settled.model.nodes())?;
        let finite = loaded.weights.iter().all(|weight| weight.is_finite());
        if !finite && matches!(self.format, Format::C | Format::Rust) {
            return Err(Failure::failed("a weight is not finite, and no source text can say that"));
        }
        output::write(self.file.as_deref(), |out| match self.format {
            Format::Safetensors => as_safetensors(out, &loaded, &entries),
            Format::Bin => {
                safetensors::write_numbers(out, &loaded.weights, safetensors::Dtype::F32)
            }
            Format::C => table(out, &loaded, &entries, &C),
            Format::Rust => table(out, &loaded, &entries, &RUST),
        })
    }
}

fn as_safetensors(out: &mut dyn Write, loaded: &Loaded, entries: &[Entry<'_>]) -> io::Result<()> {
    let notes = notes(loaded.settled.recipe.to_string());
    safetensors::write(out, entries, &notes, &mut safetensors::stored(&loaded.weights))
        .map_err(as_io)
}

/// How a language writes a table.
struct Language {
    comment: &'static str,
    begin: fn(&mut dyn Write, usize) -> io::Result<()>,
    number: fn(f32) -> String,
    end: &'static str,
}

const C: Language = Language {
    comment: "//",
    begin: |out, len| {
        writeln!(out, "#ifndef IDINIT_WEIGHTS_H\n#define IDINIT_WEIGHTS_H\n")?;
        writeln!(out, "#define IDINIT_WEIGHTS {len}\n")?;
        writeln!(out, "static const float idinit_weights[IDINIT_WEIGHTS] = {{")
    },
    // a C compiler reads the shortest decimal to the same number
    number: |number| format!("{number:e}f"),
    end: "};\n\n#endif",
};

const RUST: Language = Language {
    comment: "//",
    begin: |out, len| {
        writeln!(out, "#[rustfmt::skip]")?;
        writeln!(out, "#[allow(clippy::excessive_precision, clippy::approx_constant)]")?;
        writeln!(out, "pub static WEIGHTS: [f32; {len}] = [")
    },
    number: |number| format!("{number:?}"),
    end: "];",
};

/// The weights as a table in a language, each with a comment that says where it begins.
fn table(
    out: &mut dyn Write,
    loaded: &Loaded,
    entries: &[Entry<'_>],
    language: &Language,
) -> io::Result<()> {
    let Loaded { settled, weights } = loaded;
    let Language { comment, begin, number, end } = language;
    writeln!(out, "{comment} Of: {}", settled.recipe)?;
    writeln!(out, "{comment} CRC-64/XZ of the numbers: {}\n", Fingerprint::of(weights))?;
    begin(out, weights.len())?;
    for entry in entries {
        let Content::Weight(tensor, _) = entry.content else { continue };
        let (start, d) = (tensor.start, tensor.part.dims);
        let [height, width] = d.kernel();
        let (out_, inp) = (d.out(), d.inp());
        writeln!(
            out,
            "    {comment} {} from {start} on: [{out_}][{height}][{width}][{inp}]",
            entry.name
        )?;
        for row in weights[start..start + d.len()].chunks(8) {
            let row: Vec<String> = row.iter().map(|weight| number(*weight)).collect();
            writeln!(out, "    {},", row.join(", "))?;
        }
    }
    writeln!(out, "{end}")
}
