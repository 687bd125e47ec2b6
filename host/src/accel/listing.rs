//! A program and what it starts from, as a text that people write.
//!
//! ```text
//! ; Everything behind a semicolon is a comment.
//! machine n=1024 butterflies=2 slots=4 limbs=2   ; the default machine and three limbs if left out
//! constant 12345                                 ; #0, the next line #1, and so on
//! slot 0 limb 1 random 7                         ; n residues that the seed 7 decides; also: zero, edges
//! stream random 9                                ; what the program reads; also: zero, edges
//! LD.0 1
//! MULI.0 1, 1, #0
//! LOOP 2, next 1, a += 1
//! MAC.0 1, 1, stream
//! ST 1
//! HALT                                           ; may be left out
//! ```
//!
//! Instructions are those that [`Instruction`] reads. A file that is not such a text is taken as words of 32 bits, the
//! least significant byte first, up to `HALT`, and constants of 64 bits behind it.

use std::str::FromStr;

use addax_core::isa::{
    Geometry, Instruction, IsaError, MAX_CONSTANTS, MAX_WORDS, Program, ProgramError, Sequencer,
};
use addax_core::params::{MAX_LIMBS, PRIMES};
use addax_sim::Random;
use addax_sim::conformance::Pattern;

/// A program and what it starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The machine it is written for.
    pub geometry: Geometry,
    /// Limbs of the basis: the first of the parameter sets' primes.
    pub limbs: usize,
    /// Slots that are written before the program starts: slot, limb, contents.
    pub slots: Vec<(u8, u8, Contents)>,
    /// The input stream.
    pub stream: Contents,
    /// The program.
    pub program: Program,
}

/// Residues of a slot or the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Zeros.
    Zero,
    /// Edges of the arithmetic in turn.
    Edges,
    /// Residues that a seed decides.
    Random(u64),
}

/// Why a file is not a program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListingError {
    /// A line.
    #[error("line {line}: {reason}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The program as a whole.
    #[error("{0}")]
    Program(#[from] ProgramError),
    /// Bytes that are neither a text nor words up to `HALT` and constants.
    #[error("neither a text nor 32-bit words that end in HALT and 64-bit constants behind them")]
    Bytes,
}

impl Contents {
    /// n residues below q.
    pub fn polynomial(self, q: u64, n: usize) -> Vec<u64> {
        match self {
            Self::Zero => vec![0; n],
            Self::Edges => Pattern::Edges { period: 0 }.polynomial(q, n),
            Self::Random(seed) => Pattern::Random { seed }.polynomial(q, n),
        }
    }

    fn parse(words: &[&str]) -> Result<Self, String> {
        match words {
            ["zero"] => Ok(Self::Zero),
            ["edges"] => Ok(Self::Edges),
            ["random", seed] => Ok(Self::Random(number("a seed", seed)?)),
            _ => Err("expected `zero`, `edges` or `random` and a seed".to_owned()),
        }
    }
}

fn number<T: FromStr>(what: &str, text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("expected {what}, found {text:?}"))
}

impl Listing {
    /// Reads a file's bytes.
    ///
    /// # Errors
    /// [`ListingError`] with the first line or word that is wrong.
    pub fn read(bytes: &[u8]) -> Result<Self, ListingError> {
        match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => Self::from_text(text),
            _ => Self::from_binary(bytes),
        }
    }

    fn new(geometry: Geometry, limbs: usize, program: Program) -> Self {
        Self {
            geometry,
            limbs,
            slots: Vec::new(),
            stream: Contents::Random(0),
            program,
        }
    }

    fn from_binary(bytes: &[u8]) -> Result<Self, ListingError> {
        let halt = Instruction::Halt.encode();
        let (chunks, _) = bytes.as_chunks::<4>();
        let words: Vec<u32> = chunks
            .iter()
            .map(|word| u32::from_le_bytes(*word))
            .collect();
        let end = words.iter().take(MAX_WORDS).position(|&word| word == halt);
        let end = 1 + end.ok_or(ListingError::Bytes)?;
        let (constants, rest) = bytes[4 * end..].as_chunks::<8>();
        if !rest.is_empty() || constants.len() > MAX_CONSTANTS {
            return Err(ListingError::Bytes);
        }
        let constants: Vec<u64> = constants
            .iter()
            .map(|word| u64::from_le_bytes(*word))
            .collect();
        let program = Program::from_words(&words[..end], &constants)?;
        Ok(Self::new(Geometry::DEFAULT, 3, program))
    }

    fn from_text(text: &str) -> Result<Self, ListingError> {
        let (mut words, mut constants) = (Vec::new(), Vec::new());
        let (mut geometry, mut limbs) = (Geometry::DEFAULT, 3);
        let (mut slots, mut stream) = (Vec::new(), Contents::Random(0));
        for (index, line) in text.lines().enumerate() {
            let line = line.split(';').next().unwrap_or_default().trim();
            let fields: Vec<&str> = line.split_whitespace().collect();
            let outcome = match fields[..] {
                [] => Ok(()),
                ["machine", ref sizes @ ..] => {
                    machine(sizes).map(|found| (geometry, limbs) = found)
                }
                ["constant", value] => {
                    number("a constant", value).map(|value: u64| constants.push(value))
                }
                ["slot", slot, "limb", limb, ref contents @ ..] => {
                    let slot = number("a slot", slot).and_then(|slot: u8| {
                        Ok((slot, number("a limb", limb)?, Contents::parse(contents)?))
                    });
                    slot.map(|slot| slots.push(slot))
                }
                ["stream", ref contents @ ..] => {
                    Contents::parse(contents).map(|contents| stream = contents)
                }
                _ => line
                    .parse::<Instruction>()
                    .map(|instruction| words.push(instruction.encode()))
                    .map_err(|error| error.to_string()),
            };
            outcome.map_err(|reason| ListingError::Line {
                line: index + 1,
                reason,
            })?;
        }
        let halt = Instruction::Halt.encode();
        if words.last() != Some(&halt) {
            words.push(halt);
        }
        let program = Program::from_words(&words, &constants)?;
        Ok(Self {
            slots,
            stream,
            ..Self::new(geometry, limbs, program)
        })
    }

    /// The input stream: as many words as the program reads, residues of the limbs it reads them under.
    pub fn stream_words(&self) -> Vec<u64> {
        let mut seeds = Random::new(match self.stream {
            Contents::Random(seed) => seed,
            _ => 0,
        });
        let n = self.geometry.n();
        let mut words = Vec::new();
        for step in Sequencer::new(&self.program) {
            if step.instruction.reads_stream() {
                let limb = step.instruction.limb().map_or(0, |limb| limb.index());
                let contents = match self.stream {
                    Contents::Random(_) => Contents::Random(seeds.next()),
                    other => other,
                };
                words.extend(contents.polynomial(PRIMES[limb.min(self.limbs - 1)], n));
            }
        }
        words
    }
}

/// The sizes of a machine, in any order.
fn machine(sizes: &[&str]) -> Result<(Geometry, usize), String> {
    let (mut log_n, mut butterflies, mut slots, mut limbs) = (12, 8, 16, 3);
    for size in sizes {
        let expected = || "expected n=, butterflies=, slots= or limbs= and a number".to_owned();
        let (name, value) = size.split_once('=').ok_or_else(expected)?;
        let value: u32 = number("a number", value)?;
        match name {
            "n" if value.is_power_of_two() => log_n = value.trailing_zeros(),
            "n" => return Err(format!("n is {value}, not a power of two")),
            "butterflies" => butterflies = value,
            "slots" => slots = value,
            "limbs" if (1..=MAX_LIMBS as u32).contains(&value) => limbs = value as usize,
            "limbs" => return Err(format!("limbs are 1 to {MAX_LIMBS}, not {value}")),
            _ => return Err(expected()),
        }
    }
    let geometry = Geometry::new(log_n, butterflies, slots);
    Ok((
        geometry.map_err(|error: IsaError| error.to_string())?,
        limbs,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "; a comment
        machine n=1024 slots=4 limbs=2 butterflies=2
        constant 12345
        constant 7 ; behind
        slot 0 limb 1 random 7
        slot 1 limb 0 edges
        stream zero

        MULI.1 0, 0, #1
        LOOP 2, next 1, a += 1
        ADD.0 1, 1, stream
        LD.1 2, int8
        HALT";

    #[test]
    fn a_text_is_read() {
        let listing = Listing::read(TEXT.as_bytes()).unwrap();
        assert_eq!(listing.geometry, Geometry::new(10, 2, 4).unwrap());
        assert_eq!(listing.limbs, 2);
        assert_eq!(listing.program.constants(), [12345, 7]);
        assert_eq!(listing.program.words().len(), 5);
        assert_eq!(
            listing.slots,
            [(0, 1, Contents::Random(7)), (1, 0, Contents::Edges)]
        );
        assert_eq!(listing.stream_words(), vec![0; 3 * 1024]);
        let short = Listing::read(b"SYNC").unwrap();
        assert_eq!(short.program.words().len(), 2);
        assert_eq!((short.geometry, short.limbs), (Geometry::DEFAULT, 3));
    }

    #[test]
    fn words_are_read_with_their_constants() {
        let text = Listing::read(TEXT.as_bytes()).unwrap();
        let mut bytes: Vec<u8> = text
            .program
            .words()
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect();
        bytes.extend(
            text.program
                .constants()
                .iter()
                .flat_map(|word| word.to_le_bytes()),
        );
        assert_eq!(Listing::read(&bytes).unwrap().program, text.program);
        assert_eq!(
            Listing::read(&bytes[..bytes.len() - 1]),
            Err(ListingError::Bytes)
        );
        assert_eq!(Listing::read(&[0; 8]), Err(ListingError::Bytes));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, message) in [
            ("SYNC\nNOP", "line 2: no instruction has this name and limb"),
            ("machine n=1000", "line 1: n is 1000, not a power of two"),
            (
                "machine b=8",
                "line 1: expected n=, butterflies=, slots= or limbs= and a number",
            ),
            (
                "machine butterflies=3",
                "line 1: number of butterflies (a power of two) is 3, legal are 1 to 8",
            ),
            ("machine limbs=13", "line 1: limbs are 1 to 12, not 13"),
            (
                "slot 0 limb 0",
                "line 1: expected `zero`, `edges` or `random` and a seed",
            ),
            ("slot x limb 0 zero", "line 1: expected a slot, found \"x\""),
            ("constant -1", "line 1: expected a constant, found \"-1\""),
            ("HALT\nSYNC", "word 0: HALT before the end of the program"),
        ] {
            assert_eq!(
                Listing::read(text.as_bytes()).unwrap_err().to_string(),
                message
            );
        }
    }
}
