//! Words of 36 bits as bytes: packed least significant bit first without gaps, two words in nine bytes; behind an odd
//! number of words four bits are zero.

use crate::modulus::WORD_BITS;

/// The largest word.
pub const WORD_MASK: u64 = (1 << WORD_BITS) - 1;

/// Bytes of packed words.
pub const fn packed_len(words: usize) -> usize {
    (words * WORD_BITS as usize).div_ceil(8)
}

/// Packs words below 2^36 into exactly [`packed_len`] bytes.
///
/// # Panics
/// If `bytes` has another length.
pub fn pack(words: &[u64], bytes: &mut [u8]) {
    assert_eq!(
        bytes.len(),
        packed_len(words.len()),
        "bytes of packed words"
    );
    for (pair, bytes) in words.chunks(2).zip(bytes.chunks_mut(9)) {
        debug_assert!(pair.iter().all(|&word| word <= WORD_MASK));
        let second = pair.get(1).copied().unwrap_or(0);
        let low = (pair[0] & WORD_MASK) | second << WORD_BITS;
        let high = (second >> (u64::BITS - WORD_BITS)) as u8;
        let [b0, b1, b2, b3, b4, b5, b6, b7] = low.to_le_bytes();
        let all = [b0, b1, b2, b3, b4, b5, b6, b7, high];
        bytes.copy_from_slice(&all[..bytes.len()]);
    }
}

/// Unpacks as many words as `words` holds, if `bytes` has exactly the bytes of so many and the bits behind an odd number
/// are zero.
pub fn unpack(bytes: &[u8], words: &mut [u64]) -> Option<()> {
    if bytes.len() != packed_len(words.len()) {
        return None;
    }
    for (pair, bytes) in words.chunks_mut(2).zip(bytes.chunks(9)) {
        let mut all = [0; 9];
        all[..bytes.len()].copy_from_slice(bytes);
        let [b0, b1, b2, b3, b4, b5, b6, b7, high] = all;
        let low = u64::from_le_bytes([b0, b1, b2, b3, b4, b5, b6, b7]);
        let second = low >> WORD_BITS | u64::from(high) << (u64::BITS - WORD_BITS);
        pair[0] = low & WORD_MASK;
        match pair.get_mut(1) {
            Some(word) => *word = second,
            None if second != 0 => return None,
            None => {}
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;

    #[test]
    fn two_words_fill_nine_bytes_lsb_first() {
        let mut bytes = [0; 9];
        pack(&[0x0_1234_5678, 0xF_0000_0001], &mut bytes);
        assert_eq!(bytes, [0x78, 0x56, 0x34, 0x12, 0x10, 0, 0, 0, 0xF0]);
        assert_eq!(unpack(&[0, 0, 0, 0, 0x10], &mut [0]), None);
        assert_eq!(unpack(&[0; 4], &mut [0]), None);
    }

    proptest! {
        #[test]
        fn words_survive(words in proptest::collection::vec(prop_oneof![Just(0), Just(WORD_MASK), 0..=WORD_MASK], 0..40)) {
            let mut bytes = vec![0xaa; packed_len(words.len())];
            pack(&words, &mut bytes);
            let mut back = vec![0; words.len()];
            prop_assert_eq!(unpack(&bytes, &mut back), Some(()));
            prop_assert_eq!(back, words);
        }
    }
}
