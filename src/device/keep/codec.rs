//! Weights as what differs from their start, by windows of both.

use super::super::Start;
use super::error::{Ignored, KeepError};
use super::failure::Failure;
use crate::recipe::{Delta, Encoder, Fingerprint, Header, Kind, Recipe, Survey};

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

/// Makes the weights of a start those of a delta.
pub(super) fn patch(
    bytes: impl Iterator<Item = u8>,
    recipe: Option<Recipe>,
    (start, result): (Fingerprint, Fingerprint),
    weights: &mut [f32],
) -> Result<(), Ignored> {
    let delta = Delta::<_>::open(bytes).map_err(Ignored::Delta)?;
    if recipe.is_some() && delta.header().recipe != recipe {
        return Err(Ignored::OtherRecipe);
    }
    if delta.header().result != result {
        return Err(Ignored::Damaged);
    }
    let mut patch = delta.onto(start, weights.len()).map_err(Ignored::Delta)?;
    patch.apply(weights).map_err(Ignored::Delta)?;
    patch.finish().map_err(Ignored::Delta)
}
