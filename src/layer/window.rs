//! How a window slides over a padded line: which of its taps meet the picture, and where.

use super::Misfit;
use crate::shape::Shape;

/// The shape of what a window of `kernel` taps sees, `stride` apart, over an input with `padding`
/// on every side.
pub(super) const fn output(
    x: Shape,
    kernel: [u32; 2],
    stride: [u32; 2],
    padding: [u32; 2],
    channels: u32,
) -> Result<Shape, Misfit> {
    match (
        steps(x.height, kernel[0], stride[0], padding[0]),
        steps(x.width, kernel[1], stride[1], padding[1]),
    ) {
        (Ok(height), Ok(width)) => Ok(Shape::hwc(height, width, channels)),
        (Err(misfit), _) | (_, Err(misfit)) => Err(misfit),
    }
}

/// How many windows fit one line: ⌊(length + 2 padding − kernel) / stride⌋ + 1.
const fn steps(length: u32, kernel: u32, stride: u32, padding: u32) -> Result<u32, Misfit> {
    if kernel == 0 || stride == 0 {
        return Err(Misfit::Zero);
    }
    // so that no sum of these overflows 32 bits
    if kernel > Shape::MOST || stride > Shape::MOST || padding > Shape::MOST {
        return Err(Misfit::TooLarge);
    }
    let length = length as u64 + 2 * padding as u64;
    match length.checked_sub(kernel as u64) {
        None => Err(Misfit::Kernel),
        Some(room) => {
            let steps = room / stride as u64 + 1;
            if steps > Shape::MOST as u64 { Err(Misfit::TooLarge) } else { Ok(steps as u32) }
        }
    }
}

/// One line (a row or a column) of a sliding window.
#[derive(Clone, Copy)]
pub(super) struct Line {
    /// Pixels of the input.
    pub length: usize,
    /// Windows: pixels of the output.
    pub steps: usize,
    /// Taps of the kernel.
    pub kernel: usize,
    /// Pixels from one window to the next.
    pub stride: usize,
    /// Pixels of padding before the first.
    pub padding: usize,
}

/// Neighbours along a line: from index `first`, `count` of them.
#[derive(Clone, Copy)]
pub(super) struct Run {
    /// The first tap, or the first window.
    pub first: usize,
    /// How many.
    pub count: usize,
    /// The pixel that the first one meets.
    pub pixel: usize,
}

impl Line {
    /// The taps of window `step` that meet the picture.
    #[inline(always)]
    pub fn taps(&self, step: usize) -> Run {
        let start = step * self.stride;
        let first = self.padding.saturating_sub(start);
        let end = (self.length + self.padding).saturating_sub(start).min(self.kernel);
        Run {
            first,
            count: end.saturating_sub(first),
            pixel: (start + first).saturating_sub(self.padding),
        }
    }

    /// Whether window `step` and the next one lie within the picture, with all their taps.
    #[inline(always)]
    pub fn pair_is_whole(&self, step: usize) -> bool {
        let start = step * self.stride;
        step + 1 < self.steps
            && start >= self.padding
            && start + self.stride + self.kernel <= self.length + self.padding
    }

    /// Whether `pixel` and the next one meet a window by every tap, and neighbouring windows.
    #[inline(always)]
    pub fn pair_meets_all(&self, pixel: usize) -> bool {
        let start = pixel + self.padding + 1;
        self.stride == 1 && pixel + 1 < self.length && start >= self.kernel && start < self.steps
    }

    /// The windows whose tap `tap` meets the picture.
    #[inline(always)]
    pub fn windows(&self, tap: usize) -> Run {
        let stride = self.stride.max(1);
        let first = self.padding.saturating_sub(tap).div_ceil(stride);
        let end = (self.length + self.padding).saturating_sub(tap).div_ceil(stride).min(self.steps);
        Run {
            first,
            count: end.saturating_sub(first),
            pixel: (first * stride + tap).saturating_sub(self.padding),
        }
    }

    /// The window whose tap `tap` meets `pixel`, if there is one.
    #[inline(always)]
    pub fn window(&self, pixel: usize, tap: usize) -> Option<usize> {
        let start = (pixel + self.padding).checked_sub(tap)?;
        let step = match self.stride {
            1 => start,
            stride => {
                let stride = stride.max(1);
                if start % stride != 0 {
                    return None;
                }
                start / stride
            }
        };
        (step < self.steps).then_some(step)
    }
}

/// The rows and the columns of a sliding window.
pub(super) fn lines(
    x: Shape,
    y: Shape,
    kernel: [u32; 2],
    stride: [u32; 2],
    padding: [u32; 2],
) -> [Line; 2] {
    let line = |length: u32, steps: u32, kernel: u32, stride: u32, padding: u32| Line {
        length: length as usize,
        steps: steps as usize,
        kernel: kernel as usize,
        stride: stride as usize,
        padding: padding as usize,
    };
    let ([kh, kw], [sh, sw], [ph, pw]) = (kernel, stride, padding);
    [line(x.height, y.height, kh, sh, ph), line(x.width, y.width, kw, sw, pw)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition: tap t of window s meets pixel s · stride + t − padding, if there is one.
    fn meets(line: &Line, step: usize, tap: usize) -> Option<usize> {
        (step * line.stride + tap).checked_sub(line.padding).filter(|&p| p < line.length)
    }

    #[test]
    fn runs_are_the_taps_and_windows_that_meet_the_picture() {
        for (length, kernel, stride, padding) in
            [(8, 3, 1, 1), (7, 3, 2, 1), (5, 4, 2, 2), (3, 5, 1, 2), (4, 1, 3, 0), (2, 2, 1, 3)]
        {
            let steps = steps(length, kernel, stride, padding).unwrap() as usize;
            let line = Line {
                length: length as usize,
                steps,
                kernel: kernel as usize,
                stride: stride as usize,
                padding: padding as usize,
            };
            let mut by_taps = 0;
            let mut by_windows = 0;
            for step in 0..steps {
                let run = line.taps(step);
                by_taps += run.count;
                for i in 0..run.count {
                    assert_eq!(meets(&line, step, run.first + i), Some(run.pixel + i));
                }
            }
            for tap in 0..line.kernel {
                let run = line.windows(tap);
                by_windows += run.count;
                for i in 0..run.count {
                    let pixel = run.pixel + i * line.stride;
                    assert_eq!(meets(&line, run.first + i, tap), Some(pixel));
                    assert_eq!(line.window(pixel, tap), Some(run.first + i));
                }
            }
            for step in 0..steps {
                let whole = |step| (0..line.kernel).all(|tap| meets(&line, step, tap).is_some());
                let pair = step + 1 < steps && whole(step) && whole(step + 1);
                assert_eq!(line.pair_is_whole(step), pair);
            }
            for pixel in 0..line.length {
                let windows = |pixel| (0..line.kernel).map(move |tap| line.window(pixel, tap));
                let pair = line.stride == 1
                    && pixel + 1 < line.length
                    && windows(pixel)
                        .zip(windows(pixel + 1))
                        .all(|(a, b)| a.is_some() && b.is_some());
                assert_eq!(line.pair_meets_all(pixel), pair);
            }
            let all = (0..steps)
                .flat_map(|s| (0..line.kernel).map(move |t| (s, t)))
                .filter(|&(s, t)| meets(&line, s, t).is_some())
                .count();
            assert_eq!((by_taps, by_windows), (all, all));
        }
    }
}
