//! A Nucleo-F446RE: an STM32F446 that prints on USART2, which its debugger passes on by USB.

#![no_std]

pub mod flash;

use common::{Board, FAULTED, semihosting::Qemu};
use core::{
    cell::RefCell,
    sync::atomic::{AtomicBool, Ordering},
};
use critical_section::Mutex;
use stm32f4xx_hal::{
    flash::LockedFlash,
    gpio::PC13,
    i2c::I2c,
    nb::block,
    pac::{I2C1, Peripherals, USART2},
    prelude::*,
    rcc::Config,
    serial::Tx,
};

static UART: Mutex<RefCell<Option<Tx<USART2>>>> = Mutex::new(RefCell::new(None));
/// The program has ended, so that a fault is only the call of a debugger that is not there.
static ENDED: AtomicBool = AtomicBool::new(false);

/// What [`Board`] prints through and ends.
pub struct Nucleo;

/// What is on the board and wired to it, see its README.
pub struct Wired {
    /// The accelerometer.
    pub i2c: I2c<I2C1>,
    /// The processor's clock, in hertz.
    pub clock: u32,
    /// What a program may keep.
    pub flash: flash::Flash,
    button: PC13,
}

impl Wired {
    /// Whether the blue button is.
    pub fn pressed(&mut self) -> bool {
        self.button.is_low()
    }
}

impl Nucleo {
    /// Sets the clocks and the devices up. It's the first thing that a program does, once.
    pub fn start() -> Wired {
        Peripherals::take().and_then(Self::open).unwrap_or_else(|| Self::exit(1))
    }

    /// The same, of devices that RTIC has taken.
    pub fn open(device: Peripherals) -> Option<Wired> {
        let clock =
            if cfg!(feature = "pll") { Config::hsi().sysclk(180.MHz()) } else { Config::hsi() };
        let mut rcc = device.RCC.freeze(clock);
        let (a, b) = (device.GPIOA.split(&mut rcc), device.GPIOB.split(&mut rcc));
        let c = device.GPIOC.split(&mut rcc);
        let uart = device.USART2.tx(a.pa2, 115_200.bps(), &mut rcc).ok()?;
        critical_section::with(|cs| UART.replace(cs, Some(uart)));
        let i2c = I2c::new(device.I2C1, (b.pb8, b.pb9), 400.kHz(), &mut rcc);
        let flash = flash::Flash(LockedFlash::new(device.FLASH));
        Some(Wired { i2c, clock: rcc.clocks.hclk().raw(), flash, button: c.pc13 })
    }
}

impl Board for Nucleo {
    fn print(text: &str) {
        critical_section::with(|cs| {
            if let Some(uart) = UART.borrow_ref_mut(cs).as_mut() {
                for &byte in text.as_bytes() {
                    let _ = block!(uart.write(byte));
                }
                let _ = block!(uart.flush());
            }
        });
    }

    /// By semihosting, which probe-rs and QEMU understand. A board alone then stands still.
    fn exit(code: i32) -> ! {
        ENDED.store(true, Ordering::Relaxed);
        Qemu::exit(code)
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    common::panicked::<Nucleo>(info)
}

#[cortex_m_rt::exception]
unsafe fn HardFault(frame: &cortex_m_rt::ExceptionFrame) -> ! {
    if ENDED.load(Ordering::Relaxed) {
        loop {
            cortex_m::asm::wfi();
        }
    }
    common::print::<Nucleo>(format_args!("HardFault at {:#010x}\n", frame.pc()));
    Nucleo::exit(FAULTED)
}
