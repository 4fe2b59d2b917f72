//! How precise the numbers are that flow through a network, and the factors of its products. Sums, weights,
//! gradients of weights and what layers save are f32 whatever is chosen.

/// The precision of a network on a GPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// f32 throughout.
    #[default]
    F32,
    /// f32, but products round their factors to TF32, with 10 bits of fraction instead of 23. From Ampere on
    /// matrix units then multiply them.
    Tf32,
    /// What flows between layers is bf16, with 7 bits of fraction and the range of f32, and so are the
    /// factors of products, which matrix units multiply from Ampere on. Weights are rounded for a step, and
    /// move in f32, so that an ε of 1e-6 is not lost beside a 1 (Micikevicius et al. 2018, §3.1).
    Bf16,
}

impl Precision {
    /// Whether matrix units may multiply.
    pub(crate) const fn has_matrix_units(self) -> bool {
        !matches!(self, Self::F32)
    }

    /// Bytes of a number that flows between layers.
    pub(crate) const fn flowing(self) -> u64 {
        match self {
            Self::F32 | Self::Tf32 => 4,
            Self::Bf16 => 2,
        }
    }
}
