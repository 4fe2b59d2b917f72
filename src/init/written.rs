//! What writes a weight under a scheme that needs more than a function of the index.

use crate::rule::{DeltaOrthogonal, Dims, Fill, LengthError, Orthogonal, Rule, Scaled};

/// The start of a weight under a scheme that is not a function of the index alone.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Written {
    /// A function of the index.
    Rule(Rule),
    /// An orthogonal matrix, written as a whole.
    Orthogonal(Orthogonal),
    /// An orthogonal matrix at the centre tap, written as a whole.
    DeltaOrthogonal(DeltaOrthogonal),
    /// A function of the index, whose outputs from one on are scaled: of queries, keys and values in
    /// one matrix, the values.
    ScaledFrom(Scaled),
}

impl Fill for Written {
    fn rule(&self) -> Option<Rule> {
        match *self {
            Self::Rule(rule) => Some(rule),
            _ => None,
        }
    }

    fn scaled(&self) -> Option<Scaled> {
        match *self {
            Self::ScaledFrom(scaled) => Some(scaled),
            _ => None,
        }
    }

    fn fill_f32(&self, d: Dims, w: &mut [f32]) -> Result<(), LengthError> {
        match *self {
            Self::Orthogonal(matrix) => matrix.fill_f32(d, w),
            Self::DeltaOrthogonal(kernel) => kernel.fill_f32(d, w),
            _ if w.len() != d.len() => Err(LengthError { need: d.len(), got: w.len() }),
            _ => self.fill_window(d, 0, w),
        }
    }

    fn fill_window(&self, d: Dims, start: usize, w: &mut [f32]) -> Result<(), LengthError> {
        match *self {
            Self::Rule(rule) => rule.fill_window(d, start, w),
            Self::Orthogonal(matrix) => matrix.fill_window(d, start, w),
            Self::DeltaOrthogonal(kernel) => kernel.fill_window(d, start, w),
            Self::ScaledFrom(Scaled { rule, output, factor }) => {
                rule.fill_window(d, start, w)?;
                let first = output.min(d.out()) as usize * d.row();
                let scaled = first.saturating_sub(start).min(w.len());
                for weight in w.get_mut(scaled..).unwrap_or_default() {
                    *weight *= factor;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Exact;

    #[test]
    fn the_outputs_from_one_on_are_scaled() {
        let d = Dims::dense(4, 2).unwrap();
        let scaled = |output| {
            let rule = Exact::Constant { value: 3.0 }.into();
            let mut w = [f32::NAN; 8];
            let scaled = Scaled { rule, output, factor: 0.5 };
            Written::ScaledFrom(scaled).fill_f32(d, &mut w).unwrap();
            w
        };
        assert_eq!(scaled(3), [3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 1.5, 1.5]);
        assert_eq!((scaled(0), scaled(4), scaled(9)), ([1.5; 8], [3.0; 8], [3.0; 8]));
        let rule = Exact::Zero.into();
        let scaled = Written::ScaledFrom(Scaled { rule, output: 0, factor: 1.0 });
        let short = scaled.fill_f32(d, &mut [0.0; 7]);
        assert_eq!(short, Err(LengthError { need: 8, got: 7 }));
    }
}
