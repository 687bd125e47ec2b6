//! Which circuit a non-linear layer is, what it costs, and how its inputs are ordered.
//!
//! For shares x_C, x_S of x modulo 2^k, an instance computes
//!
//! ```text
//! y = clamp(⌊(max over the window of x + 2^(s−1)) / 2^s⌋, 0, 2^b − 1)   as shares modulo 2^k'
//! ```
//!
//! bit for bit like integer arithmetic, if |x| < 2^(k−1) − 2^(s−1). The garbler adds 2^(s−1) to its share beforehand, so
//! that inside the circuit rounding is a choice of wires. Steps, with n = k − s:
//!
//! | step | AND gates | bytes each |
//! |---|---|---|
//! | add the shares, for each value of the window | k − 1 | 32, one of them 16 |
//! | join magnitude bits above b to an overflow bit, for each value | max(n − 2 − b, 0) | 32 |
//! | compare and select, for each value but the first, words of min(n, b + 2) bits | 2·min(n, b + 2) | 32 |
//! | separate overflow from values that pass | 1 if n − 1 > b | 32 |
//! | mask by the sign, turn into shares: bit i | min(b, n − 1) | 3·(k' − i)/8 |
//!
//! and k'/8 bytes for the overflow. Rounding, ReLU and clamping are monotone, so all of them commute with the maximum: it
//! is taken of the words that are already rounded and saturated, because they are the shortest.
//!
//! Instances are processed in batches of bounded size, each one round trip.

use super::channel::HEADER_BYTES;
use super::{MpcError, ot_extension};
use addax_core::garble::{
    Builder, Circuit, CircuitError, Counts, Gate, LANES, Node, Saturated, Wire, Word, transpose,
};
use zeroize::Zeroizing;

/// Bytes up to which the tables of several chunks share a frame. The tables of one chunk are never divided.
const FRAME_BYTES: usize = 256 * 1024;

/// Transfers up to which instances share a round trip: their labels take 8 MiB.
const BATCH_TRANSFERS: usize = 1 << 19;

/// What happens between rounding and the next layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// max(x, 0).
    Relu,
    /// Nothing but rounding and clamping to 0..2^b: for layers whose values are not negative, such as averages of
    /// activations. As clamping maps negative values to 0, this is the circuit of [`Self::Relu`].
    Identity,
}

/// A non-linear layer of a network on additive shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NonLinear {
    /// The function.
    pub function: Function,
    /// The maximum is taken over this many values; 1: none.
    pub window: usize,
    /// k, 2 ≤ k ≤ 63: input shares are modulo 2^k.
    pub input_bits: u32,
    /// s < k: values are divided by 2^s and rounded to the nearest integer, halves up.
    pub shift: u32,
    /// b ≥ 1: results are clamped to 0..2^b.
    pub activation_bits: u32,
    /// k', b ≤ k' ≤ 63: output shares are modulo 2^k'.
    pub output_bits: u32,
}

impl NonLinear {
    /// Checks the bounds of the fields.
    ///
    /// # Errors
    /// [`MpcError::InvalidLayer`] with the bound that is violated.
    pub fn validate(&self) -> Result<(), MpcError> {
        let error = |text: String| Err(MpcError::InvalidLayer(text));
        let Self {
            input_bits: k,
            shift,
            activation_bits: b,
            output_bits: out,
            ..
        } = *self;
        if self.window == 0 {
            return error("a maximum over no value".into());
        }
        if !(2..=63).contains(&k) {
            return error(format!("input shares of {k} bits, not 2 to 63"));
        }
        if shift >= k {
            return error(format!("a shift by {shift} of values of {k} bits"));
        }
        if b == 0 || b > out || out > 63 {
            return error(format!(
                "activations of {b} bits in output shares of {out} bits, at most 63"
            ));
        }
        Ok(())
    }

    /// What the garbler adds to each of its shares beforehand: 2^(s−1), or 0 without a shift.
    pub fn rounding_offset(&self) -> u64 {
        (1 << self.shift) >> 1
    }

    /// Gates of an instance, with their kinds.
    ///
    /// # Errors
    /// [`MpcError::InvalidLayer`], or [`MpcError::Circuit`] if the circuit is too large.
    pub fn counts(&self) -> Result<Counts, MpcError> {
        self.with_circuit(|circuit| Ok(circuit.counts()))
    }

    /// AND gates of an instance; 0 for a layer that is invalid.
    pub fn and_gates(&self) -> usize {
        self.counts().map_or(0, |counts| counts.and_gates())
    }

    /// Bytes that cross the channel for `instances` instances, headers included: (evaluator to garbler, garbler to
    /// evaluator). (0, 0) for a layer that is invalid.
    pub fn bytes(&self, instances: usize) -> (usize, usize) {
        self.with_circuit(|circuit| Ok(bytes(circuit, instances)))
            .unwrap_or_default()
    }

    /// The same with tables that are garbled ahead: bytes before the input is known, and bytes after, each (evaluator to
    /// garbler, garbler to evaluator).
    pub fn bytes_ahead(&self, instances: usize) -> [(usize, usize); 2] {
        self.with_circuit(|circuit| {
            let ahead = bytes(circuit, instances);
            Ok([ahead, super::ahead::online_bytes(circuit, instances)])
        })
        .unwrap_or_default()
    }

    /// Round trips for `instances` instances; 0 for a layer that is invalid.
    pub fn rounds(&self, instances: usize) -> usize {
        self.with_circuit(|circuit| Ok(batches(circuit, instances).count()))
            .unwrap_or(0)
    }

    /// Builds the circuit and hands it to `then`.
    pub(super) fn with_circuit<T>(
        &self,
        then: impl FnOnce(&Circuit<'_>) -> Result<T, MpcError>,
    ) -> Result<T, MpcError> {
        self.validate()?;
        let k = self.input_bits as usize;
        // Inputs, five nodes for a bit of a sum, seven for comparing and selecting, and the flags.
        let nodes = self.window * (2 * k + 5 * k + 8 * (k + 2)) + 200;
        with_circuit(nodes, self.output_bits, |builder| self.build(builder), then)
    }

    fn build(&self, builder: &mut Builder<'_>) {
        let mut best: Option<Saturated> = None;
        for _ in 0..self.window {
            let theirs = builder.evaluator_word(self.input_bits);
            let own = builder.garbler_word(self.input_bits);
            let sum = builder.add(&theirs, &own);
            let rounded = Builder::shift_right(&sum, self.shift);
            let saturated = builder.saturate(&rounded, self.activation_bits);
            best = Some(match best {
                None => saturated,
                Some(best) => {
                    let (max, _) = builder.max(best.as_word(), saturated.as_word());
                    saturated.with_word(max)
                }
            });
        }
        if let Some(best) = best {
            builder.share_clamped(&best);
        }
    }
}

/// What two parties compute on shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Task {
    /// A layer; its results are shares again.
    Layer(NonLinear),
    /// The index of the largest of signed values, which the evaluator learns.
    ArgMax {
        /// How many values.
        values: usize,
        /// Bits of a share.
        bits: u32,
    },
}

impl Task {
    /// Shares that an instance takes.
    pub(super) const fn window(&self) -> usize {
        match self {
            Self::Layer(layer) => layer.window,
            Self::ArgMax { values, .. } => *values,
        }
    }

    /// Bits of a share that goes in.
    pub(super) const fn bits(&self) -> u32 {
        match self {
            Self::Layer(layer) => layer.input_bits,
            Self::ArgMax { bits, .. } => *bits,
        }
    }

    /// What the garbler adds to each of its shares.
    pub(super) fn offset(&self) -> u64 {
        match self {
            Self::Layer(layer) => layer.rounding_offset(),
            Self::ArgMax { .. } => 0,
        }
    }

    /// The number of instances that `shares` shares make.
    ///
    /// # Errors
    /// [`MpcError::InvalidLayer`] if they do not fill whole windows.
    pub fn instances(&self, shares: usize) -> Result<usize, MpcError> {
        let window = self.window();
        if window == 0 || !shares.is_multiple_of(window) {
            return Err(MpcError::InvalidLayer(format!(
                "{shares} shares do not make windows of {window}"
            )));
        }
        Ok(shares / window)
    }

    /// Builds the circuit and hands it to `then`.
    pub(super) fn with_circuit<T>(
        &self,
        then: impl FnOnce(&Circuit<'_>) -> Result<T, MpcError>,
    ) -> Result<T, MpcError> {
        match self {
            Self::Layer(layer) => layer.with_circuit(then),
            Self::ArgMax { values, bits } => with_arg_max_circuit(*values, *bits, then),
        }
    }
}

/// The circuit that finds the index of the largest of `values` signed values of `bits` bits, the lowest such index.
fn with_arg_max_circuit<T>(
    values: usize,
    bits: u32,
    then: impl FnOnce(&Circuit<'_>) -> Result<T, MpcError>,
) -> Result<T, MpcError> {
    if values == 0 || !(1..=63).contains(&bits) {
        return Err(MpcError::InvalidLayer(format!(
            "the largest of {values} values of {bits} bits"
        )));
    }
    let index_bits = usize::BITS - (values - 1).leading_zeros();
    let nodes = values * (15 * bits as usize + 3 * index_bits as usize + 10) + 200;
    let build = |builder: &mut Builder<'_>| {
        let mut best: Option<(Word, Word)> = None;
        for value in 0..values {
            let theirs = builder.evaluator_word(bits);
            let own = builder.garbler_word(bits);
            let sum = builder.add(&theirs, &own);
            let ordered = Builder::signed_order(&sum);
            let index = Builder::constant_word(value as u64, index_bits);
            best = Some(match best {
                None => (ordered, index),
                Some((best, best_index)) => {
                    let (max, second) = builder.max(&best, &ordered);
                    let index = builder.mux(second, &index, &best_index);
                    (max, index)
                }
            });
        }
        let index: Word = best.map(|(_, index)| index).unwrap_or_default();
        index.iter().for_each(|&wire: &Wire| builder.output(wire));
    };
    with_circuit(nodes, 0, build, then)
}

/// AND gates of the circuit that finds the largest of `values` values of `bits` bits; 0 if there is no such circuit.
pub fn arg_max_and_gates(bits: u32, values: usize) -> usize {
    with_arg_max_circuit(values, bits, |circuit| Ok(circuit.counts().and_gates())).unwrap_or(0)
}

/// Bytes that cross the channel for it, headers included: (evaluator to garbler, garbler to evaluator). (0, 0) if there
/// is no such circuit.
pub fn arg_max_bytes(bits: u32, values: usize) -> (usize, usize) {
    with_arg_max_circuit(values, bits, |circuit| Ok(bytes(circuit, 1))).unwrap_or_default()
}

fn with_circuit<T>(
    nodes: usize,
    share_bits: u32,
    build: impl FnOnce(&mut Builder<'_>),
    then: impl FnOnce(&Circuit<'_>) -> Result<T, MpcError>,
) -> Result<T, MpcError> {
    if nodes >= 1 << 30 {
        return Err(CircuitError::TooManyNodes.into());
    }
    let mut memory = vec![Node::default(); nodes];
    let mut gates = vec![Gate::OutputConstant { value: false }; nodes];
    let mut builder = Builder::new(&mut memory, share_bits);
    build(&mut builder);
    then(&builder.finish(&mut gates)?)
}

/// Instances of each round trip.
pub(super) fn batches(circuit: &Circuit<'_>, instances: usize) -> impl Iterator<Item = usize> {
    let inputs = circuit.evaluator_inputs().max(1);
    pieces(instances, (BATCH_TRANSFERS / inputs / LANES).max(1) * LANES)
}

/// Instances of each frame of garbled tables.
pub(super) fn frames(circuit: &Circuit<'_>, instances: usize) -> impl Iterator<Item = usize> {
    let chunk = circuit.table_bytes(LANES).max(1);
    pieces(instances, (FRAME_BYTES / chunk).max(1) * LANES)
}

fn pieces(total: usize, size: usize) -> impl Iterator<Item = usize> {
    (0..total)
        .step_by(size)
        .map(move |start| size.min(total - start))
}

/// Bytes for `instances` instances: (evaluator to garbler, garbler to evaluator).
pub(super) fn bytes(circuit: &Circuit<'_>, instances: usize) -> (usize, usize) {
    let mut total = (0, 0);
    for batch in batches(circuit, instances) {
        total.0 += ot_extension::extension_bytes(batch * circuit.evaluator_inputs());
        total.1 += HEADER_BYTES + super::garbler::SEED_BYTES;
        for frame in frames(circuit, batch) {
            total.1 += HEADER_BYTES + circuit.table_bytes(frame);
        }
    }
    total
}

/// Input bits of instances with `window` shares each, as words of a (chunk, input): input v·`bits` + t of instance l
/// is bit t of share l·`window` + v, and becomes bit l of its word.
pub(super) fn input_words(
    shares: &[u64],
    window: usize,
    bits: u32,
    offset: u64,
) -> Zeroizing<Vec<u64>> {
    let chunks = shares.len().div_ceil(LANES * window);
    // Exactly enough: growing would leave a copy of the shares behind.
    let mut words = Zeroizing::new(Vec::with_capacity(chunks * window * bits as usize));
    // A share is a row of bits, and an input a column, of the upper left quarter of a matrix.
    let mut low = Zeroizing::new([0; 2 * LANES]);
    let mut high = Zeroizing::new([0; 2 * LANES]);
    for chunk in shares.chunks(LANES * window) {
        for v in 0..window {
            low.fill(0);
            high.fill(0);
            for (row, share) in low.iter_mut().zip(chunk.iter().skip(v).step_by(window)) {
                *row = share.wrapping_add(offset);
            }
            transpose(&mut low, &mut high);
            words.extend_from_slice(&low[..bits as usize]);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use chacha20::ChaCha20Rng;
    use rand_core::{Rng, SeedableRng};

    #[test]
    fn input_words_have_bit_l_for_instance_l() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        for (instances, window, bits, offset) in [
            (1, 1, 63, 0),
            (64, 1, 23, 128),
            (65, 2, 2, 1),
            (130, 3, 40, 0),
        ] {
            let shares: Vec<u64> = (0..instances * window).map(|_| rng.next_u64()).collect();
            let words = input_words(&shares, window, bits, offset);
            let inputs = window * bits as usize;
            assert_eq!(words.len(), instances.div_ceil(LANES) * inputs);
            for (n, shares) in shares.chunks(window).enumerate() {
                for (input, word) in words[n / LANES * inputs..][..inputs].iter().enumerate() {
                    let share = shares[input / bits as usize].wrapping_add(offset);
                    let expected = share >> (input % bits as usize) & 1;
                    assert_eq!(word >> (n % LANES) & 1, expected, "{n} {input}");
                }
            }
        }
    }
}
