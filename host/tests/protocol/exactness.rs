//! Results equal the integer network, costs equal the plan.

use std::path::Path;

use addax::he::Context;
use addax::mpc::Channel;
use addax::net::bounds::sum_pool_bound;
use addax::net::{self, Function, IntegerNetwork, Layer, LinearMap, Pool, SumPool};
use addax::protocol::{Client, ClientLimits, PlanError, PublicPlan, Reveal, ServerModel};
use addax::random::PartyRandomness;
use addax_core::isa::Geometry;
use addax_core::params::N4096;

use super::networks::{activation, convolution, every_layer, image, matrix, shape};
use super::session::{beside, run};

#[test]
fn every_kind_of_layer_equals_the_integer_network_and_costs_what_the_plan_says() {
    let network = every_layer();
    let model = ServerModel::new(&network, N4096, Reveal::Logits, None).unwrap();
    let images: Vec<_> = (0..3).map(|seed| image(&network, 50 + seed)).collect();
    let run = run(&model, &images);
    for (image, answer) in images.iter().zip(&run.answers) {
        let logits = net::integer::evaluate(&network, image).unwrap();
        assert_eq!(answer.logits.as_ref(), Some(&logits));
        assert_eq!(answer.label, net::accuracy::arg_max(&logits));
    }
    let context = Context::new(N4096);
    let plan = model.plan().report(&context, &Geometry::DEFAULT).unwrap();
    assert_eq!(plan.layers.len(), run.report.layers.len());
    for (planned, measured) in plan.layers.iter().zip(&run.report.layers) {
        assert_eq!(planned.name, measured.name);
        assert_eq!(planned.kind, measured.kind);
        assert_eq!(3 * planned.cycles, measured.cycles, "{}", planned.name);
        assert_eq!(3 * planned.transforms, measured.transforms);
        assert_eq!(3 * planned.and_gates, measured.and_gates);
        assert_eq!(3 * planned.bytes_up, measured.bytes_up, "{}", planned.name);
        assert_eq!(
            3 * planned.bytes_down,
            measured.bytes_down,
            "{}",
            planned.name
        );
    }
    assert_eq!(
        run.report.host_transforms.encoding, 0,
        "weights are encoded once, before"
    );
    assert_eq!(
        run.report.host_transforms.decryption, 0,
        "the server decrypts nothing"
    );
}

#[test]
fn only_the_largest_logit_is_revealed_on_request() {
    let network = every_layer();
    let model = ServerModel::new(&network, N4096, Reveal::ArgMax, None).unwrap();
    let images = vec![image(&network, 60), image(&network, 61)];
    for (image, answer) in images.iter().zip(run(&model, &images).answers) {
        let logits = net::integer::evaluate(&network, image).unwrap();
        assert_eq!(answer.label, net::accuracy::arg_max(&logits));
        assert_eq!(answer.logits, None);
    }
}

/// Layers that leave a stage without a bound of its own: an activation right behind another, a matrix of zeros.
#[test]
fn stages_hold_what_enters_them_even_if_nothing_grows_there() {
    let pool = Pool {
        kernel: [2, 2],
        stride: [2, 2],
        padding: [0; 4],
    };
    let Layer::Linear(mut zeros) = matrix(4, 3, 20) else {
        unreachable!()
    };
    zeros.map = LinearMap::FullyConnected {
        weights: vec![0; 12],
    };
    zeros.bias = vec![0; 3];
    zeros.bound = 0;
    let network = IntegerNetwork {
        name: "flat".to_owned(),
        input: shape(1, 4, 4),
        input_bits: 8,
        layers: vec![
            convolution(shape(1, 4, 4), 1, 1, 1, 0, 10),
            activation("relu", shape(1, 4, 4), Function::Relu, None, 6),
            activation("max", shape(1, 4, 4), Function::Identity, Some(pool), 0),
            Layer::Linear(zeros),
        ],
    };
    network.check().unwrap();
    let model = ServerModel::new(&network, N4096, Reveal::Logits, None).unwrap();
    let answer = &run(&model, &[image(&network, 50)]).answers[0];
    assert_eq!(answer.logits, Some(vec![0; 3]));

    let mut network = network;
    network.layers.pop();
    network.layers.push(matrix(4, 3, 20));
    let model = ServerModel::new(&network, N4096, Reveal::Logits, None).unwrap();
    let image = image(&network, 50);
    let logits = net::integer::evaluate(&network, &image).unwrap();
    assert_eq!(run(&model, &[image]).answers[0].logits, Some(logits));
}

/// Few input bits, steps wider than the filter, padding under a maximum, no shift, an average by a reciprocal; shares of one
/// limb and of two.
#[test]
fn the_edges_of_layers_and_widths_equal_the_integer_network() {
    let window = |extent: usize, step: usize, padding: usize| Pool {
        kernel: [extent; 2],
        stride: [step; 2],
        padding: [padding; 4],
    };
    let average = window(3, 2, 1);
    let network = IntegerNetwork {
        name: "edges".to_owned(),
        input: shape(1, 17, 17),
        input_bits: 3,
        layers: vec![
            convolution(shape(1, 17, 17), 3, 2, 3, 1, 10),
            activation(
                "max",
                shape(3, 6, 6),
                Function::Relu,
                Some(window(3, 2, 1)),
                0,
            ),
            Layer::SumPool(SumPool {
                name: "mean".to_owned(),
                kernel: average.kernel,
                stride: average.stride,
                padding: average.padding,
                input: shape(3, 3, 3),
                output: shape(3, 2, 2),
                weight: 228,
                bound: sum_pool_bound(9, 228, 255),
            }),
            activation("round", shape(3, 2, 2), Function::Identity, None, 11),
            matrix(12, 1, 20),
        ],
    };
    network.check().unwrap();
    for reveal in [Reveal::Logits, Reveal::ArgMax] {
        for plain_bits in [None, Some(25), Some(26), Some(28)] {
            let model = ServerModel::new(&network, N4096, reveal, plain_bits).unwrap();
            let images = [image(&network, 50), vec![255; 289]];
            for (image, answer) in images.iter().zip(run(&model, &images).answers) {
                let logits = net::integer::evaluate(&network, image).unwrap();
                assert_eq!(answer.label, 0);
                if reveal == Reveal::Logits {
                    assert_eq!(answer.logits, Some(logits), "{plain_bits:?}");
                }
            }
        }
    }
}

#[test]
fn squares_and_wide_plaintexts_are_refused_by_name() {
    let mut network = every_layer();
    let Layer::Activation(activation) = &mut network.layers[4] else {
        unreachable!()
    };
    activation.function = Function::Square;
    let error = PublicPlan::of_network(&network, &N4096, Reveal::Logits, None).unwrap_err();
    assert!(
        matches!(&error, PlanError::Square { layer } if layer == "relu1"),
        "{error}"
    );
    let error =
        PublicPlan::of_network(&every_layer(), &N4096, Reveal::Logits, Some(12)).unwrap_err();
    assert!(
        matches!(error, PlanError::TooNarrow { given: 12, .. }),
        "{error}"
    );
}

#[test]
fn an_image_of_another_size_is_refused_and_the_session_goes_on() {
    let network = every_layer();
    let model = ServerModel::new(&network, N4096, Reveal::Logits, None).unwrap();
    let (_, report) = beside(&model, |stream| {
        let randomness = PartyRandomness::from_key([2; 32]);
        let limits = ClientLimits::default();
        let mut client = Client::connect(Channel::new(stream), &limits, randomness).unwrap();
        let error = client.classify(&[0; 5], |_| {}).unwrap_err();
        assert!(error.to_string().contains("5 values"), "{error}");
        let image = image(&network, 90);
        let answer = client.classify(&image, |_| {}).unwrap();
        let logits = net::integer::evaluate(&network, &image).unwrap();
        assert_eq!(answer.logits, Some(logits));
        client.finish().unwrap();
    });
    assert_eq!(report.unwrap().images, 1);
}

#[test]
fn the_shipped_network_is_exact_on_drawn_digits() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/lite3-mnist.onnx");
    let graph = net::onnx::import(&path).unwrap();
    let options = net::quantise::QuantiseOptions::default();
    let network = net::quantise::quantise(&graph, None, &options).unwrap();
    let too_wide = PublicPlan::of_network(&network, &N4096, Reveal::Logits, Some(30)).unwrap_err();
    assert!(
        matches!(too_wide, PlanError::TooWide { plain_bits: 30, .. }),
        "{too_wide}"
    );
    let model = ServerModel::new(&network, N4096, Reveal::Logits, None).unwrap();
    let images: Vec<Vec<u8>> = (0..2)
        .map(|digit| addax::data::draw::draw(digit, 3).to_vec())
        .collect();
    for (image, answer) in images.iter().zip(run(&model, &images).answers) {
        assert_eq!(
            answer.logits,
            Some(net::integer::evaluate(&network, image).unwrap())
        );
    }
}
