//! A linear layer from share to share: encrypted by the client, computed on the reference machine, decrypted.

use addax::he::noise::{self, LayerNoise};
use addax::he::{Context, FreshCiphertext, PublicKey, Response, ResponseFormat, SecretKey};
use addax::linear::{Convolution, EncodedLayer, LinearError, Packing, ServerInput};
use addax::random::PartyRandomness;
use addax_core::isa::Geometry;
use addax_core::machine::Reference;
use addax_core::params::N4096;
use addax_core::random::Purpose;
use rand_core::Rng;

struct Outcome {
    client: Vec<u64>,
    server: Vec<u64>,
    /// Largest distance of a phase from the plaintext it decodes to, in units of the remaining modulus.
    noise: f64,
    wire: Vec<u8>,
}

struct Query<'a> {
    packing: Packing,
    plain_bits: u32,
    weights: &'a [i32],
    bias: &'a [i64],
    shares: [&'a [u64]; 2],
    flooded: bool,
    /// Whether responses drop the low bits that decryption does not need; their rounding outweighs the flooding.
    drop_bits: bool,
    slots: u32,
    /// Seeds of the client's and the server's randomness.
    keys: [u8; 2],
}

/// Runs one query and measures the noise against `expected` results.
fn run(query: &Query<'_>, expected: &[i64]) -> Outcome {
    let context = Context::new(N4096);
    let mut client = PartyRandomness::from_key([query.keys[0]; 32]);
    let mut server = PartyRandomness::from_key([query.keys[1]; 32]);
    let secret = SecretKey::generate(&context, &mut client);
    let public = PublicKey::generate(&context, &secret, &mut client);
    let public = PublicKey::from_bytes(&context, &public.to_bytes(&context)).unwrap();
    let mut format = noise::response_format(&N4096, query.plain_bits);
    if !query.drop_bits {
        format.dropped_bits = [0, 0];
    }
    let layer = EncodedLayer::encode(&context, query.packing, format, query.weights, query.bias);
    let layer = if query.flooded {
        layer
    } else {
        layer.without_flooding()
    };
    let ciphertexts = (0..query.packing.inputs())
        .map(|index| {
            let message = query.packing.input_polynomial(query.shares[0], index);
            let fresh = FreshCiphertext::encrypt(
                &context,
                &secret,
                query.plain_bits,
                &message,
                &mut client,
            );
            FreshCiphertext::from_bytes(&context, &fresh.to_bytes(&context)).unwrap()
        })
        .collect();
    let geometry = Geometry::new(12, 8, query.slots).unwrap();
    let mut storage = vec![0; query.slots as usize * 4096];
    let mut machine = Reference::new(&**context.basis(), geometry, &mut storage[..]).unwrap();
    let input = ServerInput {
        ciphertexts,
        share: query.shares[1]
            .iter()
            .any(|&x| x != 0)
            .then_some(query.shares[1]),
    };
    let mut responses = Vec::new();
    let blindings = layer.blind(&context, &public, &mut server);
    let known = layer.share(&blindings);
    let mut blindings = blindings.into_iter();
    let (share, cost) = layer
        .answer(&context, &mut machine, input, &mut blindings, |response| {
            responses.push(response.to_bytes(&format));
            Ok::<_, LinearError>(())
        })
        .unwrap();
    assert_eq!(
        share, known,
        "the server's share does not depend on the query"
    );
    let programs = addax::linear::program::LayerPrograms::compile(
        context.basis(),
        &query.packing,
        &format,
        &geometry,
    )
    .unwrap();
    let with_share = query.shares[1].iter().any(|&x| x != 0);
    assert_eq!(cost, programs.cost(&query.packing, &geometry, with_share));
    assert_eq!(responses.len(), query.packing.responses());

    let mask = (1u64 << query.plain_bits) - 1;
    let mut decrypted = vec![0; share.len()];
    let mut worst = 0f64;
    for (index, bytes) in responses.iter().enumerate() {
        let positions = query.packing.outputs(index);
        let used: Vec<usize> = positions.iter().map(|p| p.coefficient).collect();
        assert_eq!(bytes.len(), format.wire_len(&context, used.len()));
        let read = || Response::from_bytes(&format, &context, used.len(), bytes).unwrap();
        let values = read().decrypt(&format, &context, &secret, &used);
        let phases = read().phases(&format, &context, &secret, &used);
        for (slot, position) in positions.iter().enumerate() {
            decrypted[position.output] = values[slot];
            let bias =
                query.bias[position.output / query.packing.convolution().output_shape().area()];
            let masked = (expected[position.output] - bias) as u64;
            let plain =
                masked.wrapping_sub(share[position.output].wrapping_sub(bias as u64)) & mask;
            worst = worst.max(distance(
                &context,
                &format,
                [phases[0][slot], phases.last().unwrap()[slot]],
                plain,
            ));
        }
    }
    Outcome {
        client: decrypted,
        server: share.to_vec(),
        noise: worst,
        wire: responses.concat(),
    }
}

/// |phase − Q'·m/2^k| mod Q', in floating point.
fn distance(context: &Context, format: &ResponseFormat, phase: [u64; 2], plain: u64) -> f64 {
    let q0 = u128::from(context.basis().modulus(0).value());
    let q1 = context.basis().modulus(1);
    let (value, total) = if format.limbs == 1 {
        (u128::from(phase[0]), q0)
    } else {
        let difference = q1.sub(phase[1], q1.reduce(phase[0]));
        let quotient = q1.mul(difference, q1.inverse(q1.reduce(q0 as u64)));
        (
            u128::from(phase[0]) + q0 * u128::from(quotient),
            q0 * u128::from(q1.value()),
        )
    };
    let ideal = (total * u128::from(plain)) >> format.plain_bits;
    let apart = value.abs_diff(ideal);
    apart.min(total - apart) as f64
}

fn random_layer(
    packing: &Packing,
    plain_bits: u32,
    seed: u8,
) -> (Vec<i32>, Vec<i64>, [Vec<u64>; 2], Vec<i64>) {
    let convolution = packing.convolution();
    let mut source = PartyRandomness::from_key([seed; 32]);
    let mut rng = source.generator(Purpose::Session);
    let [kh, kw] = convolution.kernel;
    let [channels, height, width] = convolution.input;
    let count = convolution.outputs * channels * kh * kw;
    let weights: Vec<i32> = (0..count)
        .map(|_| (rng.next_u64() & 255) as i32 - 128)
        .collect();
    let bias: Vec<i64> = (0..convolution.outputs)
        .map(|_| (rng.next_u64() & 4095) as i64 - 2048)
        .collect();
    let x: Vec<i64> = (0..convolution.input_shape().len())
        .map(|_| (rng.next_u64() & 255) as i64)
        .collect();
    let mask = (1u64 << plain_bits) - 1;
    let server: Vec<u64> = x.iter().map(|_| rng.next_u64() & mask).collect();
    let client: Vec<u64> = x
        .iter()
        .zip(&server)
        .map(|(&x, s)| (x as u64).wrapping_sub(*s) & mask)
        .collect();
    let [top, left, ..] = convolution.padding;
    let output = convolution.output_shape();
    let mut expected = Vec::new();
    for o in 0..output.channels {
        for i in 0..output.height {
            for j in 0..output.width {
                let mut sum = bias[o];
                for c in 0..channels {
                    for l in 0..kh {
                        for k in 0..kw {
                            let row = (i * convolution.stride[0] + l).wrapping_sub(top);
                            let column = (j * convolution.stride[1] + k).wrapping_sub(left);
                            if row < height && column < width {
                                let w = weights[((o * channels + c) * kh + l) * kw + k];
                                sum += i64::from(w) * x[(c * height + row) * width + column];
                            }
                        }
                    }
                }
                expected.push(sum);
            }
        }
    }
    (weights, bias, [client, server], expected)
}

fn layers() -> Vec<(Convolution, u32, u32)> {
    let convolution = |input, outputs, kernel, stride, padding| Convolution {
        input,
        outputs,
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [padding; 4],
    };
    vec![
        (convolution([1, 28, 28], 16, 5, 2, 0), 23, 16),
        (convolution([16, 12, 12], 6, 5, 2, 0), 25, 16),
        (convolution([6, 34, 34], 3, 3, 1, 1), 22, 4),
        (convolution([2, 70, 70], 2, 3, 2, 1), 20, 7),
        (Convolution::matrix(512, 100), 24, 16),
        (Convolution::matrix(5000, 3), 25, 9),
        (Convolution::matrix(64, 5), 27, 16),
    ]
}

#[test]
fn shares_of_the_result_add_up_on_every_kind_of_layer_and_machine() {
    for (convolution, plain_bits, slots) in layers() {
        let packing = Packing::plan(convolution, 4096).unwrap();
        let (weights, bias, shares, expected) = random_layer(&packing, plain_bits, 5);
        for first_layer in [false, true] {
            let whole: Vec<u64> = (0..shares[0].len())
                .map(|i| shares[0][i].wrapping_add(shares[1][i]) & ((1 << plain_bits) - 1))
                .collect();
            let zeros = vec![0; whole.len()];
            let shares = if first_layer {
                [&whole[..], &zeros[..]]
            } else {
                [&shares[0][..], &shares[1][..]]
            };
            let query = Query {
                packing,
                plain_bits,
                weights: &weights,
                bias: &bias,
                shares,
                flooded: true,
                drop_bits: true,
                slots,
                keys: [1, 101],
            };
            let outcome = run(&query, &expected);
            let mask = (1u64 << plain_bits) - 1;
            for (index, &wanted) in expected.iter().enumerate() {
                let sum = outcome.client[index].wrapping_add(outcome.server[index]) & mask;
                assert_eq!(sum, wanted as u64 & mask, "{convolution:?}, output {index}");
            }
        }
    }
}

#[test]
fn measured_noise_stays_below_the_bound_and_flooding_dominates_it() {
    for (convolution, plain_bits, slots) in layers() {
        let packing = Packing::plan(convolution, 4096).unwrap();
        let (weights, bias, shares, expected) = random_layer(&packing, plain_bits, 6);
        let query = |flooded, drop_bits| Query {
            packing,
            plain_bits,
            weights: &weights,
            bias: &bias,
            shares: [&shares[0], &shares[1]],
            flooded,
            drop_bits,
            slots,
            keys: [2, 102],
        };
        let layer = LayerNoise {
            plain_bits,
            weights: packing.weights_together(),
            weight_bits: 8,
            coefficients: packing.responses() * 4096,
        };
        let format = noise::response_format(&N4096, plain_bits);
        let exponent = noise::flooding_exponent(&N4096, plain_bits);
        let bound = layer.bound(&N4096, &format, Some(exponent));
        assert!(
            bound.margin_bits >= 0.0 && bound.failure_log2 <= -40.0,
            "{bound:?}"
        );
        let measured = run(&query(true, true), &expected).noise;
        assert!(
            measured.log2() <= bound.noise_bits,
            "{measured} above {bound:?}"
        );
        // The flooding's own share of the noise, without which nothing hides the weights, is there.
        let whole = ResponseFormat {
            dropped_bits: [0, 0],
            ..format
        };
        let bare_bound = layer.bound(&N4096, &whole, None);
        let bare = run(&query(false, false), &expected).noise;
        assert!(
            bare.log2() <= bare_bound.noise_bits,
            "{bare} above {bare_bound:?}"
        );
        assert!(bare_bound.hiding_log2 > -40.0);
        let flooding = (f64::from(exponent) - 35.0 * (3 - format.limbs) as f64).exp2();
        if plain_bits <= 23 {
            let flooded = run(&query(true, false), &expected).noise;
            assert!(
                flooded > 0.8 * flooding,
                "flooding {flooding} is missing from {flooded}"
            );
            assert!(
                bare < 0.5 * flooding,
                "noise {bare} does not tell flooding {flooding}"
            );
        }
    }
}

#[test]
fn two_answers_to_the_same_query_share_nothing() {
    let packing = Packing::plan(Convolution::matrix(64, 5), 4096).unwrap();
    let (weights, bias, shares, expected) = random_layer(&packing, 23, 7);
    let run_with = |keys| {
        let query = Query {
            packing,
            plain_bits: 23,
            weights: &weights,
            bias: &bias,
            shares: [&shares[0], &shares[1]],
            flooded: true,
            drop_bits: true,
            slots: 16,
            keys,
        };
        run(&query, &expected)
    };
    let first = run_with([3, 103]);
    // Another client with another key, and the same client asking again: of its very same ciphertexts every response
    // must be re-randomised, also c1, which no mask covers.
    for other in [run_with([4, 104]), run_with([3, 104])] {
        assert_eq!(first.wire.len(), other.wire.len());
        let equal = first
            .wire
            .iter()
            .zip(&other.wire)
            .filter(|(a, b)| a == b)
            .count();
        assert!(
            equal < first.wire.len() / 64,
            "{equal} equal bytes of {}",
            first.wire.len()
        );
        assert!(first.server.iter().zip(&other.server).all(|(a, b)| a != b));
    }
}
