//! Making a delta: once over all numbers to know what stands in its header, and once to write them.

use super::super::{Digest, Fingerprint, Recipe};
use super::coder;
use super::header::{DeltaError, Header, Kind};
use super::numbers::{Model, bf16_above, from_bf16, to_bf16};

/// How differences are rounded.
#[derive(Clone, Copy)]
struct Rounding {
    kind: Kind,
    /// The least difference that [`Kind::Sparse`] keeps.
    least: f32,
}

/// What is written of a number.
enum Written {
    Exact(f32),
    Bf16(u16),
    Int8(i8),
}

/// Rounds the differences of a row.
struct RowRounding {
    rounding: Rounding,
    step: f32,
}

impl Rounding {
    /// For a row, whose largest difference matters where it has steps of its own.
    fn row(self, start: &[f32], trained: &[f32]) -> RowRounding {
        let mut step = 0.0;
        if self.kind == Kind::Int8 {
            let differences =
                start.iter().zip(trained).map(|(start, trained)| (trained - start).abs());
            let largest = differences.fold(0.0, f32::max);
            if largest > 0.0 {
                step = from_bf16(bf16_above(largest / 127.0));
            }
        }
        RowRounding { rounding: self, step }
    }
}

impl RowRounding {
    /// What is written of a number, and what will come of it.
    fn round_to(&self, start: f32, trained: f32) -> Result<(Written, f32), DeltaError> {
        let Rounding { kind, least } = self.rounding;
        let difference = trained - start;
        let (written, result) = match kind {
            Kind::Exact => return Ok((Written::Exact(trained), trained)),
            Kind::Sparse if difference.abs() >= least || difference.is_nan() => {
                (Written::Exact(trained), trained)
            }
            Kind::Sparse => (Written::Exact(start), start),
            Kind::Bf16 => match to_bf16(difference) {
                bits if bits << 1 == 0 => (Written::Bf16(0), start),
                bits => (Written::Bf16(bits), start + from_bf16(bits)),
            },
            // no step would hold it
            Kind::Int8 if !difference.is_finite() => return Err(DeltaError::NotFinite),
            Kind::Int8 if self.step == 0.0 => (Written::Int8(0), start),
            Kind::Int8 => match libm::rintf(difference / self.step) as i8 {
                0 => (Written::Int8(0), start),
                steps => (Written::Int8(steps), start + f32::from(steps) * self.step),
            },
        };
        match trained.is_finite() && result.is_finite() {
            true => Ok((written, result)),
            false => Err(DeltaError::NotFinite),
        }
    }
}

/// The first time over all numbers.
///
/// ```
/// use idinit::recipe::{Delta, Encoder, Kind, Recipe, Survey};
///
/// let (start, trained) = ([0.0, 1.0, 0.0], [0.25, 1.0, 0.0]);
/// let mut survey = Survey::new(Kind::Exact);
/// survey.take(&start, &trained)?;
/// let header = survey.header(None::<Recipe>);
/// let mut bytes = Vec::new();
/// let sink = |some: &[u8]| { bytes.extend_from_slice(some); Ok::<_, idinit::recipe::DeltaError>(()) };
/// let mut encoder = Encoder::new(&survey, &header, sink)?;
/// encoder.take(&start, &trained)?;
/// encoder.finish()?;
///
/// let mut weights = start;
/// let delta = Delta::<_>::open(bytes.iter().copied())?;
/// let mut patch = delta.onto(header.start, 3)?;
/// patch.apply(&mut weights)?;
/// patch.finish()?;
/// assert_eq!(weights, trained);
/// # Ok::<(), idinit::recipe::DeltaError>(())
/// ```
#[derive(Clone)]
pub struct Survey {
    rounding: Rounding,
    count: u64,
    start: Digest,
    result: Digest,
    largest: f32,
    squares: f64,
}

impl core::fmt::Debug for Survey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut all = f.debug_struct("Survey");
        all.field("kind", &self.rounding.kind).field("count", &self.count).finish_non_exhaustive()
    }
}

impl Survey {
    /// For a delta of this kind; a sparse one keeps all differences that are not zero.
    pub fn new(kind: Kind) -> Self {
        Self::sparse(kind, f32::from_bits(1))
    }

    /// For a delta of this kind, which, if it is sparse, keeps differences from `least` on.
    pub fn sparse(kind: Kind, least: f32) -> Self {
        Self {
            rounding: Rounding { kind, least },
            count: 0,
            start: Digest::new(),
            result: Digest::new(),
            largest: 0.0,
            squares: 0.0,
        }
    }

    /// Takes the next numbers in: a row, where the kind has steps by row, or else as many as one
    /// likes.
    ///
    /// # Errors
    /// [`DeltaError::Lengths`] where they are not equally many, [`DeltaError::NotFinite`] where the
    /// kind has no place for one.
    pub fn take(&mut self, start: &[f32], trained: &[f32]) -> Result<(), DeltaError> {
        if start.len() != trained.len() {
            return Err(DeltaError::Lengths);
        }
        let row = self.rounding.row(start, trained);
        for (start, trained) in start.iter().zip(trained) {
            let (_, result) = row.round_to(*start, *trained)?;
            self.result.update(&[result]);
            if self.rounding.kind != Kind::Exact {
                let error = (trained - result).abs();
                self.largest = self.largest.max(error);
                self.squares += f64::from(error) * f64::from(error);
            }
        }
        self.start.update(start);
        self.count += start.len() as u64;
        Ok(())
    }

    /// What the delta will say of itself, for a start that this recipe names.
    pub fn header<const N: usize>(&self, recipe: Option<Recipe<N>>) -> Header<N> {
        let mean = self.squares / self.count.max(1) as f64;
        Header {
            kind: self.rounding.kind,
            recipe,
            count: self.count,
            start: self.start.clone().finish(),
            result: self.result.clone().finish(),
            largest_error: self.largest,
            mean_error: libm::sqrt(mean) as f32,
        }
    }
}

/// A sink that knows the checksum of what went into it.
struct Sink<S> {
    sink: S,
    digest: Digest,
}

impl<S: FnMut(&[u8]) -> Result<(), E>, E> Sink<S> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), E> {
        self.digest.update_bytes(bytes);
        (self.sink)(bytes)
    }
}

/// The second time over all numbers: writes the delta.
pub struct Encoder<S> {
    sink: Sink<S>,
    coder: coder::Encoder,
    model: Model,
    rounding: Rounding,
    len: u32,
}

impl<S> core::fmt::Debug for Encoder<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Encoder").field("kind", &self.rounding.kind).finish_non_exhaustive()
    }
}

impl<S: FnMut(&[u8]) -> Result<(), E>, E: From<DeltaError>> Encoder<S> {
    /// Writes the header.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn new<const N: usize>(survey: &Survey, header: &Header<N>, sink: S) -> Result<Self, E> {
        let mut sink = Sink { sink, digest: Digest::new() };
        header.write(&mut |bytes| sink.put(bytes))?;
        let (coder, model) = (coder::Encoder::new(), Model::new());
        Ok(Self { sink, coder, model, rounding: survey.rounding, len: 0 })
    }

    /// Writes the next numbers: the same, in the same portions, as in the survey.
    ///
    /// # Errors
    /// Those of the sink, and those of [`Survey::take`].
    pub fn take(&mut self, start: &[f32], trained: &[f32]) -> Result<(), E> {
        if start.len() != trained.len() {
            return Err(DeltaError::Lengths.into());
        }
        let row = self.rounding.row(start, trained);
        let Self { sink, coder, model, len, .. } = self;
        let mut put = |byte| sink.put(&[byte]);
        if self.rounding.kind == Kind::Int8 && !start.is_empty() {
            let same = start.len() == *len as usize;
            coder.bit(same, model.same(), &mut put)?;
            if !same {
                *len = u32::try_from(start.len()).map_err(|_| DeltaError::Lengths)?;
                coder.plain(*len, 32, &mut put)?;
            }
            coder.plain(row.step.to_bits() >> 16, 16, &mut put)?;
        }
        for (start, trained) in start.iter().zip(trained) {
            let from = start.to_bits();
            match row.round_to(*start, *trained)?.0 {
                Written::Exact(number) => {
                    model.write_exact(coder, from, number.to_bits(), &mut put)?;
                }
                Written::Bf16(difference) => {
                    model.write_bf16(coder, from, difference, &mut put)?;
                }
                Written::Int8(steps) => model.write_int8(coder, from, steps, &mut put)?,
            }
        }
        Ok(())
    }

    /// Ends the delta.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn finish(self) -> Result<(), E> {
        let Self { mut sink, coder, .. } = self;
        coder.finish(&mut |byte| sink.put(&[byte]))?;
        let sum: Fingerprint = sink.digest.clone().finish();
        sink.put(&sum.0.to_le_bytes())
    }
}
