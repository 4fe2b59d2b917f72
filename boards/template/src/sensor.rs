//! Where samples and labels come from. Until there is a sensor, this makes up three kinds of movements, so that the
//! project learns as it is.
//!
//! For a real one, let [`labelled`] wait for 16 samples of an accelerometer (with your chip's HAL, a driver over
//! `embedded_hal::i2c::I2c`) and take the label from a button or from the UART.

use super::learning::WINDOW;

/// The window of this number, in g, and its kind: 0 lies still, 1 lies on its side, 2 is shaken.
pub fn labelled(number: u32) -> ([f32; WINDOW], u32) {
    let kind = number % 3;
    let mut noise = number;
    let mut window = [0.0; WINDOW];
    for (sample, xyz) in window.as_chunks_mut::<3>().0.iter_mut().enumerate() {
        *xyz = match (kind, sample % 2) {
            (0, _) => [0.0, 0.0, 1.0],
            (1, _) => [1.0, 0.0, 0.0],
            (_, 0) => [0.5, 0.0, 1.0],
            _ => [-0.5, 0.0, 1.0],
        };
        for g in xyz {
            // Numerical Recipes' generator, of which the upper bits are the better ones: ±0.25 g
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *g += (noise >> 24) as f32 / 512.0 - 0.25;
        }
    }
    (window, kind)
}
