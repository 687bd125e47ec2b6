//! How much one list of numbers tells of another.

/// Sums over pairs of an estimate and a truth.
#[derive(Clone, Copy, Debug, Default)]
pub struct Correlation {
    products: f64,
    estimates: f64,
    truths: f64,
}

impl Correlation {
    /// Of two lists of one length, about 0: means are part of what is learnt.
    pub fn of(estimates: impl Iterator<Item = f64>, truths: impl Iterator<Item = f64>) -> Self {
        let mut sums = Self::default();
        for (estimate, truth) in estimates.zip(truths) {
            sums.add(estimate, truth);
        }
        sums
    }

    /// Adds a pair.
    pub fn add(&mut self, estimate: f64, truth: f64) {
        self.products += estimate * truth;
        self.estimates += estimate * estimate;
        self.truths += truth * truth;
    }

    /// Adds another's pairs.
    pub fn join(&mut self, other: &Self) {
        self.products += other.products;
        self.estimates += other.estimates;
        self.truths += other.truths;
    }

    /// −½ log₂(1 − ρ²): the bits that a Gaussian channel of this correlation carries. 0 if nothing was estimated.
    pub fn bits(&self) -> f64 {
        let power = self.estimates * self.truths;
        match power > 0.0 {
            true => -0.5 * (1.0 - self.products * self.products / power).log2(),
            false => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gaussian_channel_carries_its_capacity() {
        // An estimate of signal 3 and noise 1 in power: ½ log₂(1 + 3).
        let channel = Correlation {
            products: 3.0,
            estimates: 4.0,
            truths: 3.0,
        };
        assert!((channel.bits() - 1.0).abs() < 1e-12);
        let bits = |a: [f64; 2], b: [f64; 2]| Correlation::of(a.into_iter(), b.into_iter()).bits();
        assert_eq!(bits([0.0, 0.0], [1.0, 2.0]), 0.0);
        assert_eq!(bits([1.0, 1.0], [1.0, -1.0]), 0.0);
    }
}
