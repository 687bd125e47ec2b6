//! `addax optical sweep`: how accuracy and leaks depend on photons and gain, and where to work.

use std::path::PathBuf;

use addax::data::Dataset;
use addax::protocol::optical::accuracy::Simulator;
use addax::protocol::optical::{LayerLeak, OpticalNetwork, PublicNetwork};
use addax_sim::optical::{Setting, SettingError, Variant};
use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Serialize;

use super::run::bits;
use super::{DISCLAIMER, DataArgs, LinkArgs, ModelArgs, SeedArgs, VariantArgs, chart, chart_path};
use crate::cli::output::{Report, plural, table};
use crate::cli::progress;

/// F in decibel where accuracy is measured.
const COARSE: std::ops::RangeInclusive<i32> = -10..=20;
/// Gains that are tried for an operating point: 1 + 10^(k/STEPS).
const GAIN_STEPS: f64 = 50.0;
/// From G − 1 = 10^−2.4 to 10^1.
const GAIN_EXPONENTS: std::ops::RangeInclusive<i32> = -120..=50;
/// Draws of the noise whose mean decides where an accuracy is reached.
const DRAWS: u64 = 4;
/// Resolution of the F that reaches the accuracy asked for, in decibel.
const FINE_DB: f64 = 0.05;

/// Arguments of `addax optical sweep`.
#[derive(Args)]
pub struct SweepArgs {
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    data: DataArgs,
    /// The gain of the accuracy curve and the link of everything
    #[command(flatten)]
    link: LinkArgs,
    #[command(flatten)]
    variant: VariantArgs,
    /// The least accuracy of an operating point
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.96,
        allow_negative_numbers = true
    )]
    accuracy: f64,
    /// The most bits that an image may tell of a weight
    #[arg(
        long,
        value_name = "BITS",
        default_value_t = 0.1,
        allow_negative_numbers = true
    )]
    weight_bits: f64,
    /// The most bits that an image may tell of a datum
    #[arg(
        long,
        value_name = "BITS",
        default_value_t = 0.01,
        allow_negative_numbers = true
    )]
    data_bits: f64,
    /// Draw accuracy against photons, and the leak over gain and photons
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    #[command(flatten)]
    seed: SeedArgs,
}

/// What was found.
#[derive(Serialize)]
pub struct SweepReport {
    simulation: bool,
    model: String,
    data: String,
    images: usize,
    gain: f64,
    loss_db: f64,
    excess_noise: f64,
    /// F rising.
    curve: Vec<CurvePoint>,
    baseline_accuracy: f64,
    target_accuracy: f64,
    /// The least F, in steps of 0.05 dB, that reaches the target on average; −10 if all of the curve does.
    target_f_db: Option<f64>,
    weight_bits: f64,
    data_bits: f64,
    /// One a variant, the one asked for first.
    points: Vec<Point>,
    plot: Option<PathBuf>,
    seed: u64,
}

/// A point of the curve.
#[derive(Clone, Copy, Serialize)]
pub struct CurvePoint {
    pub f_db: f64,
    /// At the gain of the curve.
    pub photons: f64,
    pub accuracy: f64,
}

/// The best operating point of a variant: the gain that leaves most room below both limits, at an F where every one of
/// several draws of the noise reaches the target.
#[derive(Clone, Copy, Serialize)]
pub struct Point {
    pub variant: &'static str,
    /// Whether accuracy and both leaks are within what was asked.
    pub reached: bool,
    pub gain: f64,
    pub photons: f64,
    pub f_db: f64,
    /// Measured there, with other noise than chose it.
    pub accuracy: f64,
    /// Of a whole image.
    pub weight_leak_bits: f64,
    pub data_leak_bits: f64,
}

/// A network, its data, and the link.
struct Bench<'a> {
    simulator: Simulator<'a>,
    network: &'a PublicNetwork,
    data: Dataset,
    images: usize,
    loss_db: f64,
    noise: f64,
}

/// Sweeps.
///
/// # Errors
/// Models, data and settings that cannot be, a chart that cannot be written.
pub fn sweep(args: &SweepArgs) -> Result<SweepReport> {
    let LinkArgs {
        gain,
        loss_db,
        excess_noise,
    } = args.link;
    Setting::new(1.0, gain, loss_db, excess_noise)?;
    for (what, value) in [
        ("accuracy", args.accuracy),
        ("weight-bits", args.weight_bits),
        ("data-bits", args.data_bits),
    ] {
        ensure!(
            value > 0.0 && value.is_finite(),
            "--{what} must be above 0, not {value}"
        );
    }
    ensure!(
        args.accuracy <= 1.0,
        "--accuracy is a share of at most 1, not {}",
        args.accuracy
    );
    if let Some(path) = &args.plot {
        chart_path(path)?;
    }
    let network: OpticalNetwork = args.model.network()?;
    let (data, images, data_name) = args.data.open()?;
    let seed = args.seed.seed()?;
    let bench = Bench {
        simulator: Simulator::new(&network),
        network: network.public(),
        data,
        images,
        loss_db,
        noise: excess_noise,
    };
    let bar = progress::bar(COARSE.count() as u64, "signal-to-noise powers");
    let curve = COARSE
        .map(|f_db| {
            let setting = bench.at(f64::from(f_db), gain)?;
            let accuracy = bench.accuracy(&setting, seed)?;
            bar.inc(1);
            Ok(CurvePoint {
                f_db: f64::from(f_db),
                photons: setting.photons(),
                accuracy,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    bar.finish_and_clear();
    let baseline = bench
        .simulator
        .accuracy(&bench.data, images, None, seed, |_| {})?;
    let [target, safe] = bench.least_f_db(&curve, args.accuracy, gain, seed)?;
    let first = args.variant.variant();
    let others = Variant::ALL.into_iter().filter(|variant| *variant != first);
    let points = match safe {
        None => Vec::new(),
        Some(f_db) => std::iter::once(first)
            .chain(others)
            .map(|variant| bench.best(variant, f_db, args, seed))
            .collect::<Result<_>>()?,
    };
    let report = SweepReport {
        simulation: true,
        model: network.public().name.clone(),
        data: data_name,
        images,
        gain,
        loss_db,
        excess_noise,
        curve,
        baseline_accuracy: baseline.fraction(),
        target_accuracy: args.accuracy,
        target_f_db: target,
        weight_bits: args.weight_bits,
        data_bits: args.data_bits,
        points,
        plot: args.plot.clone(),
        seed,
    };
    if let Some(path) = &args.plot {
        report
            .draw(&bench, first, path)
            .with_context(|| format!("cannot draw {}", path.display()))?;
    }
    Ok(report)
}

impl Bench<'_> {
    fn at(&self, f_db: f64, gain: f64) -> Result<Setting, SettingError> {
        Setting::with_f_db(f_db, gain, self.loss_db, self.noise)
    }

    /// The least and the mean accuracy of several draws of the noise.
    fn draws(&self, setting: &Setting, seed: u64) -> Result<(f64, f64)> {
        let (mut least, mut sum) = (1.0_f64, 0.0);
        for draw in 0..DRAWS {
            let accuracy = self.accuracy(setting, seed.wrapping_add(draw))?;
            least = least.min(accuracy);
            sum += accuracy;
        }
        Ok((least, sum / DRAWS as f64))
    }

    fn accuracy(&self, setting: &Setting, seed: u64) -> Result<f64> {
        let count =
            self.simulator
                .accuracy(&self.data, self.images, Some(setting), seed, |_| {})?;
        Ok(count.fraction())
    }

    /// The least F that reaches an accuracy, on average and in all draws: between points of the curve, by halving.
    fn least_f_db(
        &self,
        curve: &[CurvePoint],
        target: f64,
        gain: f64,
        seed: u64,
    ) -> Result<[Option<f64>; 2]> {
        let reached = |f_db: f64| -> Result<[bool; 2]> {
            let (least, mean) = self.draws(&self.at(f_db, gain)?, seed)?;
            Ok([mean >= target, least >= target])
        };
        // The curve is of one draw: the crossings of others are near, not between the same two points.
        let below = curve.iter().rposition(|point| point.accuracy < target);
        let from = below.map_or(0, |last| last.saturating_sub(2));
        let points = curve.iter().skip(from).map(|point| point.f_db);
        let points: Vec<f64> = points.collect();
        let mut found = [None; 2];
        for (which, found) in found.iter_mut().enumerate() {
            let mut low = None;
            for &f_db in &points {
                if reached(f_db)?[which] {
                    *found = Some(f_db);
                    break;
                }
                low = Some(f_db);
            }
            while let (Some(below), Some(above)) = (low, *found)
                && above - below > FINE_DB
            {
                let middle = f64::midpoint(below, above);
                match reached(middle)?[which] {
                    true => *found = Some(middle),
                    false => low = Some(middle),
                }
            }
        }
        Ok(found)
    }

    /// What an image tells of a weight and of a datum, in the layers that tell most.
    fn leaks(&self, variant: Variant, setting: &Setting) -> (f64, f64) {
        let leak = LayerLeak::largest(self.network, variant, setting);
        (leak.weight_an_image, leak.datum_an_image)
    }

    fn best(&self, variant: Variant, f_db: f64, args: &SweepArgs, seed: u64) -> Result<Point> {
        let mut best: Option<(f64, Setting)> = None;
        for exponent in GAIN_EXPONENTS {
            let gain = 1.0 + 10.0_f64.powf(f64::from(exponent) / GAIN_STEPS);
            let setting = self.at(f_db, gain)?;
            let (weight, datum) = self.leaks(variant, &setting);
            let worst = f64::max(weight / args.weight_bits, datum / args.data_bits);
            if best.is_none_or(|(least, _)| worst < least) {
                best = Some((worst, setting));
            }
        }
        let (worst, setting) = best.context("no gain was tried")?;
        let (_, accuracy) = self.draws(&setting, seed.wrapping_add(DRAWS))?;
        let (weight_leak_bits, data_leak_bits) = self.leaks(variant, &setting);
        Ok(Point {
            variant: variant.name(),
            reached: worst < 1.0 && accuracy >= args.accuracy,
            gain: setting.gain(),
            photons: setting.photons(),
            f_db: setting.f_db(),
            accuracy,
            weight_leak_bits,
            data_leak_bits,
        })
    }
}

impl SweepReport {
    fn draw(&self, bench: &Bench<'_>, variant: Variant, path: &std::path::Path) -> Result<()> {
        let leak = |gain: f64, photons: f64| {
            let setting = Setting::new(photons, gain, self.loss_db, self.excess_noise).ok()?;
            Some(bench.leaks(variant, &setting))
        };
        let contour = |gain: f64| Some(bench.at(self.target_f_db?, gain).ok()?.photons());
        chart::sweep(
            path,
            &chart::Sweep {
                title: format!(
                    "{} on {}, {}",
                    self.model,
                    self.data,
                    plural(self.images, "image")
                ),
                variant: variant.name(),
                gain: self.gain,
                curve: &self.curve,
                baseline: self.baseline_accuracy,
                target: self.target_accuracy,
                limits: (self.weight_bits, self.data_bits),
                leak: &leak,
                contour: &contour,
                point: self.points.first(),
            },
        )
    }
}

impl Report for SweepReport {
    fn text(&self, width: usize) -> String {
        let rows = self.curve.iter().step_by(2).map(|point| {
            vec![
                format!("{:.0}", point.f_db),
                format!("{:.2}", point.photons),
                format!("{:.2} %", point.accuracy * 100.0),
            ]
        });
        let mut text = format!(
            "{} on {} ({}), without noise {:.2} % (seed {})\n{}\n",
            self.model,
            plural(self.images, "image"),
            self.data,
            self.baseline_accuracy * 100.0,
            self.seed,
            table(
                width,
                0,
                &[
                    "F in dB",
                    &format!("photons at gain {}", self.gain),
                    "accuracy"
                ],
                rows.collect()
            )
        );
        let target = self.target_accuracy * 100.0;
        match self.target_f_db {
            None => text += &format!("{target} % is not reached.\n"),
            Some(f_db) if self.points.is_empty() => {
                text += &format!(
                    "{target} % is reached at F = {f_db:.2} dB, but not with any noise.\n"
                );
            }
            Some(f_db) => {
                text += &format!(
                    "{target} % is reached at F = {f_db:.2} dB. A little above, where {DRAWS} draws of the noise all reach it, the\n\
                     gain that stays furthest below {} bit a weight and {} bit a datum, for an image:\n",
                    self.weight_bits, self.data_bits
                );
                let rows = self.points.iter().map(|point| {
                    vec![
                        point.variant.to_owned(),
                        if point.reached { "yes" } else { "NO" }.to_owned(),
                        format!("{:.3}", point.gain),
                        format!("{:.2}", point.photons),
                        format!("{:.2} %", point.accuracy * 100.0),
                        bits(point.weight_leak_bits),
                        bits(point.data_leak_bits),
                    ]
                });
                let header = [
                    "bounds of",
                    "within",
                    "gain",
                    "photons",
                    "accuracy",
                    "bit/weight",
                    "bit/datum",
                ];
                text += &table(width, 2, &header, rows.collect());
                text += "\n";
            }
        }
        if let Some(path) = &self.plot {
            text += &format!("drawn: {}\n", path.display());
        }
        text + "\n" + DISCLAIMER
    }
}
