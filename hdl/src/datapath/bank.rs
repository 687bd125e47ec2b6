//! A bank: one memory for every group of two slots, and the words that come out of them.
//!
//! Cycles are counted from the cycle in which [`Read`] is presented. Every memory gets the row; the bit above the row
//! says which of the group's two slots. `MAC` reads a second memory at the same time, that of its destination, which
//! may need the other value of that bit: so every memory has a bit of its own.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use super::bundles::{Read, Write};
use super::group::{GroupDecode, GroupSelect};
use crate::leaf::{MaskedRegister, Ram, Register};
use crate::shape::{ADDRESS_BITS, Target};
use crate::word::{Word, bit_cast};

/// How many memories a bank has, and how large they are.
#[derive(Clone, Copy, Debug)]
pub struct BankSize {
    /// G, memories.
    pub groups: usize,
    /// R, rows.
    pub rows: usize,
    /// Words of a memory: 2R, or R if only slot 0 exists.
    pub depth: usize,
}

/// One bank.
#[derive(Clone, Debug, SettledBlock)]
pub struct Bank {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Always 0, in a register of this lane's own.
    pub asleep: Signal<In, Bit>,
    /// What to read.
    pub read: Signal<In, Read>,
    /// The slot that is written and that the third operand is read from; stable.
    pub target: Signal<In, Word<7>>,
    /// A word to write. It is written at the end of the next cycle.
    pub write: Signal<In, Write>,
    /// The word read, in cycle 5.
    pub word: Signal<Out, Word<36>>,
    /// The word read, in cycle 6.
    pub previous: Signal<Out, Word<36>>,
    /// The third operand in cycle 5; 0 if none was read.
    pub third: Signal<Out, Word<36>>,

    rams: Vec<Ram<Word<36>>>,
    select: GroupSelect,
    group: GroupDecode,
    reading: MaskedRegister<Read>,
    /// The bit above the row, for each memory.
    uppers: MaskedRegister<Word<64>>,
    writing: Register<Write>,
    enables: Register<Word<64>>,
    rows: Constant<Word<ADDRESS_BITS>>,
    zeros: Constant<Word<64>>,
    ones: Constant<Word<64>>,
    slot: Signal<Local, Word<7>>,
    upper: Signal<Local, Word<64>>,
    lower_row: Signal<Local, Word<ADDRESS_BITS>>,
    upper_row: Signal<Local, Word<ADDRESS_BITS>>,
    write_row: Signal<Local, Word<ADDRESS_BITS>>,
    written: Signal<Local, Word<36>>,
    _groups: usize,
    _size: BankSize,
}

impl Bank {
    /// Cycles from an address to the word behind a memory's output register.
    pub const MEMORY_LATENCY: usize = 2;
    /// Cycles from [`Self::read`] to the word read: the address register, the memory, and the choice in two steps.
    pub const LATENCY: usize = 1 + Self::MEMORY_LATENCY + 2;

    /// A bank of zeros.
    pub fn new(size: BankSize, target: Target) -> Self {
        let BankSize {
            groups,
            rows,
            depth,
        } = size;
        Self {
            clock: Signal::default(),
            asleep: Signal::default(),
            read: Signal::default(),
            target: Signal::default(),
            write: Signal::default(),
            word: Signal::default(),
            previous: Signal::default(),
            third: Signal::default(),
            rams: vec![Ram::new(depth, target); groups],
            select: GroupSelect::new(groups),
            group: GroupDecode::default(),
            reading: MaskedRegister::default(),
            uppers: MaskedRegister::default(),
            writing: Register::default(),
            enables: Register::default(),
            rows: Constant::new(Word::new(rows as u64)),
            zeros: Constant::new(Word::new(0)),
            ones: Constant::new(Word::new(u64::MAX)),
            slot: Signal::default(),
            upper: Signal::default(),
            lower_row: Signal::default(),
            upper_row: Signal::default(),
            write_row: Signal::default(),
            written: Signal::default(),
            _groups: groups,
            _size: size,
        }
    }

    /// Memory and address of a row of a slot.
    fn place(&self, slot: usize, row: usize) -> (usize, usize) {
        (slot / 2, slot % 2 * self._size.rows + row)
    }

    /// The word in a row of a slot, without a cycle; `None` where there is none.
    pub fn peek(&self, slot: usize, row: usize) -> Option<u64> {
        let (group, address) = self.place(slot, row);
        self.rams.get(group)?.peek(address).map(Word::value)
    }

    /// Puts a word into a row of a slot, without a cycle.
    pub fn poke(&mut self, slot: usize, row: usize, word: u64) {
        let (group, address) = self.place(slot, row);
        if let Some(ram) = self.rams.get_mut(group) {
            ram.poke(address, Word::new(word));
        }
    }
}

impl Logic for Bank {
    #[hdl_gen]
    fn update(&mut self) {
        self.reading.clock.next = self.clock.val();
        self.uppers.clock.next = self.clock.val();
        self.reading.keep.next = !self.asleep.val();
        self.uppers.keep.next = !self.asleep.val();
        self.writing.clock.next = self.clock.val();
        self.enables.clock.next = self.clock.val();
        self.select.clock.next = self.clock.val();

        // Cycle 0: which half of each memory is read.
        self.group.slot.next = self.target.val();
        self.upper.next = self.zeros.val();
        self.slot.next = self.read.val().slot;
        if self.slot.val().get_bit(0) {
            self.upper.next = self.ones.val();
        }
        if self.read.val().third {
            self.upper.next = self.upper.val() & self.group.others.val();
            if self.target.val().get_bit(0) {
                self.upper.next = self.upper.val() | self.group.member.val();
            }
        }
        self.uppers.d.next = self.upper.val();
        self.reading.d.next = self.read.val();

        // The write: cycle 0 of the event's result.
        self.writing.d.next = self.write.val();
        self.enables.d.next = self.zeros.val();
        if self.write.val().enable {
            self.enables.d.next = self.group.member.val();
        }

        // Cycle 1: the memories' ports.
        self.lower_row.next = bit_cast::<ADDRESS_BITS, 12>(self.reading.q.val().row);
        self.upper_row.next = self.lower_row.val() | self.rows.val();
        self.write_row.next = bit_cast::<ADDRESS_BITS, 12>(self.writing.q.val().row);
        if self.target.val().get_bit(0) {
            self.write_row.next = self.write_row.val() | self.rows.val();
        }
        self.written.next = self.writing.q.val().word;
        for i in 0..self._groups {
            self.rams[i].clock.next = self.clock.val();
            self.rams[i].read_address.next = self.lower_row.val();
            if self.uppers.q.val().get_bit(i) {
                self.rams[i].read_address.next = self.upper_row.val();
            }
            self.rams[i].write.next = self.enables.q.val().get_bit(i);
            self.rams[i].write_address.next = self.write_row.val();
            self.rams[i].write_data.next = self.written.val();
            self.select.words[i].next = self.rams[i].read_data.val();
        }

        // Cycles 1 to 6.
        self.select.read.next = self.reading.q.val();
        self.select.target.next = self.target.val();
        self.word.next = self.select.word.val();
        self.previous.next = self.select.previous.val();
        self.third.next = self.select.third.val();
    }
}
