//! A few of all examples that ever came, each with the same chance to be among them.
//!
//! Algorithm R (Vitter, "Random sampling with a reservoir", 1985, §2, after Waterman): the first k examples
//! are kept; example n (from 0) takes the place j of one of them, where j is drawn from 0 … n, if j < k. By
//! class, each class has a reservoir of k / classes places, so that one that is seen often does not push out
//! one that is rare.
//!
//! Draws are by counter: that of example n depends on the seed, its class and n alone, and so does not
//! depend on when anything was trained. A draw below m is ⌊m r / 2³²⌋ of 32 random bits r, whose chances
//! differ by at most m / 2³².
//!
//! The order of training is a shuffle in place before each pass (Durstenfeld 1964), so that a batch is a
//! slice of the examples and is copied nowhere. Places are alike to Algorithm R, so it may.

use crate::rule::philox;

/// Memory for examples, lent by the caller: as many as both have room for.
#[derive(Debug)]
pub struct Examples<'a> {
    /// Their numbers: the network's inputs, one example after the other.
    pub inputs: &'a mut [f32],
    /// Their classes.
    pub labels: &'a mut [u32],
}

/// What the lots are for; they are apart from those of other uses.
const OFFERS: u32 = 0x5265_7376;
const SHUFFLES: u32 = 0x5368_7566;

#[derive(Debug)]
pub(super) struct Reservoir<'a, const CLASSES: usize> {
    examples: Examples<'a>,
    /// Numbers of an example.
    size: usize,
    capacity: usize,
    kept: usize,
    /// How many of each class came.
    seen: [u32; CLASSES],
    by_class: bool,
    seed: u64,
}

/// A number below `below`; 0 where there is none.
const fn draw(seed: u64, counter: [u32; 4], below: u32) -> u32 {
    let [random, ..] = philox(counter, [seed as u32, (seed >> 32) as u32]);
    ((random as u64 * below as u64) >> 32) as u32
}

impl<'a, const CLASSES: usize> Reservoir<'a, CLASSES> {
    pub fn new(examples: Examples<'a>, size: usize, by_class: bool, seed: u64) -> Self {
        let room = examples.inputs.len().checked_div(size).unwrap_or(0);
        let capacity = room.min(examples.labels.len());
        Self { examples, size, capacity, kept: 0, seen: [0; CLASSES], by_class, seed }
    }

    /// Places for examples.
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Examples that are there.
    pub const fn kept(&self) -> usize {
        self.kept
    }

    /// Bytes that are lent.
    pub const fn memory(&self) -> usize {
        size_of_val(self.examples.inputs) + size_of_val(self.examples.labels)
    }

    /// Takes an example, or not; returns the place that it has until the next shuffle.
    pub fn offer(&mut self, x: &[f32], label: u32) -> Option<usize> {
        let (share, class) = match self.by_class {
            true => (self.capacity / CLASSES.max(1), Some(label)),
            false => (self.capacity, None),
        };
        let alike = |other: &u32| class.is_none_or(|class| *other == class);
        let mine = self.examples.labels.iter().take(self.kept).filter(|label| alike(label)).count();
        let before: u32 = match class {
            Some(class) => self.seen.get(class as usize).copied().unwrap_or(0),
            None => self.seen.iter().fold(0, |sum: u32, seen| sum.saturating_add(*seen)),
        };
        if let Some(seen) = self.seen.get_mut(label as usize) {
            *seen = seen.saturating_add(1);
        }
        let place = if mine < share {
            self.kept
        } else {
            let counter = [before, class.map_or(0, |class| class + 1), 0, OFFERS];
            let lot = draw(self.seed, counter, before.saturating_add(1)) as usize;
            let mut places = (0..self.kept).zip(self.examples.labels.iter());
            let mut mine =
                places.by_ref().filter(|(_, label)| alike(label)).map(|(place, _)| place);
            // the lot-th of those that are alike, if there are so many
            if lot < share { mine.nth(lot)? } else { return None }
        };
        let there = self.examples.inputs.get_mut(place * self.size..)?.get_mut(..self.size)?;
        there.iter_mut().zip(x).for_each(|(there, x)| *there = *x);
        *self.examples.labels.get_mut(place)? = label;
        self.kept = self.kept.max(place + 1);
        Some(place)
    }

    /// Examples from a place on, at most `count`, and their classes.
    pub fn batch(&self, place: usize, count: usize) -> (&[f32], &[u32]) {
        let count = count.min(self.kept.saturating_sub(place));
        let inputs = self.examples.inputs.get(place * self.size..).unwrap_or_default();
        let labels = self.examples.labels.get(place..).unwrap_or_default();
        (
            inputs.get(..count * self.size).unwrap_or_default(),
            labels.get(..count).unwrap_or_default(),
        )
    }

    /// Puts the examples into the order of a pass.
    pub fn shuffle(&mut self, pass: u32) {
        for last in (1..self.kept).rev() {
            let other = draw(self.seed, [last as u32, pass, 0, SHUFFLES], last as u32 + 1) as usize;
            if other == last {
                continue;
            }
            let (front, back) = match self.examples.inputs.split_at_mut_checked(last * self.size) {
                Some(halves) => halves,
                None => return,
            };
            let there = front.get_mut(other * self.size..).and_then(|x| x.get_mut(..self.size));
            if let Some((a, b)) = there.zip(back.get_mut(..self.size)) {
                a.iter_mut().zip(b).for_each(|(a, b)| core::mem::swap(a, b));
                if let Some((labels, [label, ..])) = self.examples.labels.split_at_mut_checked(last)
                    && let Some(other) = labels.get_mut(other)
                {
                    core::mem::swap(label, other);
                }
            }
        }
    }
}
