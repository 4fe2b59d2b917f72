//! What a weight is stored as: single precision, and under feature `half` the two 16-bit formats.

/// A number that a weight can be stored as. A rule decides in `f32`; the element rounds once.
pub trait Element: Copy {
    /// The weight 0.
    const ZERO: Self;

    /// The nearest element, ties to even.
    fn from_f32(value: f32) -> Self;
}

impl Element for f32 {
    const ZERO: Self = 0.0;

    fn from_f32(value: f32) -> Self {
        value
    }
}

#[cfg(feature = "half")]
impl Element for half::bf16 {
    const ZERO: Self = Self::ZERO;

    fn from_f32(value: f32) -> Self {
        Self::from_f32(value)
    }
}

/// IDIZ's ε = 1e-6 is subnormal here and becomes 1.01e-6.
#[cfg(feature = "half")]
impl Element for half::f16 {
    const ZERO: Self = Self::ZERO;

    fn from_f32(value: f32) -> Self {
        Self::from_f32(value)
    }
}
