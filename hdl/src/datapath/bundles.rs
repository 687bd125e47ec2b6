//! Signals that travel together. One register holds a whole bundle.
//!
//! Cycles are counted from the cycle in which the step generator issues an event, which is cycle 0.

use rust_hdl::core::prelude::*;

use crate::word::Word;

/// What the running instruction asks for. Decoded once, stable while it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Command {
    /// `NTT` or `INTT`.
    pub transform: Bit,
    /// `INTT`.
    pub inverse: Bit,
    /// One of the instructions that take the banks' halves in turn, one result an event.
    pub pointwise: Bit,
    /// `LD`.
    pub load: Bit,
    /// `ST`.
    pub store: Bit,
    /// `AUT`.
    pub automorphism: Bit,
    /// `RED`.
    pub reduce: Bit,
    /// Operands come from the input stream, `LD` included.
    pub streams: Bit,
    /// The butterfly's x is 0.
    pub no_x: Bit,
    /// The butterfly's y is the first operand, not the second.
    pub first_is_y: Bit,
    /// The butterfly's w is the second operand.
    pub second_is_w: Bit,
    /// The first read is not made; a streaming instruction takes the stream's word in its place.
    pub no_first: Bit,
    /// The second read is not made: the word is 0.
    pub no_second: Bit,
    /// The stream's word is the second operand.
    pub stream_second: Bit,
    /// The second operand is the first once more.
    pub same: Bit,
    /// A third operand is read from the destination, and is the butterfly's x (`MAC`).
    pub third: Bit,
    /// Slot of the first read, and the only one that `ST`, `AUT` and a transform's first stage read.
    pub first_slot: Word<7>,
    /// Slot of the second read.
    pub second_slot: Word<7>,
    /// Slot that is written.
    pub target: Word<7>,
    /// Modulus.
    pub qh: Word<17>,
    /// The broadcast factor; 0 where the butterfly's w is another.
    pub factor: Word<36>,
    /// `RED`: modulus read under.
    pub source_qh: Word<17>,
    /// `RED`: what is added to a word whose representative is negative.
    pub addend: Word<36>,
}

/// Where the step generator stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct State {
    /// An instruction runs and has events left.
    pub running: Bit,
    /// No stage of a transform has ended.
    pub first_stage: Bit,
    /// Paired events: the high banks. `LD` and `ST`: a high bank.
    pub half: Bit,
    /// Rows counted.
    pub row: Word<16>,
    /// d − 1.
    pub reach: Word<16>,
    /// `LD` and `ST`: the lane, one bit.
    pub lane: Word<8>,
}

/// What a bank reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Read {
    /// Row.
    pub row: Word<12>,
    /// Slot.
    pub slot: Word<7>,
    /// Nothing is read: the word is 0.
    pub none: Bit,
    /// The word read before stays.
    pub hold: Bit,
    /// The same row of the destination is read as well.
    pub third: Bit,
}

/// Which words of a lane meet at its butterfly.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Route {
    /// The high bank's words.
    pub high: Bit,
    /// The second word is the high bank's.
    pub second_high: Bit,
    /// Two neighbouring banks' words (row stages of the inverse).
    pub crossed: Bit,
}

/// What becomes of an event's results, in the order of the low banks; the high banks follow one cycle later.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Tag {
    /// Row that is written.
    pub row: Word<12>,
    /// Low banks are written.
    pub low: Bit,
    /// High banks are written.
    pub high: Bit,
    /// Paired events: the second of the two results.
    pub second: Bit,
    /// Both banks of a lane belong to the event.
    pub whole_row: Bit,
    /// Results go to two neighbouring banks (row stages of the forward transform).
    pub crossed: Bit,
    /// The words come from the automorphism network.
    pub moved: Bit,
    /// Lanes that write nothing (`LD`).
    pub idle: Word<8>,
    /// The instruction ends with it.
    pub last: Bit,
}

/// A word on its way into a bank.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Write {
    /// Whether it is written.
    pub enable: Bit,
    /// Row.
    pub row: Word<12>,
    /// The word.
    pub word: Word<36>,
}

/// A word on its way into a twiddle memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct TwiddleWrite {
    /// Whether there is one.
    pub enable: Bit,
    /// Lane, 3 bits, and address in the lane's memory, 17 bits.
    pub address: Word<20>,
    /// The word.
    pub word: Word<36>,
}

/// What meets in front of a butterfly.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Operands {
    /// The word that is added to.
    pub x: Word<36>,
    /// The word that is multiplied.
    pub y: Word<36>,
    /// The factor.
    pub w: Word<36>,
}

/// Words that were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Fetched {
    /// First operand.
    pub first: Word<36>,
    /// Second operand.
    pub second: Word<36>,
    /// Third operand.
    pub third: Word<36>,
}

/// A butterfly's results.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Results {
    /// The sum.
    pub sum: Word<36>,
    /// The difference.
    pub difference: Word<36>,
}

/// Operands, and whether `RED` adds to y.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Exceeding {
    /// The word that is added to.
    pub x: Word<36>,
    /// The word that is multiplied.
    pub y: Word<36>,
    /// The factor.
    pub w: Word<36>,
    /// The first word's representative is negative.
    pub exceeds: Bit,
}

/// Rows that an automorphism reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Walks {
    /// Of the low bank, cycle 2.
    pub low: Word<12>,
    /// Of the high bank, cycle 2.
    pub high: Word<12>,
    /// Of the high bank, cycle 3.
    pub late_high: Word<12>,
}

/// A word that leaves the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Departure {
    /// There is one.
    pub push: Bit,
    /// It comes from a high bank.
    pub high: Bit,
    /// The lane it comes from: one bit.
    pub lane: Word<8>,
}
