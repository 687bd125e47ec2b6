//! Why the program started, and what ended it before: a record in memory that a reset leaves alone.
//!
//! A program that ends itself writes the reason here first. The next start reads it, combines it with what the board's
//! own reset flags say, and writes that from now on every end is an unexpected one. A checksum tells the record from
//! what memory holds when the power comes on.

use core::fmt::{self, Write};

/// Why the program started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(target_os = "none", derive(defmt::Format))]
#[repr(u32)]
pub enum ResetCause {
    /// The power came on, or memory did not survive.
    PowerOn = 1,
    /// The reset pin, or the emulator's `system_reset`.
    External = 2,
    /// The program asked for it.
    Software = 3,
    /// The watchdog was not fed in time.
    Watchdog = 4,
    /// The program panicked.
    Panic = 5,
    /// The processor refused to go on.
    HardFault = 6,
    /// The supply voltage was too low.
    BrownOut = 7,
}

impl ResetCause {
    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PowerOn => "power-on",
            Self::External => "external reset",
            Self::Software => "restart on purpose",
            Self::Watchdog => "watchdog",
            Self::Panic => "panic",
            Self::HardFault => "hard fault",
            Self::BrownOut => "brown-out",
        }
    }

    const fn from_word(word: u32) -> Option<Self> {
        Some(match word {
            1 => Self::PowerOn,
            2 => Self::External,
            3 => Self::Software,
            4 => Self::Watchdog,
            5 => Self::Panic,
            6 => Self::HardFault,
            7 => Self::BrownOut,
            _ => return None,
        })
    }
}

/// Longest place of a fault, in bytes.
pub const PLACE_BYTES: usize = 64;
/// Longest message of a fault, in bytes.
pub const MESSAGE_BYTES: usize = 128;

/// What ended the program before this start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `file:line` of a panic; the address of the instruction of a hard fault. The end of it, if it is longer.
    pub place: heapless::String<PLACE_BYTES>,
    /// What the panic said, or the fault's status registers. The beginning of it, if it is longer.
    pub message: heapless::String<MESSAGE_BYTES>,
}

/// A start of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boot {
    /// Starts since the power came on, this one included.
    pub count: u32,
    /// Why this start happened.
    pub cause: ResetCause,
    /// The panic or hard fault that ended the program before, if that is why.
    pub fault: Option<Fault>,
}

/// Words of the record.
pub const WORDS: usize = TEXT + (PLACE_BYTES + MESSAGE_BYTES) / 4 + 1;

const COUNT: usize = 0;
const CAUSE: usize = 1;
const PLACE_LENGTH: usize = 2;
const MESSAGE_LENGTH: usize = 3;
const TEXT: usize = 4;
const CHECKSUM: usize = WORDS - 1;

/// The memory that a record lies in: [`WORDS`] words that survive a reset.
pub trait Retained {
    /// The word at `index`.
    fn get(&self, index: usize) -> u32;
    /// Changes the word at `index`.
    fn set(&mut self, index: usize, value: u32);
}

/// FNV-1a over the record's words; not zero for a record of zeros.
fn checksum(memory: &impl Retained) -> u32 {
    (0..CHECKSUM).fold(0x811C_9DC5, |hash, index| {
        (hash ^ memory.get(index)).wrapping_mul(0x0100_0193)
    })
}

fn seal(memory: &mut impl Retained) {
    let sum = checksum(memory);
    memory.set(CHECKSUM, sum);
}

/// Reads the record at the start of the program and begins a new one. `hardware` is what the board's reset flags say,
/// if it has any.
pub fn start(memory: &mut impl Retained, hardware: Option<ResetCause>) -> Boot {
    let survived = memory.get(CHECKSUM) == checksum(memory);
    let recorded = match survived {
        true => ResetCause::from_word(memory.get(CAUSE)),
        false => Some(ResetCause::PowerOn),
    };
    let cause = match (recorded, hardware) {
        // The flags of a power-on are certain, and a record that survived one is a coincidence.
        (_, Some(ResetCause::PowerOn | ResetCause::BrownOut)) => hardware,
        (Some(ResetCause::PowerOn), Some(_)) => hardware,
        (Some(_), _) => recorded,
        (None, _) => hardware,
    }
    .unwrap_or(ResetCause::External);
    let fault = match cause {
        ResetCause::Panic | ResetCause::HardFault if survived => Some(fault(memory)),
        _ => None,
    };
    let count = if survived { memory.get(COUNT) } else { 0 };
    let count = count.saturating_add(1);
    memory.set(COUNT, count);
    // Whatever ends the program without writing another cause came from outside.
    memory.set(CAUSE, 0);
    memory.set(PLACE_LENGTH, 0);
    memory.set(MESSAGE_LENGTH, 0);
    seal(memory);
    Boot {
        count,
        cause,
        fault,
    }
}

/// Records why the program ends now, with a place and a message if there is something to say.
pub fn end(
    memory: &mut impl Retained,
    cause: ResetCause,
    place: fmt::Arguments<'_>,
    message: fmt::Arguments<'_>,
) {
    memory.set(CAUSE, cause as u32);
    let mut text = Text::<_, PLACE_BYTES>::new(&mut *memory, 0);
    let _ = text.write_fmt(place);
    let length = text.length as u32;
    memory.set(PLACE_LENGTH, length);
    let mut text = Text::<_, MESSAGE_BYTES>::new(&mut *memory, PLACE_BYTES);
    let _ = text.write_fmt(message);
    let length = text.length as u32;
    memory.set(MESSAGE_LENGTH, length);
    seal(memory);
}

fn fault(memory: &impl Retained) -> Fault {
    Fault {
        place: text(memory, 0, memory.get(PLACE_LENGTH)),
        message: text(memory, PLACE_BYTES, memory.get(MESSAGE_LENGTH)),
    }
}

fn text<const N: usize>(memory: &impl Retained, start: usize, length: u32) -> heapless::String<N> {
    let mut string = heapless::String::new();
    for at in start..start + N.min(length as usize) {
        let byte = memory.get(TEXT + at / 4).to_le_bytes()[at % 4];
        // Only ASCII is written.
        let _ = string.push(char::from(byte));
    }
    string
}

/// Writes text into the record's words, up to `LONGEST` bytes from byte `start`; the rest is left out.
struct Text<'a, M, const LONGEST: usize> {
    memory: &'a mut M,
    start: usize,
    length: usize,
}

impl<'a, M: Retained, const LONGEST: usize> Text<'a, M, LONGEST> {
    fn new(memory: &'a mut M, start: usize) -> Self {
        Self {
            memory,
            start,
            length: 0,
        }
    }
}

impl<M: Retained, const LONGEST: usize> Write for Text<'_, M, LONGEST> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if self.length == LONGEST {
                break;
            }
            let byte = if character.is_ascii() {
                character as u8
            } else {
                b'?'
            };
            let at = self.start + self.length;
            let mut word = self.memory.get(TEXT + at / 4).to_le_bytes();
            word[at % 4] = byte;
            self.memory.set(TEXT + at / 4, u32::from_le_bytes(word));
            self.length += 1;
        }
        Ok(())
    }
}

/// The last `longest` bytes of a path, which tell more than the first. Paths are ASCII.
pub fn tail(path: &str, longest: usize) -> &str {
    let from = path.len().saturating_sub(longest);
    path.get(from..).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Ram([u32; WORDS]);

    impl Retained for Ram {
        fn get(&self, index: usize) -> u32 {
            self.0[index]
        }
        fn set(&mut self, index: usize, value: u32) {
            self.0[index] = value;
        }
    }

    #[test]
    fn starts_are_counted_and_causes_told_apart() {
        for garbage in [0, 0xFFFF_FFFF, 0xCCCC_CCCC] {
            let mut ram = Ram([garbage; WORDS]);
            let first = start(&mut ram, None);
            assert_eq!((first.count, first.cause), (1, ResetCause::PowerOn));
            let second = start(&mut ram, None);
            assert_eq!((second.count, second.cause), (2, ResetCause::External));
            let third = start(&mut ram, Some(ResetCause::Watchdog));
            assert_eq!((third.count, third.cause), (3, ResetCause::Watchdog));
            end(
                &mut ram,
                ResetCause::Software,
                format_args!(""),
                format_args!(""),
            );
            let fourth = start(&mut ram, Some(ResetCause::Software));
            assert_eq!((fourth.count, fourth.cause), (4, ResetCause::Software));
            assert_eq!(fourth.fault, None);
        }
    }

    #[test]
    fn a_fault_is_told_once() {
        let mut ram = Ram([0; WORDS]);
        start(&mut ram, None);
        let long = "é".repeat(MESSAGE_BYTES + 1);
        end(
            &mut ram,
            ResetCause::Panic,
            format_args!("{}:{}", "src/main.rs", 7),
            format_args!("{long}"),
        );
        let boot = start(&mut ram, Some(ResetCause::Software));
        assert_eq!(boot.cause, ResetCause::Panic);
        let fault = boot.fault.unwrap();
        assert_eq!(fault.place, "src/main.rs:7");
        assert_eq!(fault.message.as_str(), "?".repeat(MESSAGE_BYTES));
        let next = start(&mut ram, None);
        assert_eq!((next.cause, next.fault), (ResetCause::External, None));
    }

    #[test]
    fn a_damaged_record_is_none() {
        let mut ram = Ram([0; WORDS]);
        start(&mut ram, None);
        ram.0[TEXT] ^= 1;
        assert_eq!(start(&mut ram, None).cause, ResetCause::PowerOn);
        end(
            &mut ram,
            ResetCause::Panic,
            format_args!("a"),
            format_args!("b"),
        );
        let boot = start(&mut ram, Some(ResetCause::PowerOn));
        assert_eq!((boot.cause, boot.fault), (ResetCause::PowerOn, None));
    }

    #[test]
    fn the_end_of_a_long_path_is_kept() {
        assert_eq!(tail("a/b/c.rs", 4), "c.rs");
        assert_eq!(tail("c.rs", 9), "c.rs");
    }
}
