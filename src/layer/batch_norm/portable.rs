use super::BatchNorm;
use crate::layer::{Backward, Forward};
use crate::math;
use crate::update::Move;

/// Four vectors of `channels` numbers that lie behind each other.
fn quarters(all: &mut [f32], channels: usize) -> [&mut [f32]; 4] {
    let mut parts = all.chunks_exact_mut(channels.max(1));
    core::array::from_fn(|_| parts.next().unwrap_or_default())
}

impl BatchNorm {
    /// μ and σ² of each channel, the variance in a second pass around the mean.
    fn statistics(x: &[f32], channels: usize, mean: &mut [f32], variance: &mut [f32]) {
        let share = 1.0 / (x.len() / channels.max(1)) as f32;
        mean.fill(0.0);
        variance.fill(0.0);
        for x in x.chunks_exact(channels.max(1)) {
            math::add(mean, x);
        }
        for mean in mean.iter_mut() {
            *mean *= share;
        }
        for x in x.chunks_exact(channels.max(1)) {
            for ((variance, x), mean) in variance.iter_mut().zip(x).zip(mean.iter()) {
                *variance += (x - mean) * (x - mean);
            }
        }
        for variance in variance {
            *variance *= share;
        }
    }

    /// y = γ (x − μ) / √(σ² + ε) + β over all pixels.
    fn normalise(&self, y: &mut [f32], w: &[f32], mean: &[f32], variance: &[f32]) {
        let channels = mean.len().max(1);
        let Some((gain, rest)) = w.split_at_checked(channels) else { return };
        for y in y.chunks_exact_mut(channels) {
            let affine = gain.iter().zip(rest);
            for (((y, mean), variance), (gain, bias)) in
                y.iter_mut().zip(mean).zip(variance).zip(affine)
            {
                *y = gain * ((*y - mean) / math::sqrt(variance + self.eps)) + bias;
            }
        }
    }

    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        let channels = io.input.channels as usize;
        if io.saved.is_empty() {
            let mut running = io.w.chunks_exact(channels.max(1)).skip(2);
            if let (Some(mean), Some(variance)) = (running.next(), running.next()) {
                self.normalise(io.y, io.w, mean, variance);
            }
        } else {
            let [mean, variance, ..] = quarters(io.saved, channels);
            Self::statistics(io.y, channels, mean, variance);
            self.normalise(io.y, io.w, mean, variance);
        }
    }

    /// Trained, with n = (x − μ) / σ over `count` pixels: dγ = Σ dy n, dβ = Σ dy and
    /// dx = γ/σ (dy − dβ/count − n dγ/count). Frozen: dx = γ/σ dy.
    pub(in crate::layer) fn backward<M: Move>(&self, io: Backward<'_, M>) {
        let channels = io.input.channels.max(1) as usize;
        let Backward { x, saved, dy, mut weights, .. } = io;
        let [gain, _, running_mean, running_variance] = quarters(weights.w, channels);
        if !weights.trained {
            for dy in dy.chunks_exact_mut(channels) {
                for ((dy, gain), variance) in dy.iter_mut().zip(&*gain).zip(&*running_variance) {
                    *dy *= gain / math::sqrt(variance + self.eps);
                }
            }
            return;
        }
        let [mean, variance, gains, biases] = quarters(saved, channels);
        gains.fill(0.0);
        biases.fill(0.0);
        for (dy, x) in dy.chunks_exact(channels).zip(x.chunks_exact(channels)) {
            let statistics = mean.iter().zip(variance.iter());
            let sums = gains.iter_mut().zip(biases.iter_mut());
            for (((dy, x), (mean, variance)), (gains, biases)) in
                dy.iter().zip(x).zip(statistics).zip(sums)
            {
                *gains += dy * ((x - mean) / math::sqrt(variance + self.eps));
                *biases += dy;
            }
        }
        let count = (x.len() / channels) as f32;
        let share = 1.0 / count;
        for (dy, x) in dy.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
            let statistics = mean.iter().zip(variance.iter());
            let sums = gains.iter().zip(biases.iter());
            for ((((dy, x), (mean, variance)), (gains, biases)), gain) in
                dy.iter_mut().zip(x).zip(statistics).zip(sums).zip(&*gain)
            {
                let scale = 1.0 / math::sqrt(variance + self.eps);
                let n = (x - mean) * scale;
                *dy = gain * scale * (*dy - biases * share - n * (gains * share));
            }
        }
        // PyTorch's running variance is the unbiased one; a single number has none
        let unbiased = if count > 1.0 { count / (count - 1.0) } else { 1.0 };
        for (running, mean) in running_mean.iter_mut().zip(&*mean) {
            *running += self.momentum * (mean - *running);
        }
        for (running, variance) in running_variance.iter_mut().zip(&*variance) {
            *running += self.momentum * (variance * unbiased - *running);
        }
        weights.apply_part(0, 2 * channels, gains.iter().chain(biases.iter()).copied());
    }
}
