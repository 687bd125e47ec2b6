//! A 32-bit counter that wraps, made into one that does not.

/// Extends a free-running 32-bit counter to 64 bits. Must be shown the counter at least once in each of its rounds;
/// the 1 kHz interrupt sees to that.
#[derive(Debug, Default, Clone, Copy)]
pub struct ExtendedCounter {
    rounds: u32,
    last: u32,
}

impl ExtendedCounter {
    /// A counter that starts at zero.
    pub const fn new() -> Self {
        Self { rounds: 0, last: 0 }
    }

    /// Counts since the start, given what the counter shows now.
    pub fn extend(&mut self, shown: u32) -> u64 {
        if shown < self.last {
            self.rounds = self.rounds.wrapping_add(1);
        }
        self.last = shown;
        (u64::from(self.rounds) << 32) | u64::from(shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_when_the_counter_wraps() {
        let mut counter = ExtendedCounter::new();
        assert_eq!(counter.extend(5), 5);
        assert_eq!(counter.extend(u32::MAX), 0xFFFF_FFFF);
        assert_eq!(counter.extend(3), 0x1_0000_0003);
        assert_eq!(counter.extend(3), 0x1_0000_0003);
        assert_eq!(counter.extend(2), 0x2_0000_0002);
    }
}
