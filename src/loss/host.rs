//! Cross-entropy on the host, as `cross_entropy.rs` has it: runs of rows in parallel, whose losses are
//! summed in their order.

use super::cross_entropy::{Mixed, mixed};
use super::{Loss, Target};
use crate::math;
use crate::math::vector::{exp, largest, sum, vectors};
use pulp::Arch;
use rayon::prelude::*;

/// Runs that a batch is cut into, whatever the number of threads.
const RUNS: usize = 16;

impl Loss {
    /// [`descend`](Self::descend) with the vectors of the processor.
    pub(crate) fn descend_host(
        self,
        arch: Arch,
        y: &mut [f32],
        target: Target<'_>,
        outputs: usize,
    ) -> f32 {
        match (self, target) {
            (Self::CrossEntropy { smoothing }, Target::Labels(labels)) => {
                descend(arch, y, labels, smoothing, outputs)
            }
            (Self::CrossEntropy { smoothing }, Target::Mixed { first, second, share }) => {
                let labels = Mixed { first, second, share };
                mixed(y, labels, smoothing, (first.len(), outputs), |y| {
                    descend(arch, y, first, smoothing, outputs)
                })
            }
            _ => {
                let rows = y.len() / outputs.max(1);
                self.descend::<true, true>(y, target, (rows, outputs))
            }
        }
    }
}

fn descend(arch: Arch, y: &mut [f32], labels: &[u32], smoothing: f32, outputs: usize) -> f32 {
    let share = 1.0 / labels.len() as f32;
    let (run, outputs) = (labels.len().div_ceil(RUNS).max(1), outputs.max(1));
    let mut losses = [0.0; RUNS];
    let runs = y.par_chunks_mut(run * outputs).zip(labels.par_chunks(run));
    runs.zip(&mut losses).for_each(|((y, labels), loss)| {
        vectors(
            arch,
            #[inline(always)]
            || {
                for (y, label) in y.chunks_exact_mut(outputs).zip(labels) {
                    *loss += row(y, *label as usize, smoothing, share);
                }
            },
        );
    });
    losses.iter().sum::<f32>() * share
}

/// The loss of one row, which becomes its gradient times `share`.
#[inline(always)]
fn row(y: &mut [f32], label: usize, smoothing: f32, share: f32) -> f32 {
    let everywhere = smoothing / y.len() as f32;
    let most = largest(y);
    let right = y.get(label).map_or(0.0, |y| *y - most);
    let total = sum(
        y,
        #[inline(always)]
        |y| y - most,
    );
    for y in y.iter_mut() {
        *y = exp(*y - most);
    }
    let powers = sum(
        y,
        #[inline(always)]
        |y| y,
    );
    let mut loss = math::ln(powers) - (1.0 - smoothing) * right;
    if everywhere > 0.0 {
        loss -= everywhere * total;
    }
    let scale = share / powers;
    for y in y.iter_mut() {
        *y = *y * scale - everywhere * share;
    }
    if let Some(y) = y.get_mut(label) {
        *y -= (1.0 - smoothing) * share;
    }
    loss
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn the_loss_of_the_host_is_that_of_the_meaning() {
        for (rows, outputs, smoothing) in [(1, 1, 0.0), (3, 10, 0.1), (70, 259, 0.0)] {
            let y = (0..rows * outputs).map(|i| ((i * 37) % 101) as f32 / 9.0 - 5.0);
            let (mut y, loss) = (y.collect::<Vec<_>>(), Loss::CrossEntropy { smoothing });
            let first: Vec<u32> = (0..rows as u32).map(|i| i * 7 % outputs as u32).collect();
            let second: Vec<u32> = (0..rows as u32).map(|i| i * 3 % outputs as u32).collect();
            let share: Vec<f32> = (0..rows).map(|i| i as f32 / rows as f32).collect();
            let mixed = Target::Mixed { first: &first, second: &second, share: &share };
            for target in [Target::Labels(&first), mixed] {
                let mut want = y.clone();
                let want_loss = loss.descend::<true, true>(&mut want, target, (rows, outputs));
                let got_loss = loss.descend_host(Arch::new(), &mut y, target, outputs);
                assert!((got_loss - want_loss).abs() <= 1e-5 * want_loss.abs(), "{got_loss}");
                let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-6 / rows as f32;
                assert!(y.iter().zip(&want).all(near), "{rows} {outputs}");
            }
        }
    }

    #[test]
    fn nan_is_not_hidden() {
        for y in [[f32::NAN, 0.0], [0.0, f32::NAN], [0.0, f32::INFINITY]] {
            let (mut y, loss) = (y, Loss::CrossEntropy { smoothing: 0.0 });
            let loss = loss.descend_host(Arch::new(), &mut y, Target::Labels(&[0]), 2);
            assert!(!loss.is_finite());
        }
    }
}
