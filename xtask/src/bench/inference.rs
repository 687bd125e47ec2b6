//! Whole inferences: a server and a client, two processes on loopback.
//!
//! The image is noise: what an inference takes does not depend on it.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::contents;
use crate::shell::{Shell, root, target_directory};

/// Longest time until the server has encoded its weights, and for a message of either party.
const TIMEOUT: Duration = Duration::from_secs(600);

/// Medians over sessions of one image each, one thread a party.
#[derive(Debug, Clone, PartialEq)]
pub struct Inference {
    /// From connecting to the answer, keys and base transfers included.
    pub total_ms: f64,
    /// Without handshake, keys, base transfers, and what was prepared ahead of the image.
    pub online_ms: f64,
    /// Both directions.
    pub bytes: f64,
    /// Round trips, set-up included.
    pub rounds: f64,
    /// Peak memory of the party that takes more, if the parties report it.
    pub peak_mb: Option<f64>,
}

/// Runs `runs` sessions with `model` on an image of `shape` (channels, height, width): all at once, and with a preparation
/// ahead of the image.
pub fn measure(model: &str, shape: [u32; 3], runs: usize) -> Result<[Inference; 2]> {
    let build = Shell::cargo("build --quiet --release --package addax");
    let (success, errors) = build.outcome()?;
    if !success {
        bail!("{errors}");
    }
    let directory = target_directory().join("bench");
    fs::create_dir_all(&directory)?;
    let image = directory.join("noise.png");
    write_noise(&image, shape)?;
    // In turns, so that a machine that drifts drifts for both.
    let mut sessions = [Vec::new(), Vec::new()];
    for run in 1..=runs {
        for (ahead, sessions) in [false, true].into_iter().zip(&mut sessions) {
            let how = if ahead { ", prepared ahead" } else { "" };
            eprintln!("    {model}: session {run} of {runs}{how}");
            sessions.push(session(&directory, model, &image, ahead)?);
        }
    }
    let [once, ahead] = sessions;
    Ok([summary(&once)?, summary(&ahead)?])
}

/// Kills the server if the client fails first.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // Fails only if it has ended already, which is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The reports of server and client of one session.
fn session(directory: &Path, model: &str, image: &Path, ahead: bool) -> Result<[Value; 2]> {
    let addax = target_directory().join("release/addax");
    let seconds = TIMEOUT.as_secs().to_string();
    let address = directory.join("address");
    let report = directory.join("server.json");
    if address.exists() {
        fs::remove_file(&address)?;
    }
    let server = Command::new(&addax)
        .args([
            "--json",
            "--threads",
            "1",
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--sessions",
            "1",
        ])
        .args(["--timeout", &seconds, "--model", model, "--address-file"])
        .arg(&address)
        .current_dir(root())
        .stdin(Stdio::null())
        .stdout(File::create(&report)?)
        .stderr(Stdio::null())
        .spawn()
        .context("addax serve")?;
    let mut server = Server(server);
    let start = Instant::now();
    while contents(&address).trim().is_empty() {
        if let Some(status) = server.0.try_wait()? {
            bail!("`addax serve --model {model}` ended with {status}");
        }
        if start.elapsed() > TIMEOUT {
            bail!("`addax serve --model {model}` was not ready after {seconds} s");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut client = Shell::new(&addax, "--json --threads 1 classify --timeout")
        .argument(&seconds)
        .argument("--server")
        .argument(contents(&address).trim())
        .argument("--image")
        .argument(image);
    if ahead {
        client = client.argument("--ahead");
    }
    let client = client.output()?;
    let status = server.0.wait()?;
    if !status.success() {
        bail!("`addax serve --model {model}` ended with {status}");
    }
    let server = serde_json::from_str(contents(&report).trim()).context("the server's report")?;
    let client = serde_json::from_str(client.trim()).context("the client's report")?;
    Ok([server, client])
}

fn summary(sessions: &[[Value; 2]]) -> Result<Inference> {
    let median = |key: &str| -> Result<f64> {
        let values: Option<Vec<f64>> = sessions
            .iter()
            .map(|[_, client]| client[key].as_f64())
            .collect();
        let mut values = values.with_context(|| format!("no number {key} in a report"))?;
        values.sort_by(f64::total_cmp);
        Ok(values[values.len() / 2])
    };
    let peaks = sessions.iter().flatten();
    let peaks = peaks.filter_map(|report| report["peak_mb"].as_f64());
    Ok(Inference {
        total_ms: median("total_ms")?,
        online_ms: median("online_ms")?,
        bytes: median("bytes_up")? + median("bytes_down")?,
        rounds: median("rounds")?,
        peak_mb: peaks.max_by(f64::total_cmp),
    })
}

/// A picture of noise, the same at every call.
fn write_noise(path: &Path, [channels, height, width]: [u32; 3]) -> Result<()> {
    let colour = match channels {
        1 => png::ColorType::Grayscale,
        3 => png::ColorType::Rgb,
        _ => bail!("a picture does not have {channels} channels"),
    };
    let mut state = 1u32;
    let noise: Vec<u8> = (0..channels * height * width)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(path)?), width, height);
    encoder.set_color(colour);
    encoder.write_header()?.write_image_data(&noise)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_summary_takes_medians_and_the_larger_peak() {
        let client = |total: f64| json!({"total_ms": total, "online_ms": 1.0, "bytes_up": 10, "bytes_down": 5, "rounds": 3, "peak_mb": 7});
        let sessions = [3.0, 1.0, 2.0].map(|total| [json!({"peak_mb": 9.5}), client(total)]);
        let summary = summary(&sessions).unwrap();
        assert_eq!(summary.total_ms, 2.0);
        assert_eq!(summary.bytes, 15.0);
        assert_eq!(summary.peak_mb, Some(9.5));
    }
}
