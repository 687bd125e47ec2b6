//! Charts as SVG files, two panels each.

use std::fmt::Display;
use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

use super::attack::SplitPoint;
use super::sweep::{CurvePoint, Point};

const SIZE: (u32, u32) = (1160, 500);
const FONT: &str = "sans-serif";

const INK: RGBColor = RGBColor(40, 44, 52);
const PALE: RGBColor = RGBColor(200, 203, 210);
/// In the order of use; told apart by people who do not see all colours (Okabe and Ito).
const COLOURS: [RGBColor; 7] = [
    RGBColor(120, 124, 132),
    RGBColor(213, 94, 0),
    RGBColor(230, 159, 0),
    RGBColor(0, 114, 178),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
];

/// The map's extent: gains and photons.
const GAINS: (f64, f64) = (1.05, 5.0);
const PHOTONS: (f64, f64) = (1.0, 100.0);
const GAIN_LABELS: [f64; 8] = [1.1, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0];
const CELLS: usize = 48;
/// Bits whose colours end the scale.
const LEAKS: (f64, f64) = (0.01, 1.0);

type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// What [`sweep`] draws.
pub struct Sweep<'a> {
    pub title: String,
    pub variant: &'a str,
    pub gain: f64,
    pub curve: &'a [CurvePoint],
    pub baseline: f64,
    pub target: f64,
    /// Bits of a weight and of a datum.
    pub limits: (f64, f64),
    /// Bits of a weight and of a datum at a gain and photons.
    pub leak: &'a dyn Fn(f64, f64) -> Option<(f64, f64)>,
    /// Photons that reach the target at a gain.
    pub contour: &'a dyn Fn(f64) -> Option<f64>,
    pub point: Option<&'a Point>,
}

/// What [`attack`] draws.
pub struct Attack<'a> {
    pub layer: String,
    pub false_alarm: f64,
    /// p-values, rising, under a name; the first is the honest client's.
    pub curves: &'a [(String, Vec<f64>)],
    pub split: &'a [SplitPoint],
}

/// Draws on two panels and writes the file.
fn write(path: &Path, draw: impl FnOnce(&Panel<'_>, &Panel<'_>) -> Result<()>) -> Result<()> {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE).map_err(drawing)?;
    let (left, right) = root.split_horizontally(SIZE.0 / 2);
    draw(&left, &right)?;
    root.present().map_err(drawing)
}

/// An error of a drawing as one of a command: those of a backend borrow it.
fn drawing(error: impl Display) -> anyhow::Error {
    anyhow!("{error}")
}

/// `count` + 1 numbers from `range.0` to `range.1` in equal ratios.
fn geometric(range: (f64, f64), count: usize) -> impl Iterator<Item = f64> {
    let ratio = range.1 / range.0;
    (0..=count).map(move |index| range.0 * ratio.powf(index as f64 / count as f64))
}

/// Accuracy against photons, and the leak over gain and photons.
pub fn sweep(path: &Path, chart: &Sweep<'_>) -> Result<()> {
    write(path, |left, right| {
        accuracy(left, chart)?;
        map(right, chart)
    })
}

fn accuracy(panel: &Panel<'_>, chart: &Sweep<'_>) -> Result<()> {
    let photons = chart.curve.iter().map(|point| point.photons);
    let range = photons.fold((f64::MAX, 0.0), |(low, high), p| (p.min(low), p.max(high)));
    let mut axes = ChartBuilder::on(panel)
        .caption(
            format!("Accuracy at gain {}: {}", chart.gain, chart.title),
            (FONT, 15, &INK),
        )
        .margin(14)
        .x_label_area_size(44)
        .y_label_area_size(52)
        .build_cartesian_2d((range.0..range.1).log_scale(), 0.0..100.0_f64)
        .map_err(drawing)?;
    axes.configure_mesh()
        .x_desc("photons a symbol (two weights)")
        .y_desc("accuracy in %")
        .label_style((FONT, 13, &INK))
        .axis_style(PALE)
        .bold_line_style(PALE.mix(0.5))
        .light_line_style(WHITE)
        .x_label_formatter(&|x| format!("{x}"))
        .draw()
        .map_err(drawing)?;
    for (value, colour, name) in [
        (
            chart.target,
            COLOURS[1],
            format!("{} % asked for", chart.target * 100.0),
        ),
        (
            chart.baseline,
            COLOURS[0],
            format!("{:.2} % without noise", chart.baseline * 100.0),
        ),
    ] {
        let line = [(range.0, value * 100.0), (range.1, value * 100.0)];
        axes.draw_series(LineSeries::new(line, colour.stroke_width(1)))
            .map_err(drawing)?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(1)));
    }
    let points = || {
        chart
            .curve
            .iter()
            .map(|point| (point.photons, point.accuracy * 100.0))
    };
    let colour = COLOURS[3];
    axes.draw_series(LineSeries::new(points(), colour.stroke_width(2)))
        .map_err(drawing)?
        .label("F from −10 to 20 dB")
        .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    axes.draw_series(points().map(|point| Circle::new(point, 2, colour.filled())))
        .map_err(drawing)?;
    axes.configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .label_font((FONT, 13, &INK))
        .background_style(WHITE.mix(0.9))
        .border_style(PALE)
        .draw()
        .map_err(drawing)
}

fn map(panel: &Panel<'_>, chart: &Sweep<'_>) -> Result<()> {
    let mut axes = ChartBuilder::on(panel)
        .caption(
            format!("Leak of a weight in bits, bounds of {}", chart.variant),
            (FONT, 15, &INK),
        )
        .margin(14)
        .x_label_area_size(44)
        .y_label_area_size(52)
        .build_cartesian_2d(
            (GAINS.0..GAINS.1)
                .log_scale()
                .with_key_points(GAIN_LABELS.to_vec()),
            (PHOTONS.0..PHOTONS.1).log_scale(),
        )
        .map_err(drawing)?;
    let gains: Vec<f64> = geometric(GAINS, CELLS).collect();
    let photons: Vec<f64> = geometric(PHOTONS, CELLS).collect();
    let cells = gains.windows(2).flat_map(|gains| {
        photons.windows(2).filter_map(|photons| {
            let centre = (gains[0] * gains[1]).sqrt();
            let (weight, _) = (chart.leak)(centre, (photons[0] * photons[1]).sqrt())?;
            let corners = [(gains[0], photons[0]), (gains[1], photons[1])];
            Some(Rectangle::new(corners, shade(weight).filled()))
        })
    });
    axes.draw_series(cells).map_err(drawing)?;
    axes.configure_mesh()
        .disable_mesh()
        .x_desc("gain of the client's amplifier")
        .y_desc("photons a symbol")
        .label_style((FONT, 13, &INK))
        .axis_style(PALE)
        .x_label_formatter(&|x| format!("{x}"))
        .y_label_formatter(&|y| format!("{y}"))
        .draw()
        .map_err(drawing)?;
    let inside = |(_, photons): &(f64, f64)| (PHOTONS.0..=PHOTONS.1).contains(photons);
    let fine = || geometric(GAINS, 200);
    let reached = fine().filter_map(|gain| Some((gain, (chart.contour)(gain)?)));
    let weight = fine().filter_map(|gain| {
        let leaks = |photons| Some((chart.leak)(gain, photons)?.0);
        Some((gain, crossing(PHOTONS, chart.limits.0, leaks)?))
    });
    // A datum's bound depends on the gain alone.
    let datum = crossing(GAINS, chart.limits.1, |gain| {
        Some((chart.leak)(gain, PHOTONS.0)?.1)
    });
    let datum = datum.map(|gain| vec![(gain, PHOTONS.0), (gain, PHOTONS.1)]);
    let lines = [
        (
            reached.filter(inside).collect(),
            COLOURS[1],
            format!("{} % accuracy", chart.target * 100.0),
        ),
        (
            weight.filter(inside).collect(),
            INK,
            format!("{} bit a weight", chart.limits.0),
        ),
        (
            datum.unwrap_or_default(),
            COLOURS[4],
            format!("{} bit a datum (left of it)", chart.limits.1),
        ),
    ];
    for (line, colour, name) in lines {
        let line: Vec<(f64, f64)> = line;
        if line.is_empty() {
            continue;
        }
        axes.draw_series(LineSeries::new(line, colour.stroke_width(2)))
            .map_err(drawing)?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    if let Some(point) = chart.point {
        let marker = Circle::new((point.gain, point.photons), 5, COLOURS[1].filled());
        let name = format!("gain {:.2}, {:.1} photons", point.gain, point.photons);
        axes.draw_series([marker])
            .map_err(drawing)?
            .label(name)
            .legend(|(x, y)| Circle::new((x + 9, y), 5, COLOURS[1].filled()));
    }
    axes.configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .label_font((FONT, 13, &INK))
        .background_style(WHITE.mix(0.9))
        .border_style(PALE)
        .draw()
        .map_err(drawing)
}

/// White to blue, by the logarithm of the bits.
fn shade(bits: f64) -> RGBColor {
    let share = (bits / LEAKS.0).ln() / (LEAKS.1 / LEAKS.0).ln();
    let share = share.clamp(0.0, 1.0);
    let mix = |white: f64, blue: f64| (white + (blue - white) * share) as u8;
    RGBColor(mix(250.0, 20.0), mix(251.0, 80.0), mix(253.0, 150.0))
}

/// Where a rising function crosses a limit within a range, by halving the logarithm.
fn crossing(
    (mut low, mut high): (f64, f64),
    limit: f64,
    function: impl Fn(f64) -> Option<f64>,
) -> Option<f64> {
    if function(low)? > limit || function(high)? < limit {
        return None;
    }
    for _ in 0..50 {
        let middle = (low * high).sqrt();
        match function(middle)? > limit {
            true => high = middle,
            false => low = middle,
        }
    }
    Some(low)
}

/// Detection against false alarms, and against the fraction of a split.
pub fn attack(path: &Path, chart: &Attack<'_>) -> Result<()> {
    write(path, |left, right| {
        curves(left, chart)?;
        detection(right, chart)
    })
}

fn curves(panel: &Panel<'_>, chart: &Attack<'_>) -> Result<()> {
    let trials = chart
        .curves
        .iter()
        .map(|(_, p_values)| p_values.len())
        .max();
    let least = (1.0 / trials.unwrap_or(1).max(10) as f64).min(chart.false_alarm);
    let mut axes = ChartBuilder::on(panel)
        .caption(
            format!("Receiver operating characteristic: {}", chart.layer),
            (FONT, 15, &INK),
        )
        .margin(14)
        .x_label_area_size(44)
        .y_label_area_size(52)
        .build_cartesian_2d((least..1.0).log_scale(), 0.0..1.02_f64)
        .map_err(drawing)?;
    axes.configure_mesh()
        .x_desc("false alarms: share of honest sessions that are stopped")
        .y_desc("detection: share of sessions that are stopped")
        .label_style((FONT, 13, &INK))
        .axis_style(PALE)
        .bold_line_style(PALE.mix(0.5))
        .light_line_style(WHITE)
        .x_label_formatter(&|x| format!("{x}"))
        .y_label_formatter(&|y| format!("{y:.1}"))
        .draw()
        .map_err(drawing)?;
    for ((name, p_values), colour) in chart.curves.iter().zip(COLOURS.into_iter().cycle()) {
        let share = |rate: f64| {
            let detected = p_values.partition_point(|&p| p <= rate);
            (rate, detected as f64 / p_values.len().max(1) as f64)
        };
        let line = geometric((least, 1.0), 300).map(share);
        axes.draw_series(LineSeries::new(line, colour.stroke_width(2)))
            .map_err(drawing)?
            .label(name.clone())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    axes.configure_series_labels()
        .position(SeriesLabelPosition::Coordinate(14, 26))
        .label_font((FONT, 13, &INK))
        .background_style(WHITE.mix(0.9))
        .border_style(PALE)
        .draw()
        .map_err(drawing)
}

fn detection(panel: &Panel<'_>, chart: &Attack<'_>) -> Result<()> {
    let fractions = chart.split.iter().map(|point| point.fraction * 100.0);
    let range = fractions.fold((f64::MAX, 0.0), |(low, high), p| (p.min(low), p.max(high)));
    let mut axes = ChartBuilder::on(panel)
        .caption(
            format!(
                "A client that keeps part of the light, {} false alarms",
                chart.false_alarm
            ),
            (FONT, 15, &INK),
        )
        .margin(14)
        .x_label_area_size(44)
        .y_label_area_size(52)
        .build_cartesian_2d((range.0..range.1).log_scale(), 0.0..1.02_f64)
        .map_err(drawing)?;
    axes.configure_mesh()
        .x_desc("fraction of the light that it keeps, in %")
        .y_desc("detection: share of sessions that are stopped")
        .label_style((FONT, 13, &INK))
        .axis_style(PALE)
        .bold_line_style(PALE.mix(0.5))
        .light_line_style(WHITE)
        .x_label_formatter(&|x| format!("{x}"))
        .y_label_formatter(&|y| format!("{y:.1}"))
        .draw()
        .map_err(drawing)?;
    let points = || {
        chart
            .split
            .iter()
            .map(|point| (point.fraction * 100.0, point.detection))
    };
    axes.draw_series(LineSeries::new(points(), COLOURS[3].stroke_width(2)))
        .map_err(drawing)?;
    axes.draw_series(points().map(|point| Circle::new(point, 3, COLOURS[3].filled())))
        .map_err(drawing)?;
    Ok(())
}
