//! The whole protocol between two threads over loopback: exactness, transcripts, hostile peers.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use addax::he::Context;
use addax::mpc::{Channel, MpcError, TranscriptEntry};
use addax::net::bounds::{linear_bound, sum_pool_bound};
use addax::net::{
    self, Activation, Function, IntegerNetwork, Layer, Linear, LinearMap, Pool, Shape, SumPool,
};
use addax::protocol::{
    Answer, Client, ClientLimits, PlanError, ProtocolError, PublicPlan, Reveal, ServerModel,
    SessionReport,
};
use addax::random::PartyRandomness;
use addax_core::isa::Geometry;
use addax_core::machine::Reference;
use addax_core::params::N4096;
use addax_core::random::Purpose;
use rand_core::Rng;

fn shape(channels: usize, height: usize, width: usize) -> Shape {
    Shape {
        channels,
        height,
        width,
    }
}

fn integers(count: usize, bits: u32, seed: u8) -> Vec<i64> {
    let mut source = PartyRandomness::from_key([seed; 32]);
    let mut rng = source.generator(Purpose::Session);
    let half = 1i64 << (bits - 1);
    (0..count)
        .map(|_| (rng.next_u64() & (2 * half as u64 - 1)) as i64 - half)
        .collect()
}

fn convolution(
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

fn matrix(inputs: usize, outputs: usize, seed: u8) -> Layer {
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

fn activation(
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
fn every_layer() -> IntegerNetwork {
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

fn image(network: &IntegerNetwork, seed: u8) -> Vec<u8> {
    integers(network.input.len(), 8, seed)
        .into_iter()
        .map(|x| (x + 128) as u8)
        .collect()
}

struct Run {
    answers: Vec<Answer>,
    report: SessionReport,
    transcript: Vec<TranscriptEntry>,
}

/// One session on the reference machine; keys from the system.
fn run(model: &ServerModel, images: &[Vec<u8>]) -> Run {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::scope(|scope| {
        let server = scope.spawn(|| {
            let mut channel = Channel::new(listener.accept().unwrap().0);
            let basis = &**model.context().basis();
            let mut storage = vec![0; Geometry::DEFAULT.slots() * 4096];
            let mut machine = Reference::new(basis, Geometry::DEFAULT, &mut storage[..]).unwrap();
            let randomness = PartyRandomness::from_system().unwrap();
            model
                .serve(&mut channel, &mut machine, randomness, |_| {})
                .unwrap()
        });
        let mut channel = Channel::new(TcpStream::connect(address).unwrap());
        channel.record_transcript();
        let randomness = PartyRandomness::from_system().unwrap();
        let mut client = Client::connect(channel, &ClientLimits::default(), randomness).unwrap();
        let answers = images
            .iter()
            .map(|image| client.classify(image, |_| {}).unwrap())
            .collect();
        let transcript = client.channel().transcript().to_vec();
        let sums = client.layers().to_vec();
        client.finish().unwrap();
        let report = server.join().unwrap();
        for (ours, theirs) in sums.iter().zip(&report.layers) {
            assert_eq!(
                (ours.bytes_up, ours.bytes_down),
                (theirs.bytes_up, theirs.bytes_down)
            );
        }
        Run {
            answers,
            report,
            transcript,
        }
    })
}

#[test]
fn every_kind_of_layer_equals_the_integer_network_and_costs_what_the_plan_says() {
    let network = every_layer();
    let model = ServerModel::new(&network, N4096, Reveal::Logits, None).unwrap();
    let images: Vec<_> = (0..3).map(|seed| image(&network, 50 + seed)).collect();
    let run = run(&model, &images);
    for (image, answer) in images.iter().zip(&run.answers) {
        let logits = net::integer::evaluate(&network, image).unwrap();
        assert_eq!(answer.logits.as_ref(), Some(&logits));
        assert_eq!(answer.label, net::accuracy::arg_max(&logits));
    }
    let context = Context::new(N4096);
    let plan = model.plan().report(&context, &Geometry::DEFAULT).unwrap();
    assert_eq!(plan.layers.len(), run.report.layers.len());
    for (planned, measured) in plan.layers.iter().zip(&run.report.layers) {
        assert_eq!(planned.name, measured.name);
        assert_eq!(planned.kind, measured.kind);
        assert_eq!(3 * planned.cycles, measured.cycles, "{}", planned.name);
        assert_eq!(3 * planned.transforms, measured.transforms);
        assert_eq!(3 * planned.and_gates, measured.and_gates);
        assert_eq!(3 * planned.bytes_up, measured.bytes_up, "{}", planned.name);
        assert_eq!(
            3 * planned.bytes_down,
            measured.bytes_down,
            "{}",
            planned.name
        );
    }
    assert_eq!(
        run.report.host_transforms.encoding, 0,
        "weights are encoded once, before"
    );
    assert_eq!(
        run.report.host_transforms.decryption, 0,
        "the server decrypts nothing"
    );
}

#[test]
fn only_the_largest_logit_is_revealed_on_request() {
    let network = every_layer();
    let model = ServerModel::new(&network, N4096, Reveal::ArgMax, None).unwrap();
    let images = vec![image(&network, 60), image(&network, 61)];
    for (image, answer) in images.iter().zip(run(&model, &images).answers) {
        let logits = net::integer::evaluate(&network, image).unwrap();
        assert_eq!(answer.label, net::accuracy::arg_max(&logits));
        assert_eq!(answer.logits, None);
    }
}

#[test]
fn messages_have_the_same_order_and_lengths_whatever_the_image() {
    let network = every_layer();
    let model = ServerModel::new(&network, N4096, Reveal::Logits, None).unwrap();
    let black = run(&model, &[vec![0; network.input.len()]]).transcript;
    let white = run(&model, &[vec![255; network.input.len()]]).transcript;
    let noise = run(&model, &[image(&network, 70)]).transcript;
    assert!(black.len() > 20);
    assert_eq!(black, white);
    assert_eq!(black, noise);
}

/// Forwards bytes and keeps a copy of what the server sent.
fn recorded_session(model: &ServerModel, image: &[u8]) -> [Vec<u8>; 2] {
    use std::io::{Read, Write};
    struct Tap(TcpStream, [Vec<u8>; 2]);
    impl Read for Tap {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = self.0.read(buffer)?;
            self.1[1].extend_from_slice(&buffer[..count]);
            Ok(count)
        }
    }
    impl Write for Tap {
        fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
            let count = self.0.write(buffer)?;
            self.1[0].extend_from_slice(&buffer[..count]);
            Ok(count)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            self.0.flush()
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut channel = Channel::new(listener.accept().unwrap().0);
            let basis = &**model.context().basis();
            let mut storage = vec![0; Geometry::DEFAULT.slots() * 4096];
            let mut machine = Reference::new(basis, Geometry::DEFAULT, &mut storage[..]).unwrap();
            let randomness = PartyRandomness::from_system().unwrap();
            model
                .serve(&mut channel, &mut machine, randomness, |_| {})
                .unwrap()
        });
        let tap = Tap(
            TcpStream::connect(address).unwrap(),
            [Vec::new(), Vec::new()],
        );
        let randomness = PartyRandomness::from_system().unwrap();
        let mut client =
            Client::connect(Channel::new(tap), &ClientLimits::default(), randomness).unwrap();
        client.classify(image, |_| {}).unwrap();
        let bytes = client.channel().stream().1.clone();
        client.finish().unwrap();
        bytes
    })
}

#[test]
fn two_runs_on_the_same_image_share_no_ciphertext_label_or_mask() {
    let network = every_layer();
    let model = ServerModel::new(&network, N4096, Reveal::Logits, None).unwrap();
    let image = image(&network, 80);
    let first = recorded_session(&model, &image);
    let second = recorded_session(&model, &image);
    for direction in 0..2 {
        let (a, b) = (&first[direction], &second[direction]);
        assert_eq!(a.len(), b.len());
        // Behind the handshake, every aligned 16-byte block is a piece of a ciphertext, label, table or mask.
        let start = if direction == 0 { 64 } else { 8192 };
        let blocks = |bytes: &[u8]| {
            bytes[start..]
                .chunks_exact(16)
                .map(<[u8]>::to_vec)
                .collect::<std::collections::HashSet<_>>()
        };
        let zero = vec![0u8; 16];
        let shared = blocks(a)
            .intersection(&blocks(b))
            .filter(|block| **block != zero)
            .count();
        assert_eq!(shared, 0, "direction {direction}");
    }
}

#[test]
fn squares_and_wide_plaintexts_are_refused_by_name() {
    let mut network = every_layer();
    let Layer::Activation(activation) = &mut network.layers[4] else {
        unreachable!()
    };
    activation.function = Function::Square;
    let error = PublicPlan::of_network(&network, &N4096, Reveal::Logits, None).unwrap_err();
    assert!(
        matches!(&error, PlanError::Square { layer } if layer == "relu1"),
        "{error}"
    );
    let error =
        PublicPlan::of_network(&every_layer(), &N4096, Reveal::Logits, Some(12)).unwrap_err();
    assert!(
        matches!(error, PlanError::TooNarrow { given: 12, .. }),
        "{error}"
    );
}

#[test]
fn plans_beyond_the_clients_limits_or_without_sense_are_refused() {
    let network = every_layer();
    let plan = PublicPlan::of_network(&network, &N4096, Reveal::Logits, None).unwrap();
    let limits = ClientLimits::default();
    plan.check(&limits).unwrap();
    let small = ClientLimits {
        values: 1000,
        ..limits
    };
    assert!(matches!(plan.check(&small), Err(PlanError::Limit(_))));
    let spoil = |change: &dyn Fn(&mut PublicPlan)| {
        let mut spoilt = plan.clone();
        change(&mut spoilt);
        assert!(spoilt.check(&limits).is_err(), "{spoilt:?}");
    };
    spoil(&|plan| plan.input = [usize::MAX, 3, 3]);
    spoil(&|plan| plan.input = [0, 28, 28]);
    spoil(&|plan| plan.stages.clear());
    spoil(&|plan| plan.input_bits = 40);
    spoil(&|plan| plan.parameters = "N8192".to_owned());
    spoil(&|plan| plan.parameters = "none".to_owned());
    spoil(&|plan| plan.stages[0].plain_bits = 63);
    spoil(&|plan| plan.stages[0].plain_bits = 1);
    spoil(&|plan| plan.stages[0].linear = None);
    spoil(&|plan| plan.stages[0].activation = None);
    spoil(&|plan| plan.stages[0].activation.as_mut().unwrap().shift = 60);
    spoil(&|plan| plan.stages[0].activation.as_mut().unwrap().activation_bits = 0);
    spoil(&|plan| {
        plan.stages[0]
            .activation
            .as_mut()
            .unwrap()
            .max_pool
            .as_mut()
            .unwrap()
            .stride = [0, 0]
    });
    spoil(&|plan| {
        plan.stages[0]
            .activation
            .as_mut()
            .unwrap()
            .max_pool
            .as_mut()
            .unwrap()
            .kernel = [4000, 4000]
    });
    spoil(&|plan| plan.stages[0].linear.as_mut().unwrap().convolution.outputs = 1 << 40);
    spoil(&|plan| plan.stages[0].linear.as_mut().unwrap().convolution.stride = [0, 1]);
    spoil(&|plan| plan.stages[0].linear.as_mut().unwrap().tile.channels = 0);
    spoil(&|plan| plan.stages[0].linear.as_mut().unwrap().weight_bits = 30);
    spoil(&|plan| plan.stages[1].pools[0].window.kernel = [9000, 1]);
    spoil(&|plan| {
        plan.stages.pop();
    });
}

#[test]
fn a_connection_dropped_after_any_number_of_bytes_ends_both_sides_with_an_error() {
    use std::io::{Read, Write};
    /// Passes a limited number of bytes in each direction, then is closed.
    struct Short(TcpStream, usize);
    impl Short {
        fn take(&mut self, count: usize) -> usize {
            let allowed = count.min(self.1);
            self.1 -= allowed;
            if allowed == 0 && count > 0 {
                let _ = self.0.shutdown(std::net::Shutdown::Both);
            }
            allowed
        }
    }
    impl Read for Short {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let allowed = self.take(buffer.len());
            self.0.read(&mut buffer[..allowed])
        }
    }
    impl Write for Short {
        fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
            let allowed = self.take(buffer.len());
            self.0.write(&buffer[..allowed])
        }
        fn flush(&mut self) -> std::io::Result<()> {
            self.0.flush()
        }
    }
    let network = IntegerNetwork {
        name: "small".to_owned(),
        input: Shape::vector(10),
        input_bits: 8,
        layers: vec![
            matrix(10, 8, 1),
            activation("relu", Shape::vector(8), Function::Relu, None, 8),
            matrix(8, 3, 3),
        ],
    };
    let model = ServerModel::new(&network, N4096, Reveal::Logits, None).unwrap();
    // Bytes the client may move before the line is cut: within hello, plan, key, transfers, ciphertexts, response,
    // tables, masks.
    for budget in [
        0, 3, 30, 300, 1_000, 20_000, 57_000, 62_000, 70_000, 120_000, 140_000, 200_000,
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::scope(|scope| {
            let server = scope.spawn(|| {
                let stream = listener.accept().unwrap().0;
                stream
                    .set_read_timeout(Some(Duration::from_secs(20)))
                    .unwrap();
                let mut channel = Channel::new(stream);
                let basis = &**model.context().basis();
                let mut storage = vec![0; Geometry::DEFAULT.slots() * 4096];
                let mut machine =
                    Reference::new(basis, Geometry::DEFAULT, &mut storage[..]).unwrap();
                let randomness = PartyRandomness::from_key([1; 32]);
                model.serve(&mut channel, &mut machine, randomness, |_| {})
            });
            let stream = Short(TcpStream::connect(address).unwrap(), budget);
            let randomness = PartyRandomness::from_key([2; 32]);
            let result =
                Client::connect(Channel::new(stream), &ClientLimits::default(), randomness)
                    .and_then(|mut client| client.classify(&[7; 10], |_| {}));
            assert!(result.is_err(), "client with {budget} bytes");
            let result = server.join().expect("no panic");
            assert!(result.is_err(), "server with {budget} bytes");
        });
    }
}

#[test]
fn a_peer_of_another_version_or_protocol_is_told_so() {
    let model = ServerModel::new(&every_layer(), N4096, Reveal::Logits, None).unwrap();
    let greet = |hello: &[u8]| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::scope(|scope| {
            let server = scope.spawn(|| {
                let mut channel = Channel::new(listener.accept().unwrap().0);
                let basis = &**model.context().basis();
                let mut storage = vec![0; Geometry::DEFAULT.slots() * 4096];
                let mut machine =
                    Reference::new(basis, Geometry::DEFAULT, &mut storage[..]).unwrap();
                model.serve(
                    &mut channel,
                    &mut machine,
                    PartyRandomness::from_key([1; 32]),
                    |_| {},
                )
            });
            let mut channel = Channel::new(TcpStream::connect(address).unwrap());
            channel.send(addax::mpc::MessageKind::Hello, hello).unwrap();
            let heard = channel
                .receive(addax::mpc::MessageKind::ServerHello, 1 << 20)
                .unwrap_err();
            (server.join().unwrap().unwrap_err(), heard)
        })
    };
    let other = [&b"ADDX"[..], &9u16.to_le_bytes(), &[0; 32]].concat();
    let (error, heard) = greet(&other);
    assert!(matches!(error, ProtocolError::Version { peer: 9 }));
    assert!(matches!(heard, MpcError::PeerAborted { ref reason } if reason.contains("version 9")));
    let (error, _) = greet(b"GET / HTTP/1.1");
    assert!(matches!(error, ProtocolError::NotAddax(_)));
}

#[test]
fn an_image_of_another_size_is_refused_and_the_session_goes_on() {
    let network = every_layer();
    let model = ServerModel::new(&network, N4096, Reveal::Logits, None).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::scope(|scope| {
        let server = scope.spawn(|| {
            let mut channel = Channel::new(listener.accept().unwrap().0);
            let basis = &**model.context().basis();
            let mut storage = vec![0; Geometry::DEFAULT.slots() * 4096];
            let mut machine = Reference::new(basis, Geometry::DEFAULT, &mut storage[..]).unwrap();
            model.serve(
                &mut channel,
                &mut machine,
                PartyRandomness::from_key([1; 32]),
                |_| {},
            )
        });
        let channel = Channel::new(TcpStream::connect(address).unwrap());
        let randomness = PartyRandomness::from_key([2; 32]);
        let mut client = Client::connect(channel, &ClientLimits::default(), randomness).unwrap();
        let error = client.classify(&[0; 5], |_| {}).unwrap_err();
        assert!(error.to_string().contains("5 values"), "{error}");
        let image = image(&network, 90);
        let answer = client.classify(&image, |_| {}).unwrap();
        assert_eq!(
            answer.logits,
            Some(net::integer::evaluate(&network, &image).unwrap())
        );
        client.finish().unwrap();
        assert_eq!(server.join().unwrap().unwrap().images, 1);
    });
}

#[test]
fn the_shipped_network_is_exact_on_drawn_digits() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/lite3-mnist.onnx");
    let graph = net::onnx::import(&path).unwrap();
    let options = net::quantise::QuantiseOptions::default();
    let network = net::quantise::quantise(&graph, None, &options).unwrap();
    let too_wide = PublicPlan::of_network(&network, &N4096, Reveal::Logits, Some(30)).unwrap_err();
    assert!(
        matches!(too_wide, PlanError::TooWide { plain_bits: 30, .. }),
        "{too_wide}"
    );
    let model = ServerModel::new(&network, N4096, Reveal::Logits, None).unwrap();
    let images: Vec<Vec<u8>> = (0..2)
        .map(|digit| addax::data::draw::draw(digit, 3).to_vec())
        .collect();
    for (image, answer) in images.iter().zip(run(&model, &images).answers) {
        assert_eq!(
            answer.logits,
            Some(net::integer::evaluate(&network, image).unwrap())
        );
    }
}
