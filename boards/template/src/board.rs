//! What is your board's own. Until your chip's HAL is here, memory stands in for flash, nobody is at the line to a PC,
//! and a clock is made up. Everything else stays as it is.

use core::{convert::Infallible, ops::Range};
use idinit::device::keep::RamFlash;

/// Yours: what your HAL has for flash, an `embedded_storage::nor_flash::NorFlash`.
pub type Flash = RamFlash<16_384, 4_096>;

/// Yours: the end of flash, which `memory.x` leaves free, three pages of it or more, as offsets from the beginning of
/// what your HAL calls flash.
pub const KEPT: Range<u32> = 0..16_384;

/// Yours: sets clocks and devices up.
pub fn start() -> (Flash, Line, Clock) {
    (Flash::new(), Line, Clock::default())
}

/// Yours: a counter of microseconds.
#[derive(Default)]
pub struct Clock {
    micros: u64,
}

impl Clock {
    /// Microseconds since the start; here each call takes some.
    pub fn micros(&mut self) -> u64 {
        self.micros += 4_000;
        self.micros
    }
}

/// Yours: your HAL's UART, as embedded-io 0.7 has it. One that an interrupt fills loses no byte while a step is taken.
pub struct Line;

impl embedded_io::ErrorType for Line {
    type Error = Infallible;
}

impl embedded_io::ReadReady for Line {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(false)
    }
}

impl embedded_io::Read for Line {
    fn read(&mut self, _: &mut [u8]) -> Result<usize, Infallible> {
        Ok(0)
    }
}

impl embedded_io::WriteReady for Line {
    fn write_ready(&mut self) -> Result<bool, Infallible> {
        Ok(true)
    }
}

impl embedded_io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
