//! The UARTs of QEMU's machines, as embedded-io has them. Neither is interrupted: who reads asks first.
//!
//! The machines of mps2 have Arm's CMSDK APB UART (Arm DDI 0479, "Cortex-M System Design Kit", section 4.3),
//! the machine virt an NS16550.

use core::{
    fmt,
    ptr::{with_exposed_provenance, with_exposed_provenance_mut},
};
use embedded_io::{Error, ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};

/// A byte came before the last one was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overrun;

impl fmt::Display for Overrun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the UART lost a byte")
    }
}

impl core::error::Error for Overrun {}

impl Error for Overrun {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

/// What a UART can do, a byte at a time.
pub trait Bytes {
    /// Whether a byte has come.
    fn has_come(&mut self) -> bool;
    /// The byte that has come.
    fn take(&mut self) -> u8;
    /// Whether bytes were lost, since this was asked before.
    fn has_lost(&mut self) -> bool;
    /// Whether a byte can go.
    fn can_go(&mut self) -> bool;
    /// Sends a byte that can go.
    fn put(&mut self, byte: u8);
}

/// A UART as embedded-io has it.
pub struct Uart<B>(pub B);

impl<B> ErrorType for Uart<B> {
    type Error = Overrun;
}

impl<B: Bytes> ReadReady for Uart<B> {
    fn read_ready(&mut self) -> Result<bool, Overrun> {
        Ok(self.0.has_come())
    }
}

impl<B: Bytes> Read for Uart<B> {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Overrun> {
        let Some(first) = bytes.first_mut() else { return Ok(0) };
        while !self.0.has_come() {}
        *first = self.0.take();
        if self.0.has_lost() { Err(Overrun) } else { Ok(1) }
    }
}

impl<B: Bytes> WriteReady for Uart<B> {
    fn write_ready(&mut self) -> Result<bool, Overrun> {
        Ok(self.0.can_go())
    }
}

impl<B: Bytes> Write for Uart<B> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Overrun> {
        let Some(first) = bytes.first() else { return Ok(0) };
        while !self.0.can_go() {}
        self.0.put(*first);
        Ok(1)
    }

    fn flush(&mut self) -> Result<(), Overrun> {
        while !self.0.can_go() {}
        Ok(())
    }
}

/// Arm's CMSDK APB UART.
pub struct Cmsdk {
    base: usize,
}

impl Cmsdk {
    const DATA: usize = 0x000;
    const STATE: usize = 0x004;
    const CTRL: usize = 0x008;
    const BAUDDIV: usize = 0x010;

    /// STATE: a byte waits to go, a byte has come, and one has come too soon.
    const TX_FULL: u32 = 1;
    const RX_FULL: u32 = 2;
    const RX_OVERRUN: u32 = 8;
    /// CTRL: sends and receives.
    const ENABLE: u32 = 3;

    /// The first UART of mps2, at 115,200 bits a second of its 25 MHz. QEMU takes no time for a byte.
    pub fn mps2() -> Uart<Self> {
        let uart = Self { base: 0x4000_4000 };
        uart.write(Self::BAUDDIV, 25_000_000 / 115_200);
        uart.write(Self::CTRL, Self::ENABLE);
        Uart(uart)
    }

    fn read(&self, register: usize) -> u32 {
        // SAFETY: a register of the UART that this machine has at `base`; reading it changes the UART alone.
        unsafe { with_exposed_provenance::<u32>(self.base + register).read_volatile() }
    }

    fn write(&self, register: usize, value: u32) {
        // SAFETY: as above; what is written changes the UART alone, since it is told of no interrupt.
        unsafe { with_exposed_provenance_mut::<u32>(self.base + register).write_volatile(value) }
    }
}

impl Bytes for Cmsdk {
    fn has_come(&mut self) -> bool {
        self.read(Self::STATE) & Self::RX_FULL != 0
    }

    fn take(&mut self) -> u8 {
        self.read(Self::DATA) as u8
    }

    fn has_lost(&mut self) -> bool {
        let lost = self.read(Self::STATE) & Self::RX_OVERRUN != 0;
        if lost {
            self.write(Self::STATE, Self::RX_OVERRUN);
        }
        lost
    }

    fn can_go(&mut self) -> bool {
        self.read(Self::STATE) & Self::TX_FULL == 0
    }

    fn put(&mut self, byte: u8) {
        self.write(Self::DATA, byte.into());
    }
}

/// An NS16550.
pub struct Ns16550 {
    base: usize,
}

impl Ns16550 {
    const DATA: usize = 0;
    const FIFO: usize = 2;
    const LINE: usize = 3;
    const STATUS: usize = 5;

    /// FIFO: on, and emptied.
    const FIFO_ON: u8 = 7;
    /// LINE: eight bits, no parity, one stop bit.
    const EIGHT: u8 = 3;
    /// STATUS: a byte has come, one has come too soon, and there is room for one to go.
    const HAS_COME: u8 = 1;
    const OVERRUN: u8 = 2;
    const CAN_GO: u8 = 0x20;

    /// The UART of virt.
    pub fn virt() -> Uart<Self> {
        let uart = Self { base: 0x1000_0000 };
        uart.write(Self::LINE, Self::EIGHT);
        uart.write(Self::FIFO, Self::FIFO_ON);
        Uart(uart)
    }

    fn read(&self, register: usize) -> u8 {
        // SAFETY: a register of the UART that this machine has at `base`; reading it changes the UART alone.
        unsafe { with_exposed_provenance::<u8>(self.base + register).read_volatile() }
    }

    fn write(&self, register: usize, value: u8) {
        // SAFETY: as above; what is written changes the UART alone, since it is told of no interrupt.
        unsafe { with_exposed_provenance_mut::<u8>(self.base + register).write_volatile(value) }
    }
}

impl Bytes for Ns16550 {
    fn has_come(&mut self) -> bool {
        self.read(Self::STATUS) & Self::HAS_COME != 0
    }

    fn take(&mut self) -> u8 {
        self.read(Self::DATA)
    }

    fn has_lost(&mut self) -> bool {
        self.read(Self::STATUS) & Self::OVERRUN != 0
    }

    fn can_go(&mut self) -> bool {
        self.read(Self::STATUS) & Self::CAN_GO != 0
    }

    fn put(&mut self, byte: u8) {
        self.write(Self::DATA, byte);
    }
}
