//! A sensor of this process behind a socket, and what a gateway makes of it on the command line.

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use addax::accel::device::Place;
use addax::device::{Sensor, SensorError};
use addax::he::{Context, FreshCiphertext, PublicKey, SecretKey};
use addax::random::PartyRandomness;
use addax_core::isa::Geometry;
use addax_core::link::fault::Rates;
use addax_core::link::sensor::{Board, Facts, Memory, Readings, Segment};
use addax_core::params::N4096;
use addax_sim::link::server::DeviceChannel;
use addax_sim::link::{Line, Patience};

use crate::support::{Drawings, Server, fails, json};

const MASTER: [u8; 32] = *b"the master key of a test's bench";

struct Bench;

impl Board for Bench {
    fn facts(&self) -> Facts<'_> {
        Facts {
            board: "bench\u{1b}[31m",
            firmware: "1",
            cause: "power-on",
            ..Facts::default()
        }
    }

    fn count(&self) -> u64 {
        0
    }

    fn execute_known(&self) {}
}

struct Fixed(Vec<u8>);

impl Readings for Fixed {
    fn length(&self) -> usize {
        self.0.len()
    }

    fn read(&mut self, bytes: &mut [u8]) -> usize {
        bytes[..self.0.len()].copy_from_slice(&self.0);
        self.0.len()
    }
}

/// Gives a known key, as often as it is asked.
struct Known;

impl rand_core::TryRng for Known {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        bytes.copy_from_slice(&MASTER);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Known {}

/// A sensor that serves one gateway after the other until the test ends: its port.
fn sensor(reading: &[u8], faults: Option<Rates>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("socket:{}", listener.local_addr().unwrap());
    let reading = reading.to_vec();
    std::thread::spawn(move || {
        let mut memory = Memory::new();
        let mut sensor = addax_core::link::Sensor::new(Bench, Fixed(reading), Known, &mut memory);
        for nonce in 1.. {
            let (stream, _) = listener.accept().unwrap();
            let mut line = Line::tcp(stream).unwrap();
            if let Some(rates) = faults {
                line = line.faulty(rates, nonce.into()).0;
            }
            let mut channel = DeviceChannel::new(line, nonce);
            while !channel.is_closed() {
                sensor.serve(&mut channel);
            }
        }
    });
    port
}

#[test]
fn a_gateway_s_session_gives_what_the_image_itself_gives() {
    let drawings = Drawings::new(1);
    let (_, digit) = addax::data::idx::read_images(drawings.idx.as_ref()).unwrap();
    let port = sensor(&digit, None);
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("key").display().to_string();
    json(&["device", "pair", "--json", "--port", &port, "--key", &key]);
    let server = Server::start(&["--sessions", "2"]);
    let plain = server.classify(&["--idx", &drawings.idx]);
    let private = server.classify(&["--device", &port, "--key", &key]);
    assert_eq!(private["logits_digest"], plain["logits_digest"]);
    // The same messages, one as long as the other.
    assert_eq!(private["bytes_up"], plain["bytes_up"]);
    assert_eq!(private["bytes_down"], plain["bytes_down"]);
    let info = json(&["device", "info", "--json", "--measure", "--port", &port]);
    assert_eq!(info["board"], "bench[31m", "a terminal obeys nobody");
    assert!(
        info["encrypt_instructions"].is_null(),
        "the bench counts none"
    );
    // A public key and a ciphertext.
    assert_eq!(info["used"], 2);
}

#[test]
fn a_line_that_spoils_frames_changes_no_byte() {
    let reading: Vec<u8> = (0..100).map(|at| at * 2).collect();
    let port = sensor(&reading, Some(Rates::even(1_000)));
    let place: Place = port.parse().unwrap();
    let sensor = Sensor::connect(&place, Patience::default()).unwrap();
    sensor.pair().unwrap();
    sensor.read().unwrap();
    let context = Context::new(N4096);
    let public = sensor.public_key(&context).unwrap();
    let segment = Segment {
        coefficient: 7,
        source: 1,
        length: 99,
    };
    let device = sensor
        .encrypt(&context, 20, 8, &[segment], &mut |_| {})
        .unwrap();
    let mut randomness = PartyRandomness::from_key(MASTER);
    let secret = SecretKey::generate(&context, &mut randomness);
    let expected = PublicKey::generate(&context, &secret, &mut randomness);
    assert!(public == expected.to_bytes(&context));
    let mut message = vec![0; context.n()];
    for at in 0..99 {
        message[7 + at] = reading[1 + at].into();
    }
    let host = FreshCiphertext::encrypt(&context, &secret, 20, &message, &mut randomness);
    assert!(device == host.to_bytes(&context));
    let traffic = sensor.traffic();
    assert!(traffic.damaged + traffic.repeated > 0, "{traffic:?}");
}

#[test]
fn a_reading_of_another_size_than_the_model_takes_ends_the_session_with_a_reason() {
    let port = sensor(&[1; 100], None);
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("key").display().to_string();
    json(&["device", "pair", "--json", "--port", &port, "--key", &key]);
    let server = Server::start(&[]);
    let refused = server.refuses(&["--device", &port, "--key", &key]);
    assert!(
        refused.contains("100 bytes") && refused.contains("784"),
        "{refused}"
    );
    // A file that is no key.
    std::fs::write(&key, "not a key").unwrap();
    let refused = server.refuses(&["--device", &port, "--key", &key]);
    assert!(refused.contains("not a key file"), "{refused}");
}

#[test]
fn whatever_else_answers_at_the_port_is_told_apart() {
    // A machine of the ring processor.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("socket:{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        use addax_core::machine::Reference;
        use addax_core::modulus::Modulus;
        use addax_core::ntt::{NttPlan, Twiddle};
        let moduli = [Modulus::new(addax_core::params::PRIMES[0]).unwrap()];
        let basis = addax_sim::Basis::new(&moduli, 10, |_| {
            vec![Twiddle::default(); NttPlan::<Vec<Twiddle>>::storage_len(10)]
        })
        .unwrap();
        let geometry = Geometry::new(10, 2, 4).unwrap();
        let storage = vec![0; geometry.slots() * geometry.n()];
        let machine = Reference::new(&basis, geometry, storage).unwrap();
        let scratch = vec![0; geometry.n()];
        let mut device =
            addax_core::link::Device::new(machine, moduli.into_iter(), "x", false, scratch);
        let (stream, _): (TcpStream, _) = listener.accept().unwrap();
        addax_sim::link::server::serve_line(&mut device, Line::tcp(stream).unwrap())
    });
    let refused = fails(&["device", "info", "--port", &port], 1);
    assert!(refused.contains("not a sensor"), "{refused}");

    // Nobody, a port that is none, somebody who is silent.
    let refused = fails(&["device", "info", "--port", "socket:127.0.0.1:1"], 1);
    assert!(refused.contains("cannot connect"), "{refused}");
    let refused = fails(&["device", "info", "--port", "serial:/nowhere"], 1);
    assert!(refused.contains("cannot open the port"), "{refused}");
    fails(&["device", "info", "--port", "cpu"], 2);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("socket:{}", silent.local_addr().unwrap());
    let refused = fails(&["device", "info", "--port", &port, "--timeout", "0.3"], 1);
    assert!(refused.contains("not answered"), "{refused}");
}

#[test]
fn a_session_that_is_lost_in_the_middle_is_begun_anew_and_a_reset_is_noticed() {
    // A relay that hangs up on the sensor after so many bytes, and calls it again.
    let reading = [9; 50];
    let inside = sensor(&reading, None);
    let outside = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("socket:{}", outside.local_addr().unwrap());
    std::thread::spawn(move || relay(&outside, inside.trim_start_matches("socket:"), 20_000));
    let place: Place = port.parse().unwrap();
    let patience = Patience {
        silence: Duration::from_secs(20),
        ..Patience::default()
    };
    let sensor = Sensor::connect(&place, patience).unwrap();
    sensor.pair().unwrap();
    let context = Context::new(N4096);
    let lost = sensor.public_key(&context);
    assert!(
        matches!(
            lost,
            Err(SensorError::Link(addax_sim::link::LinkError::Lost))
        ),
        "the session is lost"
    );
    sensor.reopen().unwrap();
    sensor.public_key(&context).unwrap();
    // The one that was lost has used up its seed.
    assert_eq!(sensor.info().unwrap().used, 2);
}

fn relay(outside: &TcpListener, inside: &str, first: usize) {
    use std::io::{Read, Write};
    let (mut host, _) = outside.accept().unwrap();
    let mut limit = first;
    loop {
        let mut device = TcpStream::connect(inside).unwrap();
        for stream in [&host, &device] {
            stream.set_nodelay(true).unwrap();
            stream
                .set_read_timeout(Some(Duration::from_millis(1)))
                .unwrap();
        }
        let (mut passed, mut buffer) = (0, [0; 4096]);
        while passed < limit {
            if let Ok(count) = host.read(&mut buffer) {
                if count == 0 {
                    return;
                }
                device.write_all(&buffer[..count]).unwrap();
            }
            if let Ok(count) = device.read(&mut buffer) {
                passed += count;
                host.write_all(&buffer[..count]).unwrap();
            }
        }
        limit = usize::MAX;
    }
}
