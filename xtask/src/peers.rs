//! Other systems for private inference, as users would install them: Python packages in an environment of their own
//! under `target/peers`, driven by the scripts in `peers/`.

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::python::Environment;
use crate::shell::Shell;

/// The packages, for the version of Python below.
const PACKAGES: [&str; 13] = [
    "spu==0.9.5",
    "tenseal==0.3.18",
    "jax==0.4.34",
    "jaxlib==0.4.34",
    "numpy==1.26.4",
    "scipy==1.17.1",
    "ml_dtypes==0.5.4",
    "opt_einsum==3.4.0",
    "cachetools==8.0.2",
    "cloudpickle==3.1.3",
    "dill==0.4.1",
    "multiprocess==0.70.19",
    "termcolor==3.3.0",
];

/// The version of Python that these packages are built for, and its usual names.
const VERSION: &str = "3.11";
const PYTHONS: [&str; 3] = ["python3", "python3.11", "/usr/bin/python3"];

/// What one system took for one network.
#[derive(Debug, Clone, PartialEq, Deserialize, serde::Serialize)]
pub struct Measured {
    /// System, version and protocol.
    pub system: String,
    /// The network's name in `peers/`.
    pub network: String,
    /// The first run, with what it sets up. TenSEAL: making the keys.
    pub cold_ms: f64,
    /// The median of the later runs.
    pub steady_ms: f64,
    /// Payload bytes of the first run, both directions. TenSEAL: the keys.
    pub cold_bytes: f64,
    /// Payload bytes of a later run.
    pub steady_bytes: f64,
    /// How far the answer is from that of the same network in the clear.
    pub largest_error: f64,
    /// Round trips of a later run.
    #[serde(default)]
    pub rounds: Option<f64>,
}

/// The installed systems.
pub struct Peers {
    environment: Environment,
}

impl Peers {
    /// Finds the systems, or installs them and says so.
    pub fn install() -> Result<Self> {
        let what = "peers (SPU, TenSEAL)";
        let environment = Environment::install("peers", what, python()?, &PACKAGES)?;
        Ok(Self { environment })
    }

    /// SPU's Cheetah on a network of `peers/networks.py`.
    pub fn cheetah(&self, network: &str, runs: usize, timeout: u32) -> Result<Measured> {
        let script = self.script("cheetah.py");
        let options = format!("--network {network} --runs {runs} --timeout {timeout}");
        self.measured(script.arguments(&options))
    }

    /// TenSEAL on the network of its tutorial.
    pub fn tenseal(&self) -> Result<Measured> {
        self.measured(self.script("tenseal_cnn.py"))
    }

    fn script(&self, name: &str) -> Shell {
        Shell::new(self.environment.program("python"), "").argument(format!("peers/{name}"))
    }

    /// The object that a script prints; packages may print lines of their own before it.
    fn measured(&self, script: Shell) -> Result<Measured> {
        let output = script.output()?;
        let line = output.lines().last().unwrap_or_default();
        serde_json::from_str(line).with_context(|| format!("not a measurement: {line}"))
    }
}

/// A Python of the version that the packages are built for.
fn python() -> Result<&'static str> {
    let probe = format!(
        "import sys, venv, ensurepip; sys.exit('%d.%d' % sys.version_info[:2] != '{VERSION}')"
    );
    let found = PYTHONS
        .into_iter()
        .find(|python| Shell::new(python, "-c").argument(&probe).succeeds());
    match found {
        Some(python) => Ok(python),
        None => bail!(
            "SPU and TenSEAL in these versions need Python {VERSION} with venv, and {} are not that",
            PYTHONS.join(", ")
        ),
    }
}
