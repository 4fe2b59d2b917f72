use super::Shortcut;
use crate::layer::{Backward, Forward};
use crate::math;
use crate::shape::Shape;

impl Shortcut {
    /// For each output pixel in order: where the input pixel that it takes begins.
    fn sources(&self, x: Shape, y: Shape) -> impl Iterator<Item = usize> {
        let stride = self.stride as usize;
        let (width, channels) = (x.width as usize, x.channels as usize);
        let (rows, columns) = (y.height as usize, y.width as usize);
        (0..rows).flat_map(move |oy| {
            (0..columns).map(move |ox| (oy * width + ox) * stride * channels)
        })
    }

    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        let (before, channels) = (self.before(*io.input), io.input.channels as usize);
        let examples = io.x.chunks_exact(io.input.size().max(1));
        for (x, y) in examples.zip(io.y.chunks_exact_mut(io.output.size().max(1))) {
            y.fill(0.0);
            let pixels = y.chunks_exact_mut(io.output.channels.max(1) as usize);
            for (y, at) in pixels.zip(self.sources(*io.input, *io.output)) {
                let x = x.get(at..).and_then(|x| x.get(..channels)).unwrap_or_default();
                math::copy(y.get_mut(before..).unwrap_or_default(), x);
            }
        }
    }

    pub(in crate::layer) fn backward<M>(&self, io: Backward<'_, M>) {
        let (before, channels) = (self.before(*io.input), io.input.channels as usize);
        let examples = io.dx.chunks_exact_mut(io.input.size().max(1));
        for (dx, dy) in examples.zip(io.dy.chunks_exact(io.output.size().max(1))) {
            let pixels = dy.chunks_exact(io.output.channels.max(1) as usize);
            for (dy, at) in pixels.zip(self.sources(*io.input, *io.output)) {
                let dx = dx.get_mut(at..).and_then(|dx| dx.get_mut(..channels));
                math::add(dx.unwrap_or_default(), dy.get(before..).unwrap_or_default());
            }
        }
    }
}
