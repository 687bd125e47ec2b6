//! Peers that cut, lie, stall or give up.

use super::*;
use std::time::Instant;

/// What an evaluator makes of a server that sends `bytes` and then closes.
fn evaluate_against(bytes: Vec<u8>) -> MpcError {
    let (result, ()) = two_parties(
        |mut channel| {
            let mut rng = ChaCha20Rng::seed_from_u64(1);
            let mut evaluator = Evaluator::new(&mut channel, [1; 32], &mut rng)?;
            evaluator.layer(&mut channel, &RELU, &[1; 10])
        },
        |channel| {
            let mut stream = channel.stream();
            stream.write_all(&bytes).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            // Read until the client is gone, so that it never sees a reset.
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        },
    );
    result.unwrap_err()
}

fn frame(kind: MessageKind, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_le_bytes().to_vec();
    frame.push(kind as u8);
    frame.extend_from_slice(payload);
    frame
}

/// What an honest garbler sends for ten ReLUs, and where its frames begin.
fn honest_bytes() -> Vec<u8> {
    let (client_socket, server_socket) = sockets();
    let client = thread::spawn(move || {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut channel = Channel::new(client_socket);
        let mut evaluator = Evaluator::new(&mut channel, [1; 32], &mut rng).unwrap();
        evaluator.layer(&mut channel, &RELU, &[1; 10]).unwrap();
    });
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let mut channel = Channel::new(Tap {
        stream: server_socket,
        read: vec![],
        written: vec![],
    });
    let mut garbler = Garbler::new(&mut channel, [1; 32], &mut rng).unwrap();
    garbler
        .layer(&mut channel, &RELU, &[1; 10], &mut rng)
        .unwrap();
    client.join().unwrap();
    channel.stream().written.clone()
}

#[test]
fn streams_cut_anywhere_and_lying_headers_are_typed_errors() {
    let honest = honest_bytes();
    for cut in [0, 3, 5, 100, 4101, 4110, 4130, 4150, honest.len() - 1] {
        let error = evaluate_against(honest[..cut].to_vec());
        assert!(
            matches!(error, MpcError::PeerClosed { .. }),
            "{cut}: {error}"
        );
    }
    let mut start = 0;
    let mut frames = 0;
    while start < honest.len() {
        let length = u32::from_le_bytes(honest[start..start + 4].try_into().unwrap());
        let changed = |length: u32, kind: u8| {
            let mut bytes = honest[..start].to_vec();
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.push(kind);
            evaluate_against(bytes)
        };
        let kind = honest[start + 4];
        for long in [length + 1, u32::MAX] {
            assert!(matches!(
                changed(long, kind),
                MpcError::FrameTooLong { kind: k, length, limit }
                    if k as u8 == kind && length == long as usize && limit < length
            ));
        }
        assert!(matches!(
            changed(length - 1, kind),
            MpcError::WrongLength { .. }
        ));
        assert!(matches!(
            changed(length, MessageKind::Hello as u8),
            MpcError::UnexpectedMessage { expected, received: MessageKind::Hello } if expected as u8 == kind
        ));
        assert!(matches!(
            changed(length, 99),
            MpcError::UnknownMessage { received: 99, .. }
        ));
        start += HEADER_BYTES + length as usize;
        frames += 1;
    }
    assert_eq!(frames, 4);
}

#[test]
fn points_that_are_none_are_refused_by_both_sides() {
    let invalid = frame(MessageKind::BaseOtReceiver, &[0xff; 128 * 32]);
    assert!(matches!(
        evaluate_against(invalid),
        MpcError::InvalidPoint { index: 0 }
    ));
    // The identity, and no point at all.
    for point in [[0; 32], [0xff; 32]] {
        let (_, result) = two_parties(
            move |mut channel| {
                channel.send(MessageKind::BaseOtSender, &point).unwrap();
                channel.flush().unwrap();
                channel
            },
            |mut channel| {
                let mut rng = ChaCha20Rng::seed_from_u64(1);
                Garbler::new(&mut channel, [1; 32], &mut rng).map(drop)
            },
        );
        assert!(matches!(result, Err(MpcError::InvalidPoint { index: 0 })));
    }
}

#[test]
fn garbage_instead_of_tables_gives_garbage_and_no_panic() {
    let mut bytes = honest_bytes();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut start = 0;
    while start < bytes.len() {
        let length = u32::from_le_bytes(bytes[start..start + 4].try_into().unwrap()) as usize;
        let payload = start + HEADER_BYTES..start + HEADER_BYTES + length;
        // Points must stay points for the rest to be reached.
        if bytes[start + 4] != MessageKind::BaseOtReceiver as u8 {
            rng.fill_bytes(&mut bytes[payload.clone()]);
        }
        start = payload.end;
    }
    let (result, ()) = two_parties(
        |mut channel| {
            let mut rng = ChaCha20Rng::seed_from_u64(1);
            let mut evaluator = Evaluator::new(&mut channel, [1; 32], &mut rng)?;
            evaluator.layer(&mut channel, &RELU, &[1; 10])
        },
        |channel| {
            let mut stream = channel.stream();
            stream.write_all(&bytes).unwrap();
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        },
    );
    assert_eq!(result.unwrap().len(), 10);
}

#[test]
fn an_abort_brings_its_reason_and_an_overlong_one_is_refused() {
    let error = evaluate_against(frame(MessageKind::Abort, "no room for you".as_bytes()));
    assert!(matches!(error, MpcError::PeerAborted { reason } if reason == "no room for you"));
    let error = evaluate_against(frame(MessageKind::Abort, &[b'x'; 1025]));
    assert!(matches!(
        error,
        MpcError::FrameTooLong {
            length: 1025,
            limit: 1024,
            ..
        }
    ));
    let error = evaluate_against(frame(MessageKind::Abort, &[0xff, b'a']));
    assert!(matches!(error, MpcError::PeerAborted { reason } if reason == "\u{fffd}a"));
    let error = evaluate_against(frame(MessageKind::Abort, b"\x1b[2Jgone\nall is well"));
    assert!(
        matches!(&error, MpcError::PeerAborted { reason } if reason == "\u{fffd}[2Jgone\u{fffd}all is well")
    );
    // A reason is cut between characters.
    let (_, result) = two_parties(
        |mut channel| channel.abort(&"é".repeat(1000)).unwrap(),
        |mut channel| channel.receive(MessageKind::Hello, 10),
    );
    assert!(matches!(result, Err(MpcError::PeerAborted { reason }) if reason == "é".repeat(512)));
}

#[test]
fn silent_and_dripping_peers_are_cut_off() {
    let (client, server) = sockets();
    client
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    let mut channel = Channel::new(client);
    let error = channel.receive(MessageKind::Hello, 10).unwrap_err();
    assert!(matches!(
        error,
        MpcError::Stalled {
            waiting_for: MessageKind::Hello
        }
    ));
    drop(server);

    let (client, mut server) = sockets();
    let dripping = thread::spawn(move || {
        let _ = server.write_all(&[0, 0, 0, 1, MessageKind::Hello as u8]);
        // At most for a few seconds, so that a channel without a deadline fails and does not hang.
        for _ in 0..1000 {
            if server.write_all(&[0]).is_err() {
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
    });
    client
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let mut channel = Channel::new(client);
    channel.set_deadline(Some(Duration::from_millis(200)));
    let start = Instant::now();
    // The header announces 2^24 bytes.
    let error = channel.receive(MessageKind::Hello, 1 << 30).unwrap_err();
    assert!(matches!(error, MpcError::Stalled { .. }));
    assert!(start.elapsed() < Duration::from_secs(5));
    drop(channel);
    dripping.join().unwrap();
}

#[test]
fn both_ends_of_a_channel_count_the_same_bytes_and_rounds() {
    let ((sent, received, rounds), (server_sent, server_received, server_rounds)) = two_parties(
        |mut channel| {
            channel.send(MessageKind::Hello, b"abc").unwrap();
            channel.send(MessageKind::PublicKey, &[0; 100_000]).unwrap();
            assert_eq!(channel.receive(MessageKind::ServerHello, 5).unwrap(), b"xy");
            let (kind, payload) = channel
                .receive_one_of(&[(MessageKind::Response, 1), (MessageKind::Finished, 0)])
                .unwrap();
            assert_eq!((kind, payload.len()), (MessageKind::Finished, 0));
            (
                channel.bytes_sent(),
                channel.bytes_received(),
                channel.rounds(),
            )
        },
        |mut channel| {
            assert_eq!(channel.receive(MessageKind::Hello, 3).unwrap(), b"abc");
            let key = channel
                .receive_exact(MessageKind::PublicKey, 100_000)
                .unwrap();
            assert_eq!(key.len(), 100_000);
            channel.send(MessageKind::ServerHello, b"xy").unwrap();
            channel.send(MessageKind::Finished, b"").unwrap();
            channel.flush().unwrap();
            (
                channel.bytes_sent(),
                channel.bytes_received(),
                channel.rounds(),
            )
        },
    );
    assert_eq!((sent, received), (server_received, server_sent));
    assert_eq!((sent, received), (5 + 3 + 5 + 100_000, 5 + 2 + 5));
    assert_eq!((rounds, server_rounds), (1, 1));
}
