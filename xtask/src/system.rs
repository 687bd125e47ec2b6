//! Programs of the system that some checks use: found, or installed with Debian's or Ubuntu's package manager.

use std::path::Path;

use anyhow::{Result, bail};

use crate::shell::Shell;

/// A program, and the package that brings it.
pub struct Tool {
    /// What it is called in messages and in the reasons of ignored tests.
    pub name: &'static str,
    package: &'static str,
    /// A command that succeeds if it is there; its first line is printed, its first number with a dot is the version.
    probe: (&'static str, &'static [&'static str]),
    /// The oldest version that the checks have been seen to work with.
    oldest: (u32, u32),
    /// What it is for.
    pub purpose: &'static str,
}

/// Runs the generated Verilog.
pub const VERILATOR: Tool = Tool {
    name: "verilator",
    package: "verilator",
    probe: ("verilator", &["--version"]),
    oldest: (5, 0),
    purpose: "lints the generated Verilog and runs it",
};

/// Compiles what Verilator makes.
pub const COMPILER: Tool = Tool {
    name: "g++",
    package: "g++",
    probe: ("g++", &["--version"]),
    oldest: (10, 0),
    purpose: "compiles what Verilator makes",
};

/// Drives that compilation.
pub const MAKE: Tool = Tool {
    name: "make",
    package: "make",
    probe: ("make", &["--version"]),
    oldest: (4, 0),
    purpose: "drives that compilation",
};

/// Proves properties of the generated Verilog.
pub const YOSYS: Tool = Tool {
    name: "yosys",
    package: "yosys",
    probe: ("yosys", &["-V"]),
    oldest: (0, 23),
    purpose: "proves properties of the generated Verilog",
};

/// Emulates the boards that the firmware runs on.
pub const QEMU: Tool = Tool {
    name: "qemu-system-arm",
    package: "qemu-system-arm",
    probe: ("qemu-system-arm", &["--version"]),
    oldest: (7, 0),
    purpose: "emulates the boards that the firmware runs on",
};

/// Makes the environment of `cargo xtask synth`.
pub const PYTHON_VENV: Tool = Tool {
    name: "python3 with venv",
    package: "python3-venv",
    probe: (
        "python3",
        &[
            "-c",
            "import sys, venv, ensurepip; print('Python', sys.version)",
        ],
    ),
    oldest: (3, 9),
    purpose: "holds the tools of cargo xtask synth",
};

/// Everything that `cargo xtask test` looks for.
const TOOLS: [Tool; 6] = [VERILATOR, YOSYS, COMPILER, MAKE, QEMU, PYTHON_VENV];

impl Tool {
    /// The first line that the tool prints about itself, if it is there and not too old.
    fn present(&self) -> Result<String, String> {
        let (program, arguments) = self.probe;
        let command = arguments
            .iter()
            .fold(Shell::new(program, ""), |command, word| {
                command.argument(word)
            });
        let Ok(output) = command.output() else {
            return Err("missing".to_owned());
        };
        let line = output.lines().next().unwrap_or_default().trim().to_owned();
        match version(&line) {
            Some(found) if found >= self.oldest => Ok(line),
            Some(_) => {
                let (major, minor) = self.oldest;
                Err(format!("{line} is older than {major}.{minor}"))
            }
            None => Err(format!("does not say its version: {line}")),
        }
    }

    /// Whether the tool can be used.
    pub fn is_present(&self) -> bool {
        self.present().is_ok()
    }
}

/// The first `number.number` of a line.
fn version(line: &str) -> Option<(u32, u32)> {
    line.split([' ', '(', ')', '+', '-']).find_map(|word| {
        let mut parts = word.split('.');
        let major = parts.next()?.parse().ok()?;
        Some((major, parts.next()?.parse().ok()?))
    })
}

/// Finds the tools of `cargo xtask test`, installs what is missing and says so. What cannot be installed does not end
/// the run: the checks that need it say that they were not made.
pub fn tools() -> Result<()> {
    install(&TOOLS.iter().collect::<Vec<_>>())?;
    Ok(())
}

/// The same for one tool, without which there is no point in going on.
pub fn require(tool: &Tool) -> Result<()> {
    if !install(&[tool])? {
        bail!("{} is needed: {}", tool.name, tool.purpose);
    }
    Ok(())
}

/// Whether all of `tools` are there in the end.
fn install(tools: &[&Tool]) -> Result<bool> {
    let mut missing = Vec::new();
    for tool in tools {
        match tool.present() {
            Ok(line) => println!("    {}: {line}", tool.name),
            Err(why) => {
                println!("    {}: {why} ({})", tool.name, tool.purpose);
                missing.push(*tool);
            }
        }
    }
    if missing.is_empty() {
        return Ok(true);
    }
    let packages: Vec<&str> = missing.iter().map(|tool| tool.package).collect();
    let packages = packages.join(" ");
    if let Err(error) = apt_get(&packages) {
        println!("    not installed: {error:#}");
    }
    let still: Vec<&str> = missing
        .iter()
        .filter(|tool| !tool.is_present())
        .map(|tool| tool.name)
        .collect();
    if !still.is_empty() {
        println!(
            "    WITHOUT {}: what needs it is not checked. To have it, run as root: apt-get install {packages}",
            still.join(", ")
        );
    }
    Ok(still.is_empty())
}

/// Installs packages as root, or with a `sudo` that asks nothing.
fn apt_get(packages: &str) -> Result<()> {
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!("there is no apt-get here, and no other package manager is known to this program");
    }
    let root = Shell::new("id", "-u")
        .output()
        .is_ok_and(|id| id.trim() == "0");
    // sudo keeps little of the environment, so the variable is set behind it.
    let apt_get = |arguments: &str| {
        let command = match root {
            true => Shell::new("env", ""),
            false => Shell::new("sudo", "--non-interactive env"),
        };
        command
            .arguments("DEBIAN_FRONTEND=noninteractive apt-get")
            .arguments(arguments)
    };
    if !root && !Shell::new("sudo", "--non-interactive true").succeeds() {
        bail!("that takes root, or a sudo that asks for no password");
    }
    println!("    installing {packages}");
    // The lists of a fresh machine are empty or old. If they cannot be had, those that are here may do.
    if let Err(error) = apt_get("update --quiet").run() {
        println!("    {error:#}");
    }
    apt_get("install --yes --quiet --no-install-recommends")
        .arguments(packages)
        .run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_tools_print() {
        let lines = [
            ("Verilator 5.006 2023-01-22 rev (Debian 5.006-3)", (5, 6)),
            ("Yosys 0.23 (git sha1 7ce5011c24b)", (0, 23)),
            ("g++ (Debian 12.2.0-14+deb12u1) 12.2.0", (12, 2)),
            ("GNU Make 4.3", (4, 3)),
            ("QEMU emulator version 7.2.15 (Debian 1:7.2+dfsg)", (7, 2)),
            ("Python 3.11.7 (main, Jan 1 2024) [GCC 12.2.0]", (3, 11)),
        ];
        for (line, expected) in lines {
            assert_eq!(version(line), Some(expected), "{line}");
        }
        assert_eq!(version("no version"), None);
    }

    #[test]
    fn a_tool_that_is_missing_or_too_old_is_not_present() {
        let echo = |oldest| Tool {
            name: "echo",
            package: "coreutils",
            probe: ("echo", &["echo 5.3"]),
            oldest,
            purpose: "repeats",
        };
        assert!(echo((5, 3)).is_present());
        assert!(!echo((5, 4)).is_present());
        let absent = Tool {
            probe: ("no-such-program", &[]),
            ..echo((0, 0))
        };
        assert!(!absent.is_present());
    }
}
