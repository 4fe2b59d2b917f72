//! (y − t)², the mean over all numbers of the batch; dy = 2 (y − t) / count.

/// `y` and `values` are `[batch, outputs]`. Gradients are those of a mean over `count` numbers, of which these may
/// be a part.
pub(super) fn descend(y: &mut [f32], values: &[f32], count: usize) -> f32 {
    let (share, own) = (1.0 / count as f32, 1.0 / values.len() as f32);
    let mut loss = 0.0;
    for (y, value) in y.iter_mut().zip(values) {
        let error = *y - value;
        loss += error * error;
        *y = 2.0 * share * error;
    }
    loss * own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_squares_and_its_gradient() {
        let mut y = [1.0, 4.0];
        assert_eq!(descend(&mut y, &[3.0, 4.0], 2), 2.0);
        assert_eq!(y, [-2.0, 0.0]);
    }
}
