//! What goes back through a matrix, alike in a dense layer and in a recurrent one.

use crate::math;

/// dx += Wᵀ g: g is `[out]`, W is `[out, inp]`, dx is `[inp]`. Eight inputs abreast share each gradient.
#[inline(never)]
pub(super) fn back(g: &[f32], w: &[f32], dx: &mut [f32]) {
    let inp = dx.len();
    let (eights, rest) = dx.split_at_mut(math::tiled(inp, 8).min(inp));
    let mut at = 0;
    for sums in eights.as_chunks_mut::<8>().0 {
        [*sums] = math::weigh([*sums], [g], w, inp, at);
        at += 8;
    }
    for sum in rest {
        [[*sum]] = math::weigh([[*sum]], [g], w, inp, at);
        at += 1;
    }
}
