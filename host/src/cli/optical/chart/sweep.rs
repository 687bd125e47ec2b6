//! Accuracy against photons, and the leak of a weight over gain and photons.

use std::path::Path;

use anyhow::Result;
use plotters::prelude::*;

use super::{COLOURS, FONT, INK, PALE, Panel, axes, drawing, geometric, write};
use crate::cli::optical::sweep::{CurvePoint, Point};

/// The map's extent: gains and photons.
const GAINS: (f64, f64) = (1.05, 5.0);
const PHOTONS: (f64, f64) = (1.0, 100.0);
const GAIN_LABELS: [f64; 8] = [1.1, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0];
const CELLS: usize = 48;
/// Bits whose colours end the scale.
const LEAKS: (f64, f64) = (0.01, 1.0);

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
    let mut axes = axes(
        panel,
        &format!("Accuracy at gain {}: {}", chart.gain, chart.title),
        ("photons a symbol (two weights)", range.0, range.1),
        ("accuracy in %", 100.0),
    )?;
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
