//! Allocations: each lies alone before a page that cannot be touched, filled with bytes that are not a number.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::c_void;
use std::ptr;

use crate::counters::{Counter, count};
use crate::error::{Error, Result};
use crate::report::wrong;
use crate::settings::{planned_failure, settings};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    Device(usize),
    /// Page-locked memory of the host.
    Host,
    /// A variable of a module: its memory is the module's.
    Module,
}

pub struct Allocation {
    pub bytes: usize,
    pub owner: Owner,
    map: usize,
    map_bytes: usize,
}

#[derive(Default)]
pub struct Memory {
    live: BTreeMap<usize, Allocation>,
    /// The last ones freed, so that their use can be called by its name.
    freed: VecDeque<(usize, usize)>,
    /// Counts up when addresses lose their meaning.
    pub changes: u64,
}

const FREED_KEPT: usize = 1024;
/// What the driver promises of addresses is 256; the end at a page matters more here.
const ALIGN: usize = 16;

fn page() -> usize {
    // SAFETY: no arguments that could be wrong
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

impl Memory {
    pub fn used(&self, device: usize) -> usize {
        let of_device = |allocation: &&Allocation| allocation.owner == Owner::Device(device);
        self.live.values().filter(of_device).map(|allocation| allocation.bytes).sum()
    }

    pub fn allocate(&mut self, bytes: usize, owner: Owner) -> Result<usize> {
        if bytes == 0 {
            return Err(Error::InvalidValue);
        }
        if let Owner::Device(device) = owner {
            let number = count(Counter::Allocations, 1);
            let free = settings().memory.saturating_sub(self.used(device));
            if bytes > free || planned_failure("alloc", number) {
                return Err(Error::OutOfMemory);
            }
        }
        if owner == Owner::Host && planned_failure("pin", count(Counter::Pins, 1)) {
            return Err(Error::OutOfMemory);
        }
        let body = bytes.next_multiple_of(page());
        let map_bytes = body + 2 * page();
        // SAFETY: new memory; its first and last page are closed and the rest is filled
        unsafe {
            let (rights, flags) = (libc::PROT_NONE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            let map = libc::mmap(ptr::null_mut(), map_bytes, rights, flags, -1, 0);
            if map == libc::MAP_FAILED {
                return Err(Error::OutOfMemory);
            }
            let first = map.byte_add(page());
            if libc::mprotect(first, body, libc::PROT_READ | libc::PROT_WRITE) != 0 {
                libc::munmap(map, map_bytes);
                return Err(Error::OutOfMemory);
            }
            first.cast::<u8>().write_bytes(0xff, body);
            let start = first as usize + body - bytes.next_multiple_of(ALIGN);
            let allocation = Allocation { bytes, owner, map: map as usize, map_bytes };
            self.live.insert(start, allocation);
            Ok(start)
        }
    }

    pub fn free(&mut self, start: usize) -> Result {
        if start == 0 {
            return Ok(());
        }
        let Some(allocation) = self.live.remove(&start) else {
            let words = self.explain(start);
            return wrong(Error::InvalidValue, format_args!("free of {start:#x}: {words}"));
        };
        if allocation.owner != Owner::Module {
            // SAFETY: mapped by `allocate`, and no longer in the list
            unsafe { libc::munmap(allocation.map as *mut c_void, allocation.map_bytes) };
        }
        self.changes += 1;
        self.freed.push_back((start, allocation.bytes));
        if self.freed.len() > FREED_KEPT {
            self.freed.pop_front();
        }
        Ok(())
    }

    /// A variable of a module, which kernels may touch like an allocation.
    pub fn adopt(&mut self, start: usize, bytes: usize) {
        let allocation = Allocation { bytes, owner: Owner::Module, map: 0, map_bytes: 0 };
        self.live.insert(start, allocation);
        self.changes += 1;
    }

    /// The allocation that holds an address, and its start.
    pub fn find(&self, address: usize) -> Option<(usize, &Allocation)> {
        let (start, allocation) = self.live.range(..=address).next_back()?;
        (address < start + allocation.bytes).then_some((*start, allocation))
    }

    pub fn is_pinned(&self, address: usize) -> bool {
        self.find(address).is_some_and(|(_, allocation)| allocation.owner == Owner::Host)
    }

    /// What an address is that no allocation holds.
    pub fn explain(&self, address: usize) -> String {
        let within = |(start, bytes): &&(usize, usize)| (*start..start + bytes).contains(&address);
        if let Some((start, bytes)) = self.freed.iter().rev().find(within) {
            return format!("offset {} of {bytes} bytes that were freed", address - start);
        }
        let before = self.live.range(..=address).next_back();
        if let Some((start, allocation)) = before.filter(|(start, _)| address - **start < 1 << 20) {
            let past = address - start - allocation.bytes;
            return format!("{past} bytes past the end of an allocation of {}", allocation.bytes);
        }
        let after = self.live.range(address..).next();
        if let Some((start, allocation)) = after.filter(|(start, _)| **start - address < 1 << 16) {
            let ahead = start - address;
            return format!("{ahead} bytes before an allocation of {}", allocation.bytes);
        }
        "no device memory".into()
    }

    /// Refuses a range that does not lie in one allocation of a device.
    pub fn check(&self, what: &str, start: usize, bytes: usize) -> Result {
        let found = self.find(start);
        let Some((base, allocation)) = found.filter(|(_, found)| found.owner != Owner::Host) else {
            let words = if found.is_some() {
                "page-locked host memory".into()
            } else {
                self.explain(start)
            };
            return wrong(Error::InvalidValue, format_args!("{what} at {start:#x}: {words}"));
        };
        if bytes > base + allocation.bytes - start {
            let (offset, whole) = (start - base, allocation.bytes);
            return wrong(
                Error::InvalidValue,
                format_args!(
                    "{what}: {bytes} bytes at offset {offset} of an allocation of {whole}"
                ),
            );
        }
        Ok(())
    }
}
