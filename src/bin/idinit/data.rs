//! The data sets by name.

use crate::failure::Failure;
use clap::ValueEnum;
use idinit::data::idx::{self, Part};
use idinit::data::{Vary, cifar10};
use idinit::model::catalog::Task;
use idinit::train::{Digits, Examples, Pictures, Varied};
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
    /// 60,000 photographs of 32×32 pixels, cropped and mirrored by chance, from files
    Cifar10,
    /// Pictures of 224×224 pixels in folders, one for each class
    Imagenet,
    /// Sentences of film reviews, good or bad
    Sst2,
    /// Sentences of film reviews, in five classes
    Sst5,
    /// Plain text, byte by byte
    Text,
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
            Self::Cifar10 => "cifar10",
            Self::Imagenet => "imagenet",
            Self::Sst2 => "sst2",
            Self::Sst5 => "sst5",
            Self::Text => "text",
        }
    }

    /// What it asks of a network.
    pub fn task(self) -> Result<Task, Failure> {
        let name = self.name();
        Task::of(name).ok_or_else(|| Failure::failed(format!("{name} asks for no network")))
    }

    /// Reads the set; `folder` holds a folder for each set that lies in files.
    pub fn load(self, folder: &Path) -> Result<Parts, Failure> {
        let pictures = |set| {
            let part = |part| {
                let images = idx::load(folder, set, part).map_err(Failure::failed)?;
                Ok::<_, Failure>(Box::new(Pictures { images, normal: set.normal() }))
            };
            Ok(Parts { train: part(Part::Train)?, test: part(Part::Test)? })
        };
        match self {
            Self::Digits => {
                Ok(Parts { train: Box::new(Digits::Train), test: Box::new(Digits::Test) })
            }
            Self::Mnist => pictures(idx::Set::Mnist),
            Self::Fashion => pictures(idx::Set::Fashion),
            Self::Cifar10 => {
                let part = |part| {
                    let images = cifar10::load(folder, part).map_err(Failure::failed)?;
                    Ok::<_, Failure>(Pictures { images, normal: cifar10::NORMAL })
                };
                let train = Varied { examples: part(Part::Train)?, how: Vary::CIFAR };
                Ok(Parts { train: Box::new(train), test: Box::new(part(Part::Test)?) })
            }
            Self::Imagenet | Self::Sst2 | Self::Sst5 | Self::Text => {
                let why = format!("{} can be planned for, but not read", self.name());
                Err(Failure::Failed(why))
            }
        }
    }
}
