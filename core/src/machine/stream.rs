//! Where a machine's words come from and go to.

use core::fmt;

use crate::random::SEED_BYTES;

/// Why a stream gave or took no words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamError {
    /// The source has no more words.
    Ended,
    /// The sink takes no more words.
    Full,
    /// The source gave no word, or more than it was asked for.
    Contract,
    /// What lies behind the stream failed.
    Failed(
        /// What happened.
        &'static str,
    ),
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => f.write_str("no more words"),
            Self::Full => f.write_str("takes no more words"),
            Self::Contract => f.write_str("gave no word or more than it was asked for"),
            Self::Failed(what) => f.write_str(what),
        }
    }
}

impl core::error::Error for StreamError {}

/// An input stream of words.
pub trait Source {
    /// The next words, at least one and at most `max` (which is at least 1). They count as consumed.
    ///
    /// # Errors
    /// [`StreamError::Ended`] when there is none, or what lies behind the stream.
    fn chunk(&mut self, max: usize) -> Result<&[u64], StreamError>;

    /// If the next n words are the uniform polynomial of one limb that a seed stands for
    /// ([`sample::expand_uniform`](crate::sample::expand_uniform)) and the source knows it: the seed and the limb. The words
    /// count as consumed then. A link sends 32 bytes in their place.
    fn seed(&mut self, n: usize) -> Option<([u8; SEED_BYTES], u8)> {
        let _ = n;
        None
    }
}

/// An output stream of words.
pub trait Sink {
    /// Takes all words.
    ///
    /// # Errors
    /// [`StreamError::Full`] when it cannot, or what lies behind the stream.
    fn write(&mut self, words: &[u64]) -> Result<(), StreamError>;

    /// Words that the sink will take for certain. A machine behind a link need not wait for an answer to these.
    fn room(&self) -> usize {
        0
    }
}

/// The next chunk of a source, held to its contract. What executors call.
///
/// # Errors
/// As [`Source::chunk`], and [`StreamError::Contract`] for a chunk of an impossible length.
pub fn next_chunk(source: &mut dyn Source, max: usize) -> Result<&[u64], StreamError> {
    let words = source.chunk(max)?;
    if words.is_empty() || words.len() > max {
        return Err(StreamError::Contract);
    }
    Ok(words)
}

/// Words from a slice, given without copying.
#[derive(Clone, Debug)]
pub struct SliceSource<'w> {
    rest: &'w [u64],
}

impl<'w> SliceSource<'w> {
    /// Starts at the first word.
    pub const fn new(words: &'w [u64]) -> Self {
        Self { rest: words }
    }

    /// The words not taken yet.
    pub const fn rest(&self) -> &'w [u64] {
        self.rest
    }
}

impl Source for SliceSource<'_> {
    fn chunk(&mut self, max: usize) -> Result<&[u64], StreamError> {
        if self.rest.is_empty() {
            return Err(StreamError::Ended);
        }
        let (words, rest) = self.rest.split_at(max.min(self.rest.len()));
        self.rest = rest;
        Ok(words)
    }
}

/// The source of programs that read no stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmptySource;

impl Source for EmptySource {
    fn chunk(&mut self, _max: usize) -> Result<&[u64], StreamError> {
        Err(StreamError::Ended)
    }
}

/// Words into a slice, from its start.
#[derive(Debug)]
pub struct SliceSink<'w> {
    words: &'w mut [u64],
    written: usize,
}

impl<'w> SliceSink<'w> {
    /// Starts at the first word.
    pub const fn new(words: &'w mut [u64]) -> Self {
        Self { words, written: 0 }
    }

    /// The words written so far.
    pub fn written(&self) -> &[u64] {
        &self.words[..self.written]
    }
}

impl Sink for SliceSink<'_> {
    fn write(&mut self, words: &[u64]) -> Result<(), StreamError> {
        let room = self.words.get_mut(self.written..self.written + words.len());
        room.ok_or(StreamError::Full)?.copy_from_slice(words);
        self.written += words.len();
        Ok(())
    }

    fn room(&self) -> usize {
        self.words.len() - self.written
    }
}

/// The sink of programs that write no stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct NullSink;

impl Sink for NullSink {
    fn write(&mut self, _words: &[u64]) -> Result<(), StreamError> {
        Err(StreamError::Full)
    }
}
