//! An ESP32-C3-DevKit, that prints on UART0, which the board passes on by USB.

#![no_std]

use common::Board;
use core::cell::RefCell;
use critical_section::Mutex;
use esp_hal::{
    Blocking,
    clock::CpuClock,
    gpio::{Input, InputConfig},
    i2c::master::{self, I2c},
    time::Rate,
    uart::{self, UartTx},
};
use esp_storage::FlashStorage;

// What the second stage of booting looks for.
esp_bootloader_esp_idf::esp_app_desc!();

static UART: Mutex<RefCell<Option<UartTx<'static, Blocking>>>> = Mutex::new(RefCell::new(None));

/// What [`Board`] prints through and ends.
pub struct C3;

/// What is on the board and wired to it, see its README.
pub struct Wired {
    /// The accelerometer.
    pub i2c: I2c<'static, Blocking>,
    /// All of flash; the last 32 KiB are free.
    pub flash: FlashStorage<'static>,
    button: Input<'static>,
}

impl Wired {
    /// Whether the button BOOT is.
    pub fn pressed(&mut self) -> bool {
        self.button.is_low()
    }
}

impl C3 {
    /// Sets the clocks and the devices up. It's the first thing that a program does, once.
    pub fn start() -> Wired {
        Self::open().unwrap_or_else(|| Self::exit(1))
    }

    fn open() -> Option<Wired> {
        let config = esp_hal::Config::default().with_cpu_clock(CpuClock::max());
        let device = esp_hal::init(config);
        let uart = UartTx::new(device.UART0, uart::Config::default()).ok()?;
        let uart = uart.with_tx(device.GPIO21);
        critical_section::with(|cs| UART.replace(cs, Some(uart)));
        let speed = master::Config::default().with_frequency(Rate::from_khz(400));
        let i2c = I2c::new(device.I2C0, speed).ok()?;
        let i2c = i2c.with_sda(device.GPIO4).with_scl(device.GPIO5);
        // the board pulls it up
        let button = Input::new(device.GPIO9, InputConfig::default());
        Some(Wired { i2c, flash: FlashStorage::new(device.FLASH), button })
    }
}

impl Board for C3 {
    fn print(text: &str) {
        critical_section::with(|cs| {
            if let Some(uart) = UART.borrow_ref_mut(cs).as_mut() {
                let mut rest = text.as_bytes();
                while let Ok(written @ 1..) = uart.write(rest) {
                    rest = rest.get(written..).unwrap_or_default();
                }
            }
        });
    }

    /// Tells the code and stands still: there is nobody to hand it to.
    fn exit(code: i32) -> ! {
        common::print::<Self>(format_args!("exit {code}\n"));
        critical_section::with(|cs| {
            if let Some(uart) = UART.borrow_ref_mut(cs).as_mut() {
                let _ = uart.flush();
            }
        });
        loop {
            core::hint::spin_loop();
        }
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    common::panicked::<C3>(info)
}
