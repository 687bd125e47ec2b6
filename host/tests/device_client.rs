//! The client role of a microcontroller ([`addax_core::client`]) against the host's keys, ciphertexts and responses.

use addax::he::{Context, FreshCiphertext, PublicKey, Response, SecretKey, noise};
use addax::random::PartyRandomness;
use addax_core::client::{Client, ResponseFormat, SeededPolynomial, Workspace};
use addax_core::packing::Unpacker;
use addax_core::params::N4096;
use addax_core::{poly, sample};
use rand_core::Rng;

const KEY: [u8; 32] = *b"the same master key on two ends.";

fn bytes<M: Fn(usize) -> u64>(mut polynomial: SeededPolynomial<'_, M>) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(piece) = polynomial.next_piece() {
        bytes.extend_from_slice(piece);
    }
    bytes
}

#[test]
fn a_device_and_a_host_with_the_same_master_key_send_the_same_bytes() {
    let context = Context::new(N4096);
    let mut randomness = PartyRandomness::from_key(KEY);
    let secret = SecretKey::generate(&context, &mut randomness);
    let public = PublicKey::generate(&context, &secret, &mut randomness);

    let mut workspace = Workspace::new();
    let mut client = Client::new(KEY);
    let key = bytes(client.public_key(&mut workspace));
    assert!(key == public.to_bytes(&context));
    for (seed, plain_bits) in (0..).zip([1, 8, 23, 25]) {
        let mut rng = sample::seeded(seed);
        let message: Vec<u64> = (0..context.n()).map(|_| rng.next_u64()).collect();
        let host =
            FreshCiphertext::encrypt(&context, &secret, plain_bits, &message, &mut randomness);
        let encryption = client.encrypt(plain_bits, |i| message[i], &mut workspace);
        let device = bytes(encryption.unwrap());
        assert!(device == host.to_bytes(&context), "{plain_bits} bits");
    }
}

#[test]
fn a_device_decrypts_the_responses_to_its_ciphertexts() {
    const PLAIN_BITS: u32 = 23;
    let context = Context::new(N4096);
    let n = context.n();
    let mut rng = sample::seeded(7);
    let message: Vec<u64> = (0..n)
        .map(|_| rng.next_u64() >> (64 - PLAIN_BITS))
        .collect();
    let mut workspace = Workspace::new();
    let mut client = Client::new(KEY);
    let encryption = client.encrypt(PLAIN_BITS, |i| message[i], &mut workspace);
    let encryption = bytes(encryption.unwrap());

    // The server's part without a model: to coefficients, from three limbs to one, some coefficients of c0.
    let mut components = FreshCiphertext::from_bytes(&context, &encryption)
        .unwrap()
        .into_components(&context);
    for component in &mut components {
        for (limb, values) in component.iter_mut().enumerate() {
            context.basis().plan(limb).inverse(values);
        }
        for dropped in [2, 1] {
            let last = component.pop().unwrap();
            let modulus = context.basis().modulus(dropped);
            for (limb, target) in component.iter_mut().enumerate() {
                let kept = context.basis().modulus(limb);
                poly::switch_limb(&modulus, &last, &kept, target);
            }
        }
    }
    let used: Vec<usize> = (0..n).step_by(5).chain([n - 1]).collect();
    let format = noise::response_format(context.parameters(), PLAIN_BITS);
    assert_eq!(format.limbs, 1);
    let response = Response::extract(&format, &context, &components, &used).to_bytes(&format);

    let format = ResponseFormat {
        plain_bits: PLAIN_BITS,
        dropped_bits: format.dropped_bits,
    };
    let c0_bytes = addax_core::packing::packed_len(used.len(), format.width(0));
    let (c0, c1) = response.split_at(c0_bytes);
    let mut decryption = client.decrypt(format, &mut workspace).unwrap();
    for frame in c1.chunks(1000) {
        decryption.push(frame).unwrap();
    }
    let phase = decryption.finish().unwrap();
    let mut unpacker = Unpacker::new(format.width(0));
    let c0 = c0.iter().filter_map(|&byte| unpacker.push(byte));
    let decoded: Vec<u64> = used
        .iter()
        .zip(c0)
        .map(|(&position, word)| phase.decode(position, word).unwrap())
        .collect();
    let expected: Vec<u64> = used.iter().map(|&position| message[position]).collect();
    assert_eq!(decoded, expected);
}
