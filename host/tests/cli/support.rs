//! Runs the command and reads what it prints.

use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::assert::Assert;
use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_addax");

/// Runs the command to its end.
pub fn addax(arguments: &[&str]) -> Assert {
    assert_cmd::Command::new(PROGRAM).args(arguments).assert()
}

/// The one JSON object that a successful command prints.
pub fn json(arguments: &[&str]) -> Value {
    let assert = addax(arguments).success();
    object(&assert.get_output().stdout)
}

/// Exactly one JSON object.
pub fn object(bytes: &[u8]) -> Value {
    let value: Value = serde_json::from_slice(bytes).unwrap();
    assert!(value.is_object());
    value
}

/// What a successful command prints for people.
pub fn text(arguments: &[&str]) -> String {
    let assert = addax(arguments).success();
    String::from_utf8(assert.get_output().stdout.clone()).unwrap()
}

/// What a failing command says; it prints nothing else.
pub fn fails(arguments: &[&str], code: i32) -> String {
    let assert = addax(arguments).code(code);
    let output = assert.get_output();
    assert!(
        output.stdout.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(error.contains("error: "), "{error}");
    assert!(!error.contains("panicked"), "{error}");
    error
}

/// A shipped model.
pub fn model(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../models")
        .join(name);
    path.display().to_string()
}

/// A field summed over an array of objects.
pub fn sum(rows: &Value, field: &str) -> u64 {
    rows.as_array()
        .unwrap()
        .iter()
        .map(|row| row[field].as_u64().unwrap())
        .sum()
}

/// A file of drawn digits.
pub struct Drawings {
    _directory: TempDir,
    /// Its path.
    pub idx: String,
}

impl Drawings {
    pub fn new(count: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let idx = directory.path().join("digits.idx").display().to_string();
        json(&[
            "draw",
            "--out",
            &idx,
            "--count",
            &count.to_string(),
            "--json",
        ]);
        Self {
            _directory: directory,
            idx,
        }
    }
}

/// A server process, ended when dropped.
pub struct Server {
    child: Option<Child>,
    _directory: TempDir,
    pub address: String,
}

impl Server {
    /// Serves the shipped model on a free port.
    pub fn start(arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("address");
        let child = Command::new(PROGRAM)
            .args([
                "serve",
                "--json",
                "--listen",
                "127.0.0.1:0",
                "--address-file",
            ])
            .arg(&file)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut server = Self {
            child: Some(child),
            _directory: directory,
            address: String::new(),
        };
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(60) {
            if let Ok(address) = std::fs::read_to_string(&file) {
                server.address = address;
                return server;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the server did not say where it listens");
    }

    pub fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).unwrap()
    }

    /// A client that succeeds.
    pub fn classify(&self, arguments: &[&str]) -> Value {
        json(
            &[
                &["classify", "--json", "--server", &self.address],
                arguments,
            ]
            .concat(),
        )
    }

    /// A client that fails.
    pub fn refuses(&self, arguments: &[&str]) -> String {
        fails(
            &[
                &["classify", "--json", "--server", &self.address],
                arguments,
            ]
            .concat(),
            1,
        )
    }

    /// Waits until the server has served all its sessions.
    pub fn report(mut self) -> Value {
        let output = self.child.take().unwrap().wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        object(&output.stdout)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
