//! The server's side of a linear layer: encoding weights once, and answering one query.

use addax_core::isa::ProgramError;
use addax_core::machine::{MachineError, RingProcessor};
use addax_core::poly;
use addax_core::random::SEED_BYTES;
use addax_core::rlwe::Embedding;
use rayon::prelude::*;
use zeroize::Zeroizing;

use super::blinding::{Blinding, BlindingRandomness};
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
        let tiles = packing.channel_tiles();
        let places: Vec<(usize, usize)> = (0..packing.groups())
            .flat_map(|group| (0..tiles).map(move |tile| (group, tile)))
            .collect();
        let encoded: Vec<Vec<u64>> = places
            .into_par_iter()
            .flat_map_iter(|(group, tile)| {
                let polynomial = packing.weight_polynomial(weights, group, tile);
                (0..context.limbs()).map(move |limb| {
                    let plan = context.basis().plan(limb);
                    let modulus = plan.modulus();
                    let mut values: Vec<u64> = polynomial
                        .iter()
                        .map(|&w| modulus.from_signed(i64::from(w)))
                        .collect();
                    plan.forward(&mut values);
                    poly::to_montgomery_assign(&modulus, &mut values);
                    values
                })
            })
            .collect();
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

    /// Draws what hides the responses of one query, one for each.
    #[must_use]
    pub fn blind(
        &self,
        context: &Context,
        public_key: &PublicKey,
        randomness: &mut PartyRandomness,
    ) -> Vec<Blinding> {
        self.blind_some(self.packing.responses(), context, public_key, randomness)
    }

    /// The same for the next `count` responses.
    fn blind_some(
        &self,
        count: usize,
        context: &Context,
        public_key: &PublicKey,
        randomness: &mut PartyRandomness,
    ) -> Vec<Blinding> {
        let (format, flooding) = (&self.format, self.flooding_exponent);
        let taken: Vec<_> = (0..count)
            .map(|_| BlindingRandomness::take(randomness))
            .collect();
        let draw = |taken| Blinding::draw(context, format, flooding, public_key, taken);
        taken.into_par_iter().map(draw).collect()
    }

    /// Draws what hides the responses of one query as they are needed, as many at a time as there are threads.
    pub fn blind_lazily<'l>(
        &'l self,
        context: &'l Context,
        public_key: &'l PublicKey,
        randomness: &'l mut PartyRandomness,
    ) -> impl Iterator<Item = Blinding> + 'l {
        let mut left = self.packing.responses();
        std::iter::from_fn(move || {
            let count = left.min(rayon::current_num_threads());
            left -= count;
            (count > 0).then(|| self.blind_some(count, context, public_key, randomness))
        })
        .flatten()
    }

    /// The server's share of the output tensor mod 2^k under these blindings: masks plus bias. It does not depend on the
    /// query.
    ///
    /// # Panics
    /// If there are fewer blindings than responses.
    #[must_use]
    pub fn share(&self, blindings: &[Blinding]) -> Zeroizing<Vec<u64>> {
        let output = self.packing.convolution().output_shape();
        let mut share = Zeroizing::new(vec![0; output.len()]);
        let blindings = &blindings[..self.packing.responses()];
        for (index, blinding) in blindings.iter().enumerate() {
            self.share_part(index, blinding, &mut share);
        }
        share
    }

    /// Fills in what one response contributes to the server's share.
    fn share_part(&self, response: usize, blinding: &Blinding, share: &mut [u64]) {
        let area = self.packing.convolution().output_shape().area();
        let mask = u64::MAX >> (64 - self.format.plain_bits);
        for position in self.packing.outputs(response) {
            let bias = self.bias[position.output / area] as u64;
            share[position.output] = blinding.mask(position.coefficient).wrapping_add(bias) & mask;
        }
    }

    /// Answers one query: hands each response to `send` as soon as it is ready and returns the server's share of the
    /// output tensor mod 2^k (mask plus bias), with what the machine took. Each response uses up one of the `blindings`.
    ///
    /// # Errors
    /// The machine is too small or fails, or what `send` returns.
    ///
    /// # Panics
    /// If the number of ciphertexts or the length of the share does not fit the packing, or the blindings end too early.
    pub fn answer<E: From<LinearError>>(
        &self,
        context: &Context,
        machine: &mut dyn RingProcessor,
        input: ServerInput<'_>,
        blindings: &mut dyn Iterator<Item = Blinding>,
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

        let outputs = packing.convolution().output_shape().len();
        let mut share = Zeroizing::new(vec![0; outputs]);
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
                let blinding = blindings.next().expect("a blinding a response");
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
                        parts.push(Part::from(blinding.product(c, l)));
                        parts.push(Part::from(blinding.coefficients(c, l)));
                    }
                    *component = run(machine, &programs.components[c], parts, context, &mut cost)?;
                }
                self.share_part(response_index, &blinding, &mut share);
                let positions = packing.outputs(response_index);
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
