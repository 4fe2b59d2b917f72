//! Weights as what differs from their start, by windows of both.

use super::super::Start;
use super::error::{Ignored, KeepError};
use super::failure::Failure;
use crate::recipe::{Delta, DeltaError, Encoder, Fingerprint, Header, Kind, Patch, Recipe, Survey};

/// Numbers of a window.
const PAGE: usize = 64;

/// Where the bytes of a delta go.
pub(super) type Sink<'a, E> = dyn FnMut(&[u8]) -> Result<(), Failure<E>> + 'a;

/// Goes once over all weights.
pub(super) fn survey<T: Start + ?Sized, E>(
    kind: Kind,
    start: &T,
    weights: &[f32],
) -> Result<Survey, KeepError<E>> {
    let mut survey = Survey::new(kind);
    let mut page = [0.0; PAGE];
    for (i, weights) in weights.chunks(PAGE).enumerate() {
        let page = page.get_mut(..weights.len()).unwrap_or_default();
        start.fill_window(i * PAGE, page)?;
        survey.take(page, weights)?;
    }
    Ok(survey)
}

/// Hands the bytes of a delta to a sink. There is one code for both sinks, that which counts and that which
/// writes.
pub(super) fn encode<T: Start + ?Sized, E>(
    start: &T,
    weights: &[f32],
    (survey, header): (&Survey, &Header),
    sink: &mut Sink<'_, E>,
) -> Result<(), Failure<E>> {
    let mut encoder = Encoder::new(survey, header, sink)?;
    let mut page = [0.0; PAGE];
    for (i, weights) in weights.chunks(PAGE).enumerate() {
        let page = page.get_mut(..weights.len()).unwrap_or_default();
        start.fill_window(i * PAGE, page)?;
        encoder.take(page, weights)?;
    }
    encoder.finish()
}

/// What a delta is applied to.
pub(super) enum Onto<'a> {
    /// The weights of a start, which become those of the delta.
    Weights(&'a mut [f32]),
    /// A start, by windows that nobody keeps, where only whether it can be done is of interest.
    Nothing(&'a dyn Start),
}

impl Onto<'_> {
    fn count(&self) -> usize {
        match self {
            Self::Weights(weights) => weights.len(),
            Self::Nothing(start) => start.len(),
        }
    }

    fn apply<I: Iterator<Item = u8>>(self, patch: &mut Patch<I>) -> Result<(), DeltaError> {
        match self {
            Self::Weights(weights) => patch.apply(weights),
            Self::Nothing(start) => {
                let (mut page, count) = ([0.0; PAGE], start.len());
                for from in (0..count).step_by(PAGE) {
                    let page = page.get_mut(..PAGE.min(count - from)).unwrap_or_default();
                    // a start without windows was refused when it was surveyed, before this
                    start.fill_window(from, page).map_err(|_| DeltaError::Malformed)?;
                    patch.apply(page)?;
                }
                Ok(())
            }
        }
    }
}

/// Makes of a start what a delta says.
pub(super) fn patch(
    bytes: impl Iterator<Item = u8>,
    recipe: Option<Recipe>,
    (start, result): (Fingerprint, Fingerprint),
    onto: Onto<'_>,
) -> Result<(), Ignored> {
    let delta = Delta::<_>::open(bytes).map_err(Ignored::Delta)?;
    if recipe.is_some() && delta.header().recipe != recipe {
        return Err(Ignored::OtherRecipe);
    }
    if delta.header().result != result {
        return Err(Ignored::Damaged);
    }
    let mut patch = delta.onto(start, onto.count()).map_err(Ignored::Delta)?;
    onto.apply(&mut patch).map_err(Ignored::Delta)?;
    patch.finish().map_err(Ignored::Delta)
}
