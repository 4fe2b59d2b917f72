//! What the kernels of the host engine share: the processor's vectors, memory to work in, and a
//! partition of the work that no number of threads changes.
//!
//! A batch is cut into [`TASKS`] runs of examples, or of rows. Which thread takes which run is left to
//! rayon; every run writes to places of its own, and where runs are summed, they are summed in their
//! order. So the bits of a step depend on its sizes alone.

use super::{All, Backward, Forward, Layer, Style, Trained, activation, examples, scalar};
use crate::math::vector::vectors;
use crate::shape::Shape;
use crate::update::Move;
use core::sync::atomic::{AtomicBool, Ordering};
use pulp::Arch;
use rayon::prelude::*;

/// Runs that a batch is cut into.
pub(crate) const TASKS: usize = 16;

/// What a host kernel works with, beside its numbers.
pub(crate) struct Host<'a> {
    /// The vectors of the processor.
    pub arch: Arch,
    /// Memory that holds nothing; as much as `layer::scratch` of the layer asked for.
    pub scratch: &'a mut [f32],
    /// Set where a gradient is too large to move a weight by.
    pub diverged: &'a AtomicBool,
    /// Whether the gradients of the first and of the second operand are to be written, not added to.
    pub fresh: [bool; 2],
    /// Whether a rectifier follows, which the layer's forward pass is to do as well.
    pub relu: bool,
    /// The output of the rectifier that follows, by which the backward pass is to mask dy; empty
    /// where none does.
    pub mask: &'a [f32],
}

impl<'a> Host<'a> {
    /// What the threads of a backward pass share.
    pub fn moving(&self) -> Moving<'a> {
        Moving { arch: self.arch, diverged: self.diverged }
    }
}

/// Gradients are less than this, or no weight moves by them: no step is infinite then.
pub(crate) const TAME: f32 = 1e24;

/// What moves weights, on any thread.
#[derive(Clone, Copy)]
pub(crate) struct Moving<'a> {
    pub arch: Arch,
    diverged: &'a AtomicBool,
}

impl Moving<'_> {
    /// Moves weights by their gradients, unless one of those is no number to compute with.
    pub fn apply<M: Move>(&self, how: M, w: &mut [f32], state: &mut [f32], g: &[f32]) {
        vectors(
            self.arch,
            #[inline(always)]
            || {
                if tame(g) {
                    how.apply(w, state, g.iter().copied());
                } else {
                    self.diverged.store(true, Ordering::Relaxed);
                }
            },
        );
    }
}

/// Whether weights can move by these gradients; by NaN they cannot.
#[inline(always)]
pub(crate) fn tame(g: &[f32]) -> bool {
    g.iter().fold(true, |tame, g| tame & (g.abs() < TAME))
}

/// Weights, their state, and room to work in (none, where they need none).
type Slices<'a> = (&'a mut [f32], &'a mut [f32], &'a mut [f32]);

/// Cuts weights into runs and calls `each` on every run, in parallel, with the number of its first
/// weight and `room` numbers of its own.
pub(crate) fn on_weights<M: Move>(
    all: Slices<'_>,
    (run, room): (usize, usize),
    each: &(impl Fn(usize, Slices<'_>) + Sync),
) {
    cut::<M>(all, 0, (run.max(1), room), each);
}

fn cut<M: Move>(
    (w, state, own): Slices<'_>,
    first: usize,
    (run, room): (usize, usize),
    each: &(impl Fn(usize, Slices<'_>) + Sync),
) {
    if w.len() <= run {
        return each(first, (w, state, own));
    }
    let runs = w.len().div_ceil(run).div_ceil(2);
    let middle = runs * run;
    let (w, state) = (w.split_at_mut(middle), state.split_at_mut(middle * M::STATE));
    let own = own.split_at_mut((runs * room).min(own.len()));
    rayon::join(
        || cut::<M>((w.0, state.0, own.0), first, (run, room), each),
        || cut::<M>((w.1, state.1, own.1), first + middle, (run, room), each),
    );
}

/// How long each of [`TASKS`] runs of `n` is; the last ones may be shorter, or missing.
pub(crate) const fn share(n: usize) -> usize {
    let share = n.div_ceil(TASKS);
    if share == 0 { 1 } else { share }
}

/// Numbers of a run that is worth a thread.
pub(crate) const RUN: usize = 1 << 15;

/// y = x + second, rectified where a rectifier follows; x lies in y where it is empty.
fn add(io: Forward<'_>, host: &Host<'_>) {
    let (arch, relu, Forward { x, second, y, .. }) = (host.arch, host.relu, io);
    let sum = move |a: f32, b: f32| if relu && a + b <= 0.0 { 0.0 } else { a + b };
    y.par_chunks_mut(RUN).zip(second.par_chunks(RUN)).enumerate().for_each(|(i, (y, second))| {
        let x = x.get(i * RUN..).and_then(|x| x.get(..y.len())).unwrap_or_default();
        vectors(
            arch,
            #[inline(always)]
            || {
                if x.is_empty() {
                    for (y, second) in y.iter_mut().zip(second) {
                        *y = sum(*y, *second);
                    }
                } else {
                    for ((y, x), second) in y.iter_mut().zip(x).zip(second) {
                        *y = sum(*x, *second);
                    }
                }
            },
        );
    });
}

impl Layer {
    /// Whether the layer's kernels take the rectifier that follows along.
    pub(crate) const fn rectifies(&self) -> bool {
        match self {
            Self::BatchNorm(_) | Self::Add(_) => true,
            Self::Conv2d(layer) => layer.rectifies(),
            _ => false,
        }
    }

    /// Whether the layer, in place, finds its input in `x` where it does not lie in `y`.
    pub(crate) const fn copies(&self) -> bool {
        activation::is(self)
            || scalar::is(self)
            || matches!(
                self,
                Self::BatchNorm(_) | Self::LayerNorm(_) | Self::RmsNorm(_) | Self::Add(_)
            )
    }

    /// Numbers of scratch that the layer's kernels want for a batch.
    pub(crate) fn scratch(&self, x: Shape, y: Shape, batch: usize) -> usize {
        match self {
            Self::Dense(layer) => super::dense::scratch(x.len(), layer.out as usize),
            Self::Conv2d(layer) => layer.scratch(x, y, batch),
            Self::BatchNorm(_) => super::batch_norm::scratch(x.channels as usize),
            Self::LayerNorm(_) => super::layer_norm::scratch::<2>(x.channels as usize),
            Self::RmsNorm(_) => super::layer_norm::scratch::<1>(x.channels as usize),
            Self::Positions(_) => super::positions::scratch(x.size()),
            Self::ClassToken(_) => super::positions::scratch(x.channels as usize),
            Self::ScalarBias(_) | Self::Multiplier(_) => scalar::scratch(batch * x.len()),
            Self::Attention(layer) => layer.scratch(x.pixels(), y.channels as usize),
            Self::Rnn(layer) => layer.scratch(x, batch),
            Self::Gru(layer) => layer.scratch(x, batch),
            Self::Lstm(layer) => layer.scratch(x, batch),
            _ => 0,
        }
    }

    /// [`forward`](Self::forward) on the host: its kernels where there are some, and else the
    /// meaning's.
    pub(crate) fn forward_host(&self, io: Forward<'_>, host: &mut Host<'_>) {
        match self {
            Self::Dense(layer) => layer.forward_host(io, host),
            Self::Conv2d(layer) => layer.forward_host(io, host),
            Self::BatchNorm(layer) => layer.forward_host(io, host),
            Self::LayerNorm(layer) => layer.forward_host(io, host),
            Self::RmsNorm(layer) => layer.forward_host(io, host),
            Self::Dropout(layer) => layer.forward_host(io),
            Self::Attention(layer) => layer.forward_host(io, host),
            Self::Embedding(layer) => layer.forward_host(io),
            Self::Rnn(layer) => layer.forward_host(io, host),
            Self::Gru(layer) => layer.forward_host(io, host),
            Self::Lstm(layer) => layer.forward_host(io, host),
            Self::Add(_) => add(io, host),
            layer if activation::is(layer) => activation::forward(layer, io, host),
            layer if scalar::is(layer) => scalar::forward(layer, io, host),
            layer if examples::is(layer) => examples::forward(layer, io),
            layer => layer.forward::<All>(io),
        }
    }

    /// [`backward`](Self::backward) on the host.
    pub(crate) fn backward_host<M: Move + Sync>(&self, io: Backward<'_, M>, host: &mut Host<'_>) {
        match self {
            Self::Dense(layer) => layer.backward_host(io, host),
            Self::Conv2d(layer) => layer.backward_host(io, host),
            Self::BatchNorm(layer) => layer.backward_host(io, host),
            Self::LayerNorm(layer) => layer.backward_host(io, host),
            Self::RmsNorm(layer) => layer.backward_host(io, host),
            Self::Dropout(layer) => layer.backward_host(io),
            Self::Positions(layer) => layer.backward_host(io, host),
            Self::ClassToken(layer) => layer.backward_host(io, host),
            Self::Attention(layer) if !io.dx.is_empty() => layer.backward_host(io, host),
            Self::Embedding(layer) => layer.backward_host(io, host),
            Self::Rnn(layer) => layer.backward_host(io, host),
            Self::Gru(layer) => layer.backward_host(io, host),
            Self::Lstm(layer) => layer.backward_host(io, host),
            Self::Add(_) => {}
            layer if activation::is(layer) => activation::backward(layer, io, host),
            layer if scalar::is(layer) => scalar::backward(layer, io, host),
            layer => {
                let Style { in_place, .. } = layer.style(Trained::All);
                if host.fresh[0] && !in_place {
                    io.dx.fill(0.0);
                }
                if host.fresh[1] {
                    io.d_second.fill(0.0);
                }
                if examples::is(layer) {
                    examples::backward(layer, io);
                } else {
                    layer.backward::<All, M>(io);
                }
            }
        }
    }
}
