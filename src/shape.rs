//! What flows between layers: a [`Shape`] of height × width × channels, and where it lies, a [`Span`].

/// The shape of one example, in HWC order: the channels of a pixel are neighbours in memory.
///
/// A vector is a single pixel: `Shape::vector(n)` is 1 × 1 × n.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Shape {
    /// Rows of pixels.
    pub height: u32,
    /// Pixels in a row.
    pub width: u32,
    /// Numbers in a pixel.
    pub channels: u32,
}

impl Shape {
    /// The most numbers that one shape may hold, so that any product of a plan fits 32 bits.
    pub const MOST: u32 = 1 << 28;

    /// A picture of `height` × `width` pixels with `channels` numbers each.
    pub const fn hwc(height: u32, width: u32, channels: u32) -> Self {
        Self { height, width, channels }
    }

    /// A vector of `n` numbers: one pixel.
    pub const fn vector(n: u32) -> Self {
        Self::hwc(1, 1, n)
    }

    /// Pixels: height × width.
    pub const fn pixels(self) -> usize {
        (self.height as usize).saturating_mul(self.width as usize)
    }

    /// Numbers: height × width × channels.
    pub const fn len(self) -> usize {
        self.pixels().saturating_mul(self.channels as usize)
    }

    /// Numbers of a shape that [fits](Self::fits), in two instructions.
    #[inline(always)]
    pub(crate) const fn size(self) -> usize {
        (self.height as usize)
            .wrapping_mul(self.width as usize)
            .wrapping_mul(self.channels as usize)
    }

    /// Whether the shape holds no number at all.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Whether two shapes are the same; `==` is not yet available to a `const fn`.
    pub const fn same(self, other: Self) -> bool {
        self.height == other.height && self.width == other.width && self.channels == other.channels
    }

    /// Whether the shape holds something, and no more than [`Shape::MOST`].
    pub const fn fits(self) -> bool {
        let numbers = self.height as u128 * self.width as u128 * self.channels as u128;
        0 < numbers && numbers <= Self::MOST as u128
    }
}

impl core::fmt::Display for Shape {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}×{}×{}", self.height, self.width, self.channels)
    }
}

/// A run of numbers in a buffer: `len` of them from `start` on. The empty span is `0..0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Span {
    /// Index of the first number.
    pub start: u32,
    /// How many numbers.
    pub len: u32,
}

impl Span {
    /// No numbers.
    pub const EMPTY: Self = Self { start: 0, len: 0 };

    /// One past the last index.
    pub const fn end(self) -> usize {
        (self.start as usize).saturating_add(self.len as usize)
    }

    /// The span as a range of indices.
    pub const fn range(self) -> core::ops::Range<usize> {
        self.start as usize..self.end()
    }

    /// The span where each number of this one has `n` numbers of its own.
    pub(crate) const fn times(self, n: usize) -> Self {
        let n = n as u32;
        Self { start: self.start.wrapping_mul(n), len: self.len.wrapping_mul(n) }
    }

    /// Whether the span holds no numbers.
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }

    /// The first `len` numbers of the span (all of it, if it has fewer).
    pub const fn first(self, len: usize) -> Self {
        if len < self.len as usize { Self { start: self.start, len: len as u32 } } else { self }
    }

    /// What is behind the first `len` numbers of the span.
    pub(crate) const fn after(self, len: usize) -> Self {
        let first = self.first(len).len;
        Self { start: self.start + first, len: self.len - first }
    }

    /// The numbers of `all` that the span names; none if it reaches past the end.
    pub fn of<T>(self, all: &[T]) -> &[T] {
        all.get(self.range()).unwrap_or_default()
    }

    /// The numbers of `all` that the span names, to be written; none if it reaches past the end.
    pub fn of_mut<T>(self, all: &mut [T]) -> &mut [T] {
        all.get_mut(self.range()).unwrap_or_default()
    }
}

/// Cuts disjoint spans out of one buffer, the lowest first. Of spans that overlap, and of one that
/// reaches past the end, nothing comes back: a plan never makes such spans. Every count of spans is
/// code of its own, so small programs cut five.
#[inline(never)]
pub(crate) fn cut<T, const N: usize>(all: &mut [T], spans: [Span; N]) -> [&mut [T]; N] {
    let mut parts = [(); N].map(|()| Default::default());
    let (mut rest, mut begin) = (all, 0);
    for _ in 0..N {
        let mut lowest: Option<(Span, &mut &mut [T])> = None;
        for (span, part) in spans.iter().zip(&mut parts) {
            let ahead = !span.is_empty() && span.start >= begin;
            if ahead && lowest.as_ref().is_none_or(|(lowest, _)| span.start < lowest.start) {
                lowest = Some((*span, part));
            }
        }
        let Some((span, part)) = lowest else { break };
        let Some((_, from)) = rest.split_at_mut_checked((span.start - begin) as usize) else {
            break;
        };
        let Some((taken, behind)) = from.split_at_mut_checked(span.len as usize) else { break };
        *part = taken;
        (rest, begin) = (behind, span.start + span.len);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_counts_its_numbers_and_refuses_the_impossible() {
        assert_eq!(Shape::hwc(8, 8, 3).len(), 192);
        assert!(Shape::vector(1).fits());
        assert!(!Shape::hwc(0, 8, 3).fits());
        assert!(!Shape::hwc(u32::MAX, u32::MAX, u32::MAX).fits());
    }

    #[test]
    fn spans_are_cut_apart_or_not_at_all() {
        let mut all = [0.0, 1.0, 2.0, 3.0];
        let a = Span { start: 0, len: 2 };
        let b = Span { start: 2, len: 2 };
        let nothing = Span::EMPTY;
        let [x, y, none] = cut(&mut all, [a, b, nothing]);
        assert_eq!((&*x, &*y, none.len()), (&[0.0, 1.0][..], &[2.0, 3.0][..], 0));
        assert_eq!(b.after(1), Span { start: 3, len: 1 });
        let overlapping = Span { start: 1, len: 1 };
        let [x, y] = cut(&mut all, [overlapping, a]);
        assert_eq!((x.len(), y.len()), (0, 2));
        let outside = Span { start: 3, len: 2 };
        let [x] = cut(&mut all, [outside]);
        assert!(x.is_empty());
    }
}
