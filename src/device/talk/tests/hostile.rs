//! Lines that lose, flip, insert and double bytes, and sessions that are cut off anywhere.

use super::*;

/// Each harm alone, and all; of all bytes, one in so many is harmed.
fn harms(one_in: u64) -> [Harm; 5] {
    let none = Harm::default();
    [
        Harm { lost: one_in, ..none },
        Harm { flipped: one_in, ..none },
        Harm { inserted: one_in, ..none },
        Harm { doubled: one_in, ..none },
        Harm { lost: 4 * one_in, flipped: 4 * one_in, inserted: 4 * one_in, doubled: 4 * one_in },
    ]
}

/// A session over a bad line: what was done, up to the first error.
fn session(client: &mut Client<Cable>) -> Result<(), TalkError> {
    client.hello(NONCE)?;
    for number in 0..12 {
        client.label(&window(number), number as u32 % 10)?;
        client.metrics()?;
    }
    let learnt = client.line().toy.state();
    let delta = client.pull()?;
    let mut toy = Toy::trained(0);
    toy.stage[..delta.len()].copy_from_slice(&delta);
    toy.push(delta.len()).unwrap();
    assert_eq!(toy.state(), learnt, "a wrong delta was pulled");
    assert_eq!(client.reset()?, Toy::start());
    assert_eq!(client.push(&delta)?, learnt);
    assert_eq!(client.save()?, learnt);
    Ok(())
}

/// What the device was told is what was sent, each window once and in order, the last one perhaps without
/// an answer.
fn told_as_sent(toy: &Toy) {
    for ((window_, label), number) in toy.told.iter().zip(0..) {
        assert!(*window_ == bits(&window(number)), "window {number} is another");
        assert_eq!(u64::from(*label), number % 10);
    }
    assert!(toy.told.len() <= 12 && toy.saves <= 1);
}

/// A byte in 2,000 is harmed: of the largest requests with their answers, one in eight, so that eight tries
/// are too few once in ten million times.
#[test]
fn a_bad_line_costs_tries_and_nothing_else() {
    let mut repeated = 0;
    for seed in 0..40 {
        for harm in harms(2000) {
            let mut client = client(Toy::new());
            (client.line().harm, client.line().seed) = (harm, seed);
            session(&mut client).unwrap();
            told_as_sent(&client.line().toy);
            assert_eq!((client.line().toy.told.len(), client.line().toy.saves), (12, 1));
            repeated += client.repeated;
        }
    }
    assert!(repeated > 400, "the line was not bad: {repeated}");
}

/// A byte in 300 or 20 is harmed: half of the largest requests do not come through, or nearly all.
#[test]
fn a_terrible_line_ends_in_an_error_and_in_no_wrong_window() {
    let (mut done, mut silent) = (0, 0);
    for seed in 0..60 {
        for harm in harms(300).into_iter().chain(harms(20)) {
            let mut client = client(Toy::new());
            (client.line().harm, client.line().seed) = (harm, seed);
            match session(&mut client) {
                Ok(()) => done += 1,
                Err(TalkError::Silent { tries: 8, .. }) => silent += 1,
                Err(error) => panic!("{error}"),
            }
            told_as_sent(&client.line().toy);
        }
    }
    assert!(done > 0 && silent > 0, "{done} sessions were done, {silent} were not");
}

/// Wherever a session ends, the device's weights are those from before or those of the delta, and the next
/// session is served.
#[test]
fn a_push_that_is_cut_off_anywhere_loses_nothing() {
    let mut other = Toy::trained(150);
    let len = other.pull().unwrap();
    let delta = other.stage[..len].to_vec();
    let mut whole = client(Toy::trained(7));
    whole.hello(NONCE).unwrap();
    whole.push(&delta).unwrap();
    let sent = whole.line().sent.clone();
    let states = [Toy::trained(7).state(), other.state()];
    let mut taken = 0;
    for cut in 0..=sent.len() {
        let mut cable = Cable::new(Toy::trained(7));
        cable.port.comes.borrow_mut().extend(&sent[..cut]);
        cable.settle();
        cable.port.goes.borrow_mut().clear();
        let state = cable.toy.state();
        let place = states.iter().position(|due| *due == state);
        assert!(place.is_some(), "cut at {cut}: weights of nobody");
        taken += place.unwrap_or_default();
        let mut next = Client::new(cable);
        next.patience = Duration::ZERO;
        next.hello([9, 9, 9, 9]).unwrap();
        assert_eq!(next.repeated, 0, "cut at {cut}");
        assert_eq!(next.push(&delta).unwrap(), states[1]);
    }
    // only the last byte completes it
    assert_eq!(taken, 1);
}

/// The device loses power in the middle, and with it what had come.
#[test]
fn a_device_that_was_started_anew_is_noticed() {
    let mut other = Toy::trained(150);
    let len = other.pull().unwrap();
    let mut client = client(Toy::new());
    client.hello(NONCE).unwrap();
    client
        .call(&Request::Push { len: len as u32, sum: frame::checksum(&other.stage[..len]) })
        .unwrap();
    let line = client.line();
    line.server = Server::new(line.port.clone());
    match client.call(&Request::Write { at: 0, bytes: &other.stage[..100] }) {
        Err(TalkError::Refused(Refusal { code: Code::Session, .. })) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(client.line().toy.state(), Toy::start());
}

/// The answer to a label is lost: the label is not.
#[test]
fn what_is_asked_twice_is_done_once() {
    let mut client = client(Toy::new());
    client.hello(NONCE).unwrap();
    let mut out = [0; 64];
    let label = Request::Label { sum: frame::checksum_of(&[f32::NAN; WINDOW]), label: 4 };
    let len = frame::write(1, &label, &mut out).unwrap();
    let cable = client.line();
    let mut answers = vec![];
    for _ in 0..3 {
        cable.port.comes.borrow_mut().extend(&out[..len]);
        cable.settle();
        answers.push(cable.port.goes.borrow_mut().drain(..).collect::<Vec<u8>>());
    }
    assert_eq!(cable.toy.told.len(), 1);
    assert!(answers[0].len() > 5 && answers[0] == answers[1] && answers[1] == answers[2]);
}

/// What somebody asked before, and what is asked too soon, is nobody's request.
#[test]
fn a_count_that_is_not_due_is_refused() {
    let mut client = client(Toy::new());
    client.hello(NONCE).unwrap();
    client.metrics().unwrap();
    let cable = client.line();
    for count in [0, 3, 127] {
        let label = Request::Label { sum: frame::checksum_of(&[f32::NAN; WINDOW]), label: 4 };
        let mut out = [0; 64];
        let len = frame::write(count, &label, &mut out).unwrap();
        cable.port.comes.borrow_mut().extend(&out[..len]);
        cable.settle();
        let mut receiver = frame::Receiver::<300>::new();
        cable.port.goes.borrow_mut().drain(..).for_each(|byte| {
            receiver.push(byte);
        });
        let refused = Reply::Refused(Refusal::new(Code::Session, 0, 0));
        let (first, message) = receiver.body().unwrap();
        assert_eq!((first, postcard::from_bytes(message)), (0x80 | count, Ok(refused)));
    }
    assert_eq!(cable.toy.told.len(), 0);
    // and the session goes on
    client.metrics().unwrap();
}

/// The answer to a greeting of before still waits on the line.
#[test]
fn an_answer_of_another_session_is_not_taken() {
    let mut client = client(Toy::new());
    let old = Hello {
        nonce: [9; 4],
        version: VERSION,
        idinit: "0.0.1",
        math: "libm",
        start: 1,
        recipe: "another",
        window: 1,
        axes: 1,
        classes: 1,
        weights: 1,
        ram: 1,
        chunk: 4,
        delta: 1,
    };
    let mut out = [0; 160];
    let len = frame::write(0x80, &Reply::Hello(old), &mut out).unwrap();
    client.line().port.goes.borrow_mut().extend(&out[..len]);
    assert_eq!(client.hello(NONCE).unwrap().start, Toy::start());
}

/// A line that says back what it hears, as a terminal does, is no device.
#[test]
fn an_echo_is_no_answer() {
    struct Echo(VecDeque<u8>);
    impl io::Read for Echo {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            match self.0.is_empty() {
                true => Err(io::ErrorKind::TimedOut.into()),
                false => self.0.read(bytes),
            }
        }
    }
    impl io::Write for Echo {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.extend(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut client = Client::new(Echo(VecDeque::new()));
    client.patience = Duration::ZERO;
    let error = client.hello(NONCE).unwrap_err();
    assert!(error.to_string().contains("bytes of something else"), "{error}");
}
