//! Bytes at fixed addresses of the machine, as the code above the registers sees them.

/// A stretch of memory outside of the program's own, addressed by offset from its start.
pub trait MappedBytes {
    /// The byte at `offset`.
    fn get(&self, offset: usize) -> u8;
    /// Changes the byte at `offset`.
    fn set(&mut self, offset: usize, value: u8);

    /// The little-endian word at `offset`.
    fn word(&self, offset: usize) -> u32 {
        u32::from_le_bytes([0, 1, 2, 3].map(|at| self.get(offset + at)))
    }

    /// Changes the little-endian word at `offset`.
    fn set_word(&mut self, offset: usize, value: u32) {
        for (at, byte) in value.to_le_bytes().into_iter().enumerate() {
            self.set(offset + at, byte);
        }
    }
}

/// The start of a block that the emulator's launcher fills: two little-endian words, then as many bytes as the second
/// one says.
pub const HEADER_BYTES: usize = 8;

/// How many bytes follow the header, if the block begins with `magic`, and `longest` at most.
pub fn block_length(memory: &impl MappedBytes, magic: u32, longest: usize) -> Option<usize> {
    if memory.word(0) != magic {
        return None;
    }
    Some(longest.min(memory.word(4) as usize))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::vec::Vec;

    /// Memory for tests.
    pub struct Ram(pub Vec<u8>);

    impl MappedBytes for Ram {
        fn get(&self, offset: usize) -> u8 {
            self.0[offset]
        }
        fn set(&mut self, offset: usize, value: u8) {
            self.0[offset] = value;
        }
    }

    /// A block with its header in `size` bytes of memory that is zero elsewhere.
    pub fn block(magic: u32, bytes: &[u8], size: usize) -> Ram {
        let mut memory = Ram(magic.to_le_bytes().to_vec());
        memory.0.extend((bytes.len() as u32).to_le_bytes());
        memory.0.extend(bytes);
        memory.0.resize(size, 0);
        memory
    }

    #[test]
    fn a_block_is_known_by_its_first_word_and_bounded() {
        let memory = block(0x1234_5678, &[1, 2, 3], 16);
        assert_eq!(block_length(&memory, 0x1234_5678, 8), Some(3));
        assert_eq!(block_length(&memory, 0x1234_5678, 2), Some(2));
        assert_eq!(block_length(&memory, 0x1234_5679, 8), None);
    }
}
