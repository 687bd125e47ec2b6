//! How long a packet may take before it counts as lost.

use super::{ACKNOWLEDGE_DELAY, Micros};

/// Bounds of the time after which a packet is sent again.
const SHORTEST: Micros = 200_000;
const LONGEST: Micros = 8_000_000;

/// The time as long as no round trip was measured.
const FIRST: Micros = 500_000;

/// How often the time is doubled at most.
const MOST_DOUBLINGS: u32 = 4;

/// What was learnt of round trips.
pub struct Patience {
    /// Eight times the smoothed round trip, four times its deviation; none measured yet.
    measured: Option<(Micros, Micros)>,
    doublings: u32,
}

impl Patience {
    /// Nothing learnt yet.
    pub const fn new() -> Self {
        Self {
            measured: None,
            doublings: 0,
        }
    }

    /// A packet that was sent once has arrived after this time.
    pub fn measure(&mut self, sample: Micros) {
        self.doublings = 0;
        self.measured = Some(match self.measured {
            None => (8 * sample, 2 * sample),
            Some((mean8, deviation4)) => {
                let error = sample.abs_diff(mean8 / 8);
                (
                    mean8 - mean8 / 8 + sample,
                    deviation4 - deviation4 / 4 + error,
                )
            }
        });
    }

    /// A packet has not arrived in time.
    pub fn disappoint(&mut self) {
        self.doublings = (self.doublings + 1).min(MOST_DOUBLINGS);
    }

    /// How long a packet may take.
    pub fn time(&self) -> Micros {
        let base = match self.measured {
            None => FIRST,
            Some((mean8, deviation4)) => mean8 / 8 + deviation4 + ACKNOWLEDGE_DELAY,
        };
        (base.max(SHORTEST) << self.doublings).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vain_try_doubles_the_time_up_to_a_bound_and_a_measurement_takes_it_back() {
        let mut patience = Patience::new();
        assert_eq!(patience.time(), FIRST);
        patience.disappoint();
        assert_eq!(patience.time(), 2 * FIRST);
        for _ in 0..100 {
            patience.disappoint();
        }
        assert_eq!(patience.time(), LONGEST.min(FIRST << MOST_DOUBLINGS));
        patience.measure(1_000);
        assert_eq!(patience.time(), SHORTEST);
    }

    #[test]
    fn the_time_is_the_mean_round_trip_and_four_deviations() {
        let mut patience = Patience::new();
        patience.measure(400_000);
        assert_eq!(patience.time(), 400_000 + 800_000 + ACKNOWLEDGE_DELAY);
        for _ in 0..200 {
            patience.measure(400_000);
        }
        // What is left of the first deviation is less than a microsecond a step.
        let rest = patience.time() - 400_000 - ACKNOWLEDGE_DELAY;
        assert!(rest < 10, "{rest}");
    }
}
