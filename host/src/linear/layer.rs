//! The server's side of a linear layer: encoding weights once, and answering one query.

use addax_core::isa::ProgramError;
use addax_core::machine::{MachineError, RingProcessor};
use addax_core::modulus::Modulus;
use addax_core::poly;
use addax_core::random::{Purpose, SEED_BYTES};
use addax_core::rlwe::Embedding;
use addax_core::sample;
use rand_core::Rng;
use zeroize::Zeroizing;

use super::program::{CompileError, LayerPrograms, input_number, input_of_number};
use super::stream::{Part, run};
use super::{LayerCost, Packing};
use crate::he::{Context, FreshCiphertext, PublicKey, Response, ResponseFormat, noise};
use crate::random::PartyRandomness;

/// Why a layer could not be computed.
#[derive(Debug, thiserror::Error)]
pub enum LinearError {
    /// The layer does not fit the machine.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The machine failed.
    #[error("the ring processor failed: {0}")]
    Machine(#[from] MachineError),
}

impl From<ProgramError> for LinearError {
    fn from(error: ProgramError) -> Self {
        Self::Compile(error.into())
    }
}

/// Weights and biases in the form in which they meet ciphertexts. Made once a model; the server's secret.
pub struct EncodedLayer {
    packing: Packing,
    format: ResponseFormat,
    /// Flooding noise is uniform in [−2^this, 2^this).
    flooding_exponent: Option<u32>,
    /// Transforms times 2^36: for each group of output channels its channel tiles, for each of these the limbs.
    weights: Vec<Vec<u64>>,
    /// One number for each output channel.
    bias: Vec<i64>,
}

/// What the server brings to one query of a layer.
pub struct ServerInput<'a> {
    /// The client's key.
    pub public_key: &'a PublicKey,
    /// The client's encrypted share, one ciphertext for each input of the packing.
    pub ciphertexts: Vec<FreshCiphertext>,
    /// The server's own share of the input tensor mod 2^k; none before the first layer.
    pub share: Option<&'a [u64]>,
}

/// A ciphertext of the query, the server's share added.
struct Input {
    components: [Vec<Vec<u64>>; 2],
    /// The seed that c1 was expanded from.
    seed: [u8; SEED_BYTES],
}

impl Input {
    /// One limb of one component.
    fn part(&self, component: usize, limb: usize) -> Part<'_> {
        let words = &self.components[component][limb][..];
        match component {
            0 => Part::from(words),
            _ => Part::seeded(words, self.seed, limb as u8),
        }
    }
}

impl EncodedLayer {
    /// Encodes a layer. `weights` is in the order output channel, input channel, row, column; `bias` has one number for
    /// each output channel.
    ///
    /// # Panics
    /// If a length does not fit the packing.
    #[must_use]
    pub fn encode(
        context: &Context,
        packing: Packing,
        format: ResponseFormat,
        weights: &[i32],
        bias: &[i64],
    ) -> Self {
        assert_eq!(bias.len(), packing.convolution().outputs, "bias length");
        let mut encoded = Vec::new();
        for group in 0..packing.groups() {
            for tile in 0..packing.channel_tiles() {
                let polynomial = packing.weight_polynomial(weights, group, tile);
                for limb in 0..context.limbs() {
                    let plan = context.basis().plan(limb);
                    let modulus = plan.modulus();
                    let mut values: Vec<u64> = polynomial
                        .iter()
                        .map(|&w| modulus.from_signed(i64::from(w)))
                        .collect();
                    plan.forward(&mut values);
                    poly::to_montgomery_assign(&modulus, &mut values);
                    encoded.push(values);
                }
            }
        }
        context.host_transforms().encoding(encoded.len());
        let exponent = noise::flooding_exponent(context.parameters(), format.plain_bits);
        Self {
            packing,
            format,
            flooding_exponent: Some(exponent),
            weights: encoded,
            bias: bias.to_vec(),
        }
    }

    /// The layer without flooding noise, whose responses hide nothing: only for tests that measure what flooding adds.
    #[doc(hidden)]
    #[must_use]
    pub fn without_flooding(self) -> Self {
        Self {
            flooding_exponent: None,
            ..self
        }
    }

    /// The layout.
    #[must_use]
    pub const fn packing(&self) -> &Packing {
        &self.packing
    }

    /// The format of responses.
    #[must_use]
    pub const fn format(&self) -> &ResponseFormat {
        &self.format
    }

    /// Answers one query: hands each response to `send` as soon as it is ready and returns the server's share of the
    /// output tensor mod 2^k (mask plus bias), with what the machine took.
    ///
    /// # Errors
    /// The machine is too small or fails, or what `send` returns.
    ///
    /// # Panics
    /// If the number of ciphertexts or the length of the share does not fit the packing.
    pub fn answer<E: From<LinearError>>(
        &self,
        context: &Context,
        machine: &mut dyn RingProcessor,
        input: ServerInput<'_>,
        randomness: &mut PartyRandomness,
        mut send: impl FnMut(Response) -> Result<(), E>,
    ) -> Result<(Zeroizing<Vec<u64>>, LayerCost), E> {
        let packing = &self.packing;
        assert_eq!(input.ciphertexts.len(), packing.inputs(), "ciphertexts");
        let programs =
            LayerPrograms::compile(context.basis(), packing, &self.format, &machine.geometry())
                .map_err(LinearError::from)?;
        let mut cost = LayerCost::default();
        let mut inputs = Vec::with_capacity(packing.inputs());
        for (index, ciphertext) in input.ciphertexts.into_iter().enumerate() {
            let seed = *ciphertext.seed();
            let mut components = ciphertext.into_components(context);
            if let Some(share) = input.share {
                let polynomial = Zeroizing::new(packing.input_polynomial(share, index));
                let parts = self.embed_share(context, &polynomial, &components[0]);
                components[0] = run(machine, &programs.prepare, parts, context, &mut cost)?;
            }
            inputs.push(Input { components, seed });
        }

        let output = packing.convolution().output_shape();
        let mask = u64::MAX >> (64 - self.format.plain_bits);
        let mut share = Zeroizing::new(vec![0; output.len()]);
        for (area, inputs) in inputs.chunks_exact(packing.channel_tiles()).enumerate() {
            let [limbs, tiles] = [context.limbs(), packing.channel_tiles()];
            let residents = (0..programs.residents())
                .map(|number| {
                    let [c, l, t] = input_of_number(limbs, tiles, number);
                    inputs[t].part(c, l)
                })
                .collect();
            run(machine, &programs.load, residents, context, &mut cost)?;
            for group in 0..packing.groups() {
                let response_index = area * packing.groups() + group;
                let (masks, noise) =
                    blind(context, &self.format, self.flooding_exponent, randomness);
                let zero = input.public_key.encrypt_zero(context, randomness);
                let mut components = [Vec::new(), Vec::new()];
                for (c, component) in components.iter_mut().enumerate() {
                    let mut parts = Vec::new();
                    for l in (0..limbs).rev() {
                        for (t, input) in inputs.iter().enumerate() {
                            if input_number(limbs, tiles, c, l, t) >= programs.residents() {
                                parts.push(input.part(c, l));
                            }
                            let weights = (group * tiles + t) * limbs + l;
                            parts.push(Part::from(&self.weights[weights][..]));
                        }
                        parts.push(Part::from(&zero.products[c][l][..]));
                        let modulus = context.basis().modulus(l);
                        let blinding = if c == 0 { Some(&noise[l][..]) } else { None };
                        let errors = coefficients(&modulus, &zero.errors[c], blinding);
                        parts.push(Part::from(errors));
                    }
                    *component = run(machine, &programs.components[c], parts, context, &mut cost)?;
                }
                let positions = packing.outputs(response_index);
                for position in &positions {
                    let channel = position.output / output.area();
                    share[position.output] =
                        masks[position.coefficient].wrapping_add(self.bias[channel] as u64) & mask;
                }
                let used: Vec<usize> = positions.iter().map(|p| p.coefficient).collect();
                send(Response::extract(&self.format, context, &components, &used))?;
            }
        }
        Ok((share, cost))
    }

    /// The stream of the `prepare` program: in each limb the embedded share, then c0.
    fn embed_share<'c>(
        &self,
        context: &Context,
        polynomial: &[u64],
        c0: &'c [Vec<u64>],
    ) -> Vec<Part<'c>> {
        let mut parts = Vec::with_capacity(2 * c0.len());
        for (limb, c0) in c0.iter().enumerate() {
            let moduli = context.parameters().moduli();
            let embedding = Embedding::new(moduli, limb, self.format.plain_bits);
            let embedded: Vec<u64> = polynomial.iter().map(|&x| embedding.embed(x)).collect();
            parts.push(Part::from(embedded));
            parts.push(Part::from(&c0[..]));
        }
        parts
    }
}

/// A fresh mask mod 2^k for every coefficient, and in each limb flooding noise minus the embedded mask.
fn blind(
    context: &Context,
    format: &ResponseFormat,
    flooding_exponent: Option<u32>,
    randomness: &mut PartyRandomness,
) -> (Zeroizing<Vec<u64>>, Vec<Zeroizing<Vec<u64>>>) {
    let n = context.n();
    let plain_mask = u64::MAX >> (64 - format.plain_bits);
    let mut rng = randomness.generator(Purpose::Mask);
    let masks: Zeroizing<Vec<u64>> =
        Zeroizing::new((0..n).map(|_| rng.next_u64() & plain_mask).collect());
    let mut rng = randomness.generator(Purpose::Flooding);
    let flooding: Zeroizing<Vec<i128>> = Zeroizing::new(match flooding_exponent {
        Some(exponent) => (0..n)
            .map(|_| sample::flooding(&mut rng, exponent))
            .collect(),
        None => vec![0; n],
    });
    let noise = (0..context.limbs())
        .map(|limb| {
            let modulus = context.basis().modulus(limb);
            let moduli = context.parameters().moduli();
            let embedding = Embedding::new(moduli, limb, format.plain_bits);
            let values = masks.iter().zip(flooding.iter());
            Zeroizing::new(
                values
                    .map(|(&mask, &flood)| {
                        modulus.sub(residue_wide(&modulus, flood), embedding.embed(mask))
                    })
                    .collect(),
            )
        })
        .collect();
    (masks, noise)
}

/// The residue of |x| < 2^102 mod a prime of 35 bits, without a branch on x.
fn residue_wide(modulus: &Modulus, x: i128) -> u64 {
    const DIGIT: u32 = 34;
    let sign = (x >> 127) as u64;
    let magnitude = x.unsigned_abs();
    let digit = |index: u32| (magnitude >> (index * DIGIT)) & ((1 << DIGIT) - 1);
    let high = modulus.reduce_wide((digit(2) << DIGIT) | digit(1));
    let residue = modulus.reduce_wide((u128::from(high) << DIGIT) | digit(0));
    (residue & !sign) | (modulus.neg(residue) & sign)
}

/// The residues of error coefficients, plus a blinding polynomial if there is one.
fn coefficients(modulus: &Modulus, errors: &[i8], blinding: Option<&[u64]>) -> Vec<u64> {
    let mut values: Vec<u64> = errors
        .iter()
        .map(|&e| modulus.from_signed(i64::from(e)))
        .collect();
    if let Some(blinding) = blinding {
        poly::add_assign(modulus, &mut values, blinding);
    }
    values
}
