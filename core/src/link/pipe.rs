//! For tests: a byte port in memory, good or bad, and a host at its other end.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use embedded_io::{ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};

use super::fault::{FaultInjector, Rates};
use super::frame::{MAX_WIRE, Payload};
use super::polled::Pulse;
use super::transport::{Event, Micros, Transport};

/// Most bytes that a direction holds.
const ROOM: usize = 4096;

type Queue = Arc<Mutex<VecDeque<u8>>>;

/// A device's port. It takes and gives few bytes at a time, and fails now and then.
pub struct Port {
    incoming: Queue,
    outgoing: Queue,
    calls: u64,
    /// Every so many calls one fails; never if zero.
    fails_every: u64,
    injector: Option<FaultInjector>,
}

impl Port {
    fn failing(&mut self) -> Result<(), ErrorKind> {
        self.calls += 1;
        match self.fails_every != 0 && self.calls.is_multiple_of(self.fails_every) {
            true => Err(ErrorKind::Other),
            false => Ok(()),
        }
    }
}

impl ErrorType for Port {
    type Error = ErrorKind;
}

impl ReadReady for Port {
    fn read_ready(&mut self) -> Result<bool, ErrorKind> {
        Ok(!self.incoming.lock().unwrap().is_empty())
    }
}

impl WriteReady for Port {
    fn write_ready(&mut self) -> Result<bool, ErrorKind> {
        Ok(self.outgoing.lock().unwrap().len() < ROOM)
    }
}

impl Read for Port {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, ErrorKind> {
        self.failing()?;
        let mut incoming = self.incoming.lock().unwrap();
        assert!(!incoming.is_empty(), "a read that would wait");
        let count = bytes.len().min(incoming.len()).min(40);
        for byte in &mut bytes[..count] {
            *byte = incoming.pop_front().unwrap();
        }
        Ok(count)
    }
}

impl Write for Port {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.failing()?;
        let mut outgoing = self.outgoing.lock().unwrap();
        assert!(outgoing.len() < ROOM, "a write that would wait");
        let count = bytes.len().min(ROOM - outgoing.len()).min(100);
        match &mut self.injector {
            Some(injector) => injector.pass(&bytes[..count], &mut |bytes| outgoing.extend(bytes)),
            None => outgoing.extend(&bytes[..count]),
        }
        Ok(count)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

/// A clock that counts the turns.
#[derive(Clone)]
pub struct Clock {
    start: Instant,
    /// Turns, and those of them that were idle.
    pub turns: Arc<[AtomicU64; 2]>,
}

impl Clock {
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            turns: Arc::default(),
        }
    }
}

impl Pulse for Clock {
    fn now(&self) -> Micros {
        self.start.elapsed().as_micros() as Micros
    }

    fn turn(&mut self, idle: bool) {
        self.turns[0].fetch_add(1, Ordering::Relaxed);
        if idle {
            self.turns[1].fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_micros(100));
        }
    }
}

/// A host: a transport over the other end of the port.
pub struct Host {
    incoming: Queue,
    outgoing: Queue,
    transport: Transport<8>,
    start: Instant,
    half: u32,
}

/// A port and its host. With `rates` what the device sends suffers faults.
pub fn pipe(rates: Option<Rates>, fails_every: u64) -> (Port, Host) {
    let [down, up] = [Queue::default(), Queue::default()];
    let port = Port {
        incoming: Arc::clone(&down),
        outgoing: Arc::clone(&up),
        calls: 0,
        fails_every,
        injector: rates.map(|rates| FaultInjector::new(rates, 11)),
    };
    let host = Host {
        incoming: up,
        outgoing: down,
        transport: Transport::host(),
        start: Instant::now(),
        half: 1,
    };
    (port, host)
}

impl Host {
    fn turn(&mut self) {
        let now = self.start.elapsed().as_micros() as Micros;
        let bytes: std::vec::Vec<u8> = self.incoming.lock().unwrap().drain(..).collect();
        self.transport.input(now, &bytes);
        let mut wire = [0; MAX_WIRE];
        while self.outgoing.lock().unwrap().len() < ROOM
            && let Some(length) = self.transport.transmit(now, &mut wire)
        {
            self.outgoing.lock().unwrap().extend(&wire[..length]);
        }
    }

    /// Waits until `look` finds something.
    fn wait<T>(&mut self, mut look: impl FnMut(&mut Transport<8>) -> Option<T>) -> T {
        let begin = Instant::now();
        loop {
            self.turn();
            if let Some(found) = look(&mut self.transport) {
                self.turn();
                return found;
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "nothing comes");
            std::thread::sleep(Duration::from_micros(100));
        }
    }

    /// Begins a session.
    pub fn open(&mut self) {
        self.half += 1;
        let now = self.start.elapsed().as_micros() as Micros;
        self.transport.open(now, self.half);
        self.transport.watch(true);
        self.wait(|transport| (transport.event() == Some(Event::Opened)).then_some(()));
    }

    /// Sends a packet.
    pub fn send(&mut self, packet: &[u8]) {
        self.wait(|transport| transport.has_room().then(|| transport.send(packet)));
    }

    /// Waits for a packet.
    pub fn receive(&mut self) -> Payload {
        self.wait(|transport| {
            let packet = Payload::from_slice(transport.peek()?).unwrap();
            transport.take();
            Some(packet)
        })
    }
}
