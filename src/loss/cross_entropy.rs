//! −Σ t ln p with p = softmax(y), the mean over the batch; dy = (p − t) / batch, since Σ t = 1.
//!
//! With m = max(y) and s = Σ e^(y − m), ln p = y − m − ln s: nothing overflows.

use crate::math;

/// `y` is `[batch, outputs]`, and every label is less than `outputs`.
pub(super) fn descend(y: &mut [f32], labels: &[u32], smoothing: f32, outputs: usize) -> f32 {
    let share = 1.0 / labels.len() as f32;
    let everywhere = smoothing / outputs as f32;
    let mut loss = 0.0;
    for (y, &label) in y.chunks_exact_mut(outputs.max(1)).zip(labels) {
        let most = y.iter().fold(f32::NEG_INFINITY, |most, y| if *y <= most { most } else { *y });
        let (mut sum, mut total) = (0.0, 0.0);
        let mut right = 0.0;
        if let Some(y) = y.get(label as usize) {
            right = *y - most;
        }
        for y in y.iter_mut() {
            total += *y - most;
            *y = math::exp(*y - most);
            sum += *y;
        }
        loss += math::ln(sum) - (1.0 - smoothing) * right;
        if everywhere > 0.0 {
            loss -= everywhere * total;
        }
        let scale = share / sum;
        for y in y.iter_mut() {
            *y = *y * scale - everywhere * share;
        }
        if let Some(y) = y.get_mut(label as usize) {
            *y -= (1.0 - smoothing) * share;
        }
    }
    loss * share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_outputs_cost_the_logarithm_of_their_number() {
        let mut y = [3.0; 4];
        let loss = descend(&mut y, &[1], 0.0, 4);
        assert!((loss - 2.0 * core::f32::consts::LN_2).abs() < 1e-6);
        assert_eq!(y, [0.25, -0.75, 0.25, 0.25]);
    }

    #[test]
    fn large_outputs_do_not_overflow_and_nan_is_not_hidden() {
        assert_eq!(descend(&mut [1e30, 0.0], &[0], 0.0, 2), 0.0);
        assert_eq!(descend(&mut [f32::NEG_INFINITY, 0.0], &[1], 0.0, 2), 0.0);
        assert!(descend(&mut [f32::NAN, 0.0], &[1], 0.0, 2).is_nan());
        assert!(descend(&mut [0.0, f32::NAN], &[0], 0.0, 2).is_nan());
        assert!(!descend(&mut [0.0, f32::INFINITY], &[0], 0.0, 2).is_finite());
    }
}
