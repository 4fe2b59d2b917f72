//! The device's side: answers what a PC asks, with the bytes that are there and no waiting.

use super::device::{About, Device};
use super::frame::{self, Receiver, checksum, checksum_of};
use super::message::{Code, Hello, Refusal, Reply, Request, VERSION};
use crate::math;
use embedded_io::{Read, ReadReady, Write, WriteReady};

/// The highest bit of a frame's first byte: set in what a device says.
pub(super) const ANSWER: u8 = 0x80;

/// Bytes of a recipe that are said.
const RECIPE: usize = 64;

/// The least frame that holds every answer.
pub const LEAST_FRAME: usize = 160;

/// What a [`Server`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Polled {
    /// Nothing: no byte came, and none could go.
    Idle,
    /// Bytes came or went.
    Moved,
    /// A request was answered, and the device may be another now.
    Answered,
}

/// Answers requests on a line. It holds a frame that comes and one that goes, of up to `N` bytes each, from
/// [`LEAST_FRAME`] on; with 256, a chunk has 236 bytes.
///
/// The line sends by itself what is written to it: nothing is flushed, since that may take for ever where
/// nobody reads.
#[derive(Debug)]
pub struct Server<L, const N: usize = 256> {
    line: L,
    receiver: Receiver<N>,
    /// The last answer, which goes once more if its request comes once more.
    answer: [u8; N],
    len: usize,
    sent: usize,
    session: Option<u8>,
    delta: Staged,
}

/// What lies in the device's stage.
#[derive(Clone, Copy, Debug)]
enum Staged {
    Nothing,
    /// A delta that is read: its bytes.
    Going(usize),
    /// A delta that is written: its bytes, and its checksum.
    Coming(usize, u32),
}

impl<L, const N: usize> Server<L, N> {
    /// On this line.
    pub const fn new(line: L) -> Self {
        const { assert!(N >= LEAST_FRAME, "an answer has no room in a frame") }
        Self {
            line,
            receiver: Receiver::new(),
            answer: [0; N],
            len: 0,
            sent: 0,
            session: None,
            delta: Staged::Nothing,
        }
    }

    /// How many frames came that were damaged.
    pub const fn damaged(&self) -> u32 {
        self.receiver.damaged()
    }

    /// The line.
    pub const fn line(&mut self) -> &mut L {
        &mut self.line
    }
}

impl<L: Read + ReadReady + Write + WriteReady, const N: usize> Server<L, N> {
    /// Sends what can go, takes what is there, and answers at most one request. A program calls it again
    /// and again: in its loop, or whenever the line has bytes or takes some.
    ///
    /// # Errors
    /// Those of the line. What came of a frame is then forgotten, and the next call goes on behind it.
    pub fn poll(&mut self, device: &mut impl Device) -> Result<Polled, L::Error> {
        let mut moved = self.send()?;
        // at most a frame and its answer at a time, whatever comes
        for _ in 0..N {
            if self.sent < self.len || !self.line.read_ready()? {
                break;
            }
            let mut byte = [0];
            match self.line.read(&mut byte) {
                Ok(0) => break,
                Ok(_) => moved = true,
                Err(error) => {
                    self.receiver.spoil();
                    return Err(error);
                }
            }
            let [byte] = byte;
            if self.receiver.push(byte) && self.take(device) {
                self.send()?;
                return Ok(Polled::Answered);
            }
        }
        Ok(if moved { Polled::Moved } else { Polled::Idle })
    }

    fn send(&mut self) -> Result<bool, L::Error> {
        let mut moved = false;
        while let Some(rest) = self.answer.get(self.sent..self.len).filter(|rest| !rest.is_empty())
        {
            if !self.line.write_ready()? {
                break;
            }
            match self.line.write(rest)? {
                0 => break,
                some => self.sent += some,
            }
            moved = true;
        }
        Ok(moved)
    }

    /// Answers the frame that came; whether it was a request.
    fn take(&mut self, device: &mut impl Device) -> bool {
        let Self { receiver, answer, delta, session, .. } = self;
        let Some((count, message)) = receiver.body().filter(|(first, _)| first & ANSWER == 0)
        else {
            return false;
        };
        let request = match postcard::take_from_bytes(message) {
            Ok((request, [])) => Some(request),
            _ => None,
        };
        let due = session.map(|last| last.wrapping_add(1) & !ANSWER);
        let first = count | ANSWER;
        let written = match request {
            Some(Request::Hello { nonce, version }) => {
                *session = (version == VERSION).then_some(count);
                let window = device.window().len() as u32;
                let room = device.stage().len() as u32;
                let hello = hello::<N>(&device.about(), nonce, [window, room]);
                frame::write(first, &Reply::Hello(hello), answer)
            }
            // its answer was lost
            _ if *session == Some(count) => Ok(self.len),
            _ if due != Some(count) => {
                let refusal = Refusal::new(Code::Session, 0, 0);
                frame::write(first, &Reply::Refused(refusal), answer)
            }
            request => {
                *session = Some(count);
                let reply = match request {
                    Some(request) => answered(request, device, delta, frame::chunk(N)),
                    None => Err(Refusal::new(Code::Unknown, 0, 0)),
                };
                frame::write(first, &reply.unwrap_or_else(Reply::Refused), answer)
            }
        };
        // an answer that has no room is none
        self.len = written.unwrap_or(0);
        self.sent = 0;
        true
    }
}

fn hello<'a, const N: usize>(
    about: &About<'a>,
    nonce: [u8; 4],
    [window, delta]: [u32; 2],
) -> Hello<'a> {
    let About { start, recipe, axes, classes, weights, ram } = *about;
    let shown = (0..=RECIPE.min(recipe.len())).rev().find_map(|end| recipe.get(..end));
    Hello {
        nonce,
        version: VERSION,
        idinit: env!("CARGO_PKG_VERSION"),
        math: math::NAME,
        start: start.0,
        recipe: shown.unwrap_or_default(),
        window,
        axes,
        classes,
        weights,
        ram,
        chunk: frame::chunk(N).min(usize::from(u16::MAX)) as u16,
        delta,
    }
}

/// Does what is asked.
fn answered<'a>(
    request: Request<'_>,
    device: &'a mut impl Device,
    delta: &mut Staged,
    chunk: usize,
) -> Result<Reply<'a>, Refusal> {
    let nothing = Refusal::new(Code::Nothing, 0, 0);
    Ok(match request {
        Request::Hello { .. } => Reply::Done,
        Request::Metrics => Reply::Metrics(device.metrics()),
        Request::Window { at, numbers } => {
            place(device.window(), at as usize, numbers)?;
            Reply::Done
        }
        Request::Infer { sum } => {
            same(sum, checksum_of(device.window()))?;
            Reply::Inferred(device.infer()?)
        }
        Request::Label { sum, label } => {
            same(sum, checksum_of(device.window()))?;
            let classes = device.about().classes;
            if label >= classes {
                return Err(Refusal::new(Code::Class, classes.into(), label.into()));
            }
            Reply::Learnt(device.label(label)?)
        }
        Request::Pull => {
            *delta = Staged::Nothing;
            let len = device.pull()?;
            let bytes = device.stage().get(..len).ok_or(nothing)?;
            *delta = Staged::Going(len);
            Reply::Delta { len: len as u32, sum: checksum(bytes) }
        }
        Request::Read { at } => {
            let Staged::Going(len) = *delta else { return Err(nothing) };
            let all = device.stage().get(..len).unwrap_or_default();
            let place = Refusal::new(Code::Place, len as u64, at.into());
            let rest = all.get(at as usize..).ok_or(place)?;
            Reply::Chunk { at, bytes: rest.get(..chunk).unwrap_or(rest) }
        }
        Request::Push { len, sum } => {
            *delta = Staged::Nothing;
            let room = device.stage().len();
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            if len > room {
                return Err(Refusal::new(Code::Room, room as u64, len as u64));
            }
            *delta = Staged::Coming(len, sum);
            Reply::Done
        }
        Request::Write { at, bytes } => {
            let Staged::Coming(len, _) = *delta else { return Err(nothing) };
            let end = (at as usize).saturating_add(bytes.len());
            let all = device.stage().get_mut(..len).unwrap_or_default();
            let place = all.get_mut(at as usize..end);
            let place = place.ok_or(Refusal::new(Code::Place, len as u64, end as u64))?;
            place.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
            Reply::Done
        }
        Request::Take => {
            let Staged::Coming(len, sum) = *delta else { return Err(nothing) };
            same(sum, checksum(device.stage().get(..len).unwrap_or_default()))?;
            device.push(len)?;
            *delta = Staged::Nothing;
            Reply::State { weights: device.state().0 }
        }
        Request::Save => {
            device.save()?;
            Reply::State { weights: device.state().0 }
        }
        Request::Reset => {
            device.reset()?;
            Reply::State { weights: device.state().0 }
        }
        Request::Pause => device.pause(true).map(|()| Reply::Done)?,
        Request::Resume => device.pause(false).map(|()| Reply::Done)?,
        Request::Budget { steps } => device.budget(steps).map(|()| Reply::Done)?,
    })
}

fn same(need: u32, got: u32) -> Result<(), Refusal> {
    match need == got {
        true => Ok(()),
        false => Err(Refusal::new(Code::Checksum, need.into(), got.into())),
    }
}

/// Puts numbers into their place in the window.
fn place(window: &mut [f32], at: usize, numbers: &[u8]) -> Result<(), Refusal> {
    let (numbers, rest) = numbers.as_chunks::<4>();
    let (len, end) = (window.len(), at.saturating_add(numbers.len()));
    let refusal = Refusal::new(Code::Place, len as u64, end as u64);
    let place = window.get_mut(at..end).filter(|_| rest.is_empty()).ok_or(refusal)?;
    for (place, number) in place.iter_mut().zip(numbers) {
        *place = f32::from_le_bytes(*number);
    }
    Ok(())
}
