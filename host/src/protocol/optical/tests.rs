//! The protocol as a whole: lowering, order of steps, agreement of both simulations, and cheaters.

use addax_sim::optical::{Field, Setting, Variant, leak};
use rand_distr::{Distribution, StandardNormal};

use super::accuracy::Simulator;
use super::adversary::{Adversary, Arena};
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

pub(super) fn setting() -> Setting {
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
    let arena = arena();
    let p_values = |seed| {
        arena
            .attack(Adversary::Honest, 5, seed, || {})
            .unwrap()
            .p_values
    };
    assert_eq!(p_values(1), p_values(1));
    assert_ne!(p_values(1), p_values(2));
}

/// A matrix large enough that an attack shows: 200 rows of 128 weights.
pub(super) fn arena_network() -> OpticalNetwork {
    one_matrix(128, 200)
}

fn arena() -> Arena {
    Arena::new(&arena_network(), 0, conditions()).unwrap()
}

#[test]
fn who_measures_everything_is_caught_within_a_layer() {
    for adversary in [Adversary::Heterodyne, Adversary::InterceptResend] {
        let outcome = arena().attack(adversary, 300, 1, || {}).unwrap();
        assert_eq!(outcome.caught, 300, "{adversary:?}");
        // Not by luck: the most innocent of them is far beyond any threshold.
        let innocent = outcome
            .p_values
            .iter()
            .fold(0.0, |most, p| f64::max(most, *p));
        assert!(innocent < 1e-30, "{adversary:?}: {innocent}");
    }
    let split = arena()
        .attack(Adversary::Split(0.2), 300, 1, || {})
        .unwrap();
    assert_eq!(split.caught, 300);
    for honest in [Adversary::Honest, Adversary::Split(0.0), Adversary::Door] {
        let outcome = arena().attack(honest, 1000, 1, || {}).unwrap();
        assert!(outcome.caught <= 5, "{honest:?}: {}", outcome.caught);
    }
    // Ten rows of another layer are enough.
    let network = one_matrix(128, 10);
    let few = Arena::new(&network, 0, conditions()).unwrap();
    let outcome = few.attack(Adversary::Heterodyne, 300, 1, || {}).unwrap();
    assert_eq!(outcome.caught, 300);
}

#[test]
fn the_channel_that_the_server_sees_is_the_attack() {
    let honest = setting().returned_excess() / 64.0;
    for (adversary, transmittance, excess) in [
        (Adversary::Honest, 1.0, honest),
        // Readings of noise 2, in light of power 4 a quadrature: trusted by 4/6.
        (Adversary::Heterodyne, 4.0 / 9.0, 2.0 * 4.0 / 9.0),
        (Adversary::InterceptResend, 1.0, 2.0 + honest),
        (Adversary::Split(0.1), 0.9, honest),
    ] {
        let outcome = arena().attack(adversary, 200, 3, || {}).unwrap();
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
fn what_is_learnt_is_the_capacity_of_the_channel_and_nobody_learns_more_than_the_bound() {
    for variant in Variant::ALL {
        for (gain, loss) in [(2.0, 0.0), (1.3, 3.0)] {
            let setting = Setting::new(4.0, gain, loss, 0.0).unwrap();
            let conditions = Conditions {
                setting,
                variant,
                ..conditions()
            };
            let arena = Arena::new(&arena_network(), 0, conditions).unwrap();
            for adversary in Adversary::ALL {
                let outcome = arena.attack(adversary, 100, 4, || {}).unwrap();
                let (learnt, bound) = (outcome.information_bits, outcome.bound_bits);
                let nothing = adversary == Adversary::Door && loss == 0.0;
                assert!(learnt > 0.0 || nothing, "{adversary:?}");
                assert!(learnt <= bound, "{adversary:?}: {learnt} of {bound}");
                // The bounds are taken at twice the modulation that is simulated; it holds at that as well.
                if let Some((transmittance, excess)) = outcome.observed {
                    let simulated = setting.power() / setting.transmittance() + 1.0;
                    let transmittance = transmittance.min(setting.transmittance());
                    let tight = leak::holevo(simulated, transmittance, excess.max(0.0) + 2e-3);
                    let tight = variant.weight_share() * tight * outcome.queries;
                    assert!(learnt <= tight, "{adversary:?}: {learnt} of {tight}");
                }
            }
        }
    }
    let bits = |adversary| {
        arena()
            .attack(adversary, 200, 5, || {})
            .unwrap()
            .information_bits
    };
    // Two quadratures of power 4 in noise 2, and one output of F = 2 for 64 symbols.
    let output = 0.5 * 3.0_f64.log2() / 64.0;
    assert!((bits(Adversary::Honest) - output).abs() < 0.1 * output);
    assert!((bits(Adversary::Heterodyne) - 3.0_f64.log2()).abs() < 0.01);
    let halves = 2.0_f64.log2() + 0.5 * 2.0_f64.log2() / 64.0;
    assert!((bits(Adversary::Split(0.5)) - halves).abs() < 0.01);
}

#[test]
fn what_a_link_loses_is_had_by_who_replaces_it_and_is_not_seen() {
    let conditions = Conditions {
        setting: Setting::new(4.0, 2.0, 3.0, 0.0).unwrap(),
        ..conditions()
    };
    let arena = Arena::new(&arena_network(), 0, conditions).unwrap();
    let outcome = arena.attack(Adversary::Door, 300, 8, || {}).unwrap();
    assert!(outcome.caught <= 3);
    // Half of twice the light.
    let want = 3.0_f64.log2() + 0.5 * 3.0_f64.log2() / 64.0;
    assert!(
        (outcome.information_bits - want).abs() < 0.02,
        "{}",
        outcome.information_bits
    );
}

#[test]
fn repeated_queries_add_up_and_the_budget_stops_them() {
    let query = arena().query_bits();
    let with = |budget_bits| Conditions {
        budget_bits,
        false_alarm: 1e-6,
        ..conditions()
    };
    let network = arena_network();
    let attack = |budget| {
        let arena = Arena::new(&network, 0, with(budget))?;
        arena.attack(Adversary::Repeat, 20, 6, || {})
    };
    let outcome = attack(12.5 * query).unwrap();
    assert_eq!((outcome.exhausted, outcome.caught), (20, 0));
    assert_eq!(outcome.queries, 12.0);
    let single = attack(query).unwrap();
    assert_eq!(single.queries, 1.0);
    let ratio = outcome.information_bits / single.information_bits;
    assert!((ratio - 12.0).abs() < 1.0, "{ratio}");
    let nothing = attack(0.5 * query).unwrap_err();
    assert!(
        matches!(nothing, OpticalError::BudgetTooSmall { .. }),
        "{nothing}"
    );

    // The refused query sends no light.
    let mut server = Server::new(&network, with(query)).unwrap();
    server.open().unwrap();
    let error = server.open().unwrap_err();
    assert!(
        matches!(error, OpticalError::BudgetSpent { queries: 1, .. }),
        "{error}"
    );
    server.begin(0).unwrap();
    assert!(
        server.send(Pass::FIRST, &mut dice(1, 0)).is_ok(),
        "the query before goes on"
    );
}

#[test]
fn who_takes_too_little_to_be_seen_in_one_query_is_seen_in_many() {
    let network = arena_network();
    let shape = network.public().matrices().next().unwrap();
    let conditions = Conditions {
        budget_bits: f64::MAX,
        ..conditions()
    };
    let caught = |fraction: f64, queries: usize| {
        let stopped = (0..40).filter(|&session| {
            let mut dice = dice(9, session);
            let mut server = Server::new(&network, conditions).unwrap();
            (0..queries).any(|_| {
                let mut client = Client::new(network.public(), setting());
                client.begin_values(numbers(128, session));
                let mut thief = super::adversary::client::Splitter::new(client, fraction);
                server.open().unwrap();
                let link = Link::Agreed(setting());
                run_matrix(&mut server, link, &mut thief, 0, shape, &mut dice).is_err()
            })
        });
        stopped.count()
    };
    assert!(caught(0.02, 1) <= 12);
    assert!(caught(0.02, 30) >= 38);
    assert!(caught(0.0, 30) <= 4);
}

#[test]
fn servers_that_squeeze_or_count_learn_more_than_was_published() {
    let published = leak::data_leak(Variant::ArxivV1, 2.0, 200, 128);
    let learnt = |adversary| {
        let outcome = arena().attack(adversary, 200, 7, || {}).unwrap();
        assert!(outcome.observed.is_none() && outcome.caught == 0);
        (outcome.information_bits, outcome.bound_of)
    };
    let (crafted, of) = learnt(Adversary::Crafted);
    assert!(crafted < published && of == "arxiv-v1");
    let (squeezed, of) = learnt(Adversary::Squeezed);
    assert!(squeezed > published && of != "arxiv-v1");
    let (counting, of) = learnt(Adversary::Counting);
    assert!(counting > published && of != "arxiv-v1");
    // One photon a mode on average, of exponential sizes: the capacity of that Poisson channel, for two data.
    let network = one_matrix(400, 400);
    let arena = Arena::new(&network, 0, conditions()).unwrap();
    let outcome = arena.attack(Adversary::Counting, 300, 7, || {}).unwrap();
    assert!(
        (outcome.information_bits - 0.2173).abs() < 0.005,
        "{}",
        outcome.information_bits
    );
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
