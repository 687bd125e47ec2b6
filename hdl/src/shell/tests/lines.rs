//! The far end of a serial line and of a bus, cycle by cycle.

use std::collections::VecDeque;

/// A serial line's far end.
pub struct UartLine {
    divisor: u32,
    levels: VecDeque<bool>,
    /// Cycles since the start bit began.
    age: Option<u32>,
    byte: u8,
    received: Vec<u8>,
}

impl UartLine {
    pub fn new(divisor: u32) -> Self {
        Self {
            divisor,
            levels: VecDeque::new(),
            age: None,
            byte: 0,
            received: Vec::new(),
        }
    }

    /// Puts bytes on the line, one directly after the other.
    pub fn send(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let bits = (0..8).map(|i| byte >> i & 1 != 0);
            for bit in [false].into_iter().chain(bits).chain([true]) {
                self.levels.extend((0..self.divisor).map(|_| bit));
            }
        }
    }

    /// Looks at the machine's line and returns what the machine sees.
    pub fn cycle(&mut self, tx: bool) -> bool {
        match self.age {
            None if !tx => self.age = Some(1),
            None => {}
            Some(age) => {
                let (bit, place) = (age / self.divisor, age % self.divisor);
                if place == self.divisor / 2 {
                    match bit {
                        0 => assert!(!tx, "start bit"),
                        9 => {
                            assert!(tx, "stop bit");
                            self.received.push(self.byte);
                        }
                        _ => self.byte = self.byte >> 1 | u8::from(tx) << 7,
                    }
                }
                self.age = (age + 1 < 10 * self.divisor).then_some(age + 1);
            }
        }
        self.levels.pop_front().unwrap_or(true)
    }

    /// Bytes that have come since the last call.
    pub fn received(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.received)
    }
}

/// Cycles of half a bus clock.
const HALF: u32 = 5;

/// A bus master.
pub struct SpiLine {
    bytes: Vec<u8>,
    cycle: u32,
    byte: u8,
    received: Vec<u8>,
}

impl SpiLine {
    pub fn new() -> Self {
        Self {
            bytes: Vec::new(),
            cycle: 0,
            byte: 0,
            received: Vec::new(),
        }
    }

    /// Begins a selection in which these bytes are sent.
    pub fn select(&mut self, bytes: &[u8]) {
        self.bytes = bytes.to_vec();
        self.cycle = 0;
    }

    /// A selection has not ended, pauses before and after it included.
    pub fn busy(&self) -> bool {
        self.cycle < self.bytes.len() as u32 * 16 * HALF + 4 * HALF
    }

    /// Looks at the machine's line and returns `cs_n`, `sclk` and `mosi`.
    pub fn cycle(&mut self, miso: bool) -> (bool, bool, bool) {
        let length = self.bytes.len() as u32 * 16 * HALF;
        let cycle = self.cycle;
        self.cycle += 1;
        // Selected half a bus clock before the first bit and after the last.
        let Some(cycle) = cycle.checked_sub(2 * HALF) else {
            return (cycle < HALF, false, false);
        };
        if cycle >= length {
            return (cycle >= length + HALF, false, false);
        }
        let (bit, phase) = (cycle / (2 * HALF), cycle % (2 * HALF));
        if phase == HALF {
            self.byte = self.byte << 1 | u8::from(miso);
            if bit % 8 == 7 {
                self.received.push(self.byte);
            }
        }
        let byte = self.bytes[bit as usize / 8];
        (false, phase >= HALF, byte >> (7 - bit % 8) & 1 != 0)
    }

    /// Bytes that have come since the last call.
    pub fn received(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.received)
    }
}
