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
const VERILATOR: [&str; 7] = [
    "--cc",
    "-Wno-fatal",
    "-Wno-WIDTH",
    "--x-assign",
    "unique",
    "--x-initial",
    "unique",
];

/// Verilator's own run-time files, which every program is linked with.
const RUNTIME: [&str; 2] = ["verilated", "verilated_threads"];

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
        let runtime = Runtime::built(&parent)?;
        put(&directory, |aside| {
            fs::write(aside.join("main.cpp"), &main)?;
            fs::write(aside.join("module.v"), format!("{text}\n{models}"))?;
            let mut verilator = Command::new("verilator");
            verilator
                .args(VERILATOR)
                .args(["module.v", "--top-module", name, "--Mdir", "cc"])
                .current_dir(aside);
            run(&mut verilator)?;
            // One translation unit: the headers cost more than the code.
            let mut all = String::from("#include \"main.cpp\"\n");
            let mut sources: Vec<_> = fs::read_dir(aside.join("cc"))?
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .filter(|file| file.ends_with(".cpp"))
                .collect();
            sources.sort();
            for source in sources {
                let _ = writeln!(all, "#include \"cc/{source}\"");
            }
            fs::write(aside.join("all.cpp"), all)?;
            let mut compiler = runtime.compiler();
            compiler
                .args(["-O1", "-Icc", "all.cpp", "-o", name])
                .args(RUNTIME.map(|file| runtime.directory.join(file).with_extension("o")))
                .arg("-pthread")
                .current_dir(aside);
            run(&mut compiler)?;
            Ok(fs::remove_dir_all(aside.join("cc"))?)
        })?;
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

/// Fills a directory aside and moves it to its place, so that nobody who builds the same at once sees half of it. The
/// place may be filled already.
fn put(place: &Path, fill: impl FnOnce(&Path) -> Result<(), CosimError>) -> Result<(), CosimError> {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    let aside = place.with_file_name(format!(
        ".{name}-{}-{:?}",
        process::id(),
        std::thread::current().id()
    ));
    fs::create_dir_all(&aside)?;
    let filled = fill(&aside);
    if filled.is_err() || fs::rename(&aside, place).is_err() {
        fs::remove_dir_all(&aside)?;
    }
    filled
}

/// Verilator's run-time files, compiled once.
struct Runtime {
    directory: PathBuf,
    include: PathBuf,
}

impl Runtime {
    fn built(parent: &Path) -> Result<Self, CosimError> {
        let root = run(Command::new("verilator").args(["--getenv", "VERILATOR_ROOT"]))?;
        let version = run(Command::new("verilator").arg("--version"))?;
        let mut hasher = DefaultHasher::new();
        (&root, &version).hash(&mut hasher);
        let runtime = Self {
            directory: parent.join(format!("runtime-{:016x}", hasher.finish())),
            include: Path::new(root.trim()).join("include"),
        };
        if !runtime.directory.exists() {
            put(&runtime.directory, |aside| {
                for file in RUNTIME {
                    let source = runtime.include.join(file).with_extension("cpp");
                    let mut compiler = runtime.compiler();
                    compiler.args(["-O1", "-c"]).arg(source).current_dir(aside);
                    run(&mut compiler)?;
                }
                Ok(())
            })?;
        }
        Ok(runtime)
    }

    fn compiler(&self) -> Command {
        let mut command = Command::new("c++");
        command
            .args(["-std=c++17", "-w"])
            .arg("-I")
            .arg(&self.include)
            .arg("-I")
            .arg(self.include.join("vltstd"));
        command
    }
}

fn run(command: &mut Command) -> Result<String, CosimError> {
    let line = format!("{command:?}");
    let failed = |output| CosimError::Tool {
        command: line.clone(),
        output,
    };
    let output = command
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
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
