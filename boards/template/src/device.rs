//! The loop: sample, learn what is labelled and tell what is not, keep it, answer a PC.

use super::{
    board::{Clock, Flash, KEPT, Line},
    learning::{Mine, WINDOW},
    sensor::{AXES, PERIOD, SAMPLES, accelerometer, label},
};
use core::fmt;
use embedded_storage::nor_flash::ErrorType;
use idinit::device::{
    keep::{Keep, KeepError},
    learn::Budget,
    sense::{Sampler, Standard, Windows},
    serve::{Identity, Room, Served},
    talk::{Device, Server},
};

/// Bytes of an item in flash, of a frame on the line, and of a delta that comes or goes.
const ITEM: usize = 256;
const FRAME: usize = 256;
const DELTA: usize = 4_096;

/// Microseconds of learning at once; the last step is not cut off. Steps behind a label of a PC.
const BUDGET: u64 = 4_000;
const STEPS: u32 = 8;
/// Windows from a save to the next, if anything has changed.
const SAVED: u32 = 90;

/// Memory beside that of learning: a window and a delta of a PC, and how axes are standardised.
pub struct Stage {
    window: [f32; WINDOW],
    delta: [u8; DELTA],
    numbers: [f32; 3 * AXES],
}

impl Stage {
    /// Zeros, which no flash holds.
    pub const ZEROS: Self =
        Self { window: [0.0; WINDOW], delta: [0; DELTA], numbers: [0.0; 3 * AXES] };
}

/// Why nothing can be kept.
pub type NotKept = KeepError<<Flash as ErrorType>::Error>;

/// Goes on from what was kept, for as long as it is `on`, which a device is for ever.
pub fn run(
    mut learner: Mine,
    stage: &mut Stage,
    (flash, line, clock): (&mut Flash, Line, &mut Clock),
    say: &mut dyn FnMut(fmt::Arguments),
    mut on: impl FnMut() -> bool,
) -> Result<(), NotKept> {
    let mut windows = Windows::<AXES, SAMPLES>::new(SAMPLES, Standard::new(1_000));
    let mut keep = Keep::<_, ITEM>::new(flash, KEPT)?;
    let loaded = keep.load(&mut learner, windows.standard.numbers_mut())?;
    match (loaded.generation, loaded.ignored) {
        (Some(generation), _) => say(format_args!("goes on from generation {generation}\n")),
        (None, None) => say(format_args!("begins at the start\n")),
        (None, Some(ignored)) => say(format_args!("begins at the start: {ignored}\n")),
    }

    let Stage { window, delta, numbers } = stage;
    numbers.copy_from_slice(windows.standard.numbers());
    let room = Room { window, stage: delta, numbers };
    let identity = Identity { axes: AXES as u32, steps: STEPS, ..Identity::default() };
    let mut served = Served::new(learner, keep, room, identity);
    let mut server = Server::<_, FRAME>::new(line);

    let mut sampler = Sampler::new(accelerometer());
    let (mut due, mut number, mut told) = (0, 0_u32, 0);
    while on() {
        // a request of a PC, if one has come; what the line lost is asked for again
        let _ = server.poll(&mut served);
        if clock.micros() < due {
            // where numbers have run away, learning is back at its start and goes on
            if let Err(error) = served.work(Budget::micros(BUDGET, || clock.micros())) {
                say(format_args!("{error}\n"));
            }
            continue;
        }
        due += PERIOD;
        let Some(window) = sampler.read().ok().and_then(|reading| windows.take(reading)) else {
            continue;
        };
        served.numbers().copy_from_slice(windows.standard.numbers());
        served.lose(windows.counts().lost);
        let learner = served.learner();
        let went = match label(number) {
            Some(kind) => learner.label(window.as_flattened(), kind).map(|_| told),
            // what the device does with what it knows is here
            None => learner.infer(window.as_flattened()).map(|guess| guess.class),
        };
        match went {
            Ok(kind) => told = kind,
            Err(error) => say(format_args!("{error}\n")),
        }
        number = number.wrapping_add(1);
        if number.is_multiple_of(SAVED) {
            if let Err(error) = served.save() {
                say(format_args!("not kept: {error}\n"));
            }
            let (right, of) = served.learner().metrics().recent();
            say(format_args!(
                "{number} windows: {right} right of {of}, the last is of kind {told}\n"
            ));
        }
    }
    Ok(())
}
