//! A byte port over SPI: for an accelerator that hangs on the same board.
//!
//! SPI has no separate directions: every byte sent brings one back. What travels are frames that end with a zero byte
//! and hold none, so zeros between frames mean nothing and serve as idle bytes both ways. Inside a frame there must
//! be none, hence two rules: a transfer is filled up with zeros only behind a frame's end, and runs of received zeros
//! are shortened to one. The peer keeps the same rules: it starts a frame only when it has all of it.
//!
//! The port works when it is called: [`SpiPort::pump`] makes one transfer, and every read and write pumps.

use embedded_hal::spi::SpiDevice;
use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
use heapless::spsc::{Consumer, Producer};

use crate::port::{PortError, Waiting};
use crate::serial::Queues;

/// The byte that ends a frame, and that fills the wire between frames.
const IDLE: u8 = 0;

/// Bytes of one transfer at most.
pub const TRANSFER: usize = 64;

/// A byte port over an SPI device, in the caller's queues.
pub struct SpiPort<'a, D> {
    device: D,
    received_in: Producer<'a, u8>,
    received_out: Consumer<'a, u8>,
    send_in: Producer<'a, u8>,
    send_out: Consumer<'a, u8>,
    waiting: Waiting,
    /// The last byte that was sent, and the last that was received.
    last: (u8, u8),
}

impl<'a, D: SpiDevice> SpiPort<'a, D> {
    /// A port over `device`, which selects the peer for the length of each transfer.
    pub fn new<const RX: usize, const TX: usize>(
        device: D,
        queues: &'a mut Queues<RX, TX>,
        waiting: Waiting,
    ) -> Self {
        let ends = queues.ends();
        Self {
            device,
            received_in: ends.received_in,
            received_out: ends.received_out,
            send_in: ends.send_in,
            send_out: ends.send_out,
            waiting,
            last: (IDLE, IDLE),
        }
    }

    /// Makes one transfer of at most [`TRANSFER`] bytes: what waits to be sent, or idle bytes to hear the peer.
    /// Makes none if there is no room for what may come back, or if the rest of a frame has yet to be written.
    ///
    /// # Errors
    /// [`PortError::Bus`] if the device reports one; the bytes of that transfer are lost, as on any wire.
    pub fn pump(&mut self) -> Result<(), PortError> {
        let mut bytes = [IDLE; TRANSFER];
        let room = self.received_in.capacity() - self.received_in.len();
        let longest = room.min(TRANSFER);
        let mut count = 0;
        while count < longest {
            let Some(byte) = self.send_out.dequeue() else {
                break;
            };
            bytes[count] = byte;
            count += 1;
        }
        if count > 0 {
            self.last.0 = bytes[count - 1];
        }
        if self.last.0 == IDLE {
            count = longest;
        }
        if count == 0 {
            return Ok(());
        }
        let bytes = &mut bytes[..count];
        self.device
            .transfer_in_place(bytes)
            .map_err(|_| PortError::Bus)?;
        for byte in bytes {
            if (*byte, self.last.1) != (IDLE, IDLE) {
                // There is room: the transfer was no longer than that.
                let _ = self.received_in.enqueue(*byte);
            }
            self.last.1 = *byte;
        }
        Ok(())
    }

    /// Sets the longest wait of one call, in microseconds.
    pub fn set_patience(&mut self, microseconds: u64) {
        self.waiting.patience = microseconds;
    }
}

impl<D> ErrorType for SpiPort<'_, D> {
    type Error = PortError;
}

impl<D: SpiDevice> ReadReady for SpiPort<'_, D> {
    /// Listens to the peer if nothing has been received yet.
    fn read_ready(&mut self) -> Result<bool, PortError> {
        if !self.received_out.ready() {
            self.pump()?;
        }
        Ok(self.received_out.ready())
    }
}

impl<D: SpiDevice> WriteReady for SpiPort<'_, D> {
    /// Sends something if there is no room.
    fn write_ready(&mut self) -> Result<bool, PortError> {
        if !self.send_in.ready() {
            self.pump()?;
        }
        Ok(self.send_in.ready())
    }
}

impl<D: SpiDevice> Read for SpiPort<'_, D> {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, PortError> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let waiting = self.waiting;
        waiting.until(|| self.read_ready())?;
        let mut count = 0;
        for byte in bytes {
            let Some(next) = self.received_out.dequeue() else {
                break;
            };
            *byte = next;
            count += 1;
        }
        Ok(count)
    }
}

impl<D: SpiDevice> Write for SpiPort<'_, D> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, PortError> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let waiting = self.waiting;
        waiting.until(|| self.write_ready())?;
        Ok(bytes
            .iter()
            .take_while(|byte| self.send_in.enqueue(**byte).is_ok())
            .count())
    }

    /// Sends all that waits. Gives up if the program does not take what comes back.
    fn flush(&mut self) -> Result<(), PortError> {
        let waiting = self.waiting;
        waiting.until(|| {
            // As fast as the bus allows; the bound is the length of the queue.
            for _ in 0..=self.send_out.len().div_ceil(TRANSFER) {
                if self.send_out.ready() {
                    self.pump()?;
                }
            }
            Ok(!self.send_out.ready())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::convert::Infallible;
    use embedded_hal::spi::{ErrorType as SpiErrorType, Operation};
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::vec::Vec;

    /// Records what it is sent and answers from a script, then with idle bytes.
    #[derive(Default)]
    struct Peer {
        heard: Vec<u8>,
        says: Vec<u8>,
        transfers: Vec<usize>,
    }

    impl SpiErrorType for &mut Peer {
        type Error = Infallible;
    }

    impl SpiDevice for &mut Peer {
        fn transaction(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<(), Infallible> {
            for operation in operations {
                let Operation::TransferInPlace(bytes) = operation else {
                    panic!("the port makes transfers in place only");
                };
                self.transfers.push(bytes.len());
                for byte in bytes.iter_mut() {
                    self.heard.push(*byte);
                    let answer = !self.says.is_empty();
                    *byte = if answer { self.says.remove(0) } else { IDLE };
                }
            }
            Ok(())
        }
    }

    static CLOCK: AtomicU64 = AtomicU64::new(0);
    const WAITING: Waiting = Waiting {
        now: || CLOCK.fetch_add(10, Ordering::Relaxed),
        idle: || (),
        patience: 1_000,
    };

    #[test]
    fn idle_bytes_are_added_behind_a_frame_only() {
        let mut peer = Peer::default();
        let mut queues = Queues::<256, 256>::new();
        let mut port = SpiPort::new(&mut peer, &mut queues, WAITING);
        port.write_all(&[1, 2, 3]).unwrap();
        port.pump().unwrap();
        // In the middle of a frame nothing is sent, not even to listen.
        assert_eq!(port.read_ready(), Ok(false));
        port.write_all(&[4, 0]).unwrap();
        port.flush().unwrap();
        port.pump().unwrap();
        drop(port);
        assert_eq!(peer.transfers, [3, TRANSFER, TRANSFER]);
        assert_eq!(peer.heard[..5], [1, 2, 3, 4, 0]);
        assert!(peer.heard[5..].iter().all(|byte| *byte == IDLE));
    }

    #[test]
    fn frames_arrive_whole_and_runs_of_idle_bytes_do_not() {
        let mut peer = Peer {
            says: [0, 0, 5, 6, 0, 0, 0, 7, 0].into(),
            ..Peer::default()
        };
        let mut queues = Queues::<256, 256>::new();
        let mut port = SpiPort::new(&mut peer, &mut queues, WAITING);
        let mut bytes = [0; 16];
        assert_eq!(port.read(&mut bytes), Ok(5));
        assert_eq!(bytes[..5], [5, 6, 0, 7, 0]);
        assert_eq!(port.read(&mut bytes), Err(PortError::TimedOut));
    }

    #[test]
    fn a_transfer_is_no_longer_than_the_room_for_its_answer() {
        let mut peer = Peer {
            says: [9; 100].into(),
            ..Peer::default()
        };
        let mut queues = Queues::<16, 256>::new();
        let mut port = SpiPort::new(&mut peer, &mut queues, WAITING);
        let frame = [1; 40];
        port.write_all(&frame).unwrap();
        assert_eq!(port.flush(), Err(PortError::TimedOut));
        let mut got = 0;
        while port.flush().is_err() {
            got += port.read(&mut [0; 8]).unwrap();
        }
        drop(port);
        assert_eq!(peer.heard, frame);
        assert!(got >= 25);
    }
}
