//! One end of a link over a line of this computer: a thread reads the line, keeps the transport's time, and answers for
//! it while the program computes.

use std::io::ErrorKind;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use addax_core::link::{Event, MAX_WIRE, Micros, Traffic};

use super::LinkError;
use super::line::Line;

/// Packets kept in each direction: eight polynomials of 4096 words.
pub const WINDOW: usize = 128;

/// The transport of this computer's ends.
pub type Transport = addax_core::link::Transport<WINDOW>;

/// How often a waiting thread looks whether its patience is at an end.
const WAKE: Duration = Duration::from_millis(20);

/// One end of a link.
pub struct Endpoint {
    shared: Arc<Shared>,
    reader: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    start: Instant,
}

struct State {
    transport: Box<Transport>,
    writer: Box<dyn std::io::Write + Send>,
    wire: [u8; MAX_WIRE],
    /// Why the line is of no use any more.
    failed: Option<LineFailure>,
    closing: bool,
}

/// What happened to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFailure {
    /// The other side has closed it.
    Closed,
    /// Reading or writing failed.
    Broken(ErrorKind),
}

impl Shared {
    fn now(&self) -> Micros {
        self.start.elapsed().as_micros() as Micros
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what is due.
    fn flush(&self, state: &mut State) {
        while state.failed.is_none() {
            let now = self.now();
            let Some(length) = state.transport.transmit(now, &mut state.wire) else {
                return;
            };
            let written = state.writer.write_all(&state.wire[..length]);
            if let Err(error) = written.and_then(|()| state.writer.flush()) {
                state.failed = Some(LineFailure::Broken(error.kind()));
            }
        }
    }
}

impl Endpoint {
    /// Runs a transport over a line.
    pub fn new(transport: Box<Transport>, line: Line) -> Self {
        let Line { mut reader, writer } = line;
        let state = State {
            transport,
            writer,
            wire: [0; MAX_WIRE],
            failed: None,
            closing: false,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            changed: Condvar::new(),
            start: Instant::now(),
        });
        let of_thread = Arc::clone(&shared);
        let reader = std::thread::spawn(move || {
            let shared = of_thread;
            let mut buffer = [0; 16 << 10];
            loop {
                let outcome = reader.read(&mut buffer);
                let mut state = shared.lock();
                match outcome {
                    Ok(0) => state.failed = state.failed.or(Some(LineFailure::Closed)),
                    Ok(count) => state.transport.input(shared.now(), &buffer[..count]),
                    Err(error) => match error.kind() {
                        ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::Interrupted => {}
                        kind => state.failed = state.failed.or(Some(LineFailure::Broken(kind))),
                    },
                }
                shared.flush(&mut state);
                let end = state.closing || state.failed.is_some();
                drop(state);
                shared.changed.notify_all();
                if end {
                    return;
                }
            }
        });
        Self {
            shared,
            reader: Some(reader),
        }
    }

    /// Does something to the transport and writes what is due then.
    pub fn with<T>(&self, act: impl FnOnce(&mut Transport, Micros) -> T) -> T {
        let mut state = self.shared.lock();
        let value = act(&mut state.transport, self.shared.now());
        self.shared.flush(&mut state);
        value
    }

    /// Waits until `look` finds something. With a patience it gives up when nothing at all has come for so long.
    ///
    /// # Errors
    /// [`LinkError::Line`], [`LinkError::Silent`].
    pub fn wait<T>(
        &self,
        patience: Option<Duration>,
        mut look: impl FnMut(&mut Transport) -> Option<T>,
    ) -> Result<T, LinkError> {
        let mut state = self.shared.lock();
        loop {
            if let Some(found) = look(&mut state.transport) {
                self.shared.flush(&mut state);
                return Ok(found);
            }
            if let Some(failure) = state.failed {
                return Err(LinkError::Line(failure));
            }
            let silence = Duration::from_micros(state.transport.silence(self.shared.now()));
            if patience.is_some_and(|patience| silence > patience) {
                return Err(LinkError::Silent {
                    seconds: silence.as_secs(),
                });
            }
            let waited = self.shared.changed.wait_timeout(state, WAKE);
            state = waited.map_or_else(|error| error.into_inner().0, |(state, _)| state);
        }
    }

    /// What has travelled.
    pub fn traffic(&self) -> Traffic {
        self.shared.lock().transport.traffic()
    }

    /// Time since the endpoint was made.
    pub fn age(&self) -> Duration {
        self.shared.start.elapsed()
    }

    /// Why the line is of no use any more, if it is not.
    pub fn failure(&self) -> Option<LineFailure> {
        self.shared.lock().failed
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        {
            let mut state = self.shared.lock();
            state.closing = true;
            // Whoever reads the other end sees it close, and so does the thread that reads this one.
            state.writer = Box::new(std::io::sink());
        }
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

/// An event as the error that it is for a host.
pub const fn event_error(event: Event) -> Option<LinkError> {
    match event {
        Event::Opened => None,
        Event::Lost => Some(LinkError::Lost),
        Event::Busy => Some(LinkError::Busy),
        Event::Version(version) => Some(LinkError::Version { found: version }),
    }
}
