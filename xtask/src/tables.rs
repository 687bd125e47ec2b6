//! `cargo xtask tables`: measures what README.md states and writes it there, each figure beside its command.

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use serde_json::Value;

use crate::document::{Place, thousands};
use crate::needs;
use crate::shell::Shell;

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
    let d = "network D of MiniONN, 10,340 ReLUs, one thread a party";
    rows.extend(larger("d-mnist", d, None, false)?);
    rows.extend(larger("d-mnist", "the same, prepared ahead", None, true)?);
    let cifar = "seven convolutions, 173,056 ReLUs, one thread a party";
    rows.extend(larger("cifar7", cifar, Some("cifar10"), false)?);
    for (model, data, name) in ACCURACIES {
        rows.extend(accuracy(model, data, name)?);
    }
    rows.extend(inference()?);
    rows.push(product()?);
    rows.extend(transforms()?);
    rows.push(operations()?);
    rows.push(garbling()?);
    rows.extend(optical()?);
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
    let name = std::fs::read_to_string("/proc/cpuinfo")
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

/// The median of a number over runs.
fn typical(runs: &[Value], key: &str) -> Result<f64> {
    let times: Result<Vec<f64>> = runs.iter().map(|run| number(run, key)).collect();
    Ok(median(times?))
}

fn one_image() -> Result<Row> {
    let arguments = "demo --images 1";
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        runs.push(addax(arguments)?);
    }
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
            typical(&runs, "total_ms")?,
            typical(&runs, "online_ms")?,
            megabytes(&runs[0])?,
            thousands(sum("cycles")),
            thousands(sum("and_gates"))
        ),
        command: format!("addax {arguments}"),
    })
}

/// One image of a larger network, one thread a party; nothing if its data set is asked for and not there.
fn larger(model: &str, what: &str, data: Option<&str>, ahead: bool) -> Result<Option<Row>> {
    let mut arguments = format!("demo --images 1 --threads 1 --model models/{model}.onnx");
    if ahead {
        arguments += " --ahead";
    }
    let shown = data.map_or(arguments.clone(), |data| {
        format!("{arguments} --data DATA/{data}")
    });
    if let Some(data) = data {
        let directory = needs::data_directory().join(data);
        if !directory.is_dir() {
            println!("    not measured: {data} is not in {}", directory.display());
            return Ok(None);
        }
        arguments += &format!(" --data {}", directory.display());
    }
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        runs.push(addax(&arguments)?);
    }
    let [client, server] = ["client_peak_mb", "server_peak_mb"].map(|key| typical(&runs, key));
    let total = typical(&runs, "total_ms")?;
    let times = match ahead {
        true => format!(
            "{:.0} ms once the image is known, {:.0} ms before that",
            typical(&runs, "online_ms")?,
            total - typical(&runs, "online_ms")?
        ),
        false => format!("{total:.0} ms with keys and base transfers"),
    };
    Ok(Some(Row {
        what: format!("one image, `{model}`, {what}"),
        measured: format!(
            "{times}; {}; at most {:.0} MB of memory for the client, {:.0} for the server",
            megabytes(&runs[0])?,
            client?,
            server?
        ),
        command: format!("addax {shown}"),
    }))
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

/// The optical protocol, simulated. Nothing if MNIST is not there.
fn optical() -> Result<Option<Row>> {
    let directory = needs::data_directory().join("mnist");
    if !directory.is_dir() {
        println!("    not measured: MNIST is not in {}", directory.display());
        return Ok(None);
    }
    let options = "optical run --seed 1 --data";
    let report = addax(&format!("{options} {}", directory.display()))?;
    Ok(Some(Row {
        what: "*simulated light*, no protection: `optical-mnist`, 784-784-10, on MNIST".into(),
        measured: format!(
            "{:.2} % at {} photons a symbol and gain {}, {:.2} % without noise; at most {:.4} bit a weight and {:.5} a datum \
             by the bounds of {}",
            number(&report, "accuracy")? * 100.0,
            report["photons"],
            report["gain"],
            number(&report, "baseline_accuracy")? * 100.0,
            number(&report, "weight_leak_bits")?,
            number(&report, "data_leak_bits")?,
            report["variant"].as_str().unwrap_or_default()
        ),
        command: format!("addax {options} DATA/mnist"),
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

/// A figure that a benchmark hands over on a line of its own, see `host/benches/figures`.
fn figure(output: &str, name: &str) -> Result<f64> {
    let value = output.lines().find_map(|line| {
        let (found, value) = line.strip_prefix("figure ")?.split_once(' ')?;
        (found == name).then_some(value)
    });
    let value = value.with_context(|| format!("no figure {name}"))?;
    value.parse().with_context(|| format!("figure {name}"))
}

/// Operations of BFV beside those of the crate `fhe`.
fn operations() -> Result<Row> {
    let output = bench("addax", "bfv")?;
    let [product, encryption, decryption] = ["ct_plain", "encrypt", "decrypt"]
        .map(|name| figure(&output, &format!("{name}_4096_vs_fhe")));
    Ok(Row {
        what: "BFV, n = 4096, 3 limbs, beside `fhe`".into(),
        measured: format!(
            "ciphertext × plaintext {:.1} × its speed; public-key encryption {:.1} ×; decryption {:.1} ×",
            product?, encryption?, decryption?
        ),
        command: "cargo bench --bench bfv".into(),
    })
}

fn garbling() -> Result<Row> {
    let output = bench("addax-core", "garble")?;
    let figure = |name: &str| figure(&output, name);
    Ok(Row {
        what: format!(
            "garbling ReLUs of {} bits, {} AND gates each, one core",
            figure("relu_k")?,
            figure("relu_and")?
        ),
        measured: format!(
            "{:.0} million AND/s garbled, {:.1} × a gate-after-gate kernel; {:.0} evaluated, {:.1} ×; \
             {} bytes a ReLU, both ways, or {} with tables ahead of the input",
            figure("garble_mand_s")?,
            figure("garble_vs_scalar")?,
            figure("eval_mand_s")?,
            figure("eval_vs_scalar")?,
            thousands(figure("relu_bytes")? as u64),
            thousands(figure("relu_bytes_ahead")? as u64),
        ),
        command: "cargo bench --bench garble".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_a_line_of_its_own() {
        let output = "a figure relu_k 3\nfigure relu_bytes 1033.4\nfigure relu_k 23.0\n";
        assert_eq!(figure(output, "relu_k").unwrap(), 23.0);
        assert!(figure(output, "relu").is_err());
    }

    #[test]
    fn a_line_is_found_by_its_first_word() {
        let output = "n forward\n 2048 1.5 2\n 4096 3 4.25\n";
        assert_eq!(columns(output, "4096").unwrap(), [3.0, 4.25]);
        assert!(columns(output, "1024").is_err());
    }
}
