//! Words as bytes, a piece at a time: `width`-bit words packed least significant bit first, without gaps, into
//! little-endian bytes. At width 36 two words fill nine bytes.

use crate::modulus::WORD_BITS;

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

    proptest! {
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
