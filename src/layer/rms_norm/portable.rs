use super::RmsNorm;
use crate::layer::{Backward, Forward};
use crate::math;
use crate::update::Move;

impl RmsNorm {
    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        let channels = io.input.channels.max(1) as usize;
        let share = 1.0 / channels as f32;
        let mut saved = io.saved.iter_mut();
        for y in io.y.chunks_exact_mut(channels) {
            let square = math::dot(0.0, y, y) * share;
            let scale = 1.0 / math::sqrt(square + self.eps);
            if let Some(saved) = saved.next() {
                *saved = scale;
            }
            for (y, gain) in y.iter_mut().zip(io.w) {
                *y = gain * (*y * scale);
            }
        }
    }

    /// With s = 1 / √(mean(x²) + ε), n = s x and g = γ dy: dγ = Σ dy n and dx = s (g − n · mean(g n)).
    pub(in crate::layer) fn backward<M: Move>(&self, io: Backward<'_, M>) {
        let channels = io.input.channels.max(1) as usize;
        let share = 1.0 / channels as f32;
        let Backward { x, saved, dy, mut weights, .. } = io;
        let (saved, gains) = saved.split_at_mut(saved.len().saturating_sub(channels));
        weights.begin(0, gains);
        let pixels = dy.chunks_exact_mut(channels).zip(x.chunks_exact(channels));
        for ((dy, x), scale) in pixels.zip(saved) {
            let mut along = 0.0;
            for ((dy, x), gain) in dy.iter().zip(x).zip(weights.w.iter()) {
                along += gain * dy * (x * *scale);
            }
            along *= share;
            let sums = gains.iter_mut().zip(weights.w.iter());
            for ((dy, x), (sum, gain)) in dy.iter_mut().zip(x).zip(sums) {
                let n = x * *scale;
                *sum += *dy * n;
                *dy = (gain * *dy - n * along) * *scale;
            }
        }
        if weights.trained {
            weights.apply_vector(0, channels, gains.iter().copied());
        }
    }
}
