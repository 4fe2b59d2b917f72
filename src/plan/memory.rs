//! The places that are taken, sorted by where they begin: a new one goes to the lowest gap that it
//! fits, if it fills a certain share of it, and else behind all others.
//!
//! No share is best for every network: a small number in a large gap may be in the way of a large
//! one later, or may spare a place of its own. A plan is therefore made with each of [`SHARES`], and
//! the smallest is kept. (A small CNN: 7,168 bytes with the first alone, 6,144 with the second.)
//!
//! A training step takes places in order and gives them back in nearly the opposite order, so the
//! list is searched from its lowest gap on, and from its end when something is freed. That keeps the
//! work of a plan near the number of its layers: a thousand of them are planned by the compiler
//! without its complaining about a long evaluation.

use crate::shape::Span;

/// The shares of a gap that a number must fill to go there: any; half.
pub(super) const SHARES: [u64; 2] = [u64::MAX, 2];

/// The taken places of a plan of `N` layers: each layer has at most a value, a gradient and
/// something saved.
pub(super) struct Memory<const N: usize> {
    taken: [[Span; 3]; N],
    count: usize,
    /// No gap lies before the place of this number.
    dense: usize,
    /// A gap is used by what is larger than this fraction of it.
    share: u64,
    /// Places begin at its multiples.
    line: u64,
    /// One past the highest number that was ever taken.
    pub top: u64,
}

impl<const N: usize> Memory<N> {
    /// The most numbers that an arena can have.
    const MOST: u64 = u32::MAX as u64;

    pub const fn new(share: u64, line: u64) -> Self {
        Self { taken: [[Span::EMPTY; 3]; N], count: 0, dense: 0, share, line, top: 0 }
    }

    /// Whether everything found a place.
    pub const fn fits(&self) -> bool {
        self.top <= Self::MOST
    }

    const fn get(&self, i: usize) -> Span {
        self.taken[i / 3][i % 3]
    }

    const fn set(&mut self, i: usize, span: Span) {
        self.taken[i / 3][i % 3] = span;
    }

    const fn end_before(&self, i: usize) -> u64 {
        if i == 0 { 0 } else { self.get(i - 1).end() as u64 }
    }

    /// Takes the lowest free place for `len` numbers. If there is none, the memory does not fit.
    pub const fn place(&mut self, len: u64) -> Span {
        if len == 0 || !self.fits() {
            return Span::EMPTY;
        }
        let whole = len.next_multiple_of(self.line);
        let mut at = self.dense;
        let mut first_gap = None;
        while at < self.count {
            let room = self.get(at).start as u64 - self.end_before(at);
            if room >= whole && whole >= room / self.share {
                break;
            }
            if room > 0 && first_gap.is_none() {
                first_gap = Some(at);
            }
            at += 1;
        }
        let start = self.end_before(at);
        if start + whole > self.top {
            self.top = start + whole;
        }
        if !self.fits() {
            return Span::EMPTY;
        }
        let mut i = self.count;
        while i > at {
            let span = self.get(i - 1);
            self.set(i, span);
            i -= 1;
        }
        self.set(at, Span { start: start as u32, len: whole as u32 });
        self.count += 1;
        self.dense = match first_gap {
            Some(gap) => gap,
            None => at + 1,
        };
        Span { start: start as u32, len: len as u32 }
    }

    /// Gives a place back.
    pub const fn free(&mut self, span: Span) {
        if span.is_empty() {
            return;
        }
        let mut at = self.count;
        while at > 0 {
            at -= 1;
            if self.get(at).start == span.start {
                break;
            }
        }
        let mut i = at;
        while i + 1 < self.count {
            let next = self.get(i + 1);
            self.set(i, next);
            i += 1;
        }
        self.count -= 1;
        if at < self.dense {
            self.dense = at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freed_place_is_taken_again_by_what_fits() {
        let mut memory = Memory::<4>::new(u64::MAX, 1);
        let [a, b, c] = [4, 2, 3].map(|len| memory.place(len));
        assert_eq!([a.start, b.start, c.start], [0, 4, 6]);
        memory.free(a);
        assert_eq!(memory.place(5).start, 9);
        assert_eq!(memory.place(3).start, 0);
        memory.free(b);
        assert_eq!(memory.place(3).start, 3);
        assert_eq!(memory.top, 14);
    }

    #[test]
    fn a_small_number_leaves_a_large_gap_to_a_large_one() {
        let mut memory = Memory::<4>::new(2, 1);
        let a = memory.place(8);
        memory.place(1);
        memory.free(a);
        assert_eq!([memory.place(3).start, memory.place(4).start], [9, 0]);
    }

    #[test]
    fn places_begin_at_whole_lines() {
        let mut memory = Memory::<4>::new(u64::MAX, 8);
        let [a, b, c] = [3, 8, 9].map(|len| memory.place(len));
        assert_eq!([a.start, b.start, c.start], [0, 8, 16]);
        assert_eq!([a.len, c.len, memory.top as u32], [3, 9, 32]);
        memory.free(b);
        assert_eq!([memory.place(9).start, memory.place(5).start], [32, 8]);
    }

    #[test]
    fn too_much_is_noticed() {
        let mut memory = Memory::<1>::new(u64::MAX, 1);
        assert!(memory.place(u64::from(u32::MAX)).start == 0 && memory.fits());
        memory.place(1);
        assert!(!memory.fits());
    }
}
