//! Each head as products of the whole batch, S = α Q Kᵀ and Y = P V, with a softmax between them; backward
//! computes the scores again.

use super::super::Attention;
use super::Heads;
use crate::gpu::{Batch, Error, Grid, Matrix, Numbers, Queue};
use crate::layer::cuda::{Backward, Forward, arguments};

/// Numbers of scratch: the scores of the batch, and their gradients.
pub(super) const fn scratch(sizes: Heads) -> usize {
    2 * sizes.heads * sizes.examples * sizes.tokens * sizes.tokens
}

/// One head's part of the tokens of all examples.
#[derive(Clone, Copy)]
struct Part {
    matrix: Matrix,
    apart: usize,
}

impl Heads {
    /// The queries (0), keys (1) or values (2) of a head, in x or in its gradient.
    fn part(self, x: Numbers, head: usize, part: usize) -> Part {
        let matrix = Matrix::new(x.after(part * self.d + head * self.width), 3 * self.d);
        Part { matrix, apart: 3 * self.tokens * self.d }
    }

    /// A head's part of y, or of its gradient.
    fn of_y(self, y: Numbers, head: usize) -> Part {
        Part { matrix: Matrix::new(y.after(head * self.width), self.d), apart: self.tokens * self.d }
    }

    /// A head's square matrices of scores.
    fn square(self, scores: Numbers, head: usize) -> Part {
        let apart = self.tokens * self.tokens;
        let numbers = scores.after(head * self.examples * apart);
        Part { matrix: Matrix::new(numbers, self.tokens), apart }
    }

    /// C = α A B of these sizes, or C += α A B, for each example.
    fn product(
        self,
        queue: &Queue,
        c: Part,
        (a, b): (Part, Part),
        sizes: [usize; 3],
        how: (f32, bool),
    ) -> Result<(), Error> {
        let batch = Batch { count: self.examples, apart: [c.apart, a.apart, b.apart] };
        queue.product(c.matrix, (a.matrix, b.matrix), sizes, how, batch)
    }

    /// C = α A Bᵀ, the scores of two parts.
    fn scores(self, queue: &Queue, c: Part, (a, b): (Part, Part), alpha: f32) -> Result<(), Error> {
        let b = Part { matrix: b.matrix.turned(), ..b };
        let sizes = [self.tokens, self.tokens, self.width];
        self.product(queue, c, (a, b), sizes, (alpha, true))
    }
}

impl Attention {
    pub(super) fn forward_batched(&self, io: &Forward<'_>, sizes: Heads) -> Result<(), Error> {
        let Heads { heads, examples, tokens, width, .. } = sizes;
        let queue = io.queue;
        let all_scores = queue.flowing(io.scratch);
        for head in 0..heads {
            let parts = (sizes.part(io.x, head, 0), sizes.part(io.x, head, 1));
            sizes.scores(queue, sizes.square(all_scores, head), parts, sizes.scale())?;
        }
        let causal = self.causal;
        let scores = all_scores.first(heads * examples * tokens * tokens);
        let all = arguments![scores.updated(), io.saved, io.second, heads, examples, tokens, causal];
        queue.launch("attention_softmax", Grid::rows(heads * examples * tokens), all)?;
        for head in 0..heads {
            let factors = (sizes.square(all_scores, head), sizes.part(io.x, head, 2));
            let y = sizes.of_y(io.y, head);
            sizes.product(queue, y, factors, [tokens, width, tokens], (1.0, true))?;
        }
        Ok(())
    }

    /// With P the weights: dV = Pᵀ dY, dP = dY Vᵀ, dS = P (dP − Σ P dP), dQ = α dS K, dK = α dSᵀ Q.
    pub(super) fn backward_batched(&self, io: &Backward<'_>, sizes: Heads) -> Result<(), Error> {
        let Heads { heads, examples, tokens, width, .. } = sizes;
        let queue = io.queue;
        let all_scores = queue.flowing(io.scratch);
        let count = heads * examples * tokens * tokens;
        let (scores, slopes) = (all_scores.first(count), all_scores.after(count).first(count));
        for head in 0..heads {
            let parts = (sizes.part(io.x, head, 0), sizes.part(io.x, head, 1));
            sizes.scores(queue, sizes.square(all_scores, head), parts, sizes.scale())?;
            let parts = (sizes.of_y(io.dy, head), sizes.part(io.x, head, 2));
            sizes.scores(queue, sizes.square(slopes, head), parts, 1.0)?;
        }
        let causal = self.causal;
        let all =
            arguments![scores.updated(), slopes.updated(), io.saved, io.second, heads, examples, tokens, causal];
        queue.launch("attention_slope", Grid::rows(heads * examples * tokens), all)?;
        for head in 0..heads {
            let (weights, slopes) = (sizes.square(all_scores, head), sizes.square(slopes, head));
            let turned = |part: Part| Part { matrix: part.matrix.turned(), ..part };
            let ways = [
                (0, slopes, sizes.part(io.x, head, 1), sizes.scale()),
                (1, turned(slopes), sizes.part(io.x, head, 0), sizes.scale()),
                (2, turned(weights), sizes.of_y(io.dy, head), 1.0),
            ];
            for (part, a, b, alpha) in ways {
                let dx = sizes.part(io.dx, head, part);
                let how = (alpha, io.fresh[0]);
                sizes.product(queue, dx, (a, b), [tokens, width, tokens], how)?;
            }
        }
        Ok(())
    }
}
