//! A line: something that carries bytes both ways, good or bad.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use addax_core::link::fault::{FaultInjector, Faults, Rates};

/// How long a read waits for a byte.
pub const READ_PATIENCE: Duration = Duration::from_millis(10);

/// How long a write may take.
pub const WRITE_PATIENCE: Duration = Duration::from_secs(10);

/// Two ends of a line in one hand.
pub struct Line {
    /// Gives bytes, or an error of kind [`TimedOut`](ErrorKind::TimedOut) or [`WouldBlock`](ErrorKind::WouldBlock) after
    /// about [`READ_PATIENCE`]. No bytes mean that the other side has closed the line.
    pub reader: Box<dyn Read + Send>,
    /// Takes bytes, or fails after a time.
    pub writer: Box<dyn Write + Send>,
}

impl Line {
    /// A connected socket.
    ///
    /// # Errors
    /// A socket that takes no settings.
    pub fn tcp(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(READ_PATIENCE))?;
        stream.set_write_timeout(Some(WRITE_PATIENCE))?;
        Ok(Self {
            reader: Box::new(stream.try_clone()?),
            writer: Box::new(Socket(stream)),
        })
    }

    /// The same line, which carries no more than so many bytes a second in each direction.
    pub fn limited(self, bytes_per_second: f64) -> Self {
        Self {
            reader: Box::new(Limited::new(self.reader, bytes_per_second)),
            writer: Box::new(Limited::new(self.writer, bytes_per_second)),
        }
    }

    /// The same line with faults in both directions, and where their count can be read.
    pub fn faulty(self, rates: Rates, seed: u64) -> (Self, FaultCount) {
        let count = FaultCount::default();
        let reader = FaultyReader {
            inner: self.reader,
            injector: FaultInjector::new(rates, seed),
            ready: VecDeque::new(),
            count: count.clone(),
        };
        let writer = FaultyWriter {
            inner: self.writer,
            injector: FaultInjector::new(rates, !seed),
            count: count.clone(),
        };
        (
            Self {
                reader: Box::new(reader),
                writer: Box::new(writer),
            },
            count,
        )
    }
}

/// Closes both directions when it goes: the reader holds a copy of the socket.
struct Socket(TcpStream);

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // It may be closed already.
        let _ = self.0.shutdown(std::net::Shutdown::Both);
    }
}

/// Faults of both directions of a line.
#[derive(Clone, Default)]
pub struct FaultCount(Arc<Mutex<[Faults; 2]>>);

impl FaultCount {
    /// So many so far.
    pub fn get(&self) -> Faults {
        let [mut both, other] = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        both += other;
        both
    }

    fn set(&self, direction: usize, faults: Faults) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)[direction] = faults;
    }
}

/// A direction of a line that takes its time.
struct Limited<L> {
    inner: L,
    seconds_per_byte: f64,
    /// When the last byte is through.
    free: Instant,
}

impl<L> Limited<L> {
    fn new(inner: L, bytes_per_second: f64) -> Self {
        Self {
            inner,
            seconds_per_byte: 1.0 / bytes_per_second,
            free: Instant::now(),
        }
    }

    fn pass(&mut self, bytes: usize) {
        let time = Duration::from_secs_f64(bytes as f64 * self.seconds_per_byte);
        self.free = self.free.max(Instant::now()) + time;
        std::thread::sleep(self.free.saturating_duration_since(Instant::now()));
    }
}

impl<L: Read> Read for Limited<L> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Not more at a time than passes in a few milliseconds, so that what comes is seen soon.
        let most = (READ_PATIENCE.as_secs_f64() / self.seconds_per_byte) as usize;
        let length = buffer.len().min(most.max(1));
        let count = self.inner.read(&mut buffer[..length])?;
        self.pass(count);
        Ok(count)
    }
}

impl<L: Write> Write for Limited<L> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.pass(count);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

struct FaultyReader {
    inner: Box<dyn Read + Send>,
    injector: FaultInjector,
    ready: VecDeque<u8>,
    count: FaultCount,
}

impl Read for FaultyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ready.is_empty() {
            let count = self.inner.read(buffer)?;
            if count == 0 {
                return Ok(0);
            }
            let ready = &mut self.ready;
            self.injector
                .pass(&buffer[..count], &mut |bytes| ready.extend(bytes));
            self.count.set(0, self.injector.faults());
            if self.ready.is_empty() {
                return Err(ErrorKind::WouldBlock.into());
            }
        }
        self.ready.read(buffer)
    }
}

struct FaultyWriter {
    inner: Box<dyn Write + Send>,
    injector: FaultInjector,
    count: FaultCount,
}

impl Write for FaultyWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut out = Vec::with_capacity(bytes.len());
        self.injector
            .pass(bytes, &mut |bytes| out.extend_from_slice(bytes));
        self.count.set(1, self.injector.faults());
        self.inner.write_all(&out)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
