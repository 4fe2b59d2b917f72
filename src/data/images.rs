//! Images of one size in memory, a byte for each number, and their normalisation by channel.

use std::vec::Vec;

/// The mean and the standard deviation of each channel of a set, as parts of 255:
/// x = (pixel / 255 − mean) / deviation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normal {
    /// The means, one for each channel.
    pub mean: &'static [f32],
    /// The standard deviations, one for each channel.
    pub deviation: &'static [f32],
}

impl Normal {
    /// Writes pixels, whose channels are neighbours, to `x`.
    pub fn apply(&self, pixels: &[u8], x: &mut [f32]) {
        let channels = self.mean.len().max(1);
        for (c, (mean, deviation)) in self.mean.iter().zip(self.deviation).enumerate() {
            // a pixel has 256 values, and a division takes longer than a look
            let mut value = [0.0; 256];
            for (pixel, value) in (0_u8..=255).zip(&mut value) {
                *value = (f32::from(pixel) / 255.0 - mean) / deviation;
            }
            let pixels = pixels.iter().skip(c).step_by(channels);
            for (x, &pixel) in x.iter_mut().skip(c).step_by(channels).zip(pixels) {
                *x = value[usize::from(pixel)];
            }
        }
    }
}

/// Images of one size with their labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// Rows of an image.
    pub height: u32,
    /// Columns of an image.
    pub width: u32,
    /// Numbers per pixel: 1 is grey, 3 are red, green and blue.
    pub channels: u32,
    /// Image after image, row after row, pixel after pixel: `[count, height, width, channels]`.
    pub pixels: Vec<u8>,
    /// The class of each image, 0..=9.
    pub labels: Vec<u8>,
}

impl Images {
    /// Writes image `i`, normalised, to `x` and returns its label; `None` when there is no image `i`
    /// or `x` is not `height · width · channels` long.
    pub fn normalised(&self, i: usize, normal: &Normal, x: &mut [f32]) -> Option<u32> {
        let len = self.height as usize * self.width as usize * self.channels as usize;
        if x.len() != len {
            return None;
        }
        let label = *self.labels.get(i)?;
        let image = self.pixels.get(i.checked_mul(len)?..)?.get(..len)?;
        normal.apply(image, x);
        Some(label.into())
    }

    /// The same images of half as many rows and columns: each number is the mean of four. `None` where a
    /// side is odd.
    pub fn halved(&self) -> Option<Self> {
        let [height, width, channels] = [self.height, self.width, self.channels];
        if height % 2 != 0 || width % 2 != 0 || self.pixels.is_empty() {
            return None;
        }
        let line = width as usize * channels as usize;
        let mut pixels = Vec::with_capacity(self.pixels.len() / 4);
        for rows in self.pixels.chunks_exact(2 * line) {
            let (above, below) = rows.split_at(line);
            let pairs = above.chunks_exact(2 * channels as usize);
            for (a, b) in pairs.zip(below.chunks_exact(2 * channels as usize)) {
                let (left, right) = (a.iter().zip(b), a.iter().zip(b).skip(channels as usize));
                pixels.extend(left.zip(right).map(|((a, b), (c, d))| {
                    let sum: u16 = [a, b, c, d].into_iter().copied().map(u16::from).sum();
                    ((sum + 2) / 4) as u8
                }));
            }
        }
        Some(Self {
            height: height / 2,
            width: width / 2,
            channels,
            pixels,
            labels: self.labels.clone(),
        })
    }

    /// Mean and standard deviation of each channel, as parts of 255.
    #[cfg(test)]
    pub(super) fn moments(&self) -> Vec<(f64, f64)> {
        let channels = self.channels as usize;
        let of = |c: usize| {
            let values = || self.pixels.iter().skip(c).step_by(channels).map(|&v| f64::from(v));
            let n = (self.pixels.len() / channels) as f64;
            let mean = values().map(|v| v / 255.0).sum::<f64>() / n;
            let square = values().map(|v| v * v / 65025.0).sum::<f64>() / n;
            (mean, libm::sqrt(square - mean * mean))
        };
        (0..channels).map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    #[test]
    fn halves_are_means_of_four_by_channel() {
        let pixels = vec![0, 9, 4, 9, 8, 1, 8, 1, 2, 9, 2, 9, 8, 1, 9, 2];
        let images = Images { height: 2, width: 4, channels: 2, pixels, labels: vec![7] };
        let half = images.halved().unwrap();
        assert_eq!((half.height, half.width, half.labels.as_slice()), (1, 2, &[7][..]));
        assert_eq!(half.pixels, [2, 9, 8, 1]);
        assert_eq!(half.halved(), None);
    }
}
