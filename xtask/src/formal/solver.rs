//! One question to yosys.

use std::path::Path;

use anyhow::{Result, bail};

use super::proofs::{Method, Proof};
use crate::shell::Shell;

/// What is asked of a proof's module.
pub enum Question {
    /// Can `holds` be false?
    Holds,
    /// Can `reached` be true in the proof's cycle `reached_at`?
    Reached,
    /// Can `holds` be false within the proof's first `fault_by` cycles?
    FaultShows,
}

/// What the solver found.
pub enum Outcome {
    /// There is no counterexample.
    Holds,
    /// There is one; or, for [`Question::Reached`], an example.
    Fails(String),
}

/// Reads circuit and property, makes one circuit of registers and logic of them, and asks.
pub fn ask(proof: &Proof, question: &Question, circuit: &Path, property: &Path) -> Result<Outcome> {
    let parameters: String = proof
        .parameters
        .iter()
        .map(|(name, value)| format!("chparam -set {name} {value} proof; "))
        .collect();
    let sat = match (question, &proof.method) {
        (Question::Reached, _) => format!(
            "sat -seq {0} -set assumed 1 -set-at {0} reached 1 -show-inputs",
            proof.reached_at
        ),
        (Question::Holds | Question::FaultShows, Method::Pipeline { cycles }) => format!(
            "sat -seq {} -prove-skip {cycles} -set assumed 1 -prove holds 1 \
             -show-ports",
            cycles + 1
        ),
        (Question::Holds, Method::Induction { depth }) => format!(
            "sat -tempinduct -seq 1 -maxsteps {depth} -set assumed 1 -prove holds 1 -show-ports"
        ),
        (Question::FaultShows, Method::Induction { .. }) => format!(
            "sat -seq {} -set assumed 1 -prove holds 1 -show-ports",
            proof.fault_by
        ),
    };
    // Before identical registers become one: they would differ in what they hold first.
    let initial = match proof.method {
        Method::Pipeline { .. } => "setattr -unset init; ",
        Method::Induction { .. } => "",
    };
    let cuts: String = proof
        .cut
        .iter()
        .map(|cells| format!("cutpoint {cells}; "))
        .collect();
    let script = format!(
        "read_verilog -sv {} {}; {parameters}hierarchy -check -top proof; proc; {cuts}memory_collect; memory_map; \
         flatten; {initial}opt -fine; \
         check -assert; cd proof; {sat}",
        circuit.display(),
        property.display(),
    );
    let log = Shell::new("yosys", "-Q -T -p").argument(script).output()?;
    read(question, &log)
}

/// The outcome that a log tells, if it shows that the question was really asked.
fn read(question: &Question, log: &str) -> Result<Outcome> {
    let imported = match question {
        Question::Reached => r"Import set-constraint for this timestep: \reached = 1'1",
        Question::Holds | Question::FaultShows => r"Import proof-constraint: \holds = 1'1",
    };
    let cells = log
        .lines()
        .filter_map(|line| {
            line.strip_prefix("Imported ")?
                .split(' ')
                .next()?
                .parse()
                .ok()
        })
        .fold(0usize, usize::max);
    if !log.contains(imported) || cells == 0 {
        bail!("the log does not say `{imported}` about a circuit with cells:\n{log}");
    }
    let example = || {
        let lines: Vec<&str> = log
            .lines()
            .filter(|line| {
                let first = line.split_whitespace().next().unwrap_or("");
                line.starts_with("  ") && (first == "init" || first.parse::<u32>().is_ok())
            })
            .collect();
        Outcome::Fails(lines.join("\n"))
    };
    let says = |text: &str| log.contains(text);
    match question {
        Question::Reached if says("SAT solving finished - model found:") => Ok(example()),
        Question::Reached if says("SAT solving finished - no model found.") => Ok(Outcome::Holds),
        Question::Holds | Question::FaultShows if says("model found: FAIL!") => Ok(example()),
        Question::Holds if says("model found for base case: FAIL!") => Ok(example()),
        Question::Holds if says("Induction step proven: SUCCESS!") => Ok(Outcome::Holds),
        Question::Holds | Question::FaultShows if says("no model found: SUCCESS!") => {
            Ok(Outcome::Holds)
        }
        _ => bail!("yosys neither proved nor refuted:\n{log}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: &str =
        "Imported 7 cells to SAT database.\nImport proof-constraint: \\holds = 1'1\n";

    #[test]
    fn only_a_log_that_imported_the_claim_counts() {
        let proven = "SAT proof finished - no model found: SUCCESS!\n";
        assert!(read(&Question::Holds, proven).is_err());
        assert!(read(&Question::Holds, &ASKED.replace('7', "0")).is_err());
        assert!(matches!(
            read(&Question::Holds, &format!("{ASKED}{proven}")),
            Ok(Outcome::Holds)
        ));
    }

    #[test]
    fn a_counterexample_is_no_proof_and_an_open_induction_is_neither() {
        for text in [
            "SAT proof finished - model found: FAIL!",
            "model found for base case: FAIL!",
        ] {
            assert!(matches!(
                read(&Question::Holds, &format!("{ASKED}{text}\n")),
                Ok(Outcome::Fails(_))
            ));
        }
        let open = "Reached maximum number of time steps -> proof failed.\n";
        assert!(read(&Question::Holds, &format!("{ASKED}{open}")).is_err());
    }
}
