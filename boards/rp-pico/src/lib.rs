//! A Raspberry Pi Pico: an RP2040 at 125 MHz, that prints on UART0.

#![no_std]

pub mod flash;

use common::{Board, FAULTED, PANICKED};
use core::{
    arch::asm,
    cell::RefCell,
    sync::atomic::{AtomicBool, Ordering},
};
use critical_section::Mutex;
use embedded_hal::digital::InputPin;
use rp2040_hal::{
    Clock,
    clocks::init_clocks_and_plls,
    fugit::RateExtU32,
    gpio::{
        FunctionI2C, FunctionSioInput, FunctionUart, Pin, PullNone, PullUp,
        bank0::{Gpio0, Gpio1, Gpio4, Gpio5, Gpio15},
    },
    i2c::I2C,
    pac::{I2C0, Peripherals, UART0},
    sio::Sio,
    timer::Timer,
    uart::{DataBits, Enabled, StopBits, UartConfig, UartPeripheral},
    watchdog::Watchdog,
};

/// The second stage of booting, for the Pico's flash.
#[unsafe(link_section = ".boot2")]
#[used]
static BOOT2: [u8; 256] = rp2040_boot2::BOOT_LOADER_W25Q080;

/// The crystal's hertz.
const CRYSTAL: u32 = 12_000_000;

type Uart = UartPeripheral<
    Enabled,
    UART0,
    (Pin<Gpio0, FunctionUart, PullNone>, Pin<Gpio1, FunctionUart, PullNone>),
>;
type Wires = (Pin<Gpio4, FunctionI2C, PullUp>, Pin<Gpio5, FunctionI2C, PullUp>);

static UART: Mutex<RefCell<Option<Uart>>> = Mutex::new(RefCell::new(None));
/// The program has ended, so that a fault is only the break to a debugger that is not there.
static ENDED: AtomicBool = AtomicBool::new(false);

/// What [`Board`] prints through and ends.
pub struct Pico;

/// What is wired to the board, see its README.
pub struct Wired {
    /// The accelerometer.
    pub i2c: I2C<I2C0, Wires>,
    button: Pin<Gpio15, FunctionSioInput, PullUp>,
    /// Counts microseconds.
    pub timer: Timer,
    /// What a program may keep.
    pub flash: flash::Flash,
}

impl Wired {
    /// Whether the button is.
    pub fn pressed(&mut self) -> bool {
        self.button.is_low().unwrap_or(false)
    }
}

impl Pico {
    /// Sets the clocks and the devices up. It's the first thing that a program does, once.
    pub fn start() -> Wired {
        Peripherals::take().and_then(Self::open).unwrap_or_else(|| Self::exit(1))
    }

    fn open(mut device: Peripherals) -> Option<Wired> {
        let mut watchdog = Watchdog::new(device.WATCHDOG);
        let clocks = init_clocks_and_plls(
            CRYSTAL,
            device.XOSC,
            device.CLOCKS,
            device.PLL_SYS,
            device.PLL_USB,
            &mut device.RESETS,
            &mut watchdog,
        )
        .ok()?;
        let sio = Sio::new(device.SIO);
        let pins = rp2040_hal::gpio::Pins::new(
            device.IO_BANK0,
            device.PADS_BANK0,
            sio.gpio_bank0,
            &mut device.RESETS,
        );
        let uart = UartPeripheral::new(
            device.UART0,
            (pins.gpio0.reconfigure(), pins.gpio1.reconfigure()),
            &mut device.RESETS,
        );
        let speed = UartConfig::new(115_200.Hz(), DataBits::Eight, None, StopBits::One);
        let uart = uart.enable(speed, clocks.peripheral_clock.freq()).ok()?;
        critical_section::with(|cs| UART.replace(cs, Some(uart)));
        let i2c = I2C::i2c0(
            device.I2C0,
            pins.gpio4.reconfigure(),
            pins.gpio5.reconfigure(),
            400.kHz(),
            &mut device.RESETS,
            &clocks.system_clock,
        );
        let timer = Timer::new(device.TIMER, &mut device.RESETS, &clocks);
        Some(Wired { i2c, button: pins.gpio15.reconfigure(), timer, flash: flash::Flash(()) })
    }
}

impl Board for Pico {
    fn print(text: &str) {
        critical_section::with(|cs| {
            if let Some(uart) = UART.borrow_ref(cs).as_ref() {
                uart.write_full_blocking(text.as_bytes());
            }
        });
    }

    /// Breaks with the code, which a debugger and `emulate.py` understand. A board alone then stands still.
    fn exit(code: i32) -> ! {
        critical_section::with(|cs| {
            while UART.borrow_ref(cs).as_ref().is_some_and(|uart| uart.uart_is_busy()) {}
        });
        ENDED.store(true, Ordering::Relaxed);
        // SAFETY: a break changes nothing; the number is a part of the instruction.
        unsafe {
            match code {
                0 => asm!("bkpt #0"),
                PANICKED => asm!("bkpt #101"),
                FAULTED => asm!("bkpt #103"),
                _ => asm!("bkpt #1"),
            }
        }
        sleep()
    }
}

fn sleep() -> ! {
    loop {
        cortex_m::asm::wfi();
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    common::panicked::<Pico>(info)
}

#[cortex_m_rt::exception]
unsafe fn HardFault(_: &cortex_m_rt::ExceptionFrame) -> ! {
    if ENDED.load(Ordering::Relaxed) {
        sleep()
    }
    Pico::print("HardFault\n");
    Pico::exit(FAULTED)
}
