use super::ChannelScale;
use crate::layer::{Backward, Forward};

impl ChannelScale {
    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        let (size, channels) = (io.input.size().max(1), io.input.channels.max(1) as usize);
        let mut second = io.second.chunks_exact(channels);
        for (y, x) in io.y.chunks_exact_mut(size).zip(io.x.chunks_exact(size)) {
            let scales = second.next().unwrap_or_default();
            for (y, x) in y.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
                for ((y, x), scale) in y.iter_mut().zip(x).zip(scales) {
                    *y = x * scale;
                }
            }
        }
    }

    /// dx[p] += s · dy[p]; ds += Σ x[p] · dy[p] over the pixels. Either may be unwanted.
    pub(in crate::layer) fn backward<M>(&self, io: Backward<'_, M>) {
        let (size, channels) = (io.input.size().max(1), io.input.channels.max(1) as usize);
        let dy = io.dy.chunks_exact(size);
        let scales = io.second.chunks_exact(channels);
        for ((dx, dy), scales) in io.dx.chunks_exact_mut(size).zip(dy.clone()).zip(scales) {
            for (dx, dy) in dx.chunks_exact_mut(channels).zip(dy.chunks_exact(channels)) {
                add_products(dx, dy, scales);
            }
        }
        let examples = io.d_second.chunks_exact_mut(channels).zip(io.x.chunks_exact(size));
        for ((d_scales, x), dy) in examples.zip(dy) {
            for (x, dy) in x.chunks_exact(channels).zip(dy.chunks_exact(channels)) {
                add_products(d_scales, x, dy);
            }
        }
    }
}

/// `sums[c]` += `a[c]` · `b[c]`.
fn add_products(sums: &mut [f32], a: &[f32], b: &[f32]) {
    for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
        *sum += a * b;
    }
}
