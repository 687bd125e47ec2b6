//! Charts as SVG files, two panels each: what both kinds share.

mod attack;
mod sweep;

use std::fmt::Display;
use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

pub use attack::{Attack, attack};
pub use sweep::{Sweep, sweep};

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

type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;

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

/// Axes of shares or percentages against something in a logarithmic scale, on which series are drawn.
type Axes<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<LogCoord<f64>, RangedCoordf64>>;

/// Axes with a caption and the names of both; the vertical one begins at 0 and ends a little above `top`.
fn axes<'a>(
    panel: &Panel<'a>,
    caption: &str,
    (x, from, to): (&str, f64, f64),
    (y, top): (&str, f64),
) -> Result<Axes<'a>> {
    let mut axes = ChartBuilder::on(panel)
        .caption(caption, (FONT, 15, &INK))
        .margin(14)
        .x_label_area_size(44)
        .y_label_area_size(52)
        .build_cartesian_2d((from..to).log_scale(), 0.0..1.02 * top)
        .map_err(drawing)?;
    axes.configure_mesh()
        .x_desc(x)
        .y_desc(y)
        .label_style((FONT, 13, &INK))
        .axis_style(PALE)
        .bold_line_style(PALE.mix(0.5))
        .light_line_style(WHITE)
        .x_label_formatter(&|x| format!("{x}"))
        .y_label_formatter(&|y| format!("{y:.prec$}", prec = usize::from(top <= 1.0)))
        .draw()
        .map_err(drawing)?;
    Ok(axes)
}
