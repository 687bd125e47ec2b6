//! Two parties on loopback: the private non-linear layers are the integer formulas, bit for bit.

mod ahead;
mod cost;
mod faults;

use addax::mpc::{
    Channel, Direction, Evaluator, Function, Garbler, MessageKind, MpcError, NonLinear,
    TranscriptEntry, base_ot, channel::HEADER_BYTES, ot_extension,
};
use addax_core::garble::{Block, Delta};
use addax_core::share::Ring;
use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

type Tcp = Channel<TcpStream>;

fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    for socket in [&client, &server] {
        socket.set_nodelay(true).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
    }
    (client, server)
}

/// Runs both parties, the client on its own thread, and returns their results (client, server).
fn two_parties<C: Send + 'static, S>(
    client: impl FnOnce(Tcp) -> C + Send + 'static,
    server: impl FnOnce(Tcp) -> S,
) -> (C, S) {
    let (client_socket, server_socket) = sockets();
    let client = thread::spawn(move || client(Channel::new(client_socket)));
    let server = server(Channel::new(server_socket));
    (client.join().unwrap(), server)
}

/// Everything that one run of several layers shows.
struct Run {
    client_shares: Vec<Vec<u64>>,
    server_shares: Vec<Vec<u64>>,
    /// Of the client, set-up included.
    transcript: Vec<TranscriptEntry>,
    /// Bytes (up, down) of each layer.
    bytes: Vec<(usize, usize)>,
}

/// Shares values, runs the layers on them one after another in one session.
fn run_layers(work: Vec<(NonLinear, Vec<i64>)>, seed: u64) -> Run {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let (client_work, server_work): (Vec<_>, Vec<_>) = work
        .into_iter()
        .map(|(layer, values)| {
            let ring = Ring::new(layer.input_bits).unwrap();
            let (client, server): (Vec<u64>, Vec<u64>) = values
                .into_iter()
                .map(|value| ring.split(ring.from_signed(value), &mut rng))
                .unzip();
            ((layer, client), (layer, server))
        })
        .unzip();
    let (client, server_shares) = two_parties(
        move |mut channel| {
            let mut rng = ChaCha20Rng::seed_from_u64(seed ^ 1 << 40);
            channel.record_transcript();
            let mut evaluator = Evaluator::new(&mut channel, [9; 32], &mut rng).unwrap();
            assert_eq!(
                ot_extension::SETUP_BYTES,
                (
                    channel.bytes_sent() as usize,
                    channel.bytes_received() as usize - HEADER_BYTES - 16,
                )
            );
            let mut shares = Vec::new();
            let mut bytes = Vec::new();
            for (layer, input) in client_work {
                let before = (channel.bytes_sent(), channel.bytes_received());
                shares.push(evaluator.layer(&mut channel, &layer, &input).unwrap());
                bytes.push((
                    (channel.bytes_sent() - before.0) as usize,
                    (channel.bytes_received() - before.1) as usize,
                ));
            }
            (shares, bytes, channel.transcript().to_vec())
        },
        move |mut channel| {
            let mut rng = ChaCha20Rng::seed_from_u64(seed ^ 1 << 41);
            let mut garbler = Garbler::new(&mut channel, [9; 32], &mut rng).unwrap();
            server_work
                .into_iter()
                .map(|(layer, input)| {
                    garbler
                        .layer(&mut channel, &layer, &input, &mut rng)
                        .unwrap()
                })
                .collect()
        },
    );
    Run {
        client_shares: client.0,
        server_shares,
        bytes: client.1,
        transcript: client.2,
    }
}

/// The integer formula of an instance.
fn reference(layer: &NonLinear, window: &[i64]) -> i64 {
    let max = *window.iter().max().unwrap();
    let rounded = (max + ((1i64 << layer.shift) >> 1)) >> layer.shift;
    rounded.clamp(0, (1 << layer.activation_bits) - 1)
}

/// Values at the edges of what a layer accepts, then uniform ones.
fn values(layer: &NonLinear, count: usize, seed: u64) -> Vec<i64> {
    let half = (1i64 << layer.shift) >> 1;
    let bound = (1i64 << (layer.input_bits - 1)) - half - 1;
    let top = (1i64 << (layer.activation_bits + layer.shift)).min(bound);
    let edges = [
        0,
        1,
        -1,
        bound,
        -bound,
        half,
        -half,
        half - 1,
        top,
        top - 1,
        top - half,
        top - half - 1,
    ];
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    (0..count)
        .map(|i| match edges.get(i) {
            Some(edge) => (*edge).clamp(-bound, bound),
            None => (rng.next_u64() % (2 * bound as u64 + 1)) as i64 - bound,
        })
        .collect()
}

fn check(work: Vec<(NonLinear, Vec<i64>)>) {
    let run = run_layers(work.clone(), 5);
    for (i, (layer, values)) in work.iter().enumerate() {
        let ring = Ring::new(layer.output_bits).unwrap();
        let instances = values.len() / layer.window;
        assert_eq!(run.bytes[i], layer.bytes(instances), "{layer:?}");
        assert_eq!(run.client_shares[i].len(), instances);
        for (n, window) in values.chunks(layer.window).enumerate() {
            let (client, server) = (run.client_shares[i][n], run.server_shares[i][n]);
            let expected = ring.reduce(reference(layer, window) as u64);
            assert_eq!(ring.add(client, server), expected, "{layer:?}: {window:?}");
        }
    }
}

const RELU: NonLinear = NonLinear {
    function: Function::Relu,
    window: 1,
    input_bits: 23,
    shift: 8,
    activation_bits: 8,
    output_bits: 23,
};

#[test]
fn relu_layers_are_the_integer_formula() {
    let layer = |input_bits, shift, activation_bits, output_bits| NonLinear {
        input_bits,
        shift,
        activation_bits,
        output_bits,
        ..RELU
    };
    let layers = [
        layer(23, 8, 8, 23),
        layer(23, 8, 8, 19),
        layer(17, 0, 8, 25),
        layer(20, 11, 8, 8),
        layer(16, 8, 8, 21),
        layer(9, 1, 12, 30),
        layer(40, 17, 4, 63),
        layer(63, 30, 16, 16),
        layer(2, 1, 1, 1),
        NonLinear {
            function: Function::Identity,
            ..RELU
        },
    ];
    // Chunks of 64: fewer, exactly, more, and one.
    let counts = [300, 64, 65, 1, 100, 128, 63, 40, 20, 130];
    let work = layers.iter().zip(counts);
    check(
        work.map(|(layer, count)| (*layer, values(layer, count, 3)))
            .collect(),
    );
}

#[test]
fn a_layer_of_more_instances_than_a_batch_holds_is_the_integer_formula() {
    let layer = NonLinear {
        input_bits: 40,
        shift: 20,
        ..RELU
    };
    // 2^19 transfers a batch.
    check(vec![(layer, values(&layer, 14_000, 8))]);
}

#[test]
fn maximum_over_windows_then_relu_is_the_integer_formula() {
    let mut work = Vec::new();
    for (window, shift, activation_bits) in [(2, 8, 8), (4, 8, 8), (9, 14, 8), (4, 12, 12)] {
        let layer = NonLinear {
            window,
            shift,
            activation_bits,
            ..RELU
        };
        let mut input = values(&layer, 90 * window, 4);
        // Windows that are all negative, all overflowing, and all equal.
        input[12 * window..13 * window].fill(-(1 << 21));
        input[13 * window..14 * window].fill((1 << 22) - 9000);
        input[14 * window..15 * window].fill(1 << 12);
        work.push((layer, input));
    }
    check(work);
}

#[test]
fn an_empty_layer_sends_nothing() {
    let run = run_layers(vec![(RELU, vec![])], 1);
    assert_eq!(run.bytes, [(0, 0)]);
    assert!(run.client_shares[0].is_empty());
}

#[test]
fn arg_max_is_the_lowest_index_of_the_largest_value() {
    let cases: Vec<(u32, Vec<i64>)> = vec![
        (
            23,
            vec![5, -3, 4_000_000, 12, 4_000_000, 0, -4_000_000, 1, 2, 3],
        ),
        (23, vec![-1; 10]),
        (23, vec![-5, -4, -3, -2, -1]),
        (8, vec![127, -128]),
        (8, vec![-128, 127]),
        (63, vec![i64::MIN >> 1, i64::MAX >> 1, 0]),
        (10, vec![7]),
        (12, (0..100).map(|i| (i * 37) % 101).collect()),
    ];
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let shared: Vec<(u32, Vec<(u64, u64)>)> = cases
        .iter()
        .map(|(bits, values)| {
            let ring = Ring::new(*bits).unwrap();
            let split = |&value| ring.split(ring.from_signed(value), &mut rng);
            (*bits, values.iter().map(split).collect())
        })
        .collect();
    let server_shared = shared.clone();
    let (indices, ()) = two_parties(
        move |mut channel| {
            let mut rng = ChaCha20Rng::seed_from_u64(3);
            let mut evaluator = Evaluator::new(&mut channel, [1; 32], &mut rng).unwrap();
            let own = |shares: &[(u64, u64)]| shares.iter().map(|s| s.0).collect::<Vec<_>>();
            shared
                .iter()
                .map(|(bits, s)| evaluator.arg_max(&mut channel, *bits, &own(s)).unwrap())
                .collect::<Vec<_>>()
        },
        move |mut channel| {
            let mut rng = ChaCha20Rng::seed_from_u64(4);
            let mut garbler = Garbler::new(&mut channel, [1; 32], &mut rng).unwrap();
            for (bits, shares) in server_shared {
                let own: Vec<u64> = shares.iter().map(|s| s.1).collect();
                garbler.arg_max(&mut channel, bits, &own, &mut rng).unwrap();
            }
        },
    );
    for ((_, values), index) in cases.iter().zip(indices) {
        let max = values.iter().max().unwrap();
        assert_eq!(values.iter().position(|v| v == max), Some(index));
    }
}

#[test]
fn base_transfers_open_the_chosen_key_and_extension_correlates_by_delta() {
    let mut rng = ChaCha20Rng::seed_from_u64(6);
    let delta = Delta::random(&mut rng);
    let choices = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
    let bits: Vec<u64> = (0..150).map(|_| rng.next_u64()).collect();
    let client_bits = bits.clone();
    let server_delta = delta.clone();
    let ((pairs, active), (keys, zero)) = two_parties(
        move |mut channel| {
            let mut rng = ChaCha20Rng::seed_from_u64(7);
            let pairs = base_ot::send(&mut channel, &[2; 32], &mut rng).unwrap();
            let mut receiver =
                ot_extension::OtReceiver::new(&mut channel, &[2; 32], &mut rng).unwrap();
            let mut labels = Vec::new();
            // In pieces of odd lengths: streams go on from one extension to the next.
            for words in client_bits.chunks(40) {
                let mut choices = ot_extension::Choices::default();
                for word in words {
                    choices.push(word & 0x1f_ffff, 21);
                }
                assert_eq!(choices.len(), words.len() * 21);
                labels.extend_from_slice(&receiver.extend(&mut channel, &choices).unwrap());
            }
            channel.flush().unwrap();
            (pairs, labels)
        },
        move |mut channel| {
            let mut rng = ChaCha20Rng::seed_from_u64(8);
            let keys = base_ot::receive(&mut channel, &[2; 32], &choices, &mut rng).unwrap();
            let mut sender =
                ot_extension::OtSender::new(&mut channel, &[2; 32], server_delta, &mut rng)
                    .unwrap();
            let mut labels = Vec::new();
            for count in [40, 40, 40, 30] {
                labels.extend_from_slice(&sender.extend(&mut channel, count * 21).unwrap());
            }
            (keys, labels)
        },
    );
    for (i, (pair, key)) in pairs.iter().zip(keys.iter()).enumerate() {
        let choice = (choices >> i & 1) as usize;
        assert_eq!(pair[choice], *key);
        assert_ne!(pair[1 - choice], *key);
    }
    assert_eq!(active.len(), 150 * 21);
    let mut seen = HashSet::new();
    for (j, (active, zero)) in active.iter().zip(&zero).enumerate() {
        let bit = bits[j / 21] >> (j % 21) & 1;
        assert!(*active == *zero ^ delta.block().select(bit));
        assert!(seen.insert(zero.to_bytes()), "labels never repeat");
    }
    assert!(seen.len() == zero.len() && !seen.contains(&Block::ZERO.to_bytes()));
}

#[test]
fn order_and_lengths_of_messages_do_not_depend_on_the_data() {
    let layer = NonLinear { window: 4, ..RELU };
    let run = |value: i64, seed| {
        let work = vec![(RELU, vec![value; 200]), (layer, values(&layer, 400, seed))];
        run_layers(work, seed).transcript
    };
    let first = run(0, 1);
    assert!(first.len() > 8);
    assert_eq!(first[0].direction, Direction::Sent);
    assert_eq!(first[0].kind, MessageKind::BaseOtSender);
    for (value, seed) in [(12345, 2), (-9999, 3), (4_000_000, 4)] {
        assert_eq!(run(value, seed), first);
    }
}

/// A stream that keeps what was read from it.
struct Tap {
    stream: TcpStream,
    read: Vec<u8>,
    written: Vec<u8>,
}

impl Read for Tap {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.stream.read(buffer)?;
        self.read.extend_from_slice(&buffer[..count]);
        Ok(count)
    }
}

impl Write for Tap {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        let count = self.stream.write(buffer)?;
        self.written.extend_from_slice(&buffer[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

#[test]
fn two_runs_on_the_same_shares_have_no_label_table_or_share_in_common() {
    let run = |seed: u64| {
        let (client_socket, server_socket) = sockets();
        let client = thread::spawn(move || {
            let mut rng = ChaCha20Rng::seed_from_u64(seed);
            let mut channel = Channel::new(Tap {
                stream: client_socket,
                read: vec![],
                written: vec![],
            });
            let mut evaluator = Evaluator::new(&mut channel, [1; 32], &mut rng).unwrap();
            let shares = evaluator.layer(&mut channel, &RELU, &[77; 64]).unwrap();
            let tap = channel.stream();
            (shares, tap.read.clone(), tap.written.clone())
        });
        let mut rng = ChaCha20Rng::seed_from_u64(seed + 1000);
        let mut channel = Channel::new(server_socket);
        let mut garbler = Garbler::new(&mut channel, [1; 32], &mut rng).unwrap();
        let server = garbler
            .layer(&mut channel, &RELU, &[11; 64], &mut rng)
            .unwrap();
        (client.join().unwrap(), server)
    };
    let ((client1, down1, up1), server1) = run(1);
    let ((client2, down2, up2), server2) = run(2);
    let ring = Ring::new(23).unwrap();
    for n in 0..64 {
        assert_eq!(
            ring.add(client1[n], server1[n]),
            ring.add(client2[n], server2[n])
        );
    }
    assert_ne!(client1, client2);
    assert_ne!(server1, server2);
    for (first, second) in [(&down1, &down2), (&up1, &up2)] {
        assert_eq!(first.len(), second.len());
        let windows: HashSet<&[u8]> = first.windows(12).collect();
        assert!(second.windows(12).all(|window| !windows.contains(window)));
    }
}
