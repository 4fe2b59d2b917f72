//! Layers whose examples have nothing to do with each other, on the host: the meaning's kernels, on runs
//! of examples in parallel.

use super::host::share;
use super::{All, Backward, Forward, Layer, Trained, Weights};
use crate::update::{Move, Moves};
use rayon::prelude::*;

/// Whether the layer is one of these, but for its weights on the way back: it saves for each example alone.
pub(super) const fn is(layer: &Layer) -> bool {
    matches!(
        layer,
        Layer::MaskedRelu(_)
            | Layer::MaxPool(_)
            | Layer::AveragePool(_)
            | Layer::GlobalAveragePool(_)
            | Layer::Shortcut(_)
            | Layer::Select(_)
            | Layer::Concat(_)
            | Layer::ChannelScale(_)
            | Layer::Positions(_)
            | Layer::ClassToken(_)
    )
}

/// One buffer's run number `i`, if it has numbers for all of `count` examples.
fn part(all: &[f32], count: usize, i: usize, run: usize) -> &[f32] {
    let each = all.len() / count.max(1);
    let end = all.len().min((i + 1) * run * each);
    all.get(i * run * each..end).unwrap_or_default()
}

/// Cuts a buffer into runs of examples; as many empty ones, where it is empty.
pub(super) fn parts(
    all: &mut [f32],
    count: usize,
    run: usize,
) -> impl IndexedParallelIterator<Item = &mut [f32]> {
    let (each, runs) = (all.len() / count.max(1), count.div_ceil(run));
    let len = (each * run).max(1);
    let there = all.par_chunks_mut(len);
    let missing = runs - there.len().min(runs);
    there.take(runs).chain(rayon::iter::repeat_n((), missing).map(|()| <&mut [f32]>::default()))
}

/// The forward pass of one of these.
pub(super) fn forward(layer: &Layer, io: Forward<'_>) {
    let Forward { input, output, x, second, w, saved, y, chance } = io;
    let count = y.len() / output.len().max(1);
    let run = share(count);
    // a plan has room for more examples than may have come
    let saved = saved.get_mut(..layer.saved(*input, Trained::All).0 * count).unwrap_or_default();
    let runs = parts(y, count, run).zip(parts(saved, count, run)).enumerate();
    runs.for_each(|(i, (y, saved))| {
        let [x, second] = [x, second].map(|all| part(all, count, i, run));
        layer.forward::<All>(Forward { input, output, x, second, w, saved, y, chance });
    });
}

/// The backward pass of one of these.
pub(super) fn backward<M: Move>(layer: &Layer, io: Backward<'_, M>) {
    let Backward { input, output, x, y, second, saved, dy, dx, d_second, weights } = io;
    let moves: &Moves<M> = weights.moves;
    let count = dy.len() / output.len().max(1);
    let run = share(count);
    let saved = saved.get_mut(..layer.saved(*input, Trained::All).0 * count).unwrap_or_default();
    let outputs = parts(dy, count, run).zip(parts(saved, count, run));
    let inputs = parts(dx, count, run).zip(parts(d_second, count, run));
    outputs.zip(inputs).enumerate().for_each(|(i, ((dy, saved), (dx, d_second)))| {
        let [x, y, second] = [x, y, second].map(|all| part(all, count, i, run));
        let weights = Weights { w: &mut [], state: &mut [], moves, trained: false };
        layer.backward::<All, M>(Backward {
            input,
            output,
            x,
            y,
            second,
            saved,
            dy,
            dx,
            d_second,
            weights,
        });
    });
}
