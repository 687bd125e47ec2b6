//! Cheaters: what the server sees of them, when they are caught, what they learn.

use addax_sim::optical::{Setting, Variant, leak};

use super::super::session::run_matrix;
use super::super::tests::{arena_network, conditions, numbers, one_matrix, setting};
use super::super::{Client, Conditions, Link, OpticalError, Pass, Sender, Server, dice};
use super::client::{Eavesdropper, Taking};
use super::*;

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
    let query = Server::new(&arena_network(), conditions())
        .unwrap()
        .query_bits();
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
                let mut thief = Eavesdropper::new(client, Taking::Fraction(fraction));
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
fn sessions_depend_on_the_seed_alone() {
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
