//! MNIST and Fashion-MNIST: 70,000 images of 28×28 grey pixels in ten classes each, from IDX files.
//!
//! An IDX file is a header of big-endian u32 (a magic number, how many items, and for images their
//! height and width), then a byte per pixel or label. A file may be plain or packed by gzip, `NAME`
//! or `NAME.gz`. `bash examples/get-data.sh mnist fashion DIR` fetches both sets, and `DIR` is what
//! [`load`] wants.

use super::DataError;
use std::{
    format, fs,
    io::Read,
    path::{Path, PathBuf},
    string::String,
    vec::Vec,
};

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

    /// The mean of the training pixels, as parts of 255.
    pub const fn mean(self) -> f32 {
        match self {
            Self::Mnist => 0.1307,
            Self::Fashion => 0.2860,
        }
    }

    /// The standard deviation of the training pixels, as parts of 255.
    pub const fn std(self) -> f32 {
        match self {
            Self::Mnist => 0.3081,
            Self::Fashion => 0.3530,
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

/// Images of one size with their labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// Rows of an image.
    pub height: u32,
    /// Columns of an image.
    pub width: u32,
    /// Numbers per pixel: 1 is grey.
    pub channels: u32,
    /// Image after image, row after row, pixel after pixel: `[count, height, width, channels]`.
    pub pixels: Vec<u8>,
    /// The class of each image, 0..=9.
    pub labels: Vec<u8>,
}

impl Images {
    /// Writes (pixel / 255 − `mean`) / `std` of image `i` to `x` and returns its label; `None` when
    /// there is no image `i` or `x` is not `height · width · channels` long.
    pub fn normalised(&self, i: usize, mean: f32, std: f32, x: &mut [f32]) -> Option<u32> {
        let len = self.height as usize * self.width as usize * self.channels as usize;
        if x.len() != len {
            return None;
        }
        let label = *self.labels.get(i)?;
        let image = self.pixels.get(i.checked_mul(len)?..)?.get(..len)?;
        for (x, &pixel) in x.iter_mut().zip(image) {
            *x = (f32::from(pixel) / 255.0 - mean) / std;
        }
        Some(label.into())
    }
}

/// Reads one part of a set from the folder `dir`, which has a folder for each set.
pub fn load(dir: &Path, set: Set, part: Part) -> Result<Images, DataError> {
    let open = |what| {
        let file = dir.join(set.name()).join(format!("{}-{what}-ubyte", part.stem()));
        let fetch = format!("bash examples/get-data.sh {} {}", set.name(), dir.display());
        read(file, fetch)
    };
    let (file, bytes) = open("images-idx3")?;
    let ([images, height, width], pixels) = header(&file, bytes, IMAGES_MAGIC)?;
    let (file, bytes) = open("labels-idx1")?;
    let ([count], labels) = header(&file, bytes, LABELS_MAGIC)?;

    if images != count {
        return Err(DataError::Count { images, labels: count });
    }
    if let Some((index, &got)) = labels.iter().enumerate().find(|(_, label)| **label > 9) {
        return Err(DataError::Label { file, index, got });
    }
    Ok(Images { height, width, channels: 1, pixels, labels })
}

/// All bytes of `file` or of `file.gz`, unpacked, and which of the two it was.
fn read(file: PathBuf, fetch: String) -> Result<(PathBuf, Vec<u8>), DataError> {
    let packed = file.with_extension("gz");
    let mut bytes = Vec::new();
    let done = if file.exists() {
        fs::File::open(&file).and_then(|mut f| f.read_to_end(&mut bytes)).map(|_| file.clone())
    } else if packed.exists() {
        fs::File::open(&packed)
            .and_then(|f| flate2::read::MultiGzDecoder::new(f).read_to_end(&mut bytes))
            .map(|_| packed.clone())
    } else {
        return Err(DataError::Absent { file, fetch });
    };
    match done {
        Ok(file) => Ok((file, bytes)),
        Err(error) => Err(DataError::Unreadable { file, kind: error.kind() }),
    }
}

/// Splits a file into the `N` sizes of its header and the bytes after it, one for each item.
fn header<const N: usize>(
    file: &Path,
    mut bytes: Vec<u8>,
    magic: u32,
) -> Result<([u32; N], Vec<u8>), DataError> {
    let truncated = |need, got| DataError::Truncated { file: file.into(), need, got };
    let got = bytes.len() as u64;
    let head = 4 + 4 * N;
    let mut words = bytes.chunks_exact(4).map(|w| w.iter().fold(0, |n, &b| n << 8 | u32::from(b)));

    let first = words.next().ok_or(truncated(head as u64, got))?;
    if first != magic {
        return Err(DataError::Magic { file: file.into(), got: first, expected: magic });
    }
    let mut sizes = [0; N];
    for size in &mut sizes {
        *size = words.next().ok_or(truncated(head as u64, got))?;
    }
    let items = sizes.iter().fold(1_u64, |n, &size| n.saturating_mul(size.into()));
    let need = items.saturating_add(head as u64);
    match got.cmp(&need) {
        core::cmp::Ordering::Less => Err(truncated(need, got)),
        core::cmp::Ordering::Greater => Err(DataError::Trailing { file: file.into(), need, got }),
        core::cmp::Ordering::Equal => {
            bytes.drain(..head);
            Ok((sizes, bytes))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{env, io, io::Write, process, string::ToString, vec};

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

        let mut x = [0.0; 4];
        assert_eq!(images.normalised(0, 0.5, 0.25, &mut x), Some(4));
        assert_eq!(x[..3], [-2.0, (0.2 - 0.5) / 0.25, 2.0]);
        assert_eq!(images.normalised(3, 0.5, 0.25, &mut x), None);
        assert_eq!(images.normalised(0, 0.5, 0.25, &mut x[..3]), None);
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
        assert!(matches!(folder.load(), Err(DataError::Unreadable { .. })));
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
            let error = DataError::Truncated { file: file.clone(), need, got: keep as u64 };
            assert_eq!(folder.load(), Err(error));
        }
        folder.put("images-idx3", &idx(&[0x0803, u32::MAX, u32::MAX, u32::MAX], &[]));
        assert!(matches!(folder.load(), Err(DataError::Truncated { need: u64::MAX, .. })));
    }

    #[test]
    fn a_file_that_goes_on_is_refused() {
        let folder = Folder::new("trailing");
        folder.put("labels-idx1", &idx(&[0x0801, 3], &[4, 0, 9, 1]));
        let file = folder.file("labels-idx1");
        assert_eq!(folder.load(), Err(DataError::Trailing { file, need: 11, got: 12 }));
    }

    #[test]
    fn a_file_of_another_kind_is_refused() {
        let folder = Folder::new("magic");
        folder.put("images-idx3", &idx(&[0x0801, 3], &[4, 0, 9]));
        let file = folder.file("images-idx3");
        assert_eq!(folder.load(), Err(DataError::Magic { file, got: 0x0801, expected: 0x0803 }));
    }

    #[test]
    fn a_label_above_nine_is_refused() {
        let folder = Folder::new("label");
        folder.put("labels-idx1", &idx(&[0x0801, 3], &[4, 10, 9]));
        let file = folder.file("labels-idx1");
        assert_eq!(folder.load(), Err(DataError::Label { file, index: 1, got: 10 }));
    }

    #[test]
    fn images_and_labels_must_be_as_many() {
        let folder = Folder::new("count");
        folder.put("labels-idx1", &idx(&[0x0801, 2], &[4, 0]));
        assert_eq!(folder.load(), Err(DataError::Count { images: 3, labels: 2 }));
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

            let n = train.pixels.len() as f64;
            let sum = |f: fn(f64) -> f64| train.pixels.iter().map(|&v| f(v.into())).sum::<f64>();
            let mean = sum(|v| v / 255.0) / n;
            let std = libm::sqrt(sum(|v| v * v / 65025.0) / n - mean * mean);
            assert!((mean - f64::from(set.mean())).abs() < 5e-5, "{set:?}: mean {mean}");
            assert!((std - f64::from(set.std())).abs() < 5e-5, "{set:?}: deviation {std}");
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
