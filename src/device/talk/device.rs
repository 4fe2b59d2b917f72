//! What a device has to be able to do, so that one can talk with it.

use super::message::{Inferred, Learnt, Metrics, Refusal};
use crate::recipe::Fingerprint;

/// What a device says of itself when it is asked for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct About<'a> {
    /// The fingerprint of its start.
    pub start: Fingerprint,
    /// The recipe of its start, of which the first 64 bytes are said; empty where it has none.
    pub recipe: &'a str,
    /// Axes of a window: channels of a sensor, or 1.
    pub axes: u32,
    /// How many classes it tells apart.
    pub classes: u32,
    /// How many weights it has.
    pub weights: u32,
    /// Bytes of memory that it uses to learn.
    pub ram: u32,
}

/// A device that learns, as a [`Server`](super::Server) sees it.
///
/// No function may wait for long: whoever asks repeats a question after a second. What is asked twice is
/// done once, so that none has to be prepared for repetition. An error is sent as it is, and says that
/// nothing changed.
pub trait Device {
    /// What it says of itself.
    fn about(&self) -> About<'_>;

    /// How learning goes.
    fn metrics(&self) -> Metrics;

    /// Where the numbers of a window go, and how many it has.
    fn window(&mut self) -> &mut [f32];

    /// What the window is.
    ///
    /// # Errors
    /// A [`Refusal`], as of all that follow.
    fn infer(&mut self) -> Result<Inferred, Refusal>;

    /// Learns from the window, whose class is `label`.
    fn label(&mut self, label: u32) -> Result<Learnt, Refusal>;

    /// The fingerprint of its weights.
    fn state(&mut self) -> Fingerprint;

    /// Room for a delta that comes or goes; none where it exchanges none.
    fn stage(&mut self) -> &mut [u8] {
        &mut []
    }

    /// Writes a delta of what was learnt into the [`stage`](Self::stage), and says how long it is;
    /// [`pack`](super::pack) does it.
    fn pull(&mut self) -> Result<usize, Refusal> {
        Err(Refusal::UNSUPPORTED)
    }

    /// Takes the delta in the first `len` bytes of the [`stage`](Self::stage), all of it or nothing;
    /// [`install`](super::install) does it.
    fn push(&mut self, len: usize) -> Result<(), Refusal> {
        let _ = len;
        Err(Refusal::UNSUPPORTED)
    }

    /// Keeps what was learnt over a loss of power.
    fn save(&mut self) -> Result<(), Refusal> {
        Err(Refusal::UNSUPPORTED)
    }

    /// Forgets what was learnt.
    fn reset(&mut self) -> Result<(), Refusal> {
        Err(Refusal::UNSUPPORTED)
    }

    /// Learns nothing, or learns again.
    fn pause(&mut self, pause: bool) -> Result<(), Refusal> {
        let _ = pause;
        Err(Refusal::UNSUPPORTED)
    }

    /// Takes at most so many steps of training from now on; `u32::MAX` is for no bound.
    fn budget(&mut self, steps: u32) -> Result<(), Refusal> {
        let _ = steps;
        Err(Refusal::UNSUPPORTED)
    }
}
