//! Orthogonal weights (Saxe et al. 2014): W Wᵀ = gain² I, or Wᵀ W = gain² I where a layer widens.
//!
//! Gaussian vectors, the rows or the columns, whichever are fewer, are made orthonormal in place by
//! modified Gram–Schmidt, each of them twice (Giraud et al. 2005: twice is enough), with sums in
//! f64. That is the Q of a QR whose R has a positive diagonal: uniform (Haar) among all such W. It
//! costs 4 n² m multiplications for n vectors of m weights, and no memory. A weight depends on all
//! before it, so there is no [`Start::at`](super::Start::at).

use super::{Dims, Fill, Key, LengthError, dirac};
use core::{cell::Cell, ops::Range};

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
        fill(self.gain, self.key, d, 0..d.row(), w)
    }
}

/// Delta-orthogonal (Xiao et al. 2018): an orthogonal matrix over channels at the centre tap, all
/// other taps zero. A convolution with no fewer outputs than inputs keeps the length of its input,
/// up to the gain; one with fewer, of which the paper has none, has orthonormal rows.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DeltaOrthogonal {
    /// The length of the shorter side's vectors.
    pub gain: f32,
    /// Seed and tensor.
    pub key: Key,
}

impl Fill for DeltaOrthogonal {
    fn fill_f32(&self, d: Dims, w: &mut [f32]) -> Result<(), LengthError> {
        let centre = dirac::stored(d, 0);
        fill(self.gain, self.key, d, centre..centre + d.inp() as usize, w)
    }
}

/// Makes the matrix orthogonal that each group has in these of its columns.
fn fill(
    gain: f32,
    key: Key,
    d: Dims,
    columns: Range<usize>,
    w: &mut [f32],
) -> Result<(), LengthError> {
    if w.len() != d.len() {
        return Err(LengthError { need: d.len(), got: w.len() });
    }
    if columns.len() < d.row() {
        w.fill(0.0);
    }
    let size = (d.group() * d.row()).max(1); // never 0: said so that no panic is linked
    for (group, first) in w.chunks_mut(size).zip((0..).step_by(size)) {
        let weights = Cell::from_mut(group).as_slice_of_cells();
        let vectors = Vectors::new(d, columns.clone(), weights);
        for v in 0..vectors.count {
            vectors.orthonormal(v, |place, attempt| key.normal(first + place, attempt));
        }
        for weight in group {
            *weight *= gain;
        }
    }
    Ok(())
}

/// The rows of a matrix, or its columns if they are fewer.
struct Vectors<'a> {
    weights: &'a [Cell<f32>],
    /// Where the first vector begins.
    first: usize,
    count: usize,
    len: usize,
    /// From a vector to the next, and from an entry of a vector to the next.
    stride: (usize, usize),
}

impl<'a> Vectors<'a> {
    fn new(d: Dims, columns: Range<usize>, weights: &'a [Cell<f32>]) -> Self {
        let (out, inp, first, row) = (d.group(), columns.len(), columns.start, d.row());
        if out <= inp {
            Self { weights, first, count: out, len: inp, stride: (row, 1) }
        } else {
            Self { weights, first, count: inp, len: out, stride: (1, row) }
        }
    }

    fn places(&self, v: usize) -> impl Iterator<Item = usize> {
        let (vector, entry) = self.stride;
        (self.first + v * vector..).step_by(entry.max(1)).take(self.len)
    }

    fn vector(&self, v: usize) -> impl Iterator<Item = &'a Cell<f32>> {
        let (vector, entry) = self.stride;
        let from = self.first + v * vector;
        self.weights.iter().skip(from).step_by(entry.max(1)).take(self.len)
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
    fn delta_orthogonal_mixes_channels_at_the_centre_tap_only() {
        for (out, inp) in [(5_usize, 3_usize), (3, 3), (2, 4)] {
            let d = Dims::new(out as u32, inp as u32, [3, 3], 1).unwrap();
            let mut w = vec![f32::NAN; d.len()];
            DeltaOrthogonal { gain: 2.0, key: RULE.key }.fill_f32(d, &mut w).unwrap();
            let tap = |t: usize, o: usize, c: usize| w[o * 9 * inp + t * inp + c];
            for t in (0..9).filter(|&t| t != 4) {
                assert!((0..out).all(|o| (0..inp).all(|c| tap(t, o, c) == 0.0)));
            }
            let few = out.min(inp);
            for (a, b) in (0..few).flat_map(|a| (0..few).map(move |b| (a, b))) {
                let dot: f32 = match inp <= out {
                    true => (0..out).map(|o| tap(4, o, a) * tap(4, o, b)).sum(),
                    false => (0..inp).map(|c| tap(4, a, c) * tap(4, b, c)).sum(),
                };
                assert!((dot - if a == b { 4.0 } else { 0.0 }).abs() < 1e-5, "{out} x {inp}");
            }
        }
        let d = Dims::dense(2, 2).unwrap();
        let short = DeltaOrthogonal { gain: 1.0, key: RULE.key }.fill_f32(d, &mut [0.0; 3]);
        assert_eq!(short, Err(LengthError { need: 4, got: 3 }));
    }

    #[test]
    fn depthwise_single_weights_are_signs() {
        let mut w = [0.0; 64];
        RULE.fill_f32(Dims::new(64, 1, [1, 1], 64).unwrap(), &mut w).unwrap();
        assert!(w.iter().all(|w| w.abs() == 2.0));
        assert!(w.contains(&2.0) && w.contains(&-2.0));
    }
}
