//! A drawn digit that only a microcontroller sees, classified by a server process through a gateway process.

use addax::data::idx;
use addax::device::emulator::Randomness;
use addax::net::{
    self,
    quantise::{QuantiseOptions, quantise},
};

use crate::board::board;
use crate::support::{self, Drawings, Server, addax, fails, json};

/// The shipped network whose activations are few: garbled tables of a larger one take long in a test.
const MODEL: &str = "sensor-mnist.onnx";

#[test]
#[ignore = "needs qemu-system-arm: cargo xtask test"]
fn a_reading_of_the_emulated_sensor_is_classified_as_the_integer_reference_classifies_it() {
    let drawings = Drawings::new(1);
    let (_, digit) = idx::read_images(drawings.idx.as_ref()).unwrap();
    let mut board = board(&digit, Randomness::System, false);
    let port = board.host().to_string();
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("sensor.key").display().to_string();

    // What the network says of the digit, computed in the clear by the integers of the quantised network.
    let model = support::model(MODEL);
    let server = Server::start(&["--model", &model, "--sessions", "2"]);
    let plain = server.classify(&["--idx", &drawings.idx]);

    let device = ["--device", &port, "--key", &key];
    assert!(server.refuses(&device).contains("sensor.key"), "not paired");
    let paired = json(&["device", "pair", "--json", "--port", &port, "--key", &key]);
    let private = server.classify(&device);
    assert_eq!(private["label"], plain["label"]);
    assert_eq!(private["logits_digest"], plain["logits_digest"]);
    let logits = private["logits"].as_array().unwrap();
    assert_eq!(logits.len(), 10);
    server.report();
    let reference = reference(&model, &digit);
    let logits: Vec<i64> = logits.iter().map(|logit| logit.as_i64().unwrap()).collect();
    assert_eq!(logits, reference);

    // The device decrypts what it encrypted, for who holds the key.
    let file = directory.path().join("reading").display().to_string();
    let encrypted = json(&[
        "device", "encrypt", "--json", "--port", &port, "--out", &file,
    ]);
    assert_eq!(encrypted["reading_bytes"], digit.len());
    let decrypted = json(&[
        "device",
        "decrypt",
        "--json",
        "--port",
        &port,
        "--key",
        &key,
        "--ciphertext",
        &file,
    ]);
    let values: Vec<u8> = decrypted["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| value.as_u64().unwrap() as u8)
        .collect();
    assert!(values == digit);
    let info = json(&["device", "info", "--json", "--port", &port]);
    assert_eq!(info["key"], paired["key"]);

    // The log, as it comes from its own line: the board says so when it starts.
    let log = board.log().to_owned();
    let elf = crate::board::firmware().display().to_string();
    let reader = std::thread::spawn(move || {
        let port = format!("socket:{log}");
        json(&[
            "device",
            "log",
            "--json",
            "--port",
            &port,
            "--elf",
            &elf,
            "--lines",
            "2",
            "--seconds",
            "30",
        ])
    });

    // The key is not handed over twice, and is of no use after a reset.
    let other = directory.path().join("other.key").display().to_string();
    let refused = fails(&["device", "pair", "--port", &port, "--key", &other], 1);
    assert!(refused.contains("only once"), "{refused}");
    let refused = fails(&["device", "pair", "--port", &port, "--key", &key], 1);
    assert!(refused.contains("--force"), "{refused}");
    // Whoever opens a session ends the one before, which the log says. Of two lines at most one is about something else.
    while !reader.is_finished() {
        fails(&["device", "pair", "--port", &port, "--key", &other], 1);
    }
    let log = reader.join().unwrap();
    let lines = log["lines"].as_array().unwrap();
    assert!(
        lines
            .iter()
            .any(|line| line.as_str().unwrap().contains("gateway")),
        "{log}"
    );
    board.reset().unwrap();
    let server = Server::start(&["--model", &model]);
    let refused = server.refuses(&device);
    assert!(refused.contains("pair it again"), "{refused}");
    addax(&["device", "pair", "--port", &port, "--key", &key, "--force"]).success();
    assert_eq!(server.classify(&device)["label"], plain["label"]);
}

/// Logits of the integer network, in the clear.
fn reference(model: &str, digit: &[u8]) -> Vec<i64> {
    let graph = net::onnx::import(model.as_ref()).unwrap();
    let network = quantise(&graph, None, &QuantiseOptions::default()).unwrap();
    net::integer::evaluate(&network, digit).unwrap()
}
