//! An adaptive binary range coder (Martin 1979, in the form of LZMA's): each bit costs what its
//! probability says, and probabilities follow the bits.
//!
//! A probability is that of a 0, in 4096ths, and moves by a 32nd of the way at each bit. The encoder
//! keeps back the bytes that a carry may still change, which are all 255 but the first. Five bytes
//! are written at the end, and the decoder reads just as many as there are.

/// The probability of a 0, in 4096ths.
pub(super) type Chance = u16;

/// Nothing known.
pub(super) const EVEN: Chance = 2048;

const BITS: u32 = 12;
const PACE: u32 = 5;
const TOP: u32 = 1 << 24;

/// Moves a probability towards the bit that was seen.
fn learn(chance: &mut Chance, bit: bool) {
    match bit {
        false => *chance += ((1 << BITS) - *chance) >> PACE,
        true => *chance -= *chance >> PACE,
    }
}

/// Writes bits; each call takes the sink of bytes.
pub(super) struct Encoder {
    low: u64,
    range: u32,
    first: u8,
    /// Bytes kept back: `first`, and behind it bytes of 255.
    kept: u64,
}

impl Encoder {
    pub const fn new() -> Self {
        Self { low: 0, range: u32::MAX, first: 0, kept: 1 }
    }

    /// A bit of which something is known.
    pub fn bit<E>(
        &mut self,
        bit: bool,
        chance: &mut Chance,
        put: &mut impl FnMut(u8) -> Result<(), E>,
    ) -> Result<(), E> {
        let bound = (self.range >> BITS) * u32::from(*chance);
        if bit {
            self.low += u64::from(bound);
            self.range -= bound;
        } else {
            self.range = bound;
        }
        learn(chance, bit);
        self.normalise(put)
    }

    /// The lowest `count` bits of a number of which nothing is known, from the highest on.
    pub fn plain<E>(
        &mut self,
        number: u32,
        count: u32,
        put: &mut impl FnMut(u8) -> Result<(), E>,
    ) -> Result<(), E> {
        for i in (0..count).rev() {
            self.range >>= 1;
            if number >> i & 1 == 1 {
                self.low += u64::from(self.range);
            }
            self.normalise(put)?;
        }
        Ok(())
    }

    /// A symbol below 64 whose probabilities stand in a tree.
    pub fn symbol<E>(
        &mut self,
        symbol: u32,
        tree: &mut [Chance; 64],
        put: &mut impl FnMut(u8) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut node = 1;
        for i in (0..6).rev() {
            let bit = symbol >> i & 1 == 1;
            if let Some(chance) = tree.get_mut(node) {
                self.bit(bit, chance, put)?;
            }
            node = 2 * node + usize::from(bit);
        }
        Ok(())
    }

    fn normalise<E>(&mut self, put: &mut impl FnMut(u8) -> Result<(), E>) -> Result<(), E> {
        while self.range < TOP {
            self.range <<= 8;
            self.shift(put)?;
        }
        Ok(())
    }

    fn shift<E>(&mut self, put: &mut impl FnMut(u8) -> Result<(), E>) -> Result<(), E> {
        let carry = self.low >> 32 != 0;
        if self.low < 0xff00_0000 || carry {
            let mut byte = self.first;
            while self.kept > 0 {
                put(byte.wrapping_add(u8::from(carry)))?;
                byte = 0xff;
                self.kept -= 1;
            }
            self.first = (self.low >> 24) as u8;
        }
        self.kept += 1;
        self.low = (self.low & 0x00ff_ffff) << 8;
        Ok(())
    }

    /// Writes what was kept back.
    pub fn finish<E>(mut self, put: &mut impl FnMut(u8) -> Result<(), E>) -> Result<(), E> {
        (0..5).try_for_each(|_| self.shift(put))
    }
}

/// Reads the bits again.
pub(super) struct Decoder {
    code: u32,
    range: u32,
}

impl Decoder {
    /// Begins at the first byte; none where bytes are missing, or are not of an encoder.
    pub fn new(byte: &mut impl FnMut() -> Option<u8>) -> Option<Self> {
        let mut code = 0;
        for i in 0..5 {
            let next = byte()?;
            if i == 0 && next != 0 {
                return None;
            }
            code = code << 8 | u32::from(next);
        }
        Some(Self { code, range: u32::MAX })
    }

    pub fn bit(
        &mut self,
        chance: &mut Chance,
        byte: &mut impl FnMut() -> Option<u8>,
    ) -> Option<bool> {
        let bound = (self.range >> BITS) * u32::from(*chance);
        let bit = self.code >= bound;
        if bit {
            self.code -= bound;
            self.range -= bound;
        } else {
            self.range = bound;
        }
        learn(chance, bit);
        self.normalise(byte)?;
        Some(bit)
    }

    pub fn plain(&mut self, count: u32, byte: &mut impl FnMut() -> Option<u8>) -> Option<u32> {
        let mut number = 0;
        for _ in 0..count {
            self.range >>= 1;
            let bit = self.code >= self.range;
            if bit {
                self.code -= self.range;
            }
            number = number << 1 | u32::from(bit);
            self.normalise(byte)?;
        }
        Some(number)
    }

    pub fn symbol(
        &mut self,
        tree: &mut [Chance; 64],
        byte: &mut impl FnMut() -> Option<u8>,
    ) -> Option<u32> {
        let mut node = 1;
        for _ in 0..6 {
            let bit = self.bit(tree.get_mut(node)?, byte)?;
            node = 2 * node + usize::from(bit);
        }
        Some(node as u32 - 64)
    }

    fn normalise(&mut self, byte: &mut impl FnMut() -> Option<u8>) -> Option<()> {
        while self.range < TOP {
            self.range <<= 8;
            self.code = self.code << 8 | u32::from(byte()?);
        }
        Some(())
    }

    /// Whether the encoder ended here.
    pub const fn is_at_end(&self) -> bool {
        self.code == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::philox;
    use core::convert::Infallible;

    /// Bits with a probability, plain numbers and symbols; what they are depends on the seed.
    enum Item {
        Bit(bool),
        Plain(u32, u32),
        Symbol(u32),
    }

    fn items(seed: u32, count: u32) -> Vec<Item> {
        let item = |i| {
            let [a, b, c, d] = philox([i, 0, 0, 0], [seed, 0]);
            match a % 4 {
                0 => Item::Plain(b >> (31 - c % 32), c % 32 + 1),
                1 => Item::Symbol((d % 64).min(b % 64)),
                // one bit in 50, or, for odd seeds, hardly a 0
                _ => Item::Bit(b.is_multiple_of(50) ^ (seed % 2 == 1)),
            }
        };
        (0..count).map(item).collect()
    }

    fn encoded(items: &[Item]) -> Vec<u8> {
        let mut bytes = vec![];
        let mut put = |byte| {
            bytes.push(byte);
            Ok::<_, Infallible>(())
        };
        let (mut encoder, mut chance, mut tree) = (Encoder::new(), EVEN, [EVEN; 64]);
        for item in items {
            let Ok(()) = match *item {
                Item::Bit(bit) => encoder.bit(bit, &mut chance, &mut put),
                Item::Plain(number, count) => encoder.plain(number, count, &mut put),
                Item::Symbol(symbol) => encoder.symbol(symbol, &mut tree, &mut put),
            };
        }
        let Ok(()) = encoder.finish(&mut put);
        bytes
    }

    #[test]
    fn what_was_written_is_read_to_the_last_byte() {
        for seed in 0..200 {
            let items = items(seed, 10 * seed);
            let bytes = encoded(&items);
            let mut rest = bytes.iter().copied();
            let mut byte = || rest.next();
            let mut decoder = Decoder::new(&mut byte).unwrap();
            let (mut chance, mut tree) = (EVEN, [EVEN; 64]);
            for item in &items {
                match *item {
                    Item::Bit(bit) => assert_eq!(decoder.bit(&mut chance, &mut byte), Some(bit)),
                    Item::Plain(number, count) => {
                        assert_eq!(decoder.plain(count, &mut byte), Some(number));
                    }
                    Item::Symbol(symbol) => {
                        assert_eq!(decoder.symbol(&mut tree, &mut byte), Some(symbol));
                    }
                }
            }
            assert!(decoder.is_at_end(), "{seed}");
            assert_eq!(byte(), None, "{seed}");
        }
    }

    #[test]
    fn a_carry_runs_through_bytes_of_255() {
        // a bit of hardly any probability at the top of the range, again and again
        let items: Vec<Item> = (0..4000).map(|i| Item::Bit(i % 1999 != 0)).collect();
        let bytes = encoded(&items);
        let mut rest = bytes.iter().copied();
        let mut byte = || rest.next();
        let mut decoder = Decoder::new(&mut byte).unwrap();
        let mut chance = EVEN;
        for i in 0..4000 {
            assert_eq!(decoder.bit(&mut chance, &mut byte), Some(i % 1999 != 0));
        }
        assert!(bytes.len() < 40, "{} bytes", bytes.len());
    }
}
