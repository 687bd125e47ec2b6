//! Damaged messages: whatever arrives, both sides end with an error or a wrong answer, never with a panic or a hang.

use std::io::{self, Cursor, Read, Write};

use addax_core::isa::Geometry;
use addax_core::machine::Reference;
use addax_core::params::N4096;

use super::plan::PublicPlan;
use super::{Client, ClientLimits, Reveal, ServerModel};
use crate::he::{Context, FreshCiphertext, PublicKey, Response, SecretKey, noise};
use crate::mpc::Channel;
use crate::mutate::mutation;
use crate::net::bounds::linear_bound;
use crate::net::{Activation, Function, IntegerNetwork, Layer, Linear, LinearMap, Pool, Shape};
use crate::random::PartyRandomness;

const MUTATIONS: u64 = 10_000;

fn matrix(inputs: usize, outputs: usize) -> Layer {
    let weights: Vec<i32> = (0..inputs * outputs)
        .map(|i| (i * 37 % 255) as i32 - 127)
        .collect();
    let bias = vec![5; outputs];
    Layer::Linear(Linear {
        name: format!("matrix {inputs} to {outputs}"),
        bound: linear_bound(&weights, &bias, 255),
        map: LinearMap::FullyConnected { weights },
        input: Shape::vector(inputs),
        output: Shape::vector(outputs),
        bias,
        weight_bits: 8,
    })
}

fn network() -> IntegerNetwork {
    let shape = |channels, side| Shape {
        channels,
        height: side,
        width: side,
    };
    let weights = vec![7, -100, 50];
    let bias = vec![1, 2, 3];
    let network = IntegerNetwork {
        name: "small".to_owned(),
        input: shape(1, 4),
        input_bits: 8,
        layers: vec![
            Layer::Linear(Linear {
                name: "scale".to_owned(),
                bound: linear_bound(&weights, &bias, 255),
                map: LinearMap::Convolution {
                    kernel: [1, 1],
                    stride: [1, 1],
                    padding: [0; 4],
                    weights,
                },
                input: shape(1, 4),
                output: shape(3, 4),
                bias,
                weight_bits: 8,
            }),
            Layer::Activation(Activation {
                name: "relu".to_owned(),
                function: Function::Relu,
                max_pool: Some(Pool {
                    kernel: [2, 2],
                    stride: [2, 2],
                    padding: [0; 4],
                }),
                shift: 8,
                activation_bits: 8,
                input: shape(3, 4),
                output: shape(3, 2),
            }),
            matrix(12, 3),
        ],
    };
    network.check().unwrap();
    network
}

const IMAGE: [u8; 16] = [9, 200, 7, 6, 5, 4, 255, 2, 1, 0, 0, 17, 99, 3, 128, 64];

#[test]
fn damaged_keys_ciphertexts_and_responses_never_panic() {
    let context = Context::new(N4096);
    let mut randomness = PartyRandomness::from_key([1; 32]);
    let secret = SecretKey::generate(&context, &mut randomness);
    let public = PublicKey::generate(&context, &secret, &mut randomness).to_bytes(&context);
    let message = vec![3; context.n()];
    let fresh = FreshCiphertext::encrypt(&context, &secret, 23, &message, &mut randomness);
    let seeded = [public, fresh.to_bytes(&context)];
    let format = noise::response_format(&N4096, 23);
    let components = [0, 1].map(|seed| vec![vec![seed; context.n()]; format.limbs]);
    let used = [0, 17, 4095];
    let response = Response::extract(&format, &context, &components, &used).to_bytes(&format);
    for index in 0..MUTATIONS {
        let damaged = mutation(&seeded, index);
        let _ = FreshCiphertext::from_bytes(&context, &damaged);
        if index % 16 == 0 {
            // The same reader, followed by the expansion of the seed.
            let _ = PublicKey::from_bytes(&context, &damaged);
        }
        let damaged = mutation(std::slice::from_ref(&response), index);
        if let Ok(response) = Response::from_bytes(&format, &context, used.len(), &damaged)
            && index % 16 == 0
        {
            let _ = response.decrypt(&format, &context, &secret, &used);
        }
    }
}

#[test]
fn damaged_plans_are_refused_or_harmless() {
    let plan = PublicPlan::of_network(&network(), &N4096, Reveal::Logits, None).unwrap();
    let text = serde_json::to_vec(&plan).unwrap();
    let limits = ClientLimits::default();
    let mut accepted = 0;
    for index in 0..MUTATIONS {
        let damaged = mutation(std::slice::from_ref(&text), index);
        if let Ok(plan) = serde_json::from_slice::<PublicPlan>(&damaged)
            && plan.check(&limits).is_ok()
        {
            accepted += 1;
            plan.report(&Context::new(N4096), &Geometry::DEFAULT)
                .unwrap();
        }
    }
    assert!(
        accepted < MUTATIONS / 4,
        "{accepted} damaged plans accepted"
    );
}

/// A peer that has said everything in advance.
struct Recording {
    heard: Cursor<Vec<u8>>,
    said: Vec<u8>,
}

impl Read for Recording {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.heard.read(buffer)
    }
}

impl Write for Recording {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.said.extend_from_slice(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs a client with fixed randomness against recorded words; what it said, and its logits.
fn client(heard: Vec<u8>) -> (Vec<u8>, Option<Vec<i64>>) {
    let mut stream = Recording {
        heard: Cursor::new(heard),
        said: Vec::new(),
    };
    let randomness = PartyRandomness::from_key([2; 32]);
    let channel = Channel::new(&mut stream);
    let logits = Client::connect(channel, &ClientLimits::default(), randomness)
        .and_then(|mut client| {
            let answer = client.classify(&IMAGE, |_| {})?;
            client.finish()?;
            Ok(answer.logits)
        })
        .unwrap_or_default();
    (stream.said, logits)
}

/// Runs a server with fixed randomness against recorded words; what it said, and whether it was content.
fn server(model: &ServerModel, heard: Vec<u8>) -> (Vec<u8>, bool) {
    let mut stream = Recording {
        heard: Cursor::new(heard),
        said: Vec::new(),
    };
    let mut storage = vec![0; Geometry::DEFAULT.slots() * model.context().n()];
    let basis = &**model.context().basis();
    let mut machine = Reference::new(basis, Geometry::DEFAULT, &mut storage[..]).unwrap();
    let mut channel = Channel::new(&mut stream);
    let randomness = PartyRandomness::from_key([3; 32]);
    let served = model.serve(&mut channel, &mut machine, randomness, |_| {});
    (stream.said, served.is_ok())
}

/// Both sides' words of a whole session: each hears what the other has said so far, until nothing new is said.
fn conversation(model: &ServerModel) -> [Vec<u8>; 2] {
    let (mut from_client, mut from_server) = (Vec::new(), Vec::new());
    loop {
        let said = client(strip_abort(&from_server)).0;
        let reply = server(model, strip_abort(&said)).0;
        if said.len() == from_client.len() && reply.len() == from_server.len() {
            return [said, reply];
        }
        (from_client, from_server) = (said, reply);
    }
}

/// The frames before an abort.
fn strip_abort(words: &[u8]) -> Vec<u8> {
    let mut at = 0;
    while let Some(header) = words[at..].first_chunk::<5>() {
        if header[4] == crate::mpc::MessageKind::Abort as u8 {
            break;
        }
        let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
        at += header.len() + length as usize;
    }
    words[..at].to_vec()
}

#[test]
fn damaged_conversations_end_on_both_sides() {
    let network = network();
    let model = ServerModel::new(&network, N4096, Reveal::Logits, None).unwrap();
    let [from_client, from_server] = conversation(&model);
    let expected = crate::net::integer::evaluate(&network, &IMAGE).unwrap();
    assert_eq!(
        client(from_server.clone()).1,
        Some(expected),
        "the undamaged conversation"
    );
    assert!(
        server(&model, from_client.clone()).1,
        "the undamaged conversation"
    );
    for index in 0..150 {
        client(mutation(std::slice::from_ref(&from_server), index));
        server(&model, mutation(std::slice::from_ref(&from_client), index));
    }
}
