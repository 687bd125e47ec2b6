//! Framed messages over a byte stream.
//!
//! A frame is a header of five bytes (length of the payload as little-endian `u32`, kind as `u8`) and the
//! payload. Who receives knows which kind must come and how long it can be at most, and both are checked before memory is
//! reserved for the payload. Frames are collected and written before the next read, so that a peer never waits for
//! what lies in our buffer.

use super::MpcError;
use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

/// Bytes of a frame's header.
pub const HEADER_BYTES: usize = 5;

/// The longest reason, in bytes, that an [`MessageKind::Abort`] may carry.
pub const ABORT_LIMIT: usize = 1024;

/// Bytes that are collected before they are written without being asked for.
const BUFFER_BYTES: usize = 64 * 1024;

macro_rules! message_kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        /// What a frame carries. The numbers are part of the protocol.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum MessageKind {
            $($(#[$doc])* $name = $number,)*
        }

        impl MessageKind {
            /// The kind with this number, if there is one.
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }
        }

        impl fmt::Display for MessageKind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$name => $text,)*
                })
            }
        }
    };
}

message_kinds! {
    /// Client to server: version and what the client wants.
    Hello = 1, "the client's hello";
    /// Server to client: version and the public part of the plan.
    ServerHello = 2, "the server's hello";
    /// Client to server: its public key.
    PublicKey = 3, "the public key";
    /// Client to server: encrypted shares of a layer's input.
    Ciphertexts = 4, "ciphertexts";
    /// Server to client: the encrypted, masked result of a linear layer.
    Response = 5, "the response of a linear layer";
    /// Server to client: its masks of the logits.
    LogitMasks = 6, "the masks of the logits";
    /// Either: nothing more will come.
    Finished = 7, "the end of the session";
    /// Client to server: prepare for an image ahead of it.
    Prepare = 8, "the request to prepare";
    /// Client to server: the next image uses the preparation of this number, 8 bytes.
    UsePrepared = 9, "the number of a preparation";
    /// Either: the sender gives up; the payload says why, in UTF-8.
    Abort = 15, "an abort";
    /// Client to server: the base-transfer sender's point, 32 bytes.
    BaseOtSender = 16, "the base transfers' first point";
    /// Server to client: the base-transfer receiver's points, 128 × 32 bytes.
    BaseOtReceiver = 17, "the base transfers' points";
    /// Client to server: the masked sums of seeds, 128 × 32 bytes.
    OtSeeds = 18, "the seeds of the transfer extension";
    /// Server to client: the session's key of the garbling hash, 16 bytes.
    GarblingKey = 19, "the garbling key";
    /// Client to server: masked choice bits, 512 bytes for 128 transfers.
    OtMatrix = 20, "the masked choice bits";
    /// Server to client: the seed of the labels of its inputs, 16 bytes.
    LabelSeed = 21, "the seed of the garbler's labels";
    /// Server to client: garbled tables of whole chunks.
    GarbledTables = 22, "garbled tables";
    /// Client to server: where its input differs from the random choices of tables garbled ahead, a bit each.
    Corrections = 23, "the corrections of choice bits";
    /// Server to client: masked labels of these inputs, 16 bytes each.
    InputLabels = 24, "the labels of the input";
}

/// Which way a frame went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From us to the peer.
    Sent,
    /// From the peer to us.
    Received,
}

/// One frame as an observer of the network sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TranscriptEntry {
    /// The frame's kind.
    pub kind: MessageKind,
    /// Which way it went.
    pub direction: Direction,
    /// Bytes of the payload.
    pub length: usize,
}

/// One end of a connection.
pub struct Channel<S> {
    stream: S,
    outgoing: Vec<u8>,
    incoming: Vec<u8>,
    /// Bytes of `incoming` that have been consumed.
    consumed: usize,
    sent: u64,
    received: u64,
    rounds: u64,
    last: Option<(Direction, MessageKind)>,
    deadline: Option<Duration>,
    transcript: Option<Vec<TranscriptEntry>>,
}

impl<S: Read + Write> Channel<S> {
    /// A channel over `stream`, which should not buffer writes itself.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            outgoing: Vec::new(),
            incoming: Vec::new(),
            consumed: 0,
            sent: 0,
            received: 0,
            rounds: 0,
            last: None,
            deadline: None,
            transcript: None,
        }
    }

    /// Limits the time in which a message must have arrived as a whole, counted from when we start to wait for it,
    /// and the time in which one flush must be done. `None`, the default: no limit.
    ///
    /// The limit is checked whenever the stream returns, so that a peer that sends single bytes does not get around
    /// it; for a peer that sends nothing, the stream needs a time-out of its own, such as
    /// [`std::net::TcpStream::set_read_timeout`] and `set_write_timeout`.
    pub fn set_deadline(&mut self, deadline: Option<Duration>) {
        self.deadline = deadline;
    }

    /// The stream underneath.
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// Bytes sent so far, headers included, those still in the buffer too.
    pub fn bytes_sent(&self) -> u64 {
        self.sent
    }

    /// Bytes received so far, headers included.
    pub fn bytes_received(&self) -> u64 {
        self.received
    }

    /// How often the direction of messages has changed so far.
    pub fn rounds(&self) -> u64 {
        self.rounds
    }

    /// Starts to record kind, direction and length of every frame.
    pub fn record_transcript(&mut self) {
        self.transcript = Some(Vec::new());
    }

    /// The frames since [`Self::record_transcript`].
    pub fn transcript(&self) -> &[TranscriptEntry] {
        self.transcript.as_deref().unwrap_or_default()
    }

    fn count(&mut self, kind: MessageKind, direction: Direction, length: usize) {
        let bytes = (HEADER_BYTES + length) as u64;
        match direction {
            Direction::Sent => self.sent += bytes,
            Direction::Received => self.received += bytes,
        }
        if self.last.is_some_and(|(last, _)| last != direction) {
            self.rounds += 1;
        }
        self.last = Some((direction, kind));
        if let Some(transcript) = &mut self.transcript {
            transcript.push(TranscriptEntry {
                kind,
                direction,
                length,
            });
        }
    }

    /// Puts a message into the buffer; it leaves at the latest before the next receive.
    ///
    /// # Errors
    /// [`MpcError::FrameTooLong`] if the payload exceeds 2^32 − 1 bytes; errors of the stream if the buffer is written.
    pub fn send(&mut self, kind: MessageKind, payload: &[u8]) -> Result<(), MpcError> {
        self.begin_frame(kind, payload.len())?;
        self.outgoing.extend_from_slice(payload);
        self.count(kind, Direction::Sent, payload.len());
        self.flush_if_full()
    }

    /// Puts messages of these lengths into the buffer, which `fill` writes there, so that nothing is copied. `fill` finds
    /// zeros; if it fails, there is no message.
    ///
    /// # Errors
    /// Those of `fill`; else as [`Self::send`].
    pub fn send_filled(
        &mut self,
        kind: MessageKind,
        lengths: &[usize],
        fill: impl FnOnce(Vec<&mut [u8]>) -> Result<(), MpcError>,
    ) -> Result<(), MpcError> {
        let start = self.outgoing.len();
        for &length in lengths {
            self.begin_frame(kind, length)?;
            self.outgoing.resize(self.outgoing.len() + length, 0);
        }
        let mut rest = &mut self.outgoing[start..];
        let payloads = lengths
            .iter()
            .map(|length| {
                let frame = rest.split_off_mut(..HEADER_BYTES + length);
                &mut frame.unwrap_or_default()[HEADER_BYTES..]
            })
            .collect();
        if let Err(error) = fill(payloads) {
            self.outgoing.truncate(start);
            return Err(error);
        }
        for &length in lengths {
            self.count(kind, Direction::Sent, length);
        }
        self.flush_if_full()
    }

    fn begin_frame(&mut self, kind: MessageKind, length: usize) -> Result<(), MpcError> {
        let header = u32::try_from(length).map_err(|_| MpcError::FrameTooLong {
            kind,
            length,
            limit: u32::MAX as usize,
        })?;
        self.outgoing.extend_from_slice(&header.to_le_bytes());
        self.outgoing.push(kind as u8);
        Ok(())
    }

    fn flush_if_full(&mut self) -> Result<(), MpcError> {
        if self.outgoing.len() >= BUFFER_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Tells the peer why we give up, and flushes. Reasons beyond [`ABORT_LIMIT`] bytes are cut.
    ///
    /// # Errors
    /// Errors of the stream; who aborts anyway can ignore them.
    pub fn abort(&mut self, reason: &str) -> Result<(), MpcError> {
        let end = reason.floor_char_boundary(ABORT_LIMIT);
        self.send(MessageKind::Abort, &reason.as_bytes()[..end])?;
        self.flush()
    }

    /// Writes what is in the buffer.
    ///
    /// # Errors
    /// [`MpcError::PeerClosedWhileSending`], [`MpcError::StalledWhileSending`] or [`MpcError::Io`].
    pub fn flush(&mut self) -> Result<(), MpcError> {
        let sending = self.last.map_or(MessageKind::Finished, |(_, kind)| kind);
        let start = Instant::now();
        let mut written = 0;
        while written < self.outgoing.len() {
            match self.stream.write(&self.outgoing[written..]) {
                Ok(0) => return Err(MpcError::PeerClosedWhileSending { sending }),
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_stall(error.kind()) => {
                    return Err(MpcError::StalledWhileSending { sending });
                }
                Err(error) if is_close(error.kind()) => {
                    return Err(MpcError::PeerClosedWhileSending { sending });
                }
                Err(error) => return Err(error.into()),
            }
            if written < self.outgoing.len() && self.is_late(start) {
                return Err(MpcError::StalledWhileSending { sending });
            }
        }
        self.outgoing.clear();
        self.stream.flush()?;
        Ok(())
    }

    /// Receives a message of kind `kind` with a payload of at most `limit` bytes.
    ///
    /// # Errors
    /// [`MpcError::UnexpectedMessage`], [`MpcError::UnknownMessage`] or [`MpcError::FrameTooLong`] by the header alone;
    /// [`MpcError::PeerAborted`], [`MpcError::PeerClosed`], [`MpcError::Stalled`] or [`MpcError::Io`].
    pub fn receive(&mut self, kind: MessageKind, limit: usize) -> Result<Vec<u8>, MpcError> {
        self.receive_one_of(&[(kind, limit)])
            .map(|(_, payload)| payload)
    }

    /// Receives a message of kind `kind` with a payload of exactly `length` bytes.
    ///
    /// # Errors
    /// [`MpcError::WrongLength`] by the header alone if the payload is shorter; else as [`Self::receive`].
    pub fn receive_exact(&mut self, kind: MessageKind, length: usize) -> Result<Vec<u8>, MpcError> {
        let mut payload = Vec::new();
        self.receive_frame(&[(kind, length)], Some(length), &mut payload)?;
        Ok(payload)
    }

    /// Receives a message of kind `kind` with a payload of exactly `length` bytes into `payload`, whose memory is used again.
    ///
    /// # Errors
    /// As [`Self::receive_exact`].
    pub fn receive_exact_into(
        &mut self,
        kind: MessageKind,
        length: usize,
        payload: &mut Vec<u8>,
    ) -> Result<(), MpcError> {
        self.receive_frame(&[(kind, length)], Some(length), payload)
            .map(drop)
    }

    /// Receives a message that is an array.
    ///
    /// # Errors
    /// As [`Self::receive_exact`].
    pub fn receive_array<const N: usize>(
        &mut self,
        kind: MessageKind,
    ) -> Result<[u8; N], MpcError> {
        let payload = self.receive_exact(kind, N)?;
        let mut array = [0; N];
        array.copy_from_slice(&payload);
        Ok(array)
    }

    /// Receives a message of one of several kinds, each with its own limit. Errors name the first kind.
    ///
    /// # Errors
    /// As [`Self::receive`].
    pub fn receive_one_of(
        &mut self,
        expected: &[(MessageKind, usize)],
    ) -> Result<(MessageKind, Vec<u8>), MpcError> {
        let mut payload = Vec::new();
        let kind = self.receive_frame(expected, None, &mut payload)?;
        Ok((kind, payload))
    }

    fn receive_frame(
        &mut self,
        expected: &[(MessageKind, usize)],
        exact: Option<usize>,
        payload: &mut Vec<u8>,
    ) -> Result<MessageKind, MpcError> {
        self.flush()?;
        let start = Instant::now();
        let first = expected.first().map_or(MessageKind::Finished, |e| e.0);
        let mut header = [0; HEADER_BYTES];
        self.read(&mut header, first, start)?;
        let [l0, l1, l2, l3, number] = header;
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let kind = MessageKind::from_number(number).ok_or(MpcError::UnknownMessage {
            expected: first,
            received: number,
        })?;
        let limit = match expected.iter().find(|e| e.0 == kind) {
            Some(&(_, limit)) => limit,
            None if kind == MessageKind::Abort => ABORT_LIMIT,
            None => {
                return Err(MpcError::UnexpectedMessage {
                    expected: first,
                    received: kind,
                });
            }
        };
        if length > limit {
            return Err(MpcError::FrameTooLong {
                kind,
                length,
                limit,
            });
        }
        if let Some(expected) = exact.filter(|&e| kind != MessageKind::Abort && length != e) {
            return Err(MpcError::WrongLength {
                kind,
                length,
                expected,
            });
        }
        payload.resize(length, 0);
        self.read(payload, first, start)?;
        self.count(kind, Direction::Received, length);
        if kind == MessageKind::Abort {
            let reason = printable(&String::from_utf8_lossy(payload));
            return Err(MpcError::PeerAborted { reason });
        }
        Ok(kind)
    }

    fn is_late(&self, start: Instant) -> bool {
        self.deadline
            .is_some_and(|deadline| start.elapsed() > deadline)
    }

    /// Fills `target`, from what has been read ahead and then from the stream.
    fn read(
        &mut self,
        target: &mut [u8],
        waiting_for: MessageKind,
        start: Instant,
    ) -> Result<(), MpcError> {
        let mut filled = 0;
        while filled < target.len() {
            let ahead = &self.incoming[self.consumed..];
            if !ahead.is_empty() {
                let count = ahead.len().min(target.len() - filled);
                target[filled..filled + count].copy_from_slice(&ahead[..count]);
                self.consumed += count;
                filled += count;
                continue;
            }
            // Long payloads go straight to their place, short ones share a read with what follows.
            let wanted = target.len() - filled;
            let result = if wanted >= BUFFER_BYTES {
                self.stream.read(&mut target[filled..]).inspect(|&count| {
                    filled += count;
                })
            } else {
                self.incoming.resize(BUFFER_BYTES, 0);
                self.consumed = 0;
                let result = self.stream.read(&mut self.incoming);
                self.incoming.truncate(*result.as_ref().unwrap_or(&0));
                result
            };
            match result {
                Ok(0) => return Err(MpcError::PeerClosed { waiting_for }),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_stall(error.kind()) => {
                    return Err(MpcError::Stalled { waiting_for });
                }
                Err(error) if is_close(error.kind()) => {
                    return Err(MpcError::PeerClosed { waiting_for });
                }
                Err(error) => return Err(error.into()),
            }
            if self.is_late(start) {
                return Err(MpcError::Stalled { waiting_for });
            }
        }
        Ok(())
    }
}

/// A peer's words for people's eyes: control characters, with which a peer could rewrite a terminal or forge lines of a
/// log, are replaced.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

fn is_stall(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn is_close(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::BrokenPipe
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::UnexpectedEof
            | ErrorKind::NotConnected
    )
}
