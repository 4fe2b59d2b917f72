//! How wrong a batch of outputs is: one number, and its gradient with respect to each output.
//!
//! A loss works in place: it finds the outputs in `y` and leaves the gradients there, already
//! divided by the batch of the step, so that the gradients of all examples can simply be summed.

mod cross_entropy;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
#[cfg(feature = "std")]
mod host;
mod squared_error;

/// What a network is trained for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Loss {
    /// Nothing: the network only infers.
    #[default]
    None,
    /// −Σ t ln softmax(y), the mean over the batch. With smoothing s, t is (1 − s) at the label
    /// plus s / classes everywhere (Szegedy et al. 2016, §7).
    CrossEntropy {
        /// s, from 0 to 1.
        smoothing: f32,
    },
    /// (y − t)², the mean over the batch and the outputs.
    SquaredError,
}

/// What the outputs of a batch should have been.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Target<'a> {
    /// A class for each example, for cross-entropy; where the output is a picture or a line of
    /// tokens, a class for each of its pixels.
    Labels(&'a [u32]),
    /// Two classes for each example and the share of the first, for cross-entropy with mixed
    /// examples (mixup, Zhang et al. 2018; cutmix, Yun et al. 2019).
    #[cfg(feature = "std")]
    Mixed {
        /// The one class.
        first: &'a [u32],
        /// The other.
        second: &'a [u32],
        /// The share of the first in each example, from 0 to 1.
        share: &'a [f32],
    },
    /// A value for each output, `[batch, out]`, for the squared error.
    Values(&'a [f32]),
}

/// Why a target does not fit the outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TargetError {
    /// The loss wants the other sort of target: labels for cross-entropy, values for the squared
    /// error; a network without a loss wants neither.
    Sort,
    /// There are not as many targets as the batch needs.
    Length {
        /// How many the batch needs.
        need: usize,
        /// How many there were.
        got: usize,
    },
    /// A share of two mixed examples is not from 0 to 1.
    #[cfg(feature = "std")]
    Share {
        /// Which example of the batch.
        example: usize,
    },
    /// A label names no class.
    Label {
        /// Which example of the batch.
        example: usize,
        /// Its label.
        label: u32,
        /// How many classes there are.
        classes: usize,
    },
}

impl core::fmt::Display for TargetError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Sort => f.write_str("the target is not of the sort that the loss wants"),
            Self::Length { need, got } => write!(f, "the batch needs {need} targets, got {got}"),
            #[cfg(feature = "std")]
            Self::Share { example } => {
                write!(f, "the share of example {example} is not from 0 to 1")
            }
            Self::Label { example, label, classes } => {
                write!(f, "example {example} has label {label}, but there are {classes} classes")
            }
        }
    }
}

impl core::error::Error for TargetError {}

impl Loss {
    /// Checks a target against a batch of `examples` (or pixels) with `outputs` numbers each.
    pub(crate) fn check(
        self,
        target: Target<'_>,
        examples: usize,
        outputs: usize,
    ) -> Result<(), TargetError> {
        let length = |need, got| match need == got {
            true => Ok(()),
            false => Err(TargetError::Length { need, got }),
        };
        let classes = |labels: &[u32]| {
            length(examples, labels.len())?;
            match labels.iter().position(|&label| label as usize >= outputs) {
                None => Ok(()),
                Some(example) => Err(TargetError::Label {
                    example,
                    label: labels.get(example).copied().unwrap_or_default(),
                    classes: outputs,
                }),
            }
        };
        match (self, target) {
            (Self::CrossEntropy { .. }, Target::Labels(labels)) => classes(labels),
            #[cfg(feature = "std")]
            (Self::CrossEntropy { .. }, Target::Mixed { first, second, share }) => {
                classes(first)?;
                classes(second)?;
                length(examples, share.len())?;
                match share.iter().position(|share| !(0.0..=1.0).contains(share)) {
                    None => Ok(()),
                    Some(example) => Err(TargetError::Share { example }),
                }
            }
            (Self::SquaredError, Target::Values(values)) => {
                length(examples.saturating_mul(outputs), values.len())
            }
            _ => Err(TargetError::Sort),
        }
    }

    /// The loss of a checked batch, whose outputs `y` become gradients: those of a mean over `rows` rows of
    /// outputs, of which these may be a part.
    pub(crate) fn descend<const CROSS_ENTROPY: bool, const SQUARED_ERROR: bool>(
        self,
        y: &mut [f32],
        target: Target<'_>,
        (rows, outputs): (usize, usize),
    ) -> f32 {
        match (self, target) {
            (Self::CrossEntropy { smoothing }, Target::Labels(labels)) if CROSS_ENTROPY => {
                cross_entropy::descend(y, labels, smoothing, (rows, outputs))
            }
            #[cfg(feature = "std")]
            (Self::CrossEntropy { smoothing }, Target::Mixed { first, second, share })
                if CROSS_ENTROPY =>
            {
                let labels = cross_entropy::Mixed { first, second, share };
                cross_entropy::descend_mixed(y, labels, smoothing, (rows, outputs))
            }
            (Self::SquaredError, Target::Values(values)) if SQUARED_ERROR => {
                squared_error::descend(y, values, rows.saturating_mul(outputs))
            }
            _ => f32::NAN,
        }
    }
}
