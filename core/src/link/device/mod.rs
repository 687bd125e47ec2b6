//! The device's side: does for a host what it asks of a machine.
//!
//! [`Device::serve`] is the whole loop. It runs over any [`Channel`] of packets and any [`RingProcessor`]: a simulated
//! circuit behind a socket, the definition on a microcontroller, a machine behind another link.

mod self_test;
mod streams;

use heapless::Vec;

use super::frame::Payload;
use super::message::{
    DIGEST_BYTES, Failure, Identity, MAX_NAME, Reply, Request, Status, WORDS_BYTES,
    WORDS_PER_PACKET, encode,
};
use crate::isa::{MAX_CONSTANTS, MAX_WORDS, Program};
use crate::machine::{MachineError, Report, RingProcessor};
use crate::modulus::{Modulus, WORD_BITS};
use crate::packing::{pack_words, packed_len};
use crate::params::MAX_LIMBS;
use crate::sample;
use streams::{Arrived, Conversation, Incoming, Outgoing, send_words};

/// The session of a channel has ended: its host is gone, or another one has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// Packets to and from one host, in order and whole.
pub trait Channel {
    /// Waits for the next packet.
    ///
    /// # Errors
    /// [`Gone`] once for every session that ends; the next call waits for the packets of the next.
    fn receive(&mut self, packet: &mut Payload) -> Result<(), Gone>;

    /// Sends a packet, if need be after waiting for room.
    ///
    /// # Errors
    /// As [`Channel::receive`].
    fn send(&mut self, packet: &[u8]) -> Result<(), Gone>;

    /// What the device reports of itself and its line; programs and cycles are filled in by [`Device`].
    fn status(&self) -> Status;
}

/// A machine as a device. `S` has room for one polynomial.
pub struct Device<M, S> {
    machine: M,
    moduli: Vec<Modulus, MAX_LIMBS>,
    name: heapless::String<MAX_NAME>,
    clocked: bool,
    scratch: S,
    program: Vec<u32, MAX_WORDS>,
    constants: Vec<u64, MAX_CONSTANTS>,
    programs: u64,
    total: Report,
}

/// What ends a job without an answer, or with one.
enum Stop {
    Gone,
    Failed(Failure),
}

impl From<Gone> for Stop {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<MachineError> for Stop {
    fn from(error: MachineError) -> Self {
        Self::Failed(error.into())
    }
}

impl<M: RingProcessor, S: AsMut<[u64]>> Device<M, S> {
    /// A device with a machine that computes modulo `moduli`. `name` says what computes, in at most [`MAX_NAME`] bytes (the
    /// rest is cut off), `clocked` whether a clock of its own counts cycles. `scratch` holds at least n words.
    ///
    /// # Panics
    /// If there are more than [`MAX_LIMBS`] moduli, or `scratch` is too short.
    pub fn new(
        machine: M,
        moduli: impl Iterator<Item = Modulus>,
        name: &str,
        clocked: bool,
        mut scratch: S,
    ) -> Self {
        let n = machine.geometry().n();
        assert!(scratch.as_mut().len() >= n, "scratch for one polynomial");
        let end = (0..=MAX_NAME.min(name.len()))
            .rev()
            .find(|&end| name.is_char_boundary(end));
        let name = &name[..end.unwrap_or(0)];
        Self {
            machine,
            moduli: moduli.collect(),
            name: name.try_into().unwrap_or_default(),
            clocked,
            scratch,
            program: Vec::new(),
            constants: Vec::new(),
            programs: 0,
            total: Report::default(),
        }
    }

    /// The machine.
    pub const fn machine(&mut self) -> &mut M {
        &mut self.machine
    }

    /// Serves one session to its end. The host before has left nothing behind: all slots count as never written.
    pub fn serve<C: Channel>(&mut self, channel: &mut C) -> Gone {
        let mut packet = Payload::new();
        let mut outcome = self.machine.reset().map_err(Stop::from);
        self.program.clear();
        self.constants.clear();
        loop {
            let answered = match outcome {
                Ok(()) => Ok(()),
                Err(Stop::Gone) => return Gone,
                Err(Stop::Failed(failure)) => channel.send(&encode(&Reply::Failed(failure))),
            };
            if answered
                .and_then(|()| channel.receive(&mut packet))
                .is_err()
            {
                return Gone;
            }
            outcome = match Request::parse(&packet) {
                Ok(request) => self.answer(&request, channel),
                Err(_) => Err(Stop::Failed(Failure::Protocol)),
            };
        }
    }

    fn n(&self) -> usize {
        self.machine.geometry().n()
    }

    fn answer<C: Channel>(&mut self, request: &Request<'_>, channel: &mut C) -> Result<(), Stop> {
        match *request {
            Request::Identify => self.identify(channel)?,
            Request::Reset => {
                self.machine.reset()?;
                channel.send(&encode(&Reply::Done))?;
            }
            Request::Load { slot, limb } => {
                self.load(slot, limb, channel)?;
                channel.send(&encode(&Reply::Done))?;
            }
            Request::Store { slot } => self.store(slot, channel)?,
            Request::Digests => self.digests(channel)?,
            Request::Program { place, words } => {
                self.program.truncate(usize::from(place));
                let words = words
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .map(|&word| u32::from_le_bytes(word));
                fill(&mut self.program, usize::from(place), words)?;
            }
            Request::Constants { index, values } => {
                self.constants.truncate(usize::from(index));
                let values = values
                    .as_chunks::<8>()
                    .0
                    .iter()
                    .map(|&value| u64::from_le_bytes(value));
                fill(&mut self.constants, usize::from(index), values)?;
            }
            Request::Run {
                words,
                constants,
                room,
            } => self.run(words, constants, room, channel)?,
            Request::Status => {
                let status = Status {
                    programs: self.programs,
                    cycles: self.total.cycles,
                    stalls: self.total.stalls,
                    ..channel.status()
                };
                channel.send(&encode(&Reply::Status(status)))?;
            }
            Request::SelfTest => {
                self_test::run(&mut self.machine, &self.moduli)?;
                channel.send(&encode(&Reply::Done))?;
            }
            // What a program did not take.
            Request::Words { .. }
            | Request::Small(_)
            | Request::Seed { .. }
            | Request::End(_)
            | Request::Taken { .. }
            | Request::Refuse(_) => {}
        }
        Ok(())
    }

    fn identify<C: Channel>(&self, channel: &mut C) -> Result<(), Gone> {
        let mut moduli: Vec<u8, { 8 * MAX_LIMBS }> = Vec::new();
        for modulus in &self.moduli {
            // There is room for MAX_LIMBS.
            let _ = moduli.extend_from_slice(&modulus.value().to_le_bytes());
        }
        let geometry = self.machine.geometry();
        channel.send(&encode(&Reply::Identity(Identity {
            log_n: geometry.log_n() as u8,
            butterflies: geometry.butterflies() as u8,
            slots: geometry.slots() as u8,
            moduli: &moduli,
            name: &self.name,
            clocked: self.clocked,
        })))
    }

    fn load<C: Channel>(&mut self, slot: u8, limb: u8, channel: &mut C) -> Result<(), Stop> {
        let n = self.n();
        let conversation = Conversation::new(channel, 0, n);
        let mut buffer = [0; WORDS_PER_PACKET];
        let mut filled = 0;
        // All words are taken before anything is found wrong with them, as if they came in one piece.
        let taken = loop {
            if filled == n {
                break Ok(());
            }
            match conversation.stream_words(&self.moduli, &mut buffer) {
                Ok(Arrived::Words(count)) => {
                    let count = count.min(n - filled);
                    self.scratch.as_mut()[filled..filled + count].copy_from_slice(&buffer[..count]);
                    filled += count;
                }
                Ok(Arrived::Seed { seed, limb }) if filled == 0 => {
                    let modulus = self.moduli[limb];
                    sample::expand_uniform(&seed, limb, &modulus, &mut self.scratch.as_mut()[..n]);
                    filled = n;
                }
                Ok(Arrived::Seed { .. }) | Err(_) => break Err(Stop::Failed(Failure::Protocol)),
            }
        };
        conversation.outcome()?;
        taken?;
        Ok(self.machine.load(slot, limb, &self.scratch.as_mut()[..n])?)
    }

    fn store<C: Channel>(&mut self, slot: u8, channel: &mut C) -> Result<(), Stop> {
        let n = self.n();
        let words = &mut self.scratch.as_mut()[..n];
        let limb = self.machine.store(slot, words)?;
        channel.send(&encode(&Reply::Slot { limb }))?;
        for words in words.chunks(WORDS_PER_PACKET) {
            send_words(channel, words)?;
        }
        Ok(())
    }

    fn digests<C: Channel>(&mut self, channel: &mut C) -> Result<(), Stop> {
        let n = self.n();
        let mut digests: Vec<u8, { 127 * (1 + DIGEST_BYTES) }> = Vec::new();
        for slot in 0..self.machine.geometry().slots() as u8 {
            let words = &mut self.scratch.as_mut()[..n];
            let (limb, digest) = match self.machine.store(slot, words) {
                Ok(limb) => (limb, digest(words)),
                Err(MachineError::Unwritten { .. }) => (u8::MAX, [0; DIGEST_BYTES]),
                Err(error) => return Err(error.into()),
            };
            // There is room for every slot number.
            let _ = digests.push(limb);
            let _ = digests.extend_from_slice(&digest);
        }
        Ok(channel.send(&encode(&Reply::Digests(&digests)))?)
    }

    fn run<C: Channel>(
        &mut self,
        words: u16,
        constants: u8,
        room: u32,
        channel: &mut C,
    ) -> Result<(), Stop> {
        let (words, constants) = (usize::from(words), usize::from(constants));
        let (Some(words), Some(constants)) =
            (self.program.get(..words), self.constants.get(..constants))
        else {
            return Err(Stop::Failed(Failure::Protocol));
        };
        let program =
            Program::from_words(words, constants).map_err(|_| Stop::Failed(Failure::Program))?;
        let n = self.n();
        let conversation = Conversation::new(channel, room, n);
        let scratch = &mut self.scratch.as_mut()[..n];
        let mut source = Incoming::new(&conversation, &self.moduli, scratch);
        let mut sink = Outgoing::new(&conversation);
        let outcome = self.machine.run(&program, &mut source, &mut sink);
        conversation.outcome()?;
        let report = outcome?;
        self.programs += 1;
        self.total += report;
        Ok(channel.send(&encode(&Reply::Ended(report)))?)
    }
}

fn fill<T, const N: usize>(
    memory: &mut Vec<T, N>,
    place: usize,
    items: impl Iterator<Item = T>,
) -> Result<(), Stop> {
    // A place behind the end would leave a gap.
    let mut fits = memory.len() == place;
    for item in items {
        fits &= memory.push(item).is_ok();
    }
    if fits {
        Ok(())
    } else {
        Err(Stop::Failed(Failure::Protocol))
    }
}

/// The first bytes of the SHA-256 of packed words.
pub fn digest(words: &[u64]) -> [u8; DIGEST_BYTES] {
    use sha2::{Digest, Sha256};

    let mut hash = Sha256::new();
    for words in words.chunks(WORDS_PER_PACKET) {
        let mut packed = [0; WORDS_BYTES];
        let packed = &mut packed[..packed_len(words.len(), WORD_BITS)];
        pack_words(words, packed);
        hash.update(&packed);
    }
    let hash = hash.finalize();
    core::array::from_fn(|i| hash[i])
}
