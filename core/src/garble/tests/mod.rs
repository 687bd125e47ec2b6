//! Every gadget three times: garbled, on plain bits, and by integer arithmetic.

mod gadgets;
mod kernels;
mod layers;
mod modular;
mod session;

use super::*;
use crate::share::Ring;
use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use std::vec;
use std::vec::Vec;

/// Words of one party in one instance: (value, bits), in the order of the circuit's inputs.
type Words = Vec<(u64, u32)>;

fn with_circuit<R>(
    share_bits: u32,
    build: impl FnOnce(&mut Builder<'_>),
    then: impl FnOnce(&Circuit<'_>) -> R,
) -> R {
    let mut nodes = vec![Node::default(); 4000];
    let mut gates = vec![Gate::OutputConstant { value: false }; 4000];
    let mut builder = Builder::new(&mut nodes, share_bits);
    build(&mut builder);
    then(&builder.finish(&mut gates).unwrap())
}

fn counts(share_bits: u32, build: impl FnOnce(&mut Builder<'_>)) -> Counts {
    with_circuit(share_bits, build, |circuit| circuit.counts())
}

fn output_word(builder: &mut Builder<'_>, word: &[Wire]) {
    word.iter().for_each(|&wire| builder.output(wire));
}

/// The bits of many instances as words of a (chunk, input).
fn pack(instances: &[Words]) -> Vec<u64> {
    let mut words = Vec::new();
    for chunk in instances.chunks(LANES) {
        let first = words.len();
        for (lane, instance) in chunk.iter().enumerate() {
            let bits = instance
                .iter()
                .flat_map(|&(value, bits)| (0..bits).map(move |i| value >> i & 1));
            for (input, bit) in bits.enumerate() {
                if first + input == words.len() {
                    words.push(0);
                }
                words[first + input] |= bit << lane;
            }
        }
    }
    words
}

/// Results of a run: for each instance its revealed bits as a number and its two shares.
struct Results {
    outputs: Vec<u64>,
    garbler: Vec<u64>,
    evaluator: Vec<u64>,
    table: Vec<u8>,
}

fn unpack(circuit: &Circuit<'_>, words: &[u64], instances: usize) -> Vec<u64> {
    let outputs = circuit.outputs();
    (0..instances)
        .map(|n| {
            (0..outputs).fold(0, |value, i| {
                value | (words[n / LANES * outputs + i] >> (n % LANES) & 1) << i
            })
        })
        .collect()
}

fn run_garbled(
    circuit: &Circuit<'_>,
    evaluator: &[Words],
    garbler: &[Words],
    rng: &mut ChaCha20Rng,
) -> Results {
    let instances = evaluator.len();
    let delta = Delta::random(rng);
    let mut key = [0; 16];
    rng.fill_bytes(&mut key);
    let mut random =
        |count: usize| -> Vec<Block> { (0..count).map(|_| Block::random(rng)).collect() };
    let zero = random(instances * circuit.evaluator_inputs());
    let active = random(instances * circuit.garbler_inputs());
    let evaluator_bits = pack(evaluator);
    let mut evaluator_active = zero.clone();
    let mut next = 0;
    for (chunk, words) in evaluator
        .chunks(LANES)
        .zip(evaluator_bits.chunks(circuit.evaluator_inputs().max(1)))
    {
        for word in words {
            for lane in 0..chunk.len() {
                evaluator_active[next] ^= delta.block().select(word >> lane & 1);
                next += 1;
            }
        }
    }
    let mut workspace = vec![Block::ZERO; circuit.workspace()];
    let mut table = vec![0; circuit.table_bytes(instances)];
    let mut garbler_shares = vec![0; instances];
    let inputs = GarblingInputs {
        evaluator_zero_labels: &zero,
        garbler_active_labels: &active,
        garbler_bits: &pack(garbler),
    };
    Garbling::new(key, delta)
        .garble(
            circuit,
            instances,
            inputs,
            &mut workspace,
            &mut table,
            &mut garbler_shares,
        )
        .unwrap();
    let mut evaluator_shares = vec![0; instances];
    let mut outputs = vec![0; Circuit::input_words(circuit.outputs(), instances)];
    Evaluation::new(key)
        .evaluate(
            circuit,
            instances,
            &evaluator_active,
            &active,
            &mut workspace,
            &table,
            &mut evaluator_shares,
            &mut outputs,
        )
        .unwrap();
    Results {
        outputs: unpack(circuit, &outputs, instances),
        garbler: garbler_shares,
        evaluator: evaluator_shares,
        table,
    }
}

/// Runs a circuit plainly and garbled, checks that they agree, and returns (revealed bits, shared result).
fn run(circuit: &Circuit<'_>, evaluator: &[Words], garbler: &[Words]) -> Vec<(u64, u64)> {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let garbled = run_garbled(circuit, evaluator, garbler, &mut rng);
    let mut results = Vec::new();
    for (start, chunk) in evaluator.chunks(LANES).enumerate() {
        let range = start * LANES..start * LANES + chunk.len();
        let mut registers = vec![0; circuit.registers()];
        let mut outputs = vec![0; circuit.outputs()];
        let mut shares = vec![0; chunk.len()];
        circuit
            .evaluate_plain(
                &pack(chunk),
                &pack(&garbler[range.clone()]),
                &mut registers,
                &mut outputs,
                &mut shares,
            )
            .unwrap();
        for (output, (lane, n)) in unpack(circuit, &outputs, chunk.len())
            .iter()
            .zip(range.enumerate())
        {
            assert_eq!(*output, garbled.outputs[n]);
            let mask = (1 << circuit.share_bits()) - 1;
            let sum = garbled.garbler[n].wrapping_add(garbled.evaluator[n]) & mask;
            assert_eq!(sum, shares[lane]);
            results.push((*output, sum));
        }
    }
    results
}

/// Values at the edges of `bits` bits and a few others, as pairs.
fn pairs(bits: u32, seed: u64) -> Vec<(u64, u64)> {
    let ring = Ring::new(bits).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let half = 1u64 << (bits - 1);
    let edges = [0, 1, half - 1, half, half + 1, ring.mask(), ring.mask() - 1];
    let mut pairs: Vec<_> = edges
        .iter()
        .flat_map(|&a| edges.iter().map(move |&b| (ring.reduce(a), ring.reduce(b))))
        .collect();
    pairs.extend((0..40).map(|_| (ring.random(&mut rng), ring.random(&mut rng))));
    pairs
}

/// One word of each party.
fn words(pairs: &[(u64, u64)], bits: u32) -> (Vec<Words>, Vec<Words>) {
    pairs
        .iter()
        .map(|&(a, b)| (vec![(a, bits)], vec![(b, bits)]))
        .unzip()
}
