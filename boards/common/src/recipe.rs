//! What a device does with a start that nobody sent: it names it, proves its bits, brings it up to date
//! by a delta, and infers from it, as `tests/firmware.rs` does on the host.

use super::{
    nets::{CLASSES, Mlp},
    programs::{Say, largest},
};
use core::fmt;
use idinit::{
    data::digits::{TEST, image, test},
    engine::{Error, Memory, Unstored, layer_window, least_window},
    init::{IdInit, Initial},
    plan::{Mode, Plan},
    recipe::{Delta, DeltaError, Fingerprint, Patch},
    rule::LengthError,
};

/// What an epoch of training changed in the head of 64-32-32-10. It was made by
/// `IDINIT_WRITE_DELTA=1 cargo test --test firmware delta`.
pub const DELTA: &[u8] = include_bytes!("digits.delta");

/// 64-32-32-10.
pub static PLAN: Plan<5> = Plan::new(&Mlp::GRAPH, Mode::INFER, 1);
/// Numbers of the window of a row, and of a layer.
pub const ROW: usize = least_window(&PLAN.net());
pub const LAYER: usize = layer_window(&PLAN.net());
/// Numbers for what flows between layers.
pub const ARENA: usize = PLAN.arena;

/// Numbers of a page of flash.
pub const PAGE: usize = 64;
/// Test images that are asked.
const TESTS: usize = TEST / 10;

/// The weights at the start.
pub type Begun = Initial<'static, IdInit, Mlp>;

/// The start that a scheme gives 64-32-32-10.
pub fn begun(scheme: IdInit) -> Begun {
    Initial::new(PLAN.net().nodes(), scheme)
}

/// Why the device went no further.
#[derive(Debug)]
pub enum Refused {
    /// By the engine.
    Engine(Error),
    /// By the delta.
    Delta(DeltaError),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(error) => error.fmt(f),
            Self::Delta(error) => error.fmt(f),
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

impl From<LengthError> for Refused {
    fn from(error: LengthError) -> Self {
        Self::Engine(error.into())
    }
}

impl From<DeltaError> for Refused {
    fn from(error: DeltaError) -> Self {
        Self::Delta(error)
    }
}

/// A delta onto a start whose fingerprint is taken first, through a page.
pub fn onto<I: Iterator<Item = u8>>(
    initial: &Begun,
    delta: I,
    page: &mut [f32],
) -> Result<Patch<I>, Refused> {
    let start = Fingerprint::of_initial(initial, page)?;
    Ok(Delta::<_>::open(delta)?.onto(start, initial.len())?)
}

/// Hands the weights that a delta makes of a start to `write`, a page after the other.
pub fn apply(
    initial: &Begun,
    delta: impl Iterator<Item = u8>,
    mut write: impl FnMut(usize, &[f32]),
) -> Result<(), Refused> {
    let mut page = [0.0; PAGE];
    let mut patch = onto(initial, delta, &mut page)?;
    let (count, mut start) = (initial.len(), 0);
    while start < count {
        let page = page.get_mut(..PAGE.min(count - start)).unwrap_or_default();
        initial.fill_window(start, page)?;
        patch.apply(page)?;
        write(start, page);
        start += PAGE;
    }
    patch.finish()?;
    Ok(())
}

/// Writes what a delta makes of a start into flash, once all of the delta was seen to be sound.
fn install(
    initial: &Begun,
    delta: impl Iterator<Item = u8> + Clone,
    flash: &mut [f32],
) -> Result<(), Refused> {
    apply(initial, delta.clone(), |_, _| ())?;
    apply(initial, delta, |start, page| {
        let place = flash.get_mut(start..start + page.len());
        place.unwrap_or_default().copy_from_slice(page);
    })
}

/// The outputs for an image, with a window of `W` numbers.
pub fn outputs<const W: usize, E: From<Error>>(
    x: &[f32],
    arena: &mut [f32],
    weights: impl FnMut(usize, &mut [f32]) -> Result<(), E>,
) -> Result<[f32; CLASSES], E> {
    let (mut window, mut y) = ([0.0; W], [0.0; CLASSES]);
    Unstored::<Mlp, _>::new(PLAN.net(), weights, &mut window, arena)?.infer(x, &mut y)?;
    Ok(y)
}

/// Names the start, takes its fingerprints, installs a delta and infers from either.
pub fn recipe(memory: Memory, say: Say) -> Result<(), Refused> {
    let initial = begun(IdInit::PAPER);
    named(&initial, say)?;
    let Memory { weights, arena, .. } = memory;
    let flash = weights.get_mut(..initial.len()).unwrap_or_default();
    updated(&initial, flash, say)?;
    inferred(&initial, flash, arena, say)
}

fn named(initial: &Begun, say: Say) -> Result<(), Refused> {
    let delta = Delta::<_>::open(DELTA.iter().copied())?;
    if let Some(recipe) = &delta.header().recipe {
        say(format_args!("recipe {recipe}\n{} bytes", recipe.as_bytes().len()));
        recipe.as_bytes().iter().for_each(|byte| say(format_args!(" {byte:02x}")));
        say(format_args!("\n"));
    }
    let mut page = [0.0; PAGE];
    for tensor in initial.tensors() {
        let print = Fingerprint::of_tensor(initial, &tensor, &mut page)?;
        let (layer, part, dims) = (tensor.number, tensor.part_number, tensor.part.dims);
        say(format_args!("fingerprint {layer}.{part} of {} {print}\n", dims.len()));
    }
    let print = Fingerprint::of_initial(initial, &mut page)?;
    say(format_args!("fingerprint start of {} {print}\n", initial.len()));
    Ok(())
}

/// Tries what must be refused, and then the delta itself.
fn updated(initial: &Begun, flash: &mut [f32], say: Say) -> Result<(), Refused> {
    initial.fill_window(0, flash)?;
    let before = Fingerprint::of(flash);
    let mut refused = |what, result: Result<(), Refused>, flash: &[f32]| {
        let same = Fingerprint::of(flash) == before;
        match result {
            Err(error) => say(format_args!("{what}: {error}; unchanged: {same}\n")),
            Ok(()) => say(format_args!("{what}: TAKEN\n")),
        }
    };
    let bytes = || DELTA.iter().copied();
    let other = begun(IdInit { first: 1.0, ..IdInit::PAPER });
    refused("another start", install(&other, bytes(), flash), flash);
    for (what, at) in [("a damaged header", 30), ("damaged numbers", DELTA.len() / 2)] {
        let damaged = bytes().enumerate().map(|(i, byte)| if i == at { byte ^ 16 } else { byte });
        refused(what, install(initial, damaged, flash), flash);
    }
    refused("a delta cut off", install(initial, bytes().take(DELTA.len() - 9), flash), flash);

    install(initial, bytes(), flash)?;
    let delta = Delta::<_>::open(bytes())?;
    let (want, got) = (delta.header().result, Fingerprint::of(flash));
    say(format_args!("fingerprint result {got}, as the delta says: {}\n", want == got));
    Ok(())
}

/// Runs an image through the start, a row and a layer at a time, and through what the delta made of it:
/// from flash, and from the delta while it is read.
fn inferred(initial: &Begun, flash: &[f32], arena: &mut [f32], say: Say) -> Result<(), Refused> {
    let mut x = [0.0; 64];
    let _ = image(test(0), &mut x);
    let rule = |start: usize, w: &mut [f32]| initial.fill_window(start, w).map_err(Refused::from);
    bits("rule by rows", &outputs::<ROW, _>(&x, arena, rule)?, say);
    bits("rule by layers", &outputs::<LAYER, _>(&x, arena, rule)?, say);

    let stored = |start: usize, w: &mut [f32]| {
        let from = flash.get(start..).and_then(|flash| flash.get(..w.len()));
        w.copy_from_slice(from.ok_or(LengthError { need: 0, got: w.len() })?);
        Ok::<_, Refused>(())
    };
    bits("flash by rows", &outputs::<ROW, _>(&x, arena, stored)?, say);
    // layers ask in their order, which is that of a delta
    let mut patch = onto(initial, DELTA.iter().copied(), &mut [0.0; PAGE])?;
    let patched = |start: usize, w: &mut [f32]| {
        rule(start, w)?;
        patch.apply(w).map_err(Refused::from)
    };
    bits("delta by layers", &outputs::<LAYER, _>(&x, arena, patched)?, say);
    patch.finish()?;

    let mut right = 0;
    for place in (0..TESTS).map(test) {
        let label = image(place, &mut x).unwrap_or_default();
        right += usize::from(largest(&outputs::<ROW, _>(&x, arena, stored)?) == label as usize);
    }
    say(format_args!("right {right} of {TESTS}\n"));
    Ok(())
}

/// Says the bits of outputs.
fn bits(name: &str, y: &[f32], say: Say) {
    say(format_args!("{name}"));
    y.iter().for_each(|y| say(format_args!(" {:08x}", y.to_bits())));
    say(format_args!("\n"));
}
