//! A small memory that is read without a clock (distributed RAM).
//!
//! What is written at an edge is read from the next cycle on.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use crate::word::Word;

/// Address bits of a register file's ports.
pub const REGISTER_FILE_ADDRESS_BITS: usize = 7;

/// At most 128 words, all zero at first. Only the address bits that the depth needs are looked at; a read beyond the
/// depth gives an unspecified word (zero in the Rust model), a write beyond it is lost.
#[derive(Clone, Debug, SettledBlock)]
pub struct RegisterFile<T: Synth> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Whether a word is written at the next edge.
    pub write: Signal<In, Bit>,
    /// Where it is written.
    pub write_address: Signal<In, Word<REGISTER_FILE_ADDRESS_BITS>>,
    /// The word written.
    pub write_data: Signal<In, T>,
    /// Address of the word to read.
    pub read_address: Signal<In, Word<REGISTER_FILE_ADDRESS_BITS>>,
    /// The word at `read_address`, in the same cycle.
    pub read_data: Signal<Out, T>,
    _words: Vec<T>,
}

impl<T: Synth> RegisterFile<T> {
    /// Most words.
    pub const MAX_DEPTH: usize = 1 << REGISTER_FILE_ADDRESS_BITS;

    /// A file of `depth` words, of at least 2 and at most [`Self::MAX_DEPTH`]; a depth outside is taken as the nearest
    /// inside.
    pub fn new(depth: usize) -> Self {
        Self {
            clock: Signal::default(),
            write: Signal::default(),
            write_address: Signal::default(),
            write_data: Signal::default(),
            read_address: Signal::default(),
            read_data: Signal::default(),
            _words: vec![T::default(); depth.clamp(2, Self::MAX_DEPTH)],
        }
    }

    /// Words.
    pub fn depth(&self) -> usize {
        self._words.len()
    }

    /// The word at an address; `None` beyond the depth.
    pub fn peek(&self, address: usize) -> Option<T> {
        self._words.get(address).copied()
    }

    fn address_bits(&self) -> u32 {
        self._words.len().next_power_of_two().trailing_zeros()
    }

    fn decoded(&self, address: Word<REGISTER_FILE_ADDRESS_BITS>) -> usize {
        address.value() as usize & ((1 << self.address_bits()) - 1)
    }
}

impl<T: Synth> Logic for RegisterFile<T> {
    fn update(&mut self) {
        if self.clock.changed && self.write.val() {
            let address = self.decoded(self.write_address.val());
            if let Some(place) = self._words.get_mut(address) {
                *place = self.write_data.val();
            }
        }
        let address = self.decoded(self.read_address.val());
        self.read_data.next = self.peek(address).unwrap_or_default();
    }

    fn connect(&mut self) {
        self.read_data.connect();
    }

    fn hdl(&self) -> Verilog {
        let width = T::BITS - 1;
        let last = self.depth() - 1;
        let top = self.address_bits() - 1;
        Verilog::Custom(format!(
            "(* ram_style = \"distributed\" *) reg [{width}:0] words [0:{last}];
integer i;
initial for (i = 0; i <= {last}; i = i + 1) words[i] = 0;
always @(posedge clock) if (write) words[write_address[{top}:0]] <= write_data;
always @(*) read_data = words[read_address[{top}:0]];
"
        ))
    }
}
