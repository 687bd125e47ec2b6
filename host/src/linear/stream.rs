//! Whole polynomials to a program and back.

use std::borrow::Cow;

use addax_core::machine::{RingProcessor, Sink, Source, StreamError};
use addax_core::random::SEED_BYTES;
use zeroize::Zeroize;

use super::LayerCost;
use super::layer::LinearError;
use crate::he::Context;

/// Runs a program on a stream of whole polynomials and returns the polynomials it stored.
pub(super) fn run(
    machine: &mut dyn RingProcessor,
    program: &addax_core::isa::Program,
    parts: Vec<Part<'_>>,
    context: &Context,
    cost: &mut LayerCost,
) -> Result<Vec<Vec<u64>>, LinearError> {
    let mut source = Polynomials::new(parts);
    let mut stored = Stored {
        n: context.n(),
        polynomials: Vec::new(),
    };
    let before = machine.link_use().unwrap_or_default();
    let report = machine.run(program, &mut source, &mut stored)?;
    cost.cycles += report.cycles;
    cost.transforms += report.transforms;
    if let Some(mut link) = machine.link_use() {
        link -= before;
        cost.link += link;
    }
    Ok(stored.polynomials)
}

/// A polynomial of the input stream.
pub(super) struct Part<'a> {
    words: Cow<'a, [u64]>,
    /// What it was expanded from, if it was: seed and limb.
    seed: Option<([u8; SEED_BYTES], u8)>,
}

impl<'a> Part<'a> {
    /// The uniform polynomial of one limb that a seed stands for.
    pub(super) const fn seeded(words: &'a [u64], seed: [u8; SEED_BYTES], limb: u8) -> Self {
        Self {
            words: Cow::Borrowed(words),
            seed: Some((seed, limb)),
        }
    }
}

impl<'a> From<&'a [u64]> for Part<'a> {
    fn from(words: &'a [u64]) -> Self {
        Self {
            words: Cow::Borrowed(words),
            seed: None,
        }
    }
}

impl From<Vec<u64>> for Part<'_> {
    fn from(words: Vec<u64>) -> Self {
        Self {
            words: Cow::Owned(words),
            seed: None,
        }
    }
}

/// A stream of polynomials, handed out without copying.
struct Polynomials<'a> {
    parts: Vec<Part<'a>>,
    part: usize,
    offset: usize,
}

impl<'a> Polynomials<'a> {
    const fn new(parts: Vec<Part<'a>>) -> Self {
        Self {
            parts,
            part: 0,
            offset: 0,
        }
    }

    /// Goes to the part that the next word lies in.
    fn current(&mut self) -> Option<&Part<'a>> {
        while self.part < self.parts.len() && self.offset == self.parts[self.part].words.len() {
            self.part += 1;
            self.offset = 0;
        }
        self.parts.get(self.part)
    }
}

impl Source for Polynomials<'_> {
    fn chunk(&mut self, max: usize) -> Result<&[u64], StreamError> {
        self.current().ok_or(StreamError::Ended)?;
        let words = &self.parts[self.part].words;
        let words = &words[self.offset..words.len().min(self.offset + max)];
        self.offset += words.len();
        Ok(words)
    }

    fn seed(&mut self, n: usize) -> Option<([u8; SEED_BYTES], u8)> {
        let part = self.current()?;
        let seed = part.seed.filter(|_| part.words.len() == n)?;
        if self.offset > 0 {
            return None;
        }
        self.offset = n;
        Some(seed)
    }
}

impl Drop for Polynomials<'_> {
    fn drop(&mut self) {
        // Owned parts hold masks, shares and errors.
        for part in &mut self.parts {
            if let Cow::Owned(words) = &mut part.words {
                words.zeroize();
            }
        }
    }
}

/// Collects whole polynomials of n words.
struct Stored {
    n: usize,
    polynomials: Vec<Vec<u64>>,
}

impl Sink for Stored {
    fn write(&mut self, mut words: &[u64]) -> Result<(), StreamError> {
        while !words.is_empty() {
            if self
                .polynomials
                .last()
                .is_none_or(|last| last.len() == self.n)
            {
                self.polynomials.push(Vec::with_capacity(self.n));
            }
            let last = self.polynomials.last_mut().ok_or(StreamError::Full)?;
            let (head, tail) = words.split_at(words.len().min(self.n - last.len()));
            last.extend_from_slice(head);
            words = tail;
        }
        Ok(())
    }

    fn room(&self) -> usize {
        usize::MAX
    }
}
