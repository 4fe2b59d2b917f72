//! The device's side never waits, whatever the line does.

use super::*;
use core::fmt;
use embedded_io::{ErrorKind, ErrorType};

#[derive(Debug)]
struct Overrun;

impl fmt::Display for Overrun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("overrun")
    }
}

impl core::error::Error for Overrun {}

impl embedded_io::Error for Overrun {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

/// A line that can be asked to do wrong.
struct Bad {
    comes: VecDeque<Option<u8>>,
    goes: Vec<u8>,
    /// Bytes that it still takes.
    room: usize,
}

impl ErrorType for Bad {
    type Error = Overrun;
}

impl embedded_io::Read for Bad {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Overrun> {
        bytes[0] = self.comes.pop_front().expect("reading would wait for ever").ok_or(Overrun)?;
        Ok(1)
    }
}

impl embedded_io::ReadReady for Bad {
    fn read_ready(&mut self) -> Result<bool, Overrun> {
        Ok(!self.comes.is_empty())
    }
}

impl embedded_io::Write for Bad {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Overrun> {
        let some = bytes.len().min(self.room);
        assert!(some > 0, "writing would wait for ever");
        self.room -= some;
        self.goes.extend(&bytes[..some]);
        Ok(some)
    }

    fn flush(&mut self) -> Result<(), Overrun> {
        panic!("flushing may wait for ever");
    }
}

impl embedded_io::WriteReady for Bad {
    fn write_ready(&mut self) -> Result<bool, Overrun> {
        Ok(self.room > 0)
    }
}

fn hello() -> Vec<Option<u8>> {
    let mut out = [0; 64];
    let request = Request::Hello { nonce: NONCE, version: VERSION };
    let len = frame::write(0, &request, &mut out).unwrap();
    out[..len].iter().copied().map(Some).collect()
}

fn server(room: usize) -> Server<Bad, 256> {
    Server::new(Bad { comes: VecDeque::new(), goes: vec![], room })
}

#[test]
fn a_reader_that_left_holds_nobody_up() {
    let (mut server, mut toy) = (server(3), Toy::new());
    server.line().comes.extend(hello());
    server.line().comes.extend(hello());
    assert_eq!(server.poll(&mut toy).unwrap(), Polled::Answered);
    for _ in 0..10 {
        assert_eq!(server.poll(&mut toy).unwrap(), Polled::Idle);
    }
    // what was asked meanwhile waits on the line
    assert_eq!((server.line().goes.len(), server.line().comes.len()), (3, hello().len()));
    server.line().room = 1000;
    assert_eq!(server.poll(&mut toy).unwrap(), Polled::Answered);
    let goes = &server.line().goes;
    assert_eq!(goes.iter().filter(|byte| **byte == 0).count(), 2);
    let (one, two) = goes.split_at(goes.len() / 2);
    assert_eq!(one, two);
}

#[test]
fn noise_without_end_is_taken_in_portions() {
    let (mut server, mut toy) = (server(1000), Toy::new());
    server.line().comes.extend(core::iter::repeat_n(Some(0x55), 10_000));
    let mut polls = 0;
    while server.poll(&mut toy).unwrap() == Polled::Moved {
        polls += 1;
    }
    assert_eq!(polls, 10_000_usize.div_ceil(256));
    server.line().comes.push_back(Some(0));
    server.line().comes.extend(hello());
    assert_eq!(server.poll(&mut toy).unwrap(), Polled::Answered);
}

#[test]
fn what_the_line_lost_spoils_a_frame_and_no_other() {
    let (mut server, mut toy) = (server(1000), Toy::new());
    let mut frame = hello();
    frame.insert(5, None);
    server.line().comes.extend(frame);
    server.line().comes.extend(hello());
    assert!(server.poll(&mut toy).is_err());
    assert_eq!(server.poll(&mut toy).unwrap(), Polled::Answered);
    assert_eq!(server.damaged(), 1);
    assert!(server.line().comes.is_empty());
}
