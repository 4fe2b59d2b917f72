//! How the cost of a step grows with depth and with the batch: time and memory of ResNet-20 to 110
//! and of batches of 32 to 512, each measured in a process of its own, as a table and as pictures.

use plotters::prelude::*;
use std::path::Path;
use std::process::Command;

const DEPTHS: [usize; 5] = [20, 32, 44, 56, 110];
const BATCHES: [usize; 5] = [32, 64, 128, 256, 512];

/// One configuration and what it costs.
struct Point {
    size: usize,
    wall: f64,
    processor: f64,
    peak: f64,
    planned: f64,
}

/// `growth [FOLDER [SECONDS [ROUNDS]]]`: a round measures every size once, and medians are taken over the
/// rounds.
pub fn run(arguments: &[String]) -> bool {
    let folder = Path::new(arguments.first().map_or("benches/peers", String::as_str));
    let seconds = arguments.get(1).map_or("2", String::as_str);
    let rounds = arguments.get(2).and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    let depths = || DEPTHS.iter().map(|&d| measure(&format!("resnet{d}"), seconds, 128, d));
    let batches = || BATCHES.iter().map(|&batch| measure("resnet20", seconds, batch, batch));
    let all: Option<Vec<Vec<Point>>> =
        (0..rounds).map(|_| depths().chain(batches()).collect()).collect();
    let Some(mut by_depth) = all.map(medians) else {
        eprintln!("a measurement failed");
        return false;
    };
    let by_batch = by_depth.split_off(DEPTHS.len().min(by_depth.len()));
    // 6 n + 2 layers: what is doubled is n
    table("depth (batch 128)", &by_depth, |depth| (depth as f64 - 2.0) / 6.0);
    table("batch (ResNet-20)", &by_batch, |batch| batch as f64);
    let pictures = [
        ("growth-depth.svg", "ResNet of D layers, batch 128", "D", &by_depth),
        ("growth-batch.svg", "ResNet-20, batch B", "B", &by_batch),
    ];
    pictures.into_iter().all(|(file, title, axis, points)| {
        let drawn = picture(&folder.join(file), title, axis, points);
        drawn.map_err(|error| eprintln!("{file}: {error}")).is_ok()
    })
}

/// A step of a net on one thread, in a process of its own: its peak is then its own too.
fn measure(net: &str, seconds: &str, batch: usize, size: usize) -> Option<Point> {
    let program = std::env::current_exe().ok()?;
    let output =
        Command::new(program).args([net, "1", seconds, &batch.to_string()]).output().ok()?;
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    let number = |key| line.get(key).and_then(serde_json::Value::as_f64);
    Some(Point {
        size,
        wall: number("wall_ms")?,
        processor: number("cpu_ms")?,
        peak: number("peak_mib")?,
        planned: number("planned_mib")?,
    })
}

/// Of each point, the median of every cost over the rounds.
fn medians(rounds: Vec<Vec<Point>>) -> Vec<Point> {
    let sizes = rounds.first().map_or(0, Vec::len);
    let median = |at: usize, of: fn(&Point) -> f64| {
        let mut all: Vec<f64> = rounds.iter().filter_map(|round| round.get(at)).map(of).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
    };
    let point = |at: usize| {
        Some(Point {
            size: rounds.first()?.get(at)?.size,
            wall: median(at, |point| point.wall),
            processor: median(at, |point| point.processor),
            peak: median(at, |point| point.peak),
            planned: median(at, |point| point.planned),
        })
    };
    (0..sizes).filter_map(point).collect()
}

/// The costs, and how they grow from a size to the next: to the power 1, if they double with it.
fn table(title: &str, points: &[Point], measure: impl Fn(usize) -> f64) {
    println!(
        "\n| {title} | wall ms | CPU ms | peak MiB | planned MiB | CPU for a doubling | peak for a doubling |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|");
    let mut before: Option<&Point> = None;
    for point in points {
        let doubling = |of: fn(&Point) -> f64| {
            before.map_or(String::from("–"), |before| {
                let power = libm::log(of(point) / of(before))
                    / libm::log(measure(point.size) / measure(before.size));
                format!("× {:.2}", libm::exp2(power))
            })
        };
        println!(
            "| {} | {:.1} | {:.1} | {:.1} | {:.1} | {} | {} |",
            point.size,
            point.wall,
            point.processor,
            point.peak,
            point.planned,
            doubling(|point| point.processor),
            doubling(|point| point.peak)
        );
        before = Some(point);
    }
}

/// Time and memory over the size, each as a share of the largest, beside a straight line from 0.
fn picture(
    file: &Path,
    title: &str,
    axis: &str,
    points: &[Point],
) -> Result<(), Box<dyn std::error::Error>> {
    let Some(last) = points.last() else { return Ok(()) };
    let root = SVGBackend::new(file, (640, 400)).into_drawing_area();
    root.fill(&WHITE)?;
    let most = last.size as f64;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(48)
        .build_cartesian_2d(0.0..most * 1.02, 0.0..1.1)?;
    let cost = "share of the largest";
    chart.configure_mesh().x_desc(axis).y_desc(cost).light_line_style(WHITE).draw()?;
    let straight = [(0.0, 0.0), (most, 1.0)];
    chart
        .draw_series(LineSeries::new(straight, BLACK.mix(0.3)))?
        .label("straight through 0")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], BLACK.mix(0.3)));
    type Line = (String, RGBColor, fn(&Point) -> f64);
    let lines: [Line; 2] = [
        (format!("CPU time, 1 = {:.0} ms", last.processor), BLUE, |point| point.processor),
        (format!("peak memory, 1 = {:.0} MiB", last.peak), RED, |point| point.peak),
    ];
    for (label, colour, of) in lines {
        let places = points.iter().map(|point| (point.size as f64, of(point) / of(last)));
        chart
            .draw_series(LineSeries::new(places.clone(), colour))?
            .label(label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
        chart.draw_series(places.map(|(x, y)| {
            Rectangle::new(
                [(x - most / 200.0, y - 0.006), (x + most / 200.0, y + 0.006)],
                colour.filled(),
            )
        }))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE)
        .draw()?;
    root.present()?;
    Ok(())
}
