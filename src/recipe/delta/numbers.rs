//! How a number is coded, given what it started from.
//!
//! | kind | a number that moved |
//! |---|---|
//! | from 0, without loss | its sign, its exponent by a tree, 23 bits |
//! | from another number, without loss | the sign of the step in the order of floats, how many bits the step has by a tree, these bits |
//! | bf16 | of the difference in bf16: its sign, its exponent by the tree, 7 bits |
//! | int8 | of the difference in steps: its sign, how many bits it has by a tree, these bits |
//!
//! Before each stands a bit: whether it moved. Its probability depends on whether the number before
//! moved, and whether this one started from 0.

use super::coder::{Chance, Decoder, EVEN, Encoder};

/// Exponents that the tree has: 2⁻⁵³ to 2⁹. Symbol 0 is for any other.
const LOWEST: u32 = 73;

/// What is known of the numbers so far: 266 bytes.
#[derive(Clone)]
pub(super) struct Model {
    moved: [Chance; 4],
    same: Chance,
    exponents: [Chance; 64],
    lengths: [Chance; 64],
    last: bool,
}

/// A number as 32 bits that ascend as the numbers do.
const fn ordered(bits: u32) -> u32 {
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

const fn disordered(place: u32) -> u32 {
    if place >> 31 == 1 { place & !(1 << 31) } else { !place }
}

/// The nearest bf16, ties to even, as its 16 bits.
pub(super) const fn to_bf16(number: f32) -> u16 {
    let bits = number.to_bits();
    ((bits as u64 + 0x7fff + (bits >> 16 & 1) as u64) >> 16) as u16
}

/// The least bf16 that is no less than a number above 0.
pub(super) const fn bf16_above(number: f32) -> u16 {
    (number.to_bits() as u64).wrapping_add(0xffff).wrapping_shr(16) as u16
}

pub(super) const fn from_bf16(bits: u16) -> f32 {
    f32::from_bits((bits as u32) << 16)
}

impl Model {
    pub const fn new() -> Self {
        let even = [EVEN; 64];
        Self { moved: [EVEN; 4], same: EVEN, exponents: even, lengths: even, last: false }
    }

    fn moved(&mut self, from: u32) -> &mut Chance {
        let zero = from << 1 == 0;
        let [a, b, c, d] = &mut self.moved;
        match (self.last, zero) {
            (false, false) => a,
            (false, true) => b,
            (true, false) => c,
            (true, true) => d,
        }
    }

    /// Whether a row is as long as the one before.
    pub fn same(&mut self) -> &mut Chance {
        &mut self.same
    }
}

/// Writes numbers.
impl Model {
    fn write_moved<E>(
        &mut self,
        to: &mut Encoder,
        from: u32,
        moved: bool,
        put: &mut impl FnMut(u8) -> Result<(), E>,
    ) -> Result<(), E> {
        to.bit(moved, self.moved(from), put)?;
        self.last = moved;
        Ok(())
    }

    /// A float of which 16 or all 32 bits count: the sign, the exponent, the rest.
    fn write_float<E>(
        &mut self,
        to: &mut Encoder,
        bits: u32,
        mantissa: u32,
        put: &mut impl FnMut(u8) -> Result<(), E>,
    ) -> Result<(), E> {
        to.plain(bits >> 31, 1, put)?;
        let exponent = bits >> 23 & 0xff;
        match exponent.checked_sub(LOWEST).filter(|symbol| (1..64).contains(symbol)) {
            Some(symbol) => to.symbol(symbol, &mut self.exponents, put)?,
            None => {
                to.symbol(0, &mut self.exponents, put)?;
                to.plain(exponent, 8, put)?;
            }
        }
        to.plain(bits >> (23 - mantissa), mantissa, put)
    }

    fn write_length<E>(
        &mut self,
        to: &mut Encoder,
        negative: bool,
        size: u32,
        put: &mut impl FnMut(u8) -> Result<(), E>,
    ) -> Result<(), E> {
        let length = 32 - size.leading_zeros();
        to.plain(u32::from(negative), 1, put)?;
        to.symbol(length, &mut self.lengths, put)?;
        // the highest bit is 1
        to.plain(size, length.saturating_sub(1), put)
    }

    pub fn write_exact<E>(
        &mut self,
        to: &mut Encoder,
        from: u32,
        number: u32,
        put: &mut impl FnMut(u8) -> Result<(), E>,
    ) -> Result<(), E> {
        self.write_moved(to, from, from != number, put)?;
        match (from != number, from << 1 == 0) {
            (false, _) => Ok(()),
            (true, true) => self.write_float(to, number, 23, put),
            (true, false) => {
                let (from, number) = (ordered(from), ordered(number));
                self.write_length(to, number < from, number.abs_diff(from), put)
            }
        }
    }

    pub fn write_bf16<E>(
        &mut self,
        to: &mut Encoder,
        from: u32,
        difference: u16,
        put: &mut impl FnMut(u8) -> Result<(), E>,
    ) -> Result<(), E> {
        let moved = difference << 1 != 0;
        self.write_moved(to, from, moved, put)?;
        if moved { self.write_float(to, u32::from(difference) << 16, 7, put) } else { Ok(()) }
    }

    pub fn write_int8<E>(
        &mut self,
        to: &mut Encoder,
        from: u32,
        steps: i8,
        put: &mut impl FnMut(u8) -> Result<(), E>,
    ) -> Result<(), E> {
        self.write_moved(to, from, steps != 0, put)?;
        match steps {
            0 => Ok(()),
            _ => self.write_length(to, steps < 0, u32::from(steps.unsigned_abs()), put),
        }
    }
}

/// Reads numbers. None where bytes are missing or say nothing.
impl Model {
    fn read_moved(
        &mut self,
        of: &mut Decoder,
        from: u32,
        byte: &mut impl FnMut() -> Option<u8>,
    ) -> Option<bool> {
        self.last = of.bit(self.moved(from), byte)?;
        Some(self.last)
    }

    fn read_float(
        &mut self,
        of: &mut Decoder,
        mantissa: u32,
        byte: &mut impl FnMut() -> Option<u8>,
    ) -> Option<u32> {
        let sign = of.plain(1, byte)?;
        let exponent = match of.symbol(&mut self.exponents, byte)? {
            0 => of.plain(8, byte)?,
            symbol => LOWEST + symbol,
        };
        let rest = of.plain(mantissa, byte)?;
        Some(sign << 31 | exponent << 23 | rest << (23 - mantissa))
    }

    fn read_length(
        &mut self,
        of: &mut Decoder,
        byte: &mut impl FnMut() -> Option<u8>,
    ) -> Option<(bool, u32)> {
        let negative = of.plain(1, byte)? == 1;
        let length = of.symbol(&mut self.lengths, byte)?;
        let below = length.checked_sub(1).filter(|below| *below < 32)?;
        Some((negative, 1 << below | of.plain(below, byte)?))
    }

    pub fn read_exact(
        &mut self,
        of: &mut Decoder,
        from: u32,
        byte: &mut impl FnMut() -> Option<u8>,
    ) -> Option<u32> {
        if !self.read_moved(of, from, byte)? {
            return Some(from);
        }
        if from << 1 == 0 {
            return self.read_float(of, 23, byte);
        }
        let (negative, step) = self.read_length(of, byte)?;
        let from = ordered(from);
        let place = if negative { from.checked_sub(step) } else { from.checked_add(step) };
        place.map(disordered)
    }

    pub fn read_bf16(
        &mut self,
        of: &mut Decoder,
        from: u32,
        byte: &mut impl FnMut() -> Option<u8>,
    ) -> Option<u16> {
        match self.read_moved(of, from, byte)? {
            true => self.read_float(of, 7, byte).map(|bits| (bits >> 16) as u16),
            false => Some(0),
        }
    }

    pub fn read_int8(
        &mut self,
        of: &mut Decoder,
        from: u32,
        byte: &mut impl FnMut() -> Option<u8>,
    ) -> Option<i8> {
        if !self.read_moved(of, from, byte)? {
            return Some(0);
        }
        let (negative, size) = self.read_length(of, byte)?;
        let size = i8::try_from(size).ok()?;
        Some(if negative { -size } else { size })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_floats() {
        let floats =
            [f32::NEG_INFINITY, -1.0, -1e-40, -0.0, 0.0, 1e-40, 1e-6, 1.0, 1.0000001, f32::NAN];
        let places = floats.map(|float| ordered(float.to_bits()));
        assert!(places.is_sorted());
        for float in floats {
            assert_eq!(disordered(ordered(float.to_bits())), float.to_bits());
        }
        assert_eq!(places[4] - places[3], 1);
    }

    #[test]
    fn bf16_is_the_nearest() {
        let ties = [257.0 / 256.0, 259.0 / 256.0];
        for number in [0.0, 1.0, -1.0, 3.3, 1e-6, 1e-40, -65504.0].into_iter().chain(ties) {
            assert_eq!(to_bf16(number), half::bf16::from_f32(number).to_bits(), "{number}");
            if number > 0.0 {
                let above = from_bf16(bf16_above(number));
                // by less than 1 in 128, or by the least there is
                let most = (number * 1.0079).max(number + 1e-40);
                assert!(above >= number && above <= most, "{number}: {above}");
            }
        }
    }
}
