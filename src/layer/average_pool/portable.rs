use super::AveragePool;
use crate::layer::{Backward, Forward, window};

impl AveragePool {
    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        let channels = io.input.channels.max(1) as usize;
        let [rows, columns] =
            window::lines(*io.input, *io.output, self.kernel, self.stride, [0, 0]);
        let row = (columns.length * channels).max(1);
        let share = 1.0 / (rows.kernel * columns.kernel) as f32;
        let mut y = io.y.chunks_exact_mut(channels);
        for x in io.x.chunks_exact((rows.length * row).max(1)) {
            for oy in 0..rows.steps {
                for ox in 0..columns.steps {
                    let Some(y) = y.next() else { return };
                    y.fill(0.0);
                    for ky in 0..rows.kernel {
                        let at = (oy * rows.stride + ky) * row + ox * columns.stride * channels;
                        let line = x.get(at..).unwrap_or_default();
                        for x in line.chunks_exact(channels).take(columns.kernel) {
                            for (y, x) in y.iter_mut().zip(x) {
                                *y += x;
                            }
                        }
                    }
                    for y in y {
                        *y *= share;
                    }
                }
            }
        }
    }

    pub(in crate::layer) fn backward<M>(&self, io: Backward<'_, M>) {
        let channels = io.input.channels.max(1) as usize;
        let [rows, columns] =
            window::lines(*io.input, *io.output, self.kernel, self.stride, [0, 0]);
        let row = (columns.length * channels).max(1);
        let share = 1.0 / (rows.kernel * columns.kernel) as f32;
        let mut dy = io.dy.chunks_exact(channels);
        for dx in io.dx.chunks_exact_mut((rows.length * row).max(1)) {
            for oy in 0..rows.steps {
                for ox in 0..columns.steps {
                    let Some(dy) = dy.next() else { return };
                    for ky in 0..rows.kernel {
                        let at = (oy * rows.stride + ky) * row + ox * columns.stride * channels;
                        let line = dx.get_mut(at..).unwrap_or_default();
                        for dx in line.chunks_exact_mut(channels).take(columns.kernel) {
                            for (dx, dy) in dx.iter_mut().zip(dy) {
                                *dx += share * dy;
                            }
                        }
                    }
                }
            }
        }
    }
}
