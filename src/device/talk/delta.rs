//! Deltas of weights that a device has in memory: into bytes, and from bytes.

use super::message::{Code, Refusal};
use crate::device::Start;
use crate::recipe::{Delta, DeltaError, Encoder, Fingerprint, Kind, Recipe, Survey};

/// Numbers of the start that are written at a time.
const PAGE: usize = 32;

impl From<DeltaError> for Refusal {
    fn from(error: DeltaError) -> Self {
        match error {
            DeltaError::Start { need, got } => Self::new(Code::Start, need, got),
            DeltaError::Result { need, got } => Self::new(Code::Result, need, got),
            DeltaError::NotFinite => Self::new(Code::Engine, 0, 0),
            _ => Self::new(Code::Delta, 0, 0),
        }
    }
}

/// Calls `each` with pages of the start, one after the other, and with the place of each.
fn pages<T: Start + ?Sized>(
    initial: &T,
    mut each: impl FnMut(usize, &mut [f32]) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let (count, mut page) = (initial.len(), [0.0; PAGE]);
    for at in (0..count).step_by(PAGE) {
        let page = page.get_mut(..PAGE.min(count - at)).unwrap_or_default();
        initial.fill_window(at, page).map_err(|_| Refusal::UNSUPPORTED)?;
        each(at, page)?;
    }
    Ok(())
}

/// Writes the difference of weights from their start into `stage`, to the bit, and says how many bytes it
/// has.
///
/// # Errors
/// [`Code::Room`] with the bytes that there are and one more, where it does not fit.
pub fn pack<T: Start + ?Sized>(
    initial: &T,
    weights: &[f32],
    recipe: Option<Recipe>,
    stage: &mut [u8],
) -> Result<usize, Refusal> {
    let part = |at: usize, page: &[f32]| weights.get(at..).and_then(|all| all.get(..page.len()));
    let lengths = Refusal::new(Code::Delta, initial.len() as u64, weights.len() as u64);
    let mut survey = Survey::new(Kind::Exact);
    pages(initial, |at, page| Ok(survey.take(page, part(at, page).ok_or(lengths)?)?))?;
    let header = survey.header(recipe);
    let (room, mut len) = (stage.len(), 0);
    let full = Refusal::new(Code::Room, room as u64, room as u64 + 1);
    let sink = |bytes: &[u8]| {
        let place = stage.get_mut(len..).and_then(|rest| rest.get_mut(..bytes.len()));
        place.ok_or(full)?.copy_from_slice(bytes);
        len += bytes.len();
        Ok::<_, Refusal>(())
    };
    let mut encoder = Encoder::new(&survey, &header, sink)?;
    pages(initial, |at, page| encoder.take(page, part(at, page).ok_or(lengths)?))?;
    encoder.finish()?;
    Ok(len)
}

/// Makes weights of a delta and their start, whose fingerprint is `start`. All of the delta is verified,
/// and its result too, before the first weight changes.
///
/// # Errors
/// A [`Refusal`] where the delta is for another start, is damaged, comes to another result, or has bytes
/// behind it.
pub fn install<T: Start + ?Sized>(
    initial: &T,
    start: Fingerprint,
    delta: &[u8],
    weights: &mut [f32],
) -> Result<(), Refusal> {
    if weights.len() != initial.len() {
        return Err(Refusal::new(Code::Delta, initial.len() as u64, weights.len() as u64));
    }
    apply(initial, start, delta, |_, _| ())?;
    apply(initial, start, delta, |at, page| {
        let place = weights.get_mut(at..).unwrap_or_default();
        place.iter_mut().zip(page).for_each(|(place, number)| *place = *number);
    })
}

fn apply<T: Start + ?Sized>(
    initial: &T,
    start: Fingerprint,
    delta: &[u8],
    mut write: impl FnMut(usize, &[f32]),
) -> Result<(), Refusal> {
    let mut bytes = delta.iter().copied();
    let mut patch = Delta::<_>::open(&mut bytes)?.onto(start, initial.len())?;
    pages(initial, |at, page| {
        patch.apply(page)?;
        write(at, page);
        Ok(())
    })?;
    patch.finish()?;
    match bytes.len() {
        0 => Ok(()),
        _ => Err(DeltaError::Malformed.into()),
    }
}
