//! What gives samples.

/// Something that is asked for one sample of `AXES` numbers at a time.
///
/// The unit is the sensor's to say: [`Imu`](super::Imu) gives g and degrees a second. A network does not
/// care, since each axis is [standardised](super::Standard), but a model that was learnt in one unit is for
/// that unit.
///
/// Any closure that returns a sample or an error is a sensor. That is how a driver of another part, and a
/// converter from analogue to digital, for which embedded-hal 1.0 has no trait, come in:
///
/// ```
/// use idinit::device::sense::{Sampler, Sensor};
///
/// struct Adc;
/// impl Adc {
///     fn read(&mut self) -> Result<u16, ()> { Ok(2_048) }
/// }
/// let mut adc = Adc;
/// // volts, of 12 bits at 3.3 V
/// let mut volts = || adc.read().map(|raw| [f32::from(raw) * (3.3 / 4_096.0)]);
/// assert_eq!(volts.sample(), Ok([1.65]));
/// let mut sampler = Sampler::new(volts);
/// assert_eq!(sampler.read().unwrap().sample, [1.65]);
/// ```
pub trait Sensor<const AXES: usize> {
    /// Why there is no sample.
    type Error;

    /// Reads one sample.
    ///
    /// # Errors
    /// Where the sensor does not answer, or has nothing new.
    fn sample(&mut self) -> Result<[f32; AXES], Self::Error>;
}

impl<F, E, const AXES: usize> Sensor<AXES> for F
where
    F: FnMut() -> Result<[f32; AXES], E>,
{
    type Error = E;

    fn sample(&mut self) -> Result<[f32; AXES], E> {
        self()
    }
}

/// Samples that lie in memory, one after the other, for tests and for what was recorded.
#[derive(Clone, Copy, Debug)]
pub struct Replay<'a, const AXES: usize> {
    samples: &'a [[f32; AXES]],
}

/// There are no samples left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ended;

impl core::fmt::Display for Ended {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("no samples are left to replay")
    }
}

impl core::error::Error for Ended {}

impl<'a, const AXES: usize> Replay<'a, AXES> {
    /// From the first of these on.
    pub const fn new(samples: &'a [[f32; AXES]]) -> Self {
        Self { samples }
    }
}

impl<const AXES: usize> Sensor<AXES> for Replay<'_, AXES> {
    type Error = Ended;

    fn sample(&mut self) -> Result<[f32; AXES], Ended> {
        let (first, rest) = self.samples.split_first().ok_or(Ended)?;
        self.samples = rest;
        Ok(*first)
    }
}
