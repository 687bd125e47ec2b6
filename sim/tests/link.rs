//! Executors behind links: they stay what they are.

#[path = "link/support.rs"]
mod support;

use std::time::Duration;

use addax_core::isa::{Geometry, Program, ProgramBuilder, STREAM};
use addax_core::link::fault::Rates;
use addax_core::machine::{
    EmptySource, Fault, MachineError, NullSink, RingProcessor, Sink, SliceSink, SliceSource,
    Source, StreamError,
};
use addax_core::random::SEED_BYTES;
use addax_core::sample;
use addax_sim::conformance::{Subject, Suite, check};
use addax_sim::link::{Client, LinkError, Patience};
use support::{Bench, SLOTS, basis};

const PATIENCE: Patience = Patience {
    silence: Duration::from_secs(5),
    job: Duration::from_secs(30),
};

#[test]
fn the_conformance_suite_passes_over_a_link() {
    let bench = Bench::new(None);
    let mut client = bench.client(PATIENCE).unwrap();
    let basis = basis();
    let suite = Suite {
        programs: 5,
        ..Suite::default()
    };
    let summary = check(Subject::Software(&mut client), &basis, &suite)
        .unwrap_or_else(|difference| panic!("{difference}"));
    assert!(
        summary.single > 20 && summary.faults > 5 && summary.programs == 5,
        "{summary:?}"
    );
    assert_eq!(client.resets(), 0);
}

#[test]
fn the_conformance_suite_passes_over_a_bad_line_to_a_device_that_is_reset() {
    let bench = Bench::new(Some((Rates::even(600), 7)));
    let mut client = bench.client(PATIENCE).unwrap();
    bench.reset_every(Duration::from_millis(400));
    let basis = basis();
    let suite = Suite {
        programs: 1,
        one_in: 6,
        instructions: 40,
        ..Suite::default()
    };
    check(Subject::Software(&mut client), &basis, &suite)
        .unwrap_or_else(|difference| panic!("{difference}"));
    assert!(bench.faults().all() > 50, "{}", bench.faults());
    assert!(client.resets() >= 2, "{} resets", client.resets());
}

#[test]
fn slots_come_back_after_a_reset() {
    let bench = Bench::new(None);
    let mut client = bench.client(PATIENCE).unwrap();
    let n = client.geometry().n();
    let words: Vec<u64> = (0..n as u64).collect();
    client.load(0, 0, &words).unwrap();
    let mut builder = ProgramBuilder::new();
    builder.add(0, 1, 0, STREAM).unwrap().store(1).unwrap();
    let program = builder.finish().unwrap();
    let mut doubled = vec![0; n];
    client
        .run(
            &program,
            &mut SliceSource::new(&words),
            &mut SliceSink::new(&mut doubled),
        )
        .unwrap();
    let expected: Vec<u64> = (0..n as u64).map(|x| 2 * x).collect();
    assert_eq!(doubled, expected);
    bench.reset();
    let mut back = vec![0; n];
    assert_eq!(client.store(1, &mut back), Ok(0));
    assert_eq!(back, expected);
    assert_eq!(
        client.store(2, &mut back),
        Err(MachineError::Unwritten { slot: 2 })
    );
    assert_eq!(client.resets(), 1);
}

/// A source that resets the device when half of its words are gone, and counts them.
struct Interrupting<'b> {
    bench: &'b Bench,
    words: Vec<u64>,
    at: usize,
}

impl Source for Interrupting<'_> {
    fn chunk(&mut self, max: usize) -> Result<&[u64], StreamError> {
        if self.at == self.words.len() / 2 {
            self.bench.reset();
        }
        let end = self.words.len().min(self.at + max.min(64));
        let words = &self.words[self.at..end];
        self.at = end;
        if words.is_empty() {
            Err(StreamError::Ended)
        } else {
            Ok(words)
        }
    }
}

/// Six loads and stores, and their words.
fn copies(n: usize) -> (Program, Vec<u64>) {
    let mut builder = ProgramBuilder::new();
    for _ in 0..6 {
        builder.load(0, 0).unwrap().store(0).unwrap();
    }
    (builder.finish().unwrap(), (0..6 * n as u64).collect())
}

#[test]
fn a_program_goes_on_after_a_reset_and_takes_and_gives_every_word_once() {
    let bench = Bench::new(None);
    let mut client = bench.client(PATIENCE).unwrap();
    let n = client.geometry().n();
    let (program, words) = copies(n);
    let mut source = Interrupting {
        bench: &bench,
        words: words.clone(),
        at: 0,
    };
    let mut out = vec![0; 6 * n];
    let report = client
        .run(&program, &mut source, &mut SliceSink::new(&mut out))
        .unwrap();
    assert_eq!(out, words);
    assert_eq!(
        (report.words_in, report.words_out),
        (6 * n as u64, 6 * n as u64)
    );
    assert_eq!(client.resets(), 1);
}

/// A sink that promises nothing, so that the device waits for it, and resets and spoils the device at the second store.
struct Spoiling<'b> {
    bench: &'b Bench,
    stores: usize,
}

impl Sink for Spoiling<'_> {
    fn write(&mut self, _words: &[u64]) -> Result<(), StreamError> {
        self.stores += 1;
        if self.stores == 2 {
            self.bench.err();
            self.bench.reset();
        }
        Ok(())
    }
}

#[test]
fn a_device_that_computes_something_else_after_a_reset_is_found_out() {
    let bench = Bench::new(None);
    let mut client = bench.client(PATIENCE).unwrap();
    let (program, words) = copies(client.geometry().n());
    let mut sink = Spoiling {
        bench: &bench,
        stores: 0,
    };
    let error = client
        .run(&program, &mut SliceSource::new(&words), &mut sink)
        .unwrap_err();
    assert_eq!(client.last_error(), Some(LinkError::Differs));
    assert!(error.to_string().contains("something else"), "{error}");
    assert_eq!(sink.stores, 2, "what was delivered is not delivered again");
}

/// A sink that takes a number of polynomials and promises nothing.
struct Few {
    left: usize,
}

impl Sink for Few {
    fn write(&mut self, _words: &[u64]) -> Result<(), StreamError> {
        if self.left == 0 {
            return Err(StreamError::Failed("as it was told to"));
        }
        self.left -= 1;
        Ok(())
    }
}

#[test]
fn nothing_happens_behind_a_store_that_is_refused_and_the_reason_is_the_sinks_own() {
    let bench = Bench::new(None);
    let mut client = bench.client(PATIENCE).unwrap();
    let n = client.geometry().n();
    let mut builder = ProgramBuilder::new();
    for slot in 0..3 {
        builder.load(0, slot).unwrap().store(slot).unwrap();
    }
    let program = builder.finish().unwrap();
    let words = vec![5; 3 * n];
    let error = client
        .run(
            &program,
            &mut SliceSource::new(&words),
            &mut Few { left: 1 },
        )
        .unwrap_err();
    let MachineError::Fault { pc: 3, fault, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(fault, Fault::Sink(StreamError::Failed("as it was told to")));
    let mut back = vec![0; n];
    assert_eq!(client.store(1, &mut back), Ok(0));
    assert_eq!(
        client.store(2, &mut back),
        Err(MachineError::Unwritten { slot: 2 })
    );
    // And once more after a reset, which repeats the refusal.
    bench.reset();
    assert_eq!(client.store(1, &mut back), Ok(0));
    assert_eq!(
        client.store(2, &mut back),
        Err(MachineError::Unwritten { slot: 2 })
    );
}

/// A source that knows the seed of its words.
struct Seeded {
    seed: [u8; SEED_BYTES],
    asked: bool,
}

impl Source for Seeded {
    fn chunk(&mut self, _max: usize) -> Result<&[u64], StreamError> {
        Err(StreamError::Failed("asked for words in place of the seed"))
    }

    fn seed(&mut self, _n: usize) -> Option<([u8; SEED_BYTES], u8)> {
        (!std::mem::replace(&mut self.asked, true)).then_some((self.seed, 1))
    }
}

#[test]
fn seeds_travel_as_seeds_and_weights_as_bytes() {
    let bench = Bench::new(None);
    let mut client = bench.client(PATIENCE).unwrap();
    let n = client.geometry().n();
    let basis = basis();
    let mut expected = vec![0; n];
    let seed = [3; SEED_BYTES];
    sample::expand_uniform(&seed, 1, &basis.modulus(1), &mut expected);
    let mut builder = ProgramBuilder::new();
    builder.load(1, 0).unwrap();
    let before = client.traffic().wire_out;
    client
        .run(
            &builder.finish().unwrap(),
            &mut Seeded { seed, asked: false },
            &mut NullSink,
        )
        .unwrap();
    assert!(client.traffic().wire_out - before < 300);
    let mut found = vec![0; n];
    assert_eq!(client.store(0, &mut found), Ok(1));
    assert_eq!(found, expected);

    let weights: Vec<u64> = (0..n as u64).map(|i| i | 0xabcd_0000).collect();
    let mut builder = ProgramBuilder::new();
    builder.load_weights(1, 2).unwrap();
    let before = client.traffic().wire_out;
    client
        .run(
            &builder.finish().unwrap(),
            &mut SliceSource::new(&weights),
            &mut NullSink,
        )
        .unwrap();
    assert!(client.traffic().wire_out - before < n as u64 + 400);
    let expected: Vec<u64> = (0..n)
        .map(|i| basis.modulus(1).from_signed(i64::from(i as u8 as i8)))
        .collect();
    assert_eq!(client.store(2, &mut found), Ok(1));
    assert_eq!(found, expected);
}

#[test]
fn a_device_says_how_it_is_and_tests_itself() {
    let bench = Bench::new(None);
    let mut client = bench.client(PATIENCE).unwrap();
    assert_eq!(
        client.identity().geometry,
        Geometry::new(10, 2, SLOTS).unwrap()
    );
    assert_eq!(client.identity().name, "a test bench");
    client.self_test().unwrap();
    let program = ProgramBuilder::new().finish().unwrap();
    let report = client
        .run(&program, &mut EmptySource, &mut NullSink)
        .unwrap();
    let status = client.status().unwrap();
    assert_eq!((status.programs, status.cycles), (1, report.cycles));
}

#[test]
fn a_device_that_computes_wrongly_fails_its_own_test() {
    let bench = Bench::new(None);
    bench.err();
    let mut client = bench.client(PATIENCE).unwrap();
    let error = client.self_test().unwrap_err();
    assert_eq!(
        error.to_string(),
        "device: the machine computes something else than its definition"
    );
}

#[test]
fn a_second_host_is_told_that_the_device_is_busy() {
    let bench = Bench::new(None);
    let _first = bench.client(PATIENCE).unwrap();
    assert_eq!(bench.client(PATIENCE).err(), Some(LinkError::Busy));
}

#[test]
fn a_host_that_hangs_up_makes_room_for_the_next_who_finds_nothing_of_it() {
    let bench = Bench::new(None);
    let mut first = bench.client(PATIENCE).unwrap();
    let n = first.geometry().n();
    first.load(0, 0, &vec![1; n]).unwrap();
    drop(first);
    let mut second = loop {
        match bench.client(PATIENCE) {
            Ok(client) => break client,
            Err(LinkError::Busy) => std::thread::sleep(Duration::from_millis(10)),
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(
        second.store(0, &mut vec![0; n]),
        Err(MachineError::Unwritten { slot: 0 })
    );
}

#[test]
fn a_device_that_vanishes_is_an_error_within_the_patience() {
    let bench = Bench::new(None);
    let patience = Patience {
        silence: Duration::from_secs(1),
        ..PATIENCE
    };
    let mut client = bench.client(patience).unwrap();
    bench.fall_silent();
    let start = std::time::Instant::now();
    let error = client.reset().unwrap_err();
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(error.to_string(), "device: it does not answer any more");
    assert!(matches!(
        client.last_error(),
        Some(LinkError::Silent { .. })
    ));
    drop(bench);
    assert!(client.reset().is_err());
}

#[test]
fn nobody_behind_a_port_is_an_error_within_the_patience() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let line = addax_sim::link::Line::tcp(stream).unwrap();
    let patience = Patience {
        silence: Duration::from_millis(300),
        ..PATIENCE
    };
    assert_eq!(
        Client::open(line, patience).err(),
        Some(LinkError::Silent { seconds: 0 })
    );
}
