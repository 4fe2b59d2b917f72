//! Reading a delta, and applying it page by page.

use super::super::{Digest, Fingerprint};
use super::coder::Decoder;
use super::header::{DeltaError, Header, Kind, Source};
use super::numbers::{Model, from_bf16};

/// A delta whose header was read.
#[derive(Clone, Debug)]
pub struct Delta<I, const N: usize = 64> {
    header: Header<N>,
    source: Source<I>,
}

impl<I: Iterator<Item = u8>, const N: usize> Delta<I, N> {
    /// Reads the header.
    ///
    /// # Errors
    /// A [`DeltaError`] where the bytes are no delta, are damaged, or end.
    pub fn open(bytes: I) -> Result<Self, DeltaError> {
        let mut source = Source { bytes, digest: Digest::new() };
        let header = Header::read(&mut source)?;
        Ok(Self { header, source })
    }

    /// What the delta says of itself.
    pub const fn header(&self) -> &Header<N> {
        &self.header
    }

    /// The delta, ready to be applied to a start of `count` numbers.
    ///
    /// # Errors
    /// [`DeltaError::Start`] or [`DeltaError::Count`] where the delta is for another start. Nothing
    /// was changed then.
    pub fn onto(self, start: Fingerprint, count: usize) -> Result<Patch<I>, DeltaError> {
        let Self { header, mut source } = self;
        let count = count as u64;
        if header.count != count {
            return Err(DeltaError::Count { need: header.count, got: count });
        }
        if header.start != start {
            return Err(DeltaError::Start { need: header.start.0, got: start.0 });
        }
        let mut ended = false;
        let decoder = Decoder::new(&mut || {
            let byte = source.byte();
            ended = byte.is_none();
            byte
        });
        let decoder = decoder.ok_or(unreadable(ended))?;
        Ok(Patch {
            source,
            decoder,
            model: Model::new(),
            kind: header.kind,
            result: header.result,
            left: count,
            row: Row { len: 0, left: 0, step: 0.0 },
            digest: Digest::new(),
        })
    }
}

/// What ends the bytes is told from what is wrong with them by whether one was missing.
const fn unreadable(ended: bool) -> DeltaError {
    if ended { DeltaError::Truncated } else { DeltaError::Malformed }
}

/// A row of [`Kind::Int8`].
struct Row {
    len: u32,
    left: u32,
    step: f32,
}

/// A delta that is being applied. It needs no more memory than itself: under 512 bytes, beside the
/// iterator of bytes.
///
/// ```
/// use idinit::init::{IdInit, Initial};
/// use idinit::recipe::{Delta, DeltaError, Fingerprint};
/// use idinit::{graph::Graph, shape::Shape};
///
/// const NET: Graph<2> = Graph::input(Shape::vector(64)).dense(10).relu();
///
/// /// Applies a delta to weights that were never stored, a page at a time.
/// fn install(delta: &[u8], mut flash: impl FnMut(&[f32])) -> Result<(), DeltaError> {
///     let initial: Initial<'_, _> = Initial::new(NET.nodes(), IdInit::PAPER);
///     let (count, mut page) = (initial.len(), [0.0; 64]);
///     let delta = Delta::<_>::open(delta.iter().copied())?;
///     let start = Fingerprint::of_initial(&initial, &mut page).map_err(|_| DeltaError::Lengths)?;
///     let mut patch = delta.onto(start, count)?;
///     for start in (0..count).step_by(page.len()) {
///         let page = &mut page[..64.min(count - start)];
///         initial.fill_window(start, page).map_err(|_| DeltaError::Lengths)?;
///         patch.apply(page)?;
///         flash(page);
///     }
///     patch.finish()?; // only now it is known to be whole
///     Ok(())
/// }
/// # assert_eq!(install(&[1, 2, 3], |_| {}), Err(DeltaError::Truncated));
/// ```
pub struct Patch<I> {
    source: Source<I>,
    decoder: Decoder,
    model: Model,
    kind: Kind,
    result: Fingerprint,
    left: u64,
    row: Row,
    digest: Digest,
}

impl<I> core::fmt::Debug for Patch<I> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { kind, result, left, .. } = self;
        let mut all = f.debug_struct("Patch");
        all.field("kind", kind).field("result", result).field("left", left).finish_non_exhaustive()
    }
}

impl<I: Iterator<Item = u8>> Patch<I> {
    /// Applies the delta to the next page: numbers of the start, which become those of the result.
    /// Pages come in order, and may be of any size.
    ///
    /// # Errors
    /// A [`DeltaError`] where the bytes end or say nothing; what the page then holds is neither.
    pub fn apply(&mut self, page: &mut [f32]) -> Result<(), DeltaError> {
        match self.left.checked_sub(page.len() as u64) {
            Some(left) => self.left = left,
            None => {
                return Err(DeltaError::Count { need: self.left, got: page.len() as u64 });
            }
        }
        for number in &mut *page {
            let mut ended = false;
            *number = self.next(*number, &mut ended).ok_or(unreadable(ended))?;
        }
        self.digest.update(page);
        Ok(())
    }

    fn next(&mut self, number: f32, ended: &mut bool) -> Option<f32> {
        let Self { source, decoder, model, row, .. } = self;
        let mut byte = || {
            let byte = source.byte();
            *ended = byte.is_none();
            byte
        };
        let from = number.to_bits();
        Some(match self.kind {
            Kind::Exact | Kind::Sparse => {
                f32::from_bits(model.read_exact(decoder, from, &mut byte)?)
            }
            Kind::Bf16 => match model.read_bf16(decoder, from, &mut byte)? {
                0 => number,
                difference => number + from_bf16(difference),
            },
            Kind::Int8 => {
                if row.left == 0 {
                    if !decoder.bit(model.same(), &mut byte)? {
                        row.len = decoder.plain(32, &mut byte)?;
                    }
                    row.left = row.len;
                    row.step = from_bf16(decoder.plain(16, &mut byte)? as u16);
                }
                row.left = row.left.checked_sub(1)?;
                match model.read_int8(decoder, from, &mut byte)? {
                    0 => number,
                    steps => number + f32::from(steps) * row.step,
                }
            }
        })
    }

    /// Ends the delta, when all pages have come: its checksum and the fingerprint of the result are
    /// right. Who wants the bytes behind it gives the iterator by `&mut`.
    ///
    /// # Errors
    /// A [`DeltaError`] where they are not, and where pages are missing.
    pub fn finish(mut self) -> Result<(), DeltaError> {
        if self.left > 0 {
            return Err(DeltaError::Count { need: self.left, got: 0 });
        }
        if !self.decoder.is_at_end() {
            return Err(DeltaError::Malformed);
        }
        self.source.check()?;
        let got = self.digest.finish();
        match got == self.result {
            true => Ok(()),
            false => Err(DeltaError::Result { need: self.result.0, got: got.0 }),
        }
    }
}
