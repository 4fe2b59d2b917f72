//! Examples varied by chance: crop, flip, mixup and cutmix, on pixels `[height, width, channels]` that
//! are normalised already.
//!
//! Each is plain arithmetic on one or two examples; what chance there is comes in as [`Chance`] and
//! the example's number, so the same example looks the same in the same epoch of the same run.

use super::chance::{Chance, Purpose, below, unit};
use crate::shape::Shape;

/// How a picture is varied, as the CIFAR networks of He et al. 2016, §4.2, have it: `pad` pixels of the
/// mean on each side, a crop of the old size at a random place, and a mirror image every other time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vary {
    /// Pixels that are put on each side before the crop; 4 for CIFAR-10.
    pub pad: u32,
    /// Whether half of all pictures are mirrored.
    pub flip: bool,
}

impl Vary {
    /// He et al. 2016, §4.2.
    pub const CIFAR: Self = Self { pad: 4, flip: true };

    /// Varies example `index` in place.
    pub fn apply(self, chance: Chance, index: u32, shape: Shape, x: &mut [f32]) {
        let [row, column, mirror, _] = chance.words(index, Purpose::Crop, 0);
        let pad = i64::from(self.pad);
        let by = |word| i64::from(below(word, self.pad.saturating_mul(2).saturating_add(1))) - pad;
        shift(shape, by(row), by(column), x);
        if self.flip && mirror & 1 == 1 {
            flip(shape, x);
        }
    }
}

/// Crops a picture that has zeros around it: pixel (i, j) becomes pixel (i + rows, j + columns).
/// A buffer of another length than the shape stays as it is.
pub fn shift(shape: Shape, rows: i64, columns: i64, x: &mut [f32]) {
    if x.len() != shape.len() {
        return;
    }
    let (height, channels) = (i64::from(shape.height), shape.channels as usize);
    let row = shape.width as usize * channels;
    let gap = usize::try_from(columns.unsigned_abs()).unwrap_or(row).saturating_mul(channels);
    let (gap, kept) = (gap.min(row), row.saturating_sub(gap));
    for n in 0..height {
        // a row is read before another is written over it
        let to = if rows < 0 { height - 1 - n } else { n };
        let from = to + rows;
        let (start, end) = (to as usize * row, (to as usize + 1) * row);
        if !(0..height).contains(&from) {
            x.get_mut(start..end).unwrap_or_default().fill(0.0);
            continue;
        }
        let from = from as usize * row;
        let (source, target, empty) = match columns < 0 {
            true => (from, start + gap, start..start + gap),
            false => (from + gap, start, start + kept..end),
        };
        x.copy_within(source..source + kept, target);
        x.get_mut(empty).unwrap_or_default().fill(0.0);
    }
}

/// Mirrors a picture: its left becomes its right.
pub fn flip(shape: Shape, x: &mut [f32]) {
    let channels = shape.channels as usize;
    for row in x.chunks_exact_mut((shape.width as usize * channels).max(1)) {
        let mut pixels = row.chunks_exact_mut(channels.max(1));
        while let (Some(left), Some(right)) = (pixels.next(), pixels.next_back()) {
            left.swap_with_slice(right);
        }
    }
}

/// How two examples become one, with a share of each of their labels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mix {
    /// x = λ a + (1 − λ) b, λ ~ Beta(α, α): H. Zhang et al., "mixup", ICLR 2018, eq. 1.
    Mixup {
        /// α, greater than 0; 0.2 on ImageNet and 1 on CIFAR-10 there.
        alpha: f32,
    },
    /// A box of b in a, with 1 − λ of its area: S. Yun et al., "CutMix", ICCV 2019, eq. 1 and 2. The
    /// box is cut at the borders, and λ is what is left of a.
    Cutmix {
        /// α of λ ~ Beta(α, α); 1 there.
        alpha: f32,
    },
    /// The one or the other, with equal chance for each example.
    Either {
        /// α of mixup.
        mixup: f32,
        /// α of cutmix.
        cutmix: f32,
    },
}

impl Mix {
    /// Mixes `b` into example `index`, which is `a`, and returns the share of `a`.
    pub fn apply(self, chance: Chance, index: u32, shape: Shape, a: &mut [f32], b: &[f32]) -> f32 {
        match self {
            Self::Either { mixup, cutmix } => {
                let mix = match chance.words(index, Purpose::Which, 0)[0] & 1 {
                    0 => Self::Mixup { alpha: mixup },
                    _ => Self::Cutmix { alpha: cutmix },
                };
                mix.apply(chance, index, shape, a, b)
            }
            Self::Mixup { alpha } => {
                let share = chance.share(index, alpha);
                mixup(share, a, b);
                share
            }
            Self::Cutmix { alpha } => {
                let share = f64::from(chance.share(index, alpha));
                let [row, column, _, _] = chance.words(index, Purpose::Cut, 0);
                let side = libm::sqrt(1.0 - share);
                let span = |size: u32, word: u32| {
                    let len = (f64::from(size) * side) as i64;
                    let begin = (f64::from(size) * unit(word)) as i64 - len / 2;
                    let inside = |at: i64| at.clamp(0, size.into()) as u32;
                    [inside(begin), inside(begin + len)]
                };
                cutmix(shape, span(shape.height, row), span(shape.width, column), a, b)
            }
        }
    }
}

/// a = share · a + (1 − share) · b.
pub fn mixup(share: f32, a: &mut [f32], b: &[f32]) {
    for (a, b) in a.iter_mut().zip(b) {
        *a = share * *a + (1.0 - share) * b;
    }
}

/// Copies the pixels of `b` in rows [from, to) and columns [from, to) to `a`, and returns the share of
/// its area that `a` keeps.
pub fn cutmix(shape: Shape, rows: [u32; 2], columns: [u32; 2], a: &mut [f32], b: &[f32]) -> f32 {
    let ([top, bottom], [left, right]) = (rows, columns.map(|column| column.min(shape.width)));
    let (width, channels) = (shape.width as usize, shape.channels as usize);
    for row in top as usize..bottom.min(shape.height) as usize {
        let at = |column| (row * width + column as usize) * channels;
        let range = at(left)..at(right);
        if let (Some(a), Some(b)) = (a.get_mut(range.clone()), b.get(range)) {
            a.copy_from_slice(b);
        }
    }
    let rows = bottom.min(shape.height).saturating_sub(top) as usize;
    let cut = rows * right.saturating_sub(left) as usize;
    (1.0 - cut as f64 / shape.pixels().max(1) as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const SMALL: Shape = Shape::hwc(3, 4, 2);

    fn picture(shape: Shape) -> Vec<f32> {
        (1..=shape.len()).map(|i| i as f32).collect()
    }

    /// Pixel by pixel: what a shift means.
    fn shifted(shape: Shape, rows: i64, columns: i64) -> Vec<f32> {
        let x = picture(shape);
        let (h, w, c) = (shape.height.into(), shape.width.into(), shape.channels as usize);
        let mut y = Vec::new();
        for i in 0..h {
            for j in 0..w {
                for k in 0..c {
                    let (i, j): (i64, i64) = (i + rows, j + columns);
                    let inside = (0..h).contains(&i) && (0..w).contains(&j);
                    y.push(if inside { x[(i * w + j) as usize * c + k] } else { 0.0 });
                }
            }
        }
        y
    }

    #[test]
    fn a_shift_moves_every_pixel_and_leaves_zeros() {
        for rows in [-9, -3, -2, -1, 0, 1, 2, 3, i64::from(u32::MAX)] {
            for columns in [-9, -4, -3, -1, 0, 1, 2, 4, i64::from(u32::MAX)] {
                let mut x = picture(SMALL);
                shift(SMALL, rows, columns, &mut x);
                assert_eq!(x, shifted(SMALL, rows, columns), "{rows} {columns}");
            }
        }
    }

    #[test]
    fn a_flip_is_its_own_inverse_and_keeps_channels() {
        let mut x = picture(SMALL);
        flip(SMALL, &mut x);
        assert_eq!(x[..8], [7.0, 8.0, 5.0, 6.0, 3.0, 4.0, 1.0, 2.0]);
        flip(SMALL, &mut x);
        assert_eq!(x, picture(SMALL));
    }

    #[test]
    fn every_crop_comes_and_half_are_mirrored() {
        let (shape, vary) = (Shape::hwc(5, 5, 1), Vary { pad: 1, flip: true });
        let mut seen = [0; 18];
        for index in 0..3600 {
            let mut x = picture(shape);
            vary.apply(Chance { seed: 5, epoch: 0 }, index, shape, &mut x);
            // the middle pixel tells the shift, its neighbours the mirror
            let middle = x[12] as i64 - 1;
            let mirrored = x[13] < x[11];
            let (rows, columns) = (middle / 5 - 2, middle % 5 - 2);
            seen[((rows + 1) * 3 + columns + 1) as usize + 9 * usize::from(mirrored)] += 1;
        }
        // 200 of each are expected, σ = 14
        assert!(seen.iter().all(|&count: &i32| (count - 200).abs() < 65), "{seen:?}");
    }

    #[test]
    fn nothing_to_vary_is_nothing_done() {
        let mut x = picture(SMALL);
        for index in 0..50 {
            let vary = Vary { pad: 0, flip: false };
            vary.apply(Chance { seed: 1, epoch: 1 }, index, SMALL, &mut x);
        }
        assert_eq!(x, picture(SMALL));
    }

    #[test]
    fn mixup_is_the_weighted_sum() {
        let mut a = [1.0, 2.0];
        mixup(0.75, &mut a, &[5.0, -2.0]);
        assert_eq!(a, [2.0, 1.0]);
    }

    #[test]
    fn a_mix_says_how_much_of_the_first_it_kept() {
        let (shape, chance) = (Shape::hwc(8, 6, 2), Chance { seed: 9, epoch: 4 });
        let (mut least, mut most, mut cut) = (1.0_f32, 0.0_f32, 0.0);
        for index in 0..1000 {
            for mix in [Mix::Mixup { alpha: 1.0 }, Mix::Cutmix { alpha: 1.0 }] {
                let (mut a, b) = (std::vec![1.0; 96], std::vec![0.0; 96]);
                let share = mix.apply(chance, index, shape, &mut a, &b);
                let kept = a.iter().sum::<f32>() / 96.0;
                assert!((share - kept).abs() < 1e-5, "{share} of {kept}");
                (least, most) = (least.min(share), most.max(share));
                if matches!(mix, Mix::Cutmix { .. }) {
                    assert!(a.iter().all(|&a| a == 0.0 || a == 1.0));
                    cut += f64::from(share);
                }
                let again = mix.apply(chance, index, shape, &mut std::vec![1.0; 96], &b);
                assert_eq!(again, share);
            }
        }
        assert!(least < 0.1 && most > 0.9 && cut > 500.0, "{least} {most} {cut}");
    }

    #[test]
    fn either_mix_comes_as_often_as_the_other() {
        let (shape, chance) = (Shape::hwc(4, 4, 1), Chance { seed: 2, epoch: 0 });
        let mixups = (0..1000).filter(|&index| {
            let (mut a, b) = (std::vec![1.0; 16], std::vec![0.0; 16]);
            Mix::Either { mixup: 1.0, cutmix: 1.0 }.apply(chance, index, shape, &mut a, &b);
            a.iter().any(|&a| a != 0.0 && a != 1.0)
        });
        // σ = 16
        assert!((mixups.count() as i32 - 500).abs() < 80);
    }

    #[test]
    fn pictures_of_another_length_are_no_panic() {
        for len in [0, 5, 23] {
            let mut x = picture(SMALL);
            x.truncate(len);
            shift(SMALL, 1, -1, &mut x);
            flip(SMALL, &mut x);
            assert!((0.0..=1.0).contains(&cutmix(SMALL, [0, 9], [9, 1], &mut x, &[])));
        }
    }
}
