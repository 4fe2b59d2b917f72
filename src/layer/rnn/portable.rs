use super::Rnn;
use crate::layer::recurrent::{Cell, Line, Unit, Way};
use crate::layer::{Backward, Forward};
use crate::math;
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
    fn forward([[input, state]]: [[f32; 2]; 1], _: Unit) -> (f32, [f32; 1]) {
        let h = math::tanh(input + state);
        (h, [h])
    }

    #[inline(always)]
    fn back([h]: [f32; 1], _: Unit, gradient: Unit) -> Way<1> {
        Way { kept: [gradient.h * (1.0 - h * h)], before: Unit::default() }
    }
}
