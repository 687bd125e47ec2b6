//! What a session must never do twice, and the formulas of the scheme recomputed from AES.

use super::layers::relu_layer;
use super::*;
use aes::Aes128Enc;
use aes::cipher::{BlockCipherEncrypt, KeyInit};

/// TMMO straight from its definition.
fn tmmo(key: [u8; 16], x: Block, tweak: u64) -> Block {
    let cipher = Aes128Enc::new(&key.into());
    let permute = |x: Block| {
        let mut block = aes::Block::from(x.to_bytes());
        cipher.encrypt_block(&mut block);
        Block::from_bytes(block.0)
    };
    let once = permute(x);
    permute(once ^ Block::from_u128(u128::from(tweak))) ^ once
}

#[test]
fn tables_are_those_of_zahur_rosulek_and_evans_with_two_tweaks_a_gate() {
    let key = [3; 16];
    let mut rng = ChaCha20Rng::seed_from_u64(9);
    with_circuit(
        0,
        |builder| {
            let inputs = builder.evaluator_word(3);
            let first = builder.and(inputs[0], inputs[1]);
            let second = builder.and(first, !inputs[2]);
            builder.output(second);
        },
        |circuit| {
            let delta = Delta::random(&mut rng);
            let offset = delta.block();
            let mut garbling = Garbling::new(key, delta);
            let mut workspace = vec![Block::ZERO; circuit.workspace()];
            // Two runs of three instances: the counter of gate g, instance l of run r is 6·r + 3·g + l.
            for run in 0..2 {
                let labels: Vec<Block> = (0..9).map(|_| Block::random(&mut rng)).collect();
                let mut table = vec![0; circuit.table_bytes(3)];
                let inputs = GarblingInputs {
                    evaluator_zero_labels: &labels,
                    garbler_active_labels: &[],
                    garbler_bits: &[],
                };
                garbling
                    .garble(circuit, 3, inputs, &mut workspace, &mut table, &mut [0; 3])
                    .unwrap();
                let mut decode = 0;
                for lane in 0..3 {
                    let mut a0 = labels[lane];
                    for gate in 0..2 {
                        let b0 = labels[3 * (gate + 1) + lane] ^ offset.select(gate as u64);
                        let counter = (6 * run + 3 * gate + lane) as u64;
                        let hash = |x, half| tmmo(key, x, 2 * counter + half);
                        let garbler_row =
                            hash(a0, 0) ^ hash(a0 ^ offset, 0) ^ offset.select(b0.colour());
                        let evaluator_row = hash(b0, 1) ^ hash(b0 ^ offset, 1) ^ a0;
                        let row = &table[32 * (3 * gate + lane)..][..32];
                        assert_eq!(row[..16], garbler_row.to_bytes());
                        assert_eq!(row[16..], evaluator_row.to_bytes());
                        a0 = hash(a0, 0)
                            ^ garbler_row.select(a0.colour())
                            ^ hash(b0, 1)
                            ^ (evaluator_row ^ a0).select(b0.colour());
                    }
                    decode |= (a0.colour() as u8) << lane;
                }
                assert_eq!(table[192..], [decode]);
            }
        },
    );
}

#[test]
fn delta_differs_in_colour_and_between_draws() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let draws: Vec<Block> = (0..64).map(|_| Delta::random(&mut rng).block()).collect();
    assert!(draws.iter().all(|delta| delta.colour() == 1));
    assert!(draws.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn fresh_randomness_shares_no_block_of_the_table_and_no_share() {
    let (evaluator, garbler) = words(&pairs(23, 5), 23);
    with_circuit(
        23,
        |builder| relu_layer(builder, 23, 8, 8),
        |circuit| {
            let run = |seed| {
                let mut rng = ChaCha20Rng::seed_from_u64(seed);
                run_garbled(circuit, &evaluator, &garbler, &mut rng)
            };
            let (first, second) = (run(1), run(2));
            for (a, b) in first.table.chunks(16).zip(second.table.chunks(16)) {
                assert!(a != b || a.len() < 16);
            }
            assert_ne!(first.garbler, second.garbler);
            assert_ne!(first.evaluator, second.evaluator);
        },
    );
}

#[test]
fn the_gate_counter_continues_and_wrong_lengths_use_none_of_it() {
    with_circuit(
        23,
        |builder| relu_layer(builder, 23, 8, 8),
        |circuit| {
            let mut evaluation = Evaluation::new([7; 16]);
            let mut workspace = vec![Block::ZERO; circuit.workspace()];
            let labels = vec![Block::ZERO; 23];
            let table = vec![0; circuit.table_bytes(1)];
            let mut evaluate = |table: &[u8]| {
                let mut share = [0];
                evaluation
                    .evaluate(
                        circuit,
                        1,
                        &labels,
                        &labels,
                        &mut workspace,
                        table,
                        &mut share,
                        &mut [],
                    )
                    .map(|()| share[0])
            };
            let first = evaluate(&table).unwrap();
            assert!(matches!(
                evaluate(&table[1..]),
                Err(GarbleError::Length {
                    buffer: "table",
                    ..
                })
            ));
            // The same labels and table hash differently with the tweaks that follow.
            assert_ne!(evaluate(&table).unwrap(), first);
        },
    );
}
