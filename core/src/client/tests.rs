//! The client against the host's recipe: the reference transform, [`rlwe`] and the samplers on whole polynomials.

use proptest::prelude::*;
use rand_core::Rng;
use std::vec;
use std::vec::Vec;

use super::*;
use crate::modulus::Modulus;
use crate::ntt::{NttPlan, Twiddle};
use crate::packing::pack_pair;
use crate::rlwe::{self, Decoder, Embedding};
use crate::sample;

const KEY: [u8; SEED_BYTES] = [0x5A; SEED_BYTES];

struct Reference {
    plans: Vec<NttPlan<Vec<Twiddle>>>,
    randomness: Randomness,
    stored: Vec<Vec<u64>>,
}

impl Reference {
    fn new() -> Self {
        let randomness = Randomness::from_key(KEY);
        let mut secret = vec![0; DEGREE];
        let mut rng = randomness.generator(Purpose::SecretKey, 0);
        sample::ternary(&mut rng, &mut secret);
        let plans: Vec<_> = N4096
            .moduli()
            .map(|m| {
                NttPlan::new(
                    m,
                    N4096.log_n,
                    vec![Twiddle::default(); NttPlan::<Vec<Twiddle>>::storage_len(N4096.log_n)],
                )
                .unwrap()
            })
            .collect();
        let stored = plans
            .iter()
            .map(|plan| {
                let mut out = vec![0; DEGREE];
                rlwe::store_small(plan, &secret, &mut out);
                out
            })
            .collect();
        Self {
            plans,
            randomness,
            stored,
        }
    }

    /// The bytes of the `index`-th use, without a message those of a public key.
    fn seeded(&self, index: u64, message: Option<(u32, &[u64])>) -> Vec<u8> {
        let seed = self.randomness.sent_seed(index);
        let mut error = vec![0; DEGREE];
        let mut rng = self.randomness.generator(Purpose::Error, index);
        sample::centred_binomial(&mut rng, &mut error);
        let mut bytes = seed.to_vec();
        for (limb, plan) in self.plans.iter().enumerate() {
            let (mut a, mut out) = (vec![0; DEGREE], vec![0; DEGREE]);
            sample::expand_uniform(&seed, limb, &plan.modulus(), &mut a);
            let stored = &self.stored[limb];
            match message {
                None => rlwe::public_key_limb(plan, stored, &a, &error, &mut out),
                Some((plain_bits, message)) => {
                    let embedding = Embedding::new(N4096.moduli(), limb, plain_bits);
                    rlwe::encrypt_limb(plan, &embedding, stored, &a, message, &error, &mut out);
                }
            }
            bytes.extend(out.chunks(2).flat_map(|pair| pack_pair(pair[0], pair[1])));
        }
        bytes
    }
}

fn bytes<M: Fn(usize) -> u64>(mut polynomial: SeededPolynomial<'_, M>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut pieces = 0;
    while let Some(piece) = polynomial.next_piece() {
        bytes.extend_from_slice(piece);
        pieces += 1;
    }
    assert!(polynomial.next_piece().is_none());
    assert_eq!(bytes.len(), SeededPolynomial::<M>::BYTES);
    assert_eq!(pieces, SeededPolynomial::<M>::PIECES);
    bytes
}

#[test]
fn public_keys_and_ciphertexts_are_those_of_the_host() {
    let reference = Reference::new();
    let mut workspace = Workspace::new();
    let mut client = Client::new(KEY);
    assert_eq!(
        bytes(client.public_key(&mut workspace)),
        reference.seeded(0, None)
    );
    let mut index = 0;
    for plain_bits in [1, 2, 25, 31] {
        for fill in [
            Some(0),
            Some(1),
            Some(u64::MAX),
            Some(1 << (plain_bits - 1)),
            None,
        ] {
            let mut rng = sample::seeded(index);
            let message: Vec<u64> = (0..DEGREE)
                .map(|_| fill.unwrap_or_else(|| rng.next_u64()))
                .collect();
            index += 1;
            assert_eq!(client.used(), index);
            let encryption = client
                .encrypt(plain_bits, |position| message[position], &mut workspace)
                .unwrap();
            let expected = reference.seeded(index, Some((plain_bits, &message)));
            assert!(bytes(encryption) == expected, "{plain_bits} bits, {fill:?}");
        }
    }
}

#[test]
fn every_use_is_handed_out_once_even_if_it_is_abandoned() {
    let mut workspace = Workspace::new();
    let mut client = Client::new(KEY);
    let first = client
        .public_key(&mut workspace)
        .next_piece()
        .unwrap()
        .to_vec();
    let second = bytes(client.encrypt(2, |_| 0, &mut workspace).unwrap());
    assert_ne!(first, second[..SEED_BYTES]);
    let refused = client.encrypt(32, |_| 0, &mut workspace).err();
    assert_eq!(refused, Some(ClientError::PlainBits(32)));
    let refused = client.encrypt(0, |_| 0, &mut workspace).err();
    assert_eq!(refused, Some(ClientError::PlainBits(0)));
    assert_eq!(client.used(), 2);
    let mut resumed = Client::resume(KEY, 1);
    let again = bytes(resumed.encrypt(2, |_| 0, &mut workspace).unwrap());
    assert!(again == second);
}

fn is_wiped(workspace: &Workspace) -> bool {
    let mut words = workspace.values.iter().chain(&workspace.small);
    words.all(|&word| word == 0)
}

#[test]
fn the_workspace_is_wiped_when_an_operation_ends() {
    let mut workspace = Workspace::new();
    let mut client = Client::new(KEY);
    let format = ResponseFormat {
        plain_bits: 8,
        dropped_bits: [0, 27],
    };
    let mut encryption = client.encrypt(8, |_| 200, &mut workspace).unwrap();
    encryption.next_piece();
    encryption.next_piece();
    core::mem::forget(encryption);
    assert!(!is_wiped(&workspace), "the check sees what is left behind");
    drop(client.encrypt(8, |_| 200, &mut workspace));
    assert!(is_wiped(&workspace));
    let mut decryption = client.decrypt(format, &mut workspace).unwrap();
    decryption.push(&[1; DEGREE]).unwrap();
    core::mem::forget(decryption.finish().unwrap());
    assert!(!is_wiped(&workspace), "the check sees what is left behind");
    let mut decryption = client.decrypt(format, &mut workspace).unwrap();
    decryption.push(&[1; 5]).unwrap();
    drop(decryption);
    assert!(is_wiped(&workspace));
}

/// Packs words bit by bit.
fn packed(words: &[u64], width: u32) -> Vec<u8> {
    let mut bytes = vec![0; (words.len() * width as usize).div_ceil(8)];
    for bit in 0..words.len() * width as usize {
        let (word, position) = (bit / width as usize, bit % width as usize);
        bytes[bit / 8] |= (((words[word] >> position) & 1) as u8) << (bit % 8);
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn phases_and_plaintexts_are_those_of_the_host(
        seed: u64,
        plain_bits in 1..=MAX_PLAIN_BITS,
        dropped_bits in [0u32..=27, 0u32..=27],
        fill in prop_oneof![Just(Some(0)), Just(Some(u64::MAX)), Just(None)],
        chunk in 1usize..5000,
    ) {
        let reference = Reference::new();
        let (plan, modulus) = (&reference.plans[0], reference.plans[0].modulus());
        let mut rng = sample::seeded(seed);
        let mut words = |component: usize| -> Vec<u64> {
            let bits = dropped_bits[component];
            let largest = (modulus.value() - 1) >> bits;
            (0..DEGREE).map(|_| fill.map_or_else(|| rng.next_u64() % (largest + 1), |word| word.min(largest))).collect()
        };
        let (c0, c1) = (words(0), words(1));
        let shifted = |words: &[u64], bits: u32| -> Vec<u64> { words.iter().map(|&w| w << bits).collect() };
        let mut phase = shifted(&c1, dropped_bits[1]);
        let stored = &reference.stored[0];
        rlwe::phase_limb(plan, stored, &shifted(&c0, dropped_bits[0]), &mut phase);
        let decoder = Decoder::new([modulus], plain_bits);

        let client = Client::new(KEY);
        let mut workspace = Workspace::new();
        let format = ResponseFormat { plain_bits, dropped_bits };
        let mut decryption = client.decrypt(format, &mut workspace).unwrap();
        for bytes in packed(&c1, format.width(1)).chunks(chunk) {
            decryption.push(bytes).unwrap();
        }
        let product = decryption.finish().unwrap();
        for position in 0..DEGREE {
            prop_assert_eq!(product.phase(position, c0[position]), Ok(phase[position]));
            prop_assert_eq!(product.decode(position, c0[position]), Ok(decoder.decode([phase[position]])));
        }
    }
}

#[test]
fn malformed_responses_are_refused() {
    let client = Client::new(KEY);
    let mut workspace = Workspace::new();
    let q = Modulus::new(crate::params::PRIMES[0]).unwrap().value();
    let mut format = ResponseFormat {
        plain_bits: 8,
        dropped_bits: [0, 0],
    };
    let mut start = |format| client.decrypt(format, &mut workspace).map(|_| ());
    format.dropped_bits[1] = 28;
    assert_eq!(start(format), Err(ClientError::DroppedBits(28)));
    format.dropped_bits[1] = 0;
    format.plain_bits = 32;
    assert_eq!(start(format), Err(ClientError::PlainBits(32)));
    format.plain_bits = 8;

    let mut words = vec![q - 1; DEGREE];
    let surplus = ClientError::Length {
        found: DEGREE + 1,
        expected: DEGREE,
    };
    let mut decryption = client.decrypt(format, &mut workspace).unwrap();
    decryption.push(&packed(&words, 35)).unwrap();
    assert_eq!(decryption.push(&[0; 5]), Err(surplus));
    assert_eq!(decryption.finish().err(), Some(surplus));

    let mut decryption = client.decrypt(format, &mut workspace).unwrap();
    decryption.push(&packed(&words, 35)).unwrap();
    let phase = decryption.finish().unwrap();
    assert!(phase.decode(7, q - 1).is_ok());
    assert_eq!(phase.decode(7, q), Err(ClientError::Residue(7)));
    assert_eq!(phase.decode(7, 1 << 35), Err(ClientError::Residue(7)));
    drop(phase);

    let mut decryption = client.decrypt(format, &mut workspace).unwrap();
    decryption.push(&packed(&words[..8], 35)).unwrap();
    assert_eq!(
        decryption.finish().err(),
        Some(ClientError::Length {
            found: 8,
            expected: DEGREE
        })
    );

    words[3] = q;
    let mut decryption = client.decrypt(format, &mut workspace).unwrap();
    let refused = decryption.push(&packed(&words, 35));
    assert_eq!(refused, Err(ClientError::Residue(3)));
}

#[test]
#[should_panic = "uses of a master key"]
fn a_master_key_has_no_use_beyond_the_last_stream() {
    let mut workspace = Workspace::new();
    let mut client = Client::resume(KEY, USES - 1);
    assert!(client.public_key(&mut workspace).next_piece().is_some());
    client.public_key(&mut workspace);
}
