//! Pictures as PNG: what a drawing of pixels lacks is text, which is taken from a table of letters, so
//! that the picture is the same on every machine and none needs a font.

use crate::failure::Failure;
use image::ImageEncoder;
use image::codecs::png::PngEncoder;
use noto_sans_mono_bitmap::{
    FontWeight, RasterHeight, RasterizedChar, get_raster, get_raster_width,
};
use plotters::coord::Shift;
use plotters::prelude::{BitMapBackend, DrawingArea, DrawingBackend, IntoDrawingArea};
use plotters::style::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind,
};

/// What drawing ends with.
pub type Drawn = Result<(), Box<dyn std::error::Error>>;

/// A picture of pixels that is written on, letter by letter.
pub struct Pixels<'a>(BitMapBackend<'a>);

/// The bytes of a PNG file with what is drawn.
pub fn png(
    size: (u32, u32),
    draw: impl FnOnce(&DrawingArea<Pixels<'_>, Shift>) -> Drawn,
) -> Result<Vec<u8>, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::failed(format!("a PNG: {error}"));
    let mut pixels = vec![0; 3 * size.0 as usize * size.1 as usize];
    let area = Pixels(BitMapBackend::with_buffer(&mut pixels, size)).into_drawing_area();
    draw(&area).map_err(|error| failed(&error))?;
    drop(area);
    let mut file = Vec::new();
    PngEncoder::new(&mut file)
        .write_image(&pixels, size.0, size.1, image::ExtendedColorType::Rgb8)
        .map_err(|error| failed(&error))?;
    Ok(file)
}

/// The height of letters that comes nearest to a size, as the letters of a size in SVG are smaller
/// than it.
fn height(size: f64) -> RasterHeight {
    match size {
        ..19.0 => RasterHeight::Size16,
        ..22.0 => RasterHeight::Size20,
        _ => RasterHeight::Size24,
    }
}

fn letter(letter: char, height: RasterHeight) -> Option<RasterizedChar> {
    let raster = |letter| get_raster(letter, FontWeight::Regular, height);
    raster(letter).or_else(|| raster('?'))
}

fn room(text: &str, height: RasterHeight) -> [i32; 2] {
    let width = get_raster_width(FontWeight::Regular, height) * text.chars().count();
    [width as i32, height.val() as i32]
}

type Backend<'a> = BitMapBackend<'a>;
type Done<'a> = Result<(), DrawingErrorKind<<Backend<'a> as DrawingBackend>::ErrorType>>;

impl<'a> DrawingBackend for Pixels<'a> {
    type ErrorType = <Backend<'a> as DrawingBackend>::ErrorType;

    fn get_size(&self) -> (u32, u32) {
        self.0.get_size()
    }

    fn ensure_prepared(&mut self) -> Done<'a> {
        self.0.ensure_prepared()
    }

    fn present(&mut self) -> Done<'a> {
        self.0.present()
    }

    fn draw_pixel(&mut self, at: BackendCoord, colour: BackendColor) -> Done<'a> {
        self.0.draw_pixel(at, colour)
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Done<'a> {
        self.0.draw_line(from, to, style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Done<'a> {
        self.0.draw_rect(from, to, style, fill)
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Self::ErrorType>> {
        let [width, height] = room(text, height(style.size()));
        Ok((width as u32, height as u32))
    }

    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        (x, y): BackendCoord,
    ) -> Done<'a> {
        let size = height(style.size());
        let [width, height] = room(text, size);
        let anchor = style.anchor();
        let left = match anchor.h_pos {
            HPos::Left => x,
            HPos::Center => x - width / 2,
            HPos::Right => x - width,
        };
        let top = match anchor.v_pos {
            VPos::Top => y,
            VPos::Center => y - height / 2,
            VPos::Bottom => y - height,
        };
        let colour = style.color();
        let letters = text.chars().filter_map(|c| letter(c, size));
        let mut from = left;
        for letter in letters {
            for (line, y) in letter.rows().zip(top..) {
                for (ink, x) in line.iter().zip(from..).filter(|(ink, _)| **ink > 0) {
                    let alpha = colour.alpha * f64::from(*ink) / 255.0;
                    self.0.draw_pixel((x, y), BackendColor { alpha, ..colour })?;
                }
            }
            from += letter.width() as i32;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plotters::prelude::*;
    use plotters::style::text_anchor::Pos;

    /// The rows and columns of a picture that have ink in them.
    fn inked(text: &str, anchor: Pos) -> [std::ops::Range<u32>; 2] {
        let file = png((80, 40), |area| {
            area.fill(&WHITE)?;
            let style = ("sans-serif", 16).into_font().color(&BLACK).pos(anchor);
            area.draw(&Text::new(text.to_string(), (40, 20), style))?;
            Ok(area.present()?)
        });
        let picture = image::load_from_memory(&file.unwrap()).unwrap().to_luma8();
        assert_eq!(picture.dimensions(), (80, 40));
        let ink =
            |(x, y, pixel): (u32, u32, &image::Luma<u8>)| (pixel.0[0] < 128).then_some((x, y));
        let ink: Vec<_> = picture.enumerate_pixels().filter_map(ink).collect();
        let range = |of: fn(&(u32, u32)) -> u32| {
            ink.iter().map(of).min().unwrap_or(0)
                ..ink.iter().map(of).max().map_or(0, |most| most + 1)
        };
        [range(|at| at.1), range(|at| at.0)]
    }

    #[test]
    fn text_is_drawn_where_its_anchor_says() {
        let [rows, columns] = inked("HH", Pos::new(HPos::Left, VPos::Top));
        assert!(rows.start >= 20 && rows.end <= 36 && rows.len() >= 9, "{rows:?}");
        assert!(columns.start >= 40 && columns.end <= 60 && columns.len() >= 12, "{columns:?}");
        let [rows, columns] = inked("HH", Pos::new(HPos::Right, VPos::Bottom));
        assert!(rows.end <= 20 && columns.end <= 40, "{rows:?} {columns:?}");
        let [_, columns] = inked("HH", Pos::new(HPos::Center, VPos::Center));
        assert!((i64::from(columns.start) - 40 + i64::from(columns.end) - 40).abs() <= 1);
        assert_eq!(inked("", Pos::new(HPos::Left, VPos::Top)), [0..0, 0..0]);
        // a letter that the table lacks is not left out
        assert!(!inked("語", Pos::new(HPos::Left, VPos::Top))[0].is_empty());
    }
}
