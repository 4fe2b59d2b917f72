//! The PC's side: asks, waits, and asks again.

use super::frame::{self, Receiver, checksum, checksum_of};
use super::message::{Inferred, Learnt, Metrics, Refusal, Reply, Request, VERSION};
use super::server::ANSWER;
use crate::recipe::Fingerprint;
use core::fmt;
use core::time::Duration;
use std::io::{self, ErrorKind, Read, Write};
use std::string::String;
use std::time::Instant;
use std::vec::Vec;

/// The longest frame that is taken from a device, or sent to one.
const FRAME: usize = 4096;

/// The longest chunk that is sent, whatever the device takes.
const CHUNK: usize = frame::chunk(FRAME);

/// How long a line that never falls silent is listened to, at least.
const NOISE: Duration = Duration::from_secs(1);

/// Why a device did not do what it was asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum TalkError {
    /// The line failed.
    Line(io::Error),
    /// The other side closed the line.
    Closed,
    /// No answer came, though it was asked so often.
    Silent {
        /// How often.
        tries: u32,
        /// How many bytes came that were no answer.
        noise: u64,
    },
    /// The device speaks another version of the protocol.
    Version {
        /// The version.
        version: u8,
    },
    /// The device answered something else than was asked.
    Answer,
    /// What came in chunks has another checksum than the device said.
    Checksum,
    /// The window has another length.
    Window {
        /// Numbers of the device's.
        need: usize,
        /// Numbers of this one.
        got: usize,
    },
    /// The device refused.
    Refused(Refusal),
}

impl fmt::Display for TalkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(error) => error.fmt(f),
            Self::Closed => f.write_str("the other side closed the line"),
            Self::Silent { tries, noise: 0 } => write!(
                f,
                "no answer to {tries} tries: is it the right port, does the board run a program that \
                 talks, does it want a reset?"
            ),
            Self::Silent { tries, noise } => write!(
                f,
                "no answer to {tries} tries, but {noise} bytes of something else: is it the right \
                 --baud, does the program print to this port?"
            ),
            Self::Version { version } => write!(
                f,
                "the device speaks version {version} of the protocol, and this program version \
                 {VERSION}: take the idinit that its program was built with"
            ),
            Self::Answer => f.write_str("the device answered something else than was asked"),
            Self::Checksum => f.write_str("what came is damaged: its checksum is another"),
            Self::Window { need, got } => {
                write!(f, "the device's window has {need} numbers, and this one has {got}")
            }
            Self::Refused(refusal) => refusal.fmt(f),
        }
    }
}

impl core::error::Error for TalkError {}

/// What a device said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// The version of this crate that it has.
    pub idinit: String,
    /// The [exp and ln](crate::math::NAME) that it computes with.
    pub math: String,
    /// The fingerprint of its start.
    pub start: Fingerprint,
    /// The recipe of its start, or as much as 64 bytes hold of it.
    pub recipe: String,
    /// Numbers of a window.
    pub window: usize,
    /// Axes of a window.
    pub axes: u32,
    /// How many classes it tells apart.
    pub classes: u32,
    /// How many weights it has.
    pub weights: u32,
    /// Bytes of memory that it uses to learn.
    pub ram: u32,
    /// Bytes of the longest chunk.
    pub chunk: usize,
    /// Bytes of the longest delta; 0 where it exchanges none.
    pub delta: usize,
}

/// Talks with a device over anything that reads and writes: a serial port, a socket.
///
/// Reading is expected to give up after a while, with [`ErrorKind::TimedOut`] or
/// [`ErrorKind::WouldBlock`]; a tenth of a second is a good while.
///
/// ```no_run
/// use idinit::device::talk::Client;
/// use std::{fs, net::TcpStream, time::Duration};
///
/// let line = TcpStream::connect("localhost:4000")?;
/// line.set_read_timeout(Some(Duration::from_millis(100)))?;
/// let mut client = Client::new(line);
/// println!("{:?}", client.hello(*b"any4")?);
/// fs::write("learnt.delta", client.pull()?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Client<L> {
    line: L,
    receiver: Receiver<FRAME>,
    out: Vec<u8>,
    /// Bytes that were read and not looked at.
    inbox: [u8; 256],
    begin: usize,
    end: usize,
    count: u8,
    chunk: usize,
    window: usize,
    delta: usize,
    /// How often something is asked before it is given up.
    pub tries: u32,
    /// How long an answer is waited for.
    pub patience: Duration,
    /// How often something was asked once more.
    pub repeated: u64,
}

impl<L: Read + Write> Client<L> {
    /// On this line; a question is asked up to eight times, each time with a second for the answer.
    pub fn new(line: L) -> Self {
        Self {
            line,
            receiver: Receiver::new(),
            out: std::vec![0; FRAME],
            inbox: [0; 256],
            begin: 0,
            end: 0,
            count: 0,
            chunk: 4,
            window: 0,
            delta: 0,
            tries: 8,
            patience: Duration::from_secs(1),
            repeated: 0,
        }
    }

    /// The line.
    pub const fn line(&mut self) -> &mut L {
        &mut self.line
    }

    /// Begins a session. The four bytes should be others each time.
    ///
    /// # Errors
    /// A [`TalkError`], as of all that follow.
    pub fn hello(&mut self, nonce: [u8; 4]) -> Result<Info, TalkError> {
        self.count = ANSWER - 1;
        self.ask(&Request::Hello { nonce, version: VERSION })?;
        let (_, message) = self.receiver.body().ok_or(TalkError::Answer)?;
        // these lie where they are in every version
        let front = postcard::take_from_bytes::<(u8, [u8; 4], u8)>(message);
        match front {
            Ok(((_, _, version), _)) if version != VERSION => {
                return Err(TalkError::Version { version });
            }
            _ => {}
        }
        let Reply::Hello(hello) = self.reply()? else { return Err(TalkError::Answer) };
        let info = Info {
            idinit: hello.idinit.into(),
            math: hello.math.into(),
            start: Fingerprint(hello.start),
            recipe: hello.recipe.into(),
            window: hello.window as usize,
            axes: hello.axes,
            classes: hello.classes,
            weights: hello.weights,
            ram: hello.ram,
            chunk: usize::from(hello.chunk),
            delta: hello.delta as usize,
        };
        self.chunk = info.chunk.clamp(4, CHUNK) / 4 * 4;
        (self.window, self.delta) = (info.window, info.delta);
        Ok(info)
    }

    /// How learning goes.
    pub fn metrics(&mut self) -> Result<Metrics, TalkError> {
        match self.call(&Request::Metrics)? {
            Reply::Metrics(metrics) => Ok(metrics),
            _ => Err(TalkError::Answer),
        }
    }

    /// What a window is.
    pub fn infer(&mut self, window: &[f32]) -> Result<Inferred, TalkError> {
        self.window(window)?;
        match self.call(&Request::Infer { sum: checksum_of(window) })? {
            Reply::Inferred(inferred) => Ok(inferred),
            _ => Err(TalkError::Answer),
        }
    }

    /// Has the device learn that a window is of class `label`.
    pub fn label(&mut self, window: &[f32], label: u32) -> Result<Learnt, TalkError> {
        self.window(window)?;
        match self.call(&Request::Label { sum: checksum_of(window), label })? {
            Reply::Learnt(learnt) => Ok(learnt),
            _ => Err(TalkError::Answer),
        }
    }

    fn window(&mut self, window: &[f32]) -> Result<(), TalkError> {
        if window.len() != self.window {
            return Err(TalkError::Window { need: self.window, got: window.len() });
        }
        let some = self.chunk / 4;
        for (numbers, at) in window.chunks(some).zip((0..).step_by(some)) {
            let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            self.done(&Request::Window { at, numbers: &bytes })?;
        }
        Ok(())
    }

    /// The delta of what the device has learnt.
    pub fn pull(&mut self) -> Result<Vec<u8>, TalkError> {
        let Reply::Delta { len, sum } = self.call(&Request::Pull)? else {
            return Err(TalkError::Answer);
        };
        if len as usize > self.delta {
            return Err(TalkError::Answer);
        }
        let mut all = Vec::new();
        while all.len() < len as usize {
            let due = all.len() as u32;
            match self.call(&Request::Read { at: due })? {
                Reply::Chunk { at, bytes } if at == due && !bytes.is_empty() => {
                    all.extend_from_slice(bytes);
                }
                _ => return Err(TalkError::Answer),
            }
        }
        match all.len() == len as usize && checksum(&all) == sum {
            true => Ok(all),
            false => Err(TalkError::Checksum),
        }
    }

    /// Has the device go on from a delta's result, whose fingerprint comes back.
    pub fn push(&mut self, delta: &[u8]) -> Result<Fingerprint, TalkError> {
        let len = u32::try_from(delta.len()).unwrap_or(u32::MAX);
        self.done(&Request::Push { len, sum: checksum(delta) })?;
        for (bytes, at) in delta.chunks(self.chunk).zip((0..).step_by(self.chunk)) {
            self.done(&Request::Write { at, bytes })?;
        }
        self.state(&Request::Take)
    }

    /// Has the device keep what it learnt over a loss of power.
    pub fn save(&mut self) -> Result<Fingerprint, TalkError> {
        self.state(&Request::Save)
    }

    /// Has the device forget what it learnt.
    pub fn reset(&mut self) -> Result<Fingerprint, TalkError> {
        self.state(&Request::Reset)
    }

    /// Has the device learn nothing, or learn again.
    pub fn pause(&mut self, pause: bool) -> Result<(), TalkError> {
        self.done(if pause { &Request::Pause } else { &Request::Resume })
    }

    /// Has the device take at most so many steps of training from now on.
    pub fn budget(&mut self, steps: u32) -> Result<(), TalkError> {
        self.done(&Request::Budget { steps })
    }

    fn state(&mut self, request: &Request<'_>) -> Result<Fingerprint, TalkError> {
        match self.call(request)? {
            Reply::State { weights } => Ok(Fingerprint(weights)),
            _ => Err(TalkError::Answer),
        }
    }

    fn done(&mut self, request: &Request<'_>) -> Result<(), TalkError> {
        match self.call(request)? {
            Reply::Done => Ok(()),
            _ => Err(TalkError::Answer),
        }
    }

    /// Asks anything, and returns the answer that is no refusal.
    pub fn call(&mut self, request: &Request<'_>) -> Result<Reply<'_>, TalkError> {
        self.ask(request)?;
        match self.reply()? {
            Reply::Refused(refusal) => Err(TalkError::Refused(refusal)),
            reply => Ok(reply),
        }
    }

    fn reply(&self) -> Result<Reply<'_>, TalkError> {
        let (_, message) = self.receiver.body().ok_or(TalkError::Answer)?;
        match postcard::take_from_bytes(message) {
            Ok((reply, [])) => Ok(reply),
            _ => Err(TalkError::Answer),
        }
    }

    /// Asks until an answer lies in the receiver.
    fn ask(&mut self, request: &Request<'_>) -> Result<(), TalkError> {
        self.count = (self.count + 1) & !ANSWER;
        // a zero in front ends what somebody else began
        let (zero, place) = self.out.split_at_mut(1);
        zero.fill(0);
        let len = 1 + frame::write(self.count, request, place).map_err(|_| TalkError::Answer)?;
        let nonce = match request {
            Request::Hello { nonce, .. } => Some(*nonce),
            _ => None,
        };
        let mut noise = 0;
        for asked in 0..self.tries {
            self.repeated += u64::from(asked > 0);
            let out = self.out.get(..len).unwrap_or_default();
            self.line.write_all(out).and_then(|()| self.line.flush()).map_err(TalkError::Line)?;
            if self.wait(nonce, &mut noise)? {
                return Ok(());
            }
        }
        Err(TalkError::Silent { tries: self.tries, noise })
    }

    /// Waits for the answer; whether it came.
    fn wait(&mut self, nonce: Option<[u8; 4]>, noise: &mut u64) -> Result<bool, TalkError> {
        let begun = Instant::now();
        loop {
            while let Some(byte) = self.inbox.get(self.begin..self.end).and_then(<[u8]>::first) {
                self.begin += 1;
                if self.receiver.push(*byte) && self.is_due(nonce) {
                    return Ok(true);
                }
            }
            let waited = begun.elapsed();
            let late = waited >= self.patience;
            if waited >= NOISE.max(2 * self.patience) {
                return Ok(false);
            }
            match self.line.read(&mut self.inbox) {
                Ok(0) => return Err(TalkError::Closed),
                Ok(len) => {
                    (self.begin, self.end) = (0, len);
                    *noise += len as u64;
                }
                Err(error) => match error.kind() {
                    ErrorKind::TimedOut | ErrorKind::WouldBlock if late => return Ok(false),
                    ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::Interrupted => {}
                    _ => return Err(TalkError::Line(error)),
                },
            }
        }
    }

    /// Whether the frame that came answers what was asked.
    fn is_due(&self, nonce: Option<[u8; 4]>) -> bool {
        let Some((first, message)) = self.receiver.body() else { return false };
        if first != self.count | ANSWER {
            return false;
        }
        // the number of the answer, which for a hello is 0, and what it echoes
        nonce.is_none_or(|nonce| message.strip_prefix(&[0]).is_some_and(|m| m.starts_with(&nonce)))
    }
}
