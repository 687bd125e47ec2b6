//! Models: where they are found, and how wide their integers are made.

use std::path::{Path, PathBuf};

use addax::net::IntegerNetwork;
use addax::net::graph::Graph;
use addax::net::onnx;
use addax::net::quantise::{QuantiseOptions, quantise};
use addax::protocol::{PublicPlan, Reveal, ServerModel};
use addax_core::isa::Geometry;
use addax_core::params::{N4096, ParameterSet};
use anyhow::{Context, Result, bail};
use clap::Args;

/// The model that runs when none is named.
const DEFAULT_MODEL: &str = "lite3-mnist.onnx";

/// The parameter set of the private protocol.
pub const PARAMETERS: ParameterSet = N4096;

/// A model file.
#[derive(Args)]
pub struct ModelFile {
    /// ONNX file; the shipped network lite3 on MNIST if none is given
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
}

/// A model file and the widths of its integers.
#[derive(Args)]
pub struct ModelArgs {
    #[command(flatten)]
    file: ModelFile,
    /// Bits of a weight, sign included
    #[arg(long, value_name = "BITS", default_value_t = 8, value_parser = clap::value_parser!(u32).range(2..=16))]
    weight_bits: u32,
    /// Bits of an activation
    #[arg(long, value_name = "BITS", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=15))]
    activation_bits: u32,
    /// Bits k of the modulus 2^k of the shares, for every layer; the least that hold each layer's values if not given
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(u32).range(2..=64))]
    plain_bits: Option<u32>,
}

impl ModelFile {
    /// The file's path.
    ///
    /// # Errors
    /// No file was named and the shipped one is not there.
    pub fn path(&self) -> Result<PathBuf> {
        match &self.model {
            Some(path) => Ok(path.clone()),
            None => shipped_model(DEFAULT_MODEL),
        }
    }

    /// The network in real numbers.
    ///
    /// # Errors
    /// A file that cannot be read or is not supported.
    pub fn graph(&self) -> Result<Graph> {
        let path = self.path()?;
        onnx::import(&path).with_context(|| format!("model {}", path.display()))
    }

    /// The network in integers of eight bits.
    ///
    /// # Errors
    /// As [`Self::graph`], and networks that have no integer form.
    pub fn network(&self) -> Result<IntegerNetwork> {
        integers(&self.graph()?, &QuantiseOptions::default())
    }
}

fn integers(graph: &Graph, options: &QuantiseOptions) -> Result<IntegerNetwork> {
    quantise(graph, None, options).with_context(|| format!("model {}", graph.name))
}

impl ModelArgs {
    /// The network in real numbers.
    ///
    /// # Errors
    /// As [`ModelFile::graph`].
    pub fn graph(&self) -> Result<Graph> {
        self.file.graph()
    }

    /// The network in integers of the widths asked for.
    ///
    /// # Errors
    /// As [`ModelFile::network`].
    pub fn network(&self) -> Result<IntegerNetwork> {
        self.quantised(&self.graph()?)
    }

    /// A network in real numbers, in integers of the widths asked for.
    ///
    /// # Errors
    /// Networks that have no integer form.
    pub fn quantised(&self, graph: &Graph) -> Result<IntegerNetwork> {
        let options = QuantiseOptions {
            weight_bits: self.weight_bits,
            activation_bits: self.activation_bits,
            ..QuantiseOptions::default()
        };
        integers(graph, &options)
    }

    /// The public plan.
    ///
    /// # Errors
    /// A network that the protocol cannot run.
    pub fn plan(&self, network: &IntegerNetwork, reveal: Reveal) -> Result<PublicPlan> {
        PublicPlan::of_network(network, &PARAMETERS, reveal, self.plain_bits)
            .with_context(|| format!("model {}", network.name))
    }

    /// The model ready to serve, its weights encoded.
    ///
    /// # Errors
    /// As [`Self::plan`].
    pub fn server_model(&self, network: &IntegerNetwork, reveal: Reveal) -> Result<ServerModel> {
        let name = || format!("model {}", network.name);
        let model = ServerModel::new(network, PARAMETERS, reveal, self.plain_bits);
        let model = model.with_context(name)?;
        // A layer that the ring processor cannot run must not wait for the first client to be found.
        let report = model.plan().report(model.context(), &Geometry::DEFAULT);
        report.with_context(name)?;
        Ok(model)
    }
}

/// What `--arg-max` chooses.
pub const fn reveal(arg_max: bool) -> Reveal {
    if arg_max {
        Reveal::ArgMax
    } else {
        Reveal::Logits
    }
}

/// A shipped model: in the workspace that this program was built in, or beside the program. It is not part of the
/// program itself, because a client must not hold it.
///
/// # Errors
/// It is in neither place.
pub fn shipped_model(name: &str) -> Result<PathBuf> {
    let beside = std::env::current_exe().ok();
    let beside = beside.as_deref().and_then(Path::parent);
    let candidates = [
        Some(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../models")
                .join(name),
        ),
        beside.map(|directory| directory.join("models").join(name)),
        beside.map(|directory| directory.join(name)),
    ];
    for path in candidates.into_iter().flatten() {
        if path.is_file() {
            return Ok(path);
        }
    }
    bail!(
        "the shipped model {name} is neither in the workspace's `models` nor beside this program: name a model with \
         --model FILE.onnx"
    )
}
