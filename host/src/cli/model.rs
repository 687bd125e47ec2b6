//! `addax model show`: the nodes of a model file, and the integers that they become.

use addax::net::Layer;
use addax::net::graph::Row;
use anyhow::Result;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::load::ModelArgs;
use super::output::{Report, count, table, thousands};

/// Commands about models.
#[derive(Subcommand)]
pub enum ModelCommand {
    /// Show a model's layers
    Show(ShowArgs),
}

/// Arguments of `addax model show`.
#[derive(Args)]
pub struct ShowArgs {
    #[command(flatten)]
    model: ModelArgs,
}

/// A model's layers.
#[derive(Serialize)]
pub struct ModelReport {
    name: String,
    input: String,
    output: String,
    parameters: u64,
    macs: u64,
    nodes: Vec<Row>,
    layers: Vec<IntegerRow>,
}

/// A layer of the integer network. Weights stay out of it.
#[derive(Serialize)]
struct IntegerRow {
    name: String,
    kind: &'static str,
    output: String,
    /// Bits of a weight or of an activation.
    bits: Option<u32>,
    /// Bits that rounding drops.
    shift: Option<u32>,
    /// Largest magnitude of an accumulator.
    bound: Option<u64>,
}

/// Reads and quantises a model.
///
/// # Errors
/// Files that cannot be read, models that are not supported or have no integer form.
pub fn show(args: &ShowArgs) -> Result<ModelReport> {
    let graph = args.model.graph()?;
    let network = args.model.quantised(&graph)?;
    let nodes = graph.rows();
    Ok(ModelReport {
        input: graph.input.to_string(),
        output: graph.output().to_string(),
        parameters: nodes.iter().map(|row| row.parameters).sum(),
        macs: nodes.iter().map(|row| row.macs).sum(),
        nodes,
        layers: network.layers.iter().map(IntegerRow::of_layer).collect(),
        name: graph.name,
    })
}

impl IntegerRow {
    fn of_layer(layer: &Layer) -> Self {
        let (kind, bits, shift, bound) = match layer {
            Layer::Linear(linear) => ("linear", Some(linear.weight_bits), None, Some(linear.bound)),
            Layer::SumPool(pool) => ("sum", None, None, Some(pool.bound)),
            Layer::Activation(activation) => {
                let bits = activation.activation_bits;
                ("activation", Some(bits), Some(activation.shift), None)
            }
        };
        Self {
            name: layer.name().to_owned(),
            kind,
            output: layer.output().to_string(),
            bits,
            shift,
            bound,
        }
    }
}

impl Report for ModelReport {
    fn text(&self, width: usize) -> String {
        let header = [
            "node",
            "operation",
            "output",
            "parameters",
            "MACs",
            "activations",
        ];
        let node = |row: &Row| {
            vec![
                row.name.clone(),
                row.operation.clone(),
                row.output.clone(),
                count(row.parameters),
                count(row.macs),
                count(row.activations),
            ]
        };
        let nodes = table(width, 3, &header, self.nodes.iter().map(node).collect());
        let header = [
            "layer in integers",
            "kind",
            "output",
            "bits",
            "shift",
            "values up to",
        ];
        let some = |value: Option<u64>| value.map_or_else(|| "–".to_owned(), thousands);
        let layer = |row: &IntegerRow| {
            vec![
                row.name.clone(),
                row.kind.to_owned(),
                row.output.clone(),
                some(row.bits.map(u64::from)),
                some(row.shift.map(u64::from)),
                some(row.bound),
            ]
        };
        let layers = table(width, 3, &header, self.layers.iter().map(layer).collect());
        format!(
            "{}: {} → {}, {} parameters, {} multiply-accumulates an image\n{nodes}\n\n{layers}",
            self.name,
            self.input,
            self.output,
            thousands(self.parameters),
            thousands(self.macs)
        )
    }
}
