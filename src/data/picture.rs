//! Pictures from files, JPEG and PNG, as red, green and blue bytes.

use super::Fault;
use image::{ImageError, ImageReader, RgbImage};
use std::{path::Path, string::ToString};

/// Decodes a picture; what it is, its first bytes tell.
pub(super) fn decode(file: &Path) -> Result<RgbImage, Fault> {
    let reader = ImageReader::open(file).and_then(ImageReader::with_guessed_format);
    match reader.map_err(|error| Fault::of(&error))?.decode() {
        Ok(picture) => Ok(picture.into_rgb8()),
        Err(ImageError::IoError(error)) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            Err(Fault::of(&error))
        }
        Err(error) => Err(Fault::Picture(error.to_string())),
    }
}
