//! Bytes on a line between a device and a PC.

use idinit::device::talk::Request;
use idinit::device::talk::frame::{self, Receiver};

/// Whatever came before, the frame behind the next zero is taken; and bytes in a frame come back.
pub fn talk_frame(data: &[u8]) {
    let mut small = Receiver::<64>::new();
    let mut large = Receiver::<2048>::new();
    for byte in data {
        let whole = small.push(*byte);
        // what has room in the small one has room in the large one
        let also = large.push(*byte);
        assert!(also || !whole);
        assert!(!whole || small.body().is_some() && small.body() == large.body());
    }
    let good = framed(&Request::Metrics);
    assert!(taken(&mut small, &good) && taken(&mut large, &good));

    let data = &data[..data.len().min(1500)];
    let request = Request::Write { at: data.len() as u32, bytes: data };
    let frame = framed(&request);
    assert_eq!(frame.iter().position(|byte| *byte == 0), Some(frame.len() - 1));
    assert!(taken(&mut large, &frame));
    assert_eq!(large.body().map(|(first, message)| (first, postcard(message))), Some((9, request)));
    assert!(frame.len() > 64 || taken(&mut small, &frame));
}

fn postcard(message: &[u8]) -> Request<'_> {
    postcard::from_bytes(message).unwrap()
}

fn framed(request: &Request<'_>) -> Vec<u8> {
    let mut out = vec![0; 2048];
    let len = frame::write(9, request, &mut out).unwrap();
    out.truncate(len);
    out
}

/// Whether a frame behind a zero is taken.
fn taken<const N: usize>(receiver: &mut Receiver<N>, frame: &[u8]) -> bool {
    receiver.push(0);
    frame.iter().fold(false, |_, byte| receiver.push(*byte))
}
