//! The batches of a run: a batch is a function of (seed, epoch, number), whoever makes it.

use super::{Examples, Order};
use crate::data::{Chance, DataError, Mix};
use crate::loss::Target;
use std::vec::Vec;

/// Which batch of which epoch, both from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The epoch.
    pub epoch: u32,
    /// The batch within the epoch.
    pub batch: u32,
}

/// Some examples side by side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Where it belongs.
    pub position: Position,
    /// How many examples it has; the last of an epoch may have fewer than the others.
    pub count: usize,
    /// Their numbers, `[count, shape]`.
    pub x: Vec<f32>,
    /// Their labels, `[count, labels]`.
    pub labels: Vec<u32>,
    /// The labels of what was mixed in, `[count, labels]`; empty where nothing was.
    pub second: Vec<u32>,
    /// The share of the first label of each example, `[count]`; empty where nothing was mixed.
    pub shares: Vec<f32>,
}

impl Batch {
    /// What the outputs should be: the labels, in shares where examples are mixed.
    pub fn target(&self) -> Target<'_> {
        match self.shares.is_empty() {
            true => Target::Labels(&self.labels),
            false => {
                Target::Mixed { first: &self.labels, second: &self.second, share: &self.shares }
            }
        }
    }
}

/// In which order examples are taken, and how they are varied.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    AsTheyLie,
    ByChance { seed: u64, mix: Option<Mix> },
}

/// The examples of a set in batches, epoch after epoch.
#[derive(Clone, Copy)]
pub struct Batches<'e> {
    examples: &'e dyn Examples,
    size: usize,
    way: Way,
    /// Whose share of each batch, and of how many.
    rank: usize,
    ranks: usize,
}

impl<'e> Batches<'e> {
    /// Batches of `size` examples as they lie, unvaried: for evaluation.
    pub fn plain(examples: &'e dyn Examples, size: usize) -> Self {
        Self { examples, size: size.max(1), way: Way::AsTheyLie, rank: 0, ranks: 1 }
    }

    /// Batches of `size` examples in an order of each epoch's own, varied by chance: for training.
    pub fn shuffled(examples: &'e dyn Examples, size: usize, seed: u64) -> Self {
        let way = Way::ByChance { seed, mix: None };
        Self { examples, size: size.max(1), way, rank: 0, ranks: 1 }
    }

    /// The share of one of several ranks in each batch, as many examples as each other's: those by which
    /// the last batch of an epoch cannot be shared out are left out, other ones in each epoch. Examples are
    /// mixed with those of their share.
    pub fn shared(self, rank: usize, ranks: usize) -> Self {
        Self { rank, ranks: ranks.max(1), ..self }
    }

    /// How many examples the ranks take together in an epoch.
    pub fn taken(&self) -> usize {
        let count = self.examples.count();
        count - count % self.size % self.ranks
    }

    /// The same, and each example is mixed with the next of its batch, the last with the first.
    /// Batches of examples as they lie stay unmixed.
    pub fn mixed(mut self, with: Option<Mix>) -> Self {
        if let Way::ByChance { mix, .. } = &mut self.way {
            *mix = with;
        }
        self
    }

    /// How many batches an epoch has.
    pub fn per_epoch(&self) -> u32 {
        u32::try_from(self.taken().div_ceil(self.size)).unwrap_or(u32::MAX)
    }

    /// The position after another: the next batch, or the first of the next epoch.
    pub fn after(&self, Position { epoch, batch }: Position) -> Position {
        match batch.saturating_add(1) < self.per_epoch() {
            true => Position { epoch, batch: batch + 1 },
            false => Position { epoch: epoch.saturating_add(1), batch: 0 },
        }
    }

    /// What makes the batches, with a memory of the last epoch's order.
    pub fn maker(self) -> Maker<'e> {
        Maker { batches: self, epoch: None, order: Order::new(0), first: Vec::new() }
    }
}

/// Makes any batch of any epoch, in any order. Each thread that makes batches has its own.
pub struct Maker<'e> {
    batches: Batches<'e>,
    /// The epoch whose order is at hand.
    epoch: Option<u32>,
    order: Order,
    /// The first example of a batch that is mixed.
    first: Vec<f32>,
}

impl Maker<'_> {
    /// Makes a batch in the memory of an older one; past the end of an epoch it is empty.
    ///
    /// # Errors
    /// Where an example cannot be read.
    pub fn make(&mut self, position: Position, batch: &mut Batch) -> Result<(), DataError> {
        let Batches { examples, size, way, rank, ranks } = self.batches;
        let total = self.batches.taken();
        let first = (position.batch as usize).saturating_mul(size).min(total);
        let count = size.min(total - first) / ranks;
        let first = first + rank * count;
        batch.position = position;
        batch.count = count;
        let (len, labels) = (examples.shape().len(), examples.labels());
        batch.x.resize(count * len, 0.0);
        batch.labels.resize(count * labels, 0);
        batch.second.clear();
        batch.shares.clear();

        let room = batch.x.chunks_exact_mut(len.max(1));
        let room = room.zip(batch.labels.chunks_exact_mut(labels.max(1)));
        match way {
            Way::AsTheyLie => {
                (first..).zip(room).try_for_each(|(i, (x, labels))| examples.read(i, x, labels))
            }
            Way::ByChance { seed, mix } => {
                if self.epoch != Some(position.epoch) {
                    let all = examples.count();
                    self.order.resize(u32::try_from(all).unwrap_or(u32::MAX));
                    self.order.shuffle(seed, position.epoch);
                    self.epoch = Some(position.epoch);
                }
                let numbers = self.order.numbers().get(first..first + count).unwrap_or_default();
                let chance = Chance { seed, epoch: position.epoch };
                for (&i, (x, labels)) in numbers.iter().zip(room) {
                    examples.vary(i as usize, chance, x, labels)?;
                }
                if let Some(mix) = mix {
                    mingle(mix, chance, examples, numbers, &mut self.first, batch);
                }
                Ok(())
            }
        }
    }
}

/// Mixes each example of a batch with the next, and the last with the first.
fn mingle(
    mix: Mix,
    chance: Chance,
    examples: &dyn Examples,
    numbers: &[u32],
    first: &mut Vec<f32>,
    batch: &mut Batch,
) {
    let (shape, labels) = (examples.shape(), examples.labels());
    let len = shape.len().max(1);
    first.clear();
    first.extend_from_slice(batch.x.get(..len).unwrap_or_default());
    let mut rest = &mut batch.x[..];
    for &number in numbers {
        let (a, behind) = rest.split_at_mut(len.min(rest.len()));
        let b = behind.get(..len).unwrap_or(first);
        batch.shares.push(mix.apply(chance, number, shape, a, b));
        rest = behind;
    }
    batch.second.extend_from_slice(&batch.labels);
    batch.second.rotate_left(labels.min(batch.labels.len()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Vary;
    use crate::train::{Digits, Varied};
    use std::collections::BTreeSet;

    const VARIED: Varied<Digits> = Varied { examples: Digits::Train, how: Vary::CIFAR };

    fn make(batches: Batches<'_>, epoch: u32, batch: u32) -> Batch {
        let mut made = Batch::default();
        batches.maker().make(Position { epoch, batch }, &mut made).unwrap();
        made
    }

    #[test]
    fn an_epoch_has_every_example_once() {
        let batches = Batches::shuffled(&Digits::Train, 100, 3);
        assert_eq!(batches.per_epoch(), 15);
        let mut maker = batches.maker();
        let (mut batch, mut seen, mut count) = (Batch::default(), BTreeSet::new(), 0);
        let mut position = Position { epoch: 2, batch: 0 };
        while position.epoch == 2 {
            maker.make(position, &mut batch).unwrap();
            count += batch.count;
            let images = batch.x.chunks(64).zip(&batch.labels);
            seen.extend(
                images.map(|(x, y)| (x.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), *y)),
            );
            position = batches.after(position);
        }
        assert_eq!((count, batch.count, position), (1438, 38, Position { epoch: 3, batch: 0 }));
        // no two images of the set are the same
        assert_eq!(seen.len(), 1438);
    }

    #[test]
    fn a_batch_does_not_remember_what_was_made_before() {
        let mix = Some(Mix::Cutmix { alpha: 1.0 });
        let batches = Batches::shuffled(&VARIED, 32, 9).mixed(mix);
        let (mut maker, mut batch) = (batches.maker(), Batch::default());
        for (epoch, number) in [(0, 0), (4, 44), (0, 1), (4, 43), (1, 44), (0, 0)] {
            maker.make(Position { epoch, batch: number }, &mut batch).unwrap();
            assert_eq!(batch, make(batches, epoch, number));
            assert!(batch.count > 0);
        }
        assert_ne!(make(batches, 0, 0).x, make(batches, 1, 0).x);
        let other = Batches::shuffled(&VARIED, 32, 10).mixed(mix);
        assert_ne!(make(batches, 0, 0).x, make(other, 0, 0).x);
    }

    #[test]
    fn shares_are_the_whole_batch_side_by_side_but_for_what_cannot_be_shared_out() {
        let whole = Batches::shuffled(&VARIED, 96, 9);
        let shared = |rank| whole.shared(rank, 3);
        // 1438 = 14 · 96 + 94, and 94 = 3 · 31 + 1
        assert_eq!((shared(0).taken(), shared(0).per_epoch()), (1437, 15));
        for number in [0, 7, 14] {
            let parts = [0, 1, 2].map(|rank| make(shared(rank), 2, number));
            let want = make(whole, 2, number);
            let count = if number == 14 { 31 } else { 32 };
            assert!(parts.iter().all(|part| part.count == count));
            let x = parts.each_ref().map(|it| &it.x[..]).concat();
            let labels = parts.each_ref().map(|it| &it.labels[..]).concat();
            assert_eq!(
                (&x[..], &labels[..]),
                (&want.x[..64 * 3 * count], &want.labels[..3 * count])
            );
        }
        // a last batch of fewer examples than ranks is none
        let few = Batches::shuffled(&VARIED, 479, 9).shared(1, 3);
        assert_eq!((few.taken(), few.per_epoch()), (1437, 3));
        assert_eq!(make(few, 0, 3).count, 0);
    }

    #[test]
    fn examples_are_mixed_with_their_neighbours() {
        let plain = make(Batches::shuffled(&VARIED, 5, 9), 1, 2);
        let mix = Mix::Mixup { alpha: 0.4 };
        let mixed = make(Batches::shuffled(&VARIED, 5, 9).mixed(Some(mix)), 1, 2);
        assert_eq!(mixed.labels, plain.labels);
        assert_eq!(plain.target(), Target::Labels(&plain.labels));
        let (first, second, share) = (&mixed.labels[..], &mixed.second[..], &mixed.shares[..]);
        assert_eq!(mixed.target(), Target::Mixed { first, second, share });
        for p in 0..5 {
            let next = (p + 1) % 5;
            assert_eq!(mixed.second[p], plain.labels[next]);
            let share = mixed.shares[p];
            for i in 0..64 {
                let expected = share * plain.x[64 * p + i] + (1.0 - share) * plain.x[64 * next + i];
                assert_eq!(mixed.x[64 * p + i], expected);
            }
        }
        let lying = Batches::plain(&VARIED, 5);
        assert_eq!(make(lying.mixed(Some(mix)), 0, 0), make(lying, 0, 0));
    }

    #[test]
    fn what_lies_is_taken_as_it_lies() {
        let batch = make(Batches::plain(&VARIED, 1000), 7, 1);
        let (mut x, mut label) = ([0.0; 64], [0]);
        Digits::Train.read(1437, &mut x, &mut label).unwrap();
        assert_eq!((batch.count, &batch.x[437 * 64..], batch.labels[437]), (438, &x[..], label[0]));
        assert_eq!(make(Batches::plain(&VARIED, 1000), 0, 2).count, 0);
        assert!(make(Batches::shuffled(&VARIED, 1000, 1), 0, u32::MAX).x.is_empty());
    }
}
