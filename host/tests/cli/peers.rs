//! Two programs over TCP: several clients, and peers that do not behave.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use addax::he::{Context, PublicKey};
use addax::mpc::{Channel, MessageKind};
use addax::protocol::VERSION;
use addax_core::params::N4096;

use crate::support::{Drawings, Server, fails};

fn hello(version: u16) -> Vec<u8> {
    [&b"ADDX"[..], &version.to_le_bytes(), &[7; 32]].concat()
}

#[test]
fn clients_are_served_one_after_another_and_at_once() {
    let drawings = Drawings::new(4);
    let server = Server::start(&["--sessions", "7"]);
    let one =
        |index: usize| server.classify(&["--idx", &drawings.idx, "--index", &index.to_string()]);
    let first = one(0);
    assert_eq!(one(0)["logits"], first["logits"]);
    let together = std::thread::scope(|scope| {
        let clients = [0, 1, 2, 3].map(|index| scope.spawn(move || one(index)));
        clients.map(|client| client.join().unwrap())
    });
    assert_eq!(together[0]["logits"], first["logits"]);

    let all = server.classify(&["--idx", &drawings.idx, "--count", "4"]);
    assert!(all["label"].is_null());
    for (index, single) in together.iter().enumerate() {
        assert_eq!(all["answers"][index]["logits"], single["logits"]);
        // Lengths do not depend on the image.
        assert_eq!(single["bytes_up"], first["bytes_up"]);
        assert_eq!(single["bytes_down"], first["bytes_down"]);
    }
    let report = server.report();
    let sessions = report["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 7);
    assert_eq!(report["failures"].as_array().unwrap().len(), 0);
    assert_eq!(sessions[6]["images"], 4);
    assert_eq!(sessions[6]["bytes_down"], all["bytes_down"]);
}

#[test]
fn clients_that_vanish_stall_or_talk_nonsense_leave_the_server_serving() {
    let drawings = Drawings::new(1);
    let server = Server::start(&["--sessions", "8", "--max-clients", "2", "--timeout", "1"]);
    let key = vec![0; PublicKey::wire_len(&Context::new(N4096))];
    let start = Instant::now();

    // Connects and goes.
    drop(server.connect());
    // Says hello and goes.
    let mut channel = Channel::new(server.connect());
    channel.send(MessageKind::Hello, &hello(VERSION)).unwrap();
    channel.flush().unwrap();
    drop(channel);
    // Goes after its public key.
    let mut channel = Channel::new(server.connect());
    channel.send(MessageKind::Hello, &hello(VERSION)).unwrap();
    channel.receive(MessageKind::ServerHello, 1 << 20).unwrap();
    channel.send(MessageKind::PublicKey, &key).unwrap();
    channel.flush().unwrap();
    drop(channel);
    // Speaks a later version; is told so.
    let mut channel = Channel::new(server.connect());
    channel
        .send(MessageKind::Hello, &hello(VERSION + 1))
        .unwrap();
    let error = channel
        .receive(MessageKind::ServerHello, 1 << 20)
        .unwrap_err()
        .to_string();
    assert!(error.contains("version"), "{error}");
    // Speaks another protocol.
    let mut stream = server.connect();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut reply = Vec::new();
    // The server closes, with what we sent unread perhaps.
    let _ = stream.read_to_end(&mut reply);
    // Announces a frame of 4 GB.
    let mut stream = server.connect();
    stream
        .write_all(&[255, 255, 255, 255, MessageKind::Hello as u8])
        .unwrap();
    let _ = stream.read_to_end(&mut reply);
    // Says nothing.
    let mut silent = server.connect();
    let _ = silent.read_to_end(&mut reply);
    assert!(String::from_utf8_lossy(&reply).contains("stalled"));
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );

    // After all of them, somebody who behaves.
    server.classify(&["--idx", &drawings.idx]);
    let report = server.report();
    assert_eq!(report["sessions"].as_array().unwrap().len(), 1);
    let failures = report["failures"].as_array().unwrap();
    assert_eq!(failures.len(), 7);
    for failure in failures {
        assert!(
            !failure["error"].as_str().unwrap().contains("defect"),
            "{failure}"
        );
    }
}

/// A server of another making: answers the first client with `reply`, then keeps the connection open until the client
/// goes.
fn impostor(reply: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let (mut stream, _): (TcpStream, _) = listener.accept().unwrap();
        stream.write_all(&reply).unwrap();
        // The client's hello, then nothing until it goes.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    address
}

fn frame(kind: MessageKind, payload: &[u8]) -> Vec<u8> {
    [
        &(payload.len() as u32).to_le_bytes()[..],
        &[kind as u8],
        payload,
    ]
    .concat()
}

#[test]
fn a_client_gives_up_on_servers_that_do_not_behave() {
    let drawings = Drawings::new(1);
    let ask = |address: &str| {
        let start = Instant::now();
        let arguments = [
            "classify",
            "--server",
            address,
            "--idx",
            &drawings.idx,
            "--timeout",
            "1",
        ];
        let error = fails(&[&arguments[..], &["--json"]].concat(), 1);
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "{:?}",
            start.elapsed()
        );
        error
    };
    let error = ask(&impostor(Vec::new()));
    assert!(error.contains("stalled"), "{error}");
    let error = ask(&impostor(frame(
        MessageKind::ServerHello,
        &hello(VERSION + 1),
    )));
    assert!(error.contains("version"), "{error}");
    let error = ask(&impostor(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()));
    assert!(error.contains("unknown kind"), "{error}");
    let error = ask(&impostor(frame(MessageKind::Abort, b"closed for today")));
    assert!(error.contains("closed for today"), "{error}");
    let plan = [&hello(VERSION)[..], b"{\"stages\": []}"].concat();
    let error = ask(&impostor(frame(MessageKind::ServerHello, &plan)));
    assert!(error.contains("plan cannot be read"), "{error}");
    // Nobody listens there any more.
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = ask(&address.to_string());
    assert!(
        error.contains("cannot connect") && error.contains("addax serve"),
        "{error}"
    );
}
