//! The kernel for wide registers makes, bit for bit, what the portable one makes.

use super::super::hash::Hash;
use super::super::kernel::Registers;
use super::*;
use proptest::prelude::*;

/// Adds a random circuit: gates of all kinds over wires that exist so far.
fn random_circuit(builder: &mut Builder<'_>, share_bits: u32, rng: &mut ChaCha20Rng) {
    let mut wires: Vec<Wire> = builder.evaluator_word(6).to_vec();
    let own = builder.garbler_word(5);
    wires.extend(own.iter());
    for _ in 0..40 {
        let mut pick = |from: &[Wire]| {
            let wire = from[rng.next_u64() as usize % from.len()];
            if rng.next_u64() & 1 == 1 { !wire } else { wire }
        };
        let (a, b, known) = (pick(&wires), pick(&wires), pick(&own));
        match rng.next_u64() % 8 {
            0 | 1 => wires.push(builder.xor(a, b)),
            2 | 3 => wires.push(builder.and(a, b)),
            4 => wires.push(builder.and(a, known)),
            5 if share_bits > 0 => builder.share(a, rng.next_u64()),
            6 if share_bits > 0 => builder.share_product(a, b, rng.next_u64()),
            7 => builder.output(a),
            _ => {}
        }
    }
    builder.output(wires[wires.len() - 1]);
}

/// What leaves both parties for given randomness.
#[derive(PartialEq)]
struct Everything {
    table: Vec<u8>,
    garbler_shares: Vec<u64>,
    evaluator_shares: Vec<u64>,
    outputs: Vec<u64>,
    garbler_labels: Vec<Block>,
    evaluator_labels: Vec<Block>,
}

/// Runs both parties twice in a row, so that counters go on.
fn everything(
    circuit: &Circuit<'_>,
    instances: usize,
    seed: u64,
    hash: impl Fn([u8; 16]) -> Hash,
) -> Everything {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut key = [0; 16];
    rng.fill_bytes(&mut key);
    let mut garbling = Garbling::with_hash(hash(key), Delta::random(&mut rng));
    let mut evaluation = Evaluation::with_hash(hash(key));
    let mut all = Everything {
        table: vec![],
        garbler_shares: vec![],
        evaluator_shares: vec![],
        outputs: vec![],
        garbler_labels: vec![],
        evaluator_labels: vec![],
    };
    for _ in 0..2 {
        let mut random =
            |count: usize| -> Vec<Block> { (0..count).map(|_| Block::random(&mut rng)).collect() };
        // An evaluator whose inputs are all 0 has the labels of "false".
        let theirs = random(instances * circuit.evaluator_inputs());
        let own = random(instances * circuit.garbler_inputs());
        let words = Circuit::input_words(circuit.garbler_inputs(), instances);
        let bits: Vec<u64> = (0..words).map(|_| rng.next_u64()).collect();
        let mut table = vec![0; circuit.table_bytes(instances)];
        let mut shares = vec![0; instances];
        let mut workspace = vec![Block::ZERO; circuit.workspace()];
        let inputs = GarblingInputs {
            evaluator_zero_labels: &theirs,
            garbler_active_labels: &own,
            garbler_bits: &bits,
        };
        garbling
            .garble(
                circuit,
                instances,
                inputs,
                &mut workspace,
                &mut table,
                &mut shares,
            )
            .unwrap();
        all.garbler_shares.extend(&shares);
        // Labels beyond the last instance are not defined.
        let lanes = match instances % LANES {
            0 => LANES,
            rest => rest,
        };
        let labels = |workspace: &mut [Block]| -> Vec<Block> {
            let registers = Registers::new(workspace, circuit.registers());
            let registers = (0..circuit.registers() as u16).map(|r| registers.get(r));
            registers
                .flat_map(|labels| labels[..lanes].to_vec())
                .collect()
        };
        all.garbler_labels.extend(labels(&mut workspace));
        let mut outputs = vec![0; Circuit::input_words(circuit.outputs(), instances)];
        evaluation
            .evaluate(
                circuit,
                instances,
                &theirs,
                &own,
                &mut workspace,
                &table,
                &mut shares,
                &mut outputs,
            )
            .unwrap();
        all.evaluator_labels.extend(labels(&mut workspace));
        all.evaluator_shares.extend(&shares);
        all.outputs.extend(&outputs);
        all.table.extend(&table);
    }
    all
}

fn assert_kernels_agree(
    circuit: &Circuit<'_>,
    instances: usize,
    seed: u64,
) -> Result<(), TestCaseError> {
    let wide = everything(circuit, instances, seed, Hash::new);
    let portable = everything(circuit, instances, seed, Hash::portable);
    prop_assert_eq!(&wide.table, &portable.table);
    prop_assert_eq!(&wide.garbler_shares, &portable.garbler_shares);
    prop_assert_eq!(&wide.evaluator_shares, &portable.evaluator_shares);
    prop_assert_eq!(&wide.outputs, &portable.outputs);
    // Labels have no Debug.
    prop_assert!(wide.garbler_labels == portable.garbler_labels);
    prop_assert!(wide.evaluator_labels == portable.evaluator_labels);
    Ok(())
}

proptest! {
    #[test]
    fn random_circuits_have_the_same_tables_labels_and_shares(
        seed: u64, share_bits in 0u32..=63, instances in 1usize..=200,
    ) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        with_circuit(
            share_bits,
            |builder| random_circuit(builder, share_bits, &mut rng),
            |circuit| assert_kernels_agree(circuit, instances, seed),
        )?;
    }
}

#[test]
fn all_numbers_of_instances_up_to_two_chunks_have_the_same_tables_labels_and_shares() {
    for instances in 1..=2 * LANES + 1 {
        let seed = instances as u64;
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        with_circuit(
            23,
            |builder| random_circuit(builder, 23, &mut rng),
            |circuit| assert_kernels_agree(circuit, instances, seed).unwrap(),
        );
    }
}
