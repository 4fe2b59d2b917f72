//! Pictures in folders, a folder for each class, as ImageNet is laid out: `DIR/CLASS/NAME.jpeg`.
//!
//! Classes are numbered by their names in order, pictures of a class likewise. A picture is decoded
//! when it is read, so that a set may be larger than memory: as JPEG or PNG, whichever its first bytes
//! tell. Files with other endings, and names that begin with a dot, are left aside.

use super::chance::{Chance, Purpose, below, unit};
use super::place::Place;
use super::{DataError, Fault, Normal, picture};
use image::RgbImage;
use image::imageops::{self, FilterType};
use std::{
    format, fs,
    path::{Path, PathBuf},
    string::String,
    vec::Vec,
};

/// Mean and standard deviation of ImageNet's channels, as torchvision's models have them.
pub const IMAGENET: Normal =
    Normal { mean: &[0.485, 0.456, 0.406], deviation: &[0.229, 0.224, 0.225] };

/// The size of pictures, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// The shorter side before the crop, where the centre is taken.
    pub side: u32,
    /// The side of what a network sees.
    pub crop: u32,
}

impl Size {
    /// 224 of 256 pixels: A. Krizhevsky et al., "ImageNet Classification with Deep Convolutional
    /// Neural Networks", 2012, §4.1.
    pub const IMAGENET: Self = Self { side: 256, crop: 224 };
}

/// The pictures of a folder.
#[derive(Clone, Debug)]
pub struct Folder {
    place: Place,
    classes: Vec<String>,
    /// Every picture with its class.
    pictures: Vec<(PathBuf, u32)>,
    size: Size,
    normal: Normal,
}

impl Folder {
    /// Lists the pictures of a folder of class folders; reads none yet.
    ///
    /// # Errors
    /// Where a folder is absent or cannot be read, and where there is no class or a class has no
    /// picture.
    pub fn open(dir: &Path, size: Size, normal: Normal) -> Result<Self, DataError> {
        let place = Place::own(dir);
        let mut folder = Self { classes: Vec::new(), pictures: Vec::new(), place, size, normal };
        for class in folder.sorted(dir)?.into_iter().filter(|path| path.is_dir()) {
            let before = folder.pictures.len();
            let label = folder.classes.len() as u32;
            let files = folder.sorted(&class)?.into_iter();
            folder.pictures.extend(files.filter(|path| is_picture(path)).map(|path| (path, label)));
            if folder.pictures.len() == before {
                let fault = Fault::Empty { need: "picture (.jpg, .jpeg or .png)" };
                return Err(folder.place.error(&class, fault));
            }
            folder.classes.push(name(&class));
        }
        match folder.classes.is_empty() {
            true => Err(folder.place.error(dir, Fault::Empty { need: "folder of a class" })),
            false => Ok(folder),
        }
    }

    /// Checks that another folder has the same classes, as the one to be judged by must.
    ///
    /// # Errors
    /// Where it has not: the first class by name that only one of them has.
    pub fn same_classes(&self, other: &Self) -> Result<(), DataError> {
        let lacks = |a: &Self, b: &Self| a.classes.iter().find(|c| !b.classes.contains(c)).cloned();
        match [lacks(self, other), lacks(other, self)].into_iter().flatten().min() {
            None => Ok(()),
            Some(name) => Err(other.place.error(&other.place.folder, Fault::Class { name })),
        }
    }

    /// Every picture: its name and its class's, its label, and the bytes of its file.
    ///
    /// A length is an error where the system does not tell it.
    pub fn listing(&self) -> impl Iterator<Item = (String, u32, Result<u64, DataError>)> + '_ {
        self.pictures.iter().map(|(path, label)| {
            let class = self.classes.get(*label as usize).map_or("", String::as_str);
            let length = fs::metadata(path).map(|about| about.len());
            let length = length.map_err(|_| self.place.error(path, Fault::Absent));
            (format!("{class}/{}", name(path)), *label, length)
        })
    }

    /// How many pictures there are.
    pub fn len(&self) -> usize {
        self.pictures.len()
    }

    /// Whether there are none; there are always some.
    pub fn is_empty(&self) -> bool {
        self.pictures.is_empty()
    }

    /// The names of the classes, in the order of their labels.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The size of what is read.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Writes picture `i` as `[crop, crop, 3]`, normalised, to `x` and returns its label: the shorter
    /// side is resized, and the centre cut out.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn centre(&self, i: usize, x: &mut [f32]) -> Result<u32, DataError> {
        let (picture, label) = self.decode(i)?;
        let Size { side, crop } = self.size;
        let (width, height) = picture.dimensions();
        let short = width.min(height).max(1);
        // ⌊side · long / short⌋, as torchvision rounds
        let scale = |long: u32| (u64::from(side) * u64::from(long) / u64::from(short)) as u32;
        let (width, height) = (scale(width).max(crop), scale(height).max(crop));
        let picture = imageops::resize(&picture, width, height, FilterType::Triangle);
        let at = |long: u32| (long - crop).div_ceil(2);
        let view = imageops::crop_imm(&picture, at(width), at(height), crop, crop).to_image();
        self.normal.apply(view.as_raw(), x);
        Ok(label)
    }

    /// Writes a part of picture `i`, drawn by chance, as `[crop, crop, 3]` to `x` and returns its label:
    /// 8 to 100 % of the area, 3 : 4 to 4 : 3 in shape, resized, and mirrored every other time (C.
    /// Szegedy et al., "Going Deeper with Convolutions", 2015, §6).
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn random(&self, i: usize, chance: Chance, x: &mut [f32]) -> Result<u32, DataError> {
        let (picture, label) = self.decode(i)?;
        let crop = self.size.crop;
        let (left, top, width, height) = part(chance, i as u32, picture.dimensions());
        let view = imageops::crop_imm(&picture, left, top, width, height).to_image();
        let mut view = imageops::resize(&view, crop, crop, FilterType::Triangle);
        if chance.words(i as u32, Purpose::Crop, ATTEMPTS)[0] & 1 == 1 {
            imageops::flip_horizontal_in_place(&mut view);
        }
        self.normal.apply(view.as_raw(), x);
        Ok(label)
    }

    fn decode(&self, i: usize) -> Result<(RgbImage, u32), DataError> {
        let gone = DataError::Number { number: i, count: self.pictures.len() };
        let (file, label) = self.pictures.get(i).ok_or(gone)?;
        let picture = picture::decode(file).map_err(|fault| self.place.error(file, fault))?;
        Ok((picture, *label))
    }

    /// What is in a folder, by name in order, without what is hidden.
    fn sorted(&self, dir: &Path) -> Result<Vec<PathBuf>, DataError> {
        let failed = |error: std::io::Error| self.place.error(dir, Fault::of(&error));
        let entries = fs::read_dir(dir).map_err(failed)?.map(|entry| entry.map(|e| e.path()));
        let mut paths = entries.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        paths.retain(|path| !name(path).starts_with('.'));
        paths.sort();
        Ok(paths)
    }
}

/// How often a part of another size is drawn where one does not fit.
const ATTEMPTS: u32 = 10;

/// A part of a picture: left, top, width and height. Where ten draws do not fit, the largest part in
/// the middle whose shape is allowed.
fn part(chance: Chance, index: u32, (width, height): (u32, u32)) -> (u32, u32, u32, u32) {
    let (ratio, area) = (4.0_f64 / 3.0, f64::from(width) * f64::from(height));
    for attempt in 0..ATTEMPTS {
        let [size, form, x, y] = chance.words(index, Purpose::Crop, attempt);
        let size = area * (0.08 + 0.92 * unit(size));
        // evenly by the logarithm, from 3 : 4 to 4 : 3
        let form = libm::exp((2.0 * unit(form) - 1.0) * libm::log(ratio));
        let [w, h] =
            [size * form, size / form].map(|square| libm::round(libm::sqrt(square)) as u32);
        if (1..=width).contains(&w) && (1..=height).contains(&h) {
            return (below(x, width - w + 1), below(y, height - h + 1), w, h);
        }
    }
    let most = |other: u32| libm::round(f64::from(other) * ratio) as u32;
    let (w, h) = (width.min(most(height)), height.min(most(width)));
    ((width - w) / 2, (height - h) / 2, w, h)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn is_picture(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
    path.is_file() && ["jpg", "jpeg", "png"].iter().any(|known| ending == *known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::scratch::Scratch;
    use image::{ImageFormat, Rgb};
    use std::{format, string::ToString, vec};

    const PLAIN: Normal = Normal { mean: &[0.0; 3], deviation: &[1.0; 3] };
    const SMALL: Size = Size { side: 8, crop: 4 };

    /// Red grows to the right, green downwards; blue tells the picture.
    fn picture(width: u32, height: u32, blue: u8) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            Rgb([(x * 255 / width) as u8, (y * 255 / height) as u8, blue])
        })
    }

    fn put(folder: &Scratch, name: &str, picture: &RgbImage, format: ImageFormat) -> PathBuf {
        let file = folder.put(name, "");
        picture.save_with_format(&file, format).unwrap();
        file
    }

    /// Two classes: cats with a PNG and a JPEG, and dogs with a PNG that is called a JPEG.
    fn set(test: &str) -> Scratch {
        let folder = Scratch::new(test);
        put(&folder, "train/dog/z.JPG", &picture(8, 8, 30), ImageFormat::Png);
        put(&folder, "train/cat/b.jpeg", &picture(32, 16, 20), ImageFormat::Jpeg);
        put(&folder, "train/cat/a.png", &picture(16, 8, 10), ImageFormat::Png);
        folder.put("train/cat/.hidden.png", "");
        folder.put("train/cat/notes.txt", "");
        folder.put("train/list.csv", "");
        folder
    }

    #[test]
    fn classes_and_pictures_come_in_order() {
        let folder = set("folder-order");
        let train = Folder::open(&folder.path.join("train"), SMALL, PLAIN).unwrap();
        assert_eq!((train.classes(), train.len()), (&["cat".into(), "dog".into()][..], 3));
        let mut x = [0.0; 48];
        for (i, (label, blue)) in [(0, 10), (0, 20), (1, 30)].into_iter().enumerate() {
            assert_eq!(train.centre(i, &mut x), Ok(label));
            let mean = x.iter().skip(2).step_by(3).sum::<f32>() / 16.0 * 255.0;
            assert!((mean - blue as f32).abs() < 2.0, "{i}: {mean}");
        }
    }

    #[test]
    fn the_centre_is_the_middle_of_the_shorter_side() {
        let folder = set("folder-centre");
        let train = Folder::open(&folder.path.join("train"), SMALL, PLAIN).unwrap();
        let mut x = [0.0; 48];
        // 16×8 needs no resize: columns 6 to 9, rows 2 to 5
        train.centre(0, &mut x).unwrap();
        let original = picture(16, 8, 10);
        for (i, x) in x.chunks(3).enumerate() {
            let Rgb(pixel) = original.get_pixel(6 + i as u32 % 4, 2 + i as u32 / 4);
            assert_eq!(x, pixel.map(|v| f32::from(v) / 255.0));
        }
        // 32×16 is halved first, and gives about the same view
        let first = x;
        train.centre(1, &mut x).unwrap();
        let red_green = |x: &[f32]| x.chunks(3).flat_map(|x| [x[0], x[1]]).collect::<Vec<_>>();
        for (a, b) in red_green(&first).iter().zip(red_green(&x)) {
            assert!((a - b).abs() < 0.05, "{a} {b}");
        }
    }

    #[test]
    fn training_views_differ_by_epoch_and_repeat_themselves() {
        let folder = set("folder-random");
        let train = Folder::open(&folder.path.join("train"), SMALL, PLAIN).unwrap();
        let view = |epoch| {
            let mut x = vec![0.0; 48];
            assert_eq!(train.random(2, Chance { seed: 7, epoch }, &mut x), Ok(1));
            x
        };
        assert_eq!(view(0), view(0));
        let mirrored = |x: &[f32]| x[0] > x[9];
        let views: Vec<_> = (0..40).map(view).collect();
        let count = views.iter().filter(|x| mirrored(x)).count();
        assert!((8..33).contains(&count), "{count}");
        assert!(views.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn parts_have_the_area_and_the_shape_that_they_should() {
        for (width, height) in [(400, 300), (300, 500), (64, 64)] {
            let area = f64::from(width * height);
            for index in 0..2000 {
                let (x, y, w, h) = part(Chance { seed: 1, epoch: 0 }, index, (width, height));
                assert!(x + w <= width && y + h <= height && w > 0 && h > 0);
                let (share, form) = (f64::from(w * h) / area, f64::from(w) / f64::from(h));
                assert!((0.07..=1.0).contains(&share), "{share}");
                assert!((0.7..1.45).contains(&form), "{form}");
            }
        }
        // nothing that is 500 times as wide as high has such a part but its middle
        assert_eq!(part(Chance { seed: 1, epoch: 0 }, 0, (1000, 2)), (498, 0, 3, 2));
        let (_, _, w, h) = part(Chance { seed: 1, epoch: 0 }, 0, (1, 1));
        assert_eq!((w, h), (1, 1));
    }

    #[test]
    fn a_file_that_is_no_picture_is_named() {
        let folder = set("folder-damaged");
        let file = folder.path.join("train/cat/b.jpeg");
        let whole = fs::read(&file).unwrap();
        let cut = |bytes: usize| &whole[..whole.len() - bytes];
        for bytes in [cut(3), cut(whole.len() / 9), cut(whole.len() / 2), &[], b"GIF89a??????"] {
            fs::write(&file, bytes).unwrap();
            let train = Folder::open(&folder.path.join("train"), SMALL, PLAIN).unwrap();
            let mut x = [0.0; 48];
            let why = train.centre(1, &mut x).unwrap_err().to_string();
            let named = format!("{} is no picture that can be decoded: ", file.display());
            assert!(why.starts_with(&named), "{why}");
            assert!(train.random(1, Chance { seed: 0, epoch: 0 }, &mut x).is_err());
            assert!(train.centre(0, &mut x).is_ok());
        }
        let train = Folder::open(&folder.path.join("train"), SMALL, PLAIN).unwrap();
        fs::remove_file(&file).unwrap();
        let why = train.centre(1, &mut [0.0; 48]).unwrap_err().to_string();
        assert_eq!(why, format!("{} is absent", file.display()));
    }

    #[test]
    fn folders_without_pictures_are_named() {
        let folder = Scratch::new("folder-empty");
        let why = |dir: &Path| Folder::open(dir, SMALL, PLAIN).unwrap_err().to_string();
        let train = folder.path.join("train");
        assert_eq!(why(&train), format!("{} is absent", train.display()));
        fs::create_dir(&train).unwrap();
        assert_eq!(why(&train), format!("{} has no folder of a class", train.display()));
        fs::create_dir(train.join("cat")).unwrap();
        let cat = train.join("cat");
        let empty = format!("{} has no picture (.jpg, .jpeg or .png)", cat.display());
        assert_eq!(why(&train), empty);
    }

    #[test]
    fn parts_must_have_the_same_classes() {
        let folder = set("folder-classes");
        put(&folder, "test/cat/a.png", &picture(9, 9, 1), ImageFormat::Png);
        let open = |name| Folder::open(&folder.path.join(name), SMALL, PLAIN).unwrap();
        let (train, test) = (open("train"), open("test"));
        assert_eq!(train.same_classes(&train), Ok(()));
        let why = train.same_classes(&test).unwrap_err().to_string();
        assert!(why.contains("test and the training folder differ") && why.ends_with("class dog"));
    }

    /// A pixel of a picture that is made `scale` times smaller: the mean of the old ones, weighed by a
    /// triangle that is as wide as two of the new.
    fn weighed(old: &RgbImage, [x, y]: [u32; 2], scale: f64, channel: usize) -> f64 {
        let weights = |size: u32, at: u32| {
            let centre = (f64::from(at) + 0.5) * scale;
            let weight = move |i| 1.0 - (f64::from(i) + 0.5 - centre).abs() / scale;
            (0..size).map(move |i| (i, weight(i))).filter(|(_, w)| *w > 0.0)
        };
        let (mut sum, mut all) = (0.0, 0.0);
        for (j, v) in weights(old.height(), y) {
            for (i, w) in weights(old.width(), x) {
                sum += v * w * f64::from(old.get_pixel(i, j)[channel]);
                all += v * w;
            }
        }
        sum / all
    }

    #[test]
    fn a_picture_is_made_smaller_by_weighing_all_its_pixels() {
        let folder = Scratch::new("folder-resize");
        let noise = |x, y| Chance { seed: x, epoch: 0 }.words(y, Purpose::Crop, 0);
        let old = RgbImage::from_fn(13, 13, |x, y| {
            Rgb(noise(x.into(), y).map(|w| w as u8)[..3].try_into().unwrap())
        });
        put(&folder, "a/a.png", &old, ImageFormat::Png);
        let mut x = [0.0; 75];
        let size = Size { side: 5, crop: 5 };
        Folder::open(&folder.path, size, PLAIN).unwrap().centre(0, &mut x).unwrap();
        for (place, x) in x.iter().enumerate() {
            let at = [place / 3 % 5, place / 15].map(|at| at as u32);
            let expected = weighed(&old, at, 13.0 / 5.0, place % 3);
            // either pass may round to a whole number
            assert!((f64::from(*x) * 255.0 - expected).abs() < 1.01, "{place}: {x} {expected}");
        }
    }
}
