//! 128 oblivious transfers of random keys over the Ristretto group.
//!
//! The "simplest OT" of Chou and Orlandi (LATINCRYPT 2015): with generator G, the sender publishes A = a·G; for
//! each transfer the receiver with choice c publishes B = b·G + c·A. The sender derives two keys, from a·B and from
//! a·(B − A), and the receiver one of them, from b·A. B is uniform whatever c is, and to know both keys one would
//! have to solve a Diffie-Hellman problem for A. Keys are hashes of the shared point *and* of session, index and both
//! public points, so that nothing can be carried from one transfer to another.
//!
//! Secure against semi-honest parties in the random-oracle model. The keys are used for one-time encryption
//! by [`super::ot_extension`].

use super::{Channel, MessageKind, MpcError};
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity;
use rand_core::CryptoRng;
use std::io::{Read, Write};
use subtle::{Choice, ConditionallySelectable};
use zeroize::{Zeroize, Zeroizing};

/// Number of transfers: the length of Δ.
pub const TRANSFERS: usize = 128;

const POINT_BYTES: usize = 32;

/// A transferred key.
pub type Key = [u8; 16];

/// Runs the sender: returns the two keys of each transfer.
///
/// # Errors
/// [`MpcError::InvalidPoint`] if the peer sends something that is not a group element; errors of the channel.
pub fn send<S: Read + Write, R: CryptoRng + ?Sized>(
    channel: &mut Channel<S>,
    session_id: &[u8; 32],
    rng: &mut R,
) -> Result<Zeroizing<Vec<[Key; 2]>>, MpcError> {
    let secret = Zeroizing::new(Scalar::random(rng));
    let public = RistrettoPoint::mul_base(&secret);
    let public_bytes = public.compress();
    channel.send(MessageKind::BaseOtSender, public_bytes.as_bytes())?;
    let offset = *secret * public;

    let points = channel.receive_exact(MessageKind::BaseOtReceiver, TRANSFERS * POINT_BYTES)?;
    let mut keys = Zeroizing::new(Vec::with_capacity(TRANSFERS));
    for (index, bytes) in points.chunks_exact(POINT_BYTES).enumerate() {
        let (point_bytes, point) = decode(bytes, index)?;
        let mut shared = *secret * point;
        let mut other = shared - offset;
        let key = |shared: &RistrettoPoint| {
            derive(session_id, index, &public_bytes, &point_bytes, shared)
        };
        keys.push([key(&shared), key(&other)]);
        shared.zeroize();
        other.zeroize();
    }
    Ok(keys)
}

/// Runs the receiver: bit j of `choices` selects the key of transfer j.
///
/// # Errors
/// [`MpcError::InvalidPoint`] if the peer's point is not a group element or is the identity; errors of the channel.
pub fn receive<S: Read + Write, R: CryptoRng + ?Sized>(
    channel: &mut Channel<S>,
    session_id: &[u8; 32],
    choices: &u128,
    rng: &mut R,
) -> Result<Zeroizing<Vec<Key>>, MpcError> {
    let bytes: [u8; POINT_BYTES] = channel.receive_array(MessageKind::BaseOtSender)?;
    let (public_bytes, public) = decode(&bytes, 0)?;
    // With A = 0 both keys of every transfer would be the same.
    if public == RistrettoPoint::identity() {
        return Err(MpcError::InvalidPoint { index: 0 });
    }
    let mut points = Vec::with_capacity(TRANSFERS * POINT_BYTES);
    let mut keys = Zeroizing::new(Vec::with_capacity(TRANSFERS));
    for index in 0..TRANSFERS {
        let secret = Zeroizing::new(Scalar::random(rng));
        let choice = Choice::from((choices >> index & 1) as u8);
        let offset =
            RistrettoPoint::conditional_select(&RistrettoPoint::identity(), &public, choice);
        let point_bytes = (RistrettoPoint::mul_base(&secret) + offset).compress();
        points.extend_from_slice(point_bytes.as_bytes());
        let mut shared = *secret * public;
        keys.push(derive(
            session_id,
            index,
            &public_bytes,
            &point_bytes,
            &shared,
        ));
        shared.zeroize();
    }
    channel.send(MessageKind::BaseOtReceiver, &points)?;
    Ok(keys)
}

fn decode(bytes: &[u8], index: usize) -> Result<(CompressedRistretto, RistrettoPoint), MpcError> {
    CompressedRistretto::from_slice(bytes)
        .ok()
        .and_then(|compressed| Some((compressed, compressed.decompress()?)))
        .ok_or(MpcError::InvalidPoint { index })
}

fn derive(
    session_id: &[u8; 32],
    index: usize,
    public: &CompressedRistretto,
    point: &CompressedRistretto,
    shared: &RistrettoPoint,
) -> Key {
    let mut hasher = blake3::Hasher::new_derive_key("addax v1 base oblivious transfer key");
    hasher.update(session_id);
    hasher.update(&(index as u64).to_le_bytes());
    hasher.update(public.as_bytes());
    hasher.update(point.as_bytes());
    hasher.update(shared.compress().as_bytes());
    let mut key = Key::default();
    hasher.finalize_xof().fill(&mut key);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_depend_on_session_index_and_every_point() {
        let points: Vec<RistrettoPoint> = (1u64..4)
            .map(|n| RistrettoPoint::mul_base(&Scalar::from(n)))
            .collect();
        let [p, q, r] = [0, 1, 2].map(|i: usize| points[i].compress());
        let key = derive(&[1; 32], 5, &p, &q, &points[2]);
        assert_eq!(key, derive(&[1; 32], 5, &p, &q, &points[2]));
        for other in [
            derive(&[2; 32], 5, &p, &q, &points[2]),
            derive(&[1; 32], 6, &p, &q, &points[2]),
            derive(&[1; 32], 5, &r, &q, &points[2]),
            derive(&[1; 32], 5, &p, &r, &points[2]),
            derive(&[1; 32], 5, &p, &q, &points[1]),
        ] {
            assert_ne!(key, other);
        }
    }
}
