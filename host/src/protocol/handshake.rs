//! The first two messages, and the session's identity.
//!
//! | message | bytes |
//! |---|---|
//! | Hello | `ADDX`, version (`u16`), 32-byte nonce |
//! | ServerHello | `ADDX`, version (`u16`), 32-byte nonce, the plan as JSON |
//!
//! The session's identifier is BLAKE3 of both messages and the public key, so it is fresh whenever one party is honest
//! about its nonce; base oblivious transfers are bound to it.

use std::io::{Read, Write};

use addax_core::random::Purpose;
use rand_core::Rng;

use super::ProtocolError;
use super::plan::PublicPlan;
use crate::mpc::channel::printable;
use crate::mpc::{Channel, MessageKind};
use crate::random::PartyRandomness;

/// Version of the protocol. Peers of different versions refuse each other.
pub const VERSION: u16 = 2;

/// Longest plan, in bytes, that is read.
const MAX_PLAN_BYTES: usize = 1 << 20;

const MAGIC: [u8; 4] = *b"ADDX";
const NONCE_BYTES: usize = 32;
const HEAD_BYTES: usize = MAGIC.len() + 2 + NONCE_BYTES;

/// What both parties saw of the handshake.
pub(super) struct Transcript(blake3::Hasher);

impl Transcript {
    fn new() -> Self {
        Self(blake3::Hasher::new_derive_key(
            "addax 2026 session identifier",
        ))
    }

    /// Adds a message, bound to its length.
    pub(super) fn add(&mut self, message: &[u8]) {
        self.0.update(&(message.len() as u64).to_le_bytes());
        self.0.update(message);
    }

    /// The identifier of everything added.
    pub(super) fn session(&self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }
}

/// The client's half: sends Hello, reads ServerHello.
pub(super) fn greet<S: Read + Write>(
    channel: &mut Channel<S>,
    randomness: &mut PartyRandomness,
) -> Result<(PublicPlan, Transcript), ProtocolError> {
    let mut transcript = Transcript::new();
    let hello = head(randomness);
    transcript.add(&hello);
    channel.send(MessageKind::Hello, &hello)?;
    let limit = HEAD_BYTES + MAX_PLAN_BYTES;
    let reply = channel.receive(MessageKind::ServerHello, limit)?;
    transcript.add(&reply);
    let plan = check_head(&reply, "server")?;
    let plan = serde_json::from_slice(plan)
        .map_err(|error| ProtocolError::PlanFormat(printable(&error.to_string())))?;
    Ok((plan, transcript))
}

/// The server's half: reads Hello, sends ServerHello.
pub(super) fn welcome<S: Read + Write>(
    channel: &mut Channel<S>,
    plan: &PublicPlan,
    randomness: &mut PartyRandomness,
) -> Result<Transcript, ProtocolError> {
    let mut transcript = Transcript::new();
    // A later version may have more to say; its version is read first.
    let hello = channel.receive(MessageKind::Hello, 4 * HEAD_BYTES)?;
    transcript.add(&hello);
    if !check_head(&hello, "client")?.is_empty() {
        return Err(ProtocolError::NotAddax("client"));
    }
    let mut reply = head(randomness);
    let plan = serde_json::to_vec(plan);
    reply.extend(plan.map_err(|error| ProtocolError::PlanFormat(error.to_string()))?);
    transcript.add(&reply);
    channel.send(MessageKind::ServerHello, &reply)?;
    Ok(transcript)
}

fn head(randomness: &mut PartyRandomness) -> Vec<u8> {
    let mut nonce = [0; NONCE_BYTES];
    randomness
        .generator(Purpose::Session)
        .fill_bytes(&mut nonce);
    [&MAGIC[..], &VERSION.to_le_bytes(), &nonce].concat()
}

/// Checks magic and version; returns what follows the head.
fn check_head<'m>(message: &'m [u8], peer: &'static str) -> Result<&'m [u8], ProtocolError> {
    let rest = message
        .strip_prefix(&MAGIC)
        .ok_or(ProtocolError::NotAddax(peer))?;
    let (version, rest) = rest
        .split_first_chunk::<2>()
        .ok_or(ProtocolError::NotAddax(peer))?;
    let version = u16::from_le_bytes(*version);
    if version != VERSION {
        return Err(ProtocolError::Version { peer: version });
    }
    rest.get(NONCE_BYTES..).ok_or(ProtocolError::NotAddax(peer))
}
