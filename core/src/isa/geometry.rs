//! The size of a machine: ring degree, butterflies, slots.

use super::IsaError;

/// What a program is compiled for: n = 2^`log_n` coefficients a polynomial, B butterflies working in parallel,
/// and the number of slots. Two machines of equal geometry take the same cycles for the same program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Geometry {
    log_n: u8,
    butterflies: u8,
    slots: u8,
}

impl Geometry {
    /// The machine that fits an ECP5-85F: n = 4096, 8 butterflies, 16 slots.
    pub const DEFAULT: Self = Self {
        log_n: 12,
        butterflies: 8,
        slots: 16,
    };

    /// Checks a geometry: `log_n` from 10 to 14, `butterflies` 1, 2, 4 or 8, `slots` from 2 to 126.
    ///
    /// # Errors
    /// [`IsaError::Field`] with the name of the first argument outside its range.
    pub const fn new(log_n: u32, butterflies: u32, slots: u32) -> Result<Self, IsaError> {
        if log_n < 10 || log_n > 14 {
            return Err(IsaError::Field {
                field: "log2 n",
                value: log_n,
                least: 10,
                greatest: 14,
            });
        }
        if butterflies > 8 || !butterflies.is_power_of_two() {
            let field = "number of butterflies (a power of two)";
            return Err(IsaError::Field {
                field,
                value: butterflies,
                least: 1,
                greatest: 8,
            });
        }
        if slots < 2 || slots > 126 {
            return Err(IsaError::Field {
                field: "number of slots",
                value: slots,
                least: 2,
                greatest: 126,
            });
        }
        Ok(Self {
            log_n: log_n as u8,
            butterflies: butterflies as u8,
            slots: slots as u8,
        })
    }

    /// log2 of the number of coefficients.
    pub const fn log_n(&self) -> u32 {
        self.log_n as u32
    }

    /// Coefficients, and stream words, of one polynomial.
    pub const fn n(&self) -> usize {
        1 << self.log_n
    }

    /// Butterflies working in parallel, which is also the number of words a pointwise instruction takes a cycle.
    pub const fn butterflies(&self) -> u32 {
        self.butterflies as u32
    }

    /// Slots, numbered from 0.
    pub const fn slots(&self) -> usize {
        self.slots as usize
    }
}

impl Default for Geometry {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_outside_the_range_are_refused() {
        for (log_n, butterflies, slots) in [
            (9, 8, 16),
            (15, 8, 16),
            (12, 0, 16),
            (12, 3, 16),
            (12, 16, 16),
            (12, 8, 1),
            (12, 8, 127),
        ] {
            assert!(
                Geometry::new(log_n, butterflies, slots).is_err(),
                "{log_n} {butterflies} {slots}"
            );
        }
        assert_eq!(Geometry::new(12, 8, 16), Ok(Geometry::DEFAULT));
        assert_eq!(Geometry::DEFAULT.n(), 4096);
    }
}
