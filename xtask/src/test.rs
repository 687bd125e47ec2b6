//! `cargo xtask test`: every check of the project, one after the other, stopping at the first that fails.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;

use crate::shell::Shell;
use crate::{
    core_targets, device, firmware, formal, levels, licences, needs, readme, repository, setup,
    verilog,
};

/// Which steps to run.
#[derive(Args)]
pub struct Options {
    /// Run only the steps with these names
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    only: Vec<String>,
}

/// One check.
struct Step {
    name: &'static str,
    what: &'static str,
    run: fn() -> Result<()>,
}

/// The checks, quick ones first.
const STEPS: [Step; 18] = [
    Step {
        name: "setup",
        what: "the Rust toolchain and programs of the system",
        run: setup::all,
    },
    Step {
        name: "format",
        what: "every file is formatted",
        run: || Shell::cargo("fmt --all --check").run(),
    },
    Step {
        name: "repository",
        what: "rules that no compiler checks",
        run: repository::check,
    },
    Step {
        name: "licences",
        what: "licences of all dependencies",
        run: licences::check,
    },
    Step {
        name: "clippy",
        what: "no warnings",
        run: || Shell::cargo("clippy --workspace --all-targets -- -D warnings").run(),
    },
    Step {
        name: "core",
        what: "the core builds for the host, a microcontroller and the browser",
        run: core_targets::build,
    },
    Step {
        name: "no-alloc",
        what: "the core cannot allocate",
        run: core_targets::prove_no_allocation,
    },
    Step {
        name: "test",
        what: "unit, property and integration tests",
        run: || {
            Shell::cargo("test --workspace")
                .variable("ADDAX_DATA", needs::data_directory())
                .run()
        },
    },
    Step {
        name: "levels",
        what: "the same with fewer vector instructions",
        run: levels::run,
    },
    Step {
        name: "constant-time",
        what: "times do not tell secrets",
        run: levels::constant_time,
    },
    Step {
        name: "needs",
        what: "tests that need data or programs",
        run: needs::run,
    },
    Step {
        name: "firmware",
        what: "the programs of microcontrollers: format, no warnings, tests, builds for every board",
        run: firmware::check,
    },
    Step {
        name: "device",
        what: "an emulated board with the circuit behind it",
        run: device::check,
    },
    Step {
        name: "verilog",
        what: "the generated Verilog keeps the rules, and the published figures are those of this Verilog",
        run: verilog::all,
    },
    Step {
        name: "formal",
        what: "proofs about the generated Verilog",
        run: formal::all,
    },
    Step {
        name: "doc",
        what: "documentation without warnings or broken links",
        run: || {
            Shell::cargo("doc --workspace --no-deps")
                .variable("RUSTDOCFLAGS", "-D warnings")
                .run()
        },
    },
    Step {
        name: "bench",
        what: "benchmarks compile",
        run: || Shell::cargo("build --workspace --benches").run(),
    },
    Step {
        name: "readme",
        what: "the commands of README.md",
        run: readme::run,
    },
];

/// Runs the steps, prints how long each took, and ends with one line that says how it went.
pub fn run(options: &Options) -> Result<()> {
    for name in &options.only {
        if !STEPS.iter().any(|step| step.name == name) {
            let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
            anyhow::bail!("no step is called {name}: there are {}", names.join(", "));
        }
    }
    let chosen: Vec<&Step> = STEPS
        .iter()
        .filter(|step| options.only.is_empty() || options.only.iter().any(|name| name == step.name))
        .collect();
    let start = Instant::now();
    let mut times = Vec::new();
    let mut result = Ok(());
    for (at, step) in chosen.iter().enumerate() {
        println!(
            "\n[{}/{}] {}: {}",
            at + 1,
            chosen.len(),
            step.name,
            step.what
        );
        let begin = Instant::now();
        result = (step.run)().with_context(|| format!("step `{}`", step.name));
        times.push((step.name, begin.elapsed(), result.is_ok()));
        if result.is_err() {
            break;
        }
    }
    print_times(&times, start.elapsed(), chosen.len());
    result?;
    println!("xtask test: passed, {} steps", chosen.len());
    Ok(())
}

fn print_times(times: &[(&str, Duration, bool)], total: Duration, steps: usize) {
    println!("\n{:<12} {:>9}", "step", "seconds");
    for (name, time, passed) in times {
        let mark = if *passed { "" } else { "  FAILED" };
        println!("{name:<12} {:>9.1}{mark}", time.as_secs_f64());
    }
    if times.len() < steps {
        println!("{} steps not reached", steps - times.len());
    }
    println!("{:<12} {:>9.1}", "all", total.as_secs_f64());
}
