//! The sensor's side: the whole loop, over any [`Channel`] and any board.

use rand_core::TryCryptoRng;
use zeroize::{Zeroize, Zeroizing};

use super::{
    COEFFICIENT_BYTES, COEFFICIENTS_PER_PACKET, Info, KeyId, MAX_READING, MAX_TEXT, Measurement,
    Proof, Refusal, SEGMENT_BYTES, Segment, SensorReply, SensorRequest, encode, key_id, proof,
};
use crate::client::{
    Client, DEGREE, MAX_PLAIN_BITS, Phase, ResponseFormat, SECRET_BYTES, SeededPolynomial,
    Workspace,
};
use crate::link::device::{Channel, Gone};
use crate::link::frame::Payload;
use crate::packing::packed_len;
use crate::params::N4096;
use crate::random::SEED_BYTES;

/// A source of readings, such as pictures.
pub trait Readings {
    /// Bytes that a reading has now; zero if there is none.
    fn length(&self) -> usize;

    /// Takes a reading into `bytes`: how many bytes it has, at most `bytes.len()`. Zero if there is no reading.
    fn read(&mut self, bytes: &mut [u8]) -> usize;
}

/// What a board says of itself. Texts are cut to [`MAX_TEXT`] bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// The board.
    pub board: &'a str,
    /// Version of the firmware.
    pub firmware: &'a str,
    /// Why it started.
    pub cause: &'a str,
    /// Bytes of static memory.
    pub static_ram: u32,
    /// Bytes that the stack may take.
    pub stack: u32,
    /// Bytes of stack in use at the deepest moment so far.
    pub stack_high_water: u32,
}

/// The board around a sensor.
pub trait Board {
    /// What it says of itself.
    fn facts(&self) -> Facts<'_>;

    /// A counter of instructions or cycles that never goes back.
    fn count(&self) -> u64;

    /// Executes [`KNOWN_INSTRUCTIONS`](super::KNOWN_INSTRUCTIONS) instructions that do nothing.
    fn execute_known(&self);
}

/// The memory of a sensor: 46 KB, meant to be static.
pub struct Memory {
    workspace: Workspace,
    /// The reading of the session.
    pub(super) reading: [u8; MAX_READING],
    pub(super) length: usize,
    /// The values to encrypt.
    pub(super) values: [u8; DEGREE],
}

impl Memory {
    /// Empty memory.
    pub const fn new() -> Self {
        Self {
            workspace: Workspace::new(),
            reading: [0; MAX_READING],
            length: 0,
            values: [0; DEGREE],
        }
    }

    /// Nothing of a reading stays behind.
    fn forget(&mut self) {
        self.reading.zeroize();
        self.values.zeroize();
        self.length = 0;
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

/// A secret key that was handed over.
struct Paired {
    client: Client,
    id: KeyId,
    proof: Zeroizing<Proof>,
}

/// A sensor. `E` is its source of true randomness.
pub struct Sensor<'m, B, R, E> {
    board: B,
    readings: R,
    entropy: E,
    memory: &'m mut Memory,
    paired: Option<Paired>,
}

/// Where the next job is.
#[derive(PartialEq, Eq)]
enum Next {
    /// To be received.
    Receive,
    /// In the packet: the job before ended when it came.
    Arrived,
}

/// What ends a job without its answer.
enum Stop {
    Gone,
    Refused(Refusal),
}

impl From<Gone> for Stop {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<'m, B: Board, R: Readings, E: TryCryptoRng> Sensor<'m, B, R, E> {
    /// A sensor that is not paired.
    pub const fn new(board: B, readings: R, entropy: E, memory: &'m mut Memory) -> Self {
        Self {
            board,
            readings,
            entropy,
            memory,
            paired: None,
        }
    }

    /// Serves one session to its end. The session before has left its secret key and no reading behind.
    pub fn serve<C: Channel>(&mut self, channel: &mut C) -> Gone {
        let gone = self.serve_jobs(channel);
        self.memory.forget();
        gone
    }

    fn serve_jobs<C: Channel>(&mut self, channel: &mut C) -> Gone {
        let mut packet = Payload::new();
        let mut next = Next::Receive;
        loop {
            if next == Next::Receive && channel.receive(&mut packet).is_err() {
                return Gone;
            }
            next = match self.answer(channel, &mut packet) {
                Ok(next) => next,
                Err(Stop::Gone) => return Gone,
                Err(Stop::Refused(refusal)) => {
                    if channel
                        .send(&encode(&SensorReply::Refused(refusal)))
                        .is_err()
                    {
                        return Gone;
                    }
                    Next::Receive
                }
            };
        }
    }

    /// Does the job that `packet` names.
    fn answer<C: Channel>(&mut self, channel: &mut C, packet: &mut Payload) -> Result<Next, Stop> {
        match SensorRequest::parse(packet).map_err(|_| Refusal::Protocol)? {
            SensorRequest::Info => self.info(channel)?,
            SensorRequest::Pair => self.pair(channel)?,
            SensorRequest::PublicKey => {
                let paired = self.paired.as_mut().ok_or(Refusal::NotPaired)?;
                send_pieces(
                    channel,
                    paired.client.public_key(&mut self.memory.workspace),
                )?;
            }
            SensorRequest::Read => {
                let Memory {
                    reading, length, ..
                } = &mut *self.memory;
                reading.zeroize();
                *length = match self.readings.length() {
                    0 => 0,
                    // A reading that does not fit is none: half a picture is another picture.
                    all if all > MAX_READING => 0,
                    _ => self.readings.read(reading).min(MAX_READING),
                };
                if *length == 0 {
                    return Err(Refusal::Reading.into());
                }
                let length = *length as u32;
                channel.send(&encode(&SensorReply::Reading { length }))?;
            }
            SensorRequest::Encrypt {
                plain_bits,
                input_bits,
                segments,
            } => {
                let paired = self.paired.as_mut().ok_or(Refusal::NotPaired)?;
                arrange(self.memory, input_bits, segments)?;
                let Memory {
                    workspace, values, ..
                } = &mut *self.memory;
                let message =
                    |position: usize| values.get(position).map_or(0, |&value| u64::from(value));
                let ciphertext = paired
                    .client
                    .encrypt(plain_bits.into(), message, workspace)
                    .map_err(|_| Refusal::Bits)?;
                send_pieces(channel, ciphertext)?;
            }
            SensorRequest::Decrypt {
                plain_bits,
                dropped_bits,
                proof,
            } => {
                let paired = self.paired.as_ref().ok_or(Refusal::NotPaired)?;
                if !equal(&proof, &paired.proof) {
                    return Err(Refusal::Proof.into());
                }
                let format = ResponseFormat {
                    plain_bits: plain_bits.into(),
                    dropped_bits: dropped_bits.map(u32::from),
                };
                let workspace = &mut self.memory.workspace;
                return decrypt(&paired.client, format, workspace, channel, packet);
            }
            // What belonged to a job that was refused.
            SensorRequest::Bytes(_) => {}
            SensorRequest::Decode(_) => return Err(Refusal::Protocol.into()),
            SensorRequest::Measure => {
                let measurement = measure(&self.board, &mut self.memory.workspace);
                channel.send(&encode(&SensorReply::Measured(measurement)))?;
            }
        }
        Ok(Next::Receive)
    }

    // Out of line: its buffers are on the stack only while it runs.
    #[inline(never)]
    fn info<C: Channel>(&self, channel: &mut C) -> Result<(), Gone> {
        let facts = self.board.facts();
        let status = channel.status();
        let paired = self.paired.as_ref();
        channel.send(&encode(&SensorReply::Info(Info {
            board: cut(facts.board),
            firmware: cut(facts.firmware),
            cause: cut(facts.cause),
            starts: status.starts,
            log_n: N4096.log_n as u8,
            limbs: N4096.limbs as u8,
            max_plain_bits: MAX_PLAIN_BITS as u8,
            reading: u32::try_from(self.readings.length()).unwrap_or(u32::MAX),
            static_ram: facts.static_ram,
            stack: facts.stack,
            stack_high_water: facts.stack_high_water,
            uptime_ms: status.uptime_ms,
            used: paired.map_or(0, |paired| paired.client.used()),
            damaged: status.damaged,
            repeated: status.repeated,
            key: paired.map(|paired| paired.id),
        })))
    }

    // Out of line: its buffers are on the stack only while it runs.
    #[inline(never)]
    fn pair<C: Channel>(&mut self, channel: &mut C) -> Result<(), Stop> {
        if self.paired.is_some() {
            return Err(Refusal::Paired.into());
        }
        let mut master = Zeroizing::new([0; SEED_BYTES]);
        self.entropy
            .try_fill_bytes(&mut *master)
            .map_err(|_| Refusal::Randomness)?;
        let client = Client::new(*master);
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        client.write_secret(&mut secret);
        // From here on it counts as handed over, whether or not it arrives.
        self.paired = Some(Paired {
            client,
            id: key_id(&secret),
            proof: Zeroizing::new(proof(&secret)),
        });
        let packet = Erased(encode(&SensorReply::Secret(&*secret)));
        Ok(channel.send(&packet.0)?)
    }
}

/// A packet that leaves nothing behind.
struct Erased(Payload);

impl Drop for Erased {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

#[inline(never)]
fn send_pieces<C: Channel, M: Fn(usize) -> u64>(
    channel: &mut C,
    mut polynomial: SeededPolynomial<'_, M>,
) -> Result<(), Gone> {
    while let Some(piece) = polynomial.next_piece() {
        channel.send(&encode(&SensorReply::Piece(piece)))?;
    }
    Ok(())
}

/// Puts values of the reading where the segments say.
pub(super) fn arrange(memory: &mut Memory, input_bits: u8, segments: &[u8]) -> Result<(), Refusal> {
    if !(1..=8).contains(&input_bits) {
        return Err(Refusal::Bits);
    }
    if memory.length == 0 {
        return Err(Refusal::Reading);
    }
    let dropped = 8 - u32::from(input_bits);
    let (half, largest) = ((1u16 << dropped) >> 1, (1u16 << input_bits) - 1);
    memory.values.zeroize();
    let mut free = 0;
    for &bytes in segments.as_chunks::<SEGMENT_BYTES>().0 {
        let Segment {
            coefficient,
            source,
            length,
        } = Segment::from_bytes(bytes);
        let [coefficient, source, length] = [coefficient, source, length].map(usize::from);
        let values = memory.values.get_mut(coefficient..coefficient + length);
        let reading = memory.reading[..memory.length].get(source..source + length);
        let (Some(values), Some(reading), true) = (values, reading, coefficient >= free) else {
            return Err(Refusal::Layout);
        };
        free = coefficient + length;
        for (value, &byte) in values.iter_mut().zip(reading) {
            *value = ((u16::from(byte) + half) >> dropped).min(largest) as u8;
        }
    }
    Ok(())
}

/// Decrypts a response, and decodes coefficients until another job comes.
#[inline(never)]
fn decrypt<C: Channel>(
    client: &Client,
    format: ResponseFormat,
    workspace: &mut Workspace,
    channel: &mut C,
    packet: &mut Payload,
) -> Result<Next, Stop> {
    let mut decryption = client
        .decrypt(format, workspace)
        .map_err(|_| Refusal::Bits)?;
    let mut missing = packed_len(DEGREE, format.width(1));
    while missing > 0 {
        channel.receive(packet)?;
        let Ok(SensorRequest::Bytes(bytes)) = SensorRequest::parse(packet) else {
            return Err(Refusal::Protocol.into());
        };
        missing = missing.checked_sub(bytes.len()).ok_or(Refusal::Response)?;
        decryption.push(bytes).map_err(|_| Refusal::Response)?;
    }
    let phase = decryption.finish().map_err(|_| Refusal::Response)?;
    channel.send(&encode(&SensorReply::Ready))?;
    loop {
        channel.receive(packet)?;
        let Ok(SensorRequest::Decode(coefficients)) = SensorRequest::parse(packet) else {
            return Ok(Next::Arrived);
        };
        decode(&phase, coefficients, channel)?;
    }
}

#[inline(never)]
fn decode<C: Channel>(phase: &Phase<'_>, coefficients: &[u8], channel: &mut C) -> Result<(), Stop> {
    let mut values = Zeroizing::new([0; 4 * COEFFICIENTS_PER_PACKET]);
    let mut length = 0;
    for &[low, high, c0 @ ..] in coefficients.as_chunks::<COEFFICIENT_BYTES>().0 {
        let position = usize::from(u16::from_le_bytes([low, high]));
        let [a, b, c, d, e] = c0;
        let c0 = u64::from_le_bytes([a, b, c, d, e, 0, 0, 0]);
        if position >= DEGREE {
            return Err(Refusal::Response.into());
        }
        let value = phase.decode(position, c0).map_err(|_| Refusal::Response)?;
        // At most MAX_PLAIN_BITS bits.
        values[length..length + 4].copy_from_slice(&(value as u32).to_le_bytes());
        length += 4;
    }
    let packet = Erased(encode(&SensorReply::Values(&values[..length])));
    Ok(channel.send(&packet.0)?)
}

#[inline(never)]
fn measure(board: &impl Board, workspace: &mut Workspace) -> Measurement {
    let count = |work: &mut dyn FnMut()| {
        let begin = board.count();
        work();
        board.count().saturating_sub(begin)
    };
    let known = count(&mut || board.execute_known());
    // Nothing is ever encrypted under this key.
    let mut client = Client::new([0; SEED_BYTES]);
    let encryption = count(&mut || {
        let message = |position: usize| core::hint::black_box(position as u64 & 255);
        if let Ok(mut ciphertext) = client.encrypt(23, message, workspace) {
            while let Some(piece) = ciphertext.next_piece() {
                core::hint::black_box(piece);
            }
        }
    });
    let transform = count(&mut || workspace.transform());
    Measurement {
        known,
        encryption,
        transform,
    }
}

/// Whether two proofs are the same, without telling where they differ.
fn equal(found: &Proof, expected: &Proof) -> bool {
    let difference = found
        .iter()
        .zip(expected)
        .fold(0, |all, (a, b)| all | (a ^ b));
    core::hint::black_box(difference) == 0
}

/// The beginning of a text.
fn cut(text: &str) -> &str {
    let end = (0..=MAX_TEXT.min(text.len()))
        .rev()
        .find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}
