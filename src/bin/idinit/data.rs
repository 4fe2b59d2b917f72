//! The data sets by name.

use crate::failure::Failure;
use clap::ValueEnum;
use idinit::data::idx::{self, Part};
use idinit::shape::Shape;
use idinit::train::{Digits, Examples, Pictures};
use std::path::Path;

/// A data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Data {
    /// 1,797 handwritten digits of 8×8 pixels, which are part of this program
    Digits,
    /// 70,000 handwritten digits of 28×28 pixels, from files
    Mnist,
    /// 70,000 articles of clothing of 28×28 pixels, from files
    Fashion,
}

/// What to learn from, and what to be judged by.
pub struct Parts {
    pub train: Box<dyn Examples>,
    pub test: Box<dyn Examples>,
}

impl Data {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Digits => "digits",
            Self::Mnist => "mnist",
            Self::Fashion => "fashion",
        }
    }

    /// The shape of one example.
    pub const fn shape(self) -> Shape {
        match self {
            Self::Digits => Shape::hwc(8, 8, 1),
            Self::Mnist | Self::Fashion => Shape::hwc(28, 28, 1),
        }
    }

    /// Reads the set; `folder` holds a folder for each set that lies in files.
    pub fn load(self, folder: &Path) -> Result<Parts, Failure> {
        let pictures = |set| {
            let part = |part| {
                let images = idx::load(folder, set, part).map_err(Failure::failed)?;
                Ok::<_, Failure>(Box::new(Pictures { images, set }))
            };
            Ok(Parts { train: part(Part::Train)?, test: part(Part::Test)? })
        };
        match self {
            Self::Digits => {
                Ok(Parts { train: Box::new(Digits::Train), test: Box::new(Digits::Test) })
            }
            Self::Mnist => pictures(idx::Set::Mnist),
            Self::Fashion => pictures(idx::Set::Fashion),
        }
    }
}
