//! A block RAM with one write port and one read port.
//!
//! Address and output are registered: an address presented in cycle t gives its word in cycle t + 2. A word that is
//! read in the cycle in which it is written comes out **old** in both models; the fabric promises nothing there, so
//! no circuit may rely on it. Only the address bits that the depth needs are looked at. A read beyond the depth gives
//! an unspecified word (zero in the Rust model), a write beyond it is lost.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use super::ecp5;
use crate::shape::{ADDRESS_BITS, Target};
use crate::word::Word;

/// A memory of a number of words fixed at construction, all zero at first.
#[derive(Clone, Debug, SettledBlock)]
pub struct Ram<T: Synth> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Whether a word is written at the next edge.
    pub write: Signal<In, Bit>,
    /// Where it is written.
    pub write_address: Signal<In, Word<ADDRESS_BITS>>,
    /// The word written.
    pub write_data: Signal<In, T>,
    /// Address of the word to read.
    pub read_address: Signal<In, Word<ADDRESS_BITS>>,
    /// The word whose address was presented two cycles ago.
    pub read_data: Signal<Out, T>,
    _words: Vec<T>,
    _fetched: T,
    _target: Target,
}

impl<T: Synth> Ram<T> {
    /// Most words of a memory.
    pub const MAX_DEPTH: usize = 1 << ADDRESS_BITS;

    /// A memory of `depth` words, of at least 2 and at most [`Self::MAX_DEPTH`]; a depth outside is taken as the
    /// nearest inside.
    pub fn new(depth: usize, target: Target) -> Self {
        Self {
            clock: Signal::default(),
            write: Signal::default(),
            write_address: Signal::default(),
            write_data: Signal::default(),
            read_address: Signal::default(),
            read_data: Signal::default(),
            _words: vec![T::default(); depth.clamp(2, Self::MAX_DEPTH)],
            _fetched: T::default(),
            _target: target,
        }
    }

    /// Words.
    pub fn depth(&self) -> usize {
        self._words.len()
    }

    /// The word at an address, without a cycle; `None` beyond the depth.
    pub fn peek(&self, address: usize) -> Option<T> {
        self._words.get(address).copied()
    }

    /// Puts a word at an address, without a cycle; beyond the depth it does nothing.
    pub fn poke(&mut self, address: usize, word: T) {
        if let Some(place) = self._words.get_mut(address) {
            *place = word;
        }
    }

    /// Address bits that the depth needs.
    fn address_bits(&self) -> u32 {
        self._words.len().next_power_of_two().trailing_zeros()
    }

    fn decoded(&self, address: Word<ADDRESS_BITS>) -> usize {
        address.value() as usize & ((1 << self.address_bits()) - 1)
    }

    fn behavioural(&self) -> String {
        let width = T::BITS - 1;
        let last = self.depth() - 1;
        let top = self.address_bits() - 1;
        format!(
            "reg [{width}:0] words [0:{last}];
reg [{width}:0] fetched = 0;
integer i;
initial begin
  for (i = 0; i <= {last}; i = i + 1) words[i] = 0;
  read_data = 0;
end
always @(posedge clock) begin
  if (write) words[write_address[{top}:0]] <= write_data;
  fetched <= words[read_address[{top}:0]];
  read_data <= fetched;
end
"
        )
    }
}

impl<T: Synth> Logic for Ram<T> {
    fn update(&mut self) {
        if self.clock.changed {
            self.read_data.next = self._fetched;
            let address = self.decoded(self.read_address.val());
            self._fetched = self.peek(address).unwrap_or_default();
            if self.write.val() {
                let address = self.decoded(self.write_address.val());
                self.poke(address, self.write_data.val());
            }
        }
    }

    fn connect(&mut self) {
        self.read_data.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(match self._target {
            Target::Behavioural => self.behavioural(),
            Target::Ecp5 => ecp5::ram(self.depth(), T::BITS, self.address_bits() as usize),
        })
    }
}
