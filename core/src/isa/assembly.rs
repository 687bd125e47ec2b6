//! How an instruction is written for people.

use core::fmt;

use super::{Instruction, Loop, PointwiseOp};

impl fmt::Display for Instruction {
    /// Assembly: `MAC.2 5, 1, stream` works under limb 2.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load { limb, dst } => write!(f, "LD.{limb} {dst}"),
            Self::LoadWeights { limb, dst } => write!(f, "LD.{limb} {dst}, int8"),
            Self::Store { a } => write!(f, "ST {a}"),
            Self::Ntt { limb, dst, a } => write!(f, "NTT.{limb} {dst}, {a}"),
            Self::Intt { limb, dst, a } => write!(f, "INTT.{limb} {dst}, {a}"),
            Self::Pointwise {
                op,
                limb,
                dst,
                a,
                b,
            } => {
                let name = match op {
                    PointwiseOp::Mul => "MUL",
                    PointwiseOp::Mac => "MAC",
                    PointwiseOp::Add => "ADD",
                    PointwiseOp::Sub => "SUB",
                };
                write!(f, "{name}.{limb} {dst}, {a}, {b}")
            }
            Self::MulConstant {
                limb,
                dst,
                a,
                constant,
            } => write!(f, "MULI.{limb} {dst}, {a}, #{constant}"),
            Self::Automorphism { dst, a, galois } => {
                write!(f, "AUT {dst}, {a}, X^{}", galois.element())
            }
            Self::Reduce { limb, dst, a, from } => write!(f, "RED.{limb} {dst}, {a}, from {from}"),
            Self::Loop(Loop {
                count,
                body,
                increment,
            }) => {
                write!(f, "LOOP {count}, next {body}")?;
                match (increment.a, increment.b) {
                    (false, false) => Ok(()),
                    (true, false) => write!(f, ", a += {}", increment.stride),
                    (false, true) => write!(f, ", b += {}", increment.stride),
                    (true, true) => write!(f, ", a and b += {}", increment.stride),
                }
            }
            Self::Sync => f.write_str("SYNC"),
            Self::Halt => f.write_str("HALT"),
        }
    }
}
