//! From Verilog to a program: Verilator and a C++ compiler, once for each design.
//!
//! A built simulator lies in a cache directory under a name that is a digest of everything that decides it: the Verilog,
//! the harness, the options and Verilator's version. It is built beside that place and moved there when it is complete,
//! so that a build that breaks off, or another that runs at the same time, does no harm.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Output};

use addax_hdl::Shape;
use sha2::{Digest, Sha256};

use super::harness;
use super::isolate::isolated;

/// Why there is no simulator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A program that builds simulators is missing.
    #[error(
        "{tool} is missing: install the package {package} (Debian, Ubuntu: apt-get install {package}), or let \
         `cargo xtask test` install it"
    )]
    Missing {
        /// The program.
        tool: &'static str,
        /// The package that has it.
        package: &'static str,
    },
    /// A program that builds simulators failed.
    #[error("{tool} failed:\n{output}")]
    Failed {
        /// The program.
        tool: String,
        /// The end of what it printed.
        output: String,
    },
    /// The cache cannot be used.
    #[error("{path}: {error}; another cache directory: ADDAX_CACHE=DIR")]
    Cache {
        /// Where.
        path: PathBuf,
        /// What happened.
        error: String,
    },
    /// The built simulator does not start.
    #[error("the simulator {path} does not start: {error}; delete it, and it is built again")]
    Start {
        /// The simulator.
        path: PathBuf,
        /// What happened.
        error: String,
    },
}

/// What is built.
#[derive(Clone, Debug)]
pub struct Design {
    /// The shape that the Verilog was generated for.
    pub shape: Shape,
    /// The circuit; its module is called [`TOP`].
    pub verilog: String,
    /// Whether the simulator can write waveforms, which makes it slower.
    pub traced: bool,
    /// Whether it is built quickly rather than built to be quick.
    pub quick: bool,
}

/// The name of the circuit's module.
pub const TOP: &str = "addax";

/// Verilator's options. Warnings say nothing about meaning; the names of memories depend on flattening.
const VERILATOR: [&str; 12] = [
    "--cc",
    "--flatten",
    "--output-split",
    "0",
    "-Wno-fatal",
    "-Wno-lint",
    "-Wno-style",
    "--x-assign",
    "fast",
    "--Mdir",
    "cc",
    "machine.v",
];

/// Verilator's own run-time files, which every simulator is linked with; the last if it writes waveforms.
const RUNTIME: [&str; 3] = ["verilated", "verilated_threads", "verilated_vcd_c"];

impl Design {
    fn options(&self) -> Vec<&'static str> {
        let mut options = VERILATOR.to_vec();
        options.extend(["--top-module", TOP, if self.quick { "-O1" } else { "-O3" }]);
        if self.traced {
            options.push("--trace");
        }
        options
    }

    const fn compiler_options(&self) -> [&'static str; 2] {
        [
            if self.quick { "-O1" } else { "-O2" },
            if self.traced {
                "-DADDAX_TRACE"
            } else {
                "-DADDAX_UNTRACED"
            },
        ]
    }

    const fn runtime(&self) -> &'static [&'static str] {
        let (traced, untraced) = (&RUNTIME, RUNTIME.split_at(2).0);
        if self.traced { traced } else { untraced }
    }

    /// The simulator of this design, built if the cache does not have it.
    ///
    /// # Errors
    /// A missing or failing tool, a cache that cannot be written.
    pub fn simulator(&self) -> Result<PathBuf, BuildError> {
        let tools = Tools::find()?;
        let harness = harness::source(&self.shape);
        let options = [self.options(), self.compiler_options().to_vec()].concat();
        let verilog = isolated(&self.verilog);
        let parts = [&verilog, &harness, &tools.versions, &options.join(" ")];
        let simulator = cache_directory().join(format!("simulator-{}", digest(&parts)));
        if simulator.is_file() {
            return Ok(simulator);
        }
        if !self.quick || self.traced {
            eprintln!(
                "building the simulator of {} butterflies, n = {}, {} slots (once, up to a minute)",
                self.shape.butterflies(),
                self.shape.n(),
                self.shape.slots()
            );
        }
        let runtime = self
            .runtime()
            .iter()
            .map(|file| tools.runtime(file))
            .collect::<Result<Vec<_>, _>>()?;
        in_place(&simulator, |directory| {
            write(&directory.join("machine.v"), &verilog)?;
            run(Process::new("verilator")
                .args(self.options())
                .current_dir(directory))?;
            // One translation unit: the headers cost more than the code.
            let mut all = harness.clone();
            for source in sources(&directory.join("cc"))? {
                all.push_str(&format!("#include \"cc/{source}\"\n"));
            }
            write(&directory.join("all.cpp"), &all)?;
            run(tools
                .compiler()
                .args(self.compiler_options())
                .args(["-I", "cc", "all.cpp", "-o", "built", "-pthread"])
                .args(runtime)
                .current_dir(directory))?;
            Ok(directory.join("built"))
        })?;
        Ok(simulator)
    }
}

/// The programs that build simulators.
struct Tools {
    /// What they say of themselves.
    versions: String,
    include: PathBuf,
}

impl Tools {
    fn find() -> Result<Self, BuildError> {
        let version = tool_says("verilator", "verilator", &["--version"])?;
        let root = tool_says("verilator", "verilator", &["--getenv", "VERILATOR_ROOT"])?;
        let compiler = tool_says("g++", "g++", &["--version"])?;
        Ok(Self {
            versions: format!("{version}{root}{compiler}"),
            include: Path::new(root.trim()).join("include"),
        })
    }

    fn compiler(&self) -> Process {
        let mut compiler = Process::new("g++");
        compiler.args(["-std=c++17", "-w"]);
        for include in [self.include.clone(), self.include.join("vltstd")] {
            compiler.arg("-I").arg(include);
        }
        compiler
    }

    /// A file of Verilator's run time, compiled once.
    fn runtime(&self, file: &str) -> Result<PathBuf, BuildError> {
        let name = format!("runtime-{}-{file}.o", digest(&[&self.versions]));
        let object = cache_directory().join(name);
        if !object.is_file() {
            in_place(&object, |directory| {
                let source = self.include.join(file).with_extension("cpp");
                run(self
                    .compiler()
                    .args(["-O2", "-c", "-o", "built"])
                    .arg(source)
                    .current_dir(directory))?;
                Ok(directory.join("built"))
            })?;
        }
        Ok(object)
    }
}

/// Whether the programs that build simulators are there.
///
/// # Errors
/// The first that is missing.
pub fn tools() -> Result<(), BuildError> {
    Tools::find().map(drop)
}

/// Twelve bytes that no two different lists of parts share.
fn digest(parts: &[&String]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part.as_bytes());
    }
    let digest = digest.finalize();
    digest[..12]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Makes a file in a directory of its own beside its place, then moves it there.
fn in_place(
    place: &Path,
    make: impl FnOnce(&Path) -> Result<PathBuf, BuildError>,
) -> Result<(), BuildError> {
    let cache = cache_directory();
    fs::create_dir_all(&cache).map_err(in_cache(&cache))?;
    let directory = tempfile::Builder::new()
        .prefix("building-")
        .tempdir_in(&cache)
        .map_err(in_cache(&cache))?;
    let made = make(directory.path())?;
    fs::rename(made, place).map_err(in_cache(place))
}

fn write(path: &Path, text: &str) -> Result<(), BuildError> {
    fs::write(path, text).map_err(in_cache(path))
}

/// The C++ files in a directory, in the order of their names.
fn sources(directory: &Path) -> Result<Vec<String>, BuildError> {
    let entries = fs::read_dir(directory).map_err(in_cache(directory))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".cpp"))
        .collect();
    names.sort();
    Ok(names)
}

fn in_cache(path: &Path) -> impl Fn(io::Error) -> BuildError {
    let path = path.to_owned();
    move |error| BuildError::Cache {
        path: path.clone(),
        error: error.to_string(),
    }
}

/// What a tool says of itself.
fn tool_says(
    tool: &'static str,
    package: &'static str,
    arguments: &[&str],
) -> Result<String, BuildError> {
    match Process::new(tool).args(arguments).output() {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(output) => Err(failed(tool, &output)),
        Err(_) => Err(BuildError::Missing { tool, package }),
    }
}

fn run(process: &mut Process) -> Result<(), BuildError> {
    let tool = process.get_program().to_string_lossy().into_owned();
    let output = process.output();
    let output = output.map_err(|error| BuildError::Failed {
        tool: tool.clone(),
        output: error.to_string(),
    })?;
    if output.status.success() {
        Ok(())
    } else {
        Err(failed(&tool, &output))
    }
}

/// The last lines of what a tool printed.
fn failed(tool: &str, output: &Output) -> BuildError {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = text.lines().collect();
    BuildError::Failed {
        tool: tool.to_owned(),
        output: lines[lines.len().saturating_sub(20)..].join("\n"),
    }
}

/// Where built simulators are kept: `ADDAX_CACHE`, else `addax` in the user's cache directory.
pub fn cache_directory() -> PathBuf {
    let variable = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    variable("ADDAX_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|cache| cache.join("addax")))
        .or_else(|| env::home_dir().map(|home| home.join(Path::new(".cache").join("addax"))))
        .unwrap_or_else(|| env::temp_dir().join("addax"))
}
