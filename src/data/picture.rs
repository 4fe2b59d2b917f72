//! Pictures from files, JPEG and PNG, as red, green and blue bytes.

use super::Fault;
use image::{ImageFormat, ImageReader, RgbImage};
use std::{
    fs,
    io::Cursor,
    path::Path,
    string::{String, ToString},
};

/// Decodes a picture; what it is, its first bytes tell.
pub(super) fn decode(file: &Path) -> Result<RgbImage, Fault> {
    let bytes = fs::read(file).map_err(|error| Fault::of(&error))?;
    let reader = ImageReader::new(Cursor::new(&bytes)).with_guessed_format();
    let reader = reader.map_err(|error| Fault::of(&error))?;
    // the decoder fills up in grey what a JPEG lacks
    if reader.format() == Some(ImageFormat::Jpeg) && !has_end(&bytes) {
        return Err(Fault::Picture(String::from("it is cut off")));
    }
    match reader.decode() {
        Ok(picture) => Ok(picture.into_rgb8()),
        Err(error) => Err(Fault::Picture(error.to_string())),
    }
}

/// Whether a JPEG's last scan, which FF DA begins, has the end FF D9 somewhere behind it; within a
/// scan, a zero follows every FF that is no marker (ITU T.81, B.1.1.5).
fn has_end(bytes: &[u8]) -> bool {
    let scan = bytes.windows(2).rposition(|pair| pair == [0xFF, 0xDA]);
    let behind = scan.and_then(|at| bytes.get(at..)).unwrap_or_default();
    behind.windows(2).any(|pair| pair == [0xFF, 0xD9])
}
