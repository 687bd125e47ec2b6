//! `addax-sim serve` as a process.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use addax_core::isa::{Geometry, ProgramBuilder};
use addax_core::machine::{RingProcessor, SliceSink, SliceSource};
use addax_core::modulus::Modulus;
use addax_core::ntt::{NttPlan, Twiddle};
use addax_core::params::PRIMES;
use addax_sim::Basis;
use addax_sim::conformance::{Subject, Suite, check};
use addax_sim::link::{Client, Line, Patience};

struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(machine: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_addax-sim"))
            .args([
                "serve",
                "--json",
                "--end-with-parent",
                "--listen",
                "127.0.0.1:0",
                "--machine",
                machine,
            ])
            .args([
                "--log-n",
                "10",
                "--butterflies",
                "2",
                "--slots",
                "4",
                "--limbs",
                "2",
            ])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let listening: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(listening["n"], 1024);
        let address = listening["address"].as_str().unwrap().to_owned();
        Self { child, address }
    }

    fn client(&self) -> Client {
        let stream = TcpStream::connect(&self.address).unwrap();
        Client::open(Line::tcp(stream).unwrap(), Patience::default()).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn passes(server: &Server, clocked: bool, suite: &Suite) {
    let mut client = server.client();
    assert_eq!(client.identity().geometry, Geometry::new(10, 2, 4).unwrap());
    assert_eq!(client.identity().clocked, clocked);
    client.self_test().unwrap();
    let moduli: Vec<Modulus> = PRIMES[..2]
        .iter()
        .map(|&q| Modulus::new(q).unwrap())
        .collect();
    let basis = Basis::new(&moduli, 10, |_| {
        vec![Twiddle::default(); NttPlan::<Vec<Twiddle>>::storage_len(10)]
    })
    .unwrap();
    check(Subject::Software(&mut client), &basis, suite).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_definition_as_a_device_passes_the_suite_after_every_instruction() {
    let server = Server::start("reference", &[]);
    passes(
        &server,
        false,
        &Suite {
            programs: 2,
            stepwise: true,
            ..Suite::default()
        },
    );
}

#[test]
fn the_circuits_model_as_a_device_over_a_bad_line_passes_a_part_of_the_suite() {
    let server = Server::start("rtl", &["--fault", "300:5"]);
    passes(
        &server,
        true,
        &Suite {
            stepwise: true,
            instructions: 20,
            ..Suite::BRIEF
        },
    );
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn the_circuit_as_a_device_passes_the_suite_after_every_instruction() {
    let server = Server::start("verilator", &[]);
    passes(
        &server,
        true,
        &Suite {
            programs: 3,
            stepwise: true,
            ..Suite::default()
        },
    );
}

#[test]
fn a_server_serves_as_many_hosts_as_it_should_and_ends() {
    let mut server = Server::start("reference", &["--hosts", "2"]);
    for _ in 0..2 {
        let client = server.client();
        drop(client);
    }
    // Waiting would close it, and that ends the server too.
    let _input = server.child.stdin.take();
    assert!(server.child.wait().unwrap().success());
}

#[test]
fn a_machine_with_a_clock_takes_its_time_and_computes_while_words_come() {
    // 12 loads of 1024 words and two transforms each: 12 * (1061 + 2 * 2596) cycles, at 100 kHz three quarters of a second.
    let run = |arguments: &[&str]| {
        let server = Server::start("reference", arguments);
        let mut client = server.client();
        let mut builder = ProgramBuilder::new();
        for _ in 0..12 {
            builder
                .load(0, 0)
                .unwrap()
                .ntt(0, 0, 0)
                .unwrap()
                .intt(0, 0, 0)
                .unwrap();
        }
        builder.store(0).unwrap();
        let words = vec![3; 12 << 10];
        let mut out = vec![0; 1 << 10];
        let start = std::time::Instant::now();
        let program = builder.finish().unwrap();
        let report = client
            .run(
                &program,
                &mut SliceSource::new(&words),
                &mut SliceSink::new(&mut out),
            )
            .unwrap();
        assert_eq!(out, words[..1 << 10]);
        (start.elapsed().as_secs_f64(), report.cycles)
    };
    let (seconds, cycles) = run(&["--clock", "100e3"]);
    assert!(
        seconds >= cycles as f64 / 100e3,
        "{cycles} cycles in {seconds} s"
    );
    let (collected, _) = run(&["--clock", "100e3", "--no-overlap"]);
    assert!(collected >= cycles as f64 / 100e3, "{collected} s");
}
