//! What an observer of the messages can see.

use std::net::TcpStream;

use addax::mpc::Channel;
use addax::net::{Layer, LinearMap};
use addax::protocol::{Client, ClientLimits, Reveal, ServerModel};
use addax::random::PartyRandomness;
use addax_core::params::N4096;

use super::networks::{every_layer, image};
use super::session::{beside, run};

#[test]
fn a_network_printed_for_debugging_shows_neither_weights_nor_biases() {
    let mut network = every_layer();
    let Layer::Linear(layer) = &mut network.layers[0] else {
        unreachable!()
    };
    layer.bias[0] = 987_654_321;
    layer.bound = 1_987_654_321;
    let LinearMap::Convolution { weights, .. } = &mut layer.map else {
        unreachable!()
    };
    weights[0] = 87_654_321;
    let text = format!("{network:?}");
    assert!(
        text.contains("conv10") && !text.contains("87654321"),
        "{text}"
    );
}

#[test]
fn messages_have_the_same_order_and_lengths_whatever_the_image() {
    let network = every_layer();
    let model = ServerModel::new(&network, N4096, Reveal::Logits, None).unwrap();
    let black = run(&model, &[vec![0; network.input.len()]]).transcript;
    let white = run(&model, &[vec![255; network.input.len()]]).transcript;
    let noise = run(&model, &[image(&network, 70)]).transcript;
    assert!(black.len() > 20);
    assert_eq!(black, white);
    assert_eq!(black, noise);
}

/// Forwards bytes and keeps a copy of what the server sent.
fn recorded_session(model: &ServerModel, image: &[u8]) -> [Vec<u8>; 2] {
    use std::io::{Read, Write};
    struct Tap(TcpStream, [Vec<u8>; 2]);
    impl Read for Tap {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = self.0.read(buffer)?;
            self.1[1].extend_from_slice(&buffer[..count]);
            Ok(count)
        }
    }
    impl Write for Tap {
        fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
            let count = self.0.write(buffer)?;
            self.1[0].extend_from_slice(&buffer[..count]);
            Ok(count)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            self.0.flush()
        }
    }
    let (bytes, report) = beside(model, |stream| {
        let tap = Tap(stream, [Vec::new(), Vec::new()]);
        let randomness = PartyRandomness::from_system().unwrap();
        let mut client =
            Client::connect(Channel::new(tap), &ClientLimits::default(), randomness).unwrap();
        client.classify(image, |_| {}).unwrap();
        let bytes = client.channel().stream().1.clone();
        client.finish().unwrap();
        bytes
    });
    report.unwrap();
    bytes
}

#[test]
fn two_runs_on_the_same_image_share_no_ciphertext_label_or_mask() {
    let network = every_layer();
    let model = ServerModel::new(&network, N4096, Reveal::Logits, None).unwrap();
    let image = image(&network, 80);
    let first = recorded_session(&model, &image);
    let second = recorded_session(&model, &image);
    for direction in 0..2 {
        let (a, b) = (&first[direction], &second[direction]);
        assert_eq!(a.len(), b.len());
        // Behind the handshake, every aligned 16-byte block is a piece of a ciphertext, label, table or mask.
        let start = if direction == 0 { 64 } else { 8192 };
        let blocks = |bytes: &[u8]| {
            bytes[start..]
                .chunks_exact(16)
                .map(<[u8]>::to_vec)
                .collect::<std::collections::HashSet<_>>()
        };
        let zero = vec![0u8; 16];
        let shared = blocks(a)
            .intersection(&blocks(b))
            .filter(|block| **block != zero)
            .count();
        assert_eq!(shared, 0, "direction {direction}");
    }
}
