use super::LayerNorm;
use crate::layer::{Backward, Forward};
use crate::math;
use crate::update::Move;

impl LayerNorm {
    /// μ and 1 / √(σ² + ε) of one pixel; the variance is taken around the mean, in a second pass.
    fn statistics(&self, x: &[f32]) -> (f32, f32) {
        let share = 1.0 / x.len() as f32;
        let mean = x.iter().sum::<f32>() * share;
        let variance = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() * share;
        (mean, 1.0 / math::sqrt(variance + self.eps))
    }

    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        let channels = io.input.channels.max(1) as usize;
        let Some((gain, bias)) = io.w.split_at_checked(channels) else { return };
        let mut saved = io.saved.iter_mut();
        for y in io.y.chunks_exact_mut(channels) {
            let (mean, scale) = self.statistics(y);
            if let (Some(m), Some(s)) = (saved.next(), saved.next()) {
                (*m, *s) = (mean, scale);
            }
            for ((y, gain), bias) in y.iter_mut().zip(gain).zip(bias) {
                *y = gain * ((*y - mean) * scale) + bias;
            }
        }
    }

    /// With n = (x − μ) / σ and g = γ dy: dγ = Σ dy n, dβ = Σ dy, and
    /// dx = (g − mean(g) − n · mean(g n)) / σ.
    pub(in crate::layer) fn backward<M: Move>(&self, io: Backward<'_, M>) {
        let channels = io.input.channels.max(1) as usize;
        let share = 1.0 / channels as f32;
        let Backward { x, saved, dy, mut weights, .. } = io;
        let split = saved.len().saturating_sub(2 * channels);
        let (saved, gradients) = saved.split_at_mut(split);
        weights.begin(0, gradients);
        let (gains, biases) = gradients.split_at_mut(channels.min(gradients.len()));
        let pixels = dy.chunks_exact_mut(channels).zip(x.chunks_exact(channels));
        for ((dy, x), [mean, scale]) in pixels.zip(saved.as_chunks::<2>().0) {
            let n = |x: &f32| (x - *mean) * *scale;
            let (mut sum, mut along) = (0.0, 0.0);
            for ((dy, x), gain) in dy.iter().zip(x).zip(weights.w.iter()) {
                sum += gain * dy;
                along += gain * dy * n(x);
            }
            let (sum, along) = (sum * share, along * share);
            let each = dy.iter_mut().zip(x).zip(weights.w.iter());
            for (((dy, x), gain), (gains, biases)) in
                each.zip(gains.iter_mut().zip(biases.iter_mut()))
            {
                let n = n(x);
                *gains += *dy * n;
                *biases += *dy;
                *dy = (gain * *dy - sum - n * along) * *scale;
            }
        }
        if weights.trained {
            weights.apply_vector(0, 2 * channels, gains.iter().chain(biases.iter()).copied());
        }
    }
}
