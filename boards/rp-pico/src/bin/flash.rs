//! Erases, writes and reads the end of flash, and says what came of it.

#![no_std]
#![no_main]

use board::{Pico, flash::FlashError};
use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};

#[cortex_m_rt::entry]
fn main() -> ! {
    let mut wired = Pico::start();
    match keep(&mut wired.flash) {
        Ok(()) => common::end::<Pico, core::fmt::Error>(Ok(())),
        Err(error) => panic!("{error:?}"),
    }
}

fn keep(flash: &mut board::flash::Flash) -> Result<(), FlashError> {
    let end = flash.capacity() as u32;
    let mut bytes = [0; 12];
    let say = |what: &str, bytes: &[u8]| {
        common::print::<Pico>(format_args!("{what} {bytes:02x?}\n"));
    };
    // across two pages of the last sector, and then the word behind
    flash.erase(0, end)?;
    flash.write(end - 260, &[1, 2, 3, 4, 5, 6, 7, 8])?;
    flash.write(end - 252, &[9, 10, 11, 12])?;
    flash.read(end - 260, &mut bytes)?;
    say("written", &bytes);
    flash.erase(end - 4096, end)?;
    flash.read(end - 260, &mut bytes)?;
    say("erased", &bytes);
    let refused = flash.write(end, &[0; 4]).is_err() && flash.write(2, &[0; 4]).is_err();
    let refused = refused && flash.erase(0, 256).is_err();
    common::print::<Pico>(format_args!("refused {refused}\n"));
    Ok(())
}
