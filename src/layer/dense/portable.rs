//! Four outputs abreast share each input they read; backward, eight inputs abreast share each
//! gradient.

use super::Dense;
use crate::layer::{Backward, Forward, Weights, bias, matrix};
use crate::math;
use crate::update::Move;

impl Dense {
    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        let (inp, out) = (io.input.size().max(1), (self.out as usize).max(1));
        let Some((w, b)) = io.w.split_at_checked(inp.saturating_mul(out)) else { return };
        for (x, y) in io.x.chunks_exact(inp).zip(io.y.chunks_exact_mut(out)) {
            let (fours, rest) = y.split_at_mut(math::tiled(out, 4).min(y.len()));
            let (rows, last) = w.split_at((fours.len() * inp).min(w.len()));
            let bias = |o: usize| b.get(o).copied().unwrap_or_default();
            let tiled = fours.len();
            let fours = fours.as_chunks_mut::<4>().0.iter_mut();
            for (i, (y, rows)) in fours.zip(rows.chunks_exact((4 * inp).max(1))).enumerate() {
                let start = [0, 1, 2, 3].map(|r| bias(4 * i + r));
                let Some(rows) = math::four_rows(rows, 0, inp) else { return };
                [*y] = math::dots([start], [x], rows);
            }
            for (i, (y, row)) in rest.iter_mut().zip(last.chunks_exact(inp)).enumerate() {
                *y = math::dot(bias(tiled + i), x, row);
            }
        }
    }

    pub(in crate::layer) fn backward<M: Move>(&self, io: Backward<'_, M>) {
        let (inp, out) = (io.input.size().max(1), (self.out as usize).max(1));
        let Backward { x, dy, dx, mut weights, .. } = io;
        for (g, dx) in dy.chunks_exact(out).zip(dx.chunks_exact_mut(inp)) {
            matrix::back(g, weights.w, dx);
        }
        if weights.trained {
            match dy.len() <= out {
                true => one_example(x, dy, &mut weights),
                false => many_examples(x, dy, (inp, out), &mut weights),
            }
            if self.bias {
                bias::apply(dy, inp * out, out, &mut weights);
            }
        }
    }
}

/// W moves by g xᵀ.
#[inline(never)]
fn one_example<M: Move>(x: &[f32], g: &[f32], weights: &mut Weights<'_, M>) {
    weights.apply_outer(g, x);
}

/// W moves by Σ g xᵀ over the batch, eight inputs of a row at a time.
#[inline(never)]
fn many_examples<M: Move>(
    x: &[f32],
    dy: &[f32],
    (inp, out): (usize, usize),
    weights: &mut Weights<'_, M>,
) {
    let tail = math::tiled(inp, 8);
    for o in 0..out {
        for i in (0..tail).step_by(8) {
            let begun = [weights.begun::<8>(o * inp + i)];
            let [sums] = math::outer(begun, (dy, o), (x, i), (out, inp));
            weights.apply(o * inp + i, 8, sums.into_iter());
        }
        for i in tail..inp {
            let begun = [weights.begun::<1>(o * inp + i)];
            let [sums] = math::outer(begun, (dy, o), (x, i), (out, inp));
            weights.apply(o * inp + i, 1, sums.into_iter());
        }
    }
}
