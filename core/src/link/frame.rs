//! One frame on the wire.
//!
//! ```text
//!  0      1         5          7          9         11       12              12 + length
//! +------+---------+----------+----------+---------+--------+----------------+---------+
//! | kind | session | sequence | expected | arrived | window | payload        | CRC-32  |
//! +------+---------+----------+----------+---------+--------+----------------+---------+
//! ```
//!
//! Numbers are little-endian. The CRC is CRC-32/ISO-HDLC over everything before it. The whole is stuffed by COBS
//! (Cheshire and Baker, 1999), which removes zeros, and ended by a zero: whatever a line does to a frame, the next
//! begins behind the next zero, and zeros between frames mean nothing.
//!
//! As in smoltcp, [`Frame`] is a typed view of bytes and [`Header`] what they say.

use core::fmt;
use core::ops::Range;

use crc::{CRC_32_ISO_HDLC, Crc, Table};
use heapless::Vec;

/// Most bytes of a payload: 256 packed words and what a message says about them.
pub const MAX_PAYLOAD: usize = 1164;

/// Bytes before the payload.
pub const HEADER: usize = 12;

/// Bytes of the CRC.
const CHECK: usize = 4;

/// Most bytes of a frame before stuffing.
pub const MAX_FRAME: usize = HEADER + MAX_PAYLOAD + CHECK;

/// Most bytes of a frame on the wire: COBS adds a byte for each 254 begun, and a zero ends the frame.
pub const MAX_WIRE: usize = cobs::max_encoding_length(MAX_FRAME) + 1;

/// Where the fields lie.
mod field {
    use super::Range;

    pub const KIND: usize = 0;
    pub const SESSION: Range<usize> = 1..5;
    pub const SEQUENCE: Range<usize> = 5..7;
    pub const EXPECTED: Range<usize> = 7..9;
    pub const ARRIVED: Range<usize> = 9..11;
    pub const WINDOW: usize = 11;
}

/// A table of sixteen lines is the fastest that the crate has; a small one saves 15 kB of a microcontroller's flash.
#[cfg(target_pointer_width = "64")]
static CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);
#[cfg(not(target_pointer_width = "64"))]
static CRC: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISO_HDLC);

/// A payload that owns its bytes.
pub type Payload = Vec<u8, MAX_PAYLOAD>;

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// The host wants a new session. The session field holds the host's half of its name; the payload is a [`Hello`].
    Open = 1,
    /// The device has begun one. The session field repeats the host's half; the payload is a [`Hello`].
    Opened = 2,
    /// A packet.
    Data = 3,
    /// No packet; says only what has arrived.
    Acknowledge = 4,
    /// As [`Kind::Acknowledge`], and wants one back.
    Probe = 5,
    /// The device does not know the session named: it was reset, or serves another one.
    Unknown = 6,
    /// The device serves somebody else, or speaks another version, which its [`Hello`] tells. The session field repeats
    /// the host's half.
    Refused = 7,
}

impl Kind {
    const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Open,
            2 => Self::Opened,
            3 => Self::Data,
            4 => Self::Acknowledge,
            5 => Self::Probe,
            6 => Self::Unknown,
            7 => Self::Refused,
            _ => return None,
        })
    }
}

/// What a frame says beside its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it is for.
    pub kind: Kind,
    /// The session it belongs to.
    pub session: u32,
    /// Number of the packet; 0 in frames without one.
    pub sequence: u16,
    /// Number of the first packet that has not arrived from the other side.
    pub expected: u16,
    /// Bit i: the packet `expected + 1 + i` has arrived.
    pub arrived: u16,
    /// How many packets from `expected` on there is room for.
    pub window: u8,
}

/// Why bytes are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The stuffing is broken.
    Stuffing,
    /// Too short or too long.
    Length,
    /// The CRC does not match.
    Check,
    /// A kind that this version does not know.
    Kind,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stuffing => "broken stuffing",
            Self::Length => "impossible length",
            Self::Check => "wrong check",
            Self::Kind => "unknown kind",
        })
    }
}

impl core::error::Error for FrameError {}

/// A view of bytes that are a frame, stuffing removed.
#[derive(Clone, Copy)]
pub struct Frame<'b> {
    header: Header,
    payload: &'b [u8],
}

impl<'b> Frame<'b> {
    /// Removes the stuffing in place and checks everything that can be checked; `wire` has no zero.
    ///
    /// # Errors
    /// [`FrameError`] with the first check that fails.
    pub fn from_wire(wire: &'b mut [u8]) -> Result<Self, FrameError> {
        let length = cobs::decode_in_place(wire).map_err(|_| FrameError::Stuffing)?;
        let bytes: &'b [u8] = wire;
        Self::parse(bytes.get(..length).ok_or(FrameError::Length)?)
    }

    /// Looks at bytes without stuffing.
    ///
    /// # Errors
    /// [`FrameError`] with the first check that fails.
    pub fn parse(bytes: &'b [u8]) -> Result<Self, FrameError> {
        if bytes.len() < HEADER + CHECK || bytes.len() > MAX_FRAME {
            return Err(FrameError::Length);
        }
        let (body, check) = bytes.split_at(bytes.len() - CHECK);
        if CRC.checksum(body).to_le_bytes() != *check {
            return Err(FrameError::Check);
        }
        let kind = Kind::from_byte(body[field::KIND]).ok_or(FrameError::Kind)?;
        let number =
            |range: Range<usize>| u16::from_le_bytes([body[range.start], body[range.start + 1]]);
        let session = &body[field::SESSION];
        let header = Header {
            kind,
            session: u32::from_le_bytes([session[0], session[1], session[2], session[3]]),
            sequence: number(field::SEQUENCE),
            expected: number(field::EXPECTED),
            arrived: number(field::ARRIVED),
            window: body[field::WINDOW],
        };
        Ok(Self {
            header,
            payload: &body[HEADER..],
        })
    }

    /// What the frame says.
    pub const fn header(&self) -> Header {
        self.header
    }

    /// What it carries.
    pub const fn payload(&self) -> &'b [u8] {
        self.payload
    }
}

impl Header {
    /// A frame that says nothing of packets.
    pub const fn bare(kind: Kind, session: u32) -> Self {
        Self {
            kind,
            session,
            sequence: 0,
            expected: 0,
            arrived: 0,
            window: 0,
        }
    }

    /// Writes a frame as it goes over the wire, the ending zero included, and returns its length, at most [`MAX_WIRE`].
    ///
    /// # Panics
    /// If the payload has more than [`MAX_PAYLOAD`] bytes or `wire` is shorter than [`MAX_WIRE`].
    pub fn emit(&self, payload: &[u8], wire: &mut [u8]) -> usize {
        assert!(
            payload.len() <= MAX_PAYLOAD && wire.len() >= MAX_WIRE,
            "length of a frame"
        );
        let mut head = [0; HEADER];
        head[field::KIND] = self.kind as u8;
        head[field::SESSION].copy_from_slice(&self.session.to_le_bytes());
        head[field::SEQUENCE].copy_from_slice(&self.sequence.to_le_bytes());
        head[field::EXPECTED].copy_from_slice(&self.expected.to_le_bytes());
        head[field::ARRIVED].copy_from_slice(&self.arrived.to_le_bytes());
        head[field::WINDOW] = self.window;
        let mut digest = CRC.digest();
        digest.update(&head);
        digest.update(payload);
        let mut encoder = cobs::CobsEncoder::new(wire);
        let parts = [&head[..], payload, &digest.finalize().to_le_bytes()];
        let fits = parts.into_iter().all(|part| encoder.push(part).is_ok());
        assert!(fits, "MAX_WIRE holds the longest frame");
        let length = encoder.finalize();
        wire[length] = 0;
        length + 1
    }
}

/// What both sides say when a session begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Version of the protocol.
    pub version: u16,
    /// The device's half of the session's name; 0 from the host.
    pub nonce: u32,
}

impl Hello {
    /// Bytes of a greeting.
    pub const BYTES: usize = 6;

    /// As a payload.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let (version, nonce) = (self.version.to_le_bytes(), self.nonce.to_le_bytes());
        [
            version[0], version[1], nonce[0], nonce[1], nonce[2], nonce[3],
        ]
    }

    /// From a payload, if it is one.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::BYTES] = payload.try_into().ok()?;
        Some(Self {
            version: u16::from_le_bytes([bytes[0], bytes[1]]),
            nonce: u32::from_le_bytes([bytes[2], bytes[3], bytes[4], bytes[5]]),
        })
    }
}

/// Collects bytes of a line until a frame is complete.
pub struct Collector {
    bytes: Vec<u8, MAX_WIRE>,
    /// The frame under way is longer than any can be: it is dropped up to its end.
    overflow: bool,
}

impl Default for Collector {
    fn default() -> Self {
        Self::new()
    }
}

impl Collector {
    /// Between two frames.
    pub const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            overflow: false,
        }
    }

    /// Takes bytes up to the end of the next frame and returns how many it took. If a frame is complete then, the next
    /// call to [`Collector::frame`] gives it.
    pub fn take(&mut self, bytes: &[u8]) -> (usize, bool) {
        let end = bytes.iter().position(|&byte| byte == 0);
        let part = &bytes[..end.unwrap_or(bytes.len())];
        self.overflow |= self.bytes.extend_from_slice(part).is_err();
        match end {
            None => (bytes.len(), false),
            Some(end) => (end + 1, !self.bytes.is_empty() || self.overflow),
        }
    }

    /// The complete frame, which is gone with the next bytes.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn frame(&mut self) -> Result<Frame<'_>, FrameError> {
        if core::mem::take(&mut self.overflow) {
            return Err(FrameError::Length);
        }
        Frame::from_wire(&mut self.bytes)
    }

    /// Forgets the bytes of the last frame.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.overflow = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;

    fn header() -> impl Strategy<Value = Header> {
        let kinds = [
            Kind::Open,
            Kind::Opened,
            Kind::Data,
            Kind::Acknowledge,
            Kind::Probe,
            Kind::Unknown,
            Kind::Refused,
        ];
        let numbers = (
            any::<u32>(),
            any::<u16>(),
            any::<u16>(),
            any::<u16>(),
            any::<u8>(),
        );
        (prop::sample::select(kinds.to_vec()), numbers).prop_map(
            |(kind, (session, sequence, expected, arrived, window))| Header {
                kind,
                session,
                sequence,
                expected,
                arrived,
                window,
            },
        )
    }

    #[test]
    fn the_crc_is_the_published_one() {
        // Check value of CRC-32/ISO-HDLC in the catalogue of parametrised CRC algorithms.
        assert_eq!(CRC.checksum(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_frame_looks_as_the_documentation_says() {
        let header = Header {
            kind: Kind::Data,
            session: 0x0403_0201,
            sequence: 5,
            expected: 0x0607,
            arrived: 0,
            window: 9,
        };
        let mut wire = [0; MAX_WIRE];
        let length = header.emit(b"ab", &mut wire);
        let mut plain = vec![3, 1, 2, 3, 4, 5, 0, 7, 6, 0, 0, 9, b'a', b'b'];
        plain.extend(CRC.checksum(&plain).to_le_bytes());
        assert_eq!(cobs::decode_vec(&wire[..length - 1]).unwrap(), plain);
        assert_eq!(wire[length - 1], 0);
    }

    proptest! {
        #[test]
        fn frames_survive_the_wire(
            header in header(),
            payload in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..=MAX_PAYLOAD),
                Just(vec![0; MAX_PAYLOAD]), Just(vec![0xff; MAX_PAYLOAD]), Just(vec![]),
            ],
        ) {
            let mut wire = [0xaa; MAX_WIRE];
            let length = header.emit(&payload, &mut wire);
            prop_assert!(!wire[..length - 1].contains(&0) && wire[length - 1] == 0);
            let mut collector = Collector::new();
            // In two pieces, with idle zeros before.
            prop_assert_eq!(collector.take(&[0]), (1, false));
            let (first, rest) = wire[..length].split_at(length / 2);
            prop_assert_eq!(collector.take(first), (first.len(), false));
            prop_assert_eq!(collector.take(rest), (rest.len(), true));
            let frame = collector.frame().unwrap();
            prop_assert_eq!(frame.header(), header);
            prop_assert_eq!(frame.payload(), &payload[..]);
        }

        #[test]
        fn a_frame_with_one_wrong_byte_is_none(
            header in header(), payload in proptest::collection::vec(any::<u8>(), 0..80), at: prop::sample::Index, flip in 1u8..=255
        ) {
            let mut wire = [0; MAX_WIRE];
            let length = header.emit(&payload, &mut wire);
            let at = at.index(length - 1);
            wire[at] ^= flip;
            let mut collector = Collector::new();
            let (taken, complete) = collector.take(&wire[..length]);
            prop_assert!(taken <= length);
            if complete {
                prop_assert!(collector.frame().is_err());
            }
        }

        #[test]
        fn any_bytes_are_taken_without_harm(bytes in proptest::collection::vec(0u8..4, 0..3000)) {
            let mut collector = Collector::new();
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let (taken, complete) = collector.take(rest);
                prop_assert!(taken > 0);
                rest = &rest[taken..];
                if complete {
                    let _ = collector.frame();
                    collector.clear();
                }
            }
        }
    }
}
