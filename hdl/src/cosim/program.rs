//! Verilator's program for one module: reads the inputs of every cycle, prints the outputs.

use std::collections::hash_map::DefaultHasher;
use std::fmt::Write as _;
use std::hash::{Hash, Hasher};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, process};

use super::CosimError;
use crate::verilog::{Port, PortDirection};

/// Warnings that say nothing about meaning are off; whatever remains is no reason to stop.
const VERILATOR: [&str; 12] = [
    "--cc",
    "--exe",
    "--build",
    "-Wno-fatal",
    "-Wno-WIDTH",
    "--x-assign",
    "unique",
    "--x-initial",
    "unique",
    "-MAKEFLAGS",
    "OPT_FAST=-O1 OPT_SLOW=-O0 OPT_GLOBAL=-O0",
    "main.cpp",
];

/// A built program.
pub(super) struct Program {
    executable: PathBuf,
    inputs: usize,
    outputs: Vec<String>,
}

impl Program {
    /// Builds the program, or takes it from where it was built before.
    pub(super) fn build(
        name: &str,
        text: &str,
        models: &str,
        ports: &[Port],
    ) -> Result<Self, CosimError> {
        if let Some(port) = ports.iter().find(|port| port.width > 64) {
            return Err(CosimError::WidePort(port.name.clone()));
        }
        let of = |direction| {
            ports
                .iter()
                .filter(move |port| port.direction == direction && !port.clock)
        };
        let main = main_program(name, ports);
        let mut hasher = DefaultHasher::new();
        (text, models, &main, VERILATOR).hash(&mut hasher);
        let parent = target_directory().join("cosim");
        let directory = parent.join(format!("{name}-{:016x}", hasher.finish()));
        let program = Self {
            executable: directory.join(name),
            inputs: of(PortDirection::Input).count(),
            outputs: of(PortDirection::Output)
                .map(|port| port.name.clone())
                .collect(),
        };
        if program.executable.exists() {
            return Ok(program);
        }
        // Built aside and moved, so that tests that build the same program at once do not see half of it.
        let aside = parent.join(format!(
            "{name}-{}-{:?}",
            process::id(),
            std::thread::current().id()
        ));
        fs::create_dir_all(&aside)?;
        fs::write(aside.join("main.cpp"), main)?;
        fs::write(aside.join("module.v"), format!("{text}\n{models}"))?;
        let mut command = Command::new("verilator");
        command
            .args(VERILATOR)
            .args(["module.v", "--top-module", name])
            .args(["--Mdir", "build", "-o", &format!("../{name}")])
            .current_dir(&aside);
        run(&mut command)?;
        fs::remove_dir_all(aside.join("build"))?;
        if fs::rename(&aside, &directory).is_err() {
            fs::remove_dir_all(&aside)?;
        }
        Ok(program)
    }

    /// A program that does not exist.
    #[cfg(test)]
    pub(super) fn nothing() -> Self {
        Self {
            executable: PathBuf::new(),
            inputs: 0,
            outputs: Vec::new(),
        }
    }

    /// Inputs but the clock.
    pub(super) fn inputs(&self) -> usize {
        self.inputs
    }

    /// Names of the outputs.
    pub(super) fn outputs(&self) -> &[String] {
        &self.outputs
    }

    /// The outputs in every cycle, given the inputs in every cycle.
    pub(super) fn run<'a>(
        &self,
        stimulus: impl Iterator<Item = &'a [u64]>,
    ) -> Result<Vec<Vec<u64>>, CosimError> {
        let mut text = String::new();
        for inputs in stimulus {
            text.push('1');
            for input in inputs {
                let _ = write!(text, " {input:x}");
            }
            text.push('\n');
        }
        let mut child = Command::new(&self.executable)
            .args(["+verilator+rand+reset+2", "+verilator+seed+1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut stdin = child.stdin.take().expect("stdin is piped");
        let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
        let output = child.wait_with_output()?;
        let written = writer.join().expect("writing does not panic");
        if !output.status.success() {
            return Err(CosimError::Tool {
                command: self.executable.display().to_string(),
                output: output.status.to_string(),
            });
        }
        written?;
        let number = |word: &str| u64::from_str_radix(word, 16).unwrap_or(u64::MAX);
        Ok(String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(|line| line.split_whitespace().map(number).collect())
            .collect())
    }
}

/// Cargo's target directory, found from the running test; else a directory for temporary files.
fn target_directory() -> PathBuf {
    env::current_exe()
        .ok()
        .as_deref()
        .and_then(|path| {
            path.ancestors()
                .find(|path| path.file_name().is_some_and(|name| name == "deps"))
        })
        .and_then(Path::parent)
        .and_then(Path::parent)
        .map_or_else(env::temp_dir, Path::to_owned)
}

fn run(command: &mut Command) -> Result<(), CosimError> {
    let line = format!("{command:?}");
    let failed = |output| CosimError::Tool {
        command: line.clone(),
        output,
    };
    let output = command
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(failed(String::from_utf8_lossy(&output.stderr).into_owned()))
    }
}

/// The member of Verilator's class for a port: it spells `$` by its code.
fn member(port: &Port) -> String {
    port.name.replace('$', "__024")
}

fn main_program(name: &str, ports: &[Port]) -> String {
    let mut read = String::new();
    let mut print = String::new();
    let mut low = String::new();
    let mut high = String::new();
    for port in ports {
        let member = member(port);
        match (port.clock, port.direction) {
            (true, _) => {
                let _ = writeln!(low, "    top.{member} = 0;");
                let _ = writeln!(high, "    top.{member} = 1;");
            }
            (false, PortDirection::Input) => {
                let _ = writeln!(read, "    if (std::scanf(\"%llx\", &word) != 1) return 1;");
                let _ = writeln!(read, "    top.{member} = word;");
            }
            (false, PortDirection::Output) => {
                let _ = writeln!(
                    print,
                    "    std::printf(\"%llx \", (unsigned long long)top.{member});"
                );
            }
        }
    }
    format!(
        "#include <cstdio>
#include \"V{name}.h\"
#include \"verilated.h\"

int main(int argc, char** argv) {{
  VerilatedContext context;
  context.commandArgs(argc, argv);
  V{name} top(&context);
  unsigned long long word;
  while (std::scanf(\"%llx\", &word) == 1) {{
{low}{read}    top.eval();
{print}    std::puts(\"\");
{high}    top.eval();
  }}
  return 0;
}}
"
    )
}
