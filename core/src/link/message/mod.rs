//! What host and device say to each other: one message a packet.
//!
//! A conversation is a list of jobs. The host names one, sends what belongs to it, and waits for its answer:
//!
//! | job | what follows | answer |
//! |---|---|---|
//! | [`Request::Identify`] | | [`Reply::Identity`] |
//! | [`Request::Reset`], [`Request::SelfTest`] | | [`Reply::Done`] or [`Reply::Failed`] |
//! | [`Request::Load`] | n stream words | [`Reply::Done`] or [`Reply::Failed`] |
//! | [`Request::Store`] | | [`Reply::Slot`] and n [`Reply::Words`], or [`Reply::Failed`] |
//! | [`Request::Digests`] | | [`Reply::Digests`] |
//! | [`Request::Status`] | | [`Reply::Status`] |
//! | [`Request::Program`], [`Request::Constants`] … [`Request::Run`] | stream words, [`Request::Taken`] | [`Reply::Words`] …, then [`Reply::Ended`] or [`Reply::Failed`] |
//!
//! **Stream words** come as packed words, as bytes where the machine looks at eight bits only, or as the seed of a
//! uniform polynomial; [`Request::End`] says that there are no more, and why. Words that a program did not take before
//! it ended are thrown away.
//!
//! **Output.** A program may store words that the host cannot keep. The host says in [`Request::Run`] how many words it
//! takes for certain; behind these the device waits after every store until the host has [taken](Request::Taken) or
//! refused it, so that nothing happens behind a store that is refused. The host in turn sends no stream words past such
//! a store before it has answered it.
//!
//! Messages are encoded by `postcard` (numbers as variable-length integers of seven bits a byte), packed words are raw
//! bytes. No length is believed: a packet bounds them all.

mod failure;

use serde::{Deserialize, Serialize};

use super::frame::{MAX_PAYLOAD, Payload};
use crate::isa::MAX_CONSTANTS;
use crate::machine::{Report, StreamError};
use crate::modulus::WORD_BITS;
use crate::packing::packed_len;
use crate::params::MAX_LIMBS;
use crate::random::SEED_BYTES;

pub use failure::{Failure, FaultCode, NO_MACHINE_NUMBER, WRONG_RESULT, device_error};

#[cfg(doc)]
use crate::machine::MachineError;

/// Most words of one packet of stream words.
pub const WORDS_PER_PACKET: usize = 256;

/// Their bytes.
pub const WORDS_BYTES: usize = packed_len(WORDS_PER_PACKET, WORD_BITS);

/// Most instruction words of one [`Request::Program`].
pub const PROGRAM_WORDS_PER_PACKET: usize = 224;

/// Most constants of one [`Request::Constants`].
pub const CONSTANTS_PER_PACKET: usize = 112;

/// Bytes of a slot's digest.
pub const DIGEST_BYTES: usize = 8;

/// Most bytes of a device's description of itself.
pub const MAX_NAME: usize = 64;

/// Why a stream ended, or why one took no more: [`StreamError`] without its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// No more words.
    Ended,
    /// Takes no more words.
    Full,
    /// Broke the contract of streams.
    Contract,
    /// What lies behind the stream failed.
    Failed,
    /// The host gave the program up.
    Aborted,
}

impl From<StreamError> for Ending {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Ended => Self::Ended,
            StreamError::Full => Self::Full,
            StreamError::Contract => Self::Contract,
            StreamError::Failed(_) => Self::Failed,
        }
    }
}

impl From<Ending> for StreamError {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Ended => Self::Ended,
            Ending::Full => Self::Full,
            Ending::Contract => Self::Contract,
            Ending::Failed => Self::Failed("the stream's other side failed"),
            Ending::Aborted => Self::Failed("aborted by the host"),
        }
    }
}

/// From host to device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request<'a> {
    /// Which machine is it?
    Identify,
    /// Marks all slots as never written.
    Reset,
    /// Writes n stream words into a slot.
    Load {
        /// The slot.
        slot: u8,
        /// The limb.
        limb: u8,
    },
    /// Reads a slot.
    Store {
        /// The slot.
        slot: u8,
    },
    /// What do all slots hold, in short?
    Digests,
    /// Writes instruction words.
    Program {
        /// Place of the first.
        place: u16,
        /// Words of 32 bits, low byte first.
        words: &'a [u8],
    },
    /// Writes constants.
    Constants {
        /// Index of the first.
        index: u8,
        /// Constants of 64 bits, low byte first.
        values: &'a [u8],
    },
    /// Runs the program.
    Run {
        /// Its instruction words.
        words: u16,
        /// Its constants.
        constants: u8,
        /// Output words that the host takes for certain.
        room: u32,
    },
    /// Stream words.
    Words {
        /// How many.
        count: u16,
        /// Packed.
        packed: &'a [u8],
    },
    /// Stream words below 256, one a byte.
    Small(
        /// The words.
        &'a [u8],
    ),
    /// Stream words: the uniform polynomial of one limb that a seed stands for
    /// ([`sample::expand_uniform`](crate::sample::expand_uniform)).
    Seed {
        /// The seed.
        seed: [u8; SEED_BYTES],
        /// The limb.
        limb: u8,
    },
    /// There are no more stream words.
    End(
        /// Why.
        Ending,
    ),
    /// Output words have been taken.
    Taken {
        /// How many since the program began.
        words: u32,
    },
    /// The last store is not taken.
    Refuse(
        /// Why.
        Ending,
    ),
    /// How is the device?
    Status,
    /// Does the machine compute what the definition computes?
    SelfTest,
}

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity<'a> {
    /// log2 of the number of coefficients.
    pub log_n: u8,
    /// Butterflies.
    pub butterflies: u8,
    /// Slots.
    pub slots: u8,
    /// Moduli of the limbs, each of 8 bytes, low byte first.
    pub moduli: &'a [u8],
    /// What computes, in words.
    pub name: &'a str,
    /// Whether cycles are counted by a clock of the machine's own.
    pub clocked: bool,
}

/// How a device is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Milliseconds since its start.
    pub uptime_ms: u64,
    /// Programs ended since then.
    pub programs: u64,
    /// Their cycles.
    pub cycles: u64,
    /// Cycles in which they waited.
    pub stalls: u64,
    /// Frames that came damaged from the host.
    pub damaged: u64,
    /// Packets sent to the host again.
    pub repeated: u64,
    /// How often the device has started, if it counts.
    pub starts: u32,
}

/// From device to host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply<'a> {
    /// Which machine it is.
    #[serde(borrow)]
    Identity(Identity<'a>),
    /// The job is done.
    Done,
    /// The limb under which a slot was written; its words follow.
    Slot {
        /// The limb.
        limb: u8,
    },
    /// For each slot, the limb it was written under or 255, and the first bytes of the SHA-256 of its packed words.
    Digests(
        /// [`DIGEST_BYTES`] + 1 bytes a slot.
        &'a [u8],
    ),
    /// Output words.
    Words {
        /// How many.
        count: u16,
        /// Packed.
        packed: &'a [u8],
    },
    /// The program has ended.
    Ended(Report),
    /// The job could not be done.
    Failed(Failure),
    /// How the device is.
    Status(Status),
}

/// A packet that is no message of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

/// Encodes a message; what is too long for a packet is a mistake of the caller.
///
/// # Panics
/// If the message does not fit a packet.
pub fn encode(message: &impl Serialize) -> Payload {
    let mut payload = Payload::new();
    let mut buffer = [0; MAX_PAYLOAD];
    let bytes = postcard::to_slice(message, &mut buffer).expect("a message fits a packet");
    payload.extend_from_slice(bytes).expect("the same length");
    payload
}

impl<'a> Request<'a> {
    /// Reads a packet.
    ///
    /// # Errors
    /// [`Unreadable`] for anything but one whole message whose lengths agree.
    pub fn parse(packet: &'a [u8]) -> Result<Self, Unreadable> {
        let request = whole(packet)?;
        let sound = match request {
            Self::Words { count, packed } => are_words(count, packed),
            Self::Small(bytes) => (1..=WORDS_PER_PACKET).contains(&bytes.len()),
            Self::Program { words, .. } => words.len() % 4 == 0,
            Self::Constants { values, .. } => {
                values.len() % 8 == 0 && values.len() / 8 <= MAX_CONSTANTS
            }
            _ => true,
        };
        sound.then_some(request).ok_or(Unreadable)
    }
}

impl<'a> Reply<'a> {
    /// Reads a packet.
    ///
    /// # Errors
    /// [`Unreadable`] for anything but one whole message whose lengths agree.
    pub fn parse(packet: &'a [u8]) -> Result<Self, Unreadable> {
        let reply = whole(packet)?;
        let sound = match reply {
            Self::Words { count, packed } => are_words(count, packed),
            Self::Identity(identity) => {
                identity.moduli.len() % 8 == 0
                    && (1..=MAX_LIMBS).contains(&(identity.moduli.len() / 8))
                    && identity.name.len() <= MAX_NAME
            }
            Self::Digests(bytes) => bytes.len() % (1 + DIGEST_BYTES) == 0,
            _ => true,
        };
        sound.then_some(reply).ok_or(Unreadable)
    }
}

pub(super) fn whole<'a, M: Deserialize<'a>>(packet: &'a [u8]) -> Result<M, Unreadable> {
    let (message, rest) = postcard::take_from_bytes(packet).map_err(|_| Unreadable)?;
    if rest.is_empty() {
        Ok(message)
    } else {
        Err(Unreadable)
    }
}

fn are_words(count: u16, packed: &[u8]) -> bool {
    let count = usize::from(count);
    (1..=WORDS_PER_PACKET).contains(&count) && packed.len() == packed_len(count, WORD_BITS)
}
