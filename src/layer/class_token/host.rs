use super::ClassToken;
use crate::layer::host::Host;
use crate::layer::positions::move_table;
use crate::layer::{Backward, Layer, Weights, examples};
use crate::update::Move;

impl ClassToken {
    /// dx by examples, and then the token.
    pub(in crate::layer) fn backward_host<M: Move>(
        &self,
        io: Backward<'_, M>,
        host: &mut Host<'_>,
    ) {
        let Backward { input, output, x, y, second, saved, dy, dx, d_second, weights } = io;
        if host.fresh[0] {
            dx.fill(0.0);
        }
        let moves = weights.moves;
        let none = Weights { w: &mut [], state: &mut [], moves, trained: false };
        let dy = &mut *dy;
        examples::backward(
            &Layer::ClassToken(*self),
            Backward { input, output, x, y, second, saved, dy, dx, d_second, weights: none },
        );
        if weights.trained {
            move_table(dy, (output.size(), input.channels as usize), weights, host);
        }
    }
}
