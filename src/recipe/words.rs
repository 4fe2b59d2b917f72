//! The words of version 1, each with the number that stands for it in the compact form.
//!
//! Recipes outlive the program that wrote them: what stands here stays as it is, where it is, and new
//! words go to the end of their list.

/// What may stand behind the `=` of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// A whole number.
    Count,
    /// Whole numbers between commas.
    Counts,
    /// A finite number.
    Real,
    /// One of these words.
    Word(&'static [&'static str]),
    /// `yes` or `no`.
    Flag,
    /// Whole numbers with an `x` between them, and `gN` behind them for N groups.
    Sizes,
}

impl Sort {
    /// What may stand there, in words.
    pub(super) const fn wants(self) -> &'static str {
        match self {
            Self::Count => "a whole number behind the =",
            Self::Counts => "whole numbers with commas between them behind the =",
            Self::Real => "a number behind the =",
            Self::Word(_) => "one of a few words behind the =",
            Self::Flag => "yes or no behind the =",
            Self::Sizes => "sizes behind the =, as in 64x3x7x7",
        }
    }
}

/// A word in front of a `=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The word.
    pub name: &'static str,
    /// What may stand behind it.
    pub sort: Sort,
}

const fn key(name: &'static str, sort: Sort) -> Key {
    Key { name, sort }
}

/// The model that is a list of tensors.
pub const TENSORS: &str = "tensors";

/// The models, by number.
pub const MODELS: &[&str] = &[
    TENSORS,
    "residual",
    "mlp",
    "cnn",
    "linear5",
    "linear5-tanh",
    "fc",
    "resfc",
    "resconv",
    "allconv",
    "resnet",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "se-resnet50",
    "vit",
    "vit-b32",
    "gpt",
    "textcnn",
    "textrnn",
    "transformer",
];

/// What can be said of a model, by number from 1: the settings of the catalogue, the shape of an
/// input and the number of classes, and the tensors of a list with what each is for.
pub const SETTINGS: &[Key] = &[
    key("depth", Sort::Count),
    key("layers", Sort::Count),
    key("blocks", Sort::Count),
    key("width", Sort::Count),
    key("hidden", Sort::Counts),
    key("state", Sort::Count),
    key("activation", Sort::Word(&["relu", "tanh"])),
    key("norm", Sort::Word(&["batch", "none"])),
    key("shortcut", Sort::Word(&["zeros", "split", "conv"])),
    key("bottleneck", Sort::Flag),
    key("multiplier", Sort::Flag),
    key("fixup", Sort::Flag),
    key("reduction", Sort::Count),
    key("patch", Sort::Count),
    key("heads", Sort::Count),
    key("inner", Sort::Count),
    key("cell", Sort::Word(&["lstm", "gru", "rnn"])),
    key("kernels", Sort::Counts),
    key("filters", Sort::Count),
    key("dropout", Sort::Real),
    key("context", Sort::Count),
    key("words", Sort::Count),
    key("vocabulary", Sort::Count),
    key("input", Sort::Sizes),
    key("classes", Sort::Count),
    key("relu", Sort::Flag),
    key("attention", Sort::Flag),
    key("main", Sort::Sizes),
    key("branch", Sort::Sizes),
    key("end", Sort::Sizes),
    key("skip", Sort::Sizes),
    key("head", Sort::Sizes),
    key("table", Sort::Sizes),
    key("one", Sort::Sizes),
    key("zero", Sort::Sizes),
];

/// The first of [`SETTINGS`] that is a tensor of a list: these stand in the order of the list.
pub const FIRST_TENSOR: usize = 27;

/// The schemes, by number.
pub const SCHEMES: &[&str] = &[
    "idinit",
    "idinit-loose",
    "identity-conv",
    "ablation-none",
    "ablation-idizc",
    "ablation-idic",
    "xavier",
    "xavier-normal",
    "kaiming",
    "kaiming-out",
    "kaiming-uniform",
    "torch",
    "orthogonal",
    "delta-orthogonal",
    "lsuv",
    "zero-gamma",
    "zero",
    "fixup",
    "skipinit",
    "rezero",
    "t-fixup",
    "t-fixup-decoder",
];

/// What can be said of each scheme: a bit for each of [`PARAMETERS`], the first the lowest.
pub const TAKES: &[u8; SCHEMES.len()] = {
    const NOTHING: u8 = 0;
    const SEED: u8 = 0b10_0000;
    const EPS: u8 = 0b10;
    const IDINIT: u8 = 0b1111;
    const LOOSE: u8 = 0b11_1111;
    &[
        IDINIT, LOOSE, EPS, NOTHING, EPS, NOTHING, SEED, SEED, SEED, SEED, SEED, SEED, SEED, SEED,
        SEED, SEED, NOTHING, SEED, SEED, SEED, SEED, SEED,
    ]
};

/// What can be said of a scheme, by number from 1.
pub const PARAMETERS: &[Key] = &[
    key("order", Sort::Word(&["spatial", "channel", "diagonal"])),
    key("eps", Sort::Real),
    key("norm-eps", Sort::Real),
    key("first", Sort::Real),
    key("std", Sort::Real),
    key("seed", Sort::Count),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_fits_seven_bits_and_no_word_stands_twice() {
        for list in [SETTINGS, PARAMETERS] {
            assert!(list.len() < 0x7f);
            for (i, key) in list.iter().enumerate() {
                assert!(list[..i].iter().all(|other| other.name != key.name), "{}", key.name);
            }
        }
        assert!(MODELS.len() < 0x7f && SCHEMES.len() < 0x7f);
        assert_eq!(SETTINGS[FIRST_TENSOR].name, "main");
    }
}
