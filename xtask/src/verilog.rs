//! `cargo xtask verilog`: writes the circuits' Verilog and checks its text.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use sha2::{Digest, Sha256};

use crate::document::thousands;
use crate::shell::{Shell, target_directory};
use crate::synth::report;
use crate::system::VERILATOR;

/// Which circuits, and what else to check.
#[derive(Args)]
pub struct Options {
    /// Circuits such as machine_n4096_b8_s16_l3 or engine_n4096_b1 [default: those that are synthesised, and
    /// further shapes]
    names: Vec<String>,
    /// Fail also if docs/synthesis.json was made from other Verilog
    #[arg(long, conflicts_with = "names")]
    check: bool,
}

/// The circuits whose area and speed are published.
pub const SYNTHESISED: [&str; 6] = [
    "engine_n4096_b1",
    "engine_n4096_b2",
    "engine_n4096_b4",
    "engine_n4096_b8",
    "machine_n4096_b1_s16_l3",
    "machine_n4096_b8_s16_l3",
];

/// Further shapes that are checked: what tests run, and the ends of what can be built.
const FURTHER: [&str; 3] = [
    "machine_n1024_b2_s4_l2",
    "machine_n1024_b8_s5_l1",
    "machine_n8192_b1_s3_l16",
];

/// Warnings of Verilator that say nothing here. Everything else is an error.
const WAIVED: [(&str, &str); 5] = [
    (
        "WIDTH",
        "literals and casts are as wide as the emitter likes; what depends on a width is a breach of its own",
    ),
    ("DECLFILENAME", "all modules of a circuit stand in one file"),
    (
        "UNUSEDSIGNAL",
        "equal modules are merged, and not every instance needs every port",
    ),
    (
        "VARHIDDEN",
        "an instance may be called like a port of its module",
    ),
    (
        "UNOPTFLAT",
        "a module is one block, so two ways through it look like a loop; real ones end simulation and synthesis",
    ),
];

/// The same for text with ECP5 cells only.
const WAIVED_IN_ECP5: [(&str, &str); 2] = [
    ("PINMISSING", "cells have pins that nothing here uses"),
    (
        "UNUSEDPARAM",
        "the models of the cells do only what is used here",
    ),
];

/// A circuit as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Name of the circuit and of its top module.
    pub name: String,
    /// `engine` or `machine`.
    pub kind: String,
    /// Coefficients of a polynomial.
    pub n: u64,
    /// Butterflies.
    pub butterflies: u64,
    /// Polynomials it holds.
    pub slots: u64,
    /// Moduli it holds.
    pub limbs: u64,
    /// Cycles of a transform, forward or inverse.
    pub cycles: u64,
    /// Lookup tables that the module with pins adds.
    pub pin_lookup_tables: u64,
    /// Flip-flops that the module with pins adds.
    pub pin_flip_flops: u64,
}

/// A place in generated text whose meaning may have changed in translation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    file: String,
    message: String,
}

/// The two texts of a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// For any tool.
    Plain,
    /// With cells of the ECP5.
    Ecp5,
}

impl Target {
    const ALL: [Self; 2] = [Self::Plain, Self::Ecp5];

    const fn ending(self) -> &'static str {
        match self {
            Self::Plain => "v",
            Self::Ecp5 => "ecp5.v",
        }
    }
}

impl Written {
    /// From the line that the generator prints.
    fn from_fields(fields: &[&str]) -> Result<Self> {
        let [name, kind, numbers @ ..] = fields else {
            bail!("a line of the generator has too few fields");
        };
        let numbers: Result<Vec<u64>, _> = numbers.iter().map(|field| field.parse()).collect();
        let numbers = numbers.context("a line of the generator has a field that is no number")?;
        let &[
            n,
            butterflies,
            slots,
            limbs,
            cycles,
            pin_lookup_tables,
            pin_flip_flops,
        ] = numbers.as_slice()
        else {
            bail!("a line of the generator has {} numbers", numbers.len());
        };
        Ok(Self {
            name: (*name).to_owned(),
            kind: (*kind).to_owned(),
            n,
            butterflies,
            slots,
            limbs,
            cycles,
            pin_lookup_tables,
            pin_flip_flops,
        })
    }

    /// The circuit's text.
    pub fn text(&self, target: Target) -> Result<String> {
        read(&format!("{}.{}", self.name, target.ending()))
    }

    /// The module with pins around it.
    pub fn pins(&self) -> Result<String> {
        read(&format!("{}.pins.v", self.name))
    }
}

/// Hexadecimal SHA-256 of a text.
pub fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn directory() -> PathBuf {
    target_directory().join("verilog")
}

fn read(file: &str) -> Result<String> {
    let path = directory().join(file);
    fs::read_to_string(&path)
        .with_context(|| format!("{}; `cargo xtask verilog` writes it", path.display()))
}

/// Writes circuits to `target/verilog`; also what in them breaks the rules for generated text.
pub fn write(names: &[&str]) -> Result<(Vec<Written>, Vec<Breach>)> {
    fs::create_dir_all(directory())?;
    let output = Shell::cargo("run --quiet --package addax-hdl --bin addax-verilog --")
        .argument(directory())
        .arguments(&names.join(" "))
        .output()?;
    let (mut written, mut breaches) = (Vec::new(), Vec::new());
    for line in output.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields.as_slice() {
            ["circuit", fields @ ..] => written.push(Written::from_fields(fields)?),
            ["breach", file, message] => {
                breaches.push(Breach {
                    file: (*file).to_owned(),
                    message: (*message).to_owned(),
                });
            }
            _ => bail!("the generator printed `{line}`"),
        }
    }
    Ok((written, breaches))
}

/// Writes and checks all circuits, and that docs/synthesis.json is current.
pub fn all() -> Result<()> {
    run(&Options {
        names: Vec::new(),
        check: true,
    })
}

/// Writes and checks the circuits and prints a table.
pub fn run(options: &Options) -> Result<()> {
    let names: Vec<&str> = if options.names.is_empty() {
        SYNTHESISED.into_iter().chain(FURTHER).collect()
    } else {
        options.names.iter().map(String::as_str).collect()
    };
    let (written, breaches) = write(&names)?;
    let lint = VERILATOR.is_present();
    if !lint {
        println!("    NOT linted: verilator is not there");
    }
    println!(
        "    {:<30} {:>7} {:>7}  {:<64}  result",
        "circuit", "modules", "lines", "SHA-256"
    );
    let mut wrong = Vec::new();
    for circuit in &written {
        for target in Target::ALL {
            let text = circuit.text(target)?;
            let file = format!("{}.{}", circuit.name, target.ending());
            let mut messages: Vec<String> = breaches
                .iter()
                .filter(|breach| breach.file == file)
                .map(|breach| breach.message.clone())
                .collect();
            if lint {
                messages.extend(warnings(&circuit.name, &file, target)?);
            }
            let modules = text.lines().filter(|line| line.starts_with("module "));
            println!(
                "    {file:<30} {:>7} {:>7}  {}  {}",
                modules.count(),
                thousands(text.lines().count() as u64),
                sha256(&text),
                match messages.len() {
                    0 => "in order".to_owned(),
                    count => format!("{count} WRONG"),
                }
            );
            wrong.extend(messages.iter().map(|message| format!("{file}: {message}")));
        }
    }
    println!("    in {}", directory().display());
    if !wrong.is_empty() {
        wrong.truncate(20);
        bail!("generated Verilog\n  {}", wrong.join("\n  "));
    }
    if options.check {
        report::check(&written)?;
    }
    Ok(())
}

/// What Verilator says about a file.
fn warnings(name: &str, file: &str, target: Target) -> Result<Vec<String>> {
    let mut command = Shell::new("verilator", "--lint-only -Wall");
    for (warning, _) in WAIVED {
        command = command.argument(format!("-Wno-{warning}"));
    }
    if target == Target::Ecp5 {
        command = command.arguments("-v ecp5_models.v");
        for (warning, _) in WAIVED_IN_ECP5 {
            command = command.argument(format!("-Wno-{warning}"));
        }
    }
    let (clean, errors) = command
        .argument("--top-module")
        .argument(name)
        .argument(file)
        .directory(directory())
        .outcome()?;
    if clean {
        return Ok(Vec::new());
    }
    let mut lines: Vec<String> = errors
        .lines()
        .filter(|line| line.starts_with('%') && !line.starts_with("%Error: Exiting"))
        .map(str::to_owned)
        .collect();
    if lines.is_empty() {
        lines.push(errors);
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_generator_is_read() {
        let line = "machine_n8_b2\tmachine\t8\t2\t3\t4\t5\t7\t9";
        let fields: Vec<&str> = line.split('\t').collect();
        let written = Written::from_fields(&fields).unwrap();
        assert_eq!(
            (written.n, written.limbs, written.pin_flip_flops),
            (8, 4, 9)
        );
        assert!(Written::from_fields(&fields[..8]).is_err());
        assert!(Written::from_fields(&["a", "b", "c"]).is_err());
    }

    #[test]
    fn the_hash_is_the_one_that_everybody_computes() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(""), empty);
    }

    #[test]
    #[ignore = "needs verilator: cargo xtask test"]
    fn the_lint_finds_what_is_not_waived() {
        fs::create_dir_all(directory()).unwrap();
        let good = "module probe_good(input wire a, output wire b);\nassign b = a;\nendmodule\n";
        let bad = "module probe_bad(input wire a, output wire b, output wire c);\nassign b = a;\nendmodule\n";
        for (name, text, expected) in [("probe_good", good, 0), ("probe_bad", bad, 1)] {
            let file = format!("{name}.v");
            fs::write(directory().join(&file), text).unwrap();
            let found = warnings(name, &file, Target::Plain).unwrap();
            assert_eq!(found.len(), expected, "{found:?}");
            fs::remove_file(directory().join(file)).unwrap();
        }
    }
}
