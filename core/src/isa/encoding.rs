//! Where the fields of a word lie, and the numbers of the instructions: what the word of an instruction is made of,
//! for whoever reads words without [`Instruction`](super::Instruction), as a circuit does.

/// Lowest bit of the op.
pub const OP_SHIFT: u32 = 27;
/// Bits of the op.
pub const OP_BITS: u32 = 5;
/// Lowest bit of the limb.
pub const LIMB_SHIFT: u32 = 23;
/// Bits of the limb.
pub const LIMB_BITS: u32 = 4;
/// Lowest bit of the destination.
pub const DST_SHIFT: u32 = 16;
/// Lowest bit of operand a.
pub const A_SHIFT: u32 = 9;
/// Lowest bit of operand b.
pub const B_SHIFT: u32 = 2;
/// Bits of the destination and of an operand.
pub const SLOT_BITS: u32 = 7;
/// Bits of the flags, which are the lowest of the word.
pub const FLAG_BITS: u32 = 2;

/// Lowest bit of the count of a `LOOP`.
pub const COUNT_SHIFT: u32 = 15;
/// Bits of the count.
pub const COUNT_BITS: u32 = 12;
/// Lowest bit of the length of a loop's body.
pub const BODY_SHIFT: u32 = 7;
/// Bits of the length.
pub const BODY_BITS: u32 = 8;
/// Lowest bit of a loop's stride.
pub const STRIDE_SHIFT: u32 = 2;
/// Bits of the stride.
pub const STRIDE_BITS: u32 = 5;

/// The numbers of the instructions.
pub mod op {
    /// `LD`.
    pub const LD: u32 = 1;
    /// `ST`.
    pub const ST: u32 = 2;
    /// `NTT`.
    pub const NTT: u32 = 3;
    /// `INTT`.
    pub const INTT: u32 = 4;
    /// `MUL`.
    pub const MUL: u32 = 5;
    /// `MAC`.
    pub const MAC: u32 = 6;
    /// `ADD`.
    pub const ADD: u32 = 7;
    /// `SUB`.
    pub const SUB: u32 = 8;
    /// `MULI`.
    pub const MULI: u32 = 9;
    /// `AUT`.
    pub const AUT: u32 = 10;
    /// `RED`.
    pub const RED: u32 = 11;
    /// `LOOP`.
    pub const LOOP: u32 = 12;
    /// `SYNC`.
    pub const SYNC: u32 = 13;
    /// `HALT`.
    pub const HALT: u32 = 14;
}
