//! `cargo xtask train`: what training needs, then `training/train.py`.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;

use crate::needs;
use crate::shell::{Shell, root};

/// What to train, on what, into which directory.
#[derive(Args)]
pub struct Options {
    /// Network to train, or `all`
    #[arg(long, default_value = "all")]
    model: String,
    /// Directory with `mnist/`, `fashion-mnist/` and `cifar10/` [default: ADDAX_DATA, else ../shared/data beside the workspace]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Directory for the ONNX files
    #[arg(long, value_name = "DIR", default_value = "models")]
    out: PathBuf,
    /// Further options of training/train.py, after `--`
    #[arg(last = true)]
    more: Vec<String>,
}

/// Debian's packages, and an import that shows they are there.
const PACKAGES: &str = "python3-torch python3-numpy";
const PROBE: &str = "import torch, numpy; print('PyTorch', torch.__version__)";

/// Finds or installs PyTorch and trains.
pub fn run(options: &Options) -> Result<()> {
    let python = python()?;
    let mut command = Shell::new(python, "training/train.py --model")
        .argument(&options.model)
        .argument("--data")
        .argument(options.data.clone().unwrap_or_else(needs::data_directory))
        .argument("--out")
        .argument(root().join(&options.out));
    for option in &options.more {
        command = command.argument(option);
    }
    command.run()
}

/// A Python with PyTorch: the system's, where Debian's packages lie, else the first on the path.
fn python() -> Result<&'static str> {
    if let Some(python) = working_python() {
        return Ok(python);
    }
    println!("    PyTorch and NumPy: missing, installing Debian's packages");
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!("no Python here can import torch and numpy, and there is no apt-get: install them");
    }
    let installed = Shell::new("apt-get", "install --yes --no-install-recommends")
        .argument("python3-torch")
        .argument("python3-numpy")
        .run();
    match (installed, working_python()) {
        (Ok(()), Some(python)) => Ok(python),
        _ => bail!("PyTorch could not be installed: as root, run `apt-get install {PACKAGES}`"),
    }
}

fn working_python() -> Option<&'static str> {
    ["/usr/bin/python3", "python3"].into_iter().find(|python| {
        let version = Shell::new(python, "-c").argument(PROBE).output();
        version.is_ok_and(|version| {
            println!("    {python}: {}", version.trim());
            true
        })
    })
}
