//! The plan in numbers: what every layer costs and how safe it is, without running it.

use addax_core::isa::Geometry;
use serde::Serialize;

use super::{LinearStage, PlanError, PublicPlan, Reveal};
use crate::he::noise::{self, NoiseBound};
use crate::he::{Context, FreshCiphertext, ResponseFormat};
use crate::linear::program::LayerPrograms;
use crate::linear::{Packing, Tile};
use crate::mpc;

/// One row of a plan, for people and for `--json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerPlan {
    /// Name in the model.
    pub name: String,
    /// What the layer does and where: `convolution`, `matrix`, `sum`, `relu`, `max relu`, `rounding`, `arg max`.
    pub kind: &'static str,
    /// How it is laid out.
    pub packing: String,
    /// Shares are mod 2^k.
    pub k: u32,
    /// log₂ of the bound on decrypted noise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise_bits: Option<f64>,
    /// log₂ of the room above that bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub margin_bits: Option<f64>,
    /// log₂ of the probability that a coefficient of the layer decrypts wrongly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_log2: Option<f64>,
    /// log₂ of the distance between the layer's responses and simulated ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hiding_log2: Option<f64>,
    /// Ciphertexts up and down.
    pub ciphertexts: [usize; 2],
    /// Transforms on the ring processor.
    pub transforms: u64,
    /// Cycles of the ring processor.
    pub cycles: u64,
    /// AND gates.
    pub and_gates: u64,
    /// Bytes from client to server, frames included.
    pub bytes_up: u64,
    /// Bytes from server to client, frames included.
    pub bytes_down: u64,
    /// Round trips.
    pub rounds: u32,
    /// Expected milliseconds with AVX-512 and a gigabit link, from the counts above.
    pub predicted_ms: f64,
}

/// The plan of the whole computation in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanReport {
    /// Layer by layer.
    pub layers: Vec<LayerPlan>,
    /// log₂ of the probability that a query decrypts wrongly anywhere.
    pub failure_log2: f64,
    /// log₂ of the statistical distance of a whole query.
    pub hiding_log2: f64,
}

impl PublicPlan {
    /// The plan in numbers, for a machine of the given geometry.
    ///
    /// # Errors
    /// As [`PublicPlan::of_network`], and layers that do not fit the machine.
    pub fn report(&self, context: &Context, geometry: &Geometry) -> Result<PlanReport, PlanError> {
        let parameters = context.parameters();
        let (bounds, failure_log2, hiding_log2) = self.noise_bounds(parameters)?;
        let mut bounds = bounds.into_iter();
        let mut layers = Vec::new();
        let mut shape = self.input_shape();
        for (index, stage) in self.stages.iter().enumerate() {
            if let Some(linear) = &stage.linear
                && let Some(bound) = bounds.next()
            {
                let packing = linear.packing(parameters)?;
                layers.push(linear.report(
                    context,
                    geometry,
                    &packing,
                    stage.plain_bits,
                    index > 0,
                    &bound,
                )?);
                shape = packing.convolution().output_shape();
            }
            for pool in &stage.pools {
                layers.push(LayerPlan::local(&pool.name, stage.plain_bits));
                shape = pool.output_shape(shape).unwrap_or(shape);
            }
            let garbled = match (&stage.activation, self.reveal) {
                (Some(activation), _) => {
                    let circuit = activation.circuit(stage.plain_bits, self.next_plain_bits(index));
                    shape = activation.output_shape(shape).unwrap_or(shape);
                    let (up, down) = circuit.bytes(shape.len());
                    let gates = circuit.and_gates() * shape.len();
                    let rounds = circuit.rounds(shape.len());
                    Some((
                        activation.name.clone(),
                        activation.kind(),
                        gates,
                        (up, down),
                        shape.len(),
                        rounds,
                    ))
                }
                (None, Reveal::ArgMax) => {
                    let (up, down) = mpc::arg_max_bytes(stage.plain_bits, shape.len());
                    let gates = mpc::arg_max_and_gates(stage.plain_bits, shape.len());
                    Some(("answer".to_owned(), "arg max", gates, (up, down), 1, 1))
                }
                (None, Reveal::Logits) => None,
            };
            if let Some((name, kind, gates, (up, down), instances, rounds)) = garbled {
                layers.push(LayerPlan {
                    packing: format!("{instances} circuits"),
                    and_gates: gates as u64,
                    bytes_up: up as u64,
                    bytes_down: down as u64,
                    rounds: rounds as u32,
                    predicted_ms: predict(0, 0, gates, [0, 0], up + down),
                    kind,
                    ..LayerPlan::local(&name, stage.plain_bits)
                });
            }
        }
        Ok(PlanReport {
            layers,
            failure_log2,
            hiding_log2,
        })
    }
}

impl LinearStage {
    fn report(
        &self,
        context: &Context,
        geometry: &Geometry,
        packing: &Packing,
        plain_bits: u32,
        with_share: bool,
        bound: &NoiseBound,
    ) -> Result<LayerPlan, PlanError> {
        let format = noise::response_format(context.parameters(), plain_bits);
        let cost = LayerPrograms::compile(context.basis(), packing, &format, geometry)
            .map(|programs| programs.cost(packing, geometry, with_share))
            .map_err(|source| PlanError::Compile {
                layer: self.name.clone(),
                source,
            })?;
        let (up, down) = linear_bytes(context, packing, &format);
        let ciphertexts = [packing.inputs(), packing.responses()];
        let Tile {
            channels,
            rows,
            columns,
        } = packing.tile();
        Ok(LayerPlan {
            kind: self.kind(),
            packing: format!(
                "{channels}×{rows}×{columns} a tile, {} outputs together",
                packing.outputs_together()
            ),
            noise_bits: Some(bound.noise_bits),
            margin_bits: Some(bound.margin_bits),
            failure_log2: Some(bound.failure_log2),
            hiding_log2: Some(bound.hiding_log2),
            ciphertexts,
            transforms: cost.transforms,
            cycles: cost.cycles,
            bytes_up: up as u64,
            bytes_down: down as u64,
            rounds: 1,
            predicted_ms: predict(
                cost.transforms,
                packing.products(),
                0,
                ciphertexts,
                up + down,
            ),
            ..LayerPlan::local(&self.name, plain_bits)
        })
    }
}

/// Bytes up and down of a linear layer, frames included.
fn linear_bytes(context: &Context, packing: &Packing, format: &ResponseFormat) -> (usize, usize) {
    let up = packing.inputs() * (mpc::HEADER_BYTES + FreshCiphertext::wire_len(context));
    let down = (0..packing.responses())
        .map(|response| {
            let used = packing.outputs(response).len();
            mpc::HEADER_BYTES + format.wire_len(context, used)
        })
        .sum();
    (up, down)
}

impl LayerPlan {
    /// A layer that each party computes alone.
    fn local(name: &str, k: u32) -> Self {
        Self {
            name: name.to_owned(),
            kind: "sum",
            packing: "on shares".to_owned(),
            k,
            noise_bits: None,
            margin_bits: None,
            failure_log2: None,
            hiding_log2: None,
            ciphertexts: [0, 0],
            transforms: 0,
            cycles: 0,
            and_gates: 0,
            bytes_up: 0,
            bytes_down: 0,
            rounds: 0,
            predicted_ms: 0.0,
        }
    }
}

/// Milliseconds that a layer takes with AVX-512 and a gigabit link, one thread a party, everything one after another: the parties' work,
/// then the bytes. The costs are medians on the machine of the README's table, as `cargo bench` prints them (`ntt`,
/// `ct_plain`, `garble`); a response is what its layer's time there leaves after transforms and products, and its
/// decryption. The extension of transfers is not counted.
fn predict(
    transforms: u64,
    products: usize,
    and_gates: usize,
    ciphertexts: [usize; 2],
    bytes: usize,
) -> f64 {
    const TRANSFORM_MS: f64 = 0.004;
    const PRODUCT_MS: f64 = 0.008;
    // Garbled at 125, evaluated at 224 million a second.
    const AND_MS: f64 = 0.000_012_5;
    // Encrypted and packed in 0.20, read and expanded in 0.15.
    const FRESH_MS: f64 = 0.35;
    // Made in 0.40, decrypted in 0.07.
    const RESPONSE_MS: f64 = 0.47;
    const BYTE_MS: f64 = 8e-6;
    transforms as f64 * TRANSFORM_MS
        + products as f64 * PRODUCT_MS
        + and_gates as f64 * AND_MS
        + ciphertexts[0] as f64 * FRESH_MS
        + ciphertexts[1] as f64 * RESPONSE_MS
        + bytes as f64 * BYTE_MS
}
