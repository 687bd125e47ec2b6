//! `cargo xtask bench`: what is compared with others, measured and collected in one JSON object.
//!
//! Three sources: benchmarks, which print lines `figure NAME VALUE`; whole inferences, a server and a client as two
//! processes on loopback; other systems (`--peers`), which are installed first. A figure that was not measured is
//! `null`.

mod inference;
mod network;

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Map, Value, json};

use crate::document::Place;
use crate::peers::{Measured, Peers};
use crate::shell::Shell;
use inference::Inference;
use network::System;

/// What to measure, and what becomes of it.
#[derive(Args)]
pub struct Options {
    /// Print the JSON object on standard output instead of a table
    #[arg(long)]
    json: bool,
    /// Measure SPU and TenSEAL as well, which takes ten minutes more and installs them under target/peers
    #[arg(long)]
    peers: bool,
    /// Measure only what these sources give: names of benchmarks or networks
    #[arg(long, value_name = "SOURCE", value_delimiter = ',')]
    only: Vec<String>,
    /// Write the table of times over networks into docs/benchmarks.md
    #[arg(long, requires = "peers")]
    write: bool,
}

/// The figures, with the benchmark or network that gives each.
///
/// `…_vs_…` are ratios of times, above 1 where Addax is faster. Against SPU they set the whole of our inference, keys and
/// base transfers included, against a run of SPU's in which all that has been done before.
const FIGURES: [(&str, &str); 27] = [
    ("ntt_forward_4096_vs_tfhe", "ntt"),
    ("ntt_inverse_4096_vs_tfhe", "ntt"),
    ("ntt_forward_8192_vs_tfhe", "ntt"),
    ("ntt_forward_16384_vs_tfhe", "ntt"),
    ("ntt_forward_4096_us", "ntt"),
    ("mac_4096_vs_tfhe", "ntt"),
    ("ct_plain_4096_vs_fhe", "bfv"),
    ("encrypt_4096_vs_fhe", "bfv"),
    ("decrypt_4096_vs_fhe", "bfv"),
    ("garble_mand_s", "garble"),
    ("eval_mand_s", "garble"),
    ("garble_vs_scalar", "garble"),
    ("relu_bytes", "garble"),
    ("relu_k", "garble"),
    ("relu_and", "garble"),
    ("d_total_ms", "d"),
    ("d_online_ms", "d"),
    ("d_bytes", "d"),
    ("small28_total_ms", "small28"),
    ("small28_bytes", "small28"),
    ("cifar_total_ms", "cifar"),
    ("cifar_bytes", "cifar"),
    ("d_vs_spu", "d"),
    ("cifar_vs_spu", "cifar"),
    ("d_peak_mb", "d"),
    ("cifar_peak_mb", "cifar"),
    ("channels_doubled", "ct_plain"),
];

/// Benchmarks and the packages that have them.
const BENCHMARKS: [(&str, &str); 4] = [
    ("addax", "ntt"),
    ("addax", "bfv"),
    ("addax-core", "garble"),
    ("addax", "ct_plain"),
];

/// A network that Addax and SPU both run.
struct Network {
    /// Its name in figures and in `peers/`.
    name: &'static str,
    /// What it is called in tables.
    title: &'static str,
    model: &'static str,
    /// Channels, height and width of its images.
    shape: [u32; 3],
    /// Inferences whose median is taken.
    runs: usize,
    /// Runs of SPU, the first of which is the cold start, and the seconds that they may take.
    spu: (usize, u32),
}

const NETWORKS: [Network; 3] = [
    Network {
        name: "small28",
        title: "small28, 945 ReLUs",
        model: "models/small28-mnist.onnx",
        shape: [1, 28, 28],
        runs: 9,
        spu: (8, 300),
    },
    Network {
        name: "d",
        title: "D, 10,340 ReLUs",
        model: "models/d-mnist.onnx",
        shape: [1, 28, 28],
        runs: 9,
        spu: (6, 300),
    },
    Network {
        name: "cifar",
        title: "cifar7, 173,056 ReLUs",
        model: "models/cifar7.onnx",
        shape: [3, 32, 32],
        runs: 3,
        spu: (2, 900),
    },
];

/// Where the table over networks stands.
const PLACE: Place = Place {
    path: "docs/benchmarks.md",
    begin: "<!-- networks: written by `cargo xtask bench --peers --write` -->",
    end: "<!-- end of networks -->",
};

/// Figures by name, and what else belongs into the object.
type Figures = BTreeMap<String, f64>;

/// Measures and prints.
pub fn run(options: &Options) -> Result<()> {
    let known = |name: &&String| FIGURES.iter().all(|(_, source)| source != name);
    if let Some(name) = options.only.iter().find(known) {
        bail!("no benchmark or network is called {name}");
    }
    let wanted = |name: &str| options.only.is_empty() || options.only.iter().any(|o| o == name);
    let mut figures = Figures::new();
    for (package, name) in BENCHMARKS {
        if wanted(name) {
            benchmark(package, name, &mut figures)?;
        }
    }
    let peers = options.peers.then(Peers::install).transpose()?;
    let mut compared = Vec::new();
    let mut others = Vec::new();
    for network in NETWORKS.iter().filter(|network| wanted(network.name)) {
        let [ours, ahead] = inference::measure(network.model, network.shape, network.runs)
            .with_context(|| format!("network {}", network.name))?;
        ours_into(network, &ours, &ahead, &mut figures);
        if let Some(peers) = &peers {
            eprintln!("    SPU: {}", network.name);
            let theirs = peers.cheetah(network.name, network.spu.0, network.spu.1)?;
            let ratio = theirs.steady_ms / ours.total_ms;
            figures.insert(format!("{}_vs_spu", network.name), ratio);
            compared.push((network.title, System::from(&ours), System::from(&theirs)));
            others.push(theirs);
        }
    }
    if let (Some(peers), true) = (&peers, options.only.is_empty()) {
        eprintln!("    TenSEAL");
        others.push(peers.tenseal()?);
    }
    if options.write {
        PLACE.write(&network::table(&compared))?;
    }
    let object = object(&figures, &others)?;
    if options.json {
        println!("{object}");
    } else {
        print(&object);
        if !compared.is_empty() {
            println!("\n{}", network::table(&compared));
        }
    }
    Ok(())
}

/// The figures that a benchmark prints.
fn benchmark(package: &str, name: &str, figures: &mut Figures) -> Result<()> {
    eprintln!("    cargo bench --package {package} --bench {name}");
    let output = Shell::cargo("bench --quiet --package")
        .argument(package)
        .argument("--bench")
        .argument(name)
        .output()?;
    let found = handed_over(&output)?;
    for (figure, _) in FIGURES.iter().filter(|(_, source)| *source == name) {
        if !found.contains_key(*figure) {
            eprintln!("    {name} does not print {figure}");
        }
    }
    figures.extend(found);
    Ok(())
}

/// The lines `figure NAME VALUE` of an output.
fn handed_over(output: &str) -> Result<Figures> {
    let lines = output
        .lines()
        .filter_map(|line| line.strip_prefix("figure "));
    lines
        .map(|line| {
            let (name, value) = line
                .split_once(' ')
                .with_context(|| format!("no figure: {line}"))?;
            let value = value.trim().parse().with_context(|| line.to_owned())?;
            Ok((name.to_owned(), value))
        })
        .collect()
}

/// The figures of a network: all at once, and `online` and `ahead` with a preparation.
fn ours_into(network: &Network, ours: &Inference, ahead: &Inference, figures: &mut Figures) {
    let mut put = |key: &str, value: f64| {
        figures.insert(format!("{}_{key}", network.name), value);
    };
    put("total_ms", ours.total_ms);
    put("online_ms", ahead.online_ms);
    put("bytes", ours.bytes);
    put("ahead_total_ms", ahead.total_ms);
    put("ahead_bytes", ahead.bytes);
    let peaks = [ours.peak_mb, ahead.peak_mb].into_iter().flatten();
    if let Some(peak) = peaks.max_by(f64::total_cmp) {
        put("peak_mb", peak);
    }
}

/// One object: every figure of [`FIGURES`] in its order, then others that were handed over, then the peers.
fn object(figures: &Figures, others: &[Measured]) -> Result<Value> {
    let mut object = Map::new();
    for (name, _) in FIGURES {
        object.insert(name.to_owned(), json!(figures.get(name)));
    }
    for (name, value) in figures {
        object.entry(name).or_insert(json!(value));
    }
    object.insert("peers".to_owned(), serde_json::to_value(others)?);
    Ok(Value::Object(object))
}

fn print(object: &Value) {
    for (name, value) in object.as_object().into_iter().flatten() {
        match value {
            Value::Number(number) => println!("{name:<28} {number:>14}"),
            Value::Null => println!("{name:<28} {:>14}", "not measured"),
            Value::Array(peers) => peers.iter().for_each(|peer| println!("{peer}")),
            _ => {}
        }
    }
}

/// Reads a file that may not be there.
fn contents(path: &std::path::Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_lines_of_their_own() {
        let output = "a table\nfigure ntt_forward_4096_us 3.5\nno figure here 1\nfigure a 2\n";
        let found = handed_over(output).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found["ntt_forward_4096_us"], 3.5);
        assert!(handed_over("figure a b").is_err());
        assert!(handed_over("figure a").is_err());
    }

    #[test]
    fn the_object_has_every_figure_once_and_null_where_nothing_was_measured() {
        let mut figures = Figures::new();
        figures.insert("d_total_ms".to_owned(), 100.0);
        figures.insert("more".to_owned(), 1.0);
        let object = object(&figures, &[]).unwrap();
        let object = object.as_object().unwrap();
        assert_eq!(object.len(), FIGURES.len() + 2);
        assert_eq!(object["d_total_ms"], 100.0);
        assert!(object["cifar_total_ms"].is_null());
    }

    #[test]
    fn every_figure_comes_from_something_that_is_measured() {
        for (_, source) in FIGURES {
            let benchmark = BENCHMARKS.iter().any(|(_, name)| *name == source);
            let network = NETWORKS.iter().any(|network| network.name == source);
            assert!(benchmark || network, "{source}");
        }
    }
}
