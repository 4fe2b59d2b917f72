//! The least that proving, updating and inferring from a start need, to be weighed by
//! `boards/measure.sh`.

use crate::{
    Board, Lend,
    nets::CLASSES,
    programs::identity,
    recipe::{ARENA, LAYER, PLAN, Refused, apply, begun, outputs},
    sine_int8,
};
use core::hint::black_box;
use idinit::{
    device::{
        keep::{Keep, RamFlash},
        learn::Counters,
    },
    init::IdInit,
    int8::Int8,
    recipe::Fingerprint,
};

fn end<B: Board>(ok: bool) -> ! {
    B::exit(if black_box(ok) { 0 } else { 1 })
}

/// Writes a matrix: what is behind it costs this much less.
pub fn fill<B: Board>() -> ! {
    let mut weights = [f32::NAN; 64 * 64];
    end::<B>(identity(black_box(&mut weights)).is_ok())
}

/// Writes a matrix and takes its fingerprint.
pub fn fingerprint<B: Board>() -> ! {
    let mut weights = [f32::NAN; 64 * 64];
    let filled = identity(black_box(&mut weights)).is_ok();
    end::<B>(filled && Fingerprint::of(black_box(&weights)) == black_box(Fingerprint(1)))
}

/// Writes a start a page at a time.
pub fn start<B: Board>() -> ! {
    let (initial, mut page) = (begun(black_box(IdInit::PAPER)), [0.0; 64]);
    let mut at = 0;
    while at < initial.len() && initial.fill_window(at, &mut page).is_ok() {
        black_box(&page);
        at += page.len();
    }
    end::<B>(true)
}

/// The same with a delta on top.
pub fn delta<B: Board>() -> ! {
    let (initial, delta) = (begun(black_box(IdInit::PAPER)), black_box(&[0_u8; 0][..]));
    let page = |_, page: &[f32]| {
        black_box(page);
    };
    end::<B>(apply(&initial, delta.iter().copied(), page).is_ok())
}

/// Keeps what differs from a start in flash, and reads it back.
pub fn keep<B: Board>() -> ! {
    static WEIGHTS: Lend<[f32; PLAN.weights]> = Lend::new([0.0; PLAN.weights]);
    let Some(weights) = WEIGHTS.take() else { end::<B>(false) };
    let (initial, flash) = (begun(black_box(IdInit::PAPER)), RamFlash::<32_768, 4_096>::new());
    let Ok(mut keep) = Keep::<_, 256>::new(flash, 0..32_768) else { end::<B>(false) };
    let read = keep.read(&initial, black_box(weights), &mut []);
    black_box(&mut *weights);
    let written = keep.write(&initial, weights, black_box(Counters::default()), &[]);
    end::<B>(read.is_ok() && written.is_ok())
}

/// Infers from a start.
pub fn unstored<B: Board>() -> ! {
    let (initial, mut arena) = (begun(black_box(IdInit::PAPER)), [0.0; ARENA]);
    let rule = |at: usize, w: &mut [f32]| initial.fill_window(at, w).map_err(Refused::from);
    let y = outputs::<LAYER, _>(black_box(&[0.5; 64]), &mut arena, rule);
    end::<B>(y.is_ok_and(|y| black_box(y) == [0.0; CLASSES]))
}

/// The sine of a number, in whole numbers of 8 bits.
pub fn sine<B: Board>() -> ! {
    let mut arena = [0; sine_int8::PLAN.arena];
    let mut y = [0.0];
    let engine = Int8::<sine_int8::Layers>::new(sine_int8::PLAN.net(), &mut arena);
    let done = engine.and_then(|mut engine| engine.infer(black_box(&[1.0]), &mut y));
    black_box(y);
    end::<B>(done.is_ok())
}
