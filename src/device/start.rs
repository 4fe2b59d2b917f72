//! Where learning begins: weights by index, which nobody has to hold in memory.

use crate::init::{Initial, Scheme};
use crate::layer::Uses;
use crate::rule::LengthError;

/// The weights before anything was learnt, any window of them at a time.
///
/// [`Initial`] is one, by a rule. A slice of numbers is one too: a backbone that was trained elsewhere and
/// lies in flash. What has both, a backbone and a head by a rule, implements it in ten lines.
#[expect(clippy::len_without_is_empty, reason = "a network has weights")]
pub trait Start {
    /// How many numbers there are.
    fn len(&self) -> usize;

    /// Writes the window of them that begins at index `from`.
    ///
    /// # Errors
    /// A [`LengthError`] where the window does not end within them, and where a weight can only be
    /// written whole.
    fn fill_window(&self, from: usize, w: &mut [f32]) -> Result<(), LengthError>;
}

impl<S: Scheme, L: Uses> Start for Initial<'_, S, L> {
    fn len(&self) -> usize {
        Initial::len(self)
    }

    fn fill_window(&self, from: usize, w: &mut [f32]) -> Result<(), LengthError> {
        Initial::fill_window(self, from, w)
    }
}

impl Start for [f32] {
    fn len(&self) -> usize {
        <[f32]>::len(self)
    }

    fn fill_window(&self, from: usize, w: &mut [f32]) -> Result<(), LengthError> {
        let window = self.get(from..).and_then(|rest| rest.get(..w.len()));
        match window {
            Some(window) => w.copy_from_slice(window),
            None => return Err(LengthError { need: 0, got: w.len() }),
        }
        Ok(())
    }
}

impl<T: Start + ?Sized> Start for &T {
    fn len(&self) -> usize {
        T::len(self)
    }

    fn fill_window(&self, from: usize, w: &mut [f32]) -> Result<(), LengthError> {
        T::fill_window(self, from, w)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{graph::Graph, init::IdInit, shape::Shape};

    #[test]
    fn a_rule_and_its_numbers_are_the_same_start() {
        let graph = Graph::<2>::input(Shape::vector(3)).dense(4).relu();
        let rule: Initial<'_, IdInit> = Initial::new(graph.nodes(), IdInit::PAPER);
        let mut numbers = [f32::NAN; 16];
        rule.fill_window(0, &mut numbers).unwrap();
        let flash: &[f32] = &numbers;
        assert_eq!(Start::len(&rule), Start::len(&flash));
        for from in 0..16 {
            let (mut a, mut b) = ([f32::NAN; 3], [f32::NAN; 3]);
            let told = [rule.fill_window(from, &mut a), flash.fill_window(from, &mut b)];
            assert_eq!(told.map(|told| told.is_ok()), [from <= 13; 2], "{from}");
            assert!(from > 13 || a == b);
        }
        assert!(flash.fill_window(usize::MAX, &mut [0.0]).is_err());
    }
}
