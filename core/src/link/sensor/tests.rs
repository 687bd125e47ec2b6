//! A sensor over a byte port in memory, and a gateway that asks it.

use std::thread::JoinHandle;
use std::vec;
use std::vec::Vec;

use core::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::client::{Client, Workspace};
use crate::link::device::Gone;
use crate::link::fault::Rates;
use crate::link::pipe::{Clock, Host, Port, pipe};
use crate::link::{Polled, Reply, Request, Transport};
use crate::packing::packed_len;
use crate::random::SEED_BYTES;

const READING_BYTES: usize = 30;

/// Every reading is another one.
struct Counting(u8);

impl Readings for Counting {
    fn length(&self) -> usize {
        READING_BYTES
    }

    fn read(&mut self, bytes: &mut [u8]) -> usize {
        self.0 += 1;
        for (at, byte) in bytes[..READING_BYTES].iter_mut().enumerate() {
            *byte = reading(self.0, at);
        }
        READING_BYTES
    }
}

fn reading(number: u8, at: usize) -> u8 {
    (at as u8).wrapping_mul(37).wrapping_add(number)
}

/// Gives the same bytes once.
struct Once(bool);

const MASTER: [u8; SEED_BYTES] = [0x42; SEED_BYTES];

#[derive(Debug)]
struct Nothing;

impl core::fmt::Display for Nothing {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("nothing left")
    }
}

impl core::error::Error for Nothing {}

impl rand_core::TryRng for Once {
    type Error = Nothing;

    fn try_next_u32(&mut self) -> Result<u32, Nothing> {
        Err(Nothing)
    }

    fn try_next_u64(&mut self) -> Result<u64, Nothing> {
        Err(Nothing)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Nothing> {
        if core::mem::replace(&mut self.0, true) {
            return Err(Nothing);
        }
        bytes.copy_from_slice(&MASTER);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Once {}

#[derive(Default)]
struct Bench(AtomicU64);

impl Board for Bench {
    fn facts(&self) -> Facts<'_> {
        Facts {
            board: "a bench with a name that is far longer than it may be",
            firmware: "1",
            cause: "power-on",
            static_ram: 3,
            stack: 2,
            stack_high_water: 1,
        }
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn execute_known(&self) {
        self.0.fetch_add(KNOWN_INSTRUCTIONS, Ordering::Relaxed);
    }
}

/// Serves so many sessions.
fn start(
    port: Port,
    entropy: Once,
    readings: impl Readings + Send + 'static,
    sessions: usize,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut memory = Memory::new();
        let mut sensor = Sensor::new(Bench::default(), readings, entropy, &mut memory);
        let mut transport = Transport::<4>::device(9);
        let mut channel = Polled::new(port, Clock::new(), &mut transport, 2);
        for _ in 0..sessions {
            let Gone = sensor.serve(&mut channel);
        }
    })
}

fn sensor(rates: Option<Rates>) -> Host {
    let (port, mut host) = pipe(rates, 0);
    start(port, Once(false), Counting(0), usize::MAX);
    host.open();
    host
}

fn ask<T>(
    host: &mut Host,
    request: SensorRequest<'_>,
    read: impl FnOnce(SensorReply<'_>) -> T,
) -> T {
    host.send(&encode(&request));
    let packet = host.receive();
    read(SensorReply::parse(&packet).unwrap())
}

fn refusal(host: &mut Host, request: SensorRequest<'_>) -> Refusal {
    ask(host, request, |reply| match reply {
        SensorReply::Refused(refusal) => refusal,
        reply => panic!("{reply:?}"),
    })
}

fn pair(host: &mut Host) -> [u8; SECRET_BYTES] {
    ask(host, SensorRequest::Pair, |reply| match reply {
        SensorReply::Secret(bytes) => bytes.try_into().unwrap(),
        reply => panic!("{reply:?}"),
    })
}

fn read(host: &mut Host) {
    let reply = ask(host, SensorRequest::Read, |reply| {
        reply == SensorReply::Reading { length: 30 }
    });
    assert!(reply);
}

/// All pieces of the answer.
fn pieces(host: &mut Host, request: SensorRequest<'_>) -> Vec<u8> {
    host.send(&encode(&request));
    let mut bytes = Vec::new();
    while bytes.len() < 32 + 3 * packed_len(DEGREE, 36) {
        let packet = host.receive();
        match SensorReply::parse(&packet).unwrap() {
            SensorReply::Piece(piece) => bytes.extend_from_slice(piece),
            reply => panic!("{reply:?}"),
        }
    }
    bytes
}

fn segments(segments: &[[u16; 3]]) -> Vec<u8> {
    let segment = |&[coefficient, source, length]: &[u16; 3]| {
        Segment {
            coefficient,
            source,
            length,
        }
        .to_bytes()
    };
    segments.iter().flat_map(segment).collect()
}

fn encrypt(segments: &[u8]) -> SensorRequest<'_> {
    SensorRequest::Encrypt {
        plain_bits: 23,
        input_bits: 8,
        segments,
    }
}

/// The bytes that a client under the same master key makes, after a public key.
fn expected(message: &[u64]) -> [Vec<u8>; 2] {
    let mut workspace = Workspace::new();
    let mut client = Client::new(MASTER);
    let mut key = Vec::new();
    let mut pieces = client.public_key(&mut workspace);
    while let Some(piece) = pieces.next_piece() {
        key.extend_from_slice(piece);
    }
    drop(pieces);
    let mut ciphertext = Vec::new();
    let mut pieces = client
        .encrypt(23, |position| message[position], &mut workspace)
        .unwrap();
    while let Some(piece) = pieces.next_piece() {
        ciphertext.extend_from_slice(piece);
    }
    [key, ciphertext]
}

#[test]
fn a_gateway_gets_the_bytes_of_the_client_role_over_a_bad_line() {
    let mut host = sensor(Some(Rates::even(800)));
    let secret = pair(&mut host);
    assert!(
        secret.iter().all(|byte| byte & (byte >> 1) & 0x55 == 0),
        "no coefficient is 3"
    );
    let mut message = vec![0; DEGREE];
    for at in 0..10 {
        message[100 + at] = reading(1, 5 + at).into();
        message[4086 + at] = reading(1, 20 + at).into();
    }
    let [key, ciphertext] = expected(&message);
    assert!(pieces(&mut host, SensorRequest::PublicKey) == key);
    read(&mut host);
    let layout = segments(&[[100, 5, 10], [4086, 20, 10]]);
    assert!(pieces(&mut host, encrypt(&layout)) == ciphertext);
    // The same again is another ciphertext.
    assert!(pieces(&mut host, encrypt(&layout)) != ciphertext);
    let (used, key) = ask(&mut host, SensorRequest::Info, |reply| match reply {
        SensorReply::Info(info) => (info.used, info.key),
        reply => panic!("{reply:?}"),
    });
    assert_eq!((used, key), (3, Some(key_id(&secret))));
}

#[test]
fn the_secret_is_handed_over_once_and_nothing_is_encrypted_before() {
    let mut host = sensor(None);
    read(&mut host);
    assert_eq!(refusal(&mut host, encrypt(&[])), Refusal::NotPaired);
    assert_eq!(
        refusal(&mut host, SensorRequest::PublicKey),
        Refusal::NotPaired
    );
    let decrypt = SensorRequest::Decrypt {
        plain_bits: 23,
        dropped_bits: [7, 7],
        proof: [0; 16],
    };
    assert_eq!(refusal(&mut host, decrypt), Refusal::NotPaired);
    pair(&mut host);
    assert_eq!(refusal(&mut host, SensorRequest::Pair), Refusal::Paired);
    host.open();
    assert_eq!(refusal(&mut host, SensorRequest::Pair), Refusal::Paired);
    assert_eq!(refusal(&mut host, decrypt), Refusal::Proof);
    // The reading went with its session.
    assert_eq!(refusal(&mut host, encrypt(&[])), Refusal::Reading);
}

#[test]
fn without_randomness_there_is_no_key() {
    let (port, mut host) = pipe(None, 0);
    start(port, Once(true), Counting(0), 1);
    host.open();
    assert_eq!(refusal(&mut host, SensorRequest::Pair), Refusal::Randomness);
    assert_eq!(
        refusal(&mut host, SensorRequest::PublicKey),
        Refusal::NotPaired
    );
}

#[test]
fn layouts_that_fit_neither_polynomial_nor_reading_are_refused() {
    let mut host = sensor(None);
    pair(&mut host);
    read(&mut host);
    for wrong in [
        vec![[4090, 0, 7]],
        vec![[0, 25, 6]],
        vec![[u16::MAX, 0, 1]],
        vec![[0, u16::MAX, u16::MAX]],
        vec![[0, 0, 10], [9, 0, 10]],
        vec![[10, 0, 10], [0, 0, 10]],
    ] {
        let wrong = segments(&wrong);
        assert_eq!(refusal(&mut host, encrypt(&wrong)), Refusal::Layout);
    }
    for (plain_bits, input_bits) in [(0, 8), (32, 8), (255, 8), (23, 0), (23, 9), (23, 255)] {
        let request = SensorRequest::Encrypt {
            plain_bits,
            input_bits,
            segments: &[],
        };
        assert_eq!(refusal(&mut host, request), Refusal::Bits);
    }
    let used = ask(&mut host, SensorRequest::Info, |reply| match reply {
        SensorReply::Info(info) => info.used,
        reply => panic!("{reply:?}"),
    });
    assert_eq!(used, 0, "refusals use nothing");
}

#[test]
fn values_of_fewer_bits_are_rounded_as_the_network_rounds_them() {
    let mut memory = Memory::new();
    memory.reading[..5].copy_from_slice(&[0, 7, 8, 200, 255]);
    memory.length = 5;
    arrange(&mut memory, 4, &segments(&[[3, 0, 5]])).unwrap();
    assert_eq!(memory.values[..9], [0, 0, 0, 0, 0, 1, 13, 15, 0]);
}

#[test]
fn a_response_is_decrypted_for_those_who_hold_the_secret() {
    // The trivial ciphertext of a message: c1 = 0, c0 = round(q·m/2^k). It decrypts under every key.
    let (plain_bits, q) = (8, crate::params::PRIMES[0]);
    let mut host = sensor(None);
    let secret = pair(&mut host);
    let begin = |host: &mut Host, proof| {
        host.send(&encode(&SensorRequest::Decrypt {
            plain_bits,
            dropped_bits: [7, 7],
            proof,
        }));
    };
    begin(&mut host, proof(&secret));
    let mut missing = packed_len(DEGREE, 28);
    while missing > 0 {
        let length = missing.min(BYTES_PER_PACKET);
        host.send(&encode(&SensorRequest::Bytes(&vec![0; length])));
        missing -= length;
    }
    assert!(SensorReply::parse(&host.receive()) == Ok(SensorReply::Ready));
    let coefficient = |position: u16, value: u64| {
        let [low, high] = position.to_le_bytes();
        let word = ((u128::from(q) * u128::from(value)) >> 8) as u64 >> 7;
        let [a, b, c, d, e, ..] = word.to_le_bytes();
        [low, high, a, b, c, d, e]
    };
    let coefficients = [
        coefficient(0, 5),
        coefficient(4095, 250),
        coefficient(77, 0),
    ]
    .concat();
    for _ in 0..2 {
        let values = ask(
            &mut host,
            SensorRequest::Decode(&coefficients),
            |reply| match reply {
                SensorReply::Values(bytes) => bytes.to_vec(),
                reply => panic!("{reply:?}"),
            },
        );
        assert_eq!(values, [5, 0, 0, 0, 250, 0, 0, 0, 0, 0, 0, 0]);
    }
    let outside = coefficient(4096, 5);
    assert_eq!(
        refusal(&mut host, SensorRequest::Decode(&outside)),
        Refusal::Response
    );
    // The decryption ended with the error.
    assert_eq!(
        refusal(&mut host, SensorRequest::Decode(&[])),
        Refusal::Protocol
    );

    // Residues that are none, too many bytes, another request between, and a wrong proof.
    begin(&mut host, proof(&secret));
    host.send(&encode(&SensorRequest::Bytes(&[255; 100])));
    assert!(SensorReply::parse(&host.receive()) == Ok(SensorReply::Refused(Refusal::Response)));
    begin(&mut host, proof(&secret));
    assert_eq!(refusal(&mut host, SensorRequest::Info), Refusal::Protocol);
    let mut wrong = proof(&secret);
    wrong[15] ^= 1;
    begin(&mut host, wrong);
    assert!(SensorReply::parse(&host.receive()) == Ok(SensorReply::Refused(Refusal::Proof)));
}

#[test]
fn a_sensor_says_what_it_is_and_measures_itself() {
    let mut host = sensor(None);
    ask(&mut host, SensorRequest::Info, |reply| match reply {
        SensorReply::Info(info) => {
            assert_eq!(
                info.board,
                "a bench with a name that is far longer than it m"
            );
            assert_eq!((info.starts, info.log_n, info.limbs), (2, 12, 3));
            assert_eq!((info.reading, info.used, info.key), (30, 0, None));
        }
        reply => panic!("{reply:?}"),
    });
    ask(&mut host, SensorRequest::Measure, |reply| match reply {
        SensorReply::Measured(measurement) => {
            assert_eq!(measurement.known, KNOWN_INSTRUCTIONS);
            assert_eq!(measurement.encryption, 0, "the bench counts nothing else");
        }
        reply => panic!("{reply:?}"),
    });
}

#[test]
fn sensors_and_machines_do_not_take_each_other_s_hosts_for_theirs() {
    let mut host = sensor(None);
    host.send(&message::encode(&Request::Identify));
    let packet = host.receive();
    assert_eq!(
        SensorReply::parse(&packet),
        Ok(SensorReply::Refused(Refusal::Protocol))
    );
    assert!(Reply::parse(&packet).is_err());
    assert!(Request::parse(&encode(&SensorRequest::Info)).is_err());
}

#[test]
fn whatever_comes_is_answered_or_thrown_away() {
    use rand_core::Rng;
    let mut host = sensor(None);
    pair(&mut host);
    let mut rng = crate::sample::seeded(3);
    for round in 0..300 {
        let mut bytes = vec![0; rng.next_u32() as usize % 60];
        rng.fill_bytes(&mut bytes);
        if round % 2 == 0
            && let [first, second, ..] = &mut bytes[..]
        {
            *first = ROLE;
            // Long jobs are left out.
            *second = [1, 3, 4, 5, 6, 7][rng.next_u32() as usize % 6];
        }
        host.send(&bytes);
        // Nobody takes the answers, and there is room for eight.
        if round % 6 == 0 {
            host.open();
        }
    }
    host.open();
    ask(&mut host, SensorRequest::Info, |reply| {
        assert!(matches!(reply, SensorReply::Info(_)));
    });
}
