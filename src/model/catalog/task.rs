//! What a data set asks of a network.

use crate::shape::Shape;

/// What a data set asks of a network: the shape of an example, and how many answers there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// A class for a picture.
    Pictures {
        /// The shape of a picture.
        shape: Shape,
        /// How many classes there are.
        classes: u32,
    },
    /// A class for a text; word 0 fills texts up.
    Texts {
        /// Words of a text.
        words: u32,
        /// How many words there are.
        vocabulary: u32,
        /// How many classes there are.
        classes: u32,
    },
    /// For each token of a text, the next.
    Language {
        /// Tokens that are seen at once.
        context: u32,
        /// How many tokens there are.
        vocabulary: u32,
    },
}

impl Task {
    /// The data sets by name, as they are if nothing else is said. The vocabularies of texts are
    /// those that a network is given if no data is there to count.
    pub const ALL: &[(&str, Self)] = &[
        ("digits", Self::Pictures { shape: Shape::hwc(8, 8, 1), classes: 10 }),
        ("mnist", Self::Pictures { shape: Shape::hwc(28, 28, 1), classes: 10 }),
        ("fashion", Self::Pictures { shape: Shape::hwc(28, 28, 1), classes: 10 }),
        ("cifar10", Self::Pictures { shape: Shape::hwc(32, 32, 3), classes: 10 }),
        ("imagenet", Self::Pictures { shape: Shape::hwc(224, 224, 3), classes: 1000 }),
        ("sst2", Self::Texts { words: 64, vocabulary: 20_000, classes: 2 }),
        ("sst5", Self::Texts { words: 64, vocabulary: 20_000, classes: 5 }),
        ("text", Self::Language { context: 128, vocabulary: 256 }),
    ];

    /// The task of the data set of that name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(there, _)| *there == name).map(|(_, task)| *task)
    }

    /// The shape of an example.
    pub const fn input(self) -> Shape {
        match self {
            Self::Pictures { shape, .. } => shape,
            Self::Texts { words, .. } => Shape::hwc(1, words, 1),
            Self::Language { context, .. } => Shape::hwc(1, context, 1),
        }
    }

    /// How many answers there are.
    pub const fn classes(self) -> u32 {
        match self {
            Self::Pictures { classes, .. } | Self::Texts { classes, .. } => classes,
            Self::Language { vocabulary, .. } => vocabulary,
        }
    }

    /// What it is about, in a word.
    pub const fn sort(self) -> &'static str {
        match self {
            Self::Pictures { .. } => "pictures",
            Self::Texts { .. } => "labelled texts",
            Self::Language { .. } => "plain text",
        }
    }
}
