//! Words as bytes: `width`-bit words packed least significant bit first, without gaps, into little-endian bytes; the last
//! byte is padded with zeros. At width 36, that of a machine's word, two words fill nine bytes.

use crate::modulus::WORD_BITS;

/// The largest word of a machine.
pub const WORD_MASK: u64 = (1 << WORD_BITS) - 1;

/// Bytes of two 36-bit words.
pub const PAIR_BYTES: usize = 9;

/// Bytes of `words` packed words of `width` bits, the last byte padded with zeros.
pub const fn packed_len(words: usize, width: u32) -> usize {
    (words * width as usize).div_ceil(8)
}

/// Two words below 2^36 as nine bytes.
#[inline(always)]
pub fn pack_pair(first: u64, second: u64) -> [u8; PAIR_BYTES] {
    debug_assert!((first | second) >> WORD_BITS == 0);
    let mut bytes = [0; PAIR_BYTES];
    bytes[..8].copy_from_slice(&(first | (second << WORD_BITS)).to_le_bytes());
    bytes[8] = (second >> (u64::BITS - WORD_BITS)) as u8;
    bytes
}

/// Packs words below 2^36 into exactly as many bytes as they need.
///
/// # Panics
/// If `bytes` has another length than [`packed_len`] tells.
pub fn pack_words(words: &[u64], bytes: &mut [u8]) {
    assert_eq!(
        bytes.len(),
        packed_len(words.len(), WORD_BITS),
        "bytes of packed words"
    );
    for (pair, bytes) in words.chunks(2).zip(bytes.chunks_mut(PAIR_BYTES)) {
        let packed = pack_pair(pair[0], pair.get(1).copied().unwrap_or(0));
        bytes.copy_from_slice(&packed[..bytes.len()]);
    }
}

/// Unpacks as many 36-bit words as `words` holds, if `bytes` has exactly the bytes of so many and the bits behind an odd
/// number of words are zero.
pub fn unpack_words(bytes: &[u8], words: &mut [u64]) -> Option<()> {
    if bytes.len() != packed_len(words.len(), WORD_BITS) {
        return None;
    }
    for (pair, bytes) in words.chunks_mut(2).zip(bytes.chunks(PAIR_BYTES)) {
        let mut packed = [0; PAIR_BYTES];
        packed[..bytes.len()].copy_from_slice(bytes);
        let [b0, b1, b2, b3, b4, b5, b6, b7, high] = packed;
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

/// Takes bytes one after the other and gives words as they become complete.
#[derive(Clone)]
pub struct Unpacker {
    width: u32,
    pool: u64,
    filled: u32,
}

impl Unpacker {
    /// For words of `width` bits.
    ///
    /// # Panics
    /// If `width` is less than 8, where a byte could complete two words, or more than 36.
    pub const fn new(width: u32) -> Self {
        assert!(8 <= width && width <= WORD_BITS);
        Self {
            width,
            pool: 0,
            filled: 0,
        }
    }

    /// The word that `byte` completes, if it completes one.
    #[inline(always)]
    pub fn push(&mut self, byte: u8) -> Option<u64> {
        self.pool |= u64::from(byte) << self.filled;
        self.filled += 8;
        if self.filled < self.width {
            return None;
        }
        let word = self.pool & ((1 << self.width) - 1);
        self.pool >>= self.width;
        self.filled -= self.width;
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    #[test]
    fn two_words_fill_nine_bytes_lsb_first() {
        assert_eq!(
            pack_pair(0x0_1234_5678, 0xF_0000_0001),
            [0x78, 0x56, 0x34, 0x12, 0x10, 0, 0, 0, 0xF0]
        );
    }

    #[test]
    fn bytes_that_are_not_so_many_words_are_refused() {
        assert_eq!(unpack_words(&[0, 0, 0, 0, 0x0f], &mut [0]), Some(()));
        assert_eq!(unpack_words(&[0, 0, 0, 0, 0x10], &mut [0]), None);
        assert_eq!(unpack_words(&[0; 4], &mut [0]), None);
        assert_eq!(unpack_words(&[0; 6], &mut [0]), None);
    }

    proptest! {
        #[test]
        fn any_number_of_words_survives(
            words in proptest::collection::vec(prop_oneof![Just(0), Just(WORD_MASK), 0..=WORD_MASK], 0..40)
        ) {
            let mut bytes = std::vec![0xaa; packed_len(words.len(), WORD_BITS)];
            pack_words(&words, &mut bytes);
            let mut back = std::vec![0; words.len()];
            prop_assert_eq!(unpack_words(&bytes, &mut back), Some(()));
            prop_assert_eq!(back, words);
        }

        #[test]
        fn pairs_unpack_to_themselves(words in proptest::collection::vec(0u64..1 << 36, 0..20)) {
            let even = &words[..words.len() & !1];
            let bytes: Vec<u8> = even.chunks(2).flat_map(|pair| pack_pair(pair[0], pair[1])).collect();
            prop_assert_eq!(bytes.len(), packed_len(even.len(), 36));
            let mut unpacker = Unpacker::new(36);
            let unpacked: Vec<u64> = bytes.iter().filter_map(|&byte| unpacker.push(byte)).collect();
            prop_assert_eq!(&unpacked, even);
        }

        #[test]
        fn every_width_takes_its_bits_in_order(
            width in 8u32..=36, words in proptest::collection::vec(any::<u64>(), 0..20)
        ) {
            let words: Vec<u64> = words.iter().map(|word| word & ((1 << width) - 1)).collect();
            let mut bytes = std::vec![0u8; packed_len(words.len(), width)];
            for bit in 0..words.len() * width as usize {
                let (word, position) = (bit / width as usize, bit % width as usize);
                bytes[bit / 8] |= (((words[word] >> position) & 1) as u8) << (bit % 8);
            }
            let mut unpacker = Unpacker::new(width);
            let mut unpacked: Vec<u64> = bytes.iter().filter_map(|&byte| unpacker.push(byte)).collect();
            unpacked.truncate(words.len());
            prop_assert_eq!(unpacked, words);
        }
    }
}
