//! Detection against false alarms, and against the fraction that a client keeps.

use std::path::Path;

use anyhow::Result;
use plotters::prelude::*;

use super::{COLOURS, FONT, INK, PALE, Panel, axes, drawing, write};
use crate::cli::optical::attack::SplitPoint;

/// What [`attack`] draws.
pub struct Attack<'a> {
    pub layer: String,
    pub false_alarm: f64,
    /// p of honest sessions, rising.
    pub honest: &'a [f64],
    /// p of others, rising, under a name.
    pub curves: &'a [(String, Vec<f64>)],
    pub split: &'a [SplitPoint],
}

/// Detection against false alarms, and against the fraction of a split.
pub fn attack(path: &Path, chart: &Attack<'_>) -> Result<()> {
    write(path, |left, right| {
        curves(left, chart)?;
        detection(right, chart)
    })
}

fn curves(panel: &Panel<'_>, chart: &Attack<'_>) -> Result<()> {
    let honest = chart.honest.len().max(2) as f64;
    let least = 1.0 / honest;
    let mut axes = axes(
        panel,
        &format!("Receiver operating characteristic: {}", chart.layer),
        (
            "false alarms: share of honest sessions that are stopped",
            least,
            1.0,
        ),
        ("detection: share of sessions that are stopped", 1.0),
    )?;
    for ((name, p_values), colour) in chart.curves.iter().zip(COLOURS.into_iter().skip(1).cycle()) {
        // At the threshold of each honest session: how many of those are stopped, and how many of these.
        let line = chart.honest.iter().enumerate().map(|(index, &threshold)| {
            let stopped = p_values.partition_point(|&p| p <= threshold);
            let share = stopped as f64 / p_values.len().max(1) as f64;
            ((index + 1) as f64 / honest, share)
        });
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
    let mut axes = axes(
        panel,
        &format!(
            "A client that keeps part of the light, {} false alarms",
            chart.false_alarm
        ),
        (
            "fraction of the light that it keeps, in %",
            range.0,
            range.1,
        ),
        ("detection: share of sessions that are stopped", 1.0),
    )?;
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
