//! A transport over a byte port that is polled, as a microcontroller has it.

use core::ops::Range;

use embedded_io::{Read, ReadReady, Write, WriteReady};

use super::frame::MAX_WIRE;
use super::transport::{Micros, Transport};

/// Bytes taken from the port at a time.
const CHUNK: usize = 64;

/// A transport and its port. The transport is large and meant to be static.
pub struct End<'t, P, const W: usize> {
    port: P,
    /// The transport.
    pub transport: &'t mut Transport<W>,
    /// A frame on its way out, and the part of it that the port has not taken yet.
    wire: [u8; MAX_WIRE],
    waiting: Range<usize>,
    /// Failures of the port. They lose bytes, which the transport notices, and nothing else.
    pub failures: u64,
}

impl<'t, P: Read + ReadReady + Write + WriteReady, const W: usize> End<'t, P, W> {
    /// Puts a transport on a port.
    pub const fn new(port: P, transport: &'t mut Transport<W>) -> Self {
        Self {
            port,
            transport,
            wire: [0; MAX_WIRE],
            waiting: 0..0,
            failures: 0,
        }
    }

    /// Moves what can be moved without waiting: from the port into the transport, due frames into the port, never more than
    /// it takes at once. Says whether anything was moved.
    pub fn turn(&mut self, now: Micros) -> bool {
        let received = self.receive(now);
        let sent = self.send(now);
        received || sent
    }

    fn receive(&mut self, now: Micros) -> bool {
        let mut bytes = [0; CHUNK];
        let mut received = false;
        // A port that always has more must not keep the transport from answering.
        for _ in 0..MAX_WIRE / CHUNK {
            let ready = self.port.read_ready();
            if !self.worked(ready).unwrap_or(false) {
                break;
            }
            let count = self.port.read(&mut bytes);
            match self.worked(count) {
                Some(count) if count > 0 => {
                    self.transport.input(now, &bytes[..count.min(CHUNK)]);
                    received = true;
                }
                _ => break,
            }
        }
        received
    }

    fn send(&mut self, now: Micros) -> bool {
        let mut sent = false;
        loop {
            if self.waiting.is_empty() {
                let Some(length) = self.transport.transmit(now, &mut self.wire) else {
                    return sent;
                };
                self.waiting = 0..length;
            }
            let ready = self.port.write_ready();
            if !self.worked(ready).unwrap_or(false) {
                return sent;
            }
            let count = self.port.write(&self.wire[self.waiting.clone()]);
            match self.worked(count) {
                Some(count) if count > 0 => {
                    self.waiting.start += count.min(self.waiting.len());
                    sent = true;
                }
                _ => return sent,
            }
        }
    }

    /// What a call of the port gave, if it did not fail.
    fn worked<T, E>(&mut self, outcome: Result<T, E>) -> Option<T> {
        self.failures += u64::from(outcome.is_err());
        outcome.ok()
    }
}
