//! A matrix that moves by g xᵀ, several rows abreast, so that they share each x that is loaded.
//!
//! A row is walked four numbers at a time; what is left of it, and the rows that are left, follow
//! one by one. Each number moves by itself, so that the order does not matter to it.

use crate::math;

/// Calls `each(w, scale · g, x)` for every number of `w`, [`g.len()`, `x.len()`], four rows abreast.
#[inline(always)]
pub(super) fn rows(
    w: &mut [f32],
    g: &[f32],
    x: &[f32],
    scale: f32,
    each: impl Fn(&mut f32, f32, f32),
) {
    let width = x.len().max(1);
    let (fours, rest) = g.split_at(math::tiled(g.len(), 4).min(g.len()));
    let (first, last) = w.split_at_mut((fours.len() * width).min(w.len()));
    let fours = fours.as_chunks::<4>().0;
    for (w, g) in first.chunks_exact_mut((4 * width).max(1)).zip(fours) {
        let [ga, gb, gc, gd] = g.map(|g| scale * g);
        let Some((ab, cd)) = w.split_at_mut_checked(2 * width) else { return };
        let (ab, cd) = (ab.split_at_mut_checked(width), cd.split_at_mut_checked(width));
        let (Some((a, b)), Some((c, d))) = (ab, cd) else { return };
        let ((a4, a1), (b4, b1)) = (a.as_chunks_mut::<4>(), b.as_chunks_mut::<4>());
        let ((c4, c1), (d4, d1)) = (c.as_chunks_mut::<4>(), d.as_chunks_mut::<4>());
        let (x4, x1) = x.as_chunks::<4>();
        for ((((x, a), b), c), d) in x4.iter().zip(a4).zip(b4).zip(c4).zip(d4) {
            let x = *x;
            for (w, g) in [(a, ga), (b, gb), (c, gc), (d, gd)] {
                for (w, x) in w.iter_mut().zip(x) {
                    each(w, g, x);
                }
            }
        }
        for ((((x, a), b), c), d) in x1.iter().zip(a1).zip(b1).zip(c1).zip(d1) {
            each(a, ga, *x);
            each(b, gb, *x);
            each(c, gc, *x);
            each(d, gd, *x);
        }
    }
    for (w, g) in last.chunks_exact_mut(width).zip(rest) {
        let g = scale * g;
        for (w, x) in w.iter_mut().zip(x) {
            each(w, g, *x);
        }
    }
}

/// Calls `each(w, v, g, x)` for every number of `w` and its one number of state in `v`, two rows
/// abreast.
#[inline(always)]
pub(super) fn rows_with_state(
    w: &mut [f32],
    v: &mut [f32],
    g: &[f32],
    x: &[f32],
    each: impl Fn(&mut f32, &mut f32, f32, f32),
) {
    let width = x.len().max(1);
    let (twos, rest) = g.split_at(math::tiled(g.len(), 2).min(g.len()));
    let done = twos.len() * width;
    let twos = twos.as_chunks::<2>().0;
    let (first, last) = w.split_at_mut(done.min(w.len()));
    let (first_v, last_v) = v.split_at_mut(done.min(v.len()));
    let rows = first
        .chunks_exact_mut((2 * width).max(1))
        .zip(first_v.chunks_exact_mut((2 * width).max(1)));
    for ((w, v), &[ga, gb]) in rows.zip(twos) {
        let (w, v) = (w.split_at_mut_checked(width), v.split_at_mut_checked(width));
        let (Some((a, b)), Some((va, vb))) = (w, v) else { return };
        let ((a4, a1), (b4, b1)) = (a.as_chunks_mut::<4>(), b.as_chunks_mut::<4>());
        let ((va4, va1), (vb4, vb1)) = (va.as_chunks_mut::<4>(), vb.as_chunks_mut::<4>());
        let (x4, x1) = x.as_chunks::<4>();
        for ((((x, a), b), va), vb) in x4.iter().zip(a4).zip(b4).zip(va4).zip(vb4) {
            let x = *x;
            for (w, v, g) in [(a, va, ga), (b, vb, gb)] {
                for ((w, v), x) in w.iter_mut().zip(v).zip(x) {
                    each(w, v, g, x);
                }
            }
        }
        for ((((x, a), b), va), vb) in x1.iter().zip(a1).zip(b1).zip(va1).zip(vb1) {
            each(a, va, ga, *x);
            each(b, vb, gb, *x);
        }
    }
    let rows = last.chunks_exact_mut(width).zip(last_v.chunks_exact_mut(width));
    for ((w, v), g) in rows.zip(rest) {
        for ((w, v), x) in w.iter_mut().zip(v).zip(x) {
            each(w, v, *g, *x);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_moved_once_by_its_own_product() {
        for (height, width) in [(1, 1), (5, 3), (4, 8), (7, 6), (9, 5)] {
            let g: [f32; 9] = core::array::from_fn(|i| 1.0 + i as f32);
            let x: [f32; 8] = core::array::from_fn(|i| 0.5 + i as f32);
            let (g, x) = (&g[..height], &x[..width]);
            let (mut w, mut v) = ([1.0f32; 72], [2.0f32; 72]);
            rows(&mut w[..height * width], g, x, 2.0, |w, g, x| *w += g * x);
            let (whole, state) = (&mut [1.0f32; 72][..height * width], &mut v[..height * width]);
            rows_with_state(whole, state, g, x, |w, v, g, x| *w += *v * g * x);
            for (o, g) in g.iter().enumerate() {
                for (i, x) in x.iter().enumerate() {
                    assert_eq!(w[o * width + i], 1.0 + 2.0 * g * x);
                    assert_eq!(whole[o * width + i], 1.0 + 2.0 * g * x);
                }
            }
        }
    }
}
