//! Encryption, decryption and the product with a plaintext beside those of the crate `fhe`, single thread, n = 4096, the
//! same three primes of 35 bits, plaintexts mod 2^23.
//!
//! Both work on complete ciphertexts, two transformed polynomials in all limbs. Each library does what it does with its
//! own keys: `fhe` transforms its secret key at every decryption and prepares the decrypted plaintext for a product;
//! ours keeps the key transformed. The protocol needs less of ours than is measured here: responses are decrypted in one
//! limb, and images are encrypted under the secret key.

#[path = "figures/mod.rs"]
mod figures;
#[path = "settings/mod.rs"]
mod settings;
#[path = "side_by_side/mod.rs"]
mod side_by_side;

use std::hint::black_box;

use addax::he::{Context, PublicKey, SecretKey};
use addax::random::PartyRandomness;
use addax_core::modulus::Modulus;
use addax_core::params::N4096;
use addax_core::random::Purpose;
use addax_core::rlwe::{self, Decoder, Embedding};
use addax_core::{poly, sample};
use fhe::bfv::{self, BfvParametersBuilder, Encoding};
use fhe_traits::{FheDecoder, FheDecrypter, FheEncoder, FheEncrypter};

/// Plaintexts are mod 2^this.
const PLAIN_BITS: u32 = 23;

const LIMBS: usize = 3;

/// A polynomial in each limb.
type Limbs = Vec<Vec<u64>>;

/// Our side: keys and what encryption and decryption precompute.
struct Ours {
    context: Context,
    randomness: PartyRandomness,
    public: PublicKey,
    /// The secret key in stored form, limb after limb.
    secret: Limbs,
    embeddings: Vec<Embedding>,
    decoder: Decoder<LIMBS>,
}

impl Ours {
    fn new() -> Self {
        let context = Context::new(N4096);
        let mut randomness = PartyRandomness::from_key([7; 32]);
        let mut coefficients = vec![0; context.n()];
        sample::ternary(
            &mut randomness.generator(Purpose::SecretKey),
            &mut coefficients,
        );
        let key = SecretKey::from_coefficients(&context, &coefficients);
        let public = PublicKey::generate(&context, &key, &mut randomness);
        let moduli: Vec<Modulus> = N4096.moduli().collect();
        let mut ours = Self {
            randomness,
            public,
            secret: Limbs::new(),
            embeddings: (0..LIMBS)
                .map(|limb| Embedding::new(N4096.moduli(), limb, PLAIN_BITS))
                .collect(),
            decoder: Decoder::new([moduli[0], moduli[1], moduli[2]], PLAIN_BITS),
            context,
        };
        ours.secret = ours.stored(&coefficients);
        ours
    }

    /// The stored form of a small polynomial: what products with ciphertexts take.
    fn stored(&self, small: &[i8]) -> Limbs {
        let store = |limb| {
            let mut out = vec![0; small.len()];
            rlwe::store_small(self.context.basis().plan(limb), small, &mut out);
            out
        };
        (0..LIMBS).map(store).collect()
    }

    /// A public-key encryption: an encryption of zero, and the message on its first error.
    fn encrypt(&mut self, message: &[u64]) -> [Limbs; 2] {
        let mut zero = self
            .public
            .encrypt_zero(&self.context, &mut self.randomness);
        let mut components = std::mem::take(&mut zero.products);
        let mut added = vec![0; message.len()];
        for (limb, embedding) in self.embeddings.iter().enumerate() {
            let plan = self.context.basis().plan(limb);
            let modulus = plan.modulus();
            let pairs = message.iter().zip(zero.errors[0].iter());
            for (value, (&m, &e)) in added.iter_mut().zip(pairs) {
                *value = modulus.add(embedding.embed(m), modulus.from_signed(i64::from(e)));
            }
            plan.forward(&mut added);
            poly::add_assign(&modulus, &mut components[0][limb], &added);
            rlwe::transform_small(plan, &zero.errors[1], &mut added);
            poly::add_assign(&modulus, &mut components[1][limb], &added);
        }
        components
    }

    fn decrypt(&self, ciphertext: &[Limbs; 2]) -> Vec<u64> {
        let phases: Limbs = (0..LIMBS)
            .map(|limb| {
                let plan = self.context.basis().plan(limb);
                let mut phase = ciphertext[1][limb].clone();
                poly::mul_assign(&plan.modulus(), &mut phase, &self.secret[limb]);
                poly::add_assign(&plan.modulus(), &mut phase, &ciphertext[0][limb]);
                plan.inverse(&mut phase);
                phase
            })
            .collect();
        let residues = |i: usize| [0, 1, 2].map(|limb: usize| phases[limb][i]);
        (0..self.context.n())
            .map(|i| self.decoder.decode(residues(i)))
            .collect()
    }

    /// ciphertext ← ciphertext·plaintext, both components.
    fn multiply(&self, ciphertext: &mut [Limbs; 2], plaintext: &Limbs) {
        for component in ciphertext {
            for (limb, values) in component.iter_mut().enumerate() {
                let modulus = self.context.basis().modulus(limb);
                poly::mul_assign(&modulus, values, &plaintext[limb]);
            }
        }
    }
}

/// The parameters of `fhe` with our primes.
fn parameters() -> std::sync::Arc<bfv::BfvParameters> {
    let moduli: Vec<u64> = N4096.moduli().map(|modulus| modulus.value()).collect();
    BfvParametersBuilder::new()
        .set_degree(N4096.degree())
        .set_plaintext_modulus(1 << PLAIN_BITS)
        .set_moduli(&moduli)
        .build_arc()
        .expect("fhe takes these parameters")
}

fn main() {
    let n = N4096.degree();
    let message: Vec<u64> = (0..n as u64)
        .map(|i| i.wrapping_mul(0x9E37_79B9) % (1 << PLAIN_BITS))
        .collect();
    let weights: Vec<i8> = (0..n).map(|i| (i % 16) as i8).collect();

    let mut ours = Ours::new();
    let ciphertext = ours.encrypt(&message);
    assert_eq!(ours.decrypt(&ciphertext), message);
    let plaintext = ours.stored(&weights);
    let mut product = ciphertext.clone();

    let mut criterion = settings::criterion();
    criterion.bench_function("bfv/encrypt", |bencher| {
        bencher.iter(|| ours.encrypt(&message));
    });
    criterion.bench_function("bfv/decrypt", |bencher| {
        bencher.iter(|| ours.decrypt(&ciphertext));
    });
    criterion.bench_function("bfv/multiply", |bencher| {
        bencher.iter(|| ours.multiply(black_box(&mut product), &plaintext));
    });
    criterion.final_summary();
    if !settings::measuring() {
        return;
    }

    let parameters = parameters();
    let mut randomness = rand::rng();
    let secret = bfv::SecretKey::random(&parameters, &mut randomness);
    let public = bfv::PublicKey::new(&secret, &mut randomness);
    let encode = |values: &[u64]| {
        bfv::Plaintext::try_encode(values, Encoding::poly(), &parameters).expect("fhe encodes")
    };
    let their_message = encode(&message);
    let weights: Vec<u64> = weights.iter().map(|&w| w as u64).collect();
    let their_plaintext = encode(&weights);
    let mut encrypt = || -> bfv::Ciphertext {
        public
            .try_encrypt(&their_message, &mut randomness)
            .expect("fhe encrypts")
    };
    let their_ciphertext = encrypt();
    let decrypt = || secret.try_decrypt(&their_ciphertext).expect("fhe decrypts");
    let decoded = Vec::<u64>::try_decode(&decrypt(), Encoding::poly()).expect("fhe decodes");
    assert_eq!(decoded, message);
    let mut their_product = their_ciphertext.clone();

    let multiply = side_by_side::medians(&mut [
        &mut || ours.multiply(black_box(&mut product), &plaintext),
        &mut || *black_box(&mut their_product) *= &their_plaintext,
    ]);
    let encryption =
        side_by_side::medians(
            &mut [&mut || drop(black_box(ours.encrypt(&message))), &mut || {
                drop(black_box(encrypt()))
            }],
        );
    let decryption = side_by_side::medians(&mut [
        &mut || drop(black_box(ours.decrypt(&ciphertext))),
        &mut || drop(black_box(decrypt())),
    ]);

    println!(
        "side by side with fhe, n = {n}, {LIMBS} limbs; a ratio above 1 means that Addax is faster"
    );
    println!("{:<28} {:>9} {:>9} {:>6}", "", "µs", "fhe", "ratio");
    let per_limb: Vec<f64> = multiply.iter().map(|time| time / LIMBS as f64).collect();
    for (what, times) in [
        ("ct x plaintext, per limb", &per_limb),
        ("public-key encryption", &encryption),
        ("decryption", &decryption),
    ] {
        let [ours, theirs] = [times[0], times[1]];
        println!(
            "{what:<28} {ours:>9.2} {theirs:>9.2} {:>6.2}",
            theirs / ours
        );
    }
    figures::figure("ct_plain_4096_vs_fhe", multiply[1] / multiply[0]);
    figures::figure("encrypt_4096_vs_fhe", encryption[1] / encryption[0]);
    figures::figure("decrypt_4096_vs_fhe", decryption[1] / decryption[0]);
}
