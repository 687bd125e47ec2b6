//! A sensor and its owner's gateway: a microcontroller that takes readings, and gives them away encrypted only.
//!
//! The gateway is the host of the link. It names a job, sends what belongs to it and waits for the answer:
//!
//! | job | what follows | answer |
//! |---|---|---|
//! | [`SensorRequest::Info`] | | [`SensorReply::Info`] |
//! | [`SensorRequest::Pair`] | | [`SensorReply::Secret`] |
//! | [`SensorRequest::PublicKey`] | | [`SensorReply::Piece`] … |
//! | [`SensorRequest::Read`] | | [`SensorReply::Reading`] |
//! | [`SensorRequest::Encrypt`] | | [`SensorReply::Piece`] … |
//! | [`SensorRequest::Decrypt`] | [`SensorRequest::Bytes`] … | [`SensorReply::Ready`] |
//! | [`SensorRequest::Decode`] | | [`SensorReply::Values`] |
//! | [`SensorRequest::Measure`] | | [`SensorReply::Measured`] |
//!
//! or for any of them [`SensorReply::Refused`]. A packet that does not belong to a job under way is thrown away.
//!
//! **Pairing.** At its first [`SensorRequest::Pair`] after a start the sensor draws a master key, from it the secret
//! key, and hands the secret key over: once, to the first who asks. Whoever asks later is refused, so an owner who is
//! refused knows that somebody else was first, and starts the sensor again. Before it is paired the sensor encrypts
//! nothing. It never hands over the master key: who holds the secret key decrypts, but cannot compute which seeds and
//! errors the sensor will use.
//!
//! **Once.** Nothing is kept over a reset, so a sensor that was reset has a new master key, must be paired again, and
//! never uses a seed twice. [`KeyId`] tells keys apart. The transport keeps the pieces of a ciphertext until they have
//! arrived; when a session is lost they are gone, and the gateway asks for another encryption.
//!
//! **Decryption** is for those who hold the secret key already: a request shows a [`Proof`] that follows from it. So
//! the sensor tells nobody more than they could compute themselves.
//!
//! Packets begin with [`ROLE`], so that a sensor and a machine of the ring processor tell each other's hosts apart.
//! What follows is encoded as in [`message`]. The link is not encrypted: between sensor and gateway
//! travels the secret key.

mod device;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::frame::Payload;
use super::message::{self, Unreadable};
use crate::client::{DEGREE, PIECE_BYTES, SECRET_BYTES};

#[cfg(test)]
use device::arrange;
pub use device::{Board, Facts, Memory, Readings, Sensor};

/// First byte of every packet; no first byte of a [`Request`](super::Request) or [`Reply`](super::Reply).
pub const ROLE: u8 = b'S';

/// Longest reading, in bytes.
pub const MAX_READING: usize = 4096;

/// Most segments of one [`SensorRequest::Encrypt`].
pub const MAX_SEGMENTS: usize = 128;

/// Bytes of a segment: three numbers of 16 bits, low byte first.
pub const SEGMENT_BYTES: usize = 6;

/// Most bytes of one [`SensorRequest::Bytes`].
pub const BYTES_PER_PACKET: usize = PIECE_BYTES;

/// Bytes of a coefficient in [`SensorRequest::Decode`]: its position in 16 bits, then its word in 40, low byte first.
pub const COEFFICIENT_BYTES: usize = 7;

/// Most coefficients of one [`SensorRequest::Decode`].
pub const COEFFICIENTS_PER_PACKET: usize = 128;

/// Longest text of an [`Info`], in bytes.
pub const MAX_TEXT: usize = 48;

/// Says which secret key it is, and nothing about it.
pub type KeyId = [u8; 8];

/// Shows that whoever asks holds the secret key.
pub type Proof = [u8; 16];

/// The identity of a packed secret key: the first bytes of a SHA-256 of it and a label. A uniform ternary key has far
/// too many values to be found from it.
pub fn key_id(secret: &[u8; SECRET_BYTES]) -> KeyId {
    derived(b"addax sensor key identity", secret)
}

/// The proof that a packed secret key is known, as [`key_id`] with another label.
pub fn proof(secret: &[u8; SECRET_BYTES]) -> Proof {
    derived(b"addax sensor key proof", secret)
}

fn derived<const N: usize>(label: &[u8], secret: &[u8; SECRET_BYTES]) -> [u8; N] {
    let mut hash = Sha256::new();
    hash.update(label);
    hash.update(secret);
    let hash = hash.finalize();
    core::array::from_fn(|i| hash[i])
}

/// A stretch of a reading in a polynomial: coefficients from `coefficient` on are values from `source` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// First coefficient.
    pub coefficient: u16,
    /// First byte of the reading.
    pub source: u16,
    /// How many.
    pub length: u16,
}

impl Segment {
    /// As bytes.
    pub const fn to_bytes(self) -> [u8; SEGMENT_BYTES] {
        let [a, b] = self.coefficient.to_le_bytes();
        let [c, d] = self.source.to_le_bytes();
        let [e, f] = self.length.to_le_bytes();
        [a, b, c, d, e, f]
    }

    /// From bytes.
    pub const fn from_bytes([a, b, c, d, e, f]: [u8; SEGMENT_BYTES]) -> Self {
        Self {
            coefficient: u16::from_le_bytes([a, b]),
            source: u16::from_le_bytes([c, d]),
            length: u16::from_le_bytes([e, f]),
        }
    }
}

/// From gateway to sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SensorRequest<'a> {
    /// Who is it, and how is it?
    Info,
    /// Hand over the secret key.
    Pair,
    /// A public key under the secret key; each is another one.
    PublicKey,
    /// Take a reading, to be encrypted by what follows in this session.
    Read,
    /// Encrypt values of the reading. Coefficients that no segment names are zero.
    Encrypt {
        /// Plaintexts are mod 2^this.
        plain_bits: u8,
        /// Bits of a value, from 1 to 8: the byte x becomes round(x / 2^(8 − bits)), at most 2^bits − 1.
        input_bits: u8,
        /// Up to [`MAX_SEGMENTS`] segments of [`SEGMENT_BYTES`] bytes, in the order of their coefficients, which do not
        /// overlap.
        segments: &'a [u8],
    },
    /// Decrypt a response with one limb, of which c1 follows.
    Decrypt {
        /// Plaintexts are mod 2^this.
        plain_bits: u8,
        /// Low bits dropped from c0 and c1.
        dropped_bits: [u8; 2],
        /// From the secret key.
        proof: Proof,
    },
    /// The next bytes of c1, up to [`BYTES_PER_PACKET`].
    Bytes(
        /// Packed words.
        &'a [u8],
    ),
    /// Decode coefficients of the response: up to [`COEFFICIENTS_PER_PACKET`] positions with their words of c0. May be
    /// asked any number of times.
    Decode(
        /// [`COEFFICIENT_BYTES`] bytes each.
        &'a [u8],
    ),
    /// Count what an encryption under a key that nobody uses takes.
    Measure,
}

/// Who a sensor is, and how it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info<'a> {
    /// The board.
    pub board: &'a str,
    /// Version of the firmware.
    pub firmware: &'a str,
    /// Why it started.
    pub cause: &'a str,
    /// How often it has started since the power came on.
    pub starts: u32,
    /// log2 of the number of coefficients.
    pub log_n: u8,
    /// Limbs of a ciphertext.
    pub limbs: u8,
    /// Largest number of plaintext bits.
    pub max_plain_bits: u8,
    /// Bytes of a reading; 0 if there is none.
    pub reading: u32,
    /// Bytes of static memory.
    pub static_ram: u32,
    /// Bytes that the stack may take.
    pub stack: u32,
    /// Bytes of stack in use at the deepest moment so far.
    pub stack_high_water: u32,
    /// Milliseconds since its start.
    pub uptime_ms: u64,
    /// Public keys and encryptions begun under the secret key.
    pub used: u64,
    /// Frames that came damaged from the gateway.
    pub damaged: u64,
    /// Packets sent to the gateway again.
    pub repeated: u64,
    /// Which secret key was handed over since the start, if one was.
    pub key: Option<KeyId>,
}

/// What an encryption takes, in counts of the board: instructions or cycles. What it counts is known from
/// [`KNOWN_INSTRUCTIONS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measurement {
    /// For [`KNOWN_INSTRUCTIONS`] instructions.
    pub known: u64,
    /// For one encryption, from its seed to its last byte, nothing sent.
    pub encryption: u64,
    /// For one forward transform of one limb.
    pub transform: u64,
}

/// Instructions that a board executes to show what it counts.
pub const KNOWN_INSTRUCTIONS: u64 = 2_000_000;

/// Butterflies of one transform.
pub const BUTTERFLIES: u64 = (DEGREE / 2) as u64 * DEGREE.ilog2() as u64;

/// From sensor to gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SensorReply<'a> {
    /// Who it is, and how it is.
    #[serde(borrow)]
    Info(Info<'a>),
    /// The secret key, packed in [`SECRET_BYTES`] bytes: two bits a coefficient, which is stored plus one.
    Secret(
        /// The packed key.
        &'a [u8],
    ),
    /// The next bytes of a public key or ciphertext: first its seed, then packed words.
    Piece(
        /// The bytes.
        &'a [u8],
    ),
    /// A reading was taken.
    Reading {
        /// Its bytes.
        length: u32,
    },
    /// All of c1 has come.
    Ready,
    /// The values of the coefficients asked for.
    Values(
        /// 32 bits each, low byte first.
        &'a [u8],
    ),
    /// What an encryption takes.
    Measured(Measurement),
    /// The job is not done.
    Refused(Refusal),
}

/// Why a sensor does not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// It has no randomness to draw a key from.
    Randomness,
    /// It has handed over its secret key already.
    Paired,
    /// It has no secret key yet.
    NotPaired,
    /// There is no reading, or none was taken in this session.
    Reading,
    /// Plaintext or input bits out of range.
    Bits,
    /// Segments that overlap, or reach beyond the polynomial or the reading.
    Layout,
    /// Whoever asks does not show that it holds the secret key.
    Proof,
    /// A response that is none.
    Response,
    /// The gateway said what it may not say now.
    Protocol,
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Randomness => "it has no randomness to draw a key from",
            Self::Paired => {
                "it was paired since its last start, and hands over its secret key only once; if that was not you, do \
                 not trust it, and in any case reset it to pair again"
            }
            Self::NotPaired => "it is not paired, which comes first after every start",
            Self::Reading => "it has no reading",
            Self::Bits => "the numbers of plaintext or input bits are out of range",
            Self::Layout => "the layout does not fit the polynomial or the reading",
            Self::Proof => "it decrypts only for those who hold its secret key",
            Self::Response => "the response to decrypt is malformed",
            Self::Protocol => "it did not expect what it was told",
        })
    }
}

/// Encodes a message.
///
/// # Panics
/// If the message does not fit a packet.
pub fn encode(message: &impl Serialize) -> Payload {
    message::encode(&(ROLE, message))
}

impl<'a> SensorRequest<'a> {
    /// Reads a packet.
    ///
    /// # Errors
    /// [`Unreadable`] for anything but one whole message whose lengths are possible.
    pub fn parse(packet: &'a [u8]) -> Result<Self, Unreadable> {
        let request = parse(packet)?;
        let sound = match request {
            Self::Encrypt { segments, .. } => entries(segments, SEGMENT_BYTES, MAX_SEGMENTS),
            Self::Bytes(bytes) => (1..=BYTES_PER_PACKET).contains(&bytes.len()),
            Self::Decode(bytes) => entries(bytes, COEFFICIENT_BYTES, COEFFICIENTS_PER_PACKET),
            _ => true,
        };
        sound.then_some(request).ok_or(Unreadable)
    }
}

impl<'a> SensorReply<'a> {
    /// Reads a packet.
    ///
    /// # Errors
    /// [`Unreadable`] for anything but one whole message whose lengths are possible.
    pub fn parse(packet: &'a [u8]) -> Result<Self, Unreadable> {
        let reply = parse(packet)?;
        let sound = match reply {
            Self::Info(info) => [info.board, info.firmware, info.cause]
                .iter()
                .all(|text| text.len() <= MAX_TEXT),
            Self::Secret(bytes) => bytes.len() == SECRET_BYTES,
            Self::Piece(bytes) => (1..=PIECE_BYTES).contains(&bytes.len()),
            Self::Values(bytes) => entries(bytes, 4, COEFFICIENTS_PER_PACKET),
            _ => true,
        };
        sound.then_some(reply).ok_or(Unreadable)
    }
}

fn parse<'a, M: Deserialize<'a>>(packet: &'a [u8]) -> Result<M, Unreadable> {
    match message::whole(packet)? {
        (ROLE, message) => Ok(message),
        _ => Err(Unreadable),
    }
}

fn entries(bytes: &[u8], size: usize, most: usize) -> bool {
    bytes.len().is_multiple_of(size) && bytes.len() / size <= most
}
