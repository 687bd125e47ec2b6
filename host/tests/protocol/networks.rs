//! Networks of known integers.

use addax::net::bounds::{linear_bound, sum_pool_bound};
use addax::net::{
    Activation, Function, IntegerNetwork, Layer, Linear, LinearMap, Pool, Shape, SumPool,
};
use addax::random::PartyRandomness;
use addax_core::random::Purpose;
use rand_core::Rng;

pub fn shape(channels: usize, height: usize, width: usize) -> Shape {
    Shape {
        channels,
        height,
        width,
    }
}

pub fn integers(count: usize, bits: u32, seed: u8) -> Vec<i64> {
    let mut source = PartyRandomness::from_key([seed; 32]);
    let mut rng = source.generator(Purpose::Session);
    let half = 1i64 << (bits - 1);
    (0..count)
        .map(|_| (rng.next_u64() & (2 * half as u64 - 1)) as i64 - half)
        .collect()
}

pub fn convolution(
    input: Shape,
    outputs: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    seed: u8,
) -> Layer {
    let weights: Vec<i32> = integers(outputs * input.channels * kernel * kernel, 8, seed)
        .into_iter()
        .map(|w| w as i32)
        .collect();
    let bias = integers(outputs, 12, seed + 1);
    let pool = Pool {
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [padding; 4],
    };
    let [height, width] = pool.output(input).unwrap();
    let bound = linear_bound(&weights, &bias, 255);
    Layer::Linear(Linear {
        name: format!("conv{seed}"),
        map: LinearMap::Convolution {
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [padding; 4],
            weights,
        },
        input,
        output: shape(outputs, height, width),
        bias,
        weight_bits: 8,
        bound,
    })
}

pub fn matrix(inputs: usize, outputs: usize, seed: u8) -> Layer {
    let weights: Vec<i32> = integers(inputs * outputs, 8, seed)
        .into_iter()
        .map(|w| w as i32)
        .collect();
    let bias = integers(outputs, 12, seed + 1);
    let bound = linear_bound(&weights, &bias, 255);
    Layer::Linear(Linear {
        name: format!("fc{seed}"),
        map: LinearMap::FullyConnected { weights },
        input: Shape::vector(inputs),
        output: Shape::vector(outputs),
        bias,
        weight_bits: 8,
        bound,
    })
}

pub fn activation(
    name: &str,
    input: Shape,
    function: Function,
    max_pool: Option<Pool>,
    shift: u32,
) -> Layer {
    let output = max_pool.map_or(input, |pool| {
        let [height, width] = pool.output(input).unwrap();
        shape(input.channels, height, width)
    });
    Layer::Activation(Activation {
        name: name.to_owned(),
        function,
        max_pool,
        shift,
        activation_bits: 8,
        input,
        output,
    })
}

/// Convolution, ReLU, convolution with padding, average and maximum pooling, two matrices: every kind of layer.
pub fn every_layer() -> IntegerNetwork {
    let pool = Pool {
        kernel: [2, 2],
        stride: [2, 2],
        padding: [0; 4],
    };
    let average = |name: &str, input: Shape, input_max: u64| {
        let [height, width] = pool.output(input).unwrap();
        Layer::SumPool(SumPool {
            name: name.to_owned(),
            kernel: pool.kernel,
            stride: pool.stride,
            padding: pool.padding,
            input,
            output: shape(input.channels, height, width),
            weight: 1,
            bound: sum_pool_bound(4, 1, input_max),
        })
    };
    let second = convolution(shape(3, 13, 13), 4, 3, 1, 1, 20);
    let Layer::Linear(Linear { bound, .. }) = &second else {
        unreachable!()
    };
    let before_relu = average("mean1", shape(4, 13, 13), *bound);
    let network = IntegerNetwork {
        name: "every layer".to_owned(),
        input: shape(2, 28, 28),
        input_bits: 8,
        layers: vec![
            convolution(shape(2, 28, 28), 3, 3, 1, 0, 10),
            activation("max", shape(3, 26, 26), Function::Relu, Some(pool), 7),
            second,
            before_relu,
            activation("relu1", shape(4, 6, 6), Function::Relu, None, 10),
            average("mean2", shape(4, 6, 6), 255),
            activation("round", shape(4, 3, 3), Function::Identity, None, 2),
            matrix(36, 20, 30),
            activation("relu2", Shape::vector(20), Function::Relu, None, 6),
            matrix(20, 7, 40),
        ],
    };
    network.check().unwrap();
    network
}

pub fn image(network: &IntegerNetwork, seed: u8) -> Vec<u8> {
    integers(network.input.len(), 8, seed)
        .into_iter()
        .map(|x| (x + 128) as u8)
        .collect()
}
