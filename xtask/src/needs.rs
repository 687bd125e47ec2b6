//! Tests that `cargo test` skips because they need data or programs: run where these are, named where they are not.
//!
//! Such a test says what it needs: `#[ignore = "needs MNIST: cargo xtask test"]`. The words between `needs` and the
//! colon are names of [`DATA`] or [`PROGRAMS`], separated by commas or `and`.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::shell::{Shell, root};
use crate::sources;
use crate::system::{COMPILER, MAKE, QEMU, Tool, VERILATOR, YOSYS};

/// Data sets, and a file below the data directory that shows each is there, with or without `.gz`.
const DATA: [(&str, &str); 3] = [
    ("MNIST", "mnist/t10k-images-idx3-ubyte"),
    ("Fashion-MNIST", "fashion-mnist/t10k-images-idx3-ubyte"),
    ("CIFAR-10", "cifar10/test_batch.bin"),
];

/// Programs, and what must be there to use them.
const PROGRAMS: [(&str, &[Tool]); 3] = [
    ("verilator", &[VERILATOR, COMPILER, MAKE]),
    ("yosys", &[YOSYS]),
    ("qemu-system-arm", &[QEMU]),
];

/// Where data sets are looked for: `ADDAX_DATA`, else `../shared/data` beside the workspace.
pub fn data_directory() -> PathBuf {
    let directory = std::env::var_os("ADDAX_DATA").unwrap_or_else(|| "../shared/data".into());
    let directory = root().join(directory);
    directory.canonicalize().unwrap_or(directory)
}

/// The names that a reason lists, if it starts with `needs`.
pub fn names(reason: &str) -> Option<Vec<&str>> {
    let list = reason.strip_prefix("needs ")?.split(':').next()?;
    let names = list.split([',', ' ']).map(str::trim);
    Some(
        names
            .filter(|name| !name.is_empty() && *name != "and")
            .collect(),
    )
}

/// Whether this program knows how to tell that the need called `name` is met.
pub fn is_known(name: &str) -> bool {
    DATA.iter().any(|(known, _)| *known == name) || PROGRAMS.iter().any(|(known, _)| *known == name)
}

/// The names of the needs that are met.
fn met() -> Vec<&'static str> {
    let data = DATA.iter().filter(|(_, file)| {
        let file = data_directory().join(file);
        file.exists() || file.with_added_extension("gz").exists()
    });
    let programs = PROGRAMS
        .iter()
        .filter(|(_, tools)| tools.iter().all(Tool::is_present));
    data.map(|(name, _)| *name)
        .chain(programs.map(|(name, _)| *name))
        .collect()
}

/// Runs the ignored tests whose needs are met and prints which could not be run.
pub fn run() -> Result<()> {
    let (mut ready, mut missing) = (Vec::new(), Vec::new());
    let met = met();
    for source in sources::files(&[".rs"])? {
        for test in sources::ignored_tests(&source.text) {
            let Some(names) = test.reason.as_deref().and_then(names) else {
                continue;
            };
            let unmet: Vec<&str> = names
                .iter()
                .copied()
                .filter(|name| !met.contains(name))
                .collect();
            if unmet.is_empty() {
                ready.push(test.function);
            } else {
                missing.push((source.path.clone(), test.function, unmet.join(", ")));
            }
        }
    }
    for (path, function, unmet) in &missing {
        println!("    not run: {} {function} needs {unmet}", path.display());
    }
    if missing
        .iter()
        .any(|(_, _, unmet)| DATA.iter().any(|(name, _)| unmet.contains(name)))
    {
        println!(
            "    data sets are looked for in {}; another place: ADDAX_DATA=DIR cargo xtask test",
            data_directory().display()
        );
    }
    if ready.is_empty() {
        println!("    nothing to run");
        return Ok(());
    }
    // A test is called by its path of modules, which only the test programs know.
    let list =
        Shell::cargo("test --workspace --quiet -- --ignored --list --format terse").output()?;
    let paths = list.lines().filter_map(|line| line.strip_suffix(": test"));
    let (mut command, mut count) = (
        Shell::cargo("test --workspace --lib --bins --tests -- --ignored --exact")
            .variable("ADDAX_DATA", data_directory()),
        0,
    );
    for path in paths {
        let function = path.rsplit("::").next().unwrap_or(path);
        if ready.iter().any(|name| name == function) {
            command = command.argument(path);
            count += 1;
        }
    }
    if count < ready.len() {
        bail!(
            "{} ignored tests stand in the sources, {count} in the test programs",
            ready.len()
        );
    }
    command.run()?;
    println!(
        "    {count} of {} tests with needs were run",
        count + missing.len()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_lists_its_needs() {
        let both = "needs MNIST, Fashion-MNIST: cargo xtask test";
        assert_eq!(names(both), Some(vec!["MNIST", "Fashion-MNIST"]));
        assert_eq!(
            names("needs MNIST and CIFAR-10"),
            Some(vec!["MNIST", "CIFAR-10"])
        );
        assert_eq!(names("slow"), None);
        assert!(
            is_known("MNIST")
                && is_known("verilator")
                && is_known("qemu-system-arm")
                && !is_known("luck")
        );
    }
}
