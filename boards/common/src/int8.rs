//! Networks in whole numbers of 8 bits, for every board and for the host: `tests/firmware.rs` has this file
//! too, and what it says here and there must be the same lines.

use super::programs::Say;
use super::{layers_int8, n1_int8, n2_int8, residual_int8, sine_int8};
use idinit::{
    data::digits::{image, test},
    engine::Memory,
    int8::{Error, Int8, Links, Net},
};

/// Test images that go through each network.
const IMAGES: usize = 16;
/// More than any of the networks needs.
const ARENA: usize = 3072;

/// Runs the first test images through each network of digits, and numbers through the sine.
pub fn int8(_: Memory, say: Say) -> Result<(), Error> {
    digits::<n1_int8::Layers>("n1", n1_int8::PLAN.net(), say)?;
    digits::<n2_int8::Layers>("n2", n2_int8::PLAN.net(), say)?;
    digits::<residual_int8::Layers>("residual", residual_int8::PLAN.net(), say)?;
    digits::<layers_int8::Layers>("layers", layers_int8::PLAN.net(), say)?;
    let mut arena = [0; ARENA];
    let mut sine = Int8::<sine_int8::Layers>::new(sine_int8::PLAN.net(), &mut arena)?;
    for step in 0..IMAGES {
        let mut y = [0.0];
        sine.infer(&[step as f32 * 0.4], &mut y)?;
        say(format_args!("sine {} {:08x}\n", sine.output()[0], y[0].to_bits()));
    }
    Ok(())
}

fn digits<L: Links>(name: &str, net: Net<'_>, say: Say) -> Result<(), Error> {
    let mut arena = [0; ARENA];
    let mut engine = Int8::<L>::new(net, &mut arena)?;
    for place in (0..IMAGES).map(test) {
        let (mut x, mut y) = ([0.0; 64], [0.0; 10]);
        let label = image(place, &mut x).unwrap_or(0);
        engine.infer(&x, &mut y)?;
        say(format_args!("{name} {label} {:?}\n", engine.output()));
    }
    Ok(())
}
