//! Samples of a sensor, at a steady rate, as windows that a network takes.
//!
//! ```text
//! Sensor ──sample──▶ Sampler ──Reading──▶ (queue) ──▶ Windows ──▶ [[f32; AXES]; W], standardised
//!                    a timer's interrupt or a loop    the main loop
//! ```
//!
//! A [`Sensor`] gives one sample of some axes. A [`Sampler`] numbers the readings, so that none is lost
//! silently: whoever takes them sees from the numbers which are missing. [`Windows`] keeps the last `W` of
//! them in a ring, [standardises](Standard) them, and hands out a window every `hop` samples. A window
//! never spans a gap: where a sample is missing, the next window begins behind it.
//!
//! There are two ways to pace the samples:
//!
//! - a loop that waits: [`Windows::fill`] over an [`embedded_hal::delay::DelayNs`]. The period is the wait
//!   and the sensor's own time together;
//! - a timer's interrupt that calls [`Sampler::tick`], which reads the sensor and puts the reading into a
//!   [`heapless::spsc`] queue; the main loop calls [`Windows::drain`] when it likes. Where the queue is full
//!   the reading is lost, and counted. (RV32IMC has it by the feature `portable-atomic`.)
//!
//! Sensors are [`Imu`] (a Bosch BMI160, feature `bmi160`), any closure that returns samples, and a
//! [`Replay`] of samples in memory.

#[cfg(feature = "bmi160")]
mod imu;
#[cfg(any(target_has_atomic = "ptr", target_arch = "arm", feature = "portable-atomic"))]
mod queue;
mod sampler;
mod sensor;
mod standard;
#[cfg(test)]
mod tests;
mod windows;

#[cfg(feature = "bmi160")]
pub use imu::{Imu, ImuError};
#[cfg(any(target_has_atomic = "ptr", target_arch = "arm", feature = "portable-atomic"))]
pub use queue::Missed;
pub use sampler::{Reading, Sampler};
pub use sensor::{Ended, Replay, Sensor};
pub use standard::Standard;
pub use windows::{Counts, Windows};
