//! Windows with labels: the digits of this program, or lines of a file.

use crate::failure::Failure;
use idinit::data::digits;
use std::fs;
use std::path::{Path, PathBuf};

/// Windows, each with its label.
pub struct Windows {
    name: String,
    /// Numbers of a window.
    len: usize,
    all: Vec<(u32, Vec<f32>)>,
}

impl Windows {
    /// Those that `data` names: digits, those to be learnt from or those held back, or a file.
    pub fn of(data: &str, held_back: bool) -> Result<Self, Failure> {
        match data {
            "digits" => Ok(Self::digits(held_back)),
            file => Self::file(&PathBuf::from(file)),
        }
    }

    fn digits(held_back: bool) -> Self {
        let place = if held_back { digits::test } else { digits::train };
        let count = if held_back { digits::TEST } else { digits::TRAIN };
        let mut x = [0.0; 64];
        let all = (0..count)
            .filter_map(|k| Some((digits::image(place(k), &mut x)?, x.to_vec())))
            .collect();
        Self { name: "digits".to_string(), len: 64, all }
    }

    /// A line is a label and the numbers of a window, with commas between them.
    fn file(file: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(file).map_err(|error| Failure::io(file, &error))?;
        let mut all: Vec<(u32, Vec<f32>)> = Vec::new();
        for (line, number) in text.lines().zip(1..) {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |why: &str| Failure::at(file, format!("line {number}: {why}"));
            let (label, numbers) =
                line.split_once(',').ok_or_else(|| wrong("want LABEL,NUMBER,NUMBER…"))?;
            let label = label.trim().parse().map_err(|_| wrong("the label is no whole number"))?;
            let numbers: Result<Vec<f32>, _> =
                numbers.split(',').map(|n| n.trim().parse()).collect();
            let numbers = numbers.map_err(|_| wrong("one of the numbers is none"))?;
            if numbers.iter().any(|number| !number.is_finite()) {
                return Err(wrong("one of the numbers is not finite"));
            }
            if all.first().is_some_and(|(_, first)| first.len() != numbers.len()) {
                return Err(wrong(&format!("{} numbers, and others before", numbers.len())));
            }
            all.push((label, numbers));
        }
        match all.first() {
            None => Err(Failure::at(file, "there are no windows in it")),
            Some((_, first)) => {
                Ok(Self { name: file.display().to_string(), len: first.len(), all })
            }
        }
    }

    /// Refuses windows that are not as long as the device's.
    pub fn fit(&self, window: usize) -> Result<(), String> {
        match self.len == window {
            true => Ok(()),
            false => Err(format!(
                "the device's window has {window} numbers, and those of {} have {}",
                self.name, self.len
            )),
        }
    }

    pub const fn len(&self) -> usize {
        self.all.len()
    }

    /// `count` windows from `first` on, around the end as often as need be.
    pub fn take(&self, first: usize, count: usize) -> impl Iterator<Item = &(u32, Vec<f32>)> {
        self.all.iter().cycle().skip(first % self.all.len()).take(count)
    }
}
