//! CIFAR-10: 60,000 colour images of 32×32 pixels in ten classes. A. Krizhevsky, "Learning Multiple
//! Layers of Features from Tiny Images", 2009.
//!
//! There are six files of 10,000 images, in one of two forms, and either gives the same images:
//!
//! - the official binary files, `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin`: for each
//!   image a byte with its label and three planes of bytes, red, green and blue;
//! - pictures, `data_batch_1.png` and so on, a row of 1024 pixels for each image, beside lists of
//!   labels. `bash examples/get-data.sh cifar10 DIR` fetches these, and `DIR` is what [`load`] wants.
//!
//! The official files are known by their MD5; [`load`] checks it in both forms.

use super::idx::Part;
use super::place::Place;
use super::{DataError, Fault, Images, Normal};
use md5::{Digest, Md5};
use std::{format, path::Path, vec::Vec};

/// The classes, in the order of their labels.
pub const CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// Mean and standard deviation of each channel of the 50,000 training images, to five places: computed
/// here from the files, over all pixels of a channel at once; a test repeats it.
pub const NORMAL: Normal =
    Normal { mean: &[0.49140, 0.48216, 0.44653], deviation: &[0.24703, 0.24349, 0.26159] };

const SIDE: usize = 32;
const PIXELS: usize = SIDE * SIDE;
/// Images in a file.
const IMAGES: usize = 10_000;

/// The files without their ending, each with the MD5 of its official binary form: those to learn from,
/// then those held back.
const FILES: [(&str, u128); 6] = [
    ("data_batch_1", 0x5dd7_e06a_14cb_22eb_9f67_1a54_0d1b_7c25),
    ("data_batch_2", 0x5ea9_3a67_294e_a407_fff1_d09f_752e_9692),
    ("data_batch_3", 0x942c_d6a4_bcdd_0dd3_c604_fbe9_06cb_4421),
    ("data_batch_4", 0xae63_6b3b_a5c6_6a11_e91e_8cb5_2e77_1fcb),
    ("data_batch_5", 0x53f3_7980_c15c_3d47_2c31_6c40_844f_3f0d),
    ("test_batch", 0x803d_5f7f_4d78_ea53_de84_dbe8_5f74_fb6d),
];

/// Reads one part of the set from `DIR/cifar10`, from binary files where there are any.
///
/// # Errors
/// Where a file is absent, cut off, too long, mislabelled, no picture, or not as published.
pub fn load(dir: &Path, part: Part) -> Result<Images, DataError> {
    let place = Place::fetched(dir, "cifar10");
    let (learn, held_back) = FILES.split_at(5);
    // spelt like this in the package
    let (files, labels, labels_sum) = match part {
        Part::Train => (learn, "train_lables.json", 0x69c5_f334_9be5_4915_edfc_a558_b72a_d888),
        Part::Test => (held_back, "test_lables.json", 0x251f_18ce_7533_7ae9_ca5d_0dbd_7ea6_2cf4),
    };
    let mut images = Images {
        height: SIDE as u32,
        width: SIDE as u32,
        channels: 3,
        pixels: Vec::with_capacity(files.len() * IMAGES * 3 * PIXELS),
        labels: Vec::with_capacity(files.len() * IMAGES),
    };
    let binary = |name: &str| {
        // as they lie in the official archive, or without its folder
        let names = [format!("{name}.bin"), format!("cifar-10-batches-bin/{name}.bin")];
        names.iter().find_map(|name| place.find(name))
    };
    if files.iter().any(|(name, _)| binary(name).is_some()) {
        for (name, sum) in files {
            let absent = || place.error(&place.folder.join(format!("{name}.bin")), Fault::Absent);
            let file = binary(name).ok_or_else(absent)?;
            let bytes = place.bytes(&file)?;
            unpack(&bytes, IMAGES, &mut images).map_err(|fault| place.error(&file, fault))?;
            check(Md5::digest(&bytes).into(), *sum).map_err(|fault| place.error(&file, fault))?;
        }
        return Ok(images);
    }
    let file = |name: &str, ending: &str| place.folder.join(format!("{name}{ending}"));
    for (name, _) in files {
        pictures(&place, &file(name, ".png"), IMAGES, &mut images)?;
    }
    let labels = file(labels, "");
    images.labels = list(&place.text(&labels)?, files.len() * IMAGES)
        .and_then(|list| check(Md5::digest(&list).into(), labels_sum).map(|()| list))
        .map_err(|fault| place.error(&labels, fault))?;
    for (n, (name, sum)) in files.iter().enumerate() {
        check(binary_md5(&images, n * IMAGES, IMAGES), *sum)
            .map_err(|fault| place.error(&file(name, ".png"), fault))?;
    }
    Ok(images)
}

/// Appends the images of a binary file.
fn unpack(bytes: &[u8], count: usize, images: &mut Images) -> Result<(), Fault> {
    let record = 1 + 3 * PIXELS;
    Fault::length((count * record) as u64, bytes.len() as u64)?;
    for (index, image) in bytes.chunks_exact(record).enumerate() {
        let Some((&label, planes)) = image.split_first() else { break };
        if label > 9 {
            return Err(Fault::Label { index, got: label.into(), classes: 10 });
        }
        images.labels.push(label);
        let plane = |c: usize| planes.iter().skip(c * PIXELS).take(PIXELS);
        let pixels = plane(0).zip(plane(1)).zip(plane(2));
        images.pixels.extend(pixels.flat_map(|((&red, &green), &blue)| [red, green, blue]));
    }
    Ok(())
}

/// Appends the pixels of a picture with a row for each image.
fn pictures(
    place: &Place,
    file: &Path,
    count: usize,
    images: &mut Images,
) -> Result<(), DataError> {
    let picture = super::picture::decode(file).map_err(|fault| place.error(file, fault))?;
    let (need, got) = ([PIXELS as u32, count as u32], [picture.width(), picture.height()]);
    if need != got {
        return Err(place.error(file, Fault::Size { need, got }));
    }
    images.pixels.extend_from_slice(picture.as_raw());
    Ok(())
}

/// A list of labels, as in `[6,9,9]`.
fn list(text: &str, count: usize) -> Result<Vec<u8>, Fault> {
    const FORM: Fault = Fault::Line { line: 1, need: "a list of labels, [6,9,…]" };
    let inside = text.trim().strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let mut labels = Vec::with_capacity(count);
    for (index, label) in inside.ok_or(FORM)?.split(',').enumerate() {
        let got = label.trim().parse().map_err(|_| FORM)?;
        match u8::try_from(got) {
            Ok(label @ 0..=9) => labels.push(label),
            _ => return Err(Fault::Label { index, got, classes: 10 }),
        }
    }
    match labels.len() == count {
        true => Ok(labels),
        false => Err(Fault::Count { images: count as u64, labels: labels.len() as u64 }),
    }
}

/// The MD5 that some images have in the official binary form.
fn binary_md5(images: &Images, first: usize, count: usize) -> [u8; 16] {
    let mut sum = Md5::new();
    let mut record = Vec::with_capacity(1 + 3 * PIXELS);
    let pixels = images.pixels.chunks_exact(3 * PIXELS).zip(&images.labels);
    for (image, &label) in pixels.skip(first).take(count) {
        record.clear();
        record.push(label);
        for c in 0..3 {
            record.extend(image.iter().skip(c).step_by(3));
        }
        sum.update(&record);
    }
    sum.finalize().into()
}

fn check(got: [u8; 16], expected: u128) -> Result<(), Fault> {
    let expected = expected.to_be_bytes();
    if got == expected { Ok(()) } else { Err(Fault::Checksum { got, expected }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::scratch::{Scratch, real};
    use std::string::ToString;

    /// Two images in either form: planes in the one, pixels in the other.
    fn two() -> (Vec<u8>, Vec<u8>) {
        let value = |image: usize, c: usize, pixel: usize| (7 * image + 91 * c + pixel) as u8;
        let (mut binary, mut pixels) = (Vec::new(), Vec::new());
        for image in 0..2 {
            binary.push([3, 9][image]);
            binary.extend((0..3).flat_map(|c| (0..PIXELS).map(move |p| value(image, c, p))));
            pixels.extend((0..PIXELS).flat_map(|p| (0..3).map(move |c| value(image, c, p))));
        }
        (binary, pixels)
    }

    fn none() -> Images {
        Images { height: 32, width: 32, channels: 3, pixels: Vec::new(), labels: Vec::new() }
    }

    fn png(folder: &Scratch, width: u32, height: u32, pixels: &[u8]) -> std::path::PathBuf {
        let file = folder.put("cifar10/data_batch_1.png", "");
        image::save_buffer(&file, pixels, width, height, image::ColorType::Rgb8).unwrap();
        file
    }

    #[test]
    fn both_forms_give_the_same_images() {
        let (folder, (binary, pixels)) = (Scratch::new("cifar-forms"), two());
        let (mut a, mut b) = (none(), none());
        unpack(&binary, 2, &mut a).unwrap();
        let file = png(&folder, 1024, 2, &pixels);
        pictures(&Place::own(&folder.path), &file, 2, &mut b).unwrap();
        b.labels = list(" [3, 9]\n", 2).unwrap();
        assert_eq!(a, b);
        assert_eq!((a.labels.as_slice(), &a.pixels), (&[3, 9][..], &pixels));
        // and the pixels' checksum is that of the binary form
        assert_eq!(binary_md5(&b, 0, 2), <[u8; 16]>::from(Md5::digest(&binary)));
        assert_eq!(binary_md5(&b, 1, 1), <[u8; 16]>::from(Md5::digest(&binary[3073..])));
    }

    #[test]
    fn binary_files_that_are_cut_off_or_mislabelled_are_refused() {
        let (mut binary, _) = two();
        let fault = |bytes: &[u8]| unpack(bytes, 2, &mut none()).unwrap_err();
        assert_eq!(fault(&binary[..6145]), Fault::Truncated { need: 6146, got: 6145 });
        let long = [&binary[..], &[0]].concat();
        assert_eq!(fault(&long), Fault::Trailing { need: 6146, got: 6147 });
        binary[3073] = 10;
        assert_eq!(fault(&binary), Fault::Label { index: 1, got: 10, classes: 10 });
    }

    #[test]
    fn lists_of_labels_are_checked() {
        let form = Fault::Line { line: 1, need: "a list of labels, [6,9,…]" };
        for wrong in ["", "3,9", "[3,9", "[3,x]", "[]", "[3,-1]"] {
            assert_eq!(list(wrong, 2), Err(form.clone()), "{wrong}");
        }
        assert_eq!(list("[3,10]", 2), Err(Fault::Label { index: 1, got: 10, classes: 10 }));
        assert_eq!(list("[3,9,9]", 2), Err(Fault::Count { images: 2, labels: 3 }));
    }

    #[test]
    fn whatever_is_wrong_is_named_with_the_command_that_fetches_it() {
        let folder = Scratch::new("cifar-wrong");
        let dir = folder.path.display();
        let why = || load(&folder.path, Part::Test).unwrap_err().to_string();
        let line = |name: &str, what: &str| {
            format!(
                "{dir}/cifar10/{name} {what}; fetch it: bash examples/get-data.sh cifar10 {dir}"
            )
        };
        assert_eq!(why(), line("test_batch.png", "is absent"));
        folder.put("cifar10/test_batch.png", "no picture");
        assert!(
            why().starts_with(&format!("{dir}/cifar10/test_batch.png is no picture")),
            "{}",
            why()
        );
        let small = png(&folder, 2, 1, &[0; 6]);
        std::fs::rename(&small, folder.path.join("cifar10/test_batch.png")).unwrap();
        assert_eq!(why(), line("test_batch.png", "is a picture of 2×1 pixels, not 1024×10000"));
        // a whole file of zeros: ten thousand black aeroplanes
        folder.put("cifar10/cifar-10-batches-bin/test_batch.bin", std::vec![0; IMAGES * 3073]);
        let name = "cifar-10-batches-bin/test_batch.bin";
        assert!(why().starts_with(&line(name, "is not as published")[..60]), "{}", why());
        folder.put("cifar10/test_batch.bin", "");
        assert_eq!(why(), line("test_batch.bin", "is cut off: 0 bytes of 30730000"));
    }

    #[test]
    fn a_picture_that_is_cut_off_is_named() {
        let (folder, (_, pixels)) = (Scratch::new("cifar-cut"), two());
        let file = png(&folder, 1024, 2, &pixels);
        let whole = std::fs::read(&file).unwrap();
        for keep in [0, 4, 40, whole.len() / 2] {
            std::fs::write(&file, &whole[..keep]).unwrap();
            match pictures(&Place::own(&folder.path), &file, 2, &mut none()) {
                Err(DataError::File { file: named, fault: Fault::Picture(_), .. }) => {
                    assert_eq!(named, file)
                }
                other => panic!("{keep}: {other:?}"),
            }
        }
    }

    #[test]
    fn the_real_files_are_as_published() {
        let Some(dir) = real("cifar10") else { return };
        let [train, test] = [Part::Train, Part::Test].map(|part| load(&dir, part).unwrap());
        assert_eq!((train.labels.len(), test.labels.len()), (50_000, 10_000));
        for (images, each) in [(&train, 5000), (&test, 1000)] {
            let mut counts = [0; 10];
            images.labels.iter().for_each(|&label| counts[label as usize] += 1);
            assert_eq!(counts, [each; 10]);
        }
        assert_eq!(train.labels[..5], [6, 9, 9, 4, 1]);
        let known = NORMAL.mean.iter().zip(NORMAL.deviation);
        for ((mean, deviation), (&m, &d)) in train.moments().into_iter().zip(known) {
            assert!((mean - f64::from(m)).abs() < 6e-6, "{mean}");
            assert!((deviation - f64::from(d)).abs() < 6e-6, "{deviation}");
        }

        // rebuilt as binary files, they are the official ones, and load to the same images
        let folder = Scratch::new("cifar-real");
        let mut binary = Vec::new();
        for (image, &label) in test.pixels.chunks_exact(3072).zip(&test.labels) {
            binary.push(label);
            (0..3).for_each(|c| binary.extend(image.iter().skip(c).step_by(3)));
        }
        folder.put("cifar10/test_batch.bin", &binary);
        assert_eq!(load(&folder.path, Part::Test).unwrap(), test);
        binary.swap(1, 2);
        let file = folder.put("cifar10/test_batch.bin", &binary);
        match load(&folder.path, Part::Test) {
            Err(DataError::File { file: named, fault: Fault::Checksum { .. }, .. }) => {
                assert_eq!(named, file)
            }
            other => panic!("{other:?}"),
        }
    }
}
