//! Damaged files for tests: a deterministic stream of mutations of valid ones.

use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Mutation number `index` of `files[index mod n]`: bytes flipped or set, a part cut off, removed, repeated, or replaced
/// by a part of another file; one of these, or up to four at once.
pub(crate) fn mutation(files: &[Vec<u8>], index: u64) -> Vec<u8> {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&index.to_le_bytes());
    let mut random = ChaCha20Rng::from_seed(seed);
    let mut below = |limit: usize| random.next_u32() as usize % limit.max(1);
    let mut bytes = files[index as usize % files.len()].clone();
    let times = if below(2) == 0 { 1 } else { 1 + below(4) };
    for _ in 0..times {
        let at = below(bytes.len());
        let length = below(40).min(bytes.len() - at);
        match below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << below(8),
            1 if at < bytes.len() => bytes[at] = below(256) as u8,
            2 if at < bytes.len() => bytes[at] = [0, 0x7f, 0x80, 0xff][below(4)],
            3 => bytes.truncate(at),
            4 => drop(bytes.drain(at..at + length)),
            5 => {
                let part = bytes[at..at + length].to_vec();
                bytes.splice(at..at, part);
            }
            _ => {
                let other = &files[below(files.len())];
                let from = below(other.len());
                let part = other[from..(from + below(40)).min(other.len())].to_vec();
                bytes.splice(at..at + length, part);
            }
        }
    }
    bytes
}
