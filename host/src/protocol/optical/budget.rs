//! What a server lets its weights tell, over all queries.
//!
//! The bound on one pass holds for each pass; over several, the information on a weight is at most the sum. So the server keeps
//! a ledger: a query is charged before its first light is sent, and one that the budget does not hold is refused.

use super::OpticalError;

/// A limit in bits a weight, and what was spent of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    limit: f64,
    spent: f64,
    queries: u64,
}

impl Budget {
    /// A budget of `limit` ≥ 0 bits a weight.
    ///
    /// # Errors
    /// [`OpticalError::BudgetLimit`].
    pub fn new(limit: f64) -> Result<Self, OpticalError> {
        match limit >= 0.0 && limit.is_finite() {
            true => Ok(Self {
                limit,
                spent: 0.0,
                queries: 0,
            }),
            false => Err(OpticalError::BudgetLimit(limit)),
        }
    }

    /// Charges a query that tells `bits` of each weight.
    ///
    /// # Errors
    /// [`OpticalError::BudgetSpent`]: nothing is charged.
    pub fn charge(&mut self, bits: f64) -> Result<(), OpticalError> {
        let spent = self.spent + bits;
        let holds = spent <= self.limit;
        // What is not a number is not held either.
        if !holds {
            return Err(OpticalError::BudgetSpent {
                queries: self.queries,
                spent: self.spent,
                asked: bits,
                limit: self.limit,
            });
        }
        self.spent = spent;
        self.queries += 1;
        Ok(())
    }

    /// Bits a weight that were spent.
    #[must_use]
    pub const fn spent(&self) -> f64 {
        self.spent
    }

    /// Queries that were charged.
    #[must_use]
    pub const fn queries(&self) -> u64 {
        self.queries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_add_up_until_the_limit_and_not_beyond() {
        let mut budget = Budget::new(1.0).unwrap();
        for _ in 0..4 {
            budget.charge(0.25).unwrap();
        }
        assert_eq!((budget.spent(), budget.queries()), (1.0, 4));
        assert!(matches!(
            budget.charge(1e-9),
            Err(OpticalError::BudgetSpent { queries: 4, .. })
        ));
        assert!(budget.charge(f64::NAN).is_err());
        assert_eq!((budget.spent(), budget.queries()), (1.0, 4));
    }

    #[test]
    fn limits_that_are_none_are_refused() {
        for bad in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(Budget::new(bad).is_err());
        }
    }
}
