//! Running commands: each is announced as it could be typed, and a failure names it.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The root of the workspace.
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_path_buf()
}

/// The build directory of the workspace.
pub fn target_directory() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || root().join("target"),
        |directory| root().join(directory), // an absolute path replaces the root
    )
}

/// A command, in the workspace's root unless it says otherwise, with what it adds to the environment.
pub struct Shell {
    program: OsString,
    directory: PathBuf,
    arguments: Vec<OsString>,
    variables: Vec<(String, OsString)>,
}

impl Shell {
    /// `program` with `arguments`, split at spaces.
    pub fn new(program: impl AsRef<OsStr>, arguments: &str) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            directory: root(),
            arguments: arguments.split_whitespace().map(OsString::from).collect(),
            variables: Vec::new(),
        }
    }

    /// The cargo that runs this program.
    pub fn cargo(arguments: &str) -> Self {
        Self::new("cargo", arguments)
    }

    /// One more argument, taken as it is.
    pub fn argument(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// More arguments, split at spaces.
    pub fn arguments(mut self, arguments: &str) -> Self {
        let more = arguments.split_whitespace().map(OsString::from);
        self.arguments.extend(more);
        self
    }

    /// The directory to run in.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = directory.into();
        self
    }

    /// One more variable of the environment.
    pub fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.variables
            .push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    /// The command as it could be typed.
    fn line(&self) -> String {
        let mut words = Vec::new();
        for (name, value) in &self.variables {
            words.push(format!("{name}={}", quoted(value)));
        }
        words.push(quoted(&self.program));
        words.extend(self.arguments.iter().map(|argument| quoted(argument)));
        words.join(" ")
    }

    fn command(&self) -> Command {
        let program = match (self.program.to_str(), std::env::var_os("CARGO")) {
            (Some("cargo"), Some(cargo)) => cargo,
            _ => self.program.clone(),
        };
        let mut command = Command::new(program);
        command
            .args(&self.arguments)
            .current_dir(&self.directory)
            .stdin(Stdio::null());
        // What cargo says about this package must not reach other builds, where it would look like a change.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            let ours = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_PRIMARY_"];
            if ours.iter().any(|prefix| name.starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Announces and runs the command; its output goes where ours goes.
    pub fn run(&self) -> Result<()> {
        println!("    $ {}", self.line());
        let status = self
            .command()
            .status()
            .with_context(|| format!("cannot start `{}`", self.line()))?;
        if !status.success() {
            bail!("`{}` ended with {status}", self.line());
        }
        Ok(())
    }

    /// Runs the command silently and returns what it printed on standard output.
    pub fn output(&self) -> Result<String> {
        let output = self
            .command()
            .output()
            .with_context(|| format!("cannot start `{}`", self.line()))?;
        if !output.status.success() {
            bail!(
                "`{}` ended with {}\n{}",
                self.line(),
                output.status,
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs the command silently: whether it succeeded, and what it printed on standard error.
    pub fn outcome(&self) -> Result<(bool, String)> {
        let output = self
            .command()
            .output()
            .with_context(|| format!("cannot start `{}`", self.line()))?;
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok((output.status.success(), errors))
    }

    /// Whether the command can be started and succeeds.
    pub fn succeeds(&self) -> bool {
        self.outcome().is_ok_and(|(success, _)| success)
    }
}

/// A word as a shell takes it.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    if word.is_empty() || word.contains(|c: char| c.is_whitespace() || "'\"$\\;&|<>*()".contains(c))
    {
        format!("'{}'", word.replace('\'', "'\\''"))
    } else {
        word.into_owned()
    }
}
