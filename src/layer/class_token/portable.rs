use super::ClassToken;
use crate::layer::{Backward, Forward, bias};
use crate::math;
use crate::update::Move;

impl ClassToken {
    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        let examples = io.x.chunks_exact(io.input.size().max(1));
        for (x, y) in examples.zip(io.y.chunks_exact_mut(io.output.size().max(1))) {
            let Some((token, rest)) = y.split_at_mut_checked(io.w.len()) else { return };
            math::copy(token, io.w);
            math::copy(rest, x);
        }
    }

    /// dc = Σ dy[0] over the batch; dx += dy[1 …].
    pub(in crate::layer) fn backward<M: Move>(&self, io: Backward<'_, M>) {
        let Backward { input, output, dy, dx, mut weights, .. } = io;
        let channels = input.channels as usize;
        let examples = dx.chunks_exact_mut(input.size().max(1));
        for (dx, dy) in examples.zip(dy.chunks_exact(output.size().max(1))) {
            math::add(dx, dy.get(channels..).unwrap_or_default());
        }
        if weights.trained {
            bias::apply_table(dy, output.size(), channels, &mut weights);
        }
    }
}
