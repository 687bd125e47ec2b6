//! `cargo xtask formal`: proofs about the generated Verilog, with yosys.
//!
//! A proof is a module `proof` in `hdl/formal/`, written in Verilog around one generated circuit, with three outputs:
//! `holds`, what is claimed; `assumed`, what is assumed of the inputs in every cycle; `reached`, a situation that
//! the claim speaks about. yosys' own SAT solver is asked
//!
//! 1. whether `holds` can be false: it must not be, for all inputs and in every cycle;
//! 2. whether `reached` can be true under the assumptions: it must be, or the claim is about nothing;
//! 3. the first question again about a circuit with a fault: now it must be false, or the claim is too weak and the
//!    first answer worth nothing.
mod proofs;
mod solver;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::pool::in_parallel;
use crate::shell::{Shell, root, target_directory};
use crate::system::YOSYS;
use proofs::{PROOFS, Proof};
use solver::{Outcome, Question, ask};

/// Which proofs to make.
#[derive(Args)]
pub struct Options {
    /// Make only the proofs with these names
    #[arg(long, value_name = "PROOF", value_delimiter = ',')]
    only: Vec<String>,
}

/// All proofs; where yosys is missing it says so and makes none.
pub fn all() -> Result<()> {
    if !YOSYS.is_present() {
        println!("    WITHOUT yosys: nothing is proven");
        return Ok(());
    }
    run(&Options { only: Vec::new() })
}

/// Generates the circuits and makes the proofs, one for each core at a time; one line each.
pub fn run(options: &Options) -> Result<()> {
    for name in &options.only {
        if !PROOFS.iter().any(|proof| proof.name == name) {
            let names: Vec<&str> = PROOFS.iter().map(|proof| proof.name).collect();
            bail!("no proof is called {name}: there are {}", names.join(", "));
        }
    }
    let directory = target_directory().join("formal");
    fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    Shell::cargo("run --quiet --package addax-hdl --example circuits --")
        .argument(&directory)
        .run()?;
    println!(
        "\n{:<22} {:>8} {:>8}  what is proven",
        "proof", "seconds", "control"
    );
    let start = Instant::now();
    let wanted = |proof: &&Proof| {
        options.only.is_empty() || options.only.iter().any(|name| name == proof.name)
    };
    let chosen: Vec<&Proof> = PROOFS.iter().filter(wanted).collect();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    in_parallel(cores, &chosen, |proof| {
        prove(proof, &directory).with_context(|| format!("proof `{}`", proof.name))
    })?;
    println!("{:<22} {:>8.1}", "all", start.elapsed().as_secs_f64());
    println!(
        "xtask formal: {} proofs, each fails with a fault in its circuit",
        chosen.len()
    );
    Ok(())
}

/// Asks the three questions of one proof.
fn prove(proof: &Proof, directory: &Path) -> Result<()> {
    let circuit = fs::read_to_string(directory.join(format!("{}.v", proof.circuit)))
        .with_context(|| format!("no circuit `{}`", proof.circuit))?;
    let property = root()
        .join("hdl/formal")
        .join(format!("{}.sv", proof.property));
    let place = |text: &str| -> Result<PathBuf> {
        let path = directory.join(format!("circuit_of_{}.v", proof.name));
        fs::write(&path, text)?;
        Ok(path)
    };

    let start = Instant::now();
    let sound = place(&circuit)?;
    match ask(proof, &Question::Holds, &sound, &property)? {
        Outcome::Holds => {}
        Outcome::Fails(trace) => bail!("the claim is false:\n{trace}"),
    }
    match ask(proof, &Question::Reached, &sound, &property)? {
        Outcome::Fails(_) => {}
        Outcome::Holds => bail!("`reached` is never true: the claim is about nothing"),
    }
    let seconds = start.elapsed().as_secs_f64();

    let (from, to) = proof.fault;
    if circuit.matches(from).count() == 0 {
        bail!("the fault does not apply: the circuit does not contain `{from}`");
    }
    let start = Instant::now();
    let faulty = place(&circuit.replacen(from, to, 1))?;
    match ask(proof, &Question::FaultShows, &faulty, &property)? {
        Outcome::Fails(_) => {}
        Outcome::Holds => bail!("the claim also holds with a fault: `{from}` made `{to}`"),
    }
    println!(
        "{:<22} {seconds:>8.1} {:>8.1}  {}",
        proof.name,
        start.elapsed().as_secs_f64(),
        proof.what
    );
    Ok(())
}
