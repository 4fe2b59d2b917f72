//! The kernels of a layer norm, without a mean and without β.

use super::RmsNorm;
use crate::layer::host::Host;
use crate::layer::layer_norm::{backward, forward};
use crate::layer::{Backward, Forward};
use crate::update::Move;

impl RmsNorm {
    pub(in crate::layer) fn forward_host(&self, io: Forward<'_>, host: &Host<'_>) {
        forward::<1>(self.eps, io, host);
    }

    pub(in crate::layer) fn backward_host<M: Move>(
        &self,
        io: Backward<'_, M>,
        host: &mut Host<'_>,
    ) {
        backward::<1, M>(io, host);
    }
}
