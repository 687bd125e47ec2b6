//! One polynomial of the input stream: fetched from a source in ISA order, handed to the machine in beats.
//!
//! `LD` takes its words one a beat in the order of the positions. A stream operand goes in B words a beat: beat 2r is
//! row r of the low banks, beat 2r + 1 row r of the high banks, and position p lies in bank p / R, row p mod R.

use addax_core::isa::{Instruction, Step};
use addax_core::machine::{Fault, Source, next_chunk};
use addax_hdl::Shape;
use zeroize::Zeroizing;

use crate::circuit::WORD_MASK;

/// The n words that one instruction takes from the input stream.
pub struct Operand {
    /// Words a beat.
    pub lanes: usize,
    /// As the ports take them.
    beats: Zeroizing<Vec<u64>>,
    /// Words that the machine has taken.
    taken: usize,
    /// Place in the whole stream of the first word that is not below the modulus.
    pub bad: Option<u64>,
}

impl Operand {
    /// Takes n words from a source for an instruction; `position` is the place of the first in the whole stream.
    ///
    /// # Errors
    /// What the reference would find: the source's failure, unless a word before it is no residue.
    pub fn fetch(
        step: Step,
        shape: &Shape,
        moduli: &[u64],
        position: u64,
        source: &mut dyn Source,
    ) -> Result<Self, Fault> {
        let n = shape.n();
        // Weights of LD have no modulus: the machine looks at eight bits of them.
        let limb = match step.instruction {
            Instruction::LoadWeights { .. } => None,
            instruction => instruction.limb(),
        };
        let bound = limb.map_or(u64::MAX, |limb| moduli[limb.index()] - 1);
        let mut words = Zeroizing::new(Vec::with_capacity(n));
        let mut bad = None;
        while words.len() < n {
            let fetched = next_chunk(source, n - words.len()).map_err(Fault::Source);
            match fetched {
                Ok(chunk) => {
                    let first = chunk.iter().position(|&word| word > bound);
                    bad = bad.or(first.map(|first| position + (words.len() + first) as u64));
                    words.extend_from_slice(chunk);
                }
                Err(failure) => {
                    let residue = bad.zip(limb).map(|(position, limb)| Fault::Residue {
                        position,
                        limb: limb.value(),
                    });
                    return Err(residue.unwrap_or(failure));
                }
            }
        }
        let whole = matches!(
            step.instruction,
            Instruction::Load { .. } | Instruction::LoadWeights { .. }
        );
        // A word of more bits than a port has is no residue, and must not look like one.
        let port = |word: u64| match limb {
            Some(_) => word.min(WORD_MASK),
            None => word & WORD_MASK,
        };
        let beats = if whole {
            words.iter().map(|&word| port(word)).collect()
        } else {
            let (lanes, rows) = (shape.butterflies(), shape.rows());
            (0..n)
                .map(|at| {
                    let (beat, lane) = (at / lanes, at % lanes);
                    let bank = beat % 2 * lanes + lane;
                    port(words[bank * rows + beat / 2])
                })
                .collect()
        };
        Ok(Self {
            lanes: if whole { 1 } else { shape.butterflies() },
            beats: Zeroizing::new(beats),
            taken: 0,
            bad,
        })
    }

    /// The words that the machine has not taken, in the order of beats.
    pub fn rest(&self) -> &[u64] {
        &self.beats[self.taken..]
    }

    /// Counts beats that the machine has taken and returns how many words they were.
    pub fn take(&mut self, beats: usize) -> usize {
        let words = (beats * self.lanes).min(self.beats.len() - self.taken);
        self.taken += words;
        words
    }
}
