//! The streams of a run, with their words counted.

use addax_core::isa::Limb;
use addax_core::machine::{Fault, Sink, Source, next_chunk};
use addax_core::modulus::Modulus;
use addax_core::{pointwise, simd};

/// The input stream, a chunk at a time.
pub struct Input<'s> {
    source: &'s mut dyn Source,
    words: u64,
}

impl<'s> Input<'s> {
    /// Starts counting at the next word.
    pub const fn new(source: &'s mut dyn Source) -> Self {
        Self { source, words: 0 }
    }

    /// Words taken so far.
    pub const fn taken(&self) -> u64 {
        self.words
    }

    /// Hands the next n words on, with the position of each chunk's first.
    pub fn words(
        &mut self,
        n: usize,
        mut use_words: impl FnMut(usize, &[u64]),
    ) -> Result<(), Fault> {
        let mut at = 0;
        while at < n {
            let words = next_chunk(self.source, n - at).map_err(Fault::Source)?;
            use_words(at, words);
            at += words.len();
            self.words += words.len() as u64;
        }
        Ok(())
    }

    /// The same for residues of a limb, checked before they are used.
    pub fn residues(
        &mut self,
        limb: Limb,
        modulus: &Modulus,
        n: usize,
        mut use_words: impl FnMut(usize, &[u64]),
    ) -> Result<(), Fault> {
        let mut at = 0;
        while at < n {
            let words = next_chunk(self.source, n - at).map_err(Fault::Source)?;
            if let Some(offset) = pointwise::first_not_residue(simd::level(), modulus, words) {
                return Err(Fault::Residue {
                    position: self.words + offset as u64,
                    limb: limb.value(),
                });
            }
            use_words(at, words);
            at += words.len();
            self.words += words.len() as u64;
        }
        Ok(())
    }
}

/// The output stream.
pub struct Output<'s> {
    sink: &'s mut dyn Sink,
    words: u64,
}

impl<'s> Output<'s> {
    /// Starts counting at the next word.
    pub const fn new(sink: &'s mut dyn Sink) -> Self {
        Self { sink, words: 0 }
    }

    /// Words written so far.
    pub const fn given(&self) -> u64 {
        self.words
    }

    /// Writes words.
    pub fn write(&mut self, words: &[u64]) -> Result<(), Fault> {
        self.sink.write(words).map_err(Fault::Sink)?;
        self.words += words.len() as u64;
        Ok(())
    }
}
