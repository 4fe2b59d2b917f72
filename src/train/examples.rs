//! What a run reads: examples by number, each a picture and its label.

use crate::data::{digits, idx};
use crate::shape::Shape;

/// Labelled examples of one shape.
pub trait Examples: Sync {
    /// How many there are.
    fn count(&self) -> usize;

    /// The shape of each.
    fn shape(&self) -> Shape;

    /// Writes example `i` to `x`, which is as long as the shape, and returns its label; `None`
    /// where there is no example `i`, or `x` has another length.
    fn read(&self, i: usize, x: &mut [f32]) -> Option<u32>;
}

/// The digits of 8×8 pixels that are part of the library; see [`digits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digits {
    /// The 1,438 images to learn from.
    Train,
    /// The 359 images held back.
    Test,
}

impl Examples for Digits {
    fn count(&self) -> usize {
        match self {
            Self::Train => digits::TRAIN,
            Self::Test => digits::TEST,
        }
    }

    fn shape(&self) -> Shape {
        Shape::hwc(8, 8, 1)
    }

    fn read(&self, i: usize, x: &mut [f32]) -> Option<u32> {
        if i >= self.count() {
            return None;
        }
        let place = match self {
            Self::Train => digits::train(i),
            Self::Test => digits::test(i),
        };
        digits::image(place, x.try_into().ok()?)
    }
}

/// One part of an image set, standardised by the set's mean and deviation; see [`idx`].
#[derive(Clone, Debug)]
pub struct Pictures {
    /// The images, as they were read.
    pub images: idx::Images,
    /// The set that they are from.
    pub set: idx::Set,
}

impl Examples for Pictures {
    fn count(&self) -> usize {
        self.images.labels.len()
    }

    fn shape(&self) -> Shape {
        Shape::hwc(self.images.height, self.images.width, self.images.channels)
    }

    fn read(&self, i: usize, x: &mut [f32]) -> Option<u32> {
        self.images.normalised(i, self.set.mean(), self.set.std(), x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_end_where_their_part_ends() {
        let mut x = [0.0; 64];
        assert_eq!((Digits::Train.count(), Digits::Test.count()), (1438, 359));
        assert!(Digits::Test.read(358, &mut x).is_some());
        assert_eq!(Digits::Test.read(359, &mut x), None);
        assert_eq!(Digits::Train.read(0, &mut x[1..]), None);
    }
}
