use super::Lstm;
use crate::layer::recurrent::{Cell, Curves, Line, Unit, Way};
use crate::layer::{Backward, Forward};
use crate::update::Move;

impl Lstm {
    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        Line::new(io.input, self.hidden, self.reverse).forward::<Self, _, _>(io);
    }

    pub(in crate::layer) fn backward<M: Move>(&self, io: Backward<'_, M>) {
        Line::new(io.input, self.hidden, self.reverse).backward::<Self, _, _, M>(io);
    }
}

/// Kept are i, f, g, o and the memory c after the token.
impl Cell<4, { Lstm::KEPT }> for Lstm {
    const MEMORY: Option<usize> = Some(4);
    const RECURRENT: [usize; 4] = [0, 1, 2, 3];

    #[inline(always)]
    fn forward<F: Curves>([i, f, g, o]: [[f32; 2]; 4], before: Unit) -> (f32, [f32; 5]) {
        let (i, f) = (F::sigmoid(i[0] + i[1]), F::sigmoid(f[0] + f[1]));
        let (g, o) = (F::tanh(g[0] + g[1]), F::sigmoid(o[0] + o[1]));
        let c = f * before.memory + i * g;
        (o * F::tanh(c), [i, f, g, o, c])
    }

    #[inline(always)]
    fn back<F: Curves>([i, f, g, o, c]: [f32; 5], before: Unit, gradient: Unit) -> Way<5> {
        let t = F::tanh(c);
        let dc = gradient.memory + gradient.h * o * (1.0 - t * t);
        let di = dc * g * i * (1.0 - i);
        let df = dc * before.memory * f * (1.0 - f);
        let dg = dc * i * (1.0 - g * g);
        let d_o = gradient.h * t * o * (1.0 - o);
        Way { kept: [di, df, dg, d_o, c], before: Unit { h: 0.0, memory: dc * f } }
    }
}
