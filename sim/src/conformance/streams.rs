//! Streams as awkward as the traits allow: short chunks, sources that break off, sinks that fill up.

use addax_core::machine::{Sink, Source, StreamError};

use crate::random::Random;

/// A slice in chunks of random lengths, sometimes one word, sometimes all that is asked for; then an error.
pub struct Chunks<'w, 'r> {
    rest: &'w [u64],
    end: StreamError,
    random: Option<&'r mut Random>,
}

impl<'w, 'r> Chunks<'w, 'r> {
    /// Chunks whose lengths `random` draws, or the longest allowed.
    pub const fn new(words: &'w [u64], end: StreamError, random: Option<&'r mut Random>) -> Self {
        Self {
            rest: words,
            end,
            random,
        }
    }

    /// Words not taken yet.
    pub const fn left(&self) -> usize {
        self.rest.len()
    }
}

impl Source for Chunks<'_, '_> {
    fn chunk(&mut self, max: usize) -> Result<&[u64], StreamError> {
        let max = max.min(self.rest.len());
        if max == 0 {
            // A source that breaks its contract is one that gives an empty chunk.
            return match self.end {
                StreamError::Contract => Ok(&[]),
                end => Err(end),
            };
        }
        let length = match &mut self.random {
            None => max,
            Some(random) => match random.below(4) {
                0 => max,
                1 => 1,
                _ => 1 + random.below(max as u64) as usize,
            },
        };
        let (words, rest) = self.rest.split_at(length);
        self.rest = rest;
        Ok(words)
    }
}

/// Keeps what is written, up to a number of words. A write that does not fit leaves nothing behind.
pub struct Kept {
    /// The words written.
    pub words: Vec<u64>,
    room: usize,
}

impl Kept {
    /// An empty sink.
    pub const fn new(room: usize) -> Self {
        Self {
            words: Vec::new(),
            room,
        }
    }
}

impl Sink for Kept {
    fn write(&mut self, words: &[u64]) -> Result<(), StreamError> {
        if words.len() > self.room - self.words.len() {
            return Err(StreamError::Full);
        }
        self.words.extend_from_slice(words);
        Ok(())
    }

    fn room(&self) -> usize {
        // What it promises must not be more than it takes, and may be less.
        (self.room - self.words.len()) / 2
    }
}
