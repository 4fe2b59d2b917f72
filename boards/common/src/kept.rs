//! Flash for a device that keeps what it has learnt.

use crate::{Lend, served::Learns};
use idinit::{
    device::keep::{Keep, RamFlash},
    layer::Uses,
};

/// The range of flash, in bytes, its pages, and the items in it: two deltas of 20,000 bytes have room.
const FLASH: usize = 65_536;
const PAGE: usize = 4_096;
const ITEM: usize = 256;

/// In place of the board's own flash, which QEMU does not play.
type Chip = RamFlash<FLASH, PAGE>;

static CHIP: Lend<Chip> = Lend::new(Chip::new());

/// Has a device go on where it was kept, and keeps it. None where somebody has the flash.
pub fn kept<S: Uses, const CLASSES: usize>(
    learner: &mut Learns<S, CLASSES>,
) -> Option<Keep<&'static mut Chip, ITEM>> {
    let mut keep = Keep::new(CHIP.take()?, 0..FLASH as u32).ok()?;
    keep.load(learner, &mut []).ok()?;
    Some(keep)
}
