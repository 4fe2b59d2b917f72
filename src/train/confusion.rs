//! Which classes are taken for which: counts by label and answer, `[classes, classes]`.

use std::{vec, vec::Vec};

/// Counts of answers by label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    counts: Vec<u64>,
    unanswered: u64,
}

impl Confusion {
    /// No answers yet.
    pub fn new(classes: usize) -> Self {
        Self { classes, counts: vec![0; classes * classes], unanswered: 0 }
    }

    /// Counts an answer to an example of a class.
    pub fn count(&mut self, label: u32, answer: Option<u32>) {
        let classes = self.classes;
        let inside = |class: u32| Some(class as usize).filter(|class| *class < classes);
        let place = answer.and_then(|answer| Some(inside(label)? * classes + inside(answer)?));
        match place.and_then(|place| self.counts.get_mut(place)) {
            Some(count) => *count += 1,
            None => self.unanswered += 1,
        }
    }

    /// How many classes there are.
    pub const fn classes(&self) -> usize {
        self.classes
    }

    /// The counts of the examples of each class, by answer.
    pub fn rows(&self) -> impl Iterator<Item = &[u64]> {
        self.counts.chunks(self.classes.max(1))
    }

    /// Examples whose outputs had no largest.
    pub const fn unanswered(&self) -> u64 {
        self.unanswered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_label() {
        let mut confusion = Confusion::new(2);
        for (label, answer) in [(0, Some(1)), (0, Some(1)), (1, Some(1)), (1, None), (1, Some(7))] {
            confusion.count(label, answer);
        }
        assert_eq!(confusion.rows().collect::<Vec<_>>(), [&[0, 2], &[0, 1]]);
        assert_eq!((confusion.classes(), confusion.unanswered()), (2, 2));
    }
}
