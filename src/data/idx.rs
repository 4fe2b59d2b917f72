//! MNIST and Fashion-MNIST: 70,000 images of 28×28 grey pixels in ten classes each, from IDX files.
//!
//! An IDX file is a header of big-endian u32 (a magic number, how many items, and for images their
//! height and width), then a byte per pixel or label. A file may be plain or packed by gzip, `NAME`
//! or `NAME.gz`. `bash examples/get-data.sh mnist fashion DIR` fetches both sets, and `DIR` is what
//! [`load`] wants.

use super::place::Place;
use super::{DataError, Fault, Images, Normal};
use std::{format, path::Path, vec::Vec};

const IMAGES_MAGIC: u32 = 0x0803;
const LABELS_MAGIC: u32 = 0x0801;

/// A set of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// Handwritten digits: Y. LeCun, C. Cortes, C. Burges, "The MNIST database", 1998.
    Mnist,
    /// Articles of clothing: H. Xiao, K. Rasul, R. Vollgraf, arXiv:1708.07747.
    Fashion,
}

impl Set {
    /// The set's folder, and its name for `get-data.sh`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mnist => "mnist",
            Self::Fashion => "fashion",
        }
    }

    /// Mean and standard deviation of the training pixels, to four places.
    pub const fn normal(self) -> Normal {
        match self {
            Self::Mnist => Normal { mean: &[0.1307], deviation: &[0.3081] },
            Self::Fashion => Normal { mean: &[0.2860], deviation: &[0.3530] },
        }
    }
}

/// A part of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The 60,000 images to learn from.
    Train,
    /// The 10,000 images held back.
    Test,
}

impl Part {
    const fn stem(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "t10k",
        }
    }
}

/// Reads one part of a set from the folder `dir`, which has a folder for each set.
///
/// # Errors
/// Where a file is absent, cut off, too long, of another kind or mislabelled.
pub fn load(dir: &Path, set: Set, part: Part) -> Result<Images, DataError> {
    let place = Place::fetched(dir, set.name());
    let name = |what| format!("{}-{what}-ubyte", part.stem());
    let (file, bytes) = place.read(&name("images-idx3"))?;
    let header = header(bytes, IMAGES_MAGIC).map_err(|fault| place.error(&file, fault))?;
    let ([images, height, width], pixels) = header;
    let (file, bytes) = place.read(&name("labels-idx1"))?;
    let header = self::header(bytes, LABELS_MAGIC).map_err(|fault| place.error(&file, fault))?;
    let ([count], labels) = header;

    if images != count {
        let fault = Fault::Count { images: images.into(), labels: count.into() };
        return Err(place.error(&file, fault));
    }
    if let Some((index, &got)) = labels.iter().enumerate().find(|(_, label)| **label > 9) {
        return Err(place.error(&file, Fault::Label { index, got: got.into(), classes: 10 }));
    }
    Ok(Images { height, width, channels: 1, pixels, labels })
}

/// Splits a file into the `N` sizes of its header and the bytes after it, one for each item.
fn header<const N: usize>(mut bytes: Vec<u8>, magic: u32) -> Result<([u32; N], Vec<u8>), Fault> {
    let got = bytes.len() as u64;
    let head = 4 + 4 * N;
    let short = Fault::Truncated { need: head as u64, got };
    let mut words = bytes.chunks_exact(4).map(|w| w.iter().fold(0, |n, &b| n << 8 | u32::from(b)));

    let first = words.next().ok_or(short.clone())?;
    if first != magic {
        return Err(Fault::Magic { got: first, expected: magic });
    }
    let mut sizes = [0; N];
    for size in &mut sizes {
        *size = words.next().ok_or(short.clone())?;
    }
    let items = sizes.iter().fold(1_u64, |n, &size| n.saturating_mul(size.into()));
    let need = items.saturating_add(head as u64);
    Fault::length(need, got)?;
    bytes.drain(..head);
    Ok((sizes, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{env, fs, io, io::Write, path::PathBuf, process, string::ToString, vec};

    /// Three images of 2×2 with the labels 4, 0, 9, as `mnist/` in a folder of the test's own.
    struct Folder(PathBuf);

    impl Folder {
        fn new(test: &str) -> Self {
            let dir = env::temp_dir().join(format!("idinit-idx-{}-{test}", process::id()));
            fs::create_dir_all(dir.join("mnist")).unwrap();
            let folder = Self(dir);
            folder.put(
                "images-idx3",
                &idx(&[0x0803, 3, 2, 2], &[0, 51, 255, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
            );
            folder.put("labels-idx1", &idx(&[0x0801, 3], &[4, 0, 9]));
            folder
        }

        fn file(&self, what: &str) -> PathBuf {
            self.0.join("mnist").join(format!("train-{what}-ubyte"))
        }

        fn put(&self, what: &str, bytes: &[u8]) {
            fs::write(self.file(what), bytes).unwrap();
        }

        fn load(&self) -> Result<Images, DataError> {
            load(&self.0, Set::Mnist, Part::Train)
        }

        /// What is wrong, and with which file.
        fn fault(&self) -> Option<(PathBuf, Fault)> {
            match self.load() {
                Err(DataError::File { file, fault, fetch: Some(_) }) => Some((file, fault)),
                _ => None,
            }
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn idx(header: &[u32], items: &[u8]) -> Vec<u8> {
        header.iter().flat_map(|word| word.to_be_bytes()).chain(items.iter().copied()).collect()
    }

    #[test]
    fn a_small_set_is_read_whole() {
        let images = Folder::new("small").load().unwrap();
        assert_eq!((images.height, images.width, images.channels), (2, 2, 1));
        assert_eq!(images.pixels[..5], [0, 51, 255, 1, 2]);
        assert_eq!(images.labels, [4, 0, 9]);

        let (mut x, half) = ([0.0; 4], Normal { mean: &[0.5], deviation: &[0.25] });
        assert_eq!(images.normalised(0, &half, &mut x), Some(4));
        assert_eq!(x[..3], [-2.0, (0.2 - 0.5) / 0.25, 2.0]);
        assert_eq!(images.normalised(3, &half, &mut x), None);
        assert_eq!(images.normalised(0, &half, &mut x[..3]), None);
    }

    #[test]
    fn a_packed_file_is_unpacked() {
        let folder = Folder::new("packed");
        let plain = folder.load();
        let file = folder.file("images-idx3");
        let to = fs::File::create(file.with_extension("gz")).unwrap();
        let mut gzip = flate2::write::GzEncoder::new(to, flate2::Compression::fast());
        io::copy(&mut fs::File::open(&file).unwrap(), &mut gzip).unwrap();
        gzip.finish().unwrap();
        fs::remove_file(&file).unwrap();
        assert_eq!(folder.load(), plain);

        let packed = fs::read(file.with_extension("gz")).unwrap();
        fs::write(file.with_extension("gz"), &packed[..packed.len() / 2]).unwrap();
        assert!(matches!(folder.fault(), Some((_, Fault::Unreadable(_)))));
    }

    #[test]
    fn an_absent_file_is_named_with_the_command_that_fetches_it() {
        let folder = Folder::new("absent");
        fs::remove_file(folder.file("labels-idx1")).unwrap();
        let dir = folder.0.display();
        assert_eq!(
            folder.load().unwrap_err().to_string(),
            format!(
                "{dir}/mnist/train-labels-idx1-ubyte is absent; \
                 fetch it: bash examples/get-data.sh mnist {dir}"
            )
        );
    }

    #[test]
    fn a_file_that_is_cut_off_is_refused() {
        let folder = Folder::new("truncated");
        let file = folder.file("images-idx3");
        let whole = fs::read(&file).unwrap();
        for (keep, need) in [(0, 16), (3, 16), (15, 16), (16, 28), (27, 28)] {
            fs::write(&file, &whole[..keep]).unwrap();
            let fault = Fault::Truncated { need, got: keep as u64 };
            assert_eq!(folder.fault(), Some((file.clone(), fault)));
        }
        folder.put("images-idx3", &idx(&[0x0803, u32::MAX, u32::MAX, u32::MAX], &[]));
        let fault = Fault::Truncated { need: u64::MAX, got: 16 };
        assert_eq!(folder.fault(), Some((file, fault)));
    }

    #[test]
    fn a_file_that_goes_on_is_refused() {
        let folder = Folder::new("trailing");
        folder.put("labels-idx1", &idx(&[0x0801, 3], &[4, 0, 9, 1]));
        let file = folder.file("labels-idx1");
        assert_eq!(folder.fault(), Some((file, Fault::Trailing { need: 11, got: 12 })));
    }

    #[test]
    fn a_file_of_another_kind_is_refused() {
        let folder = Folder::new("magic");
        folder.put("images-idx3", &idx(&[0x0801, 3], &[4, 0, 9]));
        let file = folder.file("images-idx3");
        let fault = Fault::Magic { got: 0x0801, expected: 0x0803 };
        assert_eq!(folder.fault(), Some((file, fault)));
    }

    #[test]
    fn a_label_above_nine_is_refused() {
        let folder = Folder::new("label");
        folder.put("labels-idx1", &idx(&[0x0801, 3], &[4, 10, 9]));
        let file = folder.file("labels-idx1");
        let fault = Fault::Label { index: 1, got: 10, classes: 10 };
        assert_eq!(folder.fault(), Some((file, fault)));
    }

    #[test]
    fn images_and_labels_must_be_as_many() {
        let folder = Folder::new("count");
        folder.put("labels-idx1", &idx(&[0x0801, 2], &[4, 0]));
        let file = folder.file("labels-idx1");
        assert_eq!(folder.fault(), Some((file, Fault::Count { images: 3, labels: 2 })));
    }

    #[test]
    fn the_real_files_are_as_published() {
        let Some(dir) = env::var_os("IDINIT_DATA") else {
            // Not by eprintln, which the test harness keeps to itself when a test passes.
            let skipped = "SKIPPED: the_real_files_are_as_published: IDINIT_DATA names no folder";
            let _ = writeln!(io::stderr(), "{skipped}");
            return;
        };
        let dir = Path::new(&dir);
        let mut read = 0;
        for (set, first) in [(Set::Mnist, [5, 0, 4, 1, 9]), (Set::Fashion, [9, 0, 0, 3, 0])] {
            if !dir.join(set.name()).is_dir() {
                let _ = writeln!(io::stderr(), "SKIPPED: no {} in {}", set.name(), dir.display());
                continue;
            }
            read += 1;
            let train = load(dir, set, Part::Train).unwrap();
            let test = load(dir, set, Part::Test).unwrap();
            assert_eq!((train.labels.len(), test.labels.len()), (60_000, 10_000));
            assert_eq!((train.height, train.width), (28, 28));
            assert_eq!(train.labels[..5], first);

            let (normal, (mean, deviation)) = (set.normal(), train.moments()[0]);
            assert!((mean - f64::from(normal.mean[0])).abs() < 5e-5, "{set:?}: mean {mean}");
            let wide = f64::from(normal.deviation[0]);
            assert!((deviation - wide).abs() < 5e-5, "{set:?}: deviation {deviation}");
        }
        assert!(read > 0, "IDINIT_DATA names a folder without either set");
        if !dir.join(Set::Fashion.name()).is_dir() {
            return;
        }
        let mut counts = vec![0; 10];
        load(dir, Set::Fashion, Part::Test)
            .unwrap()
            .labels
            .iter()
            .for_each(|&l| counts[l as usize] += 1);
        assert_eq!(counts, [1000; 10]);
    }
}
