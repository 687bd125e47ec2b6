//! Environments of Python for programs that come as packages: each in a directory of its own under `target/`, with
//! pinned packages only.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::shell::{Shell, target_directory};

/// An installed environment.
pub struct Environment {
    directory: PathBuf,
}

impl Environment {
    /// Finds the environment `target/NAME` with exactly `packages`, or makes it with the interpreter `python` and says
    /// so, on standard error. The packages are complete: nothing else is fetched.
    pub fn install(name: &str, what: &str, python: &str, packages: &[&str]) -> Result<Self> {
        let directory = target_directory().join(name);
        let installed = directory.join("installed.txt");
        let wanted = packages.join("\n");
        let environment = Self { directory };
        let place = environment.directory.display();
        if fs::read_to_string(&installed).is_ok_and(|found| found == wanted) {
            eprintln!("    {what}: present, {place}");
            return Ok(environment);
        }
        eprintln!("    {what}: installing in {place}: {}", packages.join(", "));
        Shell::new(python, "-m venv --clear")
            .argument(&environment.directory)
            .output()?;
        let pip = Shell::new(
            environment.program("pip"),
            "install --quiet --disable-pip-version-check --no-deps --only-binary :all:",
        );
        let (success, errors) = pip.arguments(&packages.join(" ")).outcome()?;
        if !success {
            bail!("the packages could not be installed: is this machine online?\n{errors}");
        }
        fs::write(installed, wanted)?;
        Ok(environment)
    }

    /// Where it lies.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// A program that one of the packages brings.
    pub fn program(&self, name: &str) -> PathBuf {
        self.directory.join("bin").join(name)
    }
}
