//! One private inference of the default network: client and server are two threads of one process, connected by TCP
//! over loopback, on the `cpu` accelerator.
//!
//! *cold* is a whole session with one image: connecting, keys, base oblivious transfers, the image. *warm* is a further
//! image of an open session.

#[path = "settings/mod.rs"]
mod settings;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use addax::accel::Accelerator;
use addax::data::draw;
use addax::mpc::Channel;
use addax::net::onnx;
use addax::net::quantise::{QuantiseOptions, quantise};
use addax::protocol::{Client, ClientLimits, Reveal, ServerModel};
use addax::random::PartyRandomness;
use addax_core::isa::Geometry;
use addax_core::params::N4096;

/// The shipped default model.
fn model() -> Arc<ServerModel> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/lite3-mnist.onnx");
    let graph = onnx::import(&path).expect("the shipped model can be read");
    let network = quantise(&graph, None, &QuantiseOptions::default()).expect("and quantised");
    let model = ServerModel::new(&network, N4096, Reveal::Logits, None);
    Arc::new(model.expect("and planned"))
}

/// Serves one client after the other for as long as the process lives.
fn serve(model: Arc<ServerModel>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        let mut machine = Accelerator::Cpu
            .open(&**model.context().basis(), Geometry::DEFAULT)
            .expect("the default geometry has the degree");
        for stream in listener.incoming() {
            let stream = stream.expect("a client");
            stream.set_nodelay(true).expect("TCP");
            let randomness = PartyRandomness::from_system().expect("randomness");
            model
                .serve(
                    &mut Channel::new(stream),
                    machine.as_mut(),
                    randomness,
                    |_| {},
                )
                .expect("a session");
        }
    });
    address
}

fn connect(server: SocketAddr) -> Client<TcpStream> {
    let stream = TcpStream::connect(server).expect("the server listens");
    stream.set_nodelay(true).expect("TCP");
    let randomness = PartyRandomness::from_system().expect("randomness");
    Client::connect(Channel::new(stream), &ClientLimits::default(), randomness).expect("a session")
}

fn main() {
    let server = serve(model());
    let image = draw::draw(7, 1);
    let mut criterion = settings::criterion()
        .sample_size(10)
        .measurement_time(Duration::from_secs(5));
    criterion.bench_function("inference/cold", |bencher| {
        bencher.iter(|| {
            let mut client = connect(server);
            let answer = client.classify(&image, |_| {}).expect("an answer");
            client.finish().expect("the end");
            answer
        });
    });
    let mut client = connect(server);
    criterion.bench_function("inference/warm", |bencher| {
        bencher.iter(|| client.classify(&image, |_| {}).expect("an answer"));
    });
    client.finish().expect("the end");
    criterion.final_summary();
    if settings::measuring() {
        report(server, &image);
    }
}

/// Medians and bytes of the first and the second image of a session.
fn report(server: SocketAddr, image: &[u8]) {
    let (mut cold, mut warm) = (Vec::new(), Vec::new());
    let mut bytes = [[0; 2]; 2];
    for _ in 0..9 {
        let start = Instant::now();
        let mut client = connect(server);
        client.classify(image, |_| {}).expect("an answer");
        cold.push(start.elapsed().as_secs_f64() * 1e3);
        bytes[0] = counted(&client);
        let start = Instant::now();
        client.classify(image, |_| {}).expect("an answer");
        warm.push(start.elapsed().as_secs_f64() * 1e3);
        let both = counted(&client);
        bytes[1] = [both[0] - bytes[0][0], both[1] - bytes[0][1]];
        client.finish().expect("the end");
    }
    println!("\nmedians of 9 sessions");
    println!(
        "{:<6} {:>9} {:>12} {:>12}",
        "", "ms", "bytes up", "bytes down"
    );
    for (name, mut times, [up, down]) in [("cold", cold, bytes[0]), ("warm", warm, bytes[1])] {
        times.sort_by(f64::total_cmp);
        println!(
            "{name:<6} {:>9.1} {up:>12} {down:>12}",
            times[times.len() / 2]
        );
    }
}

/// Bytes of a session so far, up and down.
fn counted(client: &Client<TcpStream>) -> [u64; 2] {
    let channel = client.channel();
    [channel.bytes_sent(), channel.bytes_received()]
}
