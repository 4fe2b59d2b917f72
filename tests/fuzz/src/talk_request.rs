//! What somebody asks a device.

use super::bytes::Bytes;
use core::convert::Infallible;
use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
use idinit::device::talk::frame::{Receiver, checksum, checksum_of};
use idinit::device::talk::{
    About, Device, Inferred, Learnt, Metrics, Polled, Refusal, Reply, Request, Server,
};
use idinit::recipe::Fingerprint;
use std::collections::VecDeque;

/// Messages, each behind its length, in sound frames with the counts that are due: each is answered once, and
/// what the device is told is what was sent. Then the bytes as they are, on the same line.
pub fn talk_request(data: &[u8]) {
    let mut server = Server::<_, 160>::new(Line::default());
    let mut toy = Toy { window: [0.0; 5], stage: [0; 100], labels: 0 };
    let hello = [0, 7, 7, 7, 7, 1];
    let answer = asked(&mut server, &mut toy, 0, &hello);
    assert!(matches!(read(&answer), Some(Reply::Hello(hello)) if hello.nonce == [7; 4]));
    let (mut bytes, mut count) = (Bytes(data), 0);
    while !bytes.0.is_empty() {
        let len = usize::from(bytes.byte() % 128).min(bytes.0.len());
        let (message, rest) = bytes.0.split_at(len);
        bytes.0 = rest;
        let request = match postcard::take_from_bytes::<Request>(message) {
            Ok((request, [])) => Some(request),
            _ => None,
        };
        comes_back(request.as_ref());
        // a hello takes any count, and begins with it
        count = (count + 1) % 128;
        let before = toy.labels;
        let due = checksum_of(&toy.window);
        let answer = asked(&mut server, &mut toy, count, message);
        let reply = read(&answer).unwrap();
        if let Reply::Learnt(_) = reply {
            assert!(matches!(request, Some(Request::Label { sum, label: 0..3 }) if sum == due));
        }
        assert_eq!(toy.labels, before + u32::from(matches!(reply, Reply::Learnt(_))));
        // once more: the same answer, and nothing done, unless it is a greeting
        let labels = toy.labels;
        assert_eq!(asked(&mut server, &mut toy, count, message), answer);
        assert_eq!(toy.labels, labels);
        if let Some(Request::Hello { version, .. }) = request
            && version != 1
        {
            asked(&mut server, &mut toy, count, &hello);
        }
    }
    server.line().comes.extend(data);
    while server.poll(&mut toy) != Ok(Polled::Idle) {}
    server.line().comes.push_back(0);
    server.poll(&mut toy).unwrap();
    server.line().goes.clear();
    let answer = asked(&mut server, &mut toy, 0, &hello);
    assert!(matches!(read(&answer), Some(Reply::Hello(_))));
}

/// What was read is written and read to the same.
fn comes_back(request: Option<&Request<'_>>) {
    if let Some(request) = request {
        let bytes = postcard::to_extend(request, Vec::new()).unwrap();
        assert_eq!(postcard::from_bytes::<Request>(&bytes).as_ref(), Ok(request));
    }
}

fn read(answer: &[u8]) -> Option<Reply<'_>> {
    match postcard::take_from_bytes(answer) {
        Ok((reply, [])) => Some(reply),
        _ => None,
    }
}

/// The message that answers another, in the only frame that comes.
fn asked(server: &mut Server<Line, 160>, toy: &mut Toy, count: u8, message: &[u8]) -> Vec<u8> {
    let mut body = vec![count];
    body.extend(message);
    body.extend(checksum(&body).to_le_bytes());
    server.line().comes.extend(stuffed(&body));
    while server.poll(toy) != Ok(Polled::Idle) {}
    let mut receiver = Receiver::<160>::new();
    let goes: Vec<u8> = server.line().goes.drain(..).collect();
    let whole: Vec<bool> = goes.iter().map(|byte| receiver.push(*byte)).collect();
    assert_eq!(whole.iter().position(|whole| *whole), Some(goes.len() - 1));
    let (first, message) = receiver.body().unwrap();
    assert_eq!(first, 128 | count);
    message.to_vec()
}

/// COBS by its definition, and the zero.
fn stuffed(body: &[u8]) -> Vec<u8> {
    let mut out = vec![];
    for group in body.split(|byte| *byte == 0) {
        // none has 254 bytes
        out.push(group.len() as u8 + 1);
        out.extend(group);
    }
    out.push(0);
    out
}

/// What learns nothing.
struct Toy {
    window: [f32; 5],
    stage: [u8; 100],
    labels: u32,
}

impl Device for Toy {
    fn about(&self) -> About<'_> {
        let start = Fingerprint(3);
        About { start, recipe: "idinit/1 mlp idinit", axes: 1, classes: 3, weights: 9, ram: 200 }
    }

    fn metrics(&self) -> Metrics {
        Metrics { labels: self.labels, ..Metrics::default() }
    }

    fn window(&mut self) -> &mut [f32] {
        &mut self.window
    }

    fn infer(&mut self) -> Result<Inferred, Refusal> {
        Ok(Inferred { class: 1, output: self.window[0] })
    }

    fn label(&mut self, _: u32) -> Result<Learnt, Refusal> {
        self.labels += 1;
        Ok(Learnt { class: 1, loss: 0.5, steps: 1 })
    }

    fn state(&mut self) -> Fingerprint {
        Fingerprint(4)
    }

    fn stage(&mut self) -> &mut [u8] {
        &mut self.stage
    }

    fn pull(&mut self) -> Result<usize, Refusal> {
        Ok(90)
    }

    fn push(&mut self, len: usize) -> Result<(), Refusal> {
        match self.stage[..len] {
            [1, ..] => Ok(()),
            _ => Err(Refusal::UNSUPPORTED),
        }
    }
}

#[derive(Default)]
struct Line {
    comes: VecDeque<u8>,
    goes: VecDeque<u8>,
}

impl ErrorType for Line {
    type Error = Infallible;
}

impl Read for Line {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Infallible> {
        let some = bytes.len().min(self.comes.len());
        bytes.iter_mut().zip(self.comes.drain(..some)).for_each(|(byte, came)| *byte = came);
        Ok(some)
    }
}

impl ReadReady for Line {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(!self.comes.is_empty())
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.goes.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl WriteReady for Line {
    fn write_ready(&mut self) -> Result<bool, Infallible> {
        Ok(true)
    }
}
