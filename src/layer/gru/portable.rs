use super::Gru;
use crate::layer::recurrent::{Cell, Curves, Line, Unit, Way};
use crate::layer::{Backward, Forward};
use crate::update::Move;

impl Gru {
    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        Line::new(io.input, self.hidden, self.reverse).forward::<Self, _, _>(io);
    }

    pub(in crate::layer) fn backward<M: Move>(&self, io: Backward<'_, M>) {
        Line::new(io.input, self.hidden, self.reverse).backward::<Self, _, _, M>(io);
    }
}

/// Kept are r, z, n and what r multiplies, q = U h + c of the gate n.
impl Cell<3, { Gru::KEPT }> for Gru {
    const RECURRENT: [usize; 3] = [0, 1, 3];

    #[inline(always)]
    fn forward<F: Curves>([r, z, [n, q]]: [[f32; 2]; 3], before: Unit) -> (f32, [f32; 4]) {
        let (r, z) = (F::sigmoid(r[0] + r[1]), F::sigmoid(z[0] + z[1]));
        let n = F::tanh(n + r * q);
        ((1.0 - z) * n + z * before.h, [r, z, n, q])
    }

    #[inline(always)]
    fn back<F: Curves>([r, z, n, q]: [f32; 4], before: Unit, gradient: Unit) -> Way<4> {
        let dh = gradient.h;
        let dn = dh * (1.0 - z) * (1.0 - n * n);
        let dz = dh * (before.h - n) * z * (1.0 - z);
        let dr = dn * q * r * (1.0 - r);
        Way { kept: [dr, dz, dn, dn * r], before: Unit { h: dh * z, memory: 0.0 } }
    }
}
