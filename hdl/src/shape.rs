//! The shape of one circuit: everything that is fixed when it is generated, and the numbers that follow from it.
//!
//! With n = 2^log_n coefficients and B butterflies there are M = 2B banks, R = n/M rows and ⌈slots/2⌉ groups; the
//! memory map and the layout of the twiddle memories are explained in `docs/hardware.md`.

use std::fmt;

use addax_core::isa::Geometry;

/// Bits of every memory address in the circuit.
pub const ADDRESS_BITS: usize = 17;

/// Which Verilog the leaf cells emit. Their behaviour is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Target {
    /// Plain Verilog, for any tool and for simulation.
    #[default]
    Behavioural,
    /// Instances of Lattice ECP5 multipliers and block RAMs with their registers, because synthesis packs no
    /// registers into them by itself.
    Ecp5,
}

/// Why a circuit of the wanted shape cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShapeError {
    /// log2 n above 13: an automorphism's (g − 1)/2 has 13 bits.
    Degree {
        /// The wanted log2 n.
        log_n: u32,
    },
    /// Number of limbs outside 1 … 16.
    Limbs {
        /// The wanted number.
        limbs: usize,
    },
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Degree { log_n } => {
                write!(
                    f,
                    "log2 n is {log_n}; the circuit is built for at most {}",
                    Shape::MAX_LOG_N
                )
            }
            Self::Limbs { limbs } => {
                write!(
                    f,
                    "{limbs} limbs; the circuit holds 1 to {}",
                    Shape::MAX_LIMBS
                )
            }
        }
    }
}

impl std::error::Error for ShapeError {}

/// What a circuit is generated for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    geometry: Geometry,
    limbs: usize,
    target: Target,
}

impl Shape {
    /// Largest log2 n.
    pub const MAX_LOG_N: u32 = 13;

    /// Most limbs: an instruction names one in 4 bits.
    pub const MAX_LIMBS: usize = 16;

    /// Words that the row stages take in a twiddle memory for each limb, where they have words of their own.
    const ROW_WORDS: usize = 4;

    /// A circuit for programs of `geometry`, with twiddles and constants of `limbs` moduli.
    ///
    /// # Errors
    /// log2 n above [`Self::MAX_LOG_N`], or `limbs` not in 1 … [`Self::MAX_LIMBS`].
    pub const fn new(geometry: Geometry, limbs: usize, target: Target) -> Result<Self, ShapeError> {
        if geometry.log_n() > Self::MAX_LOG_N {
            return Err(ShapeError::Degree {
                log_n: geometry.log_n(),
            });
        }
        if limbs == 0 || limbs > Self::MAX_LIMBS {
            return Err(ShapeError::Limbs { limbs });
        }
        Ok(Self {
            geometry,
            limbs,
            target,
        })
    }

    /// The geometry that programs are compiled for.
    pub const fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// Which Verilog the leaf cells emit.
    pub const fn target(&self) -> Target {
        self.target
    }

    /// The same circuit with other leaf cells.
    pub const fn with_target(self, target: Target) -> Self {
        Self { target, ..self }
    }

    /// log2 of the number of coefficients.
    pub const fn log_n(&self) -> u32 {
        self.geometry.log_n()
    }

    /// n: coefficients of a polynomial.
    pub const fn n(&self) -> usize {
        self.geometry.n()
    }

    /// B: butterflies, and lanes.
    pub const fn butterflies(&self) -> usize {
        self.geometry.butterflies() as usize
    }

    /// log2 B.
    pub const fn log_butterflies(&self) -> u32 {
        self.geometry.butterflies().trailing_zeros()
    }

    /// Polynomials that the machine holds.
    pub const fn slots(&self) -> usize {
        self.geometry.slots()
    }

    /// Moduli whose twiddles the machine holds.
    pub const fn limbs(&self) -> usize {
        self.limbs
    }

    /// M = 2B: banks.
    pub const fn banks(&self) -> usize {
        2 * self.butterflies()
    }

    /// m = log2 M: stages of a transform whose pairs lie in one row.
    pub const fn log_banks(&self) -> u32 {
        1 + self.log_butterflies()
    }

    /// R = n/M: words of one slot in one bank.
    pub const fn rows(&self) -> usize {
        self.n() / self.banks()
    }

    /// log2 R.
    pub const fn log_rows(&self) -> u32 {
        self.log_n() - self.log_banks()
    }

    /// G: groups of two slots; a group has one memory in every bank.
    pub const fn groups(&self) -> usize {
        self.slots().div_ceil(2)
    }

    /// Words of the memory of one group in one bank: two slots.
    pub const fn bank_depth(&self) -> usize {
        2 * self.rows()
    }

    /// Whether the row stages have words of their own in a twiddle memory; with one or two row stages they use the
    /// words t = 0 that no paired stage reads.
    const fn row_words_apart(&self) -> bool {
        self.log_banks() > 2
    }

    /// Words of one lane's twiddle memory, at most 2^17.
    pub const fn twiddle_depth(&self) -> usize {
        let paired = self.limbs * self.bank_depth();
        if self.row_words_apart() {
            paired + self.limbs * Self::ROW_WORDS
        } else {
            paired
        }
    }

    /// First word of the paired stages of `limb` in a twiddle memory.
    pub const fn twiddle_base(&self, limb: usize) -> usize {
        limb * self.bank_depth()
    }

    /// Word of row stage 0 of `limb` in a twiddle memory.
    pub const fn row_base(&self, limb: usize) -> usize {
        if self.row_words_apart() {
            self.limbs * self.bank_depth() + limb * Self::ROW_WORDS
        } else {
            self.twiddle_base(limb)
        }
    }

    /// Distance between the words of consecutive row stages.
    pub const fn row_stride(&self) -> usize {
        if self.row_words_apart() {
            1
        } else {
            self.rows()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(log_n: u32, butterflies: u32, slots: u32, limbs: usize) -> Shape {
        let geometry = Geometry::new(log_n, butterflies, slots).unwrap();
        Shape::new(geometry, limbs, Target::Behavioural).unwrap()
    }

    #[test]
    fn the_default_machine_has_the_sizes_of_the_page() {
        let shape = Shape::new(Geometry::DEFAULT, 3, Target::Ecp5).unwrap();
        assert_eq!(
            (
                shape.banks(),
                shape.log_banks(),
                shape.rows(),
                shape.groups()
            ),
            (16, 4, 256, 8)
        );
        assert_eq!(shape.twiddle_depth(), 3 * 512 + 12);
        assert_eq!(
            (shape.twiddle_base(2), shape.row_base(2), shape.row_stride()),
            (1024, 1544, 1)
        );
    }

    #[test]
    fn every_twiddle_address_lies_in_the_memory_and_fits_its_bits() {
        for log_n in 10..=13 {
            for butterflies in [1, 2, 4, 8] {
                for limbs in [1, 3, 16] {
                    let shape = shape(log_n, butterflies, 3, limbs);
                    assert!(shape.twiddle_depth() <= 1 << ADDRESS_BITS);
                    assert_eq!(shape.groups(), 2);
                    let last = limbs - 1;
                    let stages = shape.log_banks() as usize;
                    let row = shape.row_base(last) + (stages - 1) * shape.row_stride();
                    assert!(row < shape.twiddle_depth());
                    assert!(shape.twiddle_base(last) + shape.bank_depth() <= shape.twiddle_depth());
                }
            }
        }
    }

    #[test]
    fn shapes_that_the_fields_cannot_name_are_refused() {
        let large = Geometry::new(14, 8, 4).unwrap();
        assert_eq!(
            Shape::new(large, 1, Target::Ecp5),
            Err(ShapeError::Degree { log_n: 14 })
        );
        for limbs in [0, 17] {
            assert_eq!(
                Shape::new(Geometry::DEFAULT, limbs, Target::Ecp5),
                Err(ShapeError::Limbs { limbs })
            );
        }
    }
}
