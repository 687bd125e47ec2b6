//! A bridge between a host and a machine that comes and goes.

#[path = "link/support.rs"]
#[allow(dead_code)]
mod support;

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use addax_core::isa::{Geometry, ProgramBuilder};
use addax_core::link::bridge::{Notice, Surroundings};
use addax_core::link::fault::Rates;
use addax_core::link::message::Status;
use addax_core::link::{Bridge, Device, Micros, Transport};
use addax_core::machine::{EmptySource, MachineError, NullSink, Reference, RingProcessor};
use addax_sim::conformance::{Subject, Suite, check};
use addax_sim::link::{Client, Line, LinkError, Patience};
use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
use support::{Bench, SLOTS, basis};

const PATIENCE: Patience = Patience {
    silence: Duration::from_secs(10),
    job: Duration::from_secs(60),
};

/// A socket as a microcontroller sees a port.
struct Port {
    stream: Option<TcpStream>,
    /// Where to connect when the connection is gone.
    again: Option<SocketAddr>,
    buffer: Vec<u8>,
}

impl Port {
    fn new(stream: TcpStream) -> Self {
        stream.set_nonblocking(true).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream: Some(stream),
            again: None,
            buffer: Vec::new(),
        }
    }

    fn to(address: SocketAddr) -> Self {
        let mut port = Self::new(TcpStream::connect(address).unwrap());
        port.again = Some(address);
        port
    }

    fn fill(&mut self) {
        let Some(stream) = &mut self.stream else {
            return;
        };
        let mut chunk = [0; 4096];
        match std::io::Read::read(stream, &mut chunk) {
            Ok(0) => self.stream = None,
            Ok(count) => self.buffer.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.stream = None,
        }
        if self.stream.is_none()
            && let Some(stream) = self
                .again
                .and_then(|address| TcpStream::connect(address).ok())
        {
            *self = Self {
                again: self.again,
                ..Self::new(stream)
            };
        }
    }
}

impl ErrorType for Port {
    type Error = embedded_io::ErrorKind;
}

impl ReadReady for Port {
    fn read_ready(&mut self) -> Result<bool, Self::Error> {
        if self.buffer.is_empty() {
            self.fill();
        }
        Ok(!self.buffer.is_empty())
    }
}

impl Read for Port {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Self::Error> {
        let count = bytes.len().min(self.buffer.len());
        bytes[..count].copy_from_slice(&self.buffer[..count]);
        self.buffer.drain(..count);
        Ok(count)
    }
}

impl WriteReady for Port {
    fn write_ready(&mut self) -> Result<bool, Self::Error> {
        Ok(true)
    }
}

impl Write for Port {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        // What nobody hears is gone, as on a wire.
        let Some(stream) = &mut self.stream else {
            return Ok(bytes.len());
        };
        match std::io::Write::write(stream, bytes) {
            Ok(count) => Ok(count),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            Err(_) => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// A computer as a board.
struct Desk {
    start: Instant,
    number: u32,
    notices: Arc<Mutex<Vec<Notice>>>,
    ended: Arc<AtomicBool>,
}

impl Surroundings for Desk {
    fn now(&mut self) -> Micros {
        self.start.elapsed().as_micros() as Micros
    }

    fn fresh(&mut self) -> u32 {
        self.number += 1;
        self.number
    }

    fn turn(&mut self, busy: bool) {
        assert!(!self.ended.load(Ordering::SeqCst), "the test has ended");
        if !busy {
            thread::sleep(Duration::from_micros(200));
        }
    }

    fn notice(&mut self, notice: Notice) {
        self.notices.lock().unwrap().push(notice);
    }

    fn status(&self) -> Status {
        Status {
            starts: 3,
            ..Status::default()
        }
    }
}

/// A bridge in a thread, with or without a machine of its own.
struct Bridged {
    address: SocketAddr,
    notices: Arc<Mutex<Vec<Notice>>>,
    ended: Arc<AtomicBool>,
}

impl Bridged {
    fn new(machine: SocketAddr, own: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let notices = Arc::new(Mutex::new(Vec::new()));
        let ended = Arc::new(AtomicBool::new(false));
        let desk = Desk {
            start: Instant::now(),
            number: 5,
            notices: Arc::clone(&notices),
            ended: Arc::clone(&ended),
        };
        thread::spawn(move || {
            let host = Port::new(listener.accept().unwrap().0);
            let mut transports = (Transport::device(0), Transport::host());
            let mut bridge: Bridge<'_, _, _, _, 8> = Bridge::new(
                (host, &mut transports.0),
                (Port::to(machine), &mut transports.1),
                desk,
            );
            let basis = basis();
            let geometry = Geometry::new(10, 2, SLOTS).unwrap();
            let definition =
                Reference::new(&basis, geometry, vec![0; geometry.slots() * geometry.n()]).unwrap();
            let moduli = (0..3).map(|limb| basis.modulus(limb));
            let mut device = Device::new(
                definition,
                moduli,
                "the bridge itself",
                false,
                vec![0; geometry.n()],
            );
            loop {
                bridge.pass();
                match own {
                    true => drop(device.serve(&mut bridge)),
                    false => bridge.refuse(),
                }
            }
        });
        Self {
            address,
            notices,
            ended,
        }
    }

    fn client(&self) -> Result<Client, LinkError> {
        Client::open(
            Line::tcp(TcpStream::connect(self.address).unwrap()).unwrap(),
            PATIENCE,
        )
    }

    fn notices(&self) -> Vec<Notice> {
        self.notices.lock().unwrap().clone()
    }
}

impl Drop for Bridged {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
    }
}

/// Nobody listens there.
fn nowhere() -> SocketAddr {
    // Listens and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::mem::forget(listener);
    address
}

fn passes(client: &mut Client) {
    let suite = Suite {
        programs: 2,
        one_in: 4,
        instructions: 60,
        ..Suite::default()
    };
    check(Subject::Software(client), &basis(), &suite).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn packets_pass_to_the_machine_behind_the_bridge_and_back() {
    let bench = Bench::new(None);
    let bridged = Bridged::new(bench.address(), true);
    let mut client = bridged.client().unwrap();
    assert_eq!(client.identity().name, "a test bench");
    passes(&mut client);
    assert_eq!(client.resets(), 0);
    assert_eq!(bridged.notices(), [Notice::Host, Notice::Machine]);
}

#[test]
fn a_bridge_without_a_machine_computes_itself() {
    let bridged = Bridged::new(nowhere(), true);
    let mut client = bridged.client().unwrap();
    assert_eq!(client.identity().name, "the bridge itself");
    passes(&mut client);
    assert_eq!(client.status().unwrap().starts, 3);
    assert_eq!(bridged.notices(), [Notice::Host, Notice::NoMachine]);
}

#[test]
fn a_bridge_that_cannot_compute_says_so() {
    let bridged = Bridged::new(nowhere(), false);
    let error = bridged.client().err().unwrap();
    assert_eq!(
        error.to_string(),
        "the device says: no machine answers behind the device"
    );
}

#[test]
fn jobs_survive_a_machine_that_is_reset_falls_silent_and_is_replaced_by_the_bridge_itself() {
    let bench = Bench::new(None);
    let bridged = Bridged::new(bench.address(), true);
    let mut client = bridged.client().unwrap();
    let n = client.geometry().n();
    let words: Vec<u64> = (0..n as u64).map(|x| x * x).collect();
    client.load(0, 2, &words).unwrap();
    let mut builder = ProgramBuilder::new();
    builder.add(2, 1, 0, 0).unwrap();
    client
        .run(&builder.finish().unwrap(), &mut EmptySource, &mut NullSink)
        .unwrap();
    let doubled: Vec<u64> = words.iter().map(|x| 2 * x).collect();
    let mut found = vec![0; n];
    bench.reset();
    assert_eq!(client.store(1, &mut found), Ok(2));
    assert_eq!(found, doubled);
    bench.fall_silent();
    assert_eq!(client.store(1, &mut found), Ok(2));
    assert_eq!(found, doubled);
    assert_eq!(
        client.store(2, &mut found),
        Err(MachineError::Unwritten { slot: 2 })
    );
    assert_eq!(client.resets(), 2);
    let notices = bridged.notices();
    let expected = [
        Notice::Host,
        Notice::Machine,
        Notice::MachineReset,
        Notice::Host,
        Notice::Machine,
        Notice::MachineSilent,
        Notice::Host,
        Notice::NoMachine,
    ];
    assert_eq!(notices, expected);
}

#[test]
fn bad_lines_on_both_sides_of_a_bridge_change_nothing() {
    let bench = Bench::new(None);
    let bridged = Bridged::new(bench.address(), true);
    let line = Line::tcp(TcpStream::connect(bridged.address).unwrap()).unwrap();
    let (line, faults) = line.faulty(Rates::even(300), 3);
    let mut client = Client::open(line, PATIENCE).unwrap();
    let suite = Suite {
        programs: 1,
        one_in: 12,
        instructions: 20,
        ..Suite::default()
    };
    check(Subject::Software(&mut client), &basis(), &suite)
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(faults.get().all() > 10);
}
