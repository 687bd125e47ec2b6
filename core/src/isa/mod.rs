//! The instruction set of the ring processor: what a word means, how long it takes, which programs are legal.
//!
//! A ring processor works on polynomials of Z_q\[X\]/(X^n + 1), one prime q (a *limb*) at a time. It holds whole
//! polynomials in numbered **slots**; each slot remembers the limb under which it was last written. An
//! instruction is one 32-bit word, most significant field first:
//!
//! ```text
//!  31    27 26    23 22      16 15       9 8        2 1     0
//! +--------+--------+----------+----------+----------+-------+
//! |  op 5  | limb 4 |  dst 7   |   a 7    |   b 7    | flag 2|
//! +--------+--------+----------+----------+----------+-------+
//! ```
//!
//! | op | name | effect (every position i of the polynomial) |
//! |---|---|---|
//! | 1 | `LD dst` | dst\[i\] = stream word; flag 0: a residue; flag 1: the low 8 bits as a signed integer, made a residue |
//! | 2 | `ST a` | output stream word = a\[i\] |
//! | 3 | `NTT dst, a` | dst = the negacyclic transform of a, bit-reversed order |
//! | 4 | `INTT dst, a` | dst = the polynomial whose transform is a |
//! | 5 | `MUL dst, a, b` | dst\[i\] = a\[i\]·b\[i\]·2^-36 mod q |
//! | 6 | `MAC dst, a, b` | dst\[i\] = dst\[i\] + a\[i\]·b\[i\]·2^-36 mod q |
//! | 7 | `ADD dst, a, b` | dst\[i\] = a\[i\] + b\[i\] mod q |
//! | 8 | `SUB dst, a, b` | dst\[i\] = a\[i\] − b\[i\] mod q |
//! | 9 | `MULI dst, a, b` | dst\[i\] = a\[i\]·constant\[b\]·2^-36 mod q |
//! | 10 | `AUT dst, a` | dst = transform of p(X^g), where a = transform of p |
//! | 11 | `RED dst, a` | dst\[i\] = centred representative of a\[i\] mod q_b, reduced mod q |
//! | 12 | `LOOP` | repeats the instructions that follow |
//! | 13 | `SYNC` | waits until every earlier `ST` has left the machine |
//! | 14 | `HALT` | ends the program |
//!
//! Every other op is illegal, so that blank memory (all zeros or all ones) is never executed. A field that an
//! instruction does not use is zero, else the word is illegal: **every legal word has exactly one meaning and
//! every meaning exactly one word**.
//!
//! **Operands.** Slots are numbered 0…126. In `MUL`, `MAC`, `ADD` and `SUB` one of a and b, never both, may be
//! [`STREAM`] (127): its n residues are taken from the input stream while the instruction runs. Stream words
//! always come in the order of the positions i; a machine that takes several words a cycle permutes them behind
//! its driver.
//!
//! **Automorphism.** The odd Galois element g = 2h + 1 is given by h < n, thirteen bits spread over limb (most
//! significant four), b (seven) and flag (two); so `AUT` exists for n ≤ 8192, and its limb is the one a was
//! written under. In transform order, position j holds the evaluation at ψ^(2·brv(j)+1), so dst\[j\] = a\[j'\] with
//! brv(j') = brv(j)·g + h mod n: a permutation without signs. dst differs from a.
//!
//! **Loops.** `LOOP` has fields of its own: count 12 (bits 26…15, at least 1), body 8 (bits 14…7, at least 1),
//! stride 5 (bits 6…2), flag 2. The `body` words after it run `count` times. In iteration t = 0, 1, …, flag bit 0
//! adds t·stride to every slot number in field a of the body, flag bit 1 to every slot number in field b. Only
//! slot operands move: the stream simply advances, a destination, a constant index, a source limb and a Galois
//! element stay. A body may contain loops, whose bodies contain none; they lie wholly inside, may end at the same
//! word, and offsets of both levels add up. The stride is at least 1 when a flag is set and 0 when none is.
//!
//! **Slots remember their limb.** Reading a slot never written, or under another limb than it was written with,
//! is a fault. Residues are therefore canonical, in \[0, q), wherever they can be observed.
mod assembly;
mod builder;
mod cycles;
pub mod encoding;
mod error;
mod fields;
mod geometry;
mod instruction;
mod program;
mod sequencer;

pub use assembly::AssemblyError;
pub use builder::ProgramBuilder;
pub use cycles::{
    AUTOMORPHISM_LATENCY, BEAT_LATENCY, BUTTERFLY_LATENCY, FETCH_CYCLES, ISSUE_CYCLES,
    OPERAND_LATENCY, WRITE_LATENCY, cycles, instruction_cycles,
};
pub use error::{IsaError, ProgramError};
pub use fields::{Constant, Galois, Increment, Limb, Loop, Operand, PointwiseOp, STREAM, Slot};
pub use geometry::Geometry;
pub use instruction::Instruction;
pub use program::{MAX_CONSTANTS, MAX_WORDS, Program, validate};
pub use sequencer::{Sequencer, Step};

#[cfg(test)]
mod tests;
