//! `addax plan`: what private inference with a model takes, without running it.

use addax::he;
use addax::protocol::LayerPlan;
use addax_core::isa::Geometry;
use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;

use super::load::{ModelArgs, PARAMETERS, reveal};
use super::output::{self, Report, count, milliseconds, table};

/// Arguments of `addax plan`.
#[derive(Args)]
pub struct PlanArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// Plan for a server that reveals the label only
    #[arg(long)]
    arg_max: bool,
}

/// The plan in numbers.
#[derive(Serialize)]
pub struct PlanTable {
    model: String,
    parameters: &'static str,
    layers: Vec<LayerPlan>,
    totals: Totals,
}

/// Sums over all layers of one query.
#[derive(Serialize)]
struct Totals {
    ciphertexts: [usize; 2],
    transforms: u64,
    cycles: u64,
    and_gates: u64,
    bytes_up: u64,
    bytes_down: u64,
    rounds: u32,
    predicted_ms: f64,
    failure_log2: f64,
    hiding_log2: f64,
}

/// Plans.
///
/// # Errors
/// Models that cannot be read, quantised or planned.
pub fn run(args: &PlanArgs) -> Result<PlanTable> {
    let network = args.model.network()?;
    let plan = args.model.plan(&network, reveal(args.arg_max))?;
    let report = plan
        .report(&he::Context::new(PARAMETERS), &Geometry::DEFAULT)
        .with_context(|| format!("model {}", network.name))?;
    let layers = report.layers;
    let sum = |of: fn(&LayerPlan) -> u64| layers.iter().map(of).sum();
    let ciphertexts = |way: usize| layers.iter().map(|layer| layer.ciphertexts[way]).sum();
    let totals = Totals {
        ciphertexts: [ciphertexts(0), ciphertexts(1)],
        transforms: sum(|layer| layer.transforms),
        cycles: sum(|layer| layer.cycles),
        and_gates: sum(|layer| layer.and_gates),
        bytes_up: sum(|layer| layer.bytes_up),
        bytes_down: sum(|layer| layer.bytes_down),
        rounds: layers.iter().map(|layer| layer.rounds).sum(),
        predicted_ms: layers.iter().map(|layer| layer.predicted_ms).sum(),
        failure_log2: report.failure_log2,
        hiding_log2: report.hiding_log2,
    };
    Ok(PlanTable {
        model: network.name,
        parameters: PARAMETERS.name,
        layers,
        totals,
    })
}

impl PlanTable {
    fn costs(&self, width: usize) -> String {
        let header = [
            "layer", "ct", "NTTs", "cycles", "ANDs", "up", "down", "rounds", "ms",
        ];
        let ciphertexts = |[up, down]: [usize; 2]| match up + down {
            0 => "–".to_owned(),
            _ => format!("{up}/{down}"),
        };
        let mut rows: Vec<Vec<String>> = self
            .layers
            .iter()
            .map(|layer| {
                vec![
                    layer.name.clone(),
                    ciphertexts(layer.ciphertexts),
                    count(layer.transforms),
                    count(layer.cycles),
                    count(layer.and_gates),
                    output::bytes(layer.bytes_up),
                    output::bytes(layer.bytes_down),
                    count(u64::from(layer.rounds)),
                    milliseconds(layer.predicted_ms),
                ]
            })
            .collect();
        let totals = &self.totals;
        rows.push(vec![
            "total".to_owned(),
            ciphertexts(totals.ciphertexts),
            count(totals.transforms),
            count(totals.cycles),
            count(totals.and_gates),
            output::bytes(totals.bytes_up),
            output::bytes(totals.bytes_down),
            count(u64::from(totals.rounds)),
            milliseconds(totals.predicted_ms),
        ]);
        table(width, 1, &header, rows)
    }

    fn noise(&self, width: usize) -> String {
        let header = [
            "layer", "packing", "k", "noise", "margin", "failure", "hiding",
        ];
        let power = |exponent: Option<f64>| {
            exponent.map_or_else(|| "–".to_owned(), |exponent| format!("2^{exponent:.1}"))
        };
        let bits =
            |bits: Option<f64>| bits.map_or_else(|| "–".to_owned(), |bits| format!("{bits:.1}"));
        let mut rows: Vec<Vec<String>> = self
            .layers
            .iter()
            .map(|layer| {
                vec![
                    layer.name.clone(),
                    layer.packing.clone(),
                    layer.k.to_string(),
                    bits(layer.noise_bits),
                    bits(layer.margin_bits),
                    power(layer.failure_log2),
                    power(layer.hiding_log2),
                ]
            })
            .collect();
        let mut total = vec![String::new(); 5];
        "whole query".clone_into(&mut total[0]);
        total.push(power(Some(self.totals.failure_log2)));
        total.push(power(Some(self.totals.hiding_log2)));
        rows.push(total);
        table(width, 2, &header, rows)
    }
}

impl Report for PlanTable {
    fn text(&self, width: usize) -> String {
        let (model, parameters) = (&self.model, self.parameters);
        format!(
            "{model}: one image, parameter set {parameters}\n\
             ct: ciphertexts up/down; NTTs, cycles: of the ring processor\n\
             ms: predicted, with AVX-512 and a gigabit link\n\
             {}\n\n\
             Shares are mod 2^k. Noise is at most 2^noise; 2^margin times as much would still\n\
             decrypt. A query fails, or its responses tell of weights, with the chances here,\n\
             which must be at most 2^-40.\n\
             {}",
            self.costs(width),
            self.noise(width)
        )
    }
}
