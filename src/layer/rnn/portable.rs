use super::Rnn;
use crate::layer::recurrent::{Cell, Curves, Line, Unit, Way};
use crate::layer::{Backward, Forward};
use crate::update::Move;

impl Rnn {
    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        Line::new(io.input, self.hidden, self.reverse).forward::<Self, _, _>(io);
    }

    pub(in crate::layer) fn backward<M: Move>(&self, io: Backward<'_, M>) {
        Line::new(io.input, self.hidden, self.reverse).backward::<Self, _, _, M>(io);
    }
}

impl Cell<1, { Rnn::KEPT }> for Rnn {
    const RECURRENT: [usize; 1] = [0];

    #[inline(always)]
    fn forward<F: Curves>([[input, state]]: [[f32; 2]; 1], _: Unit) -> (f32, [f32; 1]) {
        let h = F::tanh(input + state);
        (h, [h])
    }

    #[inline(always)]
    fn back<F: Curves>([h]: [f32; 1], _: Unit, gradient: Unit) -> Way<1> {
        Way { kept: [gradient.h * (1.0 - h * h)], before: Unit::default() }
    }
}
