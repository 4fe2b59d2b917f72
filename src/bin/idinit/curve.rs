//! The pictures of a run, as SVG and as PNG: test accuracy and training loss by epoch, a line for each
//! start; and of a comparison.

use crate::compare::Row;
use crate::failure::Failure;
use crate::picture::{Drawn, png};
use crate::report::Outcome;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

const SIZE: (u32, u32) = (1000, 440);

/// Colours that stay apart for the colour-blind (Okabe & Ito 2008).
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];
const INK: RGBColor = RGBColor(40, 40, 40);
const GRID: RGBColor = RGBColor(225, 225, 225);

/// A line of the picture: its name, its colour, its numbers by epoch from 1 on.
struct Line {
    name: String,
    colour: RGBColor,
    accuracy: Vec<f64>,
    loss: Vec<f64>,
}

/// The pictures of a run as files, by name.
pub fn of_run(title: &str, outcomes: &[Outcome]) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let lines: Vec<_> = outcomes
        .iter()
        .zip(COLOURS.into_iter().cycle())
        .map(|(Outcome { label: scheme, epochs, failure, .. }, colour)| Line {
            name: match failure {
                None => scheme.clone(),
                Some(_) => format!("{scheme} (failed)"),
            },
            colour,
            accuracy: epochs.iter().map(|epoch| 100.0 * epoch.test.accuracy()).collect(),
            loss: epochs.iter().map(|epoch| f64::from(epoch.train_loss)).collect(),
        })
        .collect();
    let svg = svg(SIZE, |area| draw(area, title, &lines))?;
    let png = png(SIZE, |area| draw(area, title, &lines))?;
    Ok(vec![("curve.svg".to_string(), svg), ("curve.png".to_string(), png)])
}

/// The bytes of an SVG file with what is drawn.
fn svg(
    size: (u32, u32),
    draw: impl FnOnce(&Area<SVGBackend<'_>>) -> Drawn,
) -> Result<Vec<u8>, Failure> {
    let mut text = String::new();
    draw(&SVGBackend::with_string(&mut text, size).into_drawing_area())
        .map_err(|error| Failure::failed(format!("an SVG: {error}")))?;
    Ok(text.into_bytes())
}

type Area<B> = DrawingArea<B, Shift>;

fn draw<B: DrawingBackend>(root: &Area<B>, title: &str, lines: &[Line]) -> Drawn
where
    B::ErrorType: 'static,
{
    root.fill(&WHITE)?;
    let middle = SIZE.0 as i32 / 2;
    let style = font(23).pos(Pos::new(HPos::Center, VPos::Top));
    root.draw(&Text::new(title.to_string(), (middle, 14), style))?;
    legend(root, lines)?;
    let (left, right) = root.margin(46, 42, 14, 24).split_horizontally(middle - 19);

    let numbers = |of: fn(&Line) -> &[f64]| lines.iter().flat_map(of).copied();
    let least = numbers(|line| &line.accuracy).fold(100.0, f64::min);
    let accuracy = ((least - 1.0) / 10.0).floor().max(0.0) * 10.0..100.0;
    panel(&left, "test accuracy, %", accuracy, lines, |line| &line.accuracy)?;

    let losses = || numbers(|line| &line.loss).filter(|loss| *loss > 0.0 && loss.is_finite());
    let (least, most) = (losses().fold(1.0, f64::min), losses().fold(1.0, f64::max));
    let loss = (least / 1.5..most * 1.5).log_scale();
    panel(&right, "training loss", loss, lines, |line| &line.loss)?;
    Ok(root.present()?)
}

fn panel<B, Y>(
    area: &Area<B>,
    caption: &str,
    y: Y,
    lines: &[Line],
    numbers: fn(&Line) -> &[f64],
) -> Drawn
where
    B: DrawingBackend,
    B::ErrorType: 'static,
    Y: AsRangedCoord<Value = f64>,
    Y::CoordDescType: ValueFormatter<f64>,
{
    let last = lines.iter().map(|line| line.loss.len()).max().unwrap_or(0).max(2);
    let mut chart = ChartBuilder::on(area)
        .caption(caption, font(18))
        .x_label_area_size(40)
        .y_label_area_size(56)
        .margin_right(12)
        .build_cartesian_2d(1.0..last as f64, y)?;
    chart
        .configure_mesh()
        .x_desc("epoch")
        .x_labels(last.min(11))
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_labels(8)
        // in single precision, as 0.7 is 0.7000000000000001 of the ticks' arithmetic
        .y_label_formatter(&|y| (*y as f32).to_string())
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(INK.mix(0.6))
        .label_style(font(15))
        .draw()?;
    for line in lines {
        let points = || (1..).map(f64::from).zip(numbers(line).iter().copied());
        let points = || points().filter(|(_, y)| y.is_finite());
        chart.draw_series(LineSeries::new(points(), line.colour.stroke_width(2)))?;
        if line.loss.len() <= 40 {
            chart.draw_series(points().map(|at| Circle::new(at, 3, line.colour.filled())))?;
        }
    }
    Ok(())
}

/// Names beside strokes of their colours, in the middle of the lower edge.
fn legend<B: DrawingBackend>(root: &Area<B>, lines: &[Line]) -> Drawn
where
    B::ErrorType: 'static,
{
    const STROKE: i32 = 26;
    const GAP: i32 = 28;
    // the width of a letter on average, to place the names; nothing is cut by it
    let width = |line: &Line| STROKE + 8 + 8 * line.name.len() as i32;
    let all = lines.iter().map(|line| width(line) + GAP).sum::<i32>() - GAP;
    let (mut x, y) = ((SIZE.0 as i32 - all) / 2, SIZE.1 as i32 - 22);
    for line in lines {
        let stroke = line.colour.stroke_width(3);
        root.draw(&PathElement::new([(x, y), (x + STROKE, y)], stroke))?;
        let style = font(17).pos(Pos::new(HPos::Left, VPos::Center));
        root.draw(&Text::new(line.name.clone(), (x + STROKE + 8, y), style))?;
        x += width(line) + GAP;
    }
    Ok(())
}

fn font(size: u32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK)
}

/// The pictures of a comparison as files, by name: for each start at its best rate the test accuracies of all seeds,
/// their mean, and a deviation to each side.
pub fn of_comparison(title: &str, rows: &[Row]) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let best: Vec<_> = rows.iter().filter(|row| row.best).collect();
    let size = ((160 * best.len() as u32 + 160).max(480), 440);
    let svg = svg(size, |area| draw_bars(area, title, &best))?;
    let png = png(size, |area| draw_bars(area, title, &best))?;
    Ok(vec![("compare.svg".to_string(), svg), ("compare.png".to_string(), png)])
}

fn draw_bars<B: DrawingBackend>(root: &Area<B>, title: &str, rows: &[&Row]) -> Drawn
where
    B::ErrorType: 'static,
{
    root.fill(&WHITE)?;
    let all = || rows.iter().flat_map(|row| row.accuracies.iter().copied());
    let (least, most) = (all().fold(100.0, f64::min), all().fold(0.0, f64::max));
    let room = ((most - least) / 10.0).max(1.0);
    let mut chart = ChartBuilder::on(root)
        .caption(format!("{title}: test accuracy, %"), font(20))
        .x_label_area_size(46)
        .y_label_area_size(64)
        .margin(14)
        .build_cartesian_2d(
            -0.5..rows.len() as f64 - 0.5,
            (least - room).max(0.0)..(most + room).min(100.0),
        )?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .disable_x_axis()
        .y_labels(8)
        .y_label_formatter(&|y| (*y as f32).to_string())
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(INK.mix(0.6))
        .label_style(font(15))
        .draw()?;
    for ((row, x), colour) in rows.iter().zip((0..).map(f64::from)).zip(COLOURS.into_iter().cycle())
    {
        let (mean, deviation) = (row.mean(), row.deviation());
        let line = |ends, width| PathElement::new(ends, colour.stroke_width(width));
        let points =
            row.accuracies.iter().map(|&y| Circle::new((x, y), 4, colour.mix(0.4).filled()));
        chart.draw_series(points)?;
        chart.draw_series([
            line(vec![(x - 0.2, mean), (x + 0.2, mean)], 3),
            line(vec![(x, mean - deviation), (x, mean + deviation)], 2),
        ])?;
        let (left, _) = chart.backend_coord(&(x, most));
        let style = font(15).pos(Pos::new(HPos::Center, VPos::Top));
        let bottom = root.dim_in_pixel().1 as i32 - 52;
        let name = format!("{}, {}", row.scheme, row.rate);
        root.draw(&Text::new(name, (left, bottom), style))?;
    }
    drop(chart);
    Ok(root.present()?)
}
