//! Tables garbled ahead of the input give the same results, in any order, and once.

use super::*;
use addax::mpc::Task;

/// What one party knows of a layer: the task and its shares.
type Half = (Task, Vec<u64>);

/// Shares values of layers between two parties: (client, server).
fn halves(work: &[(NonLinear, Vec<i64>)], seed: u64) -> (Vec<Half>, Vec<Half>) {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let shared = work.iter().map(|(layer, values)| {
        let ring = Ring::new(layer.input_bits).unwrap();
        let split = |&value: &i64| ring.split(ring.from_signed(value), &mut rng);
        let (client, server) = values.iter().map(split).unzip();
        let task = Task::Layer(*layer);
        ((task, client), (task, server))
    });
    shared.unzip()
}

fn small() -> Vec<(NonLinear, Vec<i64>)> {
    let pooled = NonLinear { window: 4, ..RELU };
    vec![
        (RELU, values(&RELU, 130, 3)),
        (pooled, values(&pooled, 65 * 4, 4)),
        (RELU, values(&RELU, 1, 5)),
    ]
}

/// Prepares all layers in order, then uses them in the order given, with a one-shot layer between the first two.
fn run(work: &[(NonLinear, Vec<i64>)], order: &[usize], seed: u64) -> Run {
    let (client_work, server_work) = halves(work, seed);
    let (client_order, server_order) = (order.to_vec(), order.to_vec());
    let (between, between_shares) = (RELU, vec![5; 70]);
    let server_between = between_shares.clone();
    let (client, server_shares) = two_parties(
        move |mut channel| {
            let mut rng = ChaCha20Rng::seed_from_u64(seed ^ 1 << 40);
            let mut evaluator = Evaluator::new(&mut channel, [9; 32], &mut rng).unwrap();
            channel.record_transcript();
            let mut bytes = Vec::new();
            let mut mark = |channel: &Tcp, start: (u64, u64)| {
                let sent = channel.bytes_sent() - start.0;
                bytes.push((sent as usize, (channel.bytes_received() - start.1) as usize));
            };
            let count = |channel: &Tcp| (channel.bytes_sent(), channel.bytes_received());
            let mut ahead = Vec::new();
            for (task, shares) in &client_work {
                let start = count(&channel);
                let instances = task.instances(shares.len()).unwrap();
                let tables = evaluator.receive_ahead(&mut channel, *task, instances, &mut rng);
                ahead.push(Some(tables.unwrap()));
                mark(&channel, start);
            }
            let mut results = vec![Vec::new(); client_work.len()];
            for (turn, &index) in client_order.iter().enumerate() {
                let start = count(&channel);
                let tables = ahead[index].take().unwrap();
                results[index] = evaluator
                    .evaluate_ahead(&mut channel, tables, &client_work[index].1)
                    .unwrap();
                mark(&channel, start);
                if turn == 0 {
                    let shares = evaluator.layer(&mut channel, &between, &between_shares);
                    results.push(shares.unwrap());
                }
            }
            (results, bytes, channel.transcript().to_vec())
        },
        move |mut channel| {
            let mut rng = ChaCha20Rng::seed_from_u64(seed ^ 1 << 41);
            let mut garbler = Garbler::new(&mut channel, [9; 32], &mut rng).unwrap();
            let mut ahead: Vec<_> = server_work
                .iter()
                .map(|(task, shares)| {
                    let kept = garbler.garble_ahead(&mut channel, *task, shares, &mut rng);
                    Some(kept.unwrap())
                })
                .collect();
            let mut results = vec![Vec::new(); server_work.len()];
            for (turn, index) in server_order.into_iter().enumerate() {
                let kept = ahead[index].take().unwrap();
                let known = kept.shares().to_vec();
                results[index] = garbler.correct(&mut channel, kept).unwrap();
                assert_eq!(results[index], known, "shares do not depend on the input");
                if turn == 0 {
                    let shares = garbler.layer(&mut channel, &between, &server_between, &mut rng);
                    results.push(shares.unwrap());
                }
            }
            results
        },
    );
    Run {
        client_shares: client.0,
        server_shares,
        bytes: client.1,
        transcript: client.2,
    }
}

#[test]
fn layers_garbled_ahead_are_the_integer_formula_in_any_order() {
    let work = small();
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let run = run(&work, &order, 6);
        for (index, (layer, values)) in work.iter().enumerate() {
            let ring = Ring::new(layer.output_bits).unwrap();
            let instances = values.len() / layer.window;
            let [ahead, online] = layer.bytes_ahead(instances);
            assert_eq!(run.bytes[index], ahead, "{layer:?}");
            let turn = order.iter().position(|&o| o == index).unwrap();
            assert_eq!(run.bytes[work.len() + turn], online, "{layer:?}");
            for (n, window) in values.chunks(layer.window).enumerate() {
                let (client, server) = (run.client_shares[index][n], run.server_shares[index][n]);
                let expected = ring.reduce(reference(layer, window) as u64);
                assert_eq!(ring.add(client, server), expected, "{layer:?}: {window:?}");
            }
        }
        let between = work.len();
        let sum = run.client_shares[between][0].wrapping_add(run.server_shares[between][0]);
        assert_eq!(sum & ((1 << 23) - 1), reference(&RELU, &[10]) as u64);
    }
}

#[test]
fn more_instances_than_a_batch_holds_can_be_garbled_ahead() {
    let layer = NonLinear {
        input_bits: 40,
        shift: 20,
        ..RELU
    };
    let work = vec![(layer, values(&layer, 14_000, 8))];
    let run = run(&work, &[0], 9);
    let ring = Ring::new(layer.output_bits).unwrap();
    for (n, value) in work[0].1.iter().enumerate() {
        let sum = ring.add(run.client_shares[0][n], run.server_shares[0][n]);
        assert_eq!(sum, ring.reduce(reference(&layer, &[*value]) as u64));
    }
}

#[test]
fn the_largest_value_is_found_with_tables_garbled_ahead() {
    let task = Task::ArgMax {
        values: 5,
        bits: 12,
    };
    let (index, ()) = two_parties(
        move |mut channel| {
            let mut rng = ChaCha20Rng::seed_from_u64(1);
            let mut evaluator = Evaluator::new(&mut channel, [1; 32], &mut rng).unwrap();
            let tables = evaluator.receive_ahead(&mut channel, task, 1, &mut rng);
            let shares = [0, 4095, 700, 3, 700];
            evaluator
                .arg_max_ahead(&mut channel, tables.unwrap(), &shares)
                .unwrap()
        },
        move |mut channel| {
            let mut rng = ChaCha20Rng::seed_from_u64(2);
            let mut garbler = Garbler::new(&mut channel, [1; 32], &mut rng).unwrap();
            let kept = garbler.garble_ahead(&mut channel, task, &[0; 5], &mut rng);
            garbler.correct(&mut channel, kept.unwrap()).unwrap();
        },
    );
    assert_eq!(index, 2);
}

#[test]
fn tables_serve_only_the_number_of_shares_that_they_were_made_for() {
    let task = Task::Layer(RELU);
    let (error, ()) = two_parties(
        move |mut channel| {
            let mut rng = ChaCha20Rng::seed_from_u64(1);
            let mut evaluator = Evaluator::new(&mut channel, [1; 32], &mut rng).unwrap();
            let tables = evaluator.receive_ahead(&mut channel, task, 10, &mut rng);
            evaluator.evaluate_ahead(&mut channel, tables.unwrap(), &[0; 11])
        },
        move |mut channel| {
            let mut rng = ChaCha20Rng::seed_from_u64(2);
            let mut garbler = Garbler::new(&mut channel, [1; 32], &mut rng).unwrap();
            let kept = garbler.garble_ahead(&mut channel, task, &[0; 10], &mut rng);
            drop(kept.unwrap());
        },
    );
    assert!(matches!(error, Err(MpcError::InvalidLayer(_))));
}

#[test]
fn what_is_sent_for_an_input_does_not_depend_on_it() {
    let run = |value: i64, seed| run(&[(RELU, vec![value; 200])], &[0], seed).transcript;
    let first = run(0, 1);
    let corrections = first.iter().filter(|e| e.kind == MessageKind::Corrections);
    assert_eq!(corrections.count(), 1);
    for (value, seed) in [(12345, 2), (-9999, 3)] {
        assert_eq!(run(value, seed), first);
    }
}
