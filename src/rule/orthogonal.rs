//! Orthogonal weights (Saxe et al. 2014): W Wᵀ = gain² I, or Wᵀ W = gain² I where a layer widens.
//!
//! Gaussian vectors, the rows or the columns, whichever are fewer, are made orthonormal in place by
//! modified Gram–Schmidt, each of them twice (Giraud et al. 2005: twice is enough), with sums in
//! f64. That is the Q of a QR whose R has a positive diagonal: uniform (Haar) among all such W. It
//! costs 4 n² m multiplications for n vectors of m weights, and no memory. A weight depends on all
//! before it, so there is no [`Start::at`](super::Start::at).

use super::{Dims, Fill, Key, LengthError};
use core::cell::Cell;

/// A random orthogonal weight; each group of a convolution is orthogonal by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Orthogonal {
    /// The length of the shorter side's vectors.
    pub gain: f32,
    /// Seed and tensor.
    pub key: Key,
}

impl Fill for Orthogonal {
    fn fill_f32(&self, d: Dims, w: &mut [f32]) -> Result<(), LengthError> {
        if w.len() != d.len() {
            return Err(LengthError { need: d.len(), got: w.len() });
        }
        let size = (d.group() * d.row()).max(1); // never 0: said so that no panic is linked
        for (group, first) in w.chunks_mut(size).zip((0..).step_by(size)) {
            let vectors = Vectors::new(d, Cell::from_mut(group).as_slice_of_cells());
            for v in 0..vectors.count {
                vectors.orthonormal(v, |place, attempt| self.key.normal(first + place, attempt));
            }
            for weight in group {
                *weight *= self.gain;
            }
        }
        Ok(())
    }
}

/// The rows of a matrix, or its columns if they are fewer.
struct Vectors<'a> {
    weights: &'a [Cell<f32>],
    count: usize,
    len: usize,
    /// From a vector to the next, and from an entry of a vector to the next.
    stride: (usize, usize),
}

impl<'a> Vectors<'a> {
    fn new(d: Dims, weights: &'a [Cell<f32>]) -> Self {
        let (out, row) = (d.group(), d.row());
        if out <= row {
            Self { weights, count: out, len: row, stride: (row, 1) }
        } else {
            Self { weights, count: row, len: out, stride: (1, row) }
        }
    }

    fn places(&self, v: usize) -> impl Iterator<Item = usize> {
        let (vector, entry) = self.stride;
        (v * vector..).step_by(entry.max(1)).take(self.len)
    }

    fn vector(&self, v: usize) -> impl Iterator<Item = &'a Cell<f32>> {
        let (vector, entry) = self.stride;
        self.weights.iter().skip(v * vector).step_by(entry.max(1)).take(self.len)
    }

    fn dot(&self, u: usize, v: usize) -> f64 {
        self.vector(u)
            .zip(self.vector(v))
            .map(|(a, b)| f64::from(a.get()) * f64::from(b.get()))
            .sum()
    }

    /// Draws vector `v` and makes it orthogonal to all before it, and of length 1.
    fn orthonormal(&self, v: usize, normal: impl Fn(usize, u32) -> f32) {
        // What is left of a Gaussian vector has a direction that its length says nothing about: to
        // draw again where little is left keeps the distribution, and the precision.
        for attempt in 0..8 {
            for (weight, place) in self.vector(v).zip(self.places(v)) {
                weight.set(normal(place, attempt));
            }
            let left = self.reject(v);
            self.reject(v);
            if left > 1e-3 {
                break;
            }
        }
    }

    /// Takes from vector `v` its share of those before it; gives the length that was left, made 1.
    fn reject(&self, v: usize) -> f64 {
        for u in 0..v {
            let share = self.dot(u, v);
            for (weight, along) in self.vector(v).zip(self.vector(u)) {
                weight.set((f64::from(weight.get()) - share * f64::from(along.get())) as f32);
            }
        }
        let length = libm::sqrt(self.dot(v, v));
        let factor = if length > 0.0 { 1.0 / length } else { 0.0 };
        for weight in self.vector(v) {
            weight.set((f64::from(weight.get()) * factor) as f32);
        }
        length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Orthogonal = Orthogonal { gain: 2.0, key: Key { seed: 3, tensor: 0 } };

    #[test]
    fn the_rows_of_a_wide_weight_are_orthogonal() {
        let mut w = [0.0; 4 * 9];
        RULE.fill_f32(Dims::new(4, 1, [3, 3], 1).unwrap(), &mut w).unwrap();
        for (i, a) in w.chunks(9).enumerate() {
            for (j, b) in w.chunks(9).enumerate() {
                let dot: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                assert!((dot - if i == j { 4.0 } else { 0.0 }).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn the_columns_of_a_tall_weight_are_orthogonal() {
        let mut w = [0.0; 9 * 2];
        RULE.fill_f32(Dims::dense(9, 2).unwrap(), &mut w).unwrap();
        let dot = |i: usize, j: usize| w.chunks(2).map(|row| row[i] * row[j]).sum::<f32>();
        assert!((dot(0, 0) - 4.0).abs() < 1e-5 && (dot(1, 1) - 4.0).abs() < 1e-5);
        assert!(dot(0, 1).abs() < 1e-5);
    }

    #[test]
    fn depthwise_single_weights_are_signs() {
        let mut w = [0.0; 64];
        RULE.fill_f32(Dims::new(64, 1, [1, 1], 64).unwrap(), &mut w).unwrap();
        assert!(w.iter().all(|w| w.abs() == 2.0));
        assert!(w.contains(&2.0) && w.contains(&-2.0));
    }
}
