//! Garbles and evaluates a layer of ReLUs in memory, on one core.
//!
//! 2,304 instances of: reconstruct shares modulo 2^23, round by 2^8, clamp to 8 bits, share modulo 2^23. Elements are
//! AND gates, products that are projected to shares included.

use addax_core::garble::{
    Block, Builder, Circuit, Delta, Evaluation, Garbling, GarblingInputs, Gate, Node,
};
use chacha20::ChaCha20Rng;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rand_core::{Rng, SeedableRng};
use std::hint::black_box;

const INSTANCES: usize = 2304;
const BITS: u32 = 23;
const SHIFT: u32 = 8;
const ACTIVATION_BITS: u32 = 8;

fn relu_layer(criterion: &mut Criterion) {
    let mut nodes = vec![Node::default(); 1000];
    let mut gates = vec![Gate::OutputConstant { value: false }; 1000];
    let mut builder = Builder::new(&mut nodes, BITS);
    let (theirs, own) = (builder.evaluator_word(BITS), builder.garbler_word(BITS));
    let sum = builder.add(&theirs, &own);
    let rounded = Builder::shift_right(&sum, SHIFT);
    let saturated = builder.saturate(&rounded, ACTIVATION_BITS);
    builder.share_clamped(&saturated);
    let circuit = builder.finish(&mut gates).expect("the memory suffices");

    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut blocks =
        |count: usize| -> Vec<Block> { (0..count).map(|_| Block::random(&mut rng)).collect() };
    let evaluator_labels = blocks(INSTANCES * circuit.evaluator_inputs());
    let garbler_labels = blocks(INSTANCES * circuit.garbler_inputs());
    let words = Circuit::input_words(circuit.garbler_inputs(), INSTANCES);
    let garbler_bits: Vec<u64> = (0..words).map(|_| rng.next_u64()).collect();
    let mut workspace = vec![Block::ZERO; circuit.workspace()];
    let mut table = vec![0; circuit.table_bytes(INSTANCES)];
    let mut shares = vec![0; INSTANCES];

    let counts = circuit.counts();
    println!(
        "a ReLU of {BITS} bits: {} AND gates ({} of two blocks, {} of one, {} projected), \
         {} registers, {:.1} bytes of table",
        counts.and_gates(),
        counts.and,
        counts.and_garbler,
        counts.share_product,
        circuit.registers(),
        table.len() as f64 / INSTANCES as f64,
    );

    let mut group = criterion.benchmark_group("relu_layer");
    group.throughput(Throughput::Elements(
        (counts.and_gates() * INSTANCES) as u64,
    ));
    let mut garbling = Garbling::new([7; 16], Delta::random(&mut rng));
    group.bench_function("garble", |bencher| {
        bencher.iter(|| {
            let inputs = GarblingInputs {
                evaluator_zero_labels: &evaluator_labels,
                garbler_active_labels: &garbler_labels,
                garbler_bits: &garbler_bits,
            };
            garbling
                .garble(
                    &circuit,
                    INSTANCES,
                    black_box(inputs),
                    &mut workspace,
                    &mut table,
                    &mut shares,
                )
                .expect("all lengths fit");
        });
    });
    let mut evaluation = Evaluation::new([7; 16]);
    group.bench_function("evaluate", |bencher| {
        bencher.iter(|| {
            evaluation
                .evaluate(
                    &circuit,
                    INSTANCES,
                    black_box(&evaluator_labels),
                    &garbler_labels,
                    &mut workspace,
                    &table,
                    &mut shares,
                    &mut [],
                )
                .expect("all lengths fit");
        });
    });
    group.finish();
}

criterion_group!(benches, relu_layer);
criterion_main!(benches);
