//! An nRF52840 DK, that prints on its first serial port, which its debugger passes on by USB.

#![no_std]

use common::{Board, FAULTED, semihosting::Qemu};
use core::{
    cell::RefCell,
    sync::atomic::{AtomicBool, Ordering},
};
use critical_section::Mutex;
use embassy_nrf::{
    bind_interrupts,
    config::{Config, HfclkSource},
    gpio::{Input, Pull},
    nvmc::Nvmc,
    peripherals, twim, uarte,
};
use static_cell::StaticCell;

bind_interrupts!(struct Interrupts {
    UARTE0 => uarte::InterruptHandler<peripherals::UARTE0>;
    TWISPI0 => twim::InterruptHandler<peripherals::TWISPI0>;
});

static UART: Mutex<RefCell<Option<uarte::UarteTx<'static>>>> = Mutex::new(RefCell::new(None));
/// The program has ended, so that a fault is only the call of a debugger that is not there.
static ENDED: AtomicBool = AtomicBool::new(false);

/// What [`Board`] prints through and ends.
pub struct Dk;

/// What is on the board and wired to it, see its README.
pub struct Wired {
    /// The accelerometer.
    pub i2c: twim::Twim<'static>,
    /// All of flash; the last 32 KiB are free.
    pub flash: Nvmc<'static>,
    button: Input<'static>,
}

impl Wired {
    /// Whether button 1 is.
    pub fn pressed(&mut self) -> bool {
        self.button.is_low()
    }
}

impl Dk {
    /// Sets the clocks and the devices up. It's the first thing that a program does, once.
    pub fn start() -> Wired {
        static WRITTEN: StaticCell<[u8; 16]> = StaticCell::new();
        let mut config = Config::default();
        config.hfclk_source = HfclkSource::ExternalXtal;
        let device = embassy_nrf::init(config);
        let uart =
            uarte::UarteTx::new(device.UARTE0, Interrupts, device.P0_06, uarte::Config::default());
        critical_section::with(|cs| UART.replace(cs, Some(uart)));
        let mut speed = twim::Config::default();
        speed.frequency = twim::Frequency::K400;
        let (sda, scl) = (device.P0_26, device.P0_27);
        let written = WRITTEN.init([0; 16]);
        let i2c = twim::Twim::new(device.TWISPI0, Interrupts, sda, scl, speed, written);
        let button = Input::new(device.P0_11, Pull::Up);
        Wired { i2c, flash: Nvmc::new(device.NVMC), button }
    }
}

impl Board for Dk {
    fn print(text: &str) {
        critical_section::with(|cs| {
            if let Some(uart) = UART.borrow_ref_mut(cs).as_mut() {
                // in pieces, since what lies in flash is copied first
                for bytes in text.as_bytes().chunks(64) {
                    let _ = uart.blocking_write(bytes);
                }
            }
        });
    }

    /// By semihosting, which probe-rs understands. A board alone then stands still.
    fn exit(code: i32) -> ! {
        ENDED.store(true, Ordering::Relaxed);
        Qemu::exit(code)
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    common::panicked::<Dk>(info)
}

#[cortex_m_rt::exception]
unsafe fn HardFault(frame: &cortex_m_rt::ExceptionFrame) -> ! {
    if ENDED.load(Ordering::Relaxed) {
        loop {
            cortex_m::asm::wfi();
        }
    }
    common::print::<Dk>(format_args!("HardFault at {:#010x}\n", frame.pc()));
    Dk::exit(FAULTED)
}
