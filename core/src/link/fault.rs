//! A bad line, for tests and for trying what a link survives: frames are damaged, lost, repeated, cut and overtaken, as
//! a seed decides.

use core::fmt;
use core::ops::AddAssign;

use chacha20::ChaCha20Rng;
use heapless::Vec;
use rand_core::Rng;

use super::frame::MAX_WIRE;
use crate::sample;

/// How many frames of ten thousand meet which fault. Their sum is at most 10 000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// One byte is changed.
    pub flip: u16,
    /// The frame is lost.
    pub drop: u16,
    /// The frame comes twice.
    pub duplicate: u16,
    /// The frame ends early.
    pub truncate: u16,
    /// The frame comes after one to three of those behind it.
    pub delay: u16,
}

impl Rates {
    /// All faults equally often, together `per_ten_thousand`.
    pub const fn even(per_ten_thousand: u16) -> Self {
        let each = per_ten_thousand / 5;
        Self {
            flip: each,
            drop: each,
            duplicate: each,
            truncate: each,
            delay: each,
        }
    }
}

/// Faults made, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Frames seen.
    pub frames: u64,
    /// Frames with a changed byte.
    pub flipped: u64,
    /// Frames lost.
    pub dropped: u64,
    /// Frames repeated.
    pub duplicated: u64,
    /// Frames cut.
    pub truncated: u64,
    /// Frames overtaken.
    pub delayed: u64,
}

impl Faults {
    /// Frames that met a fault.
    pub const fn all(&self) -> u64 {
        self.flipped + self.dropped + self.duplicated + self.truncated + self.delayed
    }
}

impl AddAssign for Faults {
    fn add_assign(&mut self, other: Self) {
        self.frames += other.frames;
        self.flipped += other.flipped;
        self.dropped += other.dropped;
        self.duplicated += other.duplicated;
        self.truncated += other.truncated;
        self.delayed += other.delayed;
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            frames,
            flipped,
            dropped,
            duplicated,
            truncated,
            delayed,
        } = self;
        write!(
            f,
            "{} of {frames} frames: {flipped} damaged, {dropped} lost, {duplicated} repeated, {truncated} cut, {delayed} overtaken",
            self.all()
        )
    }
}

/// One direction of a bad line.
pub struct FaultInjector {
    rates: Rates,
    random: ChaCha20Rng,
    frame: Vec<u8, MAX_WIRE>,
    held: Vec<u8, MAX_WIRE>,
    /// Frames that pass before the one held comes.
    hold: u32,
    faults: Faults,
}

impl FaultInjector {
    /// A line with these rates; equal seeds make the same faults.
    pub fn new(rates: Rates, seed: u64) -> Self {
        Self {
            rates,
            random: sample::seeded(seed),
            frame: Vec::new(),
            held: Vec::new(),
            hold: 0,
            faults: Faults::default(),
        }
    }

    /// What was done so far.
    pub const fn faults(&self) -> Faults {
        self.faults
    }

    fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.random.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// Takes bytes at one end and hands what comes out to `out`.
    pub fn pass(&mut self, bytes: &[u8], out: &mut impl FnMut(&[u8])) {
        for &byte in bytes {
            // What is too long for a frame passes in pieces.
            if self.frame.push(byte).is_err() {
                out(&self.frame);
                self.frame.clear();
                let _ = self.frame.push(byte);
            }
            if byte == 0 {
                if self.frame.len() > 1 {
                    self.treat(out);
                }
                self.frame.clear();
            }
        }
    }

    fn treat(&mut self, out: &mut impl FnMut(&[u8])) {
        self.faults.frames += 1;
        let draw = self.below(10_000);
        let Rates {
            flip,
            drop,
            duplicate,
            truncate,
            delay,
        } = self.rates;
        let mut bound = 0;
        let mut hit = |rate: u16| {
            bound += u32::from(rate);
            draw < bound
        };
        if hit(flip) {
            self.faults.flipped += 1;
            let (at, bit) = (self.below(self.frame.len() as u32 - 1), self.below(8));
            self.frame[at as usize] ^= 1 << bit;
            out(&self.frame);
        } else if hit(drop) {
            self.faults.dropped += 1;
        } else if hit(duplicate) {
            self.faults.duplicated += 1;
            out(&self.frame);
            out(&self.frame);
        } else if hit(truncate) {
            self.faults.truncated += 1;
            let length = self.below(self.frame.len() as u32 - 1) as usize;
            out(&self.frame[..length]);
            out(&[0]);
        } else if hit(delay) && self.held.is_empty() {
            self.faults.delayed += 1;
            self.held = self.frame.clone();
            self.hold = 1 + self.below(3);
            return;
        } else {
            out(&self.frame);
        }
        if !self.held.is_empty() {
            self.hold -= 1;
            if self.hold == 0 {
                out(&self.held);
                self.held.clear();
            }
        }
    }
}
