//! What a program's streams did, so that they can do it again: the words that it was given, where they ended, and which
//! store was refused.

use addax_core::isa::{Instruction, Program, Sequencer, Step};
use addax_core::link::message::{DIGEST_BYTES, WORDS_PER_PACKET};
use addax_core::machine::{Source, StreamError, next_chunk};
use addax_core::packing::WORD_MASK;
use addax_core::random::SEED_BYTES;
use zeroize::Zeroizing;

/// The n words that one instruction takes.
pub enum Operand {
    /// Words, as many as have been fetched.
    Words(Zeroizing<Vec<u64>>),
    /// The uniform polynomial of a seed.
    Seed {
        /// The seed.
        seed: [u8; SEED_BYTES],
        /// The limb.
        limb: u8,
    },
}

/// The streams of one run.
#[derive(Default)]
pub struct Tape {
    /// Operands in the order in which they are read; the last may be incomplete.
    pub operands: Vec<Operand>,
    /// Why the source gave no more.
    pub end: Option<StreamError>,
    /// Which store was refused, counted from 0, and why.
    pub refused: Option<(u64, StreamError)>,
    /// Digests of the polynomials that the sink has taken.
    pub delivered: Vec<[u8; DIGEST_BYTES]>,
}

impl Tape {
    /// Words kept.
    pub fn words(&self) -> usize {
        let words = |operand: &Operand| match operand {
            Operand::Words(words) => words.len(),
            Operand::Seed { .. } => SEED_BYTES / 8,
        };
        self.operands.iter().map(words).sum()
    }
}

/// What the host does next for a program, in the order of its instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// Words for an instruction; whether it looks at their low eight bits only.
    Read { small: bool },
    /// A polynomial comes.
    Store,
}

/// Where the host is in a program.
pub struct Reel<'p> {
    steps: Sequencer<'p>,
    n: usize,
    event: Option<Event>,
    operand: usize,
    offset: usize,
    /// Stores passed, and those that were answered.
    passed: u64,
    answered: u64,
    ended: bool,
}

/// The next thing to send.
pub enum Portion<'t> {
    /// Words, all below 2^36.
    Words(Vec<u64>),
    /// Words below 256.
    Small(Vec<u8>),
    /// A polynomial.
    Seed(&'t [u8; SEED_BYTES], u8),
    /// There are no more words.
    End(StreamError),
}

impl<'p> Reel<'p> {
    /// The start of a program on a machine with polynomials of n words.
    pub const fn new(program: &'p Program, n: usize) -> Self {
        Self {
            steps: Sequencer::new(program),
            n,
            event: None,
            operand: 0,
            offset: 0,
            passed: 0,
            answered: 0,
            ended: false,
        }
    }

    /// A polynomial came: how many came before; none if no store can have made it.
    pub const fn answer(&mut self) -> Option<u64> {
        if self.answered == self.passed {
            return None;
        }
        self.answered += 1;
        Some(self.answered - 1)
    }

    /// The next words to send, taken from the tape, or from the source and kept on the tape. None if nothing more is to be
    /// sent, or not before a store has been answered: one past the `room` words that are taken for certain.
    pub fn next<'t>(
        &mut self,
        tape: &'t mut Tape,
        source: Option<&mut (dyn Source + '_)>,
        room: u64,
    ) -> Option<Portion<'t>> {
        if self.ended {
            return None;
        }
        let small = loop {
            if self.event.is_none() {
                self.event = Some(self.advance()?);
            }
            match self.event? {
                Event::Read { small } => break small,
                Event::Store
                    if self.passed * self.n as u64 > room && self.answered < self.passed =>
                {
                    return None;
                }
                Event::Store => self.event = None,
            }
        };
        if self.operand == tape.operands.len() && tape.end.is_none() {
            tape.operands
                .push(Operand::Words(Zeroizing::new(Vec::new())));
            if let Some(source) = source {
                self.fetch(tape, source);
            }
        } else if let Some(source) = source {
            self.fetch(tape, source);
        }
        let end = tape.end;
        match tape.operands.get(self.operand) {
            Some(Operand::Seed { seed, limb }) => {
                self.advance_by(self.n);
                Some(Portion::Seed(seed, *limb))
            }
            Some(Operand::Words(words)) if self.offset < words.len() => {
                let words = &words[self.offset..words.len().min(self.offset + WORDS_PER_PACKET)];
                self.advance_by(words.len());
                Some(if small {
                    Portion::Small(words.iter().map(|&word| word as u8).collect())
                } else {
                    // What has more bits than a word of the machine is no residue, and does not become one.
                    Portion::Words(words.iter().map(|&word| word.min(WORD_MASK)).collect())
                })
            }
            _ => {
                self.ended = true;
                Some(Portion::End(end.unwrap_or(StreamError::Ended)))
            }
        }
    }

    /// The next event of the program.
    fn advance(&mut self) -> Option<Event> {
        self.steps.find_map(|step| match step.instruction {
            Instruction::LoadWeights { .. } => Some(Event::Read { small: true }),
            Instruction::Store { .. } => {
                self.passed += 1;
                Some(Event::Store)
            }
            instruction if instruction.reads_stream() => Some(Event::Read { small: false }),
            _ => None,
        })
    }

    fn advance_by(&mut self, words: usize) {
        self.offset += words;
        if self.offset == self.n {
            (self.operand, self.offset, self.event) = (self.operand + 1, 0, None);
        }
    }

    /// Fetches words of the operand under way until a packet can be filled.
    fn fetch(&self, tape: &mut Tape, source: &mut dyn Source) {
        let wanted = self.n.min(self.offset + WORDS_PER_PACKET);
        let Some(operand) = tape.operands.get_mut(self.operand) else {
            return;
        };
        let Operand::Words(words) = operand else {
            return;
        };
        if words.is_empty()
            && let Some((seed, limb)) = source.seed(self.n)
        {
            *operand = Operand::Seed { seed, limb };
            return;
        }
        while words.len() < wanted && tape.end.is_none() {
            match next_chunk(source, wanted - words.len()) {
                Ok(chunk) => {
                    // Growing in place would leave copies of secrets behind.
                    if words.capacity() < self.n {
                        words.reserve_exact(self.n);
                    }
                    words.extend_from_slice(chunk);
                }
                Err(error) => tape.end = Some(error),
            }
        }
    }
}

/// The step of the store with this number.
pub fn store_step(program: &Program, number: u64) -> Option<Step> {
    let mut stores = Sequencer::new(program)
        .filter(|step| matches!(step.instruction, Instruction::Store { .. }));
    stores.nth(number as usize)
}
