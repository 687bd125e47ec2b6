//! The streams of a job, over a channel: words that come, words that go, and what ends both.

use core::cell::{Cell, RefCell};

use super::{Channel, Gone, Stop};
use crate::link::frame::Payload;
use crate::link::message::{
    Ending, Failure, Reply, Request, WORDS_BYTES, WORDS_PER_PACKET, encode,
};
use crate::machine::{Sink, Source, StreamError};
use crate::modulus::{Modulus, WORD_BITS};
use crate::packing::{pack_words, packed_len, unpack_words};
use crate::random::SEED_BYTES;
use crate::sample;

/// Sends at most [`WORDS_PER_PACKET`] words.
pub(super) fn send_words<C: Channel>(channel: &mut C, words: &[u64]) -> Result<(), Gone> {
    let mut packed = [0; WORDS_BYTES];
    let packed = &mut packed[..packed_len(words.len(), WORD_BITS)];
    pack_words(words, packed);
    channel.send(&encode(&Reply::Words {
        count: words.len() as u16,
        packed,
    }))
}

/// The streams of one job, over one channel.
pub(super) struct Conversation<'c, C> {
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
pub(super) enum Arrived {
    /// So many words in the buffer.
    Words(usize),
    /// A polynomial.
    Seed { seed: [u8; SEED_BYTES], limb: usize },
}

impl<'c, C: Channel> Conversation<'c, C> {
    pub(super) const fn new(channel: &'c mut C, room: u32, n: usize) -> Self {
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
    pub(super) fn outcome(&self) -> Result<(), Stop> {
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
    pub(super) fn stream_words(
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
pub(super) struct Incoming<'d, 'c, C> {
    conversation: &'d Conversation<'c, C>,
    moduli: &'d [Modulus],
    buffer: [u64; WORDS_PER_PACKET],
    /// The polynomial of the last seed.
    seeded: &'d mut [u64],
    from_seed: bool,
    /// What is left in the buffer, or in the polynomial.
    range: (usize, usize),
}

impl<'d, 'c, C> Incoming<'d, 'c, C> {
    /// The stream of a conversation; `seeded` has room for one polynomial.
    pub(super) const fn new(
        conversation: &'d Conversation<'c, C>,
        moduli: &'d [Modulus],
        seeded: &'d mut [u64],
    ) -> Self {
        Self {
            conversation,
            moduli,
            buffer: [0; WORDS_PER_PACKET],
            seeded,
            from_seed: false,
            range: (0, 0),
        }
    }
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
pub(super) struct Outgoing<'d, 'c, C> {
    conversation: &'d Conversation<'c, C>,
}

impl<'d, 'c, C> Outgoing<'d, 'c, C> {
    /// The stream of a conversation.
    pub(super) const fn new(conversation: &'d Conversation<'c, C>) -> Self {
        Self { conversation }
    }
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
