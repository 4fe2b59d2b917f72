//! Readings with numbers, so that whoever takes them sees what is missing.

use super::Sensor;

/// A sample, and its place among all that were asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Reading<const AXES: usize> {
    /// The number of the sample, from 0; one that could not be read has a number too.
    pub number: u32,
    /// How many before it could not be read.
    pub failed: u32,
    /// The sample, in the sensor's unit.
    pub sample: [f32; AXES],
}

/// A sensor whose readings are numbered.
#[derive(Clone, Debug)]
pub struct Sampler<S, const AXES: usize> {
    sensor: S,
    number: u32,
    failed: u32,
}

impl<S: Sensor<AXES>, const AXES: usize> Sampler<S, AXES> {
    /// Numbers the readings of a sensor from 0 on.
    pub const fn new(sensor: S) -> Self {
        Self { sensor, number: 0, failed: 0 }
    }

    /// Reads the sensor once. A reading that is then dropped is seen to be missing, as one that failed is.
    ///
    /// # Errors
    /// Those of the sensor.
    pub fn read(&mut self) -> Result<Reading<AXES>, S::Error> {
        let number = self.number;
        self.number = number.wrapping_add(1);
        match self.sensor.sample() {
            Ok(sample) => Ok(Reading { number, failed: self.failed, sample }),
            Err(error) => {
                self.failed = self.failed.wrapping_add(1);
                Err(error)
            }
        }
    }

    /// The sensor.
    pub const fn sensor(&mut self) -> &mut S {
        &mut self.sensor
    }
}
