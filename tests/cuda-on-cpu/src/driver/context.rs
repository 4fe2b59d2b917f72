//! What devices there are, and which one a thread works with.

use std::ffi::{c_char, c_int, c_uint};

use super::{Handle, exported, give};
use crate::counters::{Counter, count};
use crate::device::{self, alive, lock};
use crate::error::{self, Error, Result};
use crate::report::wrong;
use crate::settings::settings;

/// By this name tests know the device.
const NAME: &[u8] = b"cuda-on-cpu (PTX executed on the CPU)\0";

/// The CUDA version that the driver says it has: 13.0.
const VERSION: c_int = 13_000;

fn known(device: c_int) -> Result {
    if (0..settings().devices).contains(&device) { Ok(()) } else { Err(Error::InvalidDevice) }
}

/// CUdevice_attribute, where it is asked for; an Ampere's numbers.
fn attribute(which: c_int) -> Option<c_int> {
    Some(match which {
        1..=3 => 1024,     // threads of a block, and along x and y
        4 => 64,           // threads along z
        5 => c_int::MAX,   // blocks along x
        6 | 7 => 65_535,   // blocks along y and z
        8 => 48 * 1024,    // shared memory of a block
        10 => 32,          // lanes of a warp
        12 | 82 => 65_536, // registers of a block, of a multiprocessor
        13 => 1_000_000,   // kHz
        16 => 4,           // multiprocessors
        39 => 2048,        // threads of a multiprocessor
        75 => 8,           // compute capability 8.0
        76 => 0,
        81 => 100 * 1024, // shared memory of a multiprocessor
        97 => 99 * 1024,  // shared memory of a block, on request
        115 => 1,         // memory pools
        _ => return None,
    })
}

exported! {
    fn cuInit(_flags: c_uint) {
        if settings().devices == 0 { Err(Error::NoDevice) } else { Ok(()) }
    }

    fn cuDriverGetVersion(version: *mut c_int) {
        // SAFETY: the program's own pointer
        unsafe { give(version, VERSION) }
    }

    fn cuDeviceGetCount(count: *mut c_int) {
        // SAFETY: the program's own pointer
        unsafe { give(count, settings().devices) }
    }

    fn cuDeviceGet(device: *mut c_int, ordinal: c_int) {
        known(ordinal)?;
        // SAFETY: the program's own pointer
        unsafe { give(device, ordinal) }
    }

    fn cuDeviceGetName(name: *mut c_char, room: c_int, device: c_int) {
        known(device)?;
        let bytes = NAME.len().min(usize::try_from(room).map_err(|_| Error::InvalidValue)?);
        // SAFETY: the program says how much room there is
        unsafe { name.copy_from_nonoverlapping(NAME.as_ptr().cast(), bytes) };
        Ok(())
    }

    fn cuDeviceGetUuid_v2(uuid: *mut [u8; 16], device: c_int) {
        known(device)?;
        let mut bytes = *b"cuda-on-cpu-0000";
        bytes[15] += device as u8;
        // SAFETY: the program's own pointer
        unsafe { give(uuid, bytes) }
    }

    fn cuDeviceTotalMem_v2(bytes: *mut usize, device: c_int) {
        known(device)?;
        // SAFETY: the program's own pointer
        unsafe { give(bytes, settings().memory) }
    }

    fn cuDeviceGetAttribute(value: *mut c_int, which: c_int, device: c_int) {
        known(device)?;
        let Some(found) = attribute(which) else {
            return wrong(Error::InvalidValue, format_args!("attribute {which} is not implemented"));
        };
        // SAFETY: the program's own pointer
        unsafe { give(value, found) }
    }

    fn cuDevicePrimaryCtxRetain(context: *mut Handle, device: c_int) {
        known(device)?;
        // SAFETY: the program's own pointer
        unsafe { give(context, device::context_of(device) as Handle) }
    }

    fn cuDevicePrimaryCtxRelease_v2(device: c_int) { known(device) }

    fn cuCtxGetCurrent(context: *mut Handle) {
        // SAFETY: the program's own pointer
        unsafe { give(context, device::context() as Handle) }
    }

    fn cuCtxSetCurrent(context: Handle) {
        device::set_context(context as usize);
        Ok(())
    }

    fn cuCtxSetFlags(_flags: c_uint) { Ok(()) }

    fn cuCtxSynchronize() {
        let mut machine = alive()?;
        machine.refuse_unsafe()?;
        count(Counter::Waits, 1);
        machine.drain_all();
        machine.check()
    }

    fn cuMemGetInfo_v2(free: *mut usize, whole: *mut usize) {
        let used = lock().memory.used(device::current_device());
        // SAFETY: the program's own pointers
        unsafe {
            give(free, settings().memory.saturating_sub(used))?;
            give(whole, settings().memory)
        }
    }

    fn cuGetErrorName(code: c_int, name: *mut *const c_char) {
        let found = error::name(code).ok_or(Error::InvalidValue)?;
        // SAFETY: the program's own pointer
        unsafe { give(name, found.as_ptr()) }
    }

    fn cuGetErrorString(code: c_int, text: *mut *const c_char) {
        let found = error::name(code).ok_or(Error::InvalidValue)?;
        // SAFETY: the program's own pointer
        unsafe { give(text, found.as_ptr()) }
    }
}
