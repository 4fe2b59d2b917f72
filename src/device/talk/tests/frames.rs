//! Frames, byte by byte. What is due was made by this program:
//!
//! ```python
//! import binascii, struct
//! def cobs(b):  # groups of up to 254 bytes that are not zero, each behind its length and one
//!     out, i = bytearray(), 0
//!     while True:
//!         j = i
//!         while j < len(b) and b[j] and j - i < 254: j += 1
//!         out.append(j - i + 1); out += b[i:j]
//!         if j == len(b): return bytes(out)
//!         i = j + (j - i < 254)
//! def varint(n):
//!     return bytes([n & 127 | 128]) + varint(n >> 7) if n > 127 else bytes([n])
//! def frame(first, *parts):
//!     body = bytes([first]) + b''.join(p if isinstance(p, bytes) else varint(p) for p in parts)
//!     return (cobs(body + struct.pack('<I', binascii.crc32(body))) + b'\0').hex(' ')
//! ```

use super::*;
use frame::Receiver;
use serde::Serialize;

fn hex<T: Serialize>(first: u8, message: &T) -> String {
    let mut bytes = [0; 4096];
    let len = frame::write(first, message, &mut bytes).unwrap();
    let all: Vec<String> = bytes[..len].iter().map(|byte| format!("{byte:02x}")).collect();
    all.join(" ")
}

/// `frame(0, 0, bytes([1, 2, 3, 4, 1]))` and so on.
#[test]
fn requests_are_these_bytes() {
    let hello = Request::Hello { nonce: NONCE, version: 1 };
    assert_eq!(hex(0, &hello), "01 01 0a 01 02 03 04 01 8e 75 28 1b 00");
    let numbers = [1.0_f32, -2.5].map(f32::to_le_bytes);
    let window = Request::Window { at: 300, numbers: numbers.as_flattened() };
    assert_eq!(hex(4, &window), "06 04 02 ac 02 08 01 03 80 3f 01 07 20 c0 bc 35 9d 54 00");
    let label = Request::Label { sum: 0x1234_5678, label: 3 };
    assert_eq!(hex(5, &label), "0d 05 04 f8 ac d1 91 01 03 3d 70 b0 77 00");
    let sum = 0xdead_beef;
    let cases = [
        (Request::Metrics, "07 09 01 20 99 1c e7 00"),
        (Request::Infer { sum }, "0c 09 03 ef fd b6 f5 0d 90 9d 41 86 00"),
        (Request::Pull, "07 09 05 39 5d 71 e0 00"),
        (Request::Read { at: 236 }, "09 09 06 ec 01 52 60 0d dd 00"),
        (Request::Push { len: 1500, sum }, "0e 09 07 dc 0b ef fd b6 f5 0d 8d 47 ea 4e 00"),
        (
            Request::Write { at: 236, bytes: &[1, 0, 2] },
            "07 09 08 ec 01 03 01 06 02 99 dc 1d e8 00",
        ),
        (Request::Take, "07 09 09 12 11 c7 e9 00"),
        (Request::Save, "07 09 0a a8 40 ce 70 00"),
        (Request::Reset, "07 09 0b 3e 70 c9 07 00"),
        (Request::Pause, "07 09 0c 9d e5 ad 99 00"),
        (Request::Resume, "07 09 0d 0b d5 aa ee 00"),
        (Request::Budget { steps: u32::MAX }, "0c 09 0e ff ff ff ff 0f ae ee 9c 9b 00"),
    ];
    for (request, due) in cases {
        assert_eq!(hex(9, &request), due, "{request:?}");
    }
}

#[test]
fn answers_are_these_bytes() {
    let hello = Hello {
        nonce: NONCE,
        version: 1,
        idinit: "0.1.0",
        math: "libm",
        start: 0x43e3_f060_afb7_fa77,
        recipe: "idinit/1 mlp hidden=32,32 idinit",
        window: 64,
        axes: 1,
        classes: 10,
        weights: 3466,
        ram: 30_000,
        chunk: 236,
        delta: 4096,
    };
    assert_eq!(
        hex(0x80, &Reply::Hello(hello)),
        "02 80 4b 01 02 03 04 01 05 30 2e 31 2e 30 04 6c 69 62 6d f7 f4 df fd 8a 8c fc f1 43 20 69 64 69 \
         6e 69 74 2f 31 20 6d 6c 70 20 68 69 64 64 65 6e 3d 33 32 2c 33 32 20 69 64 69 6e 69 74 40 01 0a \
         8a 1b b0 ea 01 ec 01 80 20 0c 27 fb 0d 00"
    );
    let metrics = Metrics {
        steps: 5,
        examples: 300,
        labels: 7,
        right: 6,
        recent_right: 3,
        recent: 4,
        loss: 0.5,
        lost: 0,
        ram: 30_000,
        saves: 1,
        budget: u32::MAX,
        paused: true,
    };
    let refusal = Refusal::new(Code::Class, 10, 11);
    let cases = [
        (
            Reply::Metrics(metrics),
            "0a 81 01 05 ac 02 07 06 03 04 01 01 02 3f 0f b0 ea 01 01 ff ff ff ff 0f 01 98 f4 dc b7 00",
        ),
        (
            Reply::Inferred(Inferred { class: 7, output: 2.25 }),
            "04 83 03 07 01 07 10 40 6e d2 38 2c 00",
        ),
        (
            Reply::Learnt(Learnt { class: 7, loss: 0.75, steps: 1 }),
            "04 84 04 07 01 08 40 3f 01 88 d7 5a 04 00",
        ),
        (Reply::Refused(refusal), "0a 85 08 04 0a 0b ce 79 a4 10 00"),
        (
            Reply::Delta { len: 1500, sum: 0xdead_beef },
            "0e 86 05 dc 0b ef fd b6 f5 0d 6e 8f 23 b5 00",
        ),
        (Reply::Chunk { at: 236, bytes: &[1, 0, 2] }, "07 87 06 ec 01 03 01 06 02 2c 30 93 fe 00"),
        (
            Reply::State { weights: 0x43e3_f060_afb7_fa77 },
            "10 88 07 f7 f4 df fd 8a 8c fc f1 43 15 58 3d 3b 00",
        ),
    ];
    // the first bytes count on: 81, 83, 84, 85 …
    for ((reply, due), first) in cases.iter().zip([0x81, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88]) {
        assert_eq!(hex(first, reply), *due, "{reply:?}");
    }
}

/// Undoes COBS by its definition.
fn unstuffed(frame: &[u8]) -> Vec<u8> {
    let (mut rest, mut all) = (&frame[..frame.len() - 1], vec![]);
    while let Some((distance, more)) = rest.split_first() {
        let (group, more) = more.split_at(usize::from(*distance) - 1);
        all.extend(group);
        if *distance < 255 && !more.is_empty() {
            all.push(0);
        }
        rest = more;
    }
    all
}

fn framed(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 2048];
    let len = frame::write(9, &Request::Write { at: 0, bytes }, &mut out).unwrap();
    out.truncate(len);
    out
}

/// Lengths around groups of 254, with zeros everywhere, nowhere and here and there.
#[test]
fn a_frame_of_any_bytes_comes_back() {
    for len in (0..20).chain(225..270).chain(480..530) {
        for zeros in [1, 2, 100, 1000] {
            let bytes: Vec<u8> = (1..=len).map(|k| (k % zeros) as u8).collect();
            let frame = framed(&bytes);
            assert_eq!(frame.iter().position(|byte| *byte == 0), Some(frame.len() - 1));
            let mut receiver = Receiver::<1024>::new();
            let whole: Vec<bool> = frame.iter().map(|byte| receiver.push(*byte)).collect();
            assert_eq!(whole.iter().position(|whole| *whole), Some(frame.len() - 1));
            let (first, message) = receiver.body().unwrap();
            let reference = unstuffed(&frame);
            assert_eq!((first, message), (9, &reference[1..reference.len() - 4]));
            let request: Request = postcard::from_bytes(message).unwrap();
            assert_eq!(request, Request::Write { at: 0, bytes: &bytes });
        }
    }
}

#[test]
fn a_chunk_of_the_stated_length_has_room() {
    for size in LEAST_FRAME..2000 {
        let bytes = vec![9; frame::chunk(size)];
        let mut out = vec![0; size];
        for at in [0, u32::MAX] {
            frame::write(1, &Reply::Chunk { at, bytes: &bytes }, &mut out).unwrap();
        }
    }
}

#[test]
fn the_largest_answer_has_room_in_the_least_frame() {
    let most = "9".repeat(64);
    let m = u32::MAX;
    let hello = Hello {
        nonce: [9; 4],
        version: 255,
        idinit: "65535.65535.65535",
        math: "micromath",
        start: u64::MAX,
        recipe: &most,
        window: m,
        axes: m,
        classes: m,
        weights: m,
        ram: m,
        chunk: u16::MAX,
        delta: m,
    };
    let refusal = Refusal::new(Code::Engine, u64::MAX, u64::MAX);
    for reply in [Reply::Hello(hello), Reply::Refused(refusal)] {
        assert!(frame::write(0x80, &reply, &mut [0; LEAST_FRAME]).is_ok());
    }
}

/// Whether a receiver takes a frame at the last of these bytes.
fn takes(receiver: &mut Receiver<300>, bytes: &[u8]) -> bool {
    bytes.iter().fold(false, |_, byte| receiver.push(*byte))
}

#[test]
fn every_flip_of_a_bit_every_loss_and_every_byte_more_is_found() {
    let frame = framed(&(0..100).map(|k| k % 5).collect::<Vec<u8>>());
    for bit in 0..8 * (frame.len() - 1) {
        let mut bytes = frame.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let mut receiver = Receiver::new();
        assert!(!takes(&mut receiver, &bytes), "bit {bit}");
        assert!(receiver.damaged() > 0, "bit {bit}");
        assert!(takes(&mut receiver, &frame), "behind bit {bit}");
    }
    for place in 0..frame.len() - 1 {
        let mut receiver = Receiver::new();
        let lost = [&frame[..place], &frame[place + 1..]].concat();
        assert!(!takes(&mut receiver, &lost), "without byte {place}");
        assert!(takes(&mut receiver, &frame), "behind byte {place}");
        let more = [&frame[..place], &[77], &frame[place..]].concat();
        assert!(!takes(&mut receiver, &more), "more at {place}");
        assert!(takes(&mut receiver, &[&frame[..place], &[0], &frame].concat()), "cut at {place}");
    }
}

#[test]
fn what_is_too_long_is_left_out_and_the_next_is_taken() {
    let long = framed(&[9; 500]);
    let frame = framed(&[1, 2, 3]);
    let mut receiver = Receiver::new();
    assert!(!takes(&mut receiver, &long));
    assert_eq!(receiver.damaged(), 1);
    assert!(takes(&mut receiver, &frame));
    receiver.spoil();
    assert!(!takes(&mut receiver, &frame));
    assert!(takes(&mut receiver, &frame));
    receiver.spoil();
    assert!(takes(&mut receiver, &[&[0], &frame[..]].concat()), "a zero ends what was spoilt");
    assert!(frame::write(0, &Request::Write { at: 0, bytes: &[9; 300] }, &mut [0; 300]).is_err());
}
