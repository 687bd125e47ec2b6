//! The protocol as a whole: order of steps, agreement of both simulations; and what other tests of it share.

use addax_sim::optical::{Field, Setting, Variant};
use rand_distr::{Distribution, StandardNormal};

use super::accuracy::Simulator;
use super::adversary::Arena;
use super::session::{classify, run_matrix};
use super::*;
use crate::data::Dataset;
use crate::net::Shape;
use crate::net::graph::{Graph, Node, Operation};

pub(super) fn numbers(count: usize, seed: u64) -> Vec<f32> {
    StandardNormal
        .sample_iter(dice(seed, 0))
        .take(count)
        .collect()
}

pub(super) fn dense(name: &str, inputs: Shape, outputs: usize, seed: u64, bias: Vec<f32>) -> Node {
    Node {
        name: name.to_owned(),
        operation: Operation::FullyConnected {
            weights: numbers(inputs.len() * outputs, seed),
            bias,
        },
        input: inputs,
        output: Shape::vector(outputs),
    }
}

pub(super) fn relu(shape: Shape) -> Node {
    Node {
        name: "relu".to_owned(),
        operation: Operation::Relu,
        input: shape,
        output: shape,
    }
}

pub(super) fn graph(input: Shape, nodes: Vec<Node>) -> Graph {
    Graph {
        name: "test".to_owned(),
        input,
        nodes,
    }
}

/// `inputs` numbers, a matrix of normal weights without bias.
pub(super) fn one_matrix(inputs: usize, outputs: usize) -> OpticalNetwork {
    let input = Shape::vector(inputs);
    let node = dense("fc", input, outputs, 7, vec![0.0; outputs]);
    OpticalNetwork::new(&graph(input, vec![node])).unwrap()
}

pub(super) fn two_matrices() -> OpticalNetwork {
    let (input, hidden) = (Shape::vector(7), Shape::vector(4));
    let nodes = vec![
        dense("fc1", input, 4, 1, vec![0.0; 4]),
        relu(hidden),
        dense("fc2", hidden, 3, 2, vec![0.5, -0.25, 0.0]),
    ];
    OpticalNetwork::new(&graph(input, nodes)).unwrap()
}

pub(super) fn setting() -> Setting {
    Setting::new(4.0, 2.0, 0.0, 0.0).unwrap()
}

pub(super) fn conditions() -> Conditions {
    Conditions {
        setting: setting(),
        variant: Variant::ArxivV1,
        false_alarm: 1e-3,
        // Short rows leak much.
        budget_bits: 50.0,
    }
}

pub(super) fn image(length: usize) -> Vec<u8> {
    (0..length).map(|index| (37 * index + 11) as u8).collect()
}

/// Means and variances of each logit over many runs.
fn statistics(count: usize, mut run: impl FnMut(usize) -> Vec<f32>) -> Vec<(f64, f64)> {
    let runs: Vec<Vec<f32>> = (0..count).map(&mut run).collect();
    (0..runs[0].len())
        .map(|index| {
            let values = || runs.iter().map(|run| f64::from(run[index]));
            let mean = values().sum::<f64>() / count as f64;
            let squares = values().map(|value| (value - mean).powi(2)).sum::<f64>();
            (mean, squares / (count - 1) as f64)
        })
        .collect()
}

/// Whether two samples of `runs` have one mean and one variance: within four deviations of the first, and 1.8 % in the second,
/// about three.
fn agree(one: (f64, f64), other: (f64, f64), runs: usize) -> bool {
    let deviation = (2.0 * one.1 / runs as f64).sqrt();
    (one.0 - other.0).abs() < 4.0 * deviation && (one.1 / other.1 - 1.0).abs() < 0.018
}

#[test]
fn the_protocol_mode_by_mode_has_the_means_and_variances_of_the_closed_form() {
    const RUNS: usize = 120_000;
    let network = two_matrices();
    let image = image(7);
    let simulator = Simulator::new(&network);
    for setting in [setting(), Setting::new(9.0, 1.4, 2.0, 0.1).unwrap()] {
        let closed = statistics(RUNS, |run| {
            simulator
                .logits(&image, Some(&setting), dice(98, run as u64))
                .unwrap()
        });
        let conditions = Conditions {
            setting,
            false_alarm: 1e-300,
            budget_bits: f64::MAX,
            ..conditions()
        };
        let modes = statistics(RUNS, |run| {
            let mut server = Server::new(&network, conditions).unwrap();
            let mut client = Client::new(network.public(), setting);
            let mut dice = dice(99, run as u64);
            classify(&mut server, &mut client, &image, &mut dice)
                .unwrap()
                .0
        });
        for (&modes, &(mean, variance)) in modes.iter().zip(&closed) {
            assert!(
                agree(modes, (mean, variance), RUNS),
                "{modes:?} {mean} {variance}"
            );
            // An error of 3 % in a variance, or of a fiftieth of a deviation in a mean, would be seen.
            assert!(
                !agree(modes, (mean, 0.97 * variance), RUNS)
                    || !agree(modes, (mean, 1.03 * variance), RUNS)
            );
            assert!(!agree(
                modes,
                (mean + 0.03 * variance.sqrt(), variance),
                RUNS
            ));
        }
    }
}

#[test]
fn patches_without_data_give_nothing_and_return_light_like_any_other() {
    let network = one_matrix(6, 2);
    let shape = network.public().matrices().next().unwrap();
    let mut client = Client::new(network.public(), setting());
    client.begin_image(&[0; 6]).unwrap();
    let mut server = Server::new(&network, conditions()).unwrap();
    server.open().unwrap();
    let link = Link::Agreed(setting());
    run_matrix(&mut server, link, &mut client, 0, shape, &mut dice(1, 0)).unwrap();
    assert_eq!(client.take_logits().unwrap(), [0.0, 0.0]);
    let closed = Simulator::new(&network).logits(&[0; 6], Some(&setting()), dice(1, 0));
    assert_eq!(closed.unwrap(), [0.0, 0.0]);
}

#[test]
fn results_depend_on_the_seed_alone() {
    let network = two_matrices();
    let data = Dataset::new(Shape::vector(7), image(7 * 300), vec![1; 300]).unwrap();
    let simulator = Simulator::new(&network);
    let count = |seed, threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| simulator.accuracy(&data, 300, Some(&setting()), seed, |_| {}))
    };
    let one = count(5, 1).unwrap();
    assert_eq!(one, count(5, 3).unwrap());
    assert_ne!(one, count(6, 1).unwrap());
}

/// A matrix large enough that an attack shows: 200 rows of 128 weights.
pub(super) fn arena_network() -> OpticalNetwork {
    one_matrix(128, 200)
}

#[test]
fn steps_out_of_turn_are_refused_by_both_sides() {
    let network = two_matrices();
    let shapes: Vec<_> = network.public().matrices().collect();
    let mut dice = dice(1, 0);
    let mut server = Server::new(&network, conditions()).unwrap();
    let out_of_turn = |result: Result<(), OpticalError>| {
        let error = result.unwrap_err();
        assert!(matches!(error, OpticalError::OutOfTurn { .. }), "{error}");
    };
    let second = Pass {
        position: 0,
        row: 1,
    };
    out_of_turn(server.begin(0));
    out_of_turn(server.send(Pass::FIRST, &mut dice).map(drop));
    server.open().unwrap();
    out_of_turn(server.begin(1));
    server.begin(0).unwrap();
    out_of_turn(server.end().map(drop));
    out_of_turn(server.send(second, &mut dice).map(drop));
    out_of_turn(server.take_back(Pass::FIRST, Field::vacuum(4, &mut dice), &mut dice));
    let light = server.send(Pass::FIRST, &mut dice).unwrap();
    out_of_turn(server.send(Pass::FIRST, &mut dice).map(drop));
    out_of_turn(server.take_back(second, light.clone(), &mut dice));

    let mut client = Client::new(network.public(), setting());
    out_of_turn(client.begin(shapes[0]));
    client.begin_image(&image(7)).unwrap();
    out_of_turn(
        client
            .receive(Pass::FIRST, light.clone(), &mut dice)
            .map(drop),
    );
    client.begin(shapes[0]).unwrap();
    out_of_turn(client.end());
    out_of_turn(client.receive(second, light.clone(), &mut dice).map(drop));
    out_of_turn(client.take_logits().map(drop));
    out_of_turn(client.compute(&relu(Shape::vector(7))));
    let narrow = Field::vacuum(3, &mut dice);
    let error = client
        .receive(Pass::FIRST, narrow.clone(), &mut dice)
        .unwrap_err();
    assert!(matches!(error, OpticalError::Modes { want: 4, got: 3 }));
    let back = client.receive(Pass::FIRST, light, &mut dice).unwrap();
    server.take_back(Pass::FIRST, back, &mut dice).unwrap();

    // Light in other modes ends the session.
    server.send(second, &mut dice).unwrap();
    let error = server.take_back(second, narrow, &mut dice).unwrap_err();
    assert!(matches!(error, OpticalError::Modes { want: 4, got: 3 }));
    out_of_turn(server.open());
}

#[test]
fn a_server_that_caught_a_client_does_nothing_more() {
    let network = arena_network();
    let shape = network.public().matrices().next().unwrap();
    let mut server = Server::new(&network, conditions()).unwrap();
    let mut thief = super::adversary::client::Heterodyne::new(setting());
    let mut dice = dice(2, 0);
    server.open().unwrap();
    let error = run_matrix(
        &mut server,
        Link::Agreed(setting()),
        &mut thief,
        0,
        shape,
        &mut dice,
    )
    .unwrap_err();
    assert!(matches!(error, OpticalError::Caught { .. }), "{error}");
    assert!(error.to_string().contains("layer fc"), "{error}");
    assert!(matches!(server.open(), Err(OpticalError::OutOfTurn { .. })));
    assert_eq!(server.verdicts().len(), 1);
}

#[test]
fn images_of_another_size_are_refused() {
    let network = one_matrix(4, 2);
    let mut client = Client::new(network.public(), setting());
    assert!(matches!(
        client.begin_image(&[1; 5]),
        Err(OpticalError::Image { want: 4, got: 5 })
    ));
    let data = Dataset::new(Shape::vector(5), vec![0; 5], vec![0]).unwrap();
    let simulator = Simulator::new(&network);
    assert!(simulator.accuracy(&data, 1, None, 1, |_| {}).is_err());
    assert!(matches!(
        Arena::new(&network, 3, conditions()).err().unwrap(),
        OpticalError::NoLayer {
            number: 3,
            matrices: 1
        }
    ));
}
