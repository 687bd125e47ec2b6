//! `addax optical run`: a model's accuracy over simulated light, and what it leaks.

use std::time::Instant;

use addax::data::Dataset;
use addax::protocol::optical::accuracy::{Simulator, arg_max};
use addax::protocol::optical::session::classify;
use addax::protocol::optical::{
    Check, Client, Conditions, LayerLeak, MatrixShape, OpticalError, OpticalNetwork, Server, dice,
};
use addax_sim::optical::{Setting, Variant};
use anyhow::Result;
use clap::Args;
use rayon::prelude::*;
use serde::Serialize;

use super::{CheckArgs, DISCLAIMER, DataArgs, ModelArgs, SeedArgs, SettingArgs, VariantArgs};
use crate::cli::output::{Report, milliseconds, plural, table, thousands, to_microseconds};
use crate::cli::progress;

/// Arguments of `addax optical run`.
#[derive(Args)]
pub struct RunArgs {
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    setting: SettingArgs,
    #[command(flatten)]
    variant: VariantArgs,
    /// Also simulate the first COUNT images mode by mode, with the server's check after each layer
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    by_mode: usize,
    #[command(flatten)]
    check: CheckArgs,
    #[command(flatten)]
    seed: SeedArgs,
}

/// What was measured and computed.
#[derive(Serialize)]
pub struct RunReport {
    simulation: bool,
    model: String,
    data: String,
    images: usize,
    accuracy: f64,
    baseline_accuracy: f64,
    f_db: f64,
    photons: f64,
    gain: f64,
    loss_db: f64,
    excess_noise: f64,
    /// Of the layers that tell most, in one pass of a row and at one position of a window.
    weight_leak_bits: f64,
    data_leak_bits: f64,
    /// The same for a whole image: as often as a row is sent, and in as many positions as a datum is seen.
    weight_leak_bits_an_image: f64,
    data_leak_bits_an_image: f64,
    variant: &'static str,
    layers: Vec<LayerRow>,
    by_mode: Option<ByMode>,
    seed: u64,
    #[serde(serialize_with = "to_microseconds")]
    ms: f64,
}

/// One matrix.
#[derive(Serialize)]
struct LayerRow {
    name: String,
    rows: usize,
    columns: usize,
    /// Of one row.
    modes: usize,
    /// How often each row is sent for one image.
    uses: usize,
    modes_sent: u64,
    weight_leak_bits: f64,
    data_leak_bits: f64,
    /// Bits of a weight in one pass that a client may learn at the limits of the check of one image.
    unseen_bits: f64,
}

/// Images that went through the protocol mode by mode.
#[derive(Serialize)]
struct ByMode {
    images: usize,
    accuracy: f64,
    /// Images whose session the server's check ended: false alarms.
    alarms: usize,
    false_alarm: f64,
}

/// Runs.
///
/// # Errors
/// Models, data and settings that cannot be.
pub fn run(args: &RunArgs) -> Result<RunReport> {
    let setting = args.setting.setting()?;
    let variant = args.variant.variant();
    let check = Check::new(setting, args.check.false_alarm)?;
    let network = args.model.network()?;
    let (data, images, data_name) = args.data.open()?;
    let seed = args.seed.seed()?;

    let start = Instant::now();
    let simulator = Simulator::new(&network);
    let bar = progress::bar(2 * images as u64, "images");
    let accuracy =
        |setting| simulator.accuracy(&data, images, setting, seed, |count| bar.inc(count as u64));
    let baseline = accuracy(None)?.fraction();
    let noisy = accuracy(Some(&setting))?.fraction();
    bar.finish_and_clear();
    let by_mode = match args.by_mode.min(images) {
        0 => None,
        count => Some(by_mode(&network, &data, count, args, setting, seed)?),
    };
    let layers: Vec<LayerRow> = network
        .public()
        .matrices()
        .map(|shape| LayerRow::new(shape, &setting, variant, &check))
        .collect();
    let leak = LayerLeak::largest(network.public(), variant, &setting);
    Ok(RunReport {
        simulation: true,
        model: network.public().name.clone(),
        data: data_name,
        images,
        accuracy: noisy,
        baseline_accuracy: baseline,
        f_db: setting.f_db(),
        photons: setting.photons(),
        gain: setting.gain(),
        loss_db: setting.loss_db(),
        excess_noise: setting.noise(),
        weight_leak_bits: leak.weight,
        data_leak_bits: leak.datum,
        weight_leak_bits_an_image: leak.weight_an_image,
        data_leak_bits_an_image: leak.datum_an_image,
        variant: variant.name(),
        layers,
        by_mode,
        seed,
        ms: start.elapsed().as_secs_f64() * 1e3,
    })
}

fn by_mode(
    network: &OpticalNetwork,
    data: &Dataset,
    images: usize,
    args: &RunArgs,
    setting: Setting,
    seed: u64,
) -> Result<ByMode> {
    let conditions = Conditions {
        setting,
        variant: args.variant.variant(),
        false_alarm: args.check.false_alarm,
        // One query a server: there is nothing to add up.
        budget_bits: f64::MAX,
    };
    let bar = progress::bar(images as u64, "images mode by mode");
    let answers = (0..images).into_par_iter().map(|index| {
        let mut server = Server::new(network, conditions)?;
        let mut client = Client::new(network.public(), setting);
        // Other dice than those of the closed form.
        let mut dice = dice(!seed, index as u64);
        let answer = match classify(&mut server, &mut client, data.image(index), &mut dice) {
            Ok((logits, _)) => Some(arg_max(&logits) == usize::from(data.label(index))),
            Err(OpticalError::Caught { .. }) => None,
            Err(error) => return Err(error),
        };
        bar.inc(1);
        Ok(answer)
    });
    let answers: Vec<Option<bool>> = answers.collect::<Result<_, _>>()?;
    bar.finish_and_clear();
    let finished: Vec<bool> = answers.iter().copied().flatten().collect();
    let right = finished.iter().filter(|right| **right).count();
    Ok(ByMode {
        images,
        accuracy: right as f64 / finished.len().max(1) as f64,
        alarms: images - finished.len(),
        false_alarm: args.check.false_alarm,
    })
}

impl LayerRow {
    fn new(shape: &MatrixShape, setting: &Setting, variant: Variant, check: &Check) -> Self {
        let leak = LayerLeak::of(shape, variant, setting);
        Self {
            name: shape.name.clone(),
            rows: shape.rows,
            columns: shape.columns,
            modes: shape.modes(),
            uses: shape.uses(),
            modes_sent: shape.modes_sent(),
            weight_leak_bits: leak.weight,
            data_leak_bits: leak.datum,
            unseen_bits: variant.weight_share() * check.unseen(shape),
        }
    }
}

/// Bits in three significant digits.
pub fn bits(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        ..0.001 => format!("{value:.2e}"),
        ..0.01 => format!("{value:.5}"),
        ..0.1 => format!("{value:.4}"),
        ..1.0 => format!("{value:.3}"),
        ..10.0 => format!("{value:.2}"),
        _ => format!("{value:.0}"),
    }
}

impl Report for RunReport {
    fn text(&self, width: usize) -> String {
        let header = [
            "layer",
            "rows",
            "n",
            "modes",
            "uses",
            "sent",
            "bit/weight",
            "bit/datum",
            "unseen",
        ];
        let rows = self.layers.iter().map(|layer| {
            vec![
                layer.name.clone(),
                thousands(layer.rows as u64),
                thousands(layer.columns as u64),
                thousands(layer.modes as u64),
                thousands(layer.uses as u64),
                thousands(layer.modes_sent),
                bits(layer.weight_leak_bits),
                bits(layer.data_leak_bits),
                bits(layer.unseen_bits),
            ]
        });
        let mut text = format!(
            "{} on {} ({}): accuracy {:.2} %, without noise {:.2} % ({} ms, seed {})\n\
             μ = {:.3} photons a symbol, gain {}, loss {} dB, excess noise {}: F = {:.2} dB\n",
            self.model,
            plural(self.images, "image"),
            self.data,
            self.accuracy * 100.0,
            self.baseline_accuracy * 100.0,
            milliseconds(self.ms),
            self.seed,
            self.photons,
            self.gain,
            self.loss_db,
            self.excess_noise,
            self.f_db,
        );
        if let Some(by_mode) = &self.by_mode {
            text += &format!(
                "mode by mode, {}: accuracy {:.2} %, {} (expected rate {:.1e} a layer)\n",
                plural(by_mode.images, "image"),
                by_mode.accuracy * 100.0,
                plural(by_mode.alarms, "false alarm"),
                by_mode.false_alarm
            );
        }
        text += &table(width, 1, &header, rows.collect());
        text += &format!(
            "\nmodes: of one row of n numbers; uses: how often a row is sent for an image; sent: modes in all.\n\
             Bits that one pass tells at most, by the bounds of {}; unseen: of a weight, by a client at the\n\
             limits of the check of one image. A whole image: {} bit a weight, {} a datum.\n\n{DISCLAIMER}",
            self.variant,
            bits(self.weight_leak_bits_an_image),
            bits(self.data_leak_bits_an_image),
        );
        text
    }
}
