//! Strings of bits, lowest bit of the lowest byte first.

/// Writes values of a few bits into bytes.
pub(super) struct BitWriter<'a> {
    bytes: &'a mut [u8],
    position: usize,
    pending: u128,
    pending_bits: u32,
}

impl<'a> BitWriter<'a> {
    pub fn new(bytes: &'a mut [u8]) -> Self {
        Self {
            bytes,
            position: 0,
            pending: 0,
            pending_bits: 0,
        }
    }

    /// Appends the lowest `bits` ≤ 64 bits of `value`, which has no others.
    #[inline]
    pub fn push(&mut self, value: u64, bits: u32) {
        self.pending |= u128::from(value) << self.pending_bits;
        self.pending_bits += bits;
        while self.pending_bits >= 8 {
            self.flush_byte();
        }
    }

    /// The next `count` bytes, for another to fill; `None` unless the string ends with a whole byte.
    #[cfg(target_arch = "x86_64")]
    pub fn whole_bytes(&mut self, count: usize) -> Option<&mut [u8]> {
        if self.pending_bits > 0 {
            return None;
        }
        let start = self.position;
        self.position += count;
        Some(&mut self.bytes[start..self.position])
    }

    /// Writes what is left, filled up with zeros.
    pub fn finish(&mut self) {
        if self.pending_bits > 0 {
            self.flush_byte();
        }
    }

    fn flush_byte(&mut self) {
        self.bytes[self.position] = self.pending as u8;
        self.position += 1;
        self.pending >>= 8;
        self.pending_bits = self.pending_bits.saturating_sub(8);
    }
}

/// Reads what [`BitWriter`] wrote.
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    position: usize,
    pending: u128,
    pending_bits: u32,
}

impl<'a> BitReader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            position: 0,
            pending: 0,
            pending_bits: 0,
        }
    }

    /// The next `count` bytes; `None` unless whole bytes have been read so far.
    #[cfg(target_arch = "x86_64")]
    pub fn whole_bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        if self.pending_bits > 0 {
            return None;
        }
        let start = self.position;
        self.position += count;
        Some(&self.bytes[start..self.position])
    }

    /// The next `bits` ≤ 63 bits.
    #[inline]
    pub fn pull(&mut self, bits: u32) -> u64 {
        while self.pending_bits < bits {
            self.pending |= u128::from(self.bytes[self.position]) << self.pending_bits;
            self.position += 1;
            self.pending_bits += 8;
        }
        let value = self.pending as u64 & ((1u64 << bits) - 1);
        self.pending >>= bits;
        self.pending_bits -= bits;
        value
    }
}
