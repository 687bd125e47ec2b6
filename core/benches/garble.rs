//! Garbles and evaluates layers in memory, on one core: many instances at once beside gate after gate.
//!
//! - `relu`: reconstruct shares modulo 2^23, round by 2^8, clamp to 8 bits, share modulo 2^23. Its AND gates are those of two
//!   blocks, one of one block, and products that are projected to shares.
//! - `and`: nothing but AND gates of two blocks, 32 bytes each: the conjunction of 64 inputs as a tree.
//!
//! Elements, and M AND/s, count AND gates of all kinds.

#[path = "../../host/benches/figures/mod.rs"]
mod figures;
#[path = "scalar/mod.rs"]
mod scalar;
#[path = "../../host/benches/settings/mod.rs"]
mod settings;
#[path = "../../host/benches/side_by_side/mod.rs"]
mod side_by_side;

use addax_core::garble::{
    Block, Builder, Circuit, Delta, Evaluation, Garbling, GarblingInputs, Gate, Node, Wire,
};
use addax_core::simd::{self, Level};
use chacha20::ChaCha20Rng;
use criterion::{Criterion, Throughput};
use rand_core::{Rng, SeedableRng};
use scalar::Scalar;
use std::hint::black_box;

const INSTANCES: usize = 2304;
const BITS: u32 = 23;
const SHIFT: u32 = 8;
const ACTIVATION_BITS: u32 = 8;
/// Instances of a turn when kernels are compared: about as many as share a message between two parties, and few enough that
/// a turn is rarely interrupted.
const TURN_INSTANCES: usize = 256;
const KEY: [u8; 16] = [7; 16];

fn relu(builder: &mut Builder<'_>) {
    let (theirs, own) = (builder.evaluator_word(BITS), builder.garbler_word(BITS));
    let sum = builder.add(&theirs, &own);
    let rounded = Builder::shift_right(&sum, SHIFT);
    let saturated = builder.saturate(&rounded, ACTIVATION_BITS);
    builder.share_clamped(&saturated);
}

fn and(builder: &mut Builder<'_>) {
    let mut wires: Vec<Wire> = builder.evaluator_word(64).to_vec();
    while let [a, b, ..] = wires[..] {
        wires.drain(..2);
        wires.push(builder.and(a, b));
    }
    builder.output(wires[0]);
}

fn with_circuit(share_bits: u32, build: fn(&mut Builder<'_>), then: impl FnOnce(&Circuit<'_>)) {
    let mut nodes = vec![Node::default(); 1000];
    let mut gates = vec![Gate::OutputConstant { value: false }; 1000];
    let mut builder = Builder::new(&mut nodes, share_bits);
    build(&mut builder);
    then(&builder.finish(&mut gates).expect("the memory suffices"));
}

/// A layer with random inputs, and room for what either party makes of it.
#[derive(Clone)]
struct Layer<'a> {
    circuit: &'a Circuit<'a>,
    instances: usize,
    evaluator: Vec<Block>,
    garbler: Vec<Block>,
    bits: Vec<u64>,
    workspace: Vec<Block>,
    table: Vec<u8>,
    shares: Vec<u64>,
    outputs: Vec<u64>,
    /// Rows of projections for the scalar kernel.
    rows: Vec<u64>,
}

impl<'a> Layer<'a> {
    fn new(circuit: &'a Circuit<'a>, instances: usize) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let counts = circuit.counts();
        let mut blocks =
            |count: usize| -> Vec<Block> { (0..count).map(|_| Block::random(&mut rng)).collect() };
        Self {
            circuit,
            instances,
            evaluator: blocks(instances * circuit.evaluator_inputs()),
            garbler: blocks(instances * circuit.garbler_inputs()),
            bits: (0..Circuit::input_words(circuit.garbler_inputs(), instances).max(instances))
                .map(|_| rng.next_u64())
                .collect(),
            workspace: vec![Block::ZERO; circuit.workspace()],
            table: vec![0; circuit.table_bytes(instances)],
            shares: vec![0; instances],
            outputs: vec![0; Circuit::input_words(circuit.outputs(), instances)],
            rows: vec![0; instances * (counts.share + 3 * counts.share_product)],
        }
    }

    fn garble(&mut self, garbling: &mut Garbling) {
        let words = Circuit::input_words(self.circuit.garbler_inputs(), self.instances);
        let inputs = GarblingInputs {
            evaluator_zero_labels: &self.evaluator,
            garbler_active_labels: &self.garbler,
            garbler_bits: &self.bits[..words],
        };
        garbling
            .garble(
                self.circuit,
                self.instances,
                black_box(inputs),
                &mut self.workspace,
                &mut self.table,
                &mut self.shares,
            )
            .expect("all lengths fit");
    }

    fn evaluate(&mut self, evaluation: &mut Evaluation) {
        evaluation
            .evaluate(
                self.circuit,
                self.instances,
                black_box(&self.evaluator),
                &self.garbler,
                &mut self.workspace,
                &self.table,
                &mut self.shares,
                &mut self.outputs,
            )
            .expect("all lengths fit");
    }

    fn scalar(&mut self, scalar: &mut Scalar, garbles: bool) {
        let circuit = self.circuit;
        let (theirs, own) = (circuit.evaluator_inputs(), circuit.garbler_inputs());
        let blocks = 16 * circuit.counts().blocks();
        let rows = self.rows.len() / self.instances;
        for n in 0..self.instances {
            let evaluator = &self.evaluator[n * theirs..][..theirs];
            let garbler = &self.garbler[n * own..][..own];
            let table = &mut self.table[n * blocks..][..blocks];
            let rows = &mut self.rows[n * rows..][..rows];
            self.shares[n] = if garbles {
                scalar.garble(circuit, evaluator, garbler, self.bits[n], table, rows)
            } else {
                scalar.evaluate(circuit, evaluator, garbler, table, rows)
            };
        }
    }
}

/// The two kernels make the same table of one instance, in which their orders of blocks agree.
fn assert_same_tables(circuit: &Circuit<'_>) {
    let delta = Delta::random(&mut ChaCha20Rng::seed_from_u64(2));
    let mut ours = Layer::new(circuit, 1);
    let mut theirs = ours.clone();
    // One bit an input in both orders.
    let packed = (0..circuit.garbler_inputs()).fold(0, |word, i| word | (ours.bits[i] & 1) << i);
    theirs.bits[0] = packed;
    let scalar = || Scalar::new(KEY, delta.block(), circuit.registers());
    ours.garble(&mut Garbling::new(KEY, delta.clone()));
    let blocks = 16 * circuit.counts().blocks();
    for mut scalar in [scalar(), scalar().with_instructions(KEY)] {
        theirs.scalar(&mut scalar, true);
        assert_eq!(ours.table[..blocks], theirs.table[..blocks]);
    }
}

fn groups(criterion: &mut Criterion, name: &str, circuit: &Circuit<'_>) {
    let counts = circuit.counts();
    let mut layer = Layer::new(circuit, INSTANCES);
    println!(
        "{name}: {} AND gates ({} of two blocks, {} of one, {} projected products), {} projected bits, \
         {} registers, {:.1} bytes of table",
        counts.and_gates(),
        counts.and,
        counts.and_garbler,
        counts.share_product,
        counts.share,
        circuit.registers(),
        layer.table.len() as f64 / INSTANCES as f64,
    );
    let mut group = criterion.benchmark_group(format!("{name}_layer"));
    group.throughput(Throughput::Elements(
        (counts.and_gates() * INSTANCES) as u64,
    ));
    let delta = Delta::random(&mut ChaCha20Rng::seed_from_u64(3));
    let mut garbling = Garbling::new(KEY, delta);
    group.bench_function("garble", |bencher| {
        bencher.iter(|| layer.garble(&mut garbling));
    });
    let mut evaluation = Evaluation::new(KEY);
    group.bench_function("evaluate", |bencher| {
        bencher.iter(|| layer.evaluate(&mut evaluation));
    });
    group.finish();
}

/// Megagates a second, by level of vector instructions and scalar, in turns.
fn compare(name: &str, circuit: &Circuit<'_>) {
    let gates = (circuit.counts().and_gates() * TURN_INSTANCES) as f64;
    let delta = Delta::random(&mut ChaCha20Rng::seed_from_u64(3));
    let mut layers = [(); 4].map(|()| Layer::new(circuit, TURN_INSTANCES));
    let [first, second, third, fourth] = &mut layers;
    let mut garbling = Garbling::new(KEY, delta.clone());
    let mut evaluation = Evaluation::new(KEY);
    let level = simd::level();
    simd::limit(Level::Portable);
    let mut portable_garbling = Garbling::new(KEY, delta.clone());
    let mut portable_evaluation = Evaluation::new(KEY);
    simd::limit(level);
    let scalar = |delta| Scalar::new(KEY, delta, circuit.registers());
    let (mut scalar_garbler, mut scalar_evaluator) = (scalar(delta.block()), scalar(Block::ZERO));
    let mut native_garbler = scalar(delta.block()).with_instructions(KEY);
    let mut native_evaluator = scalar(Block::ZERO).with_instructions(KEY);
    let garbled = side_by_side::medians(&mut [
        &mut || first.garble(&mut garbling),
        &mut || second.garble(&mut portable_garbling),
        &mut || third.scalar(&mut scalar_garbler, true),
        &mut || fourth.scalar(&mut native_garbler, true),
    ]);
    let evaluated = side_by_side::medians(&mut [
        &mut || first.evaluate(&mut evaluation),
        &mut || second.evaluate(&mut portable_evaluation),
        &mut || third.scalar(&mut scalar_evaluator, false),
        &mut || fourth.scalar(&mut native_evaluator, false),
    ]);
    for (action, times) in [("garble", garbled), ("evaluate", evaluated)] {
        let [wide, portable, scalar, native] = std::array::from_fn(|i| gates / times[i]);
        println!(
            "{name:>5} {action:>9} {wide:>9.1} {portable:>9.1} {scalar:>9.1} {:>6.2} {native:>9.1} {:>6.2}",
            wide / scalar,
            wide / native,
        );
        if name == "relu" {
            match action {
                "garble" => {
                    figures::figure("garble_mand_s", wide);
                    figures::figure("garble_vs_scalar", wide / native);
                }
                _ => {
                    figures::figure("eval_mand_s", wide);
                    figures::figure("eval_vs_scalar", wide / native);
                }
            }
        }
    }
}

/// Bytes of a ReLU, both ways: tables, transfers at 4 bytes a bit, and ahead of the input a bit and a label each more.
fn bytes(circuit: &Circuit<'_>) {
    let table = circuit.table_bytes(INSTANCES) as f64 / INSTANCES as f64;
    let inputs = circuit.evaluator_inputs() as f64;
    figures::figure("relu_k", f64::from(BITS));
    figures::figure("relu_and", circuit.counts().and_gates() as f64);
    figures::figure("relu_bytes", table + 4.0 * inputs);
    figures::figure("relu_bytes_ahead", table + (4.0 + 16.0 + 0.125) * inputs);
}

/// What a circuit is called, the bits of its shares, and what builds it.
type Contest = (&'static str, u32, fn(&mut Builder<'_>));

fn main() {
    let mut criterion = settings::criterion();
    let circuits: [Contest; 2] = [("relu", BITS, relu), ("and", 0, and)];
    for (name, share_bits, build) in circuits {
        with_circuit(share_bits, build, |circuit| {
            assert_same_tables(circuit);
            groups(&mut criterion, name, circuit);
        });
    }
    criterion.final_summary();
    if settings::measuring() {
        println!(
            "\nside by side, medians in million AND gates a second; \
             gate after gate with the crate `aes` and with AES-NI"
        );
        println!(
            "{:>5} {:>9} {:>9} {:>9} {:>9} {:>6} {:>9} {:>6}",
            "",
            "",
            simd::level().name(),
            "portable",
            "crate",
            "ratio",
            "AES-NI",
            "ratio"
        );
        for (name, share_bits, build) in circuits {
            with_circuit(share_bits, build, |circuit| compare(name, circuit));
        }
        with_circuit(BITS, relu, bytes);
    }
}
