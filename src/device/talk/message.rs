//! What is asked, and what is answered.

use core::fmt;
use serde::{Deserialize, Serialize};

/// The version of the protocol.
pub const VERSION: u8 = 1;

/// What a PC asks of a device. The order is part of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Request<'a> {
    /// Begins a session: [`Reply::Hello`].
    Hello {
        /// Any four bytes, which come back, so that no answer of another session is taken for this one's.
        nonce: [u8; 4],
        /// The version that the PC speaks.
        version: u8,
    },
    /// How learning goes: [`Reply::Metrics`].
    Metrics,
    /// Numbers of the window: [`Reply::Done`].
    Window {
        /// The place of the first in the window, in numbers.
        at: u32,
        /// Their bytes, f32 in little-endian.
        numbers: &'a [u8],
    },
    /// What the window is: [`Reply::Inferred`].
    Infer {
        /// The checksum of the whole window.
        sum: u32,
    },
    /// What the window is, from who knows it; the device learns: [`Reply::Learnt`].
    Label {
        /// The checksum of the whole window.
        sum: u32,
        /// The class.
        label: u32,
    },
    /// Makes a delta of what was learnt, to be read: [`Reply::Delta`].
    Pull,
    /// A chunk of the delta that was made: [`Reply::Chunk`], as long as chunks are, or up to the end.
    Read {
        /// The place of its first byte.
        at: u32,
    },
    /// A delta will be written: [`Reply::Done`], or that it has no room.
    Push {
        /// Its bytes.
        len: u32,
        /// Its checksum.
        sum: u32,
    },
    /// A chunk of the delta: [`Reply::Done`]. Chunks may come in any order, and more than once.
    Write {
        /// The place of its first byte.
        at: u32,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// The delta is whole, and its result is what the device goes on from: [`Reply::State`]. Nothing changes
    /// before all of it was verified.
    Take,
    /// Keeps what was learnt over a loss of power: [`Reply::State`].
    Save,
    /// Forgets what was learnt: [`Reply::State`].
    Reset,
    /// Learns nothing until [`Resume`](Self::Resume): [`Reply::Done`].
    Pause,
    /// Learns again: [`Reply::Done`].
    Resume,
    /// Takes at most so many steps of training from now on: [`Reply::Done`].
    Budget {
        /// The steps; `u32::MAX` is for no bound.
        steps: u32,
    },
}

/// What a device answers. The order is part of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Reply<'a> {
    /// What the device is.
    #[serde(borrow)]
    Hello(Hello<'a>),
    /// How learning goes.
    Metrics(Metrics),
    /// It was done.
    Done,
    /// What a window is.
    Inferred(Inferred),
    /// What a window was taken for, and what was learnt.
    Learnt(Learnt),
    /// A delta, ready to be read.
    Delta {
        /// Its bytes.
        len: u32,
        /// Its checksum.
        sum: u32,
    },
    /// A chunk of it.
    Chunk {
        /// The place of its first byte.
        at: u32,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// What the weights now are.
    State {
        /// Their [fingerprint](crate::recipe::Fingerprint).
        weights: u64,
    },
    /// It was not done, and nothing changed.
    Refused(Refusal),
}

/// What a device says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Hello<'a> {
    /// The four bytes of the request. They and the version stand here in every version.
    pub nonce: [u8; 4],
    /// The version that the device speaks.
    pub version: u8,
    /// The version of this crate that it has.
    pub idinit: &'a str,
    /// The [exp and ln](crate::math::NAME) that it computes with. What it learns has the bits of another's portable engine
    /// only where both have the same.
    pub math: &'a str,
    /// The fingerprint of its start.
    pub start: u64,
    /// The recipe of its start, or as much as 64 bytes hold of it.
    pub recipe: &'a str,
    /// Numbers of a window: those of all axes.
    pub window: u32,
    /// Axes of a window: channels of a sensor, or 1.
    pub axes: u32,
    /// How many classes it tells apart.
    pub classes: u32,
    /// How many weights it has.
    pub weights: u32,
    /// Bytes of memory that it uses to learn.
    pub ram: u32,
    /// Bytes of the longest chunk.
    pub chunk: u16,
    /// Bytes of the longest delta that it has room for; 0 where it exchanges none.
    pub delta: u32,
}

/// How learning goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Metrics {
    /// Steps of training.
    pub steps: u32,
    /// Windows that were seen.
    pub examples: u32,
    /// Windows of them that came with a label.
    pub labels: u32,
    /// Labels that the device had told before it learnt from them.
    pub right: u32,
    /// The same of the last [`recent`](Self::recent) labels.
    pub recent_right: u16,
    /// How many labels are recent.
    pub recent: u16,
    /// The loss of the last step.
    pub loss: f32,
    /// Samples that came too fast to be taken.
    pub lost: u32,
    /// Bytes of memory in use.
    pub ram: u32,
    /// How often it was saved.
    pub saves: u32,
    /// Steps that the budget leaves; `u32::MAX` where there is no bound.
    pub budget: u32,
    /// Whether it learns nothing for the time being.
    pub paused: bool,
}

/// What a window is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Inferred {
    /// The class.
    pub class: u32,
    /// The network's output for it.
    pub output: f32,
}

/// What was learnt from a window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Learnt {
    /// The class that the device took the window for, before it learnt.
    pub class: u32,
    /// The loss of the last step; not a number where the numbers had grown too large to learn from, and the device
    /// went back to its start.
    pub loss: f32,
    /// Steps that were taken: none while it pauses.
    pub steps: u32,
}

/// Why something was not done. The order is part of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Code {
    /// There is no such request in this version.
    Unknown,
    /// The device has no session, since it was started anew: say hello.
    Session,
    /// A chunk ends behind its end, or in the middle of a number.
    Place,
    /// The checksum of what came in chunks is another.
    Checksum,
    /// There is no such class.
    Class,
    /// There is no room for so many bytes.
    Room,
    /// The delta is for another start.
    Start,
    /// The delta leads to other weights than it says.
    Result,
    /// The delta cannot be read.
    Delta,
    /// The device has nothing for it: a delta before [`Request::Push`] or [`Request::Pull`].
    Nothing,
    /// The device cannot do that.
    Unsupported,
    /// The device has no time for it now.
    Busy,
    /// The flash refused.
    Flash,
    /// The network refused: a number of the window, or a weight, is not finite.
    Engine,
}

/// Why something was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Refusal {
    /// Why.
    pub code: Code,
    /// The number that was due: a bound, a checksum, a fingerprint.
    pub need: u64,
    /// The number that is there.
    pub got: u64,
}

impl Refusal {
    /// For this reason, with the number that was due and the one that is there.
    pub const fn new(code: Code, need: u64, got: u64) -> Self {
        Self { code, need, got }
    }

    /// The device cannot do that.
    pub const UNSUPPORTED: Self = Self::new(Code::Unsupported, 0, 0);
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, need, got } = self;
        match code {
            Code::Unknown => f.write_str("the device does not know this request"),
            Code::Session => f.write_str(
                "the device was started anew, or is asked by somebody else: begin again",
            ),
            Code::Place => write!(f, "a chunk ends at {got}, and there is room up to {need}"),
            Code::Checksum => {
                write!(f, "what came has the checksum {got:08x}, and {need:08x} was sent: again")
            }
            Code::Class => write!(f, "there is no class {got}: the device has {need}"),
            Code::Room => {
                write!(f, "the device has room for {need} bytes of a delta, and these are {got}")
            }
            Code::Start => write!(
                f,
                "the delta is for the start {need:016x}, and the device's is {got:016x}: nothing was \
                 changed"
            ),
            Code::Result => {
                write!(
                    f,
                    "the delta says {need:016x}, and comes to {got:016x}: nothing was changed"
                )
            }
            Code::Delta => f.write_str("the device cannot read the delta: nothing was changed"),
            Code::Nothing => f.write_str("the device has no delta to go on with: begin it again"),
            Code::Unsupported => f.write_str("the device cannot do that"),
            Code::Busy => f.write_str("the device has no time for that now: again in a while"),
            Code::Flash => write!(f, "the device's flash refused at {got} of {need} bytes"),
            Code::Engine => f.write_str("the device's network refused: a number is not finite"),
        }
    }
}

impl core::error::Error for Refusal {}
