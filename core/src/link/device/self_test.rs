//! Does a machine compute what it should? (1 + X)·X^(n−1) = X^(n−1) − 1 modulo X^n + 1, in every limb: transforms both
//! ways, a product, a constant.

use crate::isa::{Program, ProgramBuilder, ProgramError};
use crate::link::message::WRONG_RESULT;
use crate::machine::{MachineError, RingProcessor, Sink, Source, StreamError};
use crate::modulus::Modulus;

/// Runs the test. All slots are empty afterwards.
///
/// # Errors
/// [`MachineError::Device`] for a wrong result, or what keeps the machine from working.
pub fn run(machine: &mut impl RingProcessor, moduli: &[Modulus]) -> Result<(), MachineError> {
    let n = machine.geometry().n();
    for (limb, q) in (0..).zip(moduli) {
        let program = product(limb, q)?;
        let (mut source, mut sink) = (
            Factors { n, at: 0, word: 0 },
            Product {
                n,
                q: q.value(),
                at: 0,
                wrong: false,
            },
        );
        machine.run(&program, &mut source, &mut sink)?;
        if sink.wrong || sink.at != n {
            return Err(MachineError::Device(WRONG_RESULT));
        }
    }
    machine.reset()
}

/// The product of two polynomials of the input stream under one limb, to the output stream.
fn product(limb: u8, q: &Modulus) -> Result<Program, ProgramError> {
    let mut builder = ProgramBuilder::new();
    let square = builder.constant(q.to_montgomery(q.to_montgomery(1)))?;
    builder
        .load(limb, 0)?
        .load(limb, 1)?
        .ntt(limb, 0, 0)?
        .ntt(limb, 1, 1)?
        .mul(limb, 0, 0, 1)?
        .mul_constant(limb, 0, 0, square)?
        .intt(limb, 0, 0)?
        .store(0)?;
    builder.finish()
}

/// 1 + X, then X^(n−1).
struct Factors {
    n: usize,
    at: usize,
    word: u64,
}

impl Source for Factors {
    fn chunk(&mut self, _max: usize) -> Result<&[u64], StreamError> {
        self.word = u64::from([0, 1, 2 * self.n - 1].contains(&self.at));
        self.at += 1;
        Ok(core::slice::from_ref(&self.word))
    }
}

/// Compares with X^(n−1) − 1.
struct Product {
    n: usize,
    q: u64,
    at: usize,
    wrong: bool,
}

impl Sink for Product {
    fn write(&mut self, words: &[u64]) -> Result<(), StreamError> {
        for &word in words {
            let expected = match self.at {
                0 => self.q - 1,
                at => u64::from(at == self.n - 1),
            };
            self.wrong |= word != expected;
            self.at += 1;
        }
        Ok(())
    }
}
