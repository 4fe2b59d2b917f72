//! The order in which an epoch takes its examples: a function of the seed and the epoch alone.
//!
//! Fisher–Yates from the end: place i takes the example at a random place in 0..=i. The places come
//! from Philox by counter, so that neither the machine, nor the threads, nor how many epochs were
//! run before change an order.

use crate::rule::philox;
use std::vec::Vec;

/// A word of the counter that no weight uses, so that orders and starts of one seed differ.
const STREAM: u32 = u32::MAX;

/// An order of examples, in memory that all epochs share.
#[derive(Clone, Debug)]
pub struct Order(Vec<u32>);

impl Order {
    /// The order of `count` examples as they lie.
    pub fn new(count: u32) -> Self {
        Self((0..count).collect())
    }

    /// The numbers of the examples in the order of an epoch.
    pub fn shuffle(&mut self, seed: u64, epoch: u32) -> &[u32] {
        let key = [seed as u32, (seed >> 32) as u32];
        for (place, number) in (0..).zip(&mut self.0) {
            *number = place;
        }
        for i in (1..self.0.len()).rev() {
            let words = philox([(i / 4) as u32, epoch, 0, STREAM], key);
            // ⌊word · (i + 1) / 2³²⌋: off from even by less than (i + 1) / 2³²
            let place = (u64::from(words[i % 4]) * (i as u64 + 1)) >> 32;
            self.0.swap(i, place as usize);
        }
        &self.0
    }

    /// Changes how many examples there are; [`shuffle`](Self::shuffle) brings them into order.
    pub(super) fn resize(&mut self, count: u32) {
        self.0.resize(count as usize, 0);
    }

    /// The numbers in the order that was last asked for.
    pub(super) fn numbers(&self) -> &[u32] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_has_every_example_once_and_does_not_remember() {
        let mut order = Order::new(1000);
        let first = order.shuffle(7, 0).to_vec();
        let second = order.shuffle(7, 1).to_vec();
        assert_ne!(first, second);
        assert_eq!(order.shuffle(7, 0), first);
        assert_ne!(order.shuffle(8, 0), first);
        let mut sorted = second;
        sorted.sort();
        assert!(sorted.into_iter().eq(0..1000));
    }

    /// Each of three examples comes first in a third of the epochs: 6,000 draws, σ = 37.
    #[test]
    fn no_place_is_preferred() {
        let mut order = Order::new(3);
        let mut first = [0; 3];
        for epoch in 0..6000 {
            first[order.shuffle(1, epoch)[0] as usize] += 1;
        }
        assert!(first.iter().all(|count: &i32| (count - 2000).abs() < 150), "{first:?}");
    }

    #[test]
    fn none_and_one_have_one_order() {
        assert!(Order::new(0).shuffle(1, 1).is_empty());
        assert_eq!(Order::new(1).shuffle(1, 1), [0]);
    }
}
