//! Programs of this project as processes: those that end, and those that are ended.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::shell::{root, target_directory};

fn command(program: &str, arguments: &[&str]) -> Command {
    // Standard output is for what was found.
    eprintln!("    $ {program} {}", arguments.join(" "));
    let mut command = Command::new(target_directory().join("release").join(program));
    command.args(arguments).current_dir(root());
    command
}

/// Runs `addax` to its end and returns the object that it prints.
pub fn addax(arguments: &[&str]) -> Result<Value> {
    let output = command("addax", arguments).stdin(Stdio::null()).output()?;
    if !output.status.success() {
        bail!(
            "`addax {}`: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// A process that runs until this is dropped.
pub struct Background {
    child: Child,
    /// The object that it printed when it was ready.
    pub said: Value,
}

impl Background {
    /// Starts a program that prints one line of JSON when it is ready, and ends when its standard input closes.
    pub fn start(program: &str, arguments: &[&str]) -> Result<Self> {
        let mut child = command(program, arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.as_mut().context("its output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        match serde_json::from_str(&line) {
            Ok(said) => Ok(Self { child, said }),
            Err(_) => {
                let _ = child.kill();
                bail!("`{program} {}` does not start", arguments.join(" "))
            }
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Its own children end with it.
        drop(self.child.stdin.take());
        std::thread::sleep(std::time::Duration::from_millis(50));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
