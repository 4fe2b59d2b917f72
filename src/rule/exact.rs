//! The rules without chance: the same sizes always give the same weights, and they cost no memory.

use super::{
    Dims, Element, LengthError, Order, Rule, Start, dims::wrap, dirac, identity, row::Row, start,
    zero, zero_hadamard,
};
use core::ops::Range;

/// A rule that needs neither a seed nor memory.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Exact {
    /// All zeros.
    Zero,
    /// One value everywhere.
    Constant {
        /// The value.
        value: f32,
    },
    /// IDI_τ (§3.2, eq. 7); over the patches of a convolution IDIC_τ (§3.4).
    Identity {
        /// τ.
        gain: f32,
        /// The order of a patch's columns.
        order: Order,
    },
    /// IDIZ_ε (§3.3); over the patches of a convolution IDIZC_ε (§3.4).
    ZeroPreserving {
        /// ε, [`EPS`](super::EPS) in the paper.
        eps: f32,
        /// The order of a patch's columns.
        order: Order,
    },
    /// The identity convolution (eq. 12): IDI_τ at the centre tap.
    Dirac {
        /// τ.
        gain: f32,
    },
    /// IDIZ_ε at the centre tap, the ablation's partner of [`Dirac`](Self::Dirac).
    DiracZero {
        /// ε.
        eps: f32,
    },
    /// ZerO (Zhao et al. 2021) at the centre tap: a partial identity, or a Hadamard matrix.
    Hadamard {
        /// A factor; 1 in ZerO.
        gain: f32,
    },
}

impl Exact {
    /// The weight at index `i` of `[out][kh][kw][in]`; 0 past the end.
    pub const fn at(self, d: Dims, i: usize) -> f32 {
        if i >= d.len() {
            return 0.0;
        }
        let (o, j) = wrap(i, d.row());
        self.row(d, o).at(j)
    }

    /// The weights of output `o`.
    pub(super) const fn row(self, d: Dims, o: usize) -> Row {
        // A grouped convolution is `groups` convolutions: the row counts within its group.
        let (out, inp) = (d.group(), d.inp() as usize);
        let (_, m) = wrap(o, out);
        match self {
            Self::Zero => Row::Even { value: 0.0, len: 0 },
            Self::Constant { value } => Row::Even { value, len: d.row() },
            Self::Identity { gain, order } => {
                let plus = order.stored(d, identity::column(m, d.row()));
                Row::Pair { plus, minus: None, gain }
            }
            Self::ZeroPreserving { eps, order } => {
                let (plus, minus) = order.stored_pair(d, m);
                Row::Pair { plus, minus: Some(minus), gain: eps }
            }
            Self::Dirac { gain } => {
                let plus = dirac::stored(d, identity::column(m, inp));
                Row::Pair { plus, minus: None, gain }
            }
            Self::DiracZero { eps } => {
                let (plus, minus) = zero::columns(m, out, inp);
                let (plus, minus) = (dirac::stored(d, plus), dirac::stored(d, minus));
                Row::Pair { plus, minus: Some(minus), gain: eps }
            }
            Self::Hadamard { gain } if out <= inp => Self::Dirac { gain }.row(d, o),
            Self::Hadamard { gain } => {
                let gain = gain * zero_hadamard::norm(out as u32);
                Row::Signs { o: m, first: dirac::stored(d, 0), len: inp, gain }
            }
        }
    }
}

#[cfg(feature = "cuda")]
impl Exact {
    /// The size of the numbers of a Hadamard matrix; none where the layer narrows, and has an identity.
    pub(crate) const fn hadamard_gain(self, d: Dims) -> Option<f32> {
        match self.row(d, 0) {
            Row::Signs { gain, .. } => Some(gain),
            _ => None,
        }
    }
}

impl Start for Exact {
    fn rule(self) -> Option<Rule> {
        Some(self.into())
    }

    fn at(self, d: Dims, i: usize) -> f32 {
        self.at(d, i)
    }

    fn nonzeros_in(self, d: Dims, within: Range<usize>) -> impl Iterator<Item = (usize, f32)> {
        let (start, end) = (within.start, within.end.min(d.len()));
        let (first, _) = wrap(start, d.row());
        let (last, _) = wrap(end + d.row() - 1, d.row());
        (first..last).flat_map(move |o| {
            let begin = o * d.row();
            let columns = start.saturating_sub(begin)..end - begin;
            self.row(d, o).nonzeros(columns).map(move |(j, value)| (begin + j, value))
        })
    }

    fn scale(self, d: Dims) -> f32 {
        let (Row::Even { value: step, .. }
        | Row::Pair { gain: step, .. }
        | Row::Signs { gain: step, .. }) = self.row(d, 0);
        if step == 0.0 { 1.0 } else { step.abs() }
    }

    #[inline(always)]
    fn fill_from<T: Element>(self, d: Dims, start: usize, w: &mut [T]) -> Result<(), LengthError> {
        start::fits(d, start, w.len())?;
        match self {
            Self::Zero => start::wash(w, T::ZERO),
            Self::Constant { value } => w.fill(T::from_f32(value)),
            Self::Identity { gain, order } if order.is_stored(d) => {
                start::wash(w, T::ZERO);
                identity::write(d, start, w, T::from_f32(gain), identity::Columns::all(d));
            }
            Self::ZeroPreserving { eps, order } if order.is_stored(d) => {
                start::wash(w, T::ZERO);
                identity::write(d, start, w, T::from_f32(eps), identity::Columns::all(d));
                identity::write(d, start, w, T::from_f32(0.0 - eps), zero::minus(d));
            }
            _ => start::sparse(self, d, start, w, T::ZERO, T::from_f32),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rule is `const`: a constant start costs flash, not time.
    #[test]
    fn a_start_can_be_a_constant() {
        const D: Dims = match Dims::dense(2, 2) {
            Ok(d) => d,
            Err(_) => panic!(),
        };
        const RULE: Exact = Exact::Identity { gain: 1.0, order: Order::SpatialMajor };
        const W: [f32; 4] = [RULE.at(D, 0), RULE.at(D, 1), RULE.at(D, 2), RULE.at(D, 3)];
        assert_eq!(W, [1.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn past_the_end_there_is_nothing() {
        let d = Dims::dense(2, 3).unwrap();
        for rule in [Exact::Constant { value: 7.0 }, Exact::Hadamard { gain: 1.0 }] {
            assert_eq!((rule.at(d, 6), rule.at(d, usize::MAX)), (0.0, 0.0));
        }
        let all = Exact::Constant { value: 7.0 };
        assert_eq!(all.nonzeros_in(d, 4..usize::MAX).count(), 2);
        assert_eq!(all.nonzeros_in(d, usize::MAX..usize::MAX).count(), 0);
    }
}
