//! −Σ t ln p with p = softmax(y), the mean over the batch; dy = (p − t) / batch, since Σ t = 1.
//!
//! With m = max(y) and s = Σ e^(y − m), ln p = y − m − ln s: nothing overflows.

use crate::math;

/// `y` is `[batch, outputs]`, and every label is less than `outputs`. Gradients are those of a mean over `rows`,
/// of which these may be a part.
pub(super) fn descend(
    y: &mut [f32],
    labels: &[u32],
    smoothing: f32,
    (rows, outputs): (usize, usize),
) -> f32 {
    let (share, own) = (1.0 / rows as f32, 1.0 / labels.len() as f32);
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
    loss * own
}

/// Two labels for each row, and the share of the first.
#[cfg(feature = "std")]
#[derive(Clone, Copy)]
pub(super) struct Mixed<'a> {
    pub first: &'a [u32],
    pub second: &'a [u32],
    pub share: &'a [f32],
}

/// The loss of mixed examples, λ · loss(first) + (1 − λ) · loss(second): that of the first labels,
/// corrected by (1 − λ) (y[first] − y[second]), since the two differ in that alone.
#[cfg(feature = "std")]
pub(super) fn descend_mixed(
    y: &mut [f32],
    labels: Mixed<'_>,
    smoothing: f32,
    (rows, outputs): (usize, usize),
) -> f32 {
    mixed(y, labels, smoothing, (rows, outputs), |y| {
        descend(y, labels.first, smoothing, (rows, outputs))
    })
}

/// The same, by one of the ways to compute the loss of the first labels.
#[cfg(feature = "std")]
pub(super) fn mixed(
    y: &mut [f32],
    labels: Mixed<'_>,
    smoothing: f32,
    (rows, outputs): (usize, usize),
    descend: impl FnOnce(&mut [f32]) -> f32,
) -> f32 {
    let Mixed { first, second, share } = labels;
    let scale = (1.0 - smoothing) / rows as f32;
    let own = rows as f32 / first.len() as f32;
    let pairs = || first.iter().zip(second).zip(share.iter().map(|share| scale * (1.0 - share)));
    let mut correction = 0.0;
    for (y, ((&first, &second), share)) in y.chunks_exact(outputs.max(1)).zip(pairs()) {
        if let (Some(one), Some(other)) = (y.get(first as usize), y.get(second as usize)) {
            correction += share * (one - other);
        }
    }
    let loss = descend(y);
    for (dy, ((&first, &second), share)) in y.chunks_exact_mut(outputs.max(1)).zip(pairs()) {
        if let Some(dy) = dy.get_mut(first as usize) {
            *dy += share;
        }
        if let Some(dy) = dy.get_mut(second as usize) {
            *dy -= share;
        }
    }
    loss + own * correction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(feature = "std")]
    fn a_mixed_loss_is_the_mean_of_its_two_labels() {
        let y = [0.5, -1.0, 2.0, 0.25, 0.75, -0.5];
        let one = |labels: &[u32]| {
            let mut y = y;
            (descend(&mut y, labels, 0.1, (2, 3)), y)
        };
        let ((a, da), (b, db)) = (one(&[0, 1]), one(&[2, 1]));
        let mut dy = y;
        let labels = Mixed { first: &[0, 1], second: &[2, 1], share: &[0.25, 0.5] };
        let loss = descend_mixed(&mut dy, labels, 0.1, (2, 3));
        // the second row has one label twice, so only the first counts
        let only = |labels: &[u32]| descend(&mut [0.5, -1.0, 2.0], labels, 0.1, (1, 3)) / 2.0;
        let second = a - only(&[0]);
        assert!((loss - (0.25 * only(&[0]) + 0.75 * only(&[2]) + second)).abs() < 1e-6);
        assert!((b - only(&[2]) - second).abs() < 1e-6);
        for ((dy, a), b) in dy.iter().zip(da).zip(db).take(3) {
            assert!((dy - (0.25 * a + 0.75 * b)).abs() < 1e-7);
        }
        assert_eq!(dy[3..], da[3..]);
    }

    #[test]
    fn equal_outputs_cost_the_logarithm_of_their_number() {
        let mut y = [3.0; 4];
        let loss = descend(&mut y, &[1], 0.0, (1, 4));
        assert!((loss - 2.0 * core::f32::consts::LN_2).abs() < 1e-6);
        assert_eq!(y, [0.25, -0.75, 0.25, 0.25]);
    }

    #[test]
    fn large_outputs_do_not_overflow_and_nan_is_not_hidden() {
        assert_eq!(descend(&mut [1e30, 0.0], &[0], 0.0, (1, 2)), 0.0);
        assert_eq!(descend(&mut [f32::NEG_INFINITY, 0.0], &[1], 0.0, (1, 2)), 0.0);
        assert!(descend(&mut [f32::NAN, 0.0], &[1], 0.0, (1, 2)).is_nan());
        assert!(descend(&mut [0.0, f32::NAN], &[0], 0.0, (1, 2)).is_nan());
        assert!(!descend(&mut [0.0, f32::INFINITY], &[0], 0.0, (1, 2)).is_finite());
    }
}
