//! How an instruction is written for people, and read back.

use core::fmt;
use core::str::{FromStr, Split};

use super::{
    Constant, Galois, Increment, Instruction, IsaError, Limb, Loop, Operand, PointwiseOp, Slot,
};

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

/// Why a line is not an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssemblyError {
    /// The first word names no instruction, or lacks or has a limb against its rule.
    Name,
    /// An operand is missing or is not what it should be.
    Operand {
        /// What should stand there.
        expected: &'static str,
    },
    /// Something follows the last operand.
    Excess,
    /// A number is out of its range, or operands contradict each other.
    Field(
        /// The rule broken.
        IsaError,
    ),
}

impl fmt::Display for AssemblyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("no instruction has this name and limb"),
            Self::Operand { expected } => write!(f, "expected {expected}"),
            Self::Excess => f.write_str("something follows the last operand"),
            Self::Field(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for AssemblyError {}

impl From<IsaError> for AssemblyError {
    fn from(error: IsaError) -> Self {
        Self::Field(error)
    }
}

/// The operands of a line, one after the other.
struct Operands<'t>(Split<'t, char>);

impl<'t> Operands<'t> {
    fn next(&mut self, expected: &'static str) -> Result<&'t str, AssemblyError> {
        let text = self.0.next().map(str::trim).filter(|text| !text.is_empty());
        text.ok_or(AssemblyError::Operand { expected })
    }

    /// A number behind a word, as in `next 5`.
    fn number<T: FromStr>(
        &mut self,
        before: &str,
        expected: &'static str,
    ) -> Result<T, AssemblyError> {
        let text = self.next(expected)?;
        let digits = text.strip_prefix(before).map(str::trim_start);
        let number = digits.and_then(|digits| digits.parse().ok());
        number.ok_or(AssemblyError::Operand { expected })
    }

    fn slot(&mut self) -> Result<Slot, AssemblyError> {
        Ok(Slot::new(self.number("", "a slot")?)?)
    }

    fn operand(&mut self) -> Result<Operand, AssemblyError> {
        let expected = "a slot or `stream`";
        match self.next(expected)? {
            "stream" => Ok(Operand::Stream),
            text => {
                let number = text.parse().ok();
                let number = number.ok_or(AssemblyError::Operand { expected })?;
                Ok(Operand::Slot(Slot::new(number)?))
            }
        }
    }

    fn end(mut self) -> Result<(), AssemblyError> {
        match self.0.next().map(str::trim) {
            None | Some("") => Ok(()),
            Some(_) => Err(AssemblyError::Excess),
        }
    }
}

impl FromStr for Instruction {
    type Err = AssemblyError;

    /// Reads what [`Display`](fmt::Display) writes; spaces around operands do not matter.
    fn from_str(line: &str) -> Result<Self, AssemblyError> {
        let line = line.trim();
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let (name, limb) = match name.split_once('.') {
            Some((name, limb)) => {
                let limb = limb.parse().map_err(|_| AssemblyError::Name)?;
                (name, Some(Limb::new(limb)?))
            }
            None => (name, None),
        };
        let mut operands = Operands(rest.split(','));
        let instruction = match (name, limb) {
            ("LD", Some(limb)) => {
                let dst = operands.slot()?;
                match operands.next("") {
                    Ok("int8") => Self::LoadWeights { limb, dst },
                    Ok(_) => return Err(AssemblyError::Excess),
                    Err(_) => Self::Load { limb, dst },
                }
            }
            ("ST", None) => Self::Store {
                a: operands.slot()?,
            },
            ("NTT", Some(limb)) => Self::Ntt {
                limb,
                dst: operands.slot()?,
                a: operands.slot()?,
            },
            ("INTT", Some(limb)) => Self::Intt {
                limb,
                dst: operands.slot()?,
                a: operands.slot()?,
            },
            ("MULI", Some(limb)) => Self::MulConstant {
                limb,
                dst: operands.slot()?,
                a: operands.slot()?,
                constant: Constant::new(operands.number("#", "a constant, #0 to #127")?)?,
            },
            ("AUT", None) => {
                let (dst, a) = (operands.slot()?, operands.slot()?);
                let expected = "X^g, g odd";
                let element: u16 = operands.number("X^", expected)?;
                if element.is_multiple_of(2) {
                    return Err(AssemblyError::Operand { expected });
                }
                let galois = Galois::new(element / 2)?;
                Self::Automorphism { dst, a, galois }
            }
            ("RED", Some(limb)) => Self::Reduce {
                limb,
                dst: operands.slot()?,
                a: operands.slot()?,
                from: Limb::new(operands.number("from ", "`from` and a limb")?)?,
            },
            ("LOOP", None) => {
                let count = operands.number("", "how often")?;
                let body = operands.number("next ", "`next` and how many words")?;
                Self::Loop(Loop::new(count, body, increment(&mut operands)?)?)
            }
            ("SYNC", None) => Self::Sync,
            ("HALT", None) => Self::Halt,
            _ => {
                let op = match name {
                    "MUL" => PointwiseOp::Mul,
                    "MAC" => PointwiseOp::Mac,
                    "ADD" => PointwiseOp::Add,
                    "SUB" => PointwiseOp::Sub,
                    _ => return Err(AssemblyError::Name),
                };
                Self::Pointwise {
                    op,
                    limb: limb.ok_or(AssemblyError::Name)?,
                    dst: operands.slot()?,
                    a: operands.operand()?,
                    b: operands.operand()?,
                }
            }
        };
        operands.end()?;
        // The rules between fields.
        Ok(Self::decode(instruction.encode())?)
    }
}

/// What the operands of a loop's body move by, if anything.
fn increment(operands: &mut Operands<'_>) -> Result<Increment, AssemblyError> {
    let expected = "`a`, `b` or `a and b`, `+=` and a stride";
    let Ok(text) = operands.next(expected) else {
        return Ok(Increment::NONE);
    };
    let wrong = AssemblyError::Operand { expected };
    let (fields, stride) = text.split_once("+=").ok_or(wrong)?;
    let (a, b) = match fields.trim_end() {
        "a" => (true, false),
        "b" => (false, true),
        "a and b" => (true, true),
        _ => return Err(wrong),
    };
    let stride = stride.trim_start().parse().map_err(|_| wrong)?;
    Ok(Increment { a, b, stride })
}
