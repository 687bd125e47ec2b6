//! The numbers that a driver and the machine must agree on: commands, status addresses, errors.
//!
//! `docs/hardware.md` says what they mean; the circuit and every driver take them from here.

/// Kinds of command.
pub mod command {
    /// Control: the address says which of [`control`](super::control).
    pub const CONTROL: u64 = 0;
    /// A word of program memory.
    pub const PROGRAM: u64 = 1;
    /// A word of constant memory.
    pub const CONSTANT: u64 = 2;
    /// A field of a limb's record: address limb·4 + field, one of [`limb`](super::limb).
    pub const LIMB: u64 = 3;
    /// A word of a lane's twiddle memory: address lane·2^17 + place.
    pub const TWIDDLE: u64 = 4;
}

/// Addresses of [`command::CONTROL`].
pub mod control {
    /// Start the program; ignored while an error stands.
    pub const START: u64 = 0;
    /// Abort it; ignored when none runs.
    pub const ABORT: u64 = 1;
    /// Clear the error.
    pub const CLEAR_ERROR: u64 = 2;
    /// Mark all slots as never written.
    pub const CLEAR_TAGS: u64 = 3;
}

/// Fields of a limb's record.
pub mod limb {
    /// qh; makes the limb known.
    pub const MODULUS: u64 = 0;
    /// 2^36 mod q.
    pub const ONE: u64 = 1;
    /// `twiddle_base | row_base << 18`.
    pub const BASES: u64 = 2;
    /// Where `row_base` begins in the field.
    pub const ROW_BASE_SHIFT: u32 = 18;
}

/// Addresses of the status port.
pub mod status {
    /// Bit 0 running, bit 1 error, bit 2 output words left inside, bits 8–11 error code.
    pub const STATE: u64 = 0;
    /// Place of the instruction that met the error.
    pub const ERROR_PLACE: u64 = 1;
    /// Its word, increments added; 0 where there is none.
    pub const ERROR_WORD: u64 = 2;
    /// Errors 2 and 3: slot | expected limb << 8 | found limb << 12, the limbs only of error 3.
    pub const ERROR_DETAIL: u64 = 3;
    /// Cycles that were not stalls, low 36 bits; the 12 high ones follow.
    pub const CYCLES: u64 = 4;
    /// Stalls, alike.
    pub const STALLS: u64 = 6;
    /// Instructions executed, modulo 2^36.
    pub const INSTRUCTIONS: u64 = 8;
    /// Transforms executed, modulo 2^36.
    pub const TRANSFORMS: u64 = 9;
    /// log2 n | B << 8 | slots << 16 | limbs << 24.
    pub const SHAPE: u64 = 10;
    /// Plus the slot: bit 4 written, bits 0–3 limb.
    pub const TAGS: u64 = 128;
}

/// Error codes.
pub mod error {
    /// No error.
    pub const NONE: u64 = 0;
    /// Not an instruction, a slot or limb that does not exist, loops that do not nest.
    pub const ILLEGAL: u64 = 1;
    /// Slot never written.
    pub const UNWRITTEN: u64 = 2;
    /// Slot written under another limb.
    pub const WRONG_LIMB: u64 = 3;
    /// Constant not below the modulus.
    pub const CONSTANT: u64 = 4;
    /// Stream word not below the modulus.
    pub const RESIDUE: u64 = 5;
    /// Aborted.
    pub const ABORTED: u64 = 6;
    /// Execution ran past the end of program memory.
    pub const NO_HALT: u64 = 7;
}
