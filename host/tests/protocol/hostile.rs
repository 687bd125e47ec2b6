//! Peers that lie, break off, or speak something else.

use std::net::TcpStream;

use addax::mpc::{Channel, MessageKind, MpcError};
use addax::net::{Function, IntegerNetwork, Shape};
use addax::protocol::plan::{PoolStage, Window};
use addax::protocol::{
    Client, ClientLimits, PlanError, ProtocolError, PublicPlan, Reveal, ServerModel,
};
use addax::random::PartyRandomness;
use addax_core::params::N4096;

use super::networks::{activation, every_layer, matrix, shape};
use super::session::beside;

#[test]
fn plans_beyond_the_clients_limits_or_without_sense_are_refused() {
    let network = every_layer();
    let plan = PublicPlan::of_network(&network, &N4096, Reveal::Logits, None).unwrap();
    let limits = ClientLimits::default();
    plan.check(&limits).unwrap();
    let small = ClientLimits {
        values: 1000,
        ..limits
    };
    assert!(matches!(plan.check(&small), Err(PlanError::Limit(_))));
    let spoil = |change: &dyn Fn(&mut PublicPlan)| {
        let mut spoilt = plan.clone();
        change(&mut spoilt);
        assert!(spoilt.check(&limits).is_err(), "{spoilt:?}");
    };
    spoil(&|plan| plan.input = [usize::MAX, 3, 3]);
    spoil(&|plan| plan.input = [0, 28, 28]);
    spoil(&|plan| plan.stages.clear());
    spoil(&|plan| plan.input_bits = 40);
    spoil(&|plan| plan.parameters = "N8192".to_owned());
    spoil(&|plan| plan.parameters = "none".to_owned());
    spoil(&|plan| plan.stages[0].plain_bits = 63);
    spoil(&|plan| plan.stages[0].plain_bits = 1);
    spoil(&|plan| plan.stages[0].linear = None);
    spoil(&|plan| plan.stages[0].activation = None);
    spoil(&|plan| plan.stages[0].activation.as_mut().unwrap().shift = 60);
    spoil(&|plan| plan.stages[0].activation.as_mut().unwrap().activation_bits = 0);
    spoil(&|plan| {
        plan.stages[0]
            .activation
            .as_mut()
            .unwrap()
            .max_pool
            .as_mut()
            .unwrap()
            .stride = [0, 0]
    });
    spoil(&|plan| {
        plan.stages[0]
            .activation
            .as_mut()
            .unwrap()
            .max_pool
            .as_mut()
            .unwrap()
            .kernel = [4000, 4000]
    });
    spoil(&|plan| plan.stages[0].linear.as_mut().unwrap().convolution.outputs = 1 << 40);
    spoil(&|plan| plan.stages[0].linear.as_mut().unwrap().convolution.stride = [0, 1]);
    spoil(&|plan| plan.stages[0].linear.as_mut().unwrap().tile.channels = 0);
    spoil(&|plan| plan.stages[0].linear.as_mut().unwrap().weight_bits = 30);
    spoil(&|plan| plan.stages[1].pools[0].window.kernel = [9000, 1]);
    spoil(&|plan| {
        plan.stages[0].activation.as_mut().unwrap().activation_bits = 16;
        plan.stages[1].plain_bits = 15;
    });
    spoil(&|plan| {
        plan.stages.pop();
    });
}

/// The plan of one linear layer on a small image, an activation and a matrix to `classes` logits.
fn small_plan(classes: usize, reveal: Reveal) -> PublicPlan {
    let network = IntegerNetwork {
        name: "small".to_owned(),
        input: shape(1, 1, 1),
        input_bits: 8,
        layers: vec![
            matrix(1, 1, 10),
            activation("relu", Shape::vector(1), Function::Relu, None, 8),
            matrix(1, classes, 20),
        ],
    };
    network.check().unwrap();
    PublicPlan::of_network(&network, &N4096, reveal, None).unwrap()
}

#[test]
fn windows_that_would_blow_a_tensor_up_are_refused_by_their_limit() {
    let limits = ClientLimits::default();
    let plan = small_plan(1, Reveal::Logits);
    plan.check(&limits).unwrap();
    let window = |extent: usize, stride: usize, padding: usize| Window {
        kernel: [extent; 2],
        stride: [stride; 2],
        padding: [padding; 4],
    };
    // One value under windows of mostly padding, step by step, and padding beyond every window.
    for window in [window(2048, 1, 2047), window(1, 1, 4096)] {
        let mut sum = plan.clone();
        sum.stages[0].pools.push(PoolStage {
            name: "sum".to_owned(),
            window,
            weight: 1,
        });
        assert!(matches!(sum.check(&limits), Err(PlanError::Limit(_))));
        let mut maximum = plan.clone();
        maximum.stages[0].activation.as_mut().unwrap().max_pool = Some(window);
        assert!(matches!(maximum.check(&limits), Err(PlanError::Limit(_))));
    }
}

#[test]
fn circuits_over_more_values_than_the_client_has_memory_for_are_refused() {
    let limits = ClientLimits::default();
    // A maximum over one window of 2^20 values, nearly all of them padding.
    let mut plan = small_plan(1, Reveal::Logits);
    plan.stages[0].activation.as_mut().unwrap().max_pool = Some(Window {
        kernel: [1024; 2],
        stride: [1024; 2],
        padding: [1023, 1023, 0, 0],
    });
    assert!(matches!(plan.check(&limits), Err(PlanError::Limit(_))));
    // A garbled arg max over very many classes; in the clear they would do.
    small_plan(50_000, Reveal::Logits).check(&limits).unwrap();
    let plan = small_plan(50_000, Reveal::ArgMax);
    assert!(matches!(plan.check(&limits), Err(PlanError::Limit(_))));
    small_plan(1000, Reveal::ArgMax).check(&limits).unwrap();
}

#[test]
fn names_of_a_plan_cannot_command_a_terminal() {
    let mut plan = PublicPlan::of_network(&every_layer(), &N4096, Reveal::Logits, None).unwrap();
    let name = "\u{1b}]0;owned\u{7}\n".to_owned();
    plan.stages[0].linear.as_mut().unwrap().name = name.clone();
    plan.stages[0].activation.as_mut().unwrap().name = name.clone();
    plan.stages[1].pools[0].name = name;
    let text = serde_json::to_vec(&plan).unwrap();
    let plan: PublicPlan = serde_json::from_slice(&text).unwrap();
    let read = "\u{fffd}]0;owned\u{fffd}\u{fffd}";
    assert_eq!(plan.stages[0].linear.as_ref().unwrap().name, read);
    assert_eq!(plan.stages[0].activation.as_ref().unwrap().name, read);
    assert_eq!(plan.stages[1].pools[0].name, read);
}

#[test]
fn a_connection_dropped_after_any_number_of_bytes_ends_both_sides_with_an_error() {
    use std::io::{Read, Write};
    /// Passes a limited number of bytes in each direction, then is closed.
    struct Short(TcpStream, usize);
    impl Short {
        fn take(&mut self, count: usize) -> usize {
            let allowed = count.min(self.1);
            self.1 -= allowed;
            if allowed == 0 && count > 0 {
                let _ = self.0.shutdown(std::net::Shutdown::Both);
            }
            allowed
        }
    }
    impl Read for Short {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let allowed = self.take(buffer.len());
            self.0.read(&mut buffer[..allowed])
        }
    }
    impl Write for Short {
        fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
            let allowed = self.take(buffer.len());
            self.0.write(&buffer[..allowed])
        }
        fn flush(&mut self) -> std::io::Result<()> {
            self.0.flush()
        }
    }
    let network = IntegerNetwork {
        name: "small".to_owned(),
        input: Shape::vector(10),
        input_bits: 8,
        layers: vec![
            matrix(10, 8, 1),
            activation("relu", Shape::vector(8), Function::Relu, None, 8),
            matrix(8, 3, 3),
        ],
    };
    let model = ServerModel::new(&network, N4096, Reveal::Logits, None).unwrap();
    // Bytes the client may move before the line is cut: within hello, plan, key, transfers, ciphertexts, response,
    // tables, masks.
    for budget in [
        0, 3, 30, 300, 1_000, 20_000, 57_000, 62_000, 70_000, 120_000, 140_000, 200_000,
    ] {
        let (client, server) = beside(&model, |stream| {
            let randomness = PartyRandomness::from_key([2; 32]);
            let channel = Channel::new(Short(stream, budget));
            Client::connect(channel, &ClientLimits::default(), randomness)
                .and_then(|mut client| client.classify(&[7; 10], |_| {}))
        });
        assert!(client.is_err(), "client with {budget} bytes");
        assert!(server.is_err(), "server with {budget} bytes");
    }
}

#[test]
fn a_peer_of_another_version_or_protocol_is_told_so() {
    let model = ServerModel::new(&every_layer(), N4096, Reveal::Logits, None).unwrap();
    let greet = |hello: &[u8]| {
        let (heard, error) = beside(&model, |stream| {
            let mut channel = Channel::new(stream);
            channel.send(MessageKind::Hello, hello).unwrap();
            channel
                .receive(MessageKind::ServerHello, 1 << 20)
                .unwrap_err()
        });
        (error.unwrap_err(), heard)
    };
    let other = [&b"ADDX"[..], &9u16.to_le_bytes(), &[0; 32]].concat();
    let (error, heard) = greet(&other);
    assert!(matches!(error, ProtocolError::Version { peer: 9 }));
    assert!(matches!(heard, MpcError::PeerAborted { ref reason } if reason.contains("version 9")));
    let (error, _) = greet(b"GET / HTTP/1.1");
    assert!(matches!(error, ProtocolError::NotAddax(_)));
}
