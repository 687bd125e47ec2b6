//! Words as bytes: `width`-bit words packed least significant bit first, without gaps, into little-endian bytes; the
//! last byte is padded with zeros. At width 36 two words fill nine bytes.

use addax_core::modulus::{Modulus, WORD_BITS};

use super::HeError;

/// Bytes of `words` packed words of `width` bits.
#[must_use]
pub const fn packed_len(words: usize, width: u32) -> usize {
    (words * width as usize).div_ceil(8)
}

/// Appends packed words; only their low `width` ≤ 64 bits count.
pub fn pack(words: impl IntoIterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    let mask = u128::from(u64::MAX >> (64 - width));
    let mut pool = 0u128;
    let mut filled = 0;
    for word in words {
        pool |= (u128::from(word) & mask) << filled;
        filled += width;
        if filled >= u64::BITS {
            out.extend_from_slice(&(pool as u64).to_le_bytes());
            pool >>= u64::BITS;
            filled -= u64::BITS;
        }
    }
    out.extend_from_slice(&pool.to_le_bytes()[..filled.div_ceil(8) as usize]);
}

/// Reads `words` packed words of `width` ≤ 64 bits; `bytes` has exactly [`packed_len`] bytes.
///
/// # Errors
/// Any other length; `what` names the message part.
pub fn unpack(
    bytes: &[u8],
    words: usize,
    width: u32,
    what: &'static str,
) -> Result<Vec<u64>, HeError> {
    let expected = packed_len(words, width);
    if bytes.len() != expected {
        return Err(HeError::Length {
            what,
            found: bytes.len(),
            expected,
        });
    }
    let mask = u128::from(u64::MAX >> (64 - width));
    let mut pool = 0u128;
    let mut filled = 0;
    let (chunks, rest) = bytes.as_chunks();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let mut chunks = chunks
        .iter()
        .chain([&last])
        .copied()
        .map(u64::from_le_bytes);
    Ok((0..words)
        .map(|_| {
            if filled < width {
                pool |= u128::from(chunks.next().unwrap_or_default()) << filled;
                filled += u64::BITS;
            }
            let word = (pool & mask) as u64;
            pool >>= width;
            filled -= width;
            word
        })
        .collect())
}

/// Bytes of one limb of n residues.
#[must_use]
pub const fn limb_len(n: usize) -> usize {
    packed_len(n, WORD_BITS)
}

/// Reads one limb of `n` residues in 36-bit words.
///
/// # Errors
/// Wrong length, or a residue that is not below the prime.
pub fn unpack_limb(
    bytes: &[u8],
    n: usize,
    limb: usize,
    modulus: &Modulus,
    what: &'static str,
) -> Result<Vec<u64>, HeError> {
    let residues = unpack(bytes, n, WORD_BITS, what)?;
    match residues.iter().position(|&r| r >= modulus.value()) {
        Some(position) => Err(HeError::Residue {
            what,
            limb,
            position,
        }),
        None => Ok(residues),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn two_36_bit_words_fill_nine_bytes_lsb_first() {
        let mut bytes = Vec::new();
        pack([0x0_1234_5678, 0xF_0000_0001], 36, &mut bytes);
        assert_eq!(bytes, [0x78, 0x56, 0x34, 0x12, 0x10, 0, 0, 0, 0xF0]);
    }

    #[test]
    fn residues_that_are_not_below_the_prime_are_refused() {
        let modulus = Modulus::new(addax_core::params::PRIMES[0]).unwrap();
        let mut bytes = Vec::new();
        pack([0, modulus.value() - 1, modulus.value(), 0], 36, &mut bytes);
        let error = unpack_limb(&bytes, 4, 1, &modulus, "test").unwrap_err();
        assert_eq!(
            error,
            HeError::Residue {
                what: "test",
                limb: 1,
                position: 2
            }
        );
    }

    proptest! {
        #[test]
        fn packed_words_round_trip(width in 1u32..=64, words in proptest::collection::vec(any::<u64>(), 0..40)) {
            let masked: Vec<u64> = words.iter().map(|w| w & (u64::MAX >> (64 - width))).collect();
            let mut bytes = Vec::new();
            pack(words.iter().copied(), width, &mut bytes);
            prop_assert_eq!(bytes.len(), packed_len(words.len(), width));
            prop_assert_eq!(unpack(&bytes, words.len(), width, "test").unwrap(), masked);
            bytes.push(0);
            prop_assert!(unpack(&bytes, words.len(), width, "test").is_err());
        }
    }
}
