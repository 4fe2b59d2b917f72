//! The numbers of a weight in another order, a window at a time.

use crate::rule::Dims;
use std::io;
use std::string::String;
use std::vec;
use std::vec::Vec;

/// How PyTorch stores a weight that lies as `[out][kh][kw][in]` here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// In the same order.
    Same,
    /// Channels before pixels: `[out][in][kh][kw]`, of a row of `pixels` × `channels` numbers.
    ChannelsFirst {
        /// kh · kw, or the pixels that a fully connected layer sees.
        pixels: usize,
        /// Channels of a pixel.
        channels: usize,
    },
    /// `[in][out]`, as the Conv1D of GPT-2.
    Transposed,
}

/// The most numbers of a window; a row may be longer. Two windows stay in the cache of a core.
const WINDOW: usize = 1 << 15;

/// Writes the window of a weight that begins at an index, in the order of memory, or says in words why it
/// cannot.
pub type Fill<'a> = dyn FnMut(usize, &mut [f32]) -> Result<(), String> + 'a;

/// Windows on weights, one weight after the other, in any layout.
#[derive(Debug, Default)]
pub struct Windows {
    here: Vec<f32>,
    there: Vec<f32>,
}

impl Windows {
    /// Goes through a weight in the order of a layout. A weight that `fill` can only write whole is held
    /// whole meanwhile. `write` is given windows in order.
    ///
    /// # Errors
    /// Those of `write`, and where `fill` does not write the whole weight either.
    pub fn permute(
        &mut self,
        layout: Layout,
        d: Dims,
        fill: &mut Fill<'_>,
        write: &mut dyn FnMut(&[f32]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut whole = Vec::new();
        let mut read = |start: usize, window: &mut [f32]| -> io::Result<()> {
            if whole.is_empty() {
                if fill(start, window).is_ok() {
                    return Ok(());
                }
                whole = vec![0.0; d.len()];
                fill(0, &mut whole).map_err(io::Error::other)?;
            }
            let from =
                whole.get(start..start + window.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
            window.copy_from_slice(from);
            Ok(())
        };
        let (len, row, out) = (d.len(), d.row(), d.out() as usize);
        let Self { here, there } = self;
        match layout {
            Layout::Same => {
                for start in (0..len).step_by(WINDOW) {
                    let window = room(here, WINDOW.min(len - start));
                    read(start, window)?;
                    write(window)?;
                }
            }
            Layout::ChannelsFirst { pixels, channels } => {
                let rows = (WINDOW / row).clamp(1, out);
                for first in (0..out).step_by(rows) {
                    let size = rows.min(out - first) * row;
                    let (here, there) = (room(here, size), room(there, size));
                    read(first * row, here)?;
                    for (here, there) in here.chunks(row).zip(there.chunks_mut(row)) {
                        to_channels_first(here, there, (pixels, channels));
                    }
                    write(there)?;
                }
            }
            Layout::Transposed => {
                let columns = (WINDOW / out).clamp(1, row);
                for first in (0..row).step_by(columns) {
                    let columns = columns.min(row - first);
                    let (some, block) = (room(here, columns), room(there, columns * out));
                    for o in 0..out {
                        read(o * row + first, some)?;
                        for (place, number) in block[o..].iter_mut().step_by(out).zip(&*some) {
                            *place = *number;
                        }
                    }
                    write(block)?;
                }
            }
        }
        Ok(())
    }
}

/// So many numbers of a buffer, which hold anything.
fn room(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    &mut buffer[..len]
}

impl Layout {
    /// Channels before pixels; the same order where there is one of either.
    pub const fn channels_first(pixels: usize, channels: usize) -> Self {
        match pixels == 1 || channels == 1 {
            true => Self::Same,
            false => Self::ChannelsFirst { pixels, channels },
        }
    }

    /// The same weight as it lies here, from all its numbers in this layout.
    pub(super) fn restore(self, d: Dims, numbers: Vec<f32>) -> Vec<f32> {
        let row = d.row();
        match self {
            Self::Same => numbers,
            Self::ChannelsFirst { pixels, channels } => {
                let mut here = vec![0.0; numbers.len()];
                for (here, there) in here.chunks_mut(row).zip(numbers.chunks(row)) {
                    // the same, with the two exchanged
                    to_channels_first(there, here, (channels, pixels));
                }
                here
            }
            Self::Transposed => {
                let out = d.out() as usize;
                let place = |i| numbers[i % row * out + i / row];
                (0..numbers.len()).map(place).collect()
            }
        }
    }
}

/// `[pixels][channels]` to `[channels][pixels]`. Most of a start is zeros, so runs of them are passed over.
fn to_channels_first(here: &[f32], there: &mut [f32], (pixels, channels): (usize, usize)) {
    const RUN: usize = 32;
    there.fill(0.0);
    for (pixel, row) in here.chunks_exact(channels).enumerate() {
        for (run, places) in row.chunks(RUN).zip(there.chunks_mut(RUN * pixels)) {
            if run.iter().fold(0, |bits, number| bits | number.to_bits()) == 0 {
                continue;
            }
            for (number, place) in run.iter().zip(places.chunks_exact_mut(pixels)) {
                place[pixel] = *number;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permuted(layout: Layout, d: Dims) -> Vec<f32> {
        let numbers: Vec<f32> = (0..d.len()).map(|i| i as f32).collect();
        let mut all = vec![];
        let mut fill = |start: usize, window: &mut [f32]| {
            window.copy_from_slice(&numbers[start..start + window.len()]);
            Ok(())
        };
        let mut write = |window: &[f32]| {
            all.extend_from_slice(window);
            Ok(())
        };
        Windows::default().permute(layout, d, &mut fill, &mut write).unwrap();
        assert_eq!(layout.restore(d, all.clone()), numbers);
        all
    }

    #[test]
    fn channels_come_before_pixels() {
        let d = Dims::new(2, 2, [1, 3], 1).unwrap();
        let layout = Layout::ChannelsFirst { pixels: 3, channels: 2 };
        assert_eq!(permuted(layout, d), [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11].map(|i| i as f32));
    }

    #[test]
    fn columns_become_rows() {
        let d = Dims::dense(2, 3).unwrap();
        assert_eq!(permuted(Layout::Transposed, d), [0, 3, 1, 4, 2, 5].map(|i| i as f32));
        assert_eq!(permuted(Layout::Same, d), [0, 1, 2, 3, 4, 5].map(|i| i as f32));
    }

    #[test]
    fn windows_meet() {
        // more than a window: rows that do not divide it, and columns; small channels and large
        let d = Dims::new(300, 7, [13, 11], 1).unwrap();
        let there = permuted(Layout::ChannelsFirst { pixels: 143, channels: 7 }, d);
        for (o, c, pixel) in [(0, 0, 0), (299, 6, 142), (261, 3, 77), (262, 1, 1)] {
            assert_eq!(there[(o * 7 + c) * 143 + pixel], ((o * 143 + pixel) * 7 + c) as f32);
        }
        let d = Dims::dense(1000, 700).unwrap();
        let there = permuted(Layout::Transposed, d);
        for (o, i) in [(0, 0), (999, 699), (1, 262), (500, 261)] {
            assert_eq!(there[i * 1000 + o], (o * 700 + i) as f32);
        }
        assert_eq!(permuted(Layout::Same, d).len(), 700_000);
    }
}
