//! Layers that map number by number, on the host: runs in parallel, each in vectors.

use super::host::RUN;
use super::{Backward, Forward, Host, Layer};
use crate::math::vector::{erf, exp, sigmoid, tanh, vectors};
use core::f32::consts::FRAC_1_SQRT_2;
use pulp::Arch;
use rayon::prelude::*;

/// y = f(x); x lies in y where it is empty.
pub(super) fn map(
    y: &mut [f32],
    x: &[f32],
    arch: Arch,
    f: impl Fn(f32) -> f32 + Send + Sync + Copy,
) {
    if x.is_empty() {
        y.par_chunks_mut(RUN).for_each(|y| {
            vectors(
                arch,
                #[inline(always)]
                || {
                    for y in y.iter_mut() {
                        *y = f(*y);
                    }
                },
            );
        });
    } else {
        y.par_chunks_mut(RUN).zip(x.par_chunks(RUN)).for_each(|(y, x)| {
            vectors(
                arch,
                #[inline(always)]
                || {
                    for (y, x) in y.iter_mut().zip(x) {
                        *y = f(*x);
                    }
                },
            );
        });
    }
}

/// dy ← f(dy, z).
fn combine(
    dy: &mut [f32],
    z: &[f32],
    arch: Arch,
    f: impl Fn(f32, f32) -> f32 + Send + Sync + Copy,
) {
    dy.par_chunks_mut(RUN).zip(z.par_chunks(RUN)).for_each(|(dy, z)| {
        vectors(
            arch,
            #[inline(always)]
            || {
                for (dy, z) in dy.iter_mut().zip(z) {
                    *dy = f(*dy, *z);
                }
            },
        );
    });
}

/// Φ(x), the share of a normal distribution below x, and e^(−x²/2).
#[inline(always)]
fn below(x: f32) -> (f32, f32) {
    let power = exp(-0.5 * x * x);
    (0.5 * (1.0 + erf(x * FRAC_1_SQRT_2, power)), power)
}

/// Whether the layer is one of these. They find their input in `x` where it does not lie in `y`.
pub(super) const fn is(layer: &Layer) -> bool {
    matches!(
        layer,
        Layer::Relu(_) | Layer::LeakyRelu(_) | Layer::Tanh(_) | Layer::Sigmoid(_) | Layer::Gelu(_)
    )
}

/// The forward pass of one of these.
pub(super) fn forward(layer: &Layer, io: Forward<'_>, host: &Host<'_>) {
    let (Forward { x, y, .. }, arch) = (io, host.arch);
    match *layer {
        // NaN stays NaN
        Layer::Relu(_) => map(
            y,
            x,
            arch,
            #[inline(always)]
            |x| if x <= 0.0 { 0.0 } else { x },
        ),
        Layer::LeakyRelu(leaky) => {
            let slope = leaky.slope;
            map(
                y,
                x,
                arch,
                #[inline(always)]
                move |x| if x <= 0.0 { slope * x } else { x },
            );
        }
        Layer::Tanh(_) => map(y, x, arch, tanh),
        Layer::Sigmoid(_) => map(y, x, arch, sigmoid),
        Layer::Gelu(_) => map(
            y,
            x,
            arch,
            #[inline(always)]
            |x| x * below(x).0,
        ),
        _ => {}
    }
}

/// The backward pass of one of these.
pub(super) fn backward<M>(layer: &Layer, io: Backward<'_, M>, host: &Host<'_>) {
    /// 1 / √(2π).
    const PEAK: f32 = 0.398_942_3;
    let (Backward { x, y, dy, .. }, arch) = (io, host.arch);
    match *layer {
        Layer::Relu(_) => combine(
            dy,
            y,
            arch,
            #[inline(always)]
            |dy, y| if y > 0.0 { dy } else { 0.0 },
        ),
        Layer::LeakyRelu(leaky) => {
            let slope = leaky.slope;
            combine(
                dy,
                y,
                arch,
                #[inline(always)]
                move |dy, y| if y > 0.0 { dy } else { slope * dy },
            );
        }
        Layer::Tanh(_) => combine(
            dy,
            y,
            arch,
            #[inline(always)]
            |dy, y| dy * (1.0 - y * y),
        ),
        Layer::Sigmoid(_) => combine(
            dy,
            y,
            arch,
            #[inline(always)]
            |dy, y| dy * (y * (1.0 - y)),
        ),
        Layer::Gelu(_) => {
            combine(
                dy,
                x,
                arch,
                #[inline(always)]
                |dy, x| {
                    let (below, power) = below(x);
                    dy * (below + x * PEAK * power)
                },
            );
        }
        _ => {}
    }
}
