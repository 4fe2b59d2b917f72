//! What a device answers over a line that is good.

use super::*;
use crate::init::Kaiming;

#[test]
fn a_device_says_what_it_is() {
    let mut client = client(Toy::new());
    let info = client.hello(NONCE).unwrap();
    let due = Info {
        idinit: env!("CARGO_PKG_VERSION").into(),
        math: crate::math::NAME.into(),
        start: Toy::start(),
        recipe: "idinit/1 mlp hidden=32,32 idinit".into(),
        window: WINDOW,
        axes: 1,
        classes: 10,
        weights: WEIGHTS as u32,
        ram: 30_000,
        chunk: 236,
        delta: 2500,
    };
    assert_eq!(info, due);
    assert_eq!(client.repeated, 0);
}

#[test]
fn a_window_comes_as_it_was_sent() {
    let mut client = client(Toy::new());
    client.hello(NONCE).unwrap();
    let inferred = client.infer(&window(1)).unwrap();
    assert_eq!(inferred, Inferred { class: 7, output: window(1)[69] });
    for (number, label) in [(2, 9), (3, 0)] {
        let learnt = client.label(&window(number), label).unwrap();
        assert_eq!(learnt, Learnt { class: 3, loss: 0.75, steps: 1 });
    }
    let toy = &client.line().toy;
    assert_eq!(toy.told, [(bits(&window(2)), 9), (bits(&window(3)), 0)]);
    assert_eq!(client.metrics().unwrap().labels, 2);
}

#[test]
fn what_is_set_is_set() {
    let mut client = client(Toy::trained(3));
    client.hello(NONCE).unwrap();
    client.pause(true).unwrap();
    client.budget(17).unwrap();
    let metrics = client.metrics().unwrap();
    assert_eq!((metrics.paused, metrics.budget, metrics.saves), (true, 17, 0));
    client.pause(false).unwrap();
    let trained = Toy::trained(3).state();
    assert_eq!(client.save().unwrap(), trained);
    let metrics = client.metrics().unwrap();
    assert_eq!((metrics.paused, metrics.saves), (false, 1));
    assert_eq!(client.reset().unwrap(), Toy::start());
}

#[test]
fn a_delta_goes_out_and_comes_back() {
    let mut client = client(Toy::trained(200));
    client.hello(NONCE).unwrap();
    let delta = client.pull().unwrap();
    assert!(delta.len() > 2 * 236, "{} bytes are too few for chunks", delta.len());
    let mut toy = Toy::trained(200);
    let len = toy.pull().unwrap();
    assert_eq!(delta, toy.stage[..len]);
    assert_eq!(client.reset().unwrap(), Toy::start());
    assert_eq!(client.push(&delta).unwrap(), toy.state());
    assert_eq!(bits(&client.line().toy.weights), bits(&toy.weights));
}

fn refusal<T: core::fmt::Debug>(result: Result<T, TalkError>) -> Refusal {
    match result {
        Err(TalkError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_delta_that_is_not_for_the_device_changes_nothing() {
    let mut client = client(Toy::trained(50));
    client.hello(NONCE).unwrap();
    let before = Toy::trained(50).state();
    let mut other = Toy::trained(9);
    let good = {
        let len = other.pull().unwrap();
        other.stage[..len].to_vec()
    };
    let drawn: Initial<'_, _> =
        Initial::new(NET.nodes(), Kaiming { seed: 1, ..Kaiming::default() });
    let len = pack(&drawn, &other.weights, None, &mut other.stage).unwrap();
    let strange = other.stage[..len].to_vec();
    assert_eq!(refusal(client.push(&strange)).code, Code::Start);
    let damaged = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 4;
        bytes
    };
    // what came on the line is what was sent, and was damaged before
    for at in [0, 9, 20, good.len() / 2, good.len() - 1] {
        assert_eq!(refusal(client.push(&damaged(at))).code, Code::Delta, "byte {at}");
    }
    for cut in [0, 1, 50, good.len() - 1] {
        assert_eq!(refusal(client.push(&good[..cut])).code, Code::Delta, "{cut} bytes");
    }
    assert_eq!(refusal(client.push(&[&good[..], &[0]].concat())).code, Code::Delta);
    assert_eq!(refusal(client.push(&[0; 2501])), Refusal::new(Code::Room, 2500, 2501));
    assert_eq!(client.line().toy.state(), before);
    assert_eq!(client.push(&good).unwrap(), other.state());
}

#[test]
fn a_delta_without_room_says_so() {
    let mut toy = Toy::trained(200);
    toy.stage.truncate(400);
    let mut client = client(toy);
    client.hello(NONCE).unwrap();
    assert_eq!(refusal(client.pull()), Refusal::new(Code::Room, 400, 401));
    assert_eq!(client.line().toy.state(), Toy::trained(200).state());
}

#[test]
fn mistakes_are_refused_with_their_numbers() {
    let mut client = client(Toy::new());
    client.hello(NONCE).unwrap();
    assert_eq!(refusal(client.label(&window(0), 10)), Refusal::new(Code::Class, 10, 10));
    match client.infer(&[0.0; 69]) {
        Err(TalkError::Window { need: 70, got: 69 }) => {}
        other => panic!("{other:?}"),
    }
    let raw = |client: &mut Client<Cable>, request| refusal(client.call(&request).map(|_| ()));
    let numbers = [0; 8];
    let place = Request::Window { at: 69, numbers: &numbers };
    assert_eq!(raw(&mut client, place), Refusal::new(Code::Place, 70, 71));
    let place = Request::Window { at: u32::MAX, numbers: &numbers };
    assert_eq!(raw(&mut client, place).code, Code::Place);
    let broken = Request::Window { at: 0, numbers: &numbers[..7] };
    assert_eq!(raw(&mut client, broken).code, Code::Place);
    let sum = frame::checksum_of(&window(0));
    for wrong in [Request::Infer { sum: !sum }, Request::Label { sum: !sum, label: 1 }] {
        assert_eq!(raw(&mut client, wrong).code, Code::Checksum);
    }
    for nothing in [Request::Read { at: 0 }, Request::Write { at: 0, bytes: &[] }, Request::Take] {
        assert_eq!(raw(&mut client, nothing).code, Code::Nothing);
    }
    client.call(&Request::Push { len: 10, sum: 0 }).unwrap();
    let behind = Request::Write { at: 8, bytes: &[0; 3] };
    assert_eq!(raw(&mut client, behind), Refusal::new(Code::Place, 10, 11));
    assert_eq!(raw(&mut client, Request::Take).code, Code::Checksum);
    let len = match client.call(&Request::Pull).unwrap() {
        Reply::Delta { len, .. } => len,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        client.call(&Request::Read { at: len }).unwrap(),
        Reply::Chunk { at: len, bytes: &[] }
    );
    let behind = raw(&mut client, Request::Read { at: len + 1 });
    assert_eq!(behind, Refusal::new(Code::Place, len.into(), u64::from(len) + 1));
    assert_eq!(client.line().toy.told.len(), 0);
}

#[test]
fn every_refusal_is_a_sentence_of_its_own() {
    let codes = [
        Code::Unknown,
        Code::Session,
        Code::Place,
        Code::Checksum,
        Code::Class,
        Code::Room,
        Code::Start,
        Code::Result,
        Code::Delta,
        Code::Nothing,
        Code::Unsupported,
        Code::Busy,
        Code::Flash,
        Code::Engine,
    ];
    let mut all: Vec<String> =
        codes.iter().map(|code| Refusal::new(*code, 1, 2).to_string()).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), codes.len());
}

/// A device of another version answers a hello so that its version is understood, and what else it says
/// is not.
#[test]
fn another_version_is_named() {
    struct Other(VecDeque<u8>);
    impl io::Read for Other {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            self.0.read(bytes)
        }
    }
    impl io::Write for Other {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut out = [0; 100];
    let message = (0_u8, NONCE, 2_u8, 0xffff_ffff_u32, "what comes in version 2");
    let len = frame::write(0x80, &message, &mut out).unwrap();
    let error = Client::new(Other(out[..len].iter().copied().collect())).hello(NONCE).unwrap_err();
    assert!(error.to_string().contains("speaks version 2"), "{error}");
}

#[test]
fn a_request_of_another_version_opens_no_session() {
    let mut client = client(Toy::new());
    assert_eq!(refusal(client.metrics()).code, Code::Session);
    client.call(&Request::Hello { nonce: NONCE, version: 2 }).unwrap();
    assert_eq!(refusal(client.metrics()).code, Code::Session);
}

/// What this version does not know is refused, and is no damage.
#[test]
fn a_request_that_is_unknown_is_refused() {
    let mut cable = Cable::new(Toy::new());
    let mut ask = |first: u8, message: &[u8]| {
        let mut out = [0; 300];
        // an array has no length in front
        let len = match message.len() {
            1 => frame::write(first, &message[0], &mut out),
            6 => frame::write(first, message.first_chunk::<6>().unwrap(), &mut out),
            _ => panic!(),
        };
        cable.port.comes.borrow_mut().extend(&out[..len.unwrap()]);
        cable.settle();
        let mut receiver = frame::Receiver::<300>::new();
        let whole = cable.port.goes.borrow_mut().drain(..).map(|byte| receiver.push(byte)).last();
        assert_eq!(whole, Some(true));
        let (first, message) = receiver.body().unwrap();
        (first, message.to_vec())
    };
    let (first, hello) = ask(0, &[0, 1, 2, 3, 4, 1]);
    assert_eq!((first, hello[0]), (0x80, 0));
    // 15 is the first number that nothing has
    let (first, refused) = ask(1, &[15]);
    let due = Reply::Refused(Refusal::new(Code::Unknown, 0, 0));
    assert_eq!((first, postcard::from_bytes(&refused)), (0x81, Ok(due)));
    // and something behind a request is no request
    let (_, refused) = ask(2, &[1, 0, 0, 0, 0, 0]);
    assert_eq!(postcard::from_bytes(&refused), Ok(due));
    assert_eq!(cable.server.damaged(), 0);
}
