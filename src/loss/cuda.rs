//! Losses on the GPU: rows, or numbers, each with a loss of its own, and their mean.

use super::Loss;
use crate::gpu::{Argument, Error, Grid, Numbers, Queue};

/// What the outputs of a batch should have been, on the device.
#[derive(Clone, Copy)]
pub(crate) enum Wanted {
    /// A label for each row.
    Labels(Numbers),
    /// Two labels for each row, and the share of the first.
    Mixed([Numbers; 3]),
    /// A value for each output.
    Values(Numbers),
}

impl Loss {
    /// How many losses are summed to that of a batch of so many rows of outputs.
    pub(crate) const fn terms(self, rows: usize, outputs: usize) -> usize {
        match self {
            Self::SquaredError => rows * outputs,
            _ => rows,
        }
    }

    /// The loss of the outputs at `y`, which become gradients, to `loss`; `losses` has room for the terms. Where the
    /// device is `halted`, the loss is NaN.
    pub(crate) fn descend_cuda(
        self,
        queue: &Queue,
        y: Numbers,
        wanted: Wanted,
        (rows, outputs): (usize, usize),
        (losses, loss, halted): (Numbers, Numbers, Numbers),
    ) -> Result<(), Error> {
        let n = self.terms(rows, outputs);
        match (self, wanted) {
            (Self::SquaredError, Wanted::Values(values)) => {
                let all = [y.updated(), losses.into(), values.into(), n.into()];
                queue.launch("squared_error", Grid::each(n), all)?;
            }
            (Self::CrossEntropy { smoothing }, wanted) => {
                let [first, second, share] = match wanted {
                    Wanted::Mixed(all) => all,
                    Wanted::Labels(labels) | Wanted::Values(labels) => {
                        [labels, Numbers::EMPTY, Numbers::EMPTY]
                    }
                };
                let all: [Argument; 8] = [
                    y.updated(),
                    losses.into(),
                    first.into(),
                    second.into(),
                    share.into(),
                    smoothing.into(),
                    rows.into(),
                    outputs.into(),
                ];
                queue.launch("cross_entropy", Grid::rows(rows), all)?;
            }
            _ => {}
        }
        let mean: [Argument; 4] = [loss.into(), losses.into(), halted.into(), n.into()];
        queue.launch("mean_loss", Grid::blocks(1), mean)
    }
}
