//! The device's side: does for a host what it asks of a machine.
//!
//! [`Device::serve`] is the whole loop. It runs over any [`Channel`] of packets and any [`RingProcessor`]: a simulated
//! circuit behind a socket, the definition on a microcontroller, a machine behind another link.

use core::cell::{Cell, RefCell};

use heapless::Vec;

use super::frame::Payload;
use super::message::{
    DIGEST_BYTES, Ending, Failure, Identity, MAX_NAME, Reply, Request, Status, WORDS_BYTES,
    WORDS_PER_PACKET, WRONG_RESULT, encode,
};
use crate::isa::{MAX_CONSTANTS, MAX_WORDS, Program, ProgramBuilder, ProgramError};
use crate::machine::{MachineError, Report, RingProcessor, Sink, Source, StreamError};
use crate::modulus::{Modulus, WORD_BITS};
use crate::packing::{pack_words, packed_len, unpack_words};
use crate::params::MAX_LIMBS;
use crate::sample;

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
                self.self_test()?;
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
        let mut source = Incoming {
            conversation: &conversation,
            moduli: &self.moduli,
            buffer: [0; WORDS_PER_PACKET],
            seeded: &mut self.scratch.as_mut()[..n],
            from_seed: false,
            range: (0, 0),
        };
        let mut sink = Outgoing {
            conversation: &conversation,
        };
        let outcome = self.machine.run(&program, &mut source, &mut sink);
        conversation.outcome()?;
        let report = outcome?;
        self.programs += 1;
        self.total += report;
        Ok(channel.send(&encode(&Reply::Ended(report.into())))?)
    }

    /// (1 + X)·X^(n−1) = X^(n−1) − 1 modulo X^n + 1, in every limb: transforms both ways, a product, a constant.
    fn self_test(&mut self) -> Result<(), Stop> {
        for limb in 0..self.moduli.len() as u8 {
            let q = self.moduli[usize::from(limb)];
            let program = product(limb, &q).map_err(MachineError::from)?;
            let (mut source, mut sink) = (
                Factors {
                    n: self.n(),
                    at: 0,
                    word: 0,
                },
                Product {
                    n: self.n(),
                    q: q.value(),
                    at: 0,
                    wrong: false,
                },
            );
            self.machine.run(&program, &mut source, &mut sink)?;
            if sink.wrong || sink.at != sink.n {
                return Err(MachineError::Device(WRONG_RESULT).into());
            }
        }
        self.machine.reset()?;
        Ok(())
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

fn send_words<C: Channel>(channel: &mut C, words: &[u64]) -> Result<(), Gone> {
    let mut packed = [0; WORDS_BYTES];
    let packed = &mut packed[..packed_len(words.len(), WORD_BITS)];
    pack_words(words, packed);
    channel.send(&encode(&Reply::Words {
        count: words.len() as u16,
        packed,
    }))
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

/// The streams of one job, over one channel.
struct Conversation<'c, C> {
    channel: RefCell<&'c mut C>,
    packet: RefCell<Payload>,
    /// Output words that the host takes for certain, and those written.
    room: u64,
    written: Cell<u64>,
    n: usize,
    ended: Cell<Option<Ending>>,
    gone: Cell<bool>,
    /// The host said something that belongs to no stream.
    broken: Cell<bool>,
}

/// What a packet of the input stream brought.
enum Arrived {
    /// So many words in the buffer.
    Words(usize),
    /// A polynomial.
    Seed { seed: [u8; 32], limb: usize },
}

impl<'c, C: Channel> Conversation<'c, C> {
    const fn new(channel: &'c mut C, room: u32, n: usize) -> Self {
        Self {
            channel: RefCell::new(channel),
            packet: RefCell::new(Payload::new()),
            room: room as u64,
            written: Cell::new(0),
            n,
            ended: Cell::new(None),
            gone: Cell::new(false),
            broken: Cell::new(false),
        }
    }

    /// Whether the host is still there and kept to the protocol.
    fn outcome(&self) -> Result<(), Stop> {
        match (self.gone.get(), self.broken.get()) {
            (true, _) => Err(Stop::Gone),
            (_, true) => Err(Stop::Failed(Failure::Protocol)),
            _ => Ok(()),
        }
    }

    /// Waits for a packet and hands it to `read`, which says `None` to what makes no sense.
    fn next<T>(
        &self,
        read: impl FnOnce(&Request<'_>) -> Option<Result<T, StreamError>>,
    ) -> Result<T, StreamError> {
        if self.gone.get() || self.broken.get() {
            return Err(StreamError::Failed("the host is gone"));
        }
        let mut packet = self.packet.borrow_mut();
        if self.channel.borrow_mut().receive(&mut packet).is_err() {
            self.gone.set(true);
            return Err(StreamError::Failed("the host is gone"));
        }
        let answer = Request::parse(&packet)
            .ok()
            .and_then(|request| read(&request));
        answer.unwrap_or_else(|| {
            self.broken.set(true);
            Err(StreamError::Failed("the host said what it may not say now"))
        })
    }

    /// The next stream words.
    fn stream_words(
        &self,
        moduli: &[Modulus],
        buffer: &mut [u64; WORDS_PER_PACKET],
    ) -> Result<Arrived, StreamError> {
        if let Some(ending) = self.ended.get() {
            return Err(ending.into());
        }
        self.next(|request| match *request {
            Request::Words { count, packed } => {
                let count = usize::from(count);
                unpack_words(packed, &mut buffer[..count])?;
                Some(Ok(Arrived::Words(count)))
            }
            Request::Small(bytes) => {
                for (word, &byte) in buffer.iter_mut().zip(bytes) {
                    *word = byte.into();
                }
                Some(Ok(Arrived::Words(bytes.len())))
            }
            Request::Seed { seed, limb } if usize::from(limb) < moduli.len() => {
                Some(Ok(Arrived::Seed {
                    seed,
                    limb: limb.into(),
                }))
            }
            Request::End(ending) => {
                self.ended.set(Some(ending));
                Some(Err(ending.into()))
            }
            _ => None,
        })
    }
}

/// The input stream of a program.
struct Incoming<'d, 'c, C> {
    conversation: &'d Conversation<'c, C>,
    moduli: &'d [Modulus],
    buffer: [u64; WORDS_PER_PACKET],
    /// The polynomial of the last seed.
    seeded: &'d mut [u64],
    from_seed: bool,
    /// What is left in the buffer, or in the polynomial.
    range: (usize, usize),
}

impl<C: Channel> Source for Incoming<'_, '_, C> {
    fn chunk(&mut self, max: usize) -> Result<&[u64], StreamError> {
        if self.range.0 == self.range.1 {
            match self
                .conversation
                .stream_words(self.moduli, &mut self.buffer)?
            {
                Arrived::Words(count) => (self.from_seed, self.range) = (false, (0, count)),
                Arrived::Seed { seed, limb } => {
                    sample::expand_uniform(&seed, limb, &self.moduli[limb], self.seeded);
                    (self.from_seed, self.range) = (true, (0, self.seeded.len()));
                }
            }
        }
        let (start, end) = (self.range.0, self.range.1.min(self.range.0 + max));
        self.range.0 = end;
        Ok(if self.from_seed {
            &self.seeded[start..end]
        } else {
            &self.buffer[start..end]
        })
    }
}

/// The output stream of a program.
struct Outgoing<'d, 'c, C> {
    conversation: &'d Conversation<'c, C>,
}

impl<C: Channel> Sink for Outgoing<'_, '_, C> {
    fn write(&mut self, words: &[u64]) -> Result<(), StreamError> {
        let conversation = self.conversation;
        for words in words.chunks(WORDS_PER_PACKET) {
            if send_words(&mut **conversation.channel.borrow_mut(), words).is_err() {
                conversation.gone.set(true);
                return Err(StreamError::Failed("the host is gone"));
            }
        }
        let written = conversation.written.get() + words.len() as u64;
        conversation.written.set(written);
        // The host answers whole polynomials.
        if written <= conversation.room || !written.is_multiple_of(conversation.n as u64) {
            return Ok(());
        }
        conversation.next(|request| match *request {
            Request::Taken { words } => (u64::from(words) >= written).then_some(Ok(())),
            Request::Refuse(ending) => Some(Err(ending.into())),
            _ => None,
        })
    }
}

/// The product of two polynomials of the input stream under one limb, to the output stream.
fn product(limb: u8, q: &Modulus) -> Result<Program, ProgramError> {
    let mut builder = ProgramBuilder::new();
    let square = builder.constant(q.to_montgomery(q.to_montgomery(1)))?;
    builder
        .load(limb, 0)?
        .load(limb, 1)?
        .ntt(limb, 0, 0)?
        .ntt(limb, 1, 1)?
        .mul(limb, 0, 0, 1)?
        .mul_constant(limb, 0, 0, square)?
        .intt(limb, 0, 0)?
        .store(0)?;
    builder.finish()
}

/// 1 + X, then X^(n−1).
struct Factors {
    n: usize,
    at: usize,
    word: u64,
}

impl Source for Factors {
    fn chunk(&mut self, _max: usize) -> Result<&[u64], StreamError> {
        self.word = u64::from([0, 1, 2 * self.n - 1].contains(&self.at));
        self.at += 1;
        Ok(core::slice::from_ref(&self.word))
    }
}

/// Compares with X^(n−1) − 1.
struct Product {
    n: usize,
    q: u64,
    at: usize,
    wrong: bool,
}

impl Sink for Product {
    fn write(&mut self, words: &[u64]) -> Result<(), StreamError> {
        for &word in words {
            let expected = match self.at {
                0 => self.q - 1,
                at => u64::from(at == self.n - 1),
            };
            self.wrong |= word != expected;
            self.at += 1;
        }
        Ok(())
    }
}
