//! Backward passes along a line where few numbers of dy are not zero, as behind the maximum over time of
//! Kim (2014, §2): each of them adds its window times itself to the gradient of the weights, and its
//! weights times itself to that of the input. Everything else is left out.

use super::host::{Picture, Sizes};
use pulp::Arch;

/// One of so many numbers at most is not zero.
const FEW: usize = 8;

/// A convolution along one axis, whose windows lie in one piece.
#[derive(Clone, Copy)]
pub(super) struct Line(Sizes);

impl Line {
    pub fn of(sizes: &Sizes) -> Option<Self> {
        let flat = sizes.x.height == 1 && sizes.kernel[0] == 1 && sizes.padding[0] == 0;
        flat.then_some(Self(*sizes))
    }

    /// Numbers of all weights, in their own order.
    pub const fn weights(&self) -> usize {
        self.0.row() * self.0.y.channels
    }

    /// Whether dy of one example is sparse.
    pub fn is_sparse(dy: &[f32]) -> bool {
        let most = dy.len() / FEW;
        let mut count = 0;
        // in pieces, so that a dense one is seen soon
        for piece in dy.chunks(256) {
            count += piece.iter().filter(|dy| **dy != 0.0).count();
            if count > most {
                return false;
            }
        }
        true
    }

    /// Where in a line window `number` begins and ends, and how much of it lies before the line.
    fn window(&self, number: usize) -> (usize, usize, usize) {
        let Sizes { x: Picture { width, channels, .. }, stride, padding, .. } = self.0;
        let (start, before) = (number * stride[1] * channels, padding[1] * channels);
        let end = (start + self.0.row()).saturating_sub(before).min(width * channels);
        let first = start.saturating_sub(before);
        (first, end.max(first), before.saturating_sub(start))
    }

    /// dx of one example, by weights in their own order; where it is not `fresh`, it is added.
    pub fn input_gradient(&self, arch: Arch, [dy, w]: [&[f32]; 2], dx: &mut [f32], fresh: bool) {
        let (row, outputs) = (self.0.row(), self.0.y.channels);
        if fresh {
            dx.fill(0.0);
        }
        arch.dispatch(
            #[inline(always)]
            || {
                for (number, dy) in dy.chunks_exact(outputs).enumerate() {
                    let (first, end, before) = self.window(number);
                    let dx = dx.get_mut(first..end).unwrap_or_default();
                    for (dy, w) in dy.iter().zip(w.chunks_exact(row)) {
                        if *dy != 0.0 {
                            add(dx, w.get(before..).unwrap_or_default(), *dy);
                        }
                    }
                }
            },
        );
    }

    /// Adds to the sums of the weights, in their own order, from one example.
    pub fn weights_gradient(&self, arch: Arch, [x, dy]: [&[f32]; 2], sums: &mut [f32]) {
        let (row, outputs) = (self.0.row(), self.0.y.channels);
        arch.dispatch(
            #[inline(always)]
            || {
                for (number, dy) in dy.chunks_exact(outputs).enumerate() {
                    let (first, end, before) = self.window(number);
                    let x = x.get(first..end).unwrap_or_default();
                    for (dy, sums) in dy.iter().zip(sums.chunks_exact_mut(row)) {
                        if *dy != 0.0 {
                            add(sums.get_mut(before..).unwrap_or_default(), x, *dy);
                        }
                    }
                }
            },
        );
    }
}

/// to += factor · from.
#[inline(always)]
fn add(to: &mut [f32], from: &[f32], factor: f32) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += factor * from;
    }
}
