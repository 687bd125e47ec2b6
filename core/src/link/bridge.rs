//! A device between two lines: passes packets between a host and a machine behind it, or does the machine's work itself
//! when none answers.
//!
//! Both lines have sessions of their own. When a host opens one, the bridge opens one with the machine; packets then pass
//! in both directions as there is room, so that neither side can flood the other and neither line waits for the other
//! longer than it must. When the machine loses its session, or is silent for too long, the bridge ends the host's: for the
//! host that is a device that was reset, which it survives. With the next session the bridge tries the machine again.

use embedded_io::{Read, ReadReady, Write, WriteReady};

use super::device::{Channel, Gone};
use super::end::End;
use super::frame::Payload;
use super::message::{Failure, NO_MACHINE_NUMBER, Reply, Status, encode};
use super::transport::{Event, Micros, Transport};

/// How long a machine may take to answer a greeting.
const GREETING_PATIENCE: Micros = 1_500_000;

/// How long a machine may be silent in a session.
const SILENCE_PATIENCE: Micros = 4_000_000;

/// What a bridge needs of the board it runs on.
pub trait Surroundings {
    /// Microseconds since the start.
    fn now(&mut self) -> Micros;

    /// A number that was not used before.
    fn fresh(&mut self) -> u32;

    /// Called in every turn; `busy` if bytes moved in it. A good moment to feed a watchdog, and to sleep until an interrupt
    /// when nothing moved.
    fn turn(&mut self, busy: bool);

    /// What happened, for a log.
    fn notice(&mut self, notice: Notice);

    /// What the board reports of itself.
    fn status(&self) -> Status;
}

/// What happens to a bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A host has opened a session.
    Host,
    /// The machine has answered: packets pass.
    Machine,
    /// No machine answers: the bridge itself computes.
    NoMachine,
    /// The machine has lost its session.
    MachineReset,
    /// The machine is silent.
    MachineSilent,
}

/// Where a bridge stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No host.
    Idle,
    /// A host waits until the machine answers.
    Greeting,
    /// Packets pass.
    Passing,
    /// The bridge computes.
    Alone,
}

/// A bridge between a host and a machine. `W` packets are kept for each direction of each line.
pub struct Bridge<'t, H, M, S, const W: usize> {
    host: End<'t, H, W>,
    machine: End<'t, M, W>,
    surroundings: S,
    state: State,
}

impl<'t, H, M, S, const W: usize> Bridge<'t, H, M, S, W>
where
    H: Read + ReadReady + Write + WriteReady,
    M: Read + ReadReady + Write + WriteReady,
    S: Surroundings,
{
    /// A bridge between two ports, with the transports of the host's line and of the machine's: a
    /// [device's end](Transport::device) and a [host's end](Transport::host).
    pub fn new(
        host: (H, &'t mut Transport<W>),
        machine: (M, &'t mut Transport<W>),
        mut surroundings: S,
    ) -> Self {
        host.1.set_nonce(surroundings.fresh());
        Self {
            host: End::new(host.0, host.1),
            machine: End::new(machine.0, machine.1),
            surroundings,
            state: State::Idle,
        }
    }

    /// Passes packets until a host is there and no machine: then somebody has to serve the bridge as a [`Channel`], and call
    /// this again when its session has ended. [`refuse`](Self::refuse) is for those who cannot.
    pub fn pass(&mut self) {
        while self.state != State::Alone {
            let now = self.surroundings.now();
            let mut busy = self.host.turn(now) | self.machine.turn(now);
            if self.host.transport.event() == Some(Event::Opened) {
                self.greet(now);
            }
            match self.state {
                State::Greeting => self.await_greeting(now),
                State::Passing => busy |= self.move_packets(now),
                State::Idle | State::Alone => {}
            }
            self.surroundings.turn(busy);
        }
    }

    /// A host has come.
    fn greet(&mut self, now: Micros) {
        self.surroundings.notice(Notice::Host);
        self.machine.transport.open(now, self.surroundings.fresh());
        self.state = State::Greeting;
    }

    fn await_greeting(&mut self, now: Micros) {
        let silent = self.machine.transport.silence(now) > GREETING_PATIENCE;
        match self.machine.transport.event() {
            Some(Event::Opened) => {
                self.machine.transport.watch(true);
                self.surroundings.notice(Notice::Machine);
                self.state = State::Passing;
            }
            None if !silent => {}
            _ => {
                self.machine.transport.close();
                self.surroundings.notice(Notice::NoMachine);
                self.state = State::Alone;
            }
        }
    }

    fn move_packets(&mut self, now: Micros) -> bool {
        let event = self.machine.transport.event();
        if event.is_some() || self.machine.transport.silence(now) > SILENCE_PATIENCE {
            let notice = if event.is_some() {
                Notice::MachineReset
            } else {
                Notice::MachineSilent
            };
            self.surroundings.notice(notice);
            self.machine.transport.close();
            // The host hears at its next frame that nobody knows its session.
            self.host.transport.close();
            self.state = State::Idle;
            return true;
        }
        let down = move_packets(self.host.transport, self.machine.transport);
        down | move_packets(self.machine.transport, self.host.transport)
    }

    /// Answers for the host's line once, in the middle of something long.
    pub fn keep_alive(&mut self) {
        let now = self.surroundings.now();
        self.host.turn(now);
        self.surroundings.turn(true);
    }

    /// Tells the host of this session that there is no machine, whatever it asks, until its session ends.
    pub fn refuse(&mut self) {
        let mut packet = Payload::new();
        while self.receive(&mut packet).is_ok() {
            if self
                .send(&encode(&Reply::Failed(Failure::Device(NO_MACHINE_NUMBER))))
                .is_err()
            {
                return;
            }
        }
    }

    /// Waits for something in the host's session.
    fn wait<T>(&mut self, mut look: impl FnMut(&mut Transport<W>) -> Option<T>) -> Result<T, Gone> {
        loop {
            let now = self.surroundings.now();
            let busy = self.host.turn(now);
            if self.host.transport.event() == Some(Event::Opened) {
                self.greet(now);
                return Err(Gone);
            }
            if let Some(found) = look(self.host.transport) {
                return Ok(found);
            }
            self.surroundings.turn(busy);
        }
    }
}

fn move_packets<const W: usize>(from: &mut Transport<W>, to: &mut Transport<W>) -> bool {
    let mut moved = false;
    while to.has_room() {
        let Some(packet) = from.peek() else { break };
        to.send(packet);
        from.take();
        moved = true;
    }
    moved
}

impl<H, M, S, const W: usize> Channel for Bridge<'_, H, M, S, W>
where
    H: Read + ReadReady + Write + WriteReady,
    M: Read + ReadReady + Write + WriteReady,
    S: Surroundings,
{
    fn receive(&mut self, packet: &mut Payload) -> Result<(), Gone> {
        self.wait(|transport| transport.receive(packet).then_some(()))
    }

    fn send(&mut self, packet: &[u8]) -> Result<(), Gone> {
        self.wait(|transport| transport.has_room().then(|| transport.send(packet)))?;
        // What was sent must not wait for the next packet that comes.
        let now = self.surroundings.now();
        self.host.turn(now);
        Ok(())
    }

    fn status(&self) -> Status {
        let traffic = self.host.transport.traffic();
        Status {
            damaged: traffic.damaged,
            repeated: traffic.repeated,
            ..self.surroundings.status()
        }
    }
}
