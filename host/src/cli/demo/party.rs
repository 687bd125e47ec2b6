//! A party of the demonstration: a child process of this program.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow, bail};
use serde::de::DeserializeOwned;

/// A running process. It is ended when this is dropped, and ends by itself if this process does.
pub struct Party {
    name: &'static str,
    child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
}

impl Party {
    /// Starts this program with other arguments.
    pub fn start(name: &'static str, arguments: &[String]) -> Result<Self> {
        let program = std::env::current_exe().context("this program's file cannot be found")?;
        let mut child = Command::new(&program)
            .args(arguments)
            .args(["--json", "--end-with-parent"])
            .arg(format!("--threads={}", rayon::current_num_threads()))
            // Held open until the child is dropped.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start the {name} as {}", program.display()))?;
        Ok(Self {
            name,
            stdout: child.stdout.take().map(collect),
            stderr: child.stderr.take().map(collect),
            child,
        })
    }

    /// Whether the process has ended.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Waits for the process to end and reads the object that it printed.
    pub fn report<T: DeserializeOwned>(mut self) -> Result<T> {
        // `Child::wait` would close its standard input first and thereby end it.
        let stdin = self.child.stdin.take();
        let status = self.child.wait()?;
        drop(stdin);
        let stdout = joined(self.stdout.take());
        if !status.success() {
            return Err(self.error());
        }
        serde_json::from_str(&stdout)
            .with_context(|| format!("the {} process printed something unexpected", self.name))
    }

    /// What the process, which has failed, says about it.
    pub fn error(&mut self) -> anyhow::Error {
        self.end();
        let stderr = joined(self.stderr.take());
        let errors: Vec<&str> = stderr
            .lines()
            .filter(|line| !line.starts_with("listening on"))
            .collect();
        let text = errors.join("\n");
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        match text {
            "" => anyhow!("the {} process ended early and did not say why", self.name),
            text => anyhow!("the {} process: {text}", self.name),
        }
    }

    fn end(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        self.end();
    }
}

/// Reads a pipe to its end beside everything else, so that the child never waits for us to read.
fn collect(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What came before an error is still worth showing.
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn joined(thread: Option<JoinHandle<String>>) -> String {
    thread
        .and_then(|thread| thread.join().ok())
        .unwrap_or_default()
}

/// Waits until the server has written its address to `file`.
pub fn wait_for_address(server: &mut Party, file: &std::path::Path) -> Result<String> {
    loop {
        // Asked in this order, a server that writes and then ends is not taken for one that failed.
        let ended = server.has_ended()?;
        if let Ok(address) = std::fs::read_to_string(file) {
            return Ok(address);
        }
        if ended {
            bail!(server.error());
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}
