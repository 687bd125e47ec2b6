//! What a gateway gets from an emulated sensor.

use addax::device::emulator::Randomness;
use addax::device::{Pairing, SensorError};
use addax::he::{Context, FreshCiphertext, PublicKey, SecretKey};
use addax::random::PartyRandomness;
use addax_core::link::sensor::{Refusal, Segment, key_id};
use addax_core::params::N4096;

use crate::board::{board, known_randomness, sensor};

/// What the sensor draws for the numbers of its sessions before its master key.
const NONCE_BYTES: usize = 4;

#[test]
#[ignore = "needs qemu-system-arm: cargo xtask test"]
fn an_emulated_sensor_makes_the_bytes_that_a_host_makes_of_the_same_master_key() {
    let reading: Vec<u8> = (0..784u32).map(|at| (at * 89) as u8).collect();
    let random = known_randomness();
    let mut board = board(&reading, Randomness::Known(random.clone()), false);
    let sensor = sensor(&board).unwrap();
    assert!(matches!(
        sensor
            .read()
            .and_then(|_| sensor.public_key(&Context::new(N4096))),
        Err(SensorError::Refused(Refusal::NotPaired))
    ));

    let context = Context::new(N4096);
    let key: [u8; 32] = random[NONCE_BYTES..][..32].try_into().unwrap();
    let mut randomness = PartyRandomness::from_key(key);
    let secret = SecretKey::generate(&context, &mut randomness);
    let public = PublicKey::generate(&context, &secret, &mut randomness);
    let paired = sensor.pair().unwrap();
    assert!(matches!(
        sensor.pair(),
        Err(SensorError::Refused(Refusal::Paired))
    ));
    assert!(sensor.public_key(&context).unwrap() == public.to_bytes(&context));
    assert_eq!(sensor.read().unwrap(), reading.len());
    let segments = [
        Segment {
            coefficient: 3,
            source: 0,
            length: 700,
        },
        Segment {
            coefficient: 4012,
            source: 700,
            length: 84,
        },
    ];
    let mut message = vec![0; context.n()];
    for segment in segments {
        let [to, from, length] =
            [segment.coefficient, segment.source, segment.length].map(usize::from);
        for at in 0..length {
            message[to + at] = reading[from + at].into();
        }
    }
    for plain_bits in [23, 25] {
        let device = sensor.encrypt(&context, plain_bits, 8, &segments, &mut |_| {});
        let host =
            FreshCiphertext::encrypt(&context, &secret, plain_bits, &message, &mut randomness);
        assert!(
            device.unwrap() == host.to_bytes(&context),
            "{plain_bits} bits"
        );
    }
    let info = sensor.info().unwrap();
    assert_eq!((info.used, info.key), (3, Some(key_id(&paired))));
    assert_eq!((info.board.as_str(), info.starts), ("mps2-an386", 1));

    // After a reset there is another key, from bytes that were not used.
    board.reset().unwrap();
    let lost = sensor.info();
    assert!(lost.is_err(), "the session is lost");
    sensor.reopen().unwrap();
    let info = sensor.info().unwrap();
    assert_eq!((info.used, info.key, info.starts), (0, None, 2));
    let again = Pairing::new(sensor.pair().unwrap()).unwrap();
    assert_ne!(again.id(), key_id(&paired));
}
