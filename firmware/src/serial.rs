//! A UART as a byte port: two queues between the program and the interrupt.
//!
//! [`connect`] splits the queues in two halves. The program holds the [`SerialPort`]; the interrupt handler holds the
//! [`SerialInterrupt`] and is the only one that touches the UART's registers. The port asks for attention by pending
//! the interrupt, so neither half ever takes a lock.
//!
//! When the queue of received bytes is full, the handler leaves bytes in the UART and turns its receive interrupt off
//! until there is room. Where the wire has flow control (the emulator's sockets do) the sender waits; where it has
//! none the UART overruns, and the frame's checksum finds the gap.

use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
use heapless::spsc::{Consumer, Producer, Queue};

use crate::port::{PortError, Waiting};

/// The registers of one UART, as the interrupt handler needs them.
pub trait Uart {
    /// The received byte, if there is one. Acknowledges the receive interrupt before it looks, so that a byte that
    /// comes later makes another.
    fn receive(&mut self) -> Option<u8>;
    /// Whether [`send`](Self::send) would take a byte now.
    fn can_send(&mut self) -> bool;
    /// Sends a byte; called only after [`can_send`](Self::can_send) said yes.
    fn send(&mut self, byte: u8);
    /// Turns the interrupt for received bytes on or off.
    fn listen_receive(&mut self, on: bool);
    /// Turns the interrupt for room to send on or off.
    fn listen_send(&mut self, on: bool);
}

/// The memory of one port: `RX` bytes towards the program, `TX` bytes away from it, of which one each stays unused.
pub struct Queues<const RX: usize, const TX: usize> {
    receive: Queue<u8, RX>,
    send: Queue<u8, TX>,
}

impl<const RX: usize, const TX: usize> Queues<RX, TX> {
    /// Empty queues.
    pub const fn new() -> Self {
        Self {
            receive: Queue::new(),
            send: Queue::new(),
        }
    }

    /// The four ends: received bytes in and out, bytes to send in and out.
    pub(crate) fn ends(&mut self) -> Ends<'_> {
        let (received_in, received_out) = self.receive.split();
        let (send_in, send_out) = self.send.split();
        Ends {
            received_in,
            received_out,
            send_in,
            send_out,
        }
    }
}

impl<const RX: usize, const TX: usize> Default for Queues<RX, TX> {
    fn default() -> Self {
        Self::new()
    }
}

/// The ends of a port's queues.
pub(crate) struct Ends<'a> {
    pub received_in: Producer<'a, u8>,
    pub received_out: Consumer<'a, u8>,
    pub send_in: Producer<'a, u8>,
    pub send_out: Consumer<'a, u8>,
}

/// How a port makes its interrupt handler run soon.
#[derive(Debug, Clone, Copy)]
pub struct Attention {
    /// Runs [`SerialInterrupt::receive`].
    pub receive: fn(),
    /// Runs [`SerialInterrupt::transmit`].
    pub send: fn(),
}

/// Makes the two halves of a port on `queues`.
pub fn connect<const RX: usize, const TX: usize>(
    queues: &mut Queues<RX, TX>,
    attention: Attention,
    waiting: Waiting,
) -> (SerialPort<'_>, SerialInterrupt<'_>) {
    let ends = queues.ends();
    let port = SerialPort {
        received: ends.received_out,
        send: ends.send_in,
        attention,
        waiting,
    };
    let interrupt = SerialInterrupt {
        received: ends.received_in,
        send: ends.send_out,
    };
    (port, interrupt)
}

/// The program's half: a byte port.
pub struct SerialPort<'a> {
    received: Consumer<'a, u8>,
    send: Producer<'a, u8>,
    attention: Attention,
    waiting: Waiting,
}

impl SerialPort<'_> {
    /// Sets the longest wait of one call, in microseconds.
    pub fn set_patience(&mut self, microseconds: u64) {
        self.waiting.patience = microseconds;
    }

    /// Received bytes that wait in the queue.
    pub fn available(&self) -> usize {
        self.received.len()
    }

    /// Bytes that can be written without waiting.
    pub fn room(&self) -> usize {
        self.send.capacity() - self.send.len()
    }

    /// Takes what has been received, up to the length of `bytes`, without waiting: how many.
    pub fn take(&mut self, bytes: &mut [u8]) -> usize {
        // The handler stopped listening if it found the queue full; it starts again when it runs.
        let was_full = self.received.len() == self.received.capacity();
        let mut count = 0;
        for byte in bytes {
            let Some(next) = self.received.dequeue() else {
                break;
            };
            *byte = next;
            count += 1;
        }
        if was_full && count > 0 {
            (self.attention.receive)();
        }
        count
    }

    /// Queues what there is room for, without waiting: how many of `bytes`.
    pub fn offer(&mut self, bytes: &[u8]) -> usize {
        let count = bytes
            .iter()
            .take_while(|byte| self.send.enqueue(**byte).is_ok())
            .count();
        if count > 0 {
            (self.attention.send)();
        }
        count
    }
}

impl ErrorType for SerialPort<'_> {
    type Error = PortError;
}

impl ReadReady for SerialPort<'_> {
    fn read_ready(&mut self) -> Result<bool, PortError> {
        Ok(self.received.ready())
    }
}

impl WriteReady for SerialPort<'_> {
    fn write_ready(&mut self) -> Result<bool, PortError> {
        Ok(self.send.ready())
    }
}

impl Read for SerialPort<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, PortError> {
        if bytes.is_empty() {
            return Ok(0);
        }
        self.waiting.until(|| Ok(self.received.ready()))?;
        Ok(self.take(bytes))
    }
}

impl Write for SerialPort<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, PortError> {
        if bytes.is_empty() {
            return Ok(0);
        }
        self.waiting.until(|| Ok(self.send.ready()))?;
        Ok(self.offer(bytes))
    }

    /// Waits until the UART has taken the last byte.
    fn flush(&mut self) -> Result<(), PortError> {
        self.waiting.until(|| Ok(self.send.is_empty()))
    }
}

/// Bytes that one run of the handler sends at most, so that no interrupt holds up the others.
const BURST: usize = 16;

/// The interrupt handler's half. Which of its two functions runs when does not matter to what arrives, only to how
/// often registers are looked at, which is most of the time that a byte takes.
pub struct SerialInterrupt<'a> {
    received: Producer<'a, u8>,
    send: Consumer<'a, u8>,
}

impl SerialInterrupt<'_> {
    /// Takes a byte, if there is one and room for it: what the handler does when the receive interrupt fires. A byte
    /// that comes meanwhile makes the interrupt fire again.
    pub fn receive(&mut self, uart: &mut impl Uart) {
        if !self.received.ready() {
            uart.listen_receive(false);
            return;
        }
        uart.listen_receive(true);
        if let Some(byte) = uart.receive() {
            // There is room: nobody else fills the queue.
            let _ = self.received.enqueue(byte);
        }
    }

    /// Sends what the UART takes: what the handler does when the send interrupt fires. True if it stopped at its
    /// bound and wants to run again.
    pub fn transmit(&mut self, uart: &mut impl Uart) -> bool {
        for _ in 0..BURST {
            if !self.send.ready() {
                uart.listen_send(false);
                return false;
            }
            if !uart.can_send() {
                // Looks again, because the UART may have got room before it was told to say so.
                uart.listen_send(true);
                if !uart.can_send() {
                    return false;
                }
            }
            if let Some(byte) = self.send.dequeue() {
                uart.send(byte);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
    use std::vec::Vec;

    /// A UART with one byte of room each way.
    #[derive(Default)]
    struct Wire {
        incoming: VecDeque<u8>,
        outgoing: Vec<u8>,
        busy: bool,
        listens_receive: bool,
        listens_send: bool,
    }

    impl Uart for Wire {
        fn receive(&mut self) -> Option<u8> {
            self.incoming.pop_front()
        }
        fn can_send(&mut self) -> bool {
            !self.busy
        }
        fn send(&mut self, byte: u8) {
            assert!(!self.busy);
            self.outgoing.push(byte);
        }
        fn listen_receive(&mut self, on: bool) {
            self.listens_receive = on;
        }
        fn listen_send(&mut self, on: bool) {
            self.listens_send = on;
        }
    }

    static CLOCK: AtomicU64 = AtomicU64::new(0);
    static ATTENTION: AtomicUsize = AtomicUsize::new(0);

    const WAITING: Waiting = Waiting {
        now: || CLOCK.fetch_add(10, Ordering::Relaxed),
        idle: || (),
        patience: 1_000,
    };

    const ATTENTION_ON: Attention = Attention {
        receive: || {
            ATTENTION.fetch_add(1, Ordering::Relaxed);
        },
        send: || (),
    };

    #[test]
    fn bytes_pass_both_ways_in_order_and_a_full_queue_pauses_the_receiver() {
        let mut queues = Queues::<8, 8>::new();
        let (mut port, mut interrupt) = connect(&mut queues, ATTENTION_ON, WAITING);
        let mut wire = Wire {
            incoming: (0..20).collect(),
            ..Wire::default()
        };
        for _ in 0..10 {
            interrupt.receive(&mut wire);
        }
        assert!(!wire.listens_receive, "seven bytes fill the queue");
        assert_eq!(wire.incoming.len(), 13);
        let mut seen = Vec::new();
        while seen.len() < 20 {
            let mut bytes = [0; 3];
            let before = ATTENTION.load(Ordering::Relaxed);
            let full = port.available() == 7;
            let count = port.read(&mut bytes).unwrap();
            seen.extend_from_slice(&bytes[..count]);
            if full {
                assert!(ATTENTION.load(Ordering::Relaxed) > before);
            }
            interrupt.receive(&mut wire);
        }
        assert_eq!(seen, (0..20).collect::<Vec<u8>>());
        assert!(wire.listens_receive);

        assert_eq!(port.write(&[1, 2, 3, 4, 5, 6, 7, 8, 9]), Ok(7));
        assert_eq!(port.room(), 0);
        wire.busy = true;
        interrupt.transmit(&mut wire);
        assert!(wire.listens_send && wire.outgoing.is_empty());
        wire.busy = false;
        interrupt.transmit(&mut wire);
        assert_eq!(wire.outgoing, [1, 2, 3, 4, 5, 6, 7]);
        assert!(!wire.listens_send);
    }

    #[test]
    fn a_silent_peer_is_an_error_in_bounded_time() {
        let mut queues = Queues::<8, 8>::new();
        let (mut port, _interrupt) = connect(&mut queues, ATTENTION_ON, WAITING);
        assert_eq!(port.read_ready(), Ok(false));
        assert_eq!(port.read(&mut [0; 4]), Err(PortError::TimedOut));
        assert_eq!(port.write(&[0; 7]), Ok(7));
        assert_eq!(port.write_ready(), Ok(false));
        assert_eq!(port.write(&[0]), Err(PortError::TimedOut));
        assert_eq!(port.flush(), Err(PortError::TimedOut));
        assert_eq!(port.read(&mut []), Ok(0));
    }

    #[test]
    fn one_run_of_the_handler_is_bounded() {
        let mut queues = Queues::<64, 64>::new();
        let (mut port, mut interrupt) = connect(&mut queues, ATTENTION_ON, WAITING);
        let mut wire = Wire::default();
        port.offer(&[7; 40]);
        assert!(interrupt.transmit(&mut wire));
        assert_eq!(wire.outgoing.len(), BURST);
    }
}
