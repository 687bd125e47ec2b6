//! The reference against its definition, and quantisation against both.

use proptest::prelude::*;

use super::bounds::linear_bound;
use super::graph::Graph;
use super::integer::{evaluate, evaluate_traced};
use super::network::{
    Activation, Function, IntegerNetwork, Layer, Linear, LinearMap, NetworkError, Pool, Shape,
    SumPool,
};
use super::onnx::build::{Chain, int, ints, numbers, small, tensor};
use super::onnx::import_bytes;
use super::quantise::{QuantiseError, QuantiseOptions, quantise};

fn graph(chain: Chain) -> Graph {
    import_bytes(&chain.bytes(), "test", None).unwrap()
}

fn network(chain: Chain) -> Result<IntegerNetwork, QuantiseError> {
    quantise(&graph(chain), None, &QuantiseOptions::default())
}

/// A layer as the table in [`super::network`] defines it: one loop per index, 128-bit integers, no shortcuts.
fn definition(layer: &Layer, x: &[i64]) -> Vec<i64> {
    let (input, output) = (layer.input(), layer.output());
    let at = |pool: &Pool, c: usize, r: usize, k: usize, i: usize, j: usize| {
        let row = (r * pool.stride[0] + i) as i64 - pool.padding[0] as i64;
        let column = (k * pool.stride[1] + j) as i64 - pool.padding[1] as i64;
        let inside =
            (0..input.height as i64).contains(&row) && (0..input.width as i64).contains(&column);
        inside.then(|| x[c * input.area() + row as usize * input.width + column as usize] as i128)
    };
    let mut y = Vec::new();
    for o in 0..output.channels {
        for r in 0..output.height {
            for k in 0..output.width {
                let window = |pool: &Pool, c: usize| -> Vec<Option<i128>> {
                    (0..pool.kernel[0])
                        .flat_map(|i| (0..pool.kernel[1]).map(move |j| (i, j)))
                        .map(|(i, j)| at(pool, c, r, k, i, j))
                        .collect()
                };
                let value: i128 = match layer {
                    Layer::Linear(layer) => {
                        let taps: Vec<i128> = match layer.map.window() {
                            None => x.iter().map(|&v| v as i128).collect(),
                            Some(pool) => (0..input.channels)
                                .flat_map(|c| window(&pool, c))
                                .map(|v| v.unwrap_or(0))
                                .collect(),
                        };
                        let filter = &layer.map.weights()[o * taps.len()..][..taps.len()];
                        let products = filter.iter().zip(&taps).map(|(&w, v)| w as i128 * v);
                        layer.bias[o] as i128 + products.sum::<i128>()
                    }
                    Layer::SumPool(layer) => {
                        let values = window(&layer.pool(), o);
                        layer.weight as i128 * values.into_iter().flatten().sum::<i128>()
                    }
                    Layer::Activation(layer) => {
                        let v = match &layer.max_pool {
                            // Padding counts as 0 here: after the clamp that is the same as leaving it out.
                            Some(pool) => window(pool, o)
                                .into_iter()
                                .map(|v| v.unwrap_or(0))
                                .max()
                                .unwrap(),
                            None => x[o * output.area() + r * output.width + k] as i128,
                        };
                        let v = match layer.function {
                            Function::Relu => v.max(0),
                            Function::Identity => v,
                            Function::Square => v * v,
                        };
                        let half = (1i128 << layer.shift) / 2;
                        (v + half)
                            .div_euclid(1 << layer.shift)
                            .clamp(0, (1 << layer.activation_bits) - 1)
                    }
                };
                y.push(i64::try_from(value).unwrap());
            }
        }
    }
    y
}

/// Windows that fit an input of `extent` in both directions.
fn windows() -> impl Strategy<Value = Pool> {
    (1usize..=3, 1usize..=3, 1usize..=2, 1usize..=3).prop_flat_map(|(a, b, s, t)| {
        (0..a, 0..b, 0..a, 0..b).prop_map(move |(top, left, bottom, right)| Pool {
            kernel: [a, b],
            stride: [s, t],
            padding: [top, left, bottom, right],
        })
    })
}

fn convolution(
    name: &str,
    pool: Pool,
    input: Shape,
    channels: usize,
    wide: bool,
    input_max: u64,
) -> Linear {
    let [height, width] = pool.output(input).unwrap();
    let count = channels * input.channels * pool.size();
    let scale = if wide { 32_000.0 } else { 127.0 };
    let weights: Vec<i32> = numbers(count).iter().map(|w| (w * scale) as i32).collect();
    let bias: Vec<i64> = (0..channels as i64).map(|c| c * 1_000 - 1_500).collect();
    Linear {
        name: name.to_owned(),
        bound: linear_bound(&weights, &bias, input_max),
        map: LinearMap::Convolution {
            kernel: pool.kernel,
            stride: pool.stride,
            padding: pool.padding,
            weights,
        },
        input,
        output: Shape {
            channels,
            height,
            width,
        },
        bias,
        weight_bits: if wide { 16 } else { 8 },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_layer_computes_its_definition(
        first in windows(), max in windows(), sum in windows(), wide in any::<bool>(),
        square in any::<bool>(), weight in 1i64..300, shift in 0u32..14,
        pixels in proptest::collection::vec(any::<u8>(), 2 * 9 * 8),
    ) {
        let input = Shape { channels: 2, height: 9, width: 8 };
        let linear = convolution("conv", first, input, 3, wide, 255);
        let mut layers = vec![Layer::Linear(linear.clone())];
        let activation = |function, max_pool: Option<Pool>, input: Shape| {
            let [height, width] = max_pool.map_or(Some([input.height, input.width]), |p| p.output(input))?;
            Some(Layer::Activation(Activation {
                name: "activation".to_owned(),
                function,
                max_pool,
                shift: if function == Function::Square { 2 * shift } else { shift },
                activation_bits: 8,
                input,
                output: Shape { height, width, ..input },
            }))
        };
        let next = if square {
            activation(Function::Square, None, linear.output)
        } else {
            activation(Function::Relu, Some(max), linear.output)
        };
        prop_assume!(next.is_some());
        layers.extend(next);
        let before = layers[1].output();
        prop_assume!(sum.output(before).is_some());
        let [height, width] = sum.output(before).unwrap();
        layers.push(Layer::SumPool(SumPool {
            name: "sum".to_owned(),
            kernel: sum.kernel,
            stride: sum.stride,
            padding: sum.padding,
            input: before,
            output: Shape { height, width, ..before },
            weight,
            bound: 255 * weight as u64 * sum.size() as u64,
        }));
        layers.extend(activation(Function::Identity, None, layers[2].output()));
        let last = layers[3].output();
        let outputs = 4;
        let weights: Vec<i32> = numbers(outputs * last.len()).iter().map(|w| (w * 127.0) as i32).collect();
        let bias = vec![5, -7, 0, 100_000];
        layers.push(Layer::Linear(Linear {
            name: "fc".to_owned(),
            bound: linear_bound(&weights, &bias, 255),
            map: LinearMap::FullyConnected { weights },
            input: Shape::vector(last.len()),
            output: Shape::vector(outputs),
            bias,
            weight_bits: 8,
        }));
        let network = IntegerNetwork { name: "random".to_owned(), input, input_bits: 8, layers };
        let trace = evaluate_traced(&network, &pixels).unwrap();
        let mut x: Vec<i64> = pixels.iter().map(|&p| i64::from(p)).collect();
        for (layer, got) in network.layers.iter().zip(&trace) {
            x = definition(layer, &x);
            prop_assert_eq!(&x, got, "{}", layer.name());
        }
        prop_assert_eq!(evaluate(&network, &pixels).unwrap(), x);
    }

    #[test]
    fn bounds_are_reached_and_never_exceeded(
        weights in proptest::collection::vec(-128i32..=127, 12), bias in -100_000i64..100_000,
    ) {
        let bound = linear_bound(&weights, &[bias], 255);
        let extreme = |sign: i32| bias + weights.iter()
            .filter(|w| *w * sign > 0).map(|&w| i64::from(w) * 255).sum::<i64>();
        prop_assert_eq!(bound, extreme(1).unsigned_abs().max(extreme(-1).unsigned_abs()));
    }
}

#[test]
fn the_small_network_becomes_the_expected_layers() {
    let network = network(small()).unwrap();
    let kinds: Vec<String> = network
        .layers
        .iter()
        .map(|layer| match layer {
            Layer::Linear(layer) => format!("linear {}", layer.output),
            Layer::SumPool(layer) => format!("sum ×{} {}", layer.weight, layer.output),
            Layer::Activation(layer) => format!(
                "{}{} {}",
                layer.function,
                layer.max_pool.map_or("", |_| " of max"),
                layer.output
            ),
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "linear 4×8×8",
            "ReLU of max 4×4×4",
            "linear 5×4×4",
            "ReLU 5×4×4",
            "sum ×1 5×2×2",
            "identity 5×2×2",
            "linear 3"
        ]
    );
}

#[test]
fn integers_follow_the_real_network() {
    let graph = graph(small());
    for (bits, tolerance) in [(8, 0.06), (12, 0.006)] {
        let options = QuantiseOptions {
            weight_bits: bits,
            activation_bits: bits,
            input_bits: 8,
        };
        let network = quantise(&graph, None, &options).unwrap();
        for seed in 0..20u64 {
            let image: Vec<u8> = (0..64).map(|i| (i * (seed + 3) * 5 / 2) as u8).collect();
            let real = graph.evaluate(&image).unwrap();
            let integers = evaluate(&network, &image).unwrap();
            // One power of two relates the two lists; the largest logit finds it.
            let largest = (0..3)
                .max_by(|&a, &b| real[a].abs().total_cmp(&real[b].abs()))
                .unwrap();
            let scale = 2f32.powf((integers[largest] as f32 / real[largest]).log2().round());
            for (x, r) in integers.iter().zip(&real) {
                let error = (*x as f32 / scale - r).abs() / real[largest].abs();
                assert!(
                    error < tolerance,
                    "{bits} bits, image {seed}: {integers:?} is not {real:?}"
                );
            }
        }
    }
}

#[test]
fn the_order_of_relu_and_max_pooling_does_not_matter() {
    let pool = || vec![ints("kernel_shape", &[2, 2]), ints("strides", &[1, 2])];
    let start = || Chain::new(&[1, 6, 6]).conv([2, 1, 3, 3], vec![]);
    let end = |chain: Chain| {
        let chain = chain.node("Flatten", &[], vec![]).gemm(2, 12);
        network(chain).unwrap()
    };
    let first = end(start()
        .node("Relu", &[], vec![])
        .node("MaxPool", &[], pool()));
    let second = end(start()
        .node("MaxPool", &[], pool())
        .node("Relu", &[], vec![]));
    assert_eq!(first.layers.len(), second.layers.len());
    for seed in 0..50u64 {
        let image: Vec<u8> = (0..36).map(|i| (i * i * (seed + 1)) as u8).collect();
        assert_eq!(evaluate(&first, &image), evaluate(&second, &image));
    }
}

#[test]
fn average_pooling_of_accumulators_joins_the_shift_and_odd_windows_get_a_reciprocal() {
    let chain = |kernel: i64, inputs| {
        Chain::new(&[1, 8, 8])
            .conv([2, 1, 3, 3], vec![])
            .node(
                "AveragePool",
                &[],
                vec![
                    ints("kernel_shape", &[kernel, kernel]),
                    ints("strides", &[kernel, kernel]),
                ],
            )
            .node("Relu", &[], vec![])
            .node("Flatten", &[], vec![])
            .gemm(2, inputs)
    };
    for (kernel, inputs, weight) in [(2, 18, 1), (3, 8, 228)] {
        let network = network(chain(kernel, inputs)).unwrap();
        assert_eq!(network.layers.len(), 4);
        assert!(matches!(&network.layers[1], Layer::SumPool(sum) if sum.weight == weight));
        assert!(matches!(&network.layers[2], Layer::Activation(a) if a.function == Function::Relu));
    }
    // ⌊2^11 / 9⌉ = 228: the division is by 2^11.
    assert!((228.0f64 * 9.0 / 2048.0 - 1.0).abs() < 0.004);
}

#[test]
fn chains_without_an_integer_form_are_refused_with_the_node() {
    let conv = || Chain::new(&[1, 6, 6]).conv([2, 1, 3, 3], vec![]);
    let pool = || vec![ints("kernel_shape", &[2, 2])];
    for (chain, reason) in [
        (conv().conv([2, 2, 3, 3], vec![]), "without an activation"),
        (
            conv()
                .node("MaxPool", &[], pool())
                .conv([2, 2, 3, 3], vec![]),
            "can be negative",
        ),
        (conv().node("Relu", &[], vec![]), "ends with it"),
        (
            Chain::new(&[1, 6, 6])
                .node("MaxPool", &[], pool())
                .conv([2, 1, 3, 3], vec![]),
            "first layer must be",
        ),
        (
            Chain::new(&[2])
                .with(tensor("w", &[2, 2], &[1e30; 4]))
                .node("Gemm", &["w"], vec![int("transB", 1)]),
            "cannot be stored",
        ),
    ] {
        let says = network(chain).unwrap_err().to_string();
        assert!(says.contains(reason), "{reason:?} not in {says:?}");
    }
    let graph = graph(small());
    for options in [
        QuantiseOptions {
            weight_bits: 1,
            ..Default::default()
        },
        QuantiseOptions {
            activation_bits: 16,
            ..Default::default()
        },
        QuantiseOptions {
            input_bits: 9,
            ..Default::default()
        },
    ] {
        assert!(matches!(
            quantise(&graph, None, &options),
            Err(QuantiseError::Option { .. })
        ));
    }
    assert!(quantise(&graph, Some(&[vec![0; 63]]), &QuantiseOptions::default()).is_err());
}

#[test]
fn quantising_twice_gives_the_same_integers() {
    let graph = graph(small());
    let options = QuantiseOptions::default();
    let once = quantise(&graph, None, &options).unwrap();
    assert_eq!(once, quantise(&graph, None, &options).unwrap());
}

#[test]
fn a_network_that_lies_about_itself_is_refused() {
    let good = network(small()).unwrap();
    assert_eq!(good.check(), Ok(()));
    let broken = |change: &dyn Fn(&mut IntegerNetwork)| {
        let mut network = good.clone();
        change(&mut network);
        assert!(network.check().is_err());
        assert!(evaluate(&network, &[0; 64]).is_err());
    };
    let linear = |network: &mut IntegerNetwork, change: &dyn Fn(&mut Linear)| {
        if let Layer::Linear(layer) = &mut network.layers[0] {
            change(layer);
        }
    };
    broken(&|n| linear(n, &|l| l.bound -= 1));
    broken(&|n| linear(n, &|l| l.bias.truncate(3)));
    broken(&|n| linear(n, &|l| l.output.width += 1));
    broken(&|n| linear(n, &|l| l.weight_bits = 7));
    broken(&|n| drop(n.layers.remove(1)));
    broken(&|n| n.layers.clear());
    broken(&|n| n.input_bits = 9);
    assert!(matches!(
        evaluate(&good, &[0; 65]),
        Err(NetworkError::ImageSize {
            want: 64,
            got: 65,
            ..
        })
    ));
}

#[test]
fn input_bits_drop_by_the_one_rounding() {
    let mut network = network(small()).unwrap();
    network.input_bits = 4;
    let mut image = [0u8; 64];
    image[..4].copy_from_slice(&[7, 8, 247, 255]);
    assert_eq!(network.input_values(&image).unwrap()[..4], [0, 1, 15, 15]);
}
