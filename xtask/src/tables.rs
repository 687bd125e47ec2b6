//! `cargo xtask tables`: measures what README.md states and writes it there, each figure beside its command.

use std::fs;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use serde_json::Value;

use crate::document::{Place, thousands};
use crate::needs;
use crate::shell::{Shell, target_directory};

/// How to measure.
#[derive(Args)]
pub struct Options {
    /// Print the table instead of writing it into README.md
    #[arg(long)]
    print: bool,
}

/// Where the table stands.
const PLACE: Place = Place {
    path: "README.md",
    begin: "<!-- measured: written by `cargo xtask tables` -->",
    end: "<!-- end of measured -->",
};

/// Runs of the demonstration whose median is taken.
const RUNS: usize = 9;

/// Models with a data set, and how many images go through the protocol.
const ACCURACIES: [(&str, &str, &str); 3] = [
    ("lite3-mnist", "mnist", "MNIST"),
    ("d-mnist", "mnist", "MNIST"),
    ("d-fashion", "fashion-mnist", "Fashion-MNIST"),
];

/// A line of the table.
struct Row {
    what: String,
    measured: String,
    command: String,
}

/// Measures everything and writes the table.
pub fn run(options: &Options) -> Result<()> {
    let mut rows = vec![one_image()?];
    rows.push(drawings()?);
    for (model, data, name) in ACCURACIES {
        rows.extend(accuracy(model, data, name)?);
    }
    rows.extend(inference()?);
    rows.push(product()?);
    rows.extend(transforms()?);
    rows.extend(garbling()?);
    let mut table = format!(
        "{}\n\n| what | measured | command |\n|---|---|---|\n",
        machine()
    );
    for row in rows {
        table += &format!("| {} | {} | `{}` |\n", row.what, row.measured, row.command);
    }
    if options.print {
        println!("{table}");
        return Ok(());
    }
    PLACE.write(&table)
}

/// The machine in a line.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let name = fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        })
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    format!("{cores} cores of {name}; medians. `addax` is `cargo run --release --`.")
}

/// Runs `addax` and reads the object it prints.
fn addax(arguments: &str) -> Result<Value> {
    println!("    addax {arguments}");
    let text = Shell::cargo("run --release --quiet --package addax -- --json")
        .arguments(arguments)
        .output()?;
    serde_json::from_str(&text).with_context(|| format!("addax {arguments}"))
}

/// Runs a benchmark and returns what it prints.
fn bench(package: &str, name: &str) -> Result<String> {
    println!("    cargo bench --bench {name}");
    Shell::cargo("bench --quiet --package")
        .argument(package)
        .argument("--bench")
        .argument(name)
        .output()
}

fn number(object: &Value, key: &str) -> Result<f64> {
    object[key]
        .as_f64()
        .ok_or_else(|| anyhow!("no number {key}"))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn megabytes(object: &Value) -> Result<String> {
    let [up, down] = ["bytes_up", "bytes_down"].map(|key| number(object, key));
    Ok(format!(
        "{:.2} MB up, {:.2} MB down",
        up? / 1e6,
        down? / 1e6
    ))
}

fn one_image() -> Result<Row> {
    let arguments = "demo --images 1";
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        runs.push(addax(arguments)?);
    }
    let times = |key: &str| -> Result<f64> {
        let times: Result<Vec<f64>> = runs.iter().map(|run| number(run, key)).collect();
        Ok(median(times?))
    };
    let layers = runs[0]["layers"].as_array().context("layers")?;
    let sum = |key: &str| {
        layers
            .iter()
            .filter_map(|layer| layer[key].as_u64())
            .sum::<u64>()
    };
    Ok(Row {
        what: "one image, `lite3-mnist`, two processes on loopback".into(),
        measured: format!(
            "{:.0} ms with keys and base transfers, {:.0} ms without; {}; {} ring-processor cycles, {} AND gates",
            times("total_ms")?,
            times("online_ms")?,
            megabytes(&runs[0])?,
            thousands(sum("cycles")),
            thousands(sum("and_gates"))
        ),
        command: format!("addax {arguments}"),
    })
}

fn drawings() -> Result<Row> {
    let arguments = "demo --images 100";
    let report = addax(arguments)?;
    let exact = report["bit_exact"].as_bool() == Some(true);
    Ok(Row {
        what: "100 drawn digits in one session".into(),
        measured: format!(
            "{} right, {} the integer network; {:.1} ms an image",
            report["correct"],
            if exact { "bit for bit" } else { "NOT" },
            number(&report, "total_ms")? / 100.0
        ),
        command: format!("addax {arguments}"),
    })
}

/// Nothing if the data set is not there.
fn accuracy(model: &str, data: &str, name: &str) -> Result<Option<Row>> {
    let directory = needs::data_directory().join(data);
    if !directory.is_dir() {
        println!("    not measured: {name} is not in {}", directory.display());
        return Ok(None);
    }
    let options = format!("eval --model models/{model}.onnx --private 50 --data");
    let report = addax(&format!("{options} {}", directory.display()))?;
    let exact = report["bit_exact"].as_bool() == Some(true);
    Ok(Some(Row {
        what: format!(
            "`{model}` on the {} test images of {name}",
            thousands(report["images"].as_u64().unwrap_or_default())
        ),
        measured: format!(
            "{:.2} % in 8-bit integers; the first 50 privately: {}",
            number(&report, "accuracy")? * 100.0,
            if exact {
                "the same logits"
            } else {
                "OTHER logits"
            }
        ),
        command: format!("addax {options} DATA/{data}"),
    }))
}

/// The columns of the line that starts with `name`.
fn columns(output: &str, name: &str) -> Result<Vec<f64>> {
    let line = output.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some(name)).then(|| words.map(str::parse::<f64>).collect())
    });
    let line: Result<Vec<f64>, _> = line.with_context(|| format!("no line {name}"))?;
    line.with_context(|| format!("the line {name}"))
}

fn inference() -> Result<Vec<Row>> {
    let output = bench("addax", "inference")?;
    let [cold, warm] = ["cold", "warm"].map(|name| columns(&output, name));
    let measured = format!("{:.0} ms; each further image {:.0} ms", cold?[0], warm?[0]);
    Ok(vec![Row {
        what: "one image, two threads, keys and base transfers included".into(),
        measured,
        command: "cargo bench --bench inference".into(),
    }])
}

fn product() -> Result<Row> {
    let output = bench("addax", "ct_plain")?;
    let line = output
        .lines()
        .find_map(|line| line.strip_prefix("ciphertext x plaintext, summed: "))
        .context("no line of the product")?;
    Ok(Row {
        what: "ciphertext × plaintext, summed, n = 4096, 3 limbs".into(),
        measured: line.split(',').next().unwrap_or(line).to_owned(),
        command: "cargo bench --bench ct_plain".into(),
    })
}

fn transforms() -> Result<Vec<Row>> {
    let output = bench("addax", "ntt")?;
    let (_, table) = output.split_once("side by side").context("no comparison")?;
    ["2048", "4096", "8192", "16384"]
        .into_iter()
        .map(|n| {
            let line = columns(table, n)?;
            if line.len() != 8 {
                bail!("the comparison of n = {n} has other columns");
            }
            Ok(Row {
                what: format!("transform, n = {n}, beside `tfhe-ntt` (36 bits)"),
                measured: format!(
                    "forward {:.1} µs, {:.2} × its speed; inverse {:.1} µs, {:.2} ×",
                    line[0], line[2], line[3], line[7]
                ),
                command: "cargo bench --bench ntt".into(),
            })
        })
        .collect()
}

fn garbling() -> Result<Vec<Row>> {
    let output = bench("addax-core", "garble")?;
    let head = output
        .lines()
        .find(|line| line.starts_with("a ReLU of "))
        .context("no line of the circuit")?;
    let gates: f64 = head
        .split_once(": ")
        .and_then(|(_, rest)| rest.split(' ').next()?.parse().ok())
        .context("no number of gates")?;
    let bytes = head.split(", ").last().unwrap_or_default();
    let rate = |name: &str| -> Result<f64> {
        let path = format!("criterion/relu_layer/{name}/new/estimates.json");
        let text = fs::read_to_string(target_directory().join(path))?;
        let estimates: Value = serde_json::from_str(&text)?;
        let nanoseconds = number(&estimates["median"], "point_estimate")?;
        Ok(gates * 2304.0 / nanoseconds * 1e3)
    };
    Ok(vec![Row {
        what: format!("garbling 2,304 ReLUs of 23 bits, {gates} AND gates each, one core"),
        measured: format!(
            "{:.1} million AND/s garbled, {:.1} evaluated; {bytes} a ReLU",
            rate("garble")?,
            rate("evaluate")?
        ),
        command: "cargo bench --bench garble".into(),
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_by_its_first_word() {
        let output = "n forward\n 2048 1.5 2\n 4096 3 4.25\n";
        assert_eq!(columns(output, "4096").unwrap(), [3.0, 4.25]);
        assert!(columns(output, "1024").is_err());
    }
}
