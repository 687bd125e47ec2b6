//! Images on what was prepared for them: the same answers, and no preparation twice.

use std::io::Write;
use std::net::TcpStream;

use addax::mpc::{Channel, MessageKind, MpcError};
use addax::net;
use addax::protocol::{
    Answer, Client, ClientLimits, PlanError, ProtocolError, Reveal, ServerModel,
};
use addax::random::PartyRandomness;
use addax_core::params::N4096;

use super::networks::{every_layer, image};
use super::session::beside;

fn model(reveal: Reveal) -> ServerModel {
    ServerModel::new(&every_layer(), N4096, reveal, None).unwrap()
}

fn connect(stream: TcpStream) -> Client<TcpStream> {
    let randomness = PartyRandomness::from_system().unwrap();
    Client::connect(Channel::new(stream), &ClientLimits::default(), randomness).unwrap()
}

fn images(count: u8) -> Vec<Vec<u8>> {
    let network = every_layer();
    (0..count).map(|seed| image(&network, 90 + seed)).collect()
}

#[test]
fn answers_do_not_depend_on_when_it_was_prepared() {
    let network = every_layer();
    for reveal in [Reveal::Logits, Reveal::ArgMax] {
        let images = images(3);
        let (answers, report) = beside(&model(reveal), |stream| {
            let mut client = connect(stream);
            let first = client.prepare().unwrap();
            let second = client.prepare().unwrap();
            assert!(second.memory() > 1000);
            // The later one first, and an image without any in between.
            let answers = [
                client.classify_prepared(second, &images[0], |_| {}),
                client.classify(&images[1], |_| {}),
                client.classify_prepared(first, &images[2], |_| {}),
            ];
            let layers = client.finish().unwrap();
            let ahead: u64 = layers.iter().map(|layer| layer.ahead_down).sum();
            let online: u64 = layers.iter().map(|layer| layer.bytes_down).sum();
            assert!(ahead > online, "{ahead} bytes ahead, {online} with images");
            (answers.map(Result::unwrap), layers)
        });
        let (answers, layers) = answers;
        let report = report.unwrap();
        assert_eq!(report.images, 3);
        assert!(report.prepared_bytes > 1000);
        for (ours, theirs) in layers.iter().zip(&report.layers) {
            let bytes = [theirs.bytes_up, theirs.bytes_down, theirs.ahead_up];
            assert_eq!([ours.bytes_up, ours.bytes_down, ours.ahead_up], bytes);
            assert_eq!(ours.ahead_down, theirs.ahead_down);
            assert_eq!(ours.and_gates, theirs.and_gates);
        }
        for (image, answer) in images.iter().zip(answers) {
            let logits = net::integer::evaluate(&network, image).unwrap();
            let expected = Answer {
                label: net::accuracy::arg_max(&logits),
                logits: (reveal == Reveal::Logits).then_some(logits),
            };
            assert_eq!(answer, expected);
        }
    }
}

/// Runs a session whose client sends `number` as that of a preparation, after making one and using it `uses` times.
fn claim(uses: usize, number: &[u8]) -> (MpcError, ProtocolError) {
    let (heard, report) = beside(&model(Reveal::Logits), |stream| {
        let raw = stream.try_clone().unwrap();
        let mut client = connect(stream);
        let prepared = client.prepare().unwrap();
        if uses > 0 {
            client
                .classify_prepared(prepared, &images(1)[0], |_| {})
                .unwrap();
        }
        let mut channel = Channel::new(raw);
        channel.send(MessageKind::UsePrepared, number).unwrap();
        channel.receive(MessageKind::Response, 0).unwrap_err()
    });
    (heard, report.unwrap_err())
}

#[test]
fn a_preparation_serves_one_image() {
    let (heard, error) = claim(1, &0u64.to_le_bytes());
    assert!(matches!(error, ProtocolError::NotPrepared { number: 0 }));
    let MpcError::PeerAborted { reason } = heard else {
        panic!("{heard}");
    };
    assert_eq!(
        reason,
        "preparation 0 does not exist or was used before: each serves one image, prepare another"
    );
    for number in [&7u64.to_le_bytes()[..], &[0; 3]] {
        let (_, error) = claim(0, number);
        assert!(matches!(error, ProtocolError::NotPrepared { .. }));
    }
}

#[test]
fn a_preparation_belongs_to_its_session() {
    let model = model(Reveal::Logits);
    let (prepared, _) = beside(&model, |stream| {
        let mut client = connect(stream);
        let prepared = client.prepare().unwrap();
        client.finish().unwrap();
        prepared
    });
    let (error, report) = beside(&model, |stream| {
        let mut client = connect(stream);
        let image = &images(1)[0];
        let error = client.classify_prepared(prepared, image, |_| {});
        // The session goes on.
        client.classify(image, |_| {}).unwrap();
        client.finish().unwrap();
        error.unwrap_err()
    });
    assert!(matches!(error, ProtocolError::ForeignPreparation));
    assert_eq!(report.unwrap().images, 1);
}

#[test]
fn neither_side_prepares_without_bound() {
    let model = model(Reveal::Logits);
    let most = model.plan().most_prepared();
    assert_eq!(most, 16, "this network is small");
    let (own, report) = beside(&model, |stream| {
        let mut raw = stream.try_clone().unwrap();
        let mut client = connect(stream);
        let waiting: Vec<_> = (0..most).map(|_| client.prepare().unwrap()).collect();
        let own = client.prepare().map(drop).unwrap_err();
        drop(waiting);
        // One that does not keep to it.
        let mut frame = vec![0, 0, 0, 0];
        frame.push(MessageKind::Prepare as u8);
        raw.write_all(&frame).unwrap();
        own
    });
    assert!(matches!(own, ProtocolError::TooManyPrepared { most: 16 }));
    assert!(matches!(
        report.unwrap_err(),
        ProtocolError::TooManyPrepared { most: 16 }
    ));
}

#[test]
fn a_client_keeps_no_more_bytes_than_its_limit() {
    let model = model(Reveal::Logits);
    let bytes = model.plan().prepared_bytes();
    let prepare = |prepared_bytes| {
        let (result, _) = beside(&model, |stream| {
            let limits = ClientLimits {
                prepared_bytes,
                ..ClientLimits::default()
            };
            let randomness = PartyRandomness::from_system().unwrap();
            let mut client = Client::connect(Channel::new(stream), &limits, randomness).unwrap();
            let prepared = client.prepare().map(|prepared| prepared.memory());
            client.finish().unwrap();
            prepared
        });
        result
    };
    // Tables and labels are most of it; the rest are encryptions of zero.
    let memory = prepare(bytes).unwrap();
    assert!(memory < 2 * bytes, "{memory} bytes of {bytes}");
    assert!(matches!(
        prepare(bytes - 1),
        Err(ProtocolError::Plan(PlanError::Limit(limit))) if limit.found == bytes
    ));
}
