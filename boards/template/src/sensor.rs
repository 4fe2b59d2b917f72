//! Where samples and labels come from. Until there is a sensor, this makes up three kinds of movements, so that the
//! project learns as it is.

use core::convert::Infallible;

/// Numbers of a sample.
pub const AXES: usize = 3;
/// Samples of a window.
pub const SAMPLES: usize = 16;
/// Microseconds from a sample to the next.
pub const PERIOD: u64 = 10_000;
/// How many kinds of movements there are.
pub const KINDS: usize = 3;

/// Yours: a closure that asks the driver of your accelerometer, by `embedded_hal::i2c::I2c`. Any unit will do, since
/// axes are standardised.
pub fn accelerometer() -> impl FnMut() -> Result<[f32; AXES], Infallible> {
    let (mut number, mut noise) = (0, 0_u32);
    move || {
        // in g: it lies still, lies on its side, is shaken
        let mut sample = match (kind(number / SAMPLES as u32), number % 2) {
            (0, _) => [0.0, 0.0, 1.0],
            (1, _) => [1.0, 0.0, 0.0],
            (_, 0) => [0.5, 0.0, 1.0],
            _ => [-0.5, 0.0, 1.0],
        };
        for g in &mut sample {
            // Numerical Recipes' generator, of which the upper bits are the better ones: ±0.25 g
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *g += (noise >> 24) as f32 / 512.0 - 0.25;
        }
        number = number.wrapping_add(1);
        Ok(sample)
    }
}

/// Yours: the kind that somebody says a window is, by a button or two; none where nobody does. Here it is two windows
/// of three.
pub fn label(window: u32) -> Option<u32> {
    (window % 9 < 6).then_some(kind(window))
}

fn kind(window: u32) -> u32 {
    window % KINDS as u32
}
