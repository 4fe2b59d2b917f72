//! Readings through a queue, from a timer's interrupt to the main loop.
//!
//! heapless has the queue where it knows that a processor loads and stores atomically. It does not know that of
//! RV32IMC: there, the feature `portable-atomic` brings it.

use super::{Reading, Sampler, Sensor, Windows};
use heapless::spsc::{Consumer, Producer};

/// Why a tick brought no reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Missed<E> {
    /// The sensor was not read.
    Sensor(E),
    /// The queue is full: the main loop is late.
    Full,
}

impl<E: core::fmt::Display> core::fmt::Display for Missed<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Sensor(error) => write!(f, "the sensor was not read: {error}"),
            Self::Full => f.write_str("the queue of samples is full: take them out more often"),
        }
    }
}

impl<E: core::fmt::Debug + core::fmt::Display> core::error::Error for Missed<E> {}

impl<S: Sensor<AXES>, const AXES: usize> Sampler<S, AXES> {
    /// Reads the sensor once and puts the reading into a queue; what a timer's interrupt calls. It never
    /// waits but for the sensor.
    ///
    /// # Errors
    /// [`Missed`], where the sensor was not read or the queue is full. Either is counted.
    pub fn tick(
        &mut self,
        queue: &mut Producer<'_, Reading<AXES>>,
    ) -> Result<(), Missed<S::Error>> {
        let reading = self.read().map_err(Missed::Sensor)?;
        queue.enqueue(reading).map_err(|_| Missed::Full)
    }
}

impl<const AXES: usize, const W: usize> Windows<AXES, W> {
    /// Takes readings out of a queue until a window is due or the queue is empty. It never waits.
    pub fn drain(&mut self, queue: &mut Consumer<'_, Reading<AXES>>) -> Option<[[f32; AXES]; W]> {
        while let Some(reading) = queue.dequeue() {
            if let Some(window) = self.take(reading) {
                return Some(window);
            }
        }
        None
    }
}
