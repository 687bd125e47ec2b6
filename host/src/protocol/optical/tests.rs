//! The protocol as a whole: lowering, order of steps, agreement of both simulations, and cheaters.

use addax_sim::optical::{Field, Setting, Variant, leak, pass};
use proptest::prelude::*;
use rand_distr::{Distribution, StandardNormal};

use super::accuracy::{Simulator, arg_max};
use super::adversary::{Adversary, Arena};
use super::check::Residuals;
use super::session::{classify, run_matrix};
use super::*;
use crate::data::Dataset;
use crate::net::graph::{Graph, Node, Operation};
use crate::net::{Pool, Shape};

fn numbers(count: usize, seed: u64) -> Vec<f32> {
    StandardNormal
        .sample_iter(dice(seed, 0))
        .take(count)
        .collect()
}

fn dense(name: &str, inputs: Shape, outputs: usize, seed: u64, bias: Vec<f32>) -> Node {
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

fn relu(shape: Shape) -> Node {
    Node {
        name: "relu".to_owned(),
        operation: Operation::Relu,
        input: shape,
        output: shape,
    }
}

fn graph(input: Shape, nodes: Vec<Node>) -> Graph {
    Graph {
        name: "test".to_owned(),
        input,
        nodes,
    }
}

/// `inputs` numbers, a matrix of normal weights without bias.
fn one_matrix(inputs: usize, outputs: usize) -> OpticalNetwork {
    let input = Shape::vector(inputs);
    let node = dense("fc", input, outputs, 7, vec![0.0; outputs]);
    OpticalNetwork::new(&graph(input, vec![node])).unwrap()
}

fn two_matrices() -> OpticalNetwork {
    let (input, hidden) = (Shape::vector(7), Shape::vector(4));
    let nodes = vec![
        dense("fc1", input, 4, 1, vec![0.0; 4]),
        relu(hidden),
        dense("fc2", hidden, 3, 2, vec![0.5, -0.25, 0.0]),
    ];
    OpticalNetwork::new(&graph(input, nodes)).unwrap()
}

fn setting() -> Setting {
    Setting::new(4.0, 2.0, 0.0, 0.0).unwrap()
}

fn conditions() -> Conditions {
    Conditions {
        setting: setting(),
        variant: Variant::ArxivV1,
        false_alarm: 1e-3,
        // Short rows leak much.
        budget_bits: 50.0,
    }
}

fn image(length: usize) -> Vec<u8> {
    (0..length).map(|index| (37 * index + 11) as u8).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Without noise the matrices compute what the graph does, whatever the window.
    #[test]
    fn a_lowered_network_computes_what_the_graph_does(
        channels in 1..3_usize, height in 3..8_usize, width in 3..8_usize,
        kernel in [1..4_usize, 1..4_usize], stride in [1..3_usize, 1..3_usize],
        padding in [0..3_usize, 0..3_usize, 0..3_usize, 0..3_usize],
        filters in 1..4_usize, biased: bool,
    ) {
        let padding = [0, 1, 2, 3].map(|side| padding[side].min(kernel[side % 2] - 1));
        let window = Pool { kernel, stride, padding };
        let input = Shape::of([channels, height, width]);
        let Some([rows, columns]) = window.output(input) else { return Ok(()) };
        let output = Shape::of([filters, rows, columns]);
        let bias = |count: usize| match biased {
            true => numbers(count, 9),
            false => vec![0.0; count],
        };
        let convolution = Node {
            name: "conv".to_owned(),
            operation: Operation::Convolution {
                window,
                weights: numbers(filters * channels * window.size(), 3),
                bias: bias(filters),
            },
            input,
            output,
        };
        let nodes = vec![convolution, relu(output), dense("fc", output, 3, 4, bias(3))];
        let graph = graph(input, nodes);
        let network = OpticalNetwork::new(&graph).unwrap();
        let image = image(input.len());
        let data = Dataset::new(input, image.clone(), vec![0]).unwrap();
        let want = graph.evaluate(&image).unwrap();
        let simulator = Simulator::new(&network);
        let got = simulator.logits(&data, 0, None, 1);
        let largest = want.iter().fold(1e-3_f32, |m, x| m.max(x.abs()));
        for (got, want) in got.iter().zip(&want) {
            prop_assert!((got - want).abs() < 1e-4 * largest, "{got} {want}");
        }
        let shape = network.public().matrices().next().unwrap();
        prop_assert_eq!(shape.columns, channels * window.size() + usize::from(biased));
        prop_assert_eq!(shape.uses(), rows * columns);
    }
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

#[test]
fn the_protocol_mode_by_mode_has_the_means_and_variances_of_the_closed_form() {
    const RUNS: usize = 100_000;
    let network = two_matrices();
    let image = image(7);
    let data = Dataset::new(Shape::vector(7), image.clone(), vec![0]).unwrap();
    let simulator = Simulator::new(&network);
    for setting in [setting(), Setting::new(9.0, 1.4, 2.0, 0.1).unwrap()] {
        let closed = statistics(RUNS, |run| {
            simulator.logits(&data, 0, Some(&setting), run as u64)
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
        for ((mean, variance), (other_mean, other_variance)) in modes.iter().zip(&closed) {
            let deviation = (2.0 * variance / RUNS as f64).sqrt();
            assert!(
                (mean - other_mean).abs() < 4.0 * deviation,
                "{mean} {other_mean}"
            );
            // √(2/RUNS) = 0.45 % each, somewhat more for what went through a ReLU.
            let ratio = variance / other_variance;
            assert!((ratio - 1.0).abs() < 0.02, "{ratio}");
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
    run_matrix(&mut server, &mut client, 0, shape, &mut dice(1, 0)).unwrap();
    assert_eq!(client.take_logits(), [0.0, 0.0]);
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
    let network = arena_network();
    let arena = Arena::new(&network, conditions()).unwrap();
    let p_values = |seed| {
        arena
            .attack(Adversary::Honest, 5, seed, || {})
            .unwrap()
            .p_values
    };
    assert_eq!(p_values(1), p_values(1));
    assert_ne!(p_values(1), p_values(2));
}

#[test]
fn an_honest_client_is_stopped_as_often_as_the_false_alarm_rate_says() {
    const LAYERS: u64 = 10_000;
    // Few enough readings that the noise is no normal number yet, and much excess.
    let setting = Setting::new(4.0, 3.0, 0.0, 0.05).unwrap();
    let weights = numbers(6 * 20, 8);
    let alarms = |rate: f64, wrong: f64| {
        let check = Check::new(setting, rate).unwrap();
        let stopped = (0..LAYERS).filter(|&layer| {
            let mut dice = dice(3, layer);
            let data: Vec<f32> = StandardNormal.sample_iter(&mut dice).take(20).collect();
            let (v, _) = pass::data_of(&data).unwrap();
            let mut residuals = Residuals::default();
            let mut coin = false;
            for row in weights.chunks_exact(20) {
                let means = pass::modes_of(row, 2.0);
                let mut light = pass::returned(&setting, &means, &v, &mut dice);
                for (point, mean) in light.points_mut().iter_mut().zip(&means) {
                    *point = mean + (*point - mean) * wrong;
                }
                residuals.add(&means, light.points(), || {
                    coin = !coin;
                    coin
                });
            }
            !check.passes(&check.judge(&residuals))
        });
        stopped.count() as f64 / LAYERS as f64
    };
    // The rate is kept, and not undercut by more than the correction for two tests and the bound on the variance cost.
    let rate = alarms(0.05, 1.0);
    assert!((0.035..=0.055).contains(&rate), "{rate}");
    let rate = alarms(0.01, 1.0);
    assert!((0.005..=0.013).contains(&rate), "{rate}");
    // A check that cannot count would not see this: a fifth more noise in amplitude.
    assert!(alarms(0.05, 1.2) > 0.5);
}

#[test]
fn readings_without_light_or_too_few_pass_nothing() {
    let check = Check::new(setting(), 1e-3).unwrap();
    assert!(!check.passes(&check.judge(&Residuals::default())));
    for bad in [0.0, 1.0, -0.1, f64::NAN] {
        assert!(matches!(
            Check::new(setting(), bad),
            Err(OpticalError::FalseAlarm(_))
        ));
    }
}

/// A matrix large enough that an attack shows: 200 rows of 128 weights.
fn arena_network() -> OpticalNetwork {
    one_matrix(128, 200)
}

#[test]
fn who_measures_everything_is_caught_within_a_layer() {
    let network = arena_network();
    let arena = Arena::new(&network, conditions()).unwrap();
    for adversary in [
        Adversary::Heterodyne,
        Adversary::InterceptResend,
        Adversary::Split(0.2),
    ] {
        let outcome = arena.attack(adversary, 300, 1, || {}).unwrap();
        assert_eq!(outcome.stopped, 300, "{adversary:?}");
        assert_eq!(outcome.stopped_by, Some("check"));
    }
    let honest = arena.attack(Adversary::Honest, 2000, 1, || {}).unwrap();
    assert!(honest.stopped <= 8, "{}", honest.stopped);
    let little = arena.attack(Adversary::Split(0.0), 300, 2, || {}).unwrap();
    assert!(little.stopped <= 3);
}

#[test]
fn the_channel_that_the_server_sees_is_the_attack() {
    let network = arena_network();
    let arena = Arena::new(&network, conditions()).unwrap();
    let honest = setting().returned_excess() / 64.0;
    for (adversary, transmittance, excess) in [
        (Adversary::Honest, 1.0, honest),
        // Readings of noise 2, in light of power 4 a quadrature: trusted by 4/6.
        (Adversary::Heterodyne, 4.0 / 9.0, 2.0 * 4.0 / 9.0),
        (Adversary::InterceptResend, 1.0, 2.0 + honest),
        (Adversary::Split(0.1), 0.9, honest),
    ] {
        let outcome = arena.attack(adversary, 200, 3, || {}).unwrap();
        let (seen, noise) = outcome.observed.unwrap();
        assert!(
            (seen - transmittance).abs() < 0.01,
            "{adversary:?}: T = {seen}"
        );
        assert!(
            (noise - excess).abs() < 0.01,
            "{adversary:?}: excess {noise}"
        );
    }
}

#[test]
fn nobody_learns_more_than_the_bound() {
    let network = arena_network();
    for variant in Variant::ALL {
        let conditions = Conditions {
            variant,
            ..conditions()
        };
        let arena = Arena::new(&network, conditions).unwrap();
        for adversary in Adversary::ALL {
            let outcome = arena.attack(adversary, 100, 4, || {}).unwrap();
            let (learnt, bound) = (outcome.information_bits, outcome.bound_bits);
            assert!(
                learnt > 0.0 && learnt <= bound,
                "{adversary:?}: {learnt} of {bound}"
            );
        }
    }
    // What the heterodyne client learns is the capacity of its channel: power 4, noise 2, two quadratures.
    let arena = Arena::new(&network, conditions()).unwrap();
    let outcome = arena.attack(Adversary::Heterodyne, 200, 5, || {}).unwrap();
    assert!((outcome.information_bits - 3.0_f64.log2()).abs() < 0.01);
    let outcome = arena.attack(Adversary::Split(0.5), 200, 5, || {}).unwrap();
    assert!((outcome.information_bits - 2.0_f64.log2()).abs() < 0.01);
}

#[test]
fn repeated_queries_add_up_and_the_budget_stops_them() {
    let network = arena_network();
    let query = Server::new(&network, conditions()).unwrap().query_bits();
    let conditions = Conditions {
        budget_bits: 12.5 * query,
        ..conditions()
    };
    let arena = Arena::new(&network, conditions).unwrap();
    let outcome = arena.attack(Adversary::Repeat, 20, 6, || {}).unwrap();
    assert_eq!((outcome.stopped, outcome.queries), (20, 12));
    assert_eq!(outcome.stopped_by, Some("budget"));
    let once = Conditions {
        budget_bits: query,
        ..conditions
    };
    let arena = Arena::new(&network, once).unwrap();
    let single = arena.attack(Adversary::Repeat, 20, 6, || {}).unwrap();
    assert_eq!(single.queries, 1);
    assert!(outcome.information_bits > 8.0 * single.information_bits);

    let nothing = Conditions {
        budget_bits: 0.5 * query,
        ..conditions
    };
    assert!(matches!(
        Arena::new(&network, nothing).err().unwrap(),
        OpticalError::BudgetSpent { queries: 0, .. }
    ));

    // The refused query sends no light.
    let mut server = Server::new(&network, once).unwrap();
    server.open().unwrap();
    let error = server.open().unwrap_err();
    assert!(
        matches!(error, OpticalError::BudgetSpent { queries: 1, .. }),
        "{error}"
    );
}

#[test]
fn servers_that_squeeze_learn_more_than_was_published_and_no_more_than_is_said() {
    let network = arena_network();
    let arena = Arena::new(&network, conditions()).unwrap();
    let published = leak::data_leak(Variant::ArxivV1, 2.0, 200, 128);
    let separate = arena.attack(Adversary::Crafted, 200, 7, || {}).unwrap();
    let joint = arena.attack(Adversary::Joint, 200, 7, || {}).unwrap();
    let squeezed = arena.attack(Adversary::Squeezed, 200, 7, || {}).unwrap();
    assert!(separate.information_bits < published);
    assert!(joint.information_bits > published && squeezed.information_bits > published);
    assert!(joint.information_bits < leak::data_leak(Variant::Prx, 2.0, 200, 128));
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
    let error = run_matrix(&mut server, &mut thief, 0, shape, &mut dice).unwrap_err();
    assert!(matches!(error, OpticalError::Caught { .. }), "{error}");
    assert!(error.to_string().contains("layer fc"), "{error}");
    assert!(matches!(server.open(), Err(OpticalError::OutOfTurn { .. })));
    assert_eq!(server.verdicts().len(), 1);
}

#[test]
fn networks_and_images_that_cannot_be_are_refused_by_name() {
    let input = Shape::vector(4);
    let none = OpticalNetwork::new(&graph(input, vec![relu(input)]))
        .err()
        .unwrap();
    assert!(matches!(none, OpticalError::NoMatrix));
    let mut zero = dense("dark", input, 2, 1, vec![0.0; 2]);
    if let Operation::FullyConnected { weights, .. } = &mut zero.operation {
        weights.fill(0.0);
    }
    let dark = OpticalNetwork::new(&graph(input, vec![zero]))
        .err()
        .unwrap();
    assert!(dark.to_string().contains("layer dark"), "{dark}");
    let network = one_matrix(4, 2);
    let mut client = Client::new(network.public(), setting());
    assert!(matches!(
        client.begin_image(&[1; 5]),
        Err(OpticalError::Image { want: 4, got: 5 })
    ));
    let data = Dataset::new(Shape::vector(5), vec![0; 5], vec![0]).unwrap();
    let simulator = Simulator::new(&network);
    assert!(simulator.accuracy(&data, 1, None, 1, |_| {}).is_err());
}

#[test]
fn the_largest_logit_is_the_answer_and_the_first_of_equals() {
    assert_eq!(arg_max(&[0.5, 2.0, 2.0, -1.0]), 1);
    assert_eq!(arg_max(&[f32::NAN, 1.0]), 0);
    assert_eq!(arg_max(&[]), 0);
}
