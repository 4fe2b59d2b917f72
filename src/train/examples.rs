//! What a run reads: examples by number, each so many numbers and its labels.

use crate::data::folder::Folder;
use crate::data::{Chance, DataError, Images, Lines, Normal, Vary, Windows, digits};
use crate::recipe::Digest;
use crate::shape::Shape;
use std::{vec, vec::Vec};

/// Labelled examples of one shape.
pub trait Examples: Sync {
    /// How many there are.
    fn count(&self) -> usize;

    /// The shape of each.
    fn shape(&self) -> Shape;

    /// How many labels each has: one, or one for each of its tokens.
    fn labels(&self) -> usize {
        1
    }

    /// Writes example `i` to `x`, which is as long as the shape, and its labels to `labels`.
    ///
    /// # Errors
    /// Where there is no example `i`, where `x` or `labels` have another length, and where a file
    /// cannot be read.
    fn read(&self, i: usize, x: &mut [f32], labels: &mut [u32]) -> Result<(), DataError>;

    /// As [`read`](Self::read), but varied by chance, for training. Sets that have nothing to vary
    /// read.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    fn vary(
        &self,
        i: usize,
        chance: Chance,
        x: &mut [f32],
        labels: &mut [u32],
    ) -> Result<(), DataError> {
        let _ = chance;
        self.read(i, x, labels)
    }

    /// What tells the set from others: CRC-64/XZ of all that is read from it. A set in memory may take
    /// its own bytes instead, and one of many files their names and lengths.
    ///
    /// # Errors
    /// Where an example cannot be read.
    fn checksum(&self) -> Result<u64, DataError> {
        let mut digest = Digest::new();
        let (mut x, mut labels) = (vec![0.0; self.shape().len()], vec![0; self.labels()]);
        let mut bytes = Vec::new();
        for i in 0..self.count() {
            self.read(i, &mut x, &mut labels)?;
            bytes.clear();
            bytes.extend(x.iter().flat_map(|x| x.to_bits().to_le_bytes()));
            bytes.extend(labels.iter().flat_map(|label| label.to_le_bytes()));
            digest.update_bytes(&bytes);
        }
        Ok(digest.finish().0)
    }
}

/// Checks the number of an example and the room for it.
fn check<E: Examples + ?Sized>(
    examples: &E,
    i: usize,
    x: &[f32],
    labels: &[u32],
) -> Result<(), DataError> {
    let count = examples.count();
    if i >= count {
        return Err(DataError::Number { number: i, count });
    }
    for (need, got) in [(examples.shape().len(), x.len()), (examples.labels(), labels.len())] {
        if need != got {
            return Err(DataError::Room { need, got });
        }
    }
    Ok(())
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

    fn read(&self, i: usize, x: &mut [f32], labels: &mut [u32]) -> Result<(), DataError> {
        check(self, i, x, labels)?;
        let place = match self {
            Self::Train => digits::train(i),
            Self::Test => digits::test(i),
        };
        if let Ok(x) = x.try_into() {
            labels.fill(digits::image(place, x).unwrap_or_default());
        }
        Ok(())
    }
}

/// Images in memory, normalised; see [`idx`](crate::data::idx) and [`cifar10`](crate::data::cifar10).
#[derive(Clone, Debug)]
pub struct Pictures {
    /// The images, as they were read.
    pub images: Images,
    /// Mean and deviation of the set.
    pub normal: Normal,
}

impl Examples for Pictures {
    fn count(&self) -> usize {
        self.images.labels.len()
    }

    fn shape(&self) -> Shape {
        Shape::hwc(self.images.height, self.images.width, self.images.channels)
    }

    fn read(&self, i: usize, x: &mut [f32], labels: &mut [u32]) -> Result<(), DataError> {
        check(self, i, x, labels)?;
        let (count, number) = (self.count(), i);
        let label = self.images.normalised(i, &self.normal, x);
        labels.fill(label.ok_or(DataError::Number { number, count })?);
        Ok(())
    }

    fn checksum(&self) -> Result<u64, DataError> {
        let Images { height, width, channels, pixels, labels } = &self.images;
        let mut digest = Digest::new();
        for size in [height, width, channels] {
            digest.update_bytes(&size.to_le_bytes());
        }
        digest.update_bytes(pixels);
        digest.update_bytes(labels);
        Ok(digest.finish().0)
    }
}

/// Pictures that are cropped and mirrored by chance; see [`Vary`].
#[derive(Clone, Debug)]
pub struct Varied<E> {
    /// The pictures.
    pub examples: E,
    /// How they are varied.
    pub how: Vary,
}

impl<E: Examples> Examples for Varied<E> {
    fn count(&self) -> usize {
        self.examples.count()
    }

    fn shape(&self) -> Shape {
        self.examples.shape()
    }

    fn labels(&self) -> usize {
        self.examples.labels()
    }

    fn read(&self, i: usize, x: &mut [f32], labels: &mut [u32]) -> Result<(), DataError> {
        self.examples.read(i, x, labels)
    }

    fn checksum(&self) -> Result<u64, DataError> {
        self.examples.checksum()
    }

    fn vary(
        &self,
        i: usize,
        chance: Chance,
        x: &mut [f32],
        labels: &mut [u32],
    ) -> Result<(), DataError> {
        self.examples.vary(i, chance, x, labels)?;
        self.how.apply(chance, i as u32, self.shape(), x);
        Ok(())
    }
}

/// A line of tokens, 1 × length × 1, with one label.
impl Examples for Lines {
    fn count(&self) -> usize {
        self.labels().len()
    }

    fn shape(&self) -> Shape {
        Shape::hwc(1, self.length(), 1)
    }

    fn read(&self, i: usize, x: &mut [f32], labels: &mut [u32]) -> Result<(), DataError> {
        check(self, i, x, labels)?;
        labels.fill(self.line(i, x).unwrap_or_default());
        Ok(())
    }
}

/// A line of tokens, 1 × context × 1, with the next token as the label of each.
impl Examples for Windows {
    fn count(&self) -> usize {
        self.len()
    }

    fn shape(&self) -> Shape {
        Shape::hwc(1, self.context(), 1)
    }

    fn labels(&self) -> usize {
        self.context() as usize
    }

    fn read(&self, i: usize, x: &mut [f32], labels: &mut [u32]) -> Result<(), DataError> {
        check(self, i, x, labels)?;
        self.window(i, 0, x, labels);
        Ok(())
    }

    fn vary(
        &self,
        i: usize,
        chance: Chance,
        x: &mut [f32],
        labels: &mut [u32],
    ) -> Result<(), DataError> {
        check(self, i, x, labels)?;
        self.window(i, self.offset(chance), x, labels);
        Ok(())
    }

    fn checksum(&self) -> Result<u64, DataError> {
        let mut digest = Digest::new();
        for tokens in self.tokens().chunks(4096) {
            let bytes: Vec<u8> = tokens.iter().flat_map(|token| token.to_le_bytes()).collect();
            digest.update_bytes(&bytes);
        }
        Ok(digest.finish().0)
    }
}

impl Examples for Folder {
    fn count(&self) -> usize {
        self.len()
    }

    fn shape(&self) -> Shape {
        Shape::hwc(self.size().crop, self.size().crop, 3)
    }

    fn read(&self, i: usize, x: &mut [f32], labels: &mut [u32]) -> Result<(), DataError> {
        check(self, i, x, labels)?;
        labels.fill(self.centre(i, x)?);
        Ok(())
    }

    fn vary(
        &self,
        i: usize,
        chance: Chance,
        x: &mut [f32],
        labels: &mut [u32],
    ) -> Result<(), DataError> {
        check(self, i, x, labels)?;
        labels.fill(self.random(i, chance, x)?);
        Ok(())
    }

    /// Of the names, classes and lengths of the pictures: their pixels would take as long as an epoch.
    fn checksum(&self) -> Result<u64, DataError> {
        let mut digest = Digest::new();
        for (name, class, length) in self.listing() {
            digest.update_bytes(name.as_bytes());
            digest.update_bytes(&class.to_le_bytes());
            digest.update_bytes(&length?.to_le_bytes());
        }
        Ok(digest.finish().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::text::Text;
    use crate::data::vocabulary::tokenise;
    use crate::data::{Sentence, Vocabulary};
    use std::string::String;

    #[test]
    fn digits_end_where_their_part_ends() {
        let (mut x, mut label) = ([0.0; 64], [u32::MAX]);
        assert_eq!((Digits::Train.count(), Digits::Test.count()), (1438, 359));
        assert_eq!(Digits::Test.read(358, &mut x, &mut label), Ok(()));
        assert!(label[0] < 10);
        let past = DataError::Number { number: 359, count: 359 };
        assert_eq!(Digits::Test.read(359, &mut x, &mut label), Err(past));
        let short = DataError::Room { need: 64, got: 63 };
        assert_eq!(Digits::Train.read(0, &mut x[1..], &mut label), Err(short));
        let two = DataError::Room { need: 1, got: 2 };
        assert_eq!(Digits::Train.read(0, &mut x, &mut [0, 0]), Err(two));
    }

    #[test]
    fn a_checksum_is_of_every_pixel_and_label() {
        let images = Images {
            height: 1,
            width: 2,
            channels: 1,
            pixels: std::vec![1, 2, 3, 4],
            labels: std::vec![0, 1],
        };
        let normal = crate::data::idx::Set::Mnist.normal();
        let sum = |images: &Images| Pictures { images: images.clone(), normal }.checksum().unwrap();
        let first = sum(&images);
        assert_eq!(first, sum(&images));
        let mut other = images.clone();
        other.pixels[3] = 5;
        assert_ne!(first, sum(&other));
        other.clone_from(&images);
        other.labels.swap(0, 1);
        assert_ne!(first, sum(&other));
        assert_ne!(Digits::Train.checksum(), Digits::Test.checksum());
        let varied = Varied { examples: Digits::Train, how: Vary::CIFAR };
        assert_eq!(varied.checksum(), Digits::Train.checksum());
        // the last tokens of a text count, also where they fill no window
        let windows = |text| {
            let [windows, _] = Text::characters(text).windows(5, 0.0);
            windows.checksum().unwrap()
        };
        assert_ne!(windows("abcabcab"), windows("abcabcaa"));
    }

    #[test]
    fn varied_pictures_vary_in_training_only() {
        let varied = Varied { examples: Digits::Train, how: Vary::CIFAR };
        let read = |chance: Option<Chance>| {
            let (mut x, mut label) = ([0.0; 64], [0]);
            match chance {
                None => varied.read(7, &mut x, &mut label),
                Some(chance) => varied.vary(7, chance, &mut x, &mut label),
            }
            .unwrap();
            (x, label)
        };
        let (mut plain, mut label) = ([0.0; 64], [0]);
        Digits::Train.read(7, &mut plain, &mut label).unwrap();
        assert_eq!(read(None), (plain, label));
        let epoch = |epoch| read(Some(Chance { seed: 1, epoch }));
        assert_eq!(epoch(0), epoch(0));
        assert_ne!(epoch(0).0, epoch(1).0);
        assert_eq!(epoch(1).1, label);
    }

    #[test]
    fn a_sentence_is_a_line_of_tokens_with_one_label() {
        let sentence = |label, text| Sentence { label, words: tokenise(text) };
        let sentences = [sentence(1, "so good"), sentence(0, "so so bad")];
        let vocabulary = Vocabulary::of_sentences(&sentences, 1, 100);
        let lines = Lines::new(&sentences, &vocabulary, 4);
        assert_eq!((lines.count(), Examples::labels(&lines)), (2, 1));
        assert_eq!(lines.shape(), Shape::hwc(1, 4, 1));
        let (mut x, mut label) = ([9.0; 4], [9]);
        lines.read(1, &mut x, &mut label).unwrap();
        assert_eq!((x, label), ([2.0, 2.0, 3.0, 0.0], [0]));
        let past = DataError::Number { number: 2, count: 2 };
        assert_eq!(lines.read(2, &mut x, &mut label), Err(past));
    }

    #[test]
    fn a_window_has_a_label_for_each_token_and_moves_in_training() {
        let letters: String = ('a'..='z').collect();
        let [windows, _] = Text::characters(&letters).windows(5, 0.0);
        assert_eq!((windows.count(), Examples::labels(&windows)), (5, 5));
        assert_eq!(windows.shape(), Shape::hwc(1, 5, 1));
        let (mut x, mut labels) = ([0.0; 5], [0; 5]);
        windows.read(1, &mut x, &mut labels).unwrap();
        assert_eq!((x, labels), ([5.0, 6.0, 7.0, 8.0, 9.0], [6, 7, 8, 9, 10]));
        let mut starts = std::collections::BTreeSet::new();
        for epoch in 0..50 {
            windows.vary(1, Chance { seed: 2, epoch }, &mut x, &mut labels).unwrap();
            assert!(x.iter().zip(labels).all(|(&x, label)| x + 1.0 == label as f32));
            starts.insert(x[0] as u32);
        }
        assert!(starts.into_iter().eq(5..10));
        let few = DataError::Room { need: 5, got: 4 };
        assert_eq!(windows.read(0, &mut x, &mut labels[1..]), Err(few));
    }
}
