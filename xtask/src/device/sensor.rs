//! A microcontroller as client: a drawn digit that only the emulated board sees is classified by a server, through a
//! gateway that has been paired with the board.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::process::{Background, addax};
use crate::shell::target_directory;

/// The network that answers.
const MODEL: &str = "models/sensor-mnist.onnx";

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was seen.
pub struct Sensor {
    /// Whether the answer is the digit drawn.
    pub correct: bool,
    /// Whether the logits are those of an image that the client holds itself.
    pub exact: bool,
    /// Memory in use, stack included, and flash.
    pub ram_bytes: u64,
    pub flash_bytes: u64,
    /// Instructions of a butterfly, on average over a transform, and of a fresh encryption.
    pub instructions_per_butterfly: f64,
    pub encrypt_instructions: u64,
}

/// Runs.
pub fn measure() -> Result<Sensor> {
    let directory = target_directory().join("device");
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory)?;
    let file = |name: &str| directory.join(name).display().to_string();
    let (digits, key) = (file("digit.idx"), file("sensor.key"));
    addax(&["draw", "--out", &digits, "--seed", "4", "--json"])?;
    // The last byte of a file of one label is the label.
    let label = fs::read(file("digit.labels.idx"))?
        .last()
        .copied()
        .context("a label")?;

    let board = [
        "device",
        "emulate",
        "--json",
        "--end-with-parent",
        "--socket",
        "--count-instructions",
    ];
    let board = Background::start("addax", &[&board[..], &["--idx", &digits]].concat())?;
    let port = board.said["port"]
        .as_str()
        .context("the board's port")?
        .to_owned();
    let server = file("server");
    let arguments = [
        "serve",
        "--end-with-parent",
        "--listen",
        "127.0.0.1:0",
        "--model",
        MODEL,
        "--address-file",
        &server,
    ];
    let _server = Background::silent("addax", &arguments)?;
    let address = wait_for(&server)?;

    addax(&["device", "pair", "--port", &port, "--key", &key, "--json"])?;
    let private = addax(&[
        "classify", "--device", &port, "--key", &key, "--server", &address, "--json",
    ])?;
    let plain = addax(&["classify", "--idx", &digits, "--server", &address, "--json"])?;
    let info = addax(&["device", "info", "--measure", "--port", &port, "--json"])?;
    let number = |value: &Value, what: &'static str| value.as_u64().context(what);
    Ok(Sensor {
        correct: private["label"] == u64::from(label),
        exact: private["logits_digest"] == plain["logits_digest"],
        ram_bytes: number(&info["ram_bytes"], "the memory in use")?,
        flash_bytes: number(&board.said["flash_bytes"], "the flash in use")?,
        instructions_per_butterfly: info["instructions_per_butterfly"]
            .as_f64()
            .context("instructions")?,
        encrypt_instructions: number(&info["encrypt_instructions"], "instructions")?,
    })
}

/// What a file says once it is there.
fn wait_for(file: &str) -> Result<String> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Ok(text) = fs::read_to_string(file) {
            return Ok(text);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    bail!("nothing has written {file}")
}
