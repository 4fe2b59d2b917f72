//! What a step asks of a GPU, counted as it is asked: calls, floating-point operations of the products of
//! matrices, and bytes. From these follows the least time that a device of known speed could take, which
//! is computed and not measured.

use std::vec::Vec;

/// One call of a kernel, a product or a copy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub name: &'static str,
    /// Operations of a product, or of a kernel that multiplies matrices; those of others are few to each byte.
    pub flops: u64,
    /// Bytes read and written, each operand once.
    pub bytes: u64,
}

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    pub(super) calls: Vec<Call>,
    pub(super) taken: u64,
}

/// What a device can do at most, by its data sheet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Device {
    /// Its name.
    pub name: &'static str,
    /// Operations in f32 a second, outside of its matrix units.
    pub flops: f64,
    /// Bytes of its memory a second.
    pub bytes: f64,
}

impl Device {
    /// NVIDIA's A100 with 80 GB, SXM (data sheet of 2021).
    pub const A100: Self = Self { name: "A100", flops: 19.5e12, bytes: 2.039e12 };
    /// NVIDIA's H100, SXM (data sheet of 2022).
    pub const H100: Self = Self { name: "H100", flops: 67e12, bytes: 3.35e12 };
}

impl Counts {
    /// Calls of kernels of the crate.
    pub fn kernels(&self) -> usize {
        self.calls.len() - self.products() - self.copies()
    }

    /// Products of matrices.
    pub fn products(&self) -> usize {
        self.of("product")
    }

    /// Copies within the device.
    pub fn copies(&self) -> usize {
        self.of("copy")
    }

    fn of(&self, name: &str) -> usize {
        self.calls.iter().filter(|call| call.name == name).count()
    }

    /// Operations of all products.
    pub fn flops(&self) -> u64 {
        self.calls.iter().map(|call| call.flops).sum()
    }

    /// Bytes read and written by all calls.
    pub fn bytes(&self) -> u64 {
        self.calls.iter().map(|call| call.bytes).sum()
    }

    /// Seconds that all calls take on a device where each is as fast as its operations or its bytes allow
    /// (Williams et al. 2009).
    pub fn roofline(&self, device: Device) -> f64 {
        let least =
            |call: &Call| (call.flops as f64 / device.flops).max(call.bytes as f64 / device.bytes);
        self.calls.iter().map(least).sum()
    }

    /// How often each kernel is called, and the bytes of all its calls: the most bytes first.
    pub fn by_name(&self) -> Vec<(&'static str, usize, u64)> {
        let mut all: Vec<(&'static str, usize, u64)> = Vec::new();
        for call in &self.calls {
            match all.iter_mut().find(|(name, ..)| *name == call.name) {
                Some((_, count, bytes)) => (*count, *bytes) = (*count + 1, *bytes + call.bytes),
                None => all.push((call.name, 1, call.bytes)),
            }
        }
        all.sort_by_key(|(name, _, bytes)| (core::cmp::Reverse(*bytes), *name));
        all
    }
}
