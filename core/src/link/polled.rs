//! A device's channel over a byte port that is polled: what a microcontroller has.
//!
//! There is no thread that answers for the transport while the program computes. Whenever the program waits for a
//! packet, or for room for one, [`Polled`] moves bytes: from the port into the transport, due frames into the port,
//! never more than the port takes at once. While the program computes elsewhere, nothing is answered, and the host has
//! the patience for that.
//!
//! Time and everything else that a board does while it waits, feeding a watchdog or sleeping, comes from a
//! [`Pulse`].

use embedded_io::{Read, ReadReady, Write, WriteReady};

use super::device::{Channel, Gone};
use super::end::End;
use super::frame::Payload;
use super::message::Status;
use super::transport::{Event, Micros, Transport};

/// A board's clock, and what it does while a program waits.
pub trait Pulse {
    /// Microseconds since the start; never goes back.
    fn now(&self) -> Micros;

    /// Called on every turn of a loop that waits, and by programs that compute for long: the place to feed a
    /// watchdog. `idle` says that there was nothing to do, so that the board may sleep until an interrupt, for some
    /// milliseconds at most.
    fn turn(&mut self, idle: bool);
}

/// The device's end of a link, for [`Device::serve`](super::Device::serve) and
/// [`Sensor::serve`](super::sensor::Sensor::serve). `W` packets are kept in each direction.
pub struct Polled<'t, P, C, const W: usize> {
    end: End<'t, P, W>,
    pulse: C,
    /// Whether a session has begun whose end was not told.
    begun: bool,
    starts: u32,
}

impl<'t, P: Read + ReadReady + Write + WriteReady, C: Pulse, const W: usize> Polled<'t, P, C, W> {
    /// Listens at a port, as the [device's end](Transport::device) that `transport` is: a large thing, meant to be static.
    /// `starts` is how often the device has started.
    pub const fn new(port: P, pulse: C, transport: &'t mut Transport<W>, starts: u32) -> Self {
        Self {
            end: End::new(port, transport),
            pulse,
            begun: false,
            starts,
        }
    }

    /// The board's clock and hook.
    pub const fn pulse(&mut self) -> &mut C {
        &mut self.pulse
    }

    /// How often the port failed. What it lost meanwhile the transport sends again.
    pub const fn failures(&self) -> u64 {
        self.end.failures
    }

    /// Moves what can be moved without waiting: whether anything was.
    ///
    /// # Errors
    /// [`Gone`] if another session has begun.
    pub fn poll(&mut self) -> Result<bool, Gone> {
        let moved = self.end.turn(self.pulse.now());
        if self.end.transport.event() == Some(Event::Opened)
            && core::mem::replace(&mut self.begun, true)
        {
            return Err(Gone);
        }
        Ok(moved)
    }

    /// Turns until `look` finds something or the session ends.
    fn wait<T>(&mut self, mut look: impl FnMut(&mut Transport<W>) -> Option<T>) -> Result<T, Gone> {
        loop {
            let moved = self.poll()?;
            if let Some(found) = look(self.end.transport) {
                // What is due because of it, an acknowledgement or the packet handed over, need not wait for the
                // next call.
                self.end.turn(self.pulse.now());
                return Ok(found);
            }
            self.pulse.turn(!moved);
        }
    }
}

impl<P: Read + ReadReady + Write + WriteReady, C: Pulse, const W: usize> Channel
    for Polled<'_, P, C, W>
{
    fn receive(&mut self, packet: &mut Payload) -> Result<(), Gone> {
        self.wait(|transport| transport.receive(packet).then_some(()))
    }

    fn send(&mut self, packet: &[u8]) -> Result<(), Gone> {
        self.wait(|transport| transport.has_room().then(|| transport.send(packet)))
    }

    fn status(&self) -> Status {
        let traffic = self.end.transport.traffic();
        Status {
            uptime_ms: self.pulse.now() / 1000,
            damaged: traffic.damaged,
            repeated: traffic.repeated,
            starts: self.starts,
            ..Status::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;
    use std::vec::Vec;

    use super::super::fault::Rates;
    use super::super::pipe::{Clock, pipe};
    use super::*;

    /// Returns what comes, and counts sessions until `sessions` have ended; the packet `[9]` is answered by failures.
    fn echo(
        port: super::super::pipe::Port,
        clock: Clock,
        sessions: usize,
    ) -> std::thread::JoinHandle<Vec<usize>> {
        std::thread::spawn(move || {
            let mut transport = Transport::<4>::device(5);
            let mut channel = Polled::new(port, clock, &mut transport, 1);
            let mut packets = Vec::new();
            let mut packet = Payload::new();
            for _ in 0..sessions {
                let mut count = 0;
                while channel.receive(&mut packet).is_ok() {
                    count += 1;
                    if packet[..] == [9] {
                        let failures = channel.failures();
                        packet = Payload::from_slice(&failures.to_le_bytes()).unwrap();
                    }
                    if channel.send(&packet).is_err() {
                        break;
                    }
                }
                packets.push(count);
            }
            packets
        })
    }

    #[test]
    fn packets_pass_once_and_in_order_over_a_port_that_takes_little_and_loses_much() {
        let (port, mut host) = pipe(Some(Rates::even(1_000)), 97);
        let clock = Clock::new();
        let turns = clock.turns.clone();
        echo(port, clock, 1);
        host.open();
        let packet = |number: usize| -> Vec<u8> {
            (0..(number * 97) % 1165)
                .map(|at| (at * 31 + number * 7) as u8)
                .collect()
        };
        let mut returned = 0;
        for number in 0..60 {
            host.send(&packet(number));
            // Some are under way all the time.
            if number >= 3 {
                assert!(host.receive()[..] == packet(returned)[..], "{returned}");
                returned += 1;
            }
        }
        while returned < 60 {
            assert!(host.receive()[..] == packet(returned)[..], "{returned}");
            returned += 1;
        }
        host.send(&[9]);
        let failures = u64::from_le_bytes(host.receive()[..].try_into().unwrap());
        assert!(failures > 0, "the port fails");
        let [all, idle] = [0, 1].map(|which: usize| turns[which].load(Ordering::Relaxed));
        assert!(0 < idle && idle <= all);
    }

    #[test]
    fn a_session_ends_once_and_the_next_has_packets_of_its_own() {
        let (port, mut host) = pipe(None, 0);
        let device = echo(port, Clock::new(), 3);
        for packets in 1..=3u8 {
            host.open();
            for number in 0..packets {
                host.send(&[number]);
                assert_eq!(host.receive(), [number]);
            }
        }
        host.open();
        assert_eq!(device.join().unwrap(), [1, 2, 3]);
    }

    #[test]
    fn a_device_knows_how_long_it_has_run_and_how_often_it_started() {
        let (port, _host) = pipe(None, 0);
        let mut transport = Transport::<4>::device(5);
        let channel = Polled::new(port, Clock::new(), &mut transport, 7);
        std::thread::sleep(core::time::Duration::from_millis(3));
        let status = channel.status();
        assert_eq!(status.starts, 7);
        assert!((3..5_000).contains(&status.uptime_ms));
    }
}
