//! A link to a PC: it reads how learning goes, sends windows with labels, asks what a window is, and takes
//! and gives [deltas](crate::recipe::Delta).
//!
//! The PC asks and the device answers, one request at a time. A device implements [`Device`] and gives a
//! [`Server`] the bytes of its line; a PC has a [`Client`] (`std`).
//!
//! # The protocol, version 1
//!
//! It is frozen: what is added gets a number behind those that there are.
//!
//! ```text
//! frame   = COBS(body, CRC-32 of body in 4 bytes, little-endian), 0x00
//! body    = first byte, message
//! ```
//!
//! COBS puts a byte in front of each run of up to 254 bytes that are not zero, which is the run's length and
//! 1, and leaves a zero behind the run out. The CRC-32 is that of Ethernet and zlib. A frame of nothing is
//! nothing: the PC sends a zero before each request, which ends what somebody else began.
//!
//! The highest bit of the first byte is 0 in a request and 1 in an answer. The other seven count requests: a
//! session begins by a [`Hello`](Request::Hello) with any count, and each request after it has the next one,
//! 0 behind 127. An answer has the count of its request. A PC that gets no answer sends the same frame again;
//! a device that gets a count again sends the same answer again and does nothing. Any other count is
//! [refused](Code::Session), as are all requests after the device was started anew. A hello is always
//! answered, and its four bytes come back in the answer.
//!
//! A message is what the crate postcard makes of [`Request`] and [`Reply`]
//! (<https://postcard.jamesmunns.com/wire-format>): the number of the case, and its fields in their order.
//! Whole numbers longer than a byte, numbers of cases, and lengths are varints: 7 bits a byte, the lowest
//! first, the highest bit set in all bytes but the last. f32 is 4 bytes in little-endian; bytes and text have
//! their length in front; a nonce is its four bytes, and yes or no a byte of 1 or 0.
//!
//! | request | fields | answer | fields |
//! |---|---|---|---|
//! | 0 Hello | nonce, version: a byte | 0 Hello | those of [`Hello`] |
//! | 1 Metrics | | 1 Metrics | those of [`Metrics`] |
//! | 2 Window | at, numbers: f32 as bytes | 2 Done | |
//! | 3 Infer | sum | 3 Inferred | class, output: f32 |
//! | 4 Label | sum, label | 4 Learnt | class, loss: f32, steps |
//! | 5 Pull | | 5 Delta | len, sum |
//! | 6 Read | at | 6 Chunk | at, bytes |
//! | 7 Push | len, sum | 2 Done | |
//! | 8 Write | at, bytes | 2 Done | |
//! | 9 Take | | 7 State | weights: their fingerprint |
//! | 10 Save | | 7 State | |
//! | 11 Reset | | 7 State | |
//! | 12 Pause | | 2 Done | |
//! | 13 Resume | | 2 Done | |
//! | 14 Budget | steps | 2 Done | |
//! | any | | 8 Refused | code, need, got |
//!
//! A [`Hello`] is nonce, version (a byte), idinit (text), math (text), start, recipe (text), window, axes, classes,
//! weights, ram, chunk, delta. [`Metrics`] are steps, examples, labels, right, recent_right, recent, loss (f32), lost,
//! ram, saves, budget, paused (yes or no). A [`Code`] is from 0 on Unknown, Session, Place, Checksum, Class,
//! Room, Start, Result, Delta, Nothing, Unsupported, Busy, Flash, Engine; what [need and got](Refusal) are, its
//! sentence says.
//!
//! The request `Label { sum: 0x12345678, label: 3 }` with count 5 is
//!
//! ```text
//! 0d                  COBS: 12 bytes until the next zero
//! 05                  the first byte: a request, count 5
//! 04                  Label
//! f8 ac d1 91 01      sum: 0x12345678 as varint
//! 03                  label
//! 3d 70 b0 77         CRC-32 of the eight bytes from the first on
//! 00                  the end
//! ```
//!
//! A window goes in chunks before it is asked about, and the question has the CRC-32 of all of it, so that a
//! window that lacks a chunk is [refused](Code::Checksum). A delta is pulled by `Pull`, then `Read` from 0 on
//! until `len` bytes came, whose CRC-32 is `sum`. It is pushed by `Push`, then `Write`, then `Take`: the
//! device then looks at the checksum, at the fingerprint of the start, at the numbers and at the fingerprint
//! of the result, and only if all are right do its weights change.
//!
//! # On a device
//!
//! ```
//! use idinit::device::talk::{About, Device, Inferred, Learnt, Metrics, Refusal, Server};
//! use idinit::recipe::Fingerprint;
//! # use core::convert::Infallible;
//! # struct Uart;
//! # impl embedded_io::ErrorType for Uart { type Error = Infallible; }
//! # impl embedded_io::Read for Uart { fn read(&mut self, _: &mut [u8]) -> Result<usize, Infallible> { Ok(0) } }
//! # impl embedded_io::Write for Uart {
//! #     fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> { Ok(bytes.len()) }
//! #     fn flush(&mut self) -> Result<(), Infallible> { Ok(()) }
//! # }
//! # impl embedded_io::ReadReady for Uart { fn read_ready(&mut self) -> Result<bool, Infallible> { Ok(false) } }
//! # impl embedded_io::WriteReady for Uart { fn write_ready(&mut self) -> Result<bool, Infallible> { Ok(true) } }
//!
//! /// A device that counts what it is told, and learns nothing.
//! struct Counter { window: [f32; 3], labels: u32 }
//!
//! impl Device for Counter {
//!     fn about(&self) -> About<'_> {
//!         About { start: Fingerprint(0), recipe: "", axes: 3, classes: 2, weights: 0, ram: 16 }
//!     }
//!     fn metrics(&self) -> Metrics {
//!         Metrics { labels: self.labels, ..Metrics::default() }
//!     }
//!     fn window(&mut self) -> &mut [f32] {
//!         &mut self.window
//!     }
//!     fn infer(&mut self) -> Result<Inferred, Refusal> {
//!         Ok(Inferred { class: 0, output: 1.0 })
//!     }
//!     fn label(&mut self, _: u32) -> Result<Learnt, Refusal> {
//!         self.labels += 1;
//!         Ok(Learnt { class: 0, loss: 0.0, steps: 0 })
//!     }
//!     fn state(&mut self) -> Fingerprint {
//!         Fingerprint(0)
//!     }
//! }
//!
//! let mut device = Counter { window: [0.0; 3], labels: 0 };
//! let mut server = Server::<_, 256>::new(Uart);
//! # for _ in 0..3 {
//! // loop {
//! server.poll(&mut device)?;
//! // the rest of the program
//! // }
//! # }
//! # Ok::<(), Infallible>(())
//! ```

#[cfg(any(test, feature = "std"))]
mod client;
mod delta;
mod device;
pub mod frame;
mod message;
mod server;

#[cfg(any(test, feature = "std"))]
pub use client::{Client, Info, TalkError};
pub use delta::{install, pack};
pub use device::{About, Device};
pub use message::{Code, Hello, Inferred, Learnt, Metrics, Refusal, Reply, Request, VERSION};
pub use server::{LEAST_FRAME, Polled, Server};

#[cfg(test)]
mod tests;
