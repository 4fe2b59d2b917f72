//! What ends a save or a generation on the way.

use super::error::{Ignored, KeepError};
use super::store::Fault;
use crate::recipe::DeltaError;
use crate::rule::LengthError;

/// Why a delta was not written.
pub(super) enum Failure<E> {
    Keep(KeepError<E>),
    Damaged,
}

impl<E> From<Failure<E>> for KeepError<E> {
    fn from(failure: Failure<E>) -> Self {
        match failure {
            Failure::Keep(error) => error,
            Failure::Damaged => Self::Stuck,
        }
    }
}

impl<E> From<Fault<E>> for KeepError<E> {
    fn from(fault: Fault<E>) -> Self {
        Failure::from(fault).into()
    }
}

impl<E> From<Fault<E>> for Failure<E> {
    fn from(fault: Fault<E>) -> Self {
        match fault {
            Fault::Flash(error) => Self::Keep(KeepError::Flash(error)),
            Fault::Damaged => Self::Damaged,
        }
    }
}

impl<E> From<KeepError<E>> for Failure<E> {
    fn from(error: KeepError<E>) -> Self {
        Self::Keep(error)
    }
}

impl<E> From<DeltaError> for Failure<E> {
    fn from(error: DeltaError) -> Self {
        Self::Keep(KeepError::Delta(error))
    }
}

impl<E> From<LengthError> for Failure<E> {
    fn from(error: LengthError) -> Self {
        Self::Keep(KeepError::Start(error))
    }
}

/// Why a generation was not taken.
pub(super) enum Refused<E> {
    Ignored(Ignored),
    Flash(E),
}

impl<E> From<Fault<E>> for Refused<E> {
    fn from(fault: Fault<E>) -> Self {
        match fault {
            Fault::Flash(error) => Self::Flash(error),
            Fault::Damaged => Self::Ignored(Ignored::Damaged),
        }
    }
}
