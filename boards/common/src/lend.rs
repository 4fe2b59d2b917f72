//! Memory with an address that the linker knows, lent once.

use core::cell::{Cell, UnsafeCell};

/// A static that can be taken once, as a mutable reference for ever.
///
/// ```ignore
/// static WEIGHTS: Lend<[f32; PLAN.weights]> = Lend::new([0.0; PLAN.weights]);
/// let Some(weights) = WEIGHTS.take() else { /* someone has it */ };
/// ```
pub struct Lend<T> {
    taken: Cell<bool>,
    value: UnsafeCell<T>,
}

// SAFETY: the boards run one core, and interrupts are off or take nothing, so nothing happens between the
// look at `taken` and its change.
unsafe impl<T> Sync for Lend<T> {}

impl<T> Lend<T> {
    pub const fn new(value: T) -> Self {
        Self { taken: Cell::new(false), value: UnsafeCell::new(value) }
    }

    /// The value; none from the second time on.
    pub fn take(&'static self) -> Option<&'static mut T> {
        // SAFETY: `taken` was false, so this is the only reference that was ever made.
        (!self.taken.replace(true)).then(|| unsafe { &mut *self.value.get() })
    }
}
