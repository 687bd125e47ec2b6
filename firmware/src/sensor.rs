//! Where a reading comes from.

use crate::mapped::{HEADER_BYTES, MappedBytes, block_length};

pub use addax_core::link::sensor::Readings as Sensor;

/// A board on which no sensor is wired yet.
pub struct NoSensor;

impl Sensor for NoSensor {
    fn length(&self) -> usize {
        0
    }

    fn read(&mut self, _: &mut [u8]) -> usize {
        0
    }
}

/// First word of a reading that the emulator's launcher put into memory: "ADRD".
pub const READING_MAGIC: u32 = u32::from_le_bytes(*b"ADRD");

/// A reading in memory: magic, length, bytes ([`crate::mapped`]). Every call reads it anew, so it can be exchanged
/// while the program runs.
pub struct MappedReading<M> {
    memory: M,
    longest: usize,
}

impl<M: MappedBytes> MappedReading<M> {
    /// The reading in `memory`, whose bytes are at most `longest`.
    pub const fn new(memory: M, longest: usize) -> Self {
        Self { memory, longest }
    }
}

impl<M: MappedBytes> Sensor for MappedReading<M> {
    fn length(&self) -> usize {
        block_length(&self.memory, READING_MAGIC, self.longest).unwrap_or(0)
    }

    fn read(&mut self, bytes: &mut [u8]) -> usize {
        let count = self.length().min(bytes.len());
        for (at, byte) in bytes[..count].iter_mut().enumerate() {
            *byte = self.memory.get(HEADER_BYTES + at);
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapped::tests::{Ram, block};

    #[test]
    fn a_reading_is_what_lies_in_memory_and_nothing_if_none_does() {
        let mut bytes = [0; 4];
        let mut sensor = MappedReading::new(block(READING_MAGIC, &[1, 2, 3], 32), 24);
        assert_eq!(sensor.length(), 3);
        assert_eq!(sensor.read(&mut bytes), 3);
        assert_eq!(bytes, [1, 2, 3, 0]);
        assert_eq!(sensor.read(&mut bytes[..2]), 2);
        let mut empty = MappedReading::new(Ram([0; 32].into()), 24);
        assert_eq!((empty.length(), empty.read(&mut bytes)), (0, 0));
        assert_eq!(NoSensor.read(&mut bytes), 0);
    }
}
