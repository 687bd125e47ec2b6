//! Ciphertext times plaintext at n = 4096 with three limbs, single thread: the bare products, whole layers of the
//! default network from ciphertexts to responses on the `cpu` accelerator, and the ways of ciphertexts to and from them.
//! `addax plan` predicts times with the figures printed here.

#[path = "figures/mod.rs"]
mod figures;
#[path = "settings/mod.rs"]
mod settings;
#[path = "side_by_side/mod.rs"]
mod side_by_side;

use std::hint::black_box;

use addax::accel::Accelerator;
use addax::he::{Context, FreshCiphertext, PublicKey, Response, SecretKey, noise};
use addax::linear::{Convolution, EncodedLayer, LayerCost, LinearError, Packing, ServerInput};
use addax::random::PartyRandomness;
use addax_core::isa::Geometry;
use addax_core::machine::RingProcessor;
use addax_core::params::N4096;
use addax_core::poly;

/// Plaintexts are mod 2^this.
const PLAIN_BITS: u32 = 23;

/// A polynomial in each limb.
type Limbs = Vec<Vec<u64>>;

fn residues(context: &Context, seed: u64) -> Limbs {
    (0..context.limbs())
        .map(|limb| {
            let q = context.basis().modulus(limb).value();
            let words = (0..context.n() as u64).map(|i| i + seed);
            words
                .map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15) % q)
                .collect()
        })
        .collect()
}

/// accumulator += ciphertext·plaintext, both components, limb by limb.
fn multiply_accumulate(
    context: &Context,
    accumulator: &mut [Limbs; 2],
    ciphertext: &[Limbs; 2],
    plaintext: &Limbs,
) {
    for (sums, factors) in accumulator.iter_mut().zip(ciphertext) {
        for limb in 0..context.limbs() {
            let modulus = context.basis().modulus(limb);
            poly::mul_accumulate(&modulus, &mut sums[limb], &factors[limb], &plaintext[limb]);
        }
    }
}

/// A layer of the default network with everything that answering it takes.
struct Layer {
    name: &'static str,
    encoded: EncodedLayer,
    secret: SecretKey,
    public: PublicKey,
    image: Vec<u64>,
    share: Option<Vec<u64>>,
}

impl Layer {
    fn new(
        context: &Context,
        randomness: &mut PartyRandomness,
        name: &'static str,
        convolution: Convolution,
        first: bool,
    ) -> Self {
        let packing = Packing::plan(convolution, context.n()).expect("the layer can be packed");
        let weights: Vec<i32> = (0..convolution.outputs
            * convolution.input[0]
            * convolution.kernel[0]
            * convolution.kernel[1])
            .map(|i| (i * 89 % 255) as i32 - 127)
            .collect();
        let bias = vec![17; convolution.outputs];
        let format = noise::response_format(context.parameters(), PLAIN_BITS);
        let secret = SecretKey::generate(context, randomness);
        let public = PublicKey::generate(context, &secret, randomness);
        let inputs: usize = convolution.input.iter().product();
        let image: Vec<u64> = (0..inputs as u64).map(|i| i % 256).collect();
        Self {
            name,
            encoded: EncodedLayer::encode(context, packing, format, &weights, &bias),
            secret,
            public,
            share: (!first).then(|| image.clone()),
            image,
        }
    }

    fn encrypt(&self, context: &Context, randomness: &mut PartyRandomness) -> Vec<FreshCiphertext> {
        let packing = self.encoded.packing();
        let polynomials = (0..packing.inputs()).map(|i| packing.input_polynomial(&self.image, i));
        polynomials
            .map(|p| FreshCiphertext::encrypt(context, &self.secret, PLAIN_BITS, &p, randomness))
            .collect()
    }

    fn answer(
        &self,
        context: &Context,
        machine: &mut dyn RingProcessor,
        ciphertexts: Vec<FreshCiphertext>,
        randomness: &mut PartyRandomness,
    ) -> LayerCost {
        let input = ServerInput {
            ciphertexts,
            share: self.share.as_deref(),
        };
        let mut blindings = self.encoded.blind_lazily(context, &self.public, randomness);
        let answer = self
            .encoded
            .answer(context, machine, input, &mut blindings, |response| {
                black_box(response);
                Ok::<_, LinearError>(())
            });
        answer.expect("the machine computes").1
    }
}

fn convolution(input: [usize; 3], outputs: usize, kernel: usize, stride: usize) -> Convolution {
    Convolution {
        input,
        outputs,
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [0; 4],
    }
}

/// Prints what a fresh ciphertext and a response take between the parties.
fn ways(context: &Context, randomness: &mut PartyRandomness) {
    let secret = SecretKey::generate(context, randomness);
    let message = vec![5; context.n()];
    let fresh = FreshCiphertext::encrypt(context, &secret, PLAIN_BITS, &message, randomness);
    let bytes = fresh.to_bytes(context);
    let format = noise::response_format(context.parameters(), PLAIN_BITS);
    let used: Vec<usize> = (0..512).collect();
    let components = fresh.into_components(context);
    let response = Response::extract(&format, context, &components, &used).to_bytes(&format);
    let medians = side_by_side::medians(&mut [
        &mut || {
            let fresh =
                FreshCiphertext::encrypt(context, &secret, PLAIN_BITS, &message, randomness);
            black_box(fresh.to_bytes(context));
        },
        &mut || {
            let fresh = FreshCiphertext::from_bytes(context, &bytes).expect("its own bytes");
            black_box(fresh.into_components(context));
        },
        &mut || {
            let response = Response::from_bytes(&format, context, used.len(), &response);
            let response = response.expect("its own bytes");
            black_box(response.decrypt(&format, context, &secret, &used));
        },
    ]);
    println!("encrypt and pack a ciphertext: {:.0} µs", medians[0]);
    println!("read and expand a ciphertext: {:.0} µs", medians[1]);
    println!("read and decrypt a response: {:.0} µs", medians[2]);
}

/// Prints how a layer's time grows with its channels: a 3×3 convolution on 16×16, outputs or inputs doubled, which doubles
/// the products. Twice the time is what twice the work should take.
fn channels(context: &Context, machine: &mut dyn RingProcessor, randomness: &mut PartyRandomness) {
    let (few, many) = ([16usize, 32, 64, 128], 32);
    let outputs = few.map(|count| (many, count));
    let inputs = few.map(|count| (count, many));
    println!(
        "{:<30} {:>9} {:>10} {:>9}",
        "channels, 3x3 on 16x16", "products", "ms", "ratio"
    );
    let mut worst = 0f64;
    for curve in [outputs, inputs] {
        let layers = curve.map(|(inputs, outputs)| {
            let shape = convolution([inputs, 16, 16], outputs, 3, 1);
            Layer::new(context, randomness, "", shape, false)
        });
        let mut times = layers.each_ref().map(|_| Vec::new());
        // In turns, so that a machine that drifts drifts for all.
        for _ in 0..9 {
            for (layer, times) in layers.iter().zip(&mut times) {
                let ciphertexts = layer.encrypt(context, randomness);
                let start = std::time::Instant::now();
                layer.answer(context, machine, ciphertexts, randomness);
                times.push(start.elapsed().as_secs_f64() * 1e3);
            }
        }
        let mut before = None;
        for ((layer, times), (inputs, outputs)) in layers.iter().zip(&mut times).zip(curve) {
            times.sort_by(f64::total_cmp);
            let median = times[times.len() / 2];
            let ratio = before.map(|before| median / before);
            worst = worst.max(ratio.unwrap_or(0.0));
            println!(
                "{:<30} {:>9} {median:>10.2} {:>9}",
                format!("{inputs} to {outputs}"),
                layer.encoded.packing().products(),
                ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"))
            );
            before = Some(median);
        }
    }
    figures::figure("channels_doubled", worst);
}

fn main() {
    let context = Context::new(N4096);
    let mut randomness = PartyRandomness::from_key([7; 32]);
    let mut criterion = settings::criterion();

    let mut accumulator = [residues(&context, 1), residues(&context, 2)];
    let ciphertext = [residues(&context, 3), residues(&context, 4)];
    let plaintext = residues(&context, 5);
    criterion.bench_function("ct_plain/multiply and accumulate", |bencher| {
        bencher.iter(|| {
            multiply_accumulate(
                &context,
                black_box(&mut accumulator),
                &ciphertext,
                &plaintext,
            );
        });
    });

    let layers = [
        (
            "28x28x1 to 16, 5x5 stride 2",
            convolution([1, 28, 28], 16, 5, 2),
        ),
        (
            "12x12x16 to 32, 5x5 stride 2",
            convolution([16, 12, 12], 32, 5, 2),
        ),
        ("512 to 100", convolution([512, 1, 1], 100, 1, 1)),
    ];
    let mut machine = Accelerator::Cpu
        .open(&**context.basis(), Geometry::DEFAULT)
        .expect("the default geometry has the degree");
    let mut rows = Vec::new();
    for (index, (name, shape)) in layers.into_iter().enumerate() {
        let layer = Layer::new(&context, &mut randomness, name, shape, index == 0);
        let mut group = criterion.benchmark_group("linear");
        group.sample_size(10);
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || {
                    let ciphertexts = layer.encrypt(&context, &mut randomness);
                    let fresh = PartyRandomness::from_key([8; 32]);
                    (ciphertexts, fresh)
                },
                |(ciphertexts, mut fresh)| {
                    layer.answer(&context, machine.as_mut(), ciphertexts, &mut fresh)
                },
                criterion::BatchSize::PerIteration,
            );
        });
        group.finish();
        rows.push(layer);
    }
    criterion.final_summary();
    if !settings::measuring() {
        return;
    }

    println!("\nside by side, medians");
    let product = side_by_side::medians(&mut [&mut || {
        multiply_accumulate(
            &context,
            black_box(&mut accumulator),
            &ciphertext,
            &plaintext,
        );
    }])[0];
    let words = 2 * context.limbs() * context.n();
    println!(
        "ciphertext x plaintext, summed: {product:.1} µs, {:.2} ns a word",
        product * 1e3 / words as f64
    );
    ways(&context, &mut randomness);
    println!(
        "{:<30} {:>9} {:>9} {:>10} {:>12} {:>9}",
        "layer", "products", "responses", "ms", "cycles", "transforms"
    );
    for layer in rows {
        let mut times = Vec::new();
        let mut cost = LayerCost::default();
        for _ in 0..9 {
            let ciphertexts = layer.encrypt(&context, &mut randomness);
            let start = std::time::Instant::now();
            cost = layer.answer(&context, machine.as_mut(), ciphertexts, &mut randomness);
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        println!(
            "{:<30} {:>9} {:>9} {:>10.2} {:>12} {:>9}",
            layer.name,
            layer.encoded.packing().products(),
            layer.encoded.packing().responses(),
            times[times.len() / 2],
            cost.cycles,
            cost.transforms
        );
    }
    channels(&context, machine.as_mut(), &mut randomness);
}
