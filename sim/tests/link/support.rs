//! A device of this process behind a socket: it can be reset, or fall silent.
//!
//! Between host and device stands a relay of bytes, so that the device can lose its session without losing its line,
//! as a microcontroller does that is reset.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use addax_core::isa::{Geometry, Program};
use addax_core::link::Device;
use addax_core::link::fault::{Faults, Rates};
use addax_core::machine::{MachineError, Reference, Report, RingProcessor, Sink, Source};
use addax_core::modulus::Modulus;
use addax_core::ntt::{NttPlan, Twiddle};
use addax_core::params::PRIMES;
use addax_sim::Basis;
use addax_sim::link::server::{Quality, serve};
use addax_sim::link::{Client, FaultCount, Line, LinkError, Patience};
use std::sync::Mutex;

/// Slots of the machine.
pub const SLOTS: u32 = 4;

/// Three limbs at n = 1024.
pub fn basis() -> Basis {
    let moduli: Vec<Modulus> = PRIMES[..3]
        .iter()
        .map(|&q| Modulus::new(q).unwrap())
        .collect();
    Basis::new(&moduli, 10, |_| {
        vec![Twiddle::default(); NttPlan::<Vec<Twiddle>>::storage_len(10)]
    })
    .unwrap()
}

/// A machine that may get one sum wrong.
struct Suspect<M> {
    machine: M,
    switches: Arc<Switches>,
}

impl<M: RingProcessor> RingProcessor for Suspect<M> {
    fn geometry(&self) -> Geometry {
        self.machine.geometry()
    }

    fn reset(&mut self) -> Result<(), MachineError> {
        self.machine.reset()
    }

    fn load(&mut self, slot: u8, limb: u8, words: &[u64]) -> Result<(), MachineError> {
        self.machine.load(slot, limb, words)
    }

    fn store(&mut self, slot: u8, words: &mut [u64]) -> Result<u8, MachineError> {
        self.machine.store(slot, words)
    }

    fn run(
        &mut self,
        program: &Program,
        source: &mut dyn Source,
        sink: &mut dyn Sink,
    ) -> Result<Report, MachineError> {
        struct Wrong<'s>(&'s mut dyn Sink);
        impl Sink for Wrong<'_> {
            fn write(&mut self, words: &[u64]) -> Result<(), addax_core::machine::StreamError> {
                let mut words = words.to_vec();
                words[7] ^= 1;
                self.0.write(&words)
            }
        }
        match self.switches.wrong.load(Ordering::SeqCst) {
            true => self.machine.run(program, source, &mut Wrong(sink)),
            false => self.machine.run(program, source, sink),
        }
    }
}

#[derive(Default)]
struct Switches {
    /// How often the device has been reset.
    resets: AtomicU64,
    silent: AtomicBool,
    wrong: AtomicBool,
    closed: AtomicBool,
    every_ms: AtomicU64,
}

/// The device.
pub struct Bench {
    address: SocketAddr,
    switches: Arc<Switches>,
    rates: Option<(Rates, u64)>,
    faults: Mutex<FaultCount>,
}

impl Bench {
    /// A device; with rates over a bad line.
    pub fn new(rates: Option<(Rates, u64)>) -> Self {
        Self::start(rates)
    }

    /// From now on the device computes wrongly.
    pub fn err(&self) {
        self.switches.wrong.store(true, Ordering::SeqCst);
    }

    fn start(rates: Option<(Rates, u64)>) -> Self {
        let switches = Arc::new(Switches::default());
        let of_machine = Arc::clone(&switches);
        let device = TcpListener::bind("127.0.0.1:0").unwrap();
        let outside = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = outside.local_addr().unwrap();
        let inside = device.local_addr().unwrap();
        thread::spawn(move || {
            let basis = basis();
            let geometry = Geometry::new(10, 2, SLOTS).unwrap();
            let storage = vec![0; geometry.slots() * geometry.n()];
            let machine = Reference::new(&basis, geometry, storage).unwrap();
            let machine = Suspect {
                machine,
                switches: of_machine,
            };
            let moduli = (0..3).map(|limb| basis.modulus(limb));
            let mut device_ = Device::new(
                machine,
                moduli,
                "a test bench",
                false,
                vec![0; geometry.n()],
            );
            // It ends with the process.
            let _ = serve(&mut device_, &device, Quality::default(), None, |_| {});
        });
        let of_relay = Arc::clone(&switches);
        thread::spawn(move || {
            while let Ok((stream, _)) = outside.accept() {
                let switches = Arc::clone(&of_relay);
                thread::spawn(move || relay(stream, inside, &switches));
            }
        });
        Self {
            address,
            switches,
            rates,
            faults: Mutex::default(),
        }
    }

    /// A host.
    pub fn client(&self, patience: Patience) -> Result<Client, LinkError> {
        let mut line = Line::tcp(TcpStream::connect(self.address).unwrap()).unwrap();
        if let Some((rates, seed)) = self.rates {
            let (bad, count) = line.faulty(rates, seed);
            *self.faults.lock().unwrap() = count;
            line = bad;
        }
        Client::open(line, patience)
    }

    /// Where the device is.
    #[allow(dead_code, reason = "not every test program asks")]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Faults made so far.
    pub fn faults(&self) -> Faults {
        self.faults.lock().unwrap().get()
    }

    /// The device forgets everything; its line stays.
    pub fn reset(&self) {
        self.switches.resets.fetch_add(1, Ordering::SeqCst);
        // The relay looks every few milliseconds.
        thread::sleep(Duration::from_millis(30));
    }

    /// From now on the device is reset again and again.
    pub fn reset_every(&self, time: Duration) {
        self.switches
            .every_ms
            .store(time.as_millis() as u64, Ordering::SeqCst);
    }

    /// The line carries nothing any more.
    pub fn fall_silent(&self) {
        self.switches.silent.store(true, Ordering::SeqCst);
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.switches.closed.store(true, Ordering::SeqCst);
    }
}

/// Carries bytes between a host and the device. A reset hangs up on the device, which forgets its session, and calls it
/// again.
fn relay(mut host: TcpStream, device: SocketAddr, switches: &Switches) {
    let ready = |stream: &TcpStream| {
        stream
            .set_read_timeout(Some(Duration::from_millis(1)))
            .unwrap()
    };
    ready(&host);
    host.set_nodelay(true).unwrap();
    let connect = || {
        let stream = TcpStream::connect(device).unwrap();
        stream.set_nodelay(true).unwrap();
        ready(&stream);
        stream
    };
    let mut inner = connect();
    let mut seen = switches.resets.load(Ordering::SeqCst);
    let mut last = std::time::Instant::now();
    let mut buffer = vec![0; 1 << 16];
    while !switches.closed.load(Ordering::SeqCst) {
        let every = Duration::from_millis(switches.every_ms.load(Ordering::SeqCst));
        if !every.is_zero() && last.elapsed() > every {
            switches.resets.fetch_add(1, Ordering::SeqCst);
        }
        let resets = switches.resets.load(Ordering::SeqCst);
        if resets != seen {
            (seen, last) = (resets, std::time::Instant::now());
            drop(inner);
            // The device needs a moment to notice; until then it is busy.
            thread::sleep(Duration::from_millis(25));
            inner = connect();
        }
        let silent = switches.silent.load(Ordering::SeqCst);
        let [from_host, from_device] =
            [&mut host, &mut inner].map(|stream| match stream.read(&mut buffer) {
                Ok(0) => Err(()),
                Ok(count) => Ok(buffer[..count].to_vec()),
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    Ok(Vec::new())
                }
                Err(_) => Err(()),
            });
        let (Ok(down), Ok(up)) = (from_host, from_device) else {
            return;
        };
        if !silent && (inner.write_all(&down).is_err() || host.write_all(&up).is_err()) {
            return;
        }
    }
}
