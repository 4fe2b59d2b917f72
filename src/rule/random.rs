//! The rules of chance that IDInit is compared with, and its loosened form. Each weight's draw is a
//! function of its index, the tensor and the seed, so these too are never stored.

use super::{Dims, Element, Exact, Key, LengthError, Order, Rule, Start, dims::wrap, start};
use core::ops::Range;

/// A rule with a seed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Random {
    /// Uniform in [−bound, bound).
    Uniform {
        /// The bound.
        bound: f32,
        /// Seed and tensor.
        key: Key,
    },
    /// Normal with mean 0.
    Normal {
        /// The standard deviation.
        std: f32,
        /// Seed and tensor.
        key: Key,
    },
    /// Normal with mean 0, drawn again beyond 2 standard deviations.
    TruncatedNormal {
        /// The standard deviation before the cut; after it, 0.8796 of this.
        std: f32,
        /// Seed and tensor.
        key: Key,
    },
    /// The loosened identity of the paper's later versions: IDI whose τ entries, and only they, are
    /// drawn from N(τ, std²), so that the copies of a widening layer part. `std` is 1e-6 there.
    Loose {
        /// τ.
        gain: f32,
        /// The order of a patch's columns.
        order: Order,
        /// The standard deviation of the noise.
        std: f32,
        /// Seed and tensor.
        key: Key,
    },
}

/// The fan that Kaiming's variance is kept over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Fan {
    /// Inputs: keeps the variance of the signal.
    #[default]
    In,
    /// Outputs: keeps the variance of the gradient.
    Out,
}

impl Fan {
    fn of(self, d: Dims) -> usize {
        match self {
            Self::In => d.fan_in(),
            Self::Out => d.fan_out(),
        }
    }
}

/// What makes up for an activation's shrinking of the signal: `torch.nn.init.calculate_gain`.
pub mod gain {
    /// No activation.
    pub const LINEAR: f32 = 1.0;
    /// The logistic function.
    pub const SIGMOID: f32 = 1.0;
    /// The hyperbolic tangent, 5/3.
    pub const TANH: f32 = 5.0 / 3.0;
    /// max(0, x), √2 (He et al. 2015).
    pub const RELU: f32 = core::f32::consts::SQRT_2;
    /// The scaled exponential linear unit, 3/4.
    pub const SELU: f32 = 0.75;

    /// max(slope · x, x): √(2 / (1 + slope²)).
    pub fn leaky_relu(slope: f32) -> f32 {
        libm::sqrtf(2.0 / (1.0 + slope * slope))
    }
}

/// gain · √(variance), rounded once.
fn deviation(gain: f32, variance: f64) -> f32 {
    (f64::from(gain) * libm::sqrt(variance)) as f32
}

impl Random {
    /// U(−bound, bound).
    pub const fn uniform(bound: f32, key: Key) -> Self {
        Self::Uniform { bound, key }
    }

    /// N(0, std²).
    pub const fn normal(std: f32, key: Key) -> Self {
        Self::Normal { std, key }
    }

    /// U(± gain √(6 / (fan_in + fan_out))), Glorot & Bengio 2010, eq. 16.
    pub fn xavier_uniform(d: Dims, gain: f32, key: Key) -> Self {
        let fans = d.fan_in() as f64 + d.fan_out() as f64;
        Self::uniform(deviation(gain, 6.0 / fans), key)
    }

    /// N(0, gain² · 2 / (fan_in + fan_out)), Glorot & Bengio 2010, eq. 12.
    pub fn xavier_normal(d: Dims, gain: f32, key: Key) -> Self {
        let fans = d.fan_in() as f64 + d.fan_out() as f64;
        Self::normal(deviation(gain, 2.0 / fans), key)
    }

    /// U(± gain √(3 / fan)), He et al. 2015, as `torch.nn.init.kaiming_uniform_` has it.
    pub fn kaiming_uniform(d: Dims, fan: Fan, gain: f32, key: Key) -> Self {
        Self::uniform(deviation(gain, 3.0 / fan.of(d) as f64), key)
    }

    /// N(0, gain² / fan), He et al. 2015, eq. 10 (fan in) and eq. 14 (fan out).
    pub fn kaiming_normal(d: Dims, fan: Fan, gain: f32, key: Key) -> Self {
        Self::normal(deviation(gain, 1.0 / fan.of(d) as f64), key)
    }

    /// U(± √(3 / fan_in)), the variance 1 / fan_in of LeCun et al. 1998, §4.6.
    pub fn lecun_uniform(d: Dims, key: Key) -> Self {
        Self::kaiming_uniform(d, Fan::In, gain::LINEAR, key)
    }

    /// N(0, 1 / fan_in), LeCun et al. 1998, §4.6, eq. 16; not truncated.
    pub fn lecun_normal(d: Dims, key: Key) -> Self {
        Self::kaiming_normal(d, Fan::In, gain::LINEAR, key)
    }

    /// U(± 1 / √fan_in), what `torch.nn.Linear` and `Conv2d` start from:
    /// `kaiming_uniform_(a=√5)`, a third of Kaiming's variance.
    pub fn torch_default(d: Dims, key: Key) -> Self {
        Self::uniform(deviation(1.0, 1.0 / d.fan_in() as f64), key)
    }

    /// The four weights of a block; all zero for the loosened identity, which has no blocks.
    fn block(self, block: usize) -> [f32; 4] {
        match self {
            Self::Uniform { bound, key } => key.uniforms(block).map(|u| bound * u),
            Self::Normal { std, key } => key.normals(block).map(|z| std * z),
            Self::TruncatedNormal { std, key } => {
                let mut i = 4 * block;
                key.normals(block).map(|z| {
                    let kept = if z.abs() <= 2.0 { z } else { key.truncated(i) };
                    i += 1;
                    std * kept
                })
            }
            Self::Loose { .. } => [0.0; 4],
        }
    }

    /// The identity that is loosened.
    const fn identity(self) -> Option<Exact> {
        match self {
            Self::Loose { order, .. } => Some(Exact::Identity { gain: 1.0, order }),
            _ => None,
        }
    }

    /// The weight at `i`, where a loosened identity has one.
    fn draw(self, i: usize) -> f32 {
        match self {
            Self::Uniform { bound, key } => bound * key.uniform(i),
            Self::Normal { std, key } => std * key.normal(i, 0),
            Self::TruncatedNormal { std, key } => std * key.truncated(i),
            Self::Loose { gain, std, key, .. } => gain + std * key.normal(i, 0),
        }
    }
}

impl Start for Random {
    fn rule(self) -> Option<Rule> {
        Some(self.into())
    }

    fn at(self, d: Dims, i: usize) -> f32 {
        let zero = match self.identity() {
            Some(identity) => identity.at(d, i) == 0.0,
            None => i >= d.len(),
        };
        if zero { 0.0 } else { self.draw(i) }
    }

    fn nonzeros_in(self, d: Dims, within: Range<usize>) -> impl Iterator<Item = (usize, f32)> {
        let (start, end) = (within.start, within.end.min(d.len()));
        let sparse = self.identity();
        let blocks = if sparse.is_some() { 0..0 } else { start / 4..end.div_ceil(4) };
        let dense = blocks.flat_map(move |b| (4 * b..).zip(self.block(b)));
        let dense = dense.filter(move |&(i, _)| start <= i && i < end);
        let sparse = sparse.into_iter().flat_map(move |it| it.nonzeros_in(d, within.clone()));
        let sparse = sparse.map(move |(i, _)| (i, self.draw(i)));
        dense.chain(sparse).filter(|&(_, value)| value != 0.0)
    }

    /// A 127th of the bound, of 2 σ (truncated), of 4 σ (normal, which saturates there: one weight
    /// in 16,000), or of τ + 4 σ (loosened).
    fn scale(self, _: Dims) -> f32 {
        let most = match self {
            Self::Uniform { bound, .. } => bound.abs(),
            Self::Normal { std, .. } => 4.0 * std.abs(),
            Self::TruncatedNormal { std, .. } => 2.0 * std.abs(),
            Self::Loose { gain, std, .. } => gain.abs() + 4.0 * std.abs(),
        };
        if most == 0.0 { 1.0 } else { most / 127.0 }
    }

    fn fill_from<T: Element>(self, d: Dims, start: usize, w: &mut [T]) -> Result<(), LengthError> {
        start::fits(d, start, w.len())?;
        if self.identity().is_some() {
            start::sparse(self, d, start, w, T::ZERO, T::from_f32);
            return Ok(());
        }
        let head = wrap(4 - start % 4, 4).1.min(w.len());
        let (ragged, whole) = w.split_at_mut(head);
        for (place, i) in ragged.iter_mut().zip(start..) {
            *place = T::from_f32(self.draw(i));
        }
        for (four, block) in whole.chunks_mut(4).zip((start + head) / 4..) {
            for (place, value) in four.iter_mut().zip(self.block(block)) {
                *place = T::from_f32(value);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::picture;

    const KEY: Key = Key { seed: 7, tensor: 1 };

    #[test]
    fn bounds_are_those_of_torch() {
        let d = Dims::new(16, 8, [3, 3], 1).unwrap(); // fan_in 72, fan_out 144
        let bound = |rule| match rule {
            Random::Uniform { bound, .. } => bound,
            Random::Normal { std, .. } => std,
            other => unreachable!("{other:?}"),
        };
        assert_eq!(bound(Random::xavier_uniform(d, 1.0, KEY)), 1.0 / 6.0);
        assert_eq!(bound(Random::xavier_normal(d, gain::TANH, KEY)), 0.160_375_07);
        assert_eq!(bound(Random::kaiming_uniform(d, Fan::In, gain::RELU, KEY)), 0.288_675_13);
        assert_eq!(bound(Random::kaiming_normal(d, Fan::Out, gain::RELU, KEY)), 0.117_851_13);
        assert_eq!(bound(Random::torch_default(d, KEY)), 0.117_851_13);
        assert_eq!(bound(Random::lecun_normal(d, KEY)), 0.117_851_13);
        assert_eq!(bound(Random::lecun_uniform(d, KEY)), 0.204_124_15);
        assert_eq!(gain::leaky_relu(0.0), gain::RELU);
    }

    #[test]
    fn noise_is_on_the_diagonal_only() {
        let rule = Random::Loose { gain: 1.0, order: Order::SpatialMajor, std: 0.1, key: KEY };
        let d = Dims::dense(5, 2).unwrap();
        assert_eq!(picture(rule, d), ["#.", ".#", "#.", ".#", "#."]);
        assert_ne!(rule.at(d, 0), rule.at(d, 4));
    }
}
