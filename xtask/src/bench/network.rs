//! What a measurement on loopback becomes on a network: bytes at its rate, round trips at its latency.
//!
//! time = time on loopback + bytes / rate + rounds · round trip. The parties are taken to send one after the other and
//! to compute meanwhile nothing, for both systems alike; a system that overlaps the two is faster than this says.

use crate::bench::inference::Inference;
use crate::peers::Measured;

/// The networks of the table: rate in Mbit/s.
const RATES: [(f64, &str); 3] = [
    (100.0, "100 Mbit/s"),
    (1_000.0, "1 Gbit/s"),
    (10_000.0, "10 Gbit/s"),
];

/// The round trip of the table, ms.
const ROUND_TRIP_MS: f64 = 20.0;

/// What one inference of a system takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct System {
    loopback_ms: f64,
    bytes: f64,
    rounds: f64,
}

/// All of ours, keys and base transfers included.
impl From<&Inference> for System {
    fn from(inference: &Inference) -> Self {
        Self {
            loopback_ms: inference.total_ms,
            bytes: inference.bytes,
            rounds: inference.rounds,
        }
    }
}

/// A later run of theirs.
impl From<&Measured> for System {
    fn from(measured: &Measured) -> Self {
        Self {
            loopback_ms: measured.steady_ms,
            bytes: measured.steady_bytes,
            rounds: measured.rounds.unwrap_or_default(),
        }
    }
}

impl System {
    /// Milliseconds without the bytes.
    fn without_bytes(&self, round_trip_ms: f64) -> f64 {
        self.loopback_ms + self.rounds * round_trip_ms
    }

    /// Milliseconds of an inference.
    fn milliseconds(&self, megabits: f64, round_trip_ms: f64) -> f64 {
        self.without_bytes(round_trip_ms) + self.bytes * 8.0 / (megabits * 1e3)
    }

    /// The rate in Mbit/s at which both take the same time: below it, the one with fewer bytes is faster. None if one
    /// of them is faster at every rate.
    fn equal_rate(&self, other: &Self, round_trip_ms: f64) -> Option<f64> {
        let bits = (self.bytes - other.bytes) * 8.0;
        let saved = other.without_bytes(round_trip_ms) - self.without_bytes(round_trip_ms);
        let megabits = bits / (saved * 1e3);
        (megabits.is_finite() && megabits > 0.0).then_some(megabits)
    }
}

/// Times over networks, ours beside SPU's, and where SPU begins to win.
pub fn table(compared: &[(&str, System, System)]) -> String {
    let mut table = String::from("| network | system | MB | rounds | loopback |");
    for (_, name) in RATES {
        table += &format!(" {name} |");
    }
    table += "\n|---|---|---:|---:|---:|";
    table += &"---:|".repeat(RATES.len());
    table.push('\n');
    for (title, ours, theirs) in compared {
        for (name, system) in [("Addax", ours), ("SPU, Cheetah", theirs)] {
            table += &format!(
                "| {title} | {name} | {:.1} | {:.0} | {} |",
                system.bytes / 1e6,
                system.rounds,
                duration(system.loopback_ms)
            );
            for (rate, _) in RATES {
                table += &format!(" {} |", duration(system.milliseconds(rate, ROUND_TRIP_MS)));
            }
            table.push('\n');
        }
    }
    table += "\n";
    for (title, ours, theirs) in compared {
        let name = title.split(',').next().unwrap_or(title);
        table += &match (
            ours.equal_rate(theirs, ROUND_TRIP_MS),
            ours.bytes > theirs.bytes,
        ) {
            (Some(rate), true) => format!("- {name}: SPU is faster below {rate:.0} Mbit/s.\n"),
            (Some(rate), false) => format!("- {name}: SPU is faster above {rate:.0} Mbit/s.\n"),
            (None, _) => {
                let faster =
                    ours.milliseconds(1e3, ROUND_TRIP_MS) < theirs.milliseconds(1e3, ROUND_TRIP_MS);
                let faster = if faster { "Addax" } else { "SPU" };
                format!("- {name}: {faster} is faster at every rate.\n")
            }
        };
    }
    table
}

fn duration(milliseconds: f64) -> String {
    if milliseconds < 1000.0 {
        format!("{milliseconds:.0} ms")
    } else {
        format!("{:.2} s", milliseconds / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: System = System {
        loopback_ms: 100.0,
        bytes: 10e6,
        rounds: 10.0,
    };
    const THEIRS: System = System {
        loopback_ms: 2000.0,
        bytes: 5e6,
        rounds: 60.0,
    };

    #[test]
    fn a_time_adds_bytes_and_rounds() {
        assert_eq!(OURS.milliseconds(100.0, 20.0), 100.0 + 800.0 + 200.0);
    }

    #[test]
    fn at_the_equal_rate_both_take_the_same_time() {
        let rate = OURS.equal_rate(&THEIRS, 20.0).unwrap();
        let difference = OURS.milliseconds(rate, 20.0) - THEIRS.milliseconds(rate, 20.0);
        assert!(difference.abs() < 1e-6);
        assert!(OURS.milliseconds(rate / 2.0, 20.0) > THEIRS.milliseconds(rate / 2.0, 20.0));
        let better = System { bytes: 1e6, ..OURS };
        assert_eq!(better.equal_rate(&THEIRS, 20.0), None);
    }

    #[test]
    fn the_table_has_two_lines_a_network_and_says_who_wins_where() {
        let table = table(&[("D, 10,340 ReLUs", OURS, THEIRS)]);
        assert_eq!(table.matches("D, 10,340 ReLUs").count(), 2);
        assert!(
            table.contains("- D: SPU is faster below 14 Mbit/s."),
            "{table}"
        );
    }
}
