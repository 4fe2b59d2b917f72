use super::ClassToken;
use crate::layer::{Backward, Forward};
use crate::update::Move;

impl ClassToken {
    pub(in crate::layer) fn forward(&self, _io: Forward<'_>) {}

    pub(in crate::layer) fn backward<M: Move>(&self, _io: Backward<'_, M>) {}
}
