//! `addax optical`: the quantum-optical protocol, over simulated light.

mod attack;
mod chart;
mod run;
mod sweep;

use std::path::{Path, PathBuf};

use addax::data::Dataset;
use addax::data::draw::drawings;
use addax::net::onnx;
use addax::protocol::optical::OpticalNetwork;
use addax_sim::optical::{Setting, Variant};
use anyhow::{Context, Result, ensure};
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};

use super::load::shipped_model;

pub use attack::attack;
pub use run::run;
pub use sweep::sweep;

/// The model that runs when none is named.
const MODEL: &str = "optical-mnist.onnx";
/// Drawings evaluated where no data are named.
const DRAWINGS: usize = 1000;
/// Chooses these drawings.
const DRAWINGS_SEED: u64 = 1;

/// What every report in text ends with.
const DISCLAIMER: &str =
    "This simulates light to study a protocol. It protects nothing that is sent over a wire.";

/// Commands about the optical protocol.
#[derive(Subcommand)]
pub enum OpticalCommand {
    /// Measure a model's accuracy at given photons, gain, loss and noise, and what it leaks (simulated: protects nothing)
    Run(run::RunArgs),
    /// Find how accuracy and leaks depend on photons and gain, and where to work (simulated: protects nothing)
    Sweep(sweep::SweepArgs),
    /// Let clients and servers cheat, and see what they learn and who is caught (simulated: protects nothing)
    Attack(attack::AttackArgs),
}

/// A model for light.
#[derive(Args)]
struct ModelArgs {
    /// ONNX file; the shipped 784-784-10 network on MNIST if none is given
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
}

impl ModelArgs {
    fn network(&self) -> Result<OpticalNetwork> {
        let path = match &self.model {
            Some(path) => path.clone(),
            None => shipped_model(MODEL)?,
        };
        let load = || -> Result<_> { Ok(OpticalNetwork::new(&onnx::import(&path)?)?) };
        load().with_context(|| format!("model {}", path.display()))
    }
}

/// Images to evaluate.
#[derive(Args)]
struct DataArgs {
    /// Directory with the test images of MNIST, Fashion-MNIST or CIFAR-10, or one made by `addax draw`; drawn digits if not
    /// given
    #[arg(long, value_name = "DIRECTORY")]
    data: Option<PathBuf>,
    /// Evaluate the first COUNT images; all if not given
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    images: Option<u32>,
}

impl DataArgs {
    /// The images, how many of them, and what they are called.
    fn open(&self) -> Result<(Dataset, usize, String)> {
        let count = self.images.map(|images| images as usize);
        let (data, name) = match &self.data {
            Some(directory) => (Dataset::open(directory)?, directory.display().to_string()),
            None => {
                let drawn = drawings(count.unwrap_or(DRAWINGS), DRAWINGS_SEED);
                (drawn, "drawn digits".to_owned())
            }
        };
        let images = count.map_or(data.len(), |count| count.min(data.len()));
        ensure!(images > 0, "there are no images to evaluate: {name}");
        Ok((data, images, name))
    }
}

/// The operating point.
#[derive(Args)]
struct SettingArgs {
    /// Mean photons of a symbol, which carries two weights; docs/optical.md says how many are simulated [default: 4]
    #[arg(
        long,
        value_name = "NUMBER",
        conflicts_with = "f_db",
        allow_negative_numbers = true
    )]
    photons: Option<f64>,
    /// The signal-to-noise power F of an output in decibel, in place of photons
    #[arg(long, value_name = "DB", allow_negative_numbers = true)]
    f_db: Option<f64>,
    #[command(flatten)]
    link: LinkArgs,
}

/// What does not depend on photons.
#[derive(Args)]
struct LinkArgs {
    /// Power gain of the client's amplifier
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 2.0,
        allow_negative_numbers = true
    )]
    gain: f64,
    /// Loss of the link, there and back, simulated on the way to the client
    #[arg(
        long,
        value_name = "DB",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    loss_db: f64,
    /// Technical noise of the link, in shot-noise units a quadrature
    #[arg(
        long,
        value_name = "UNITS",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    excess_noise: f64,
}

impl SettingArgs {
    /// Photons if nothing is said.
    const PHOTONS: f64 = 4.0;

    fn setting(&self) -> Result<Setting> {
        let LinkArgs {
            gain,
            loss_db,
            excess_noise,
        } = self.link;
        let setting = match self.f_db {
            Some(f_db) => Setting::with_f_db(f_db, gain, loss_db, excess_noise),
            None => {
                let photons = self.photons.unwrap_or(Self::PHOTONS);
                Setting::new(photons, gain, loss_db, excess_noise)
            }
        };
        Ok(setting?)
    }
}

/// The server's check.
#[derive(Args)]
struct CheckArgs {
    /// The rate of false alarms of the server's check, a layer
    #[arg(
        long,
        value_name = "RATE",
        default_value_t = 1e-3,
        allow_negative_numbers = true
    )]
    false_alarm: f64,
}

/// Whose bounds.
#[derive(Args)]
struct VariantArgs {
    /// Whose bounds on the leaks: of the first version of arXiv 2408.05629, or of PRX 15, 041056
    #[arg(long, default_value = Variant::ALL[0].name(), value_parser = PossibleValuesParser::new(Variant::ALL.map(Variant::name)))]
    variant: String,
}

impl VariantArgs {
    fn variant(&self) -> Variant {
        Variant::from_name(&self.variant).expect("the command line takes these names only")
    }
}

/// Where randomness comes from.
#[derive(Args)]
struct SeedArgs {
    /// Repeats a simulation; one from the system if not given
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

impl SeedArgs {
    fn seed(&self) -> Result<u64> {
        match self.seed {
            Some(seed) => Ok(seed),
            // Short enough to be typed again.
            None => getrandom::u32()
                .map(u64::from)
                .context("the operating system gave no randomness"),
        }
    }
}

/// Refuses a chart that would not be what its name says.
fn chart_path(path: &Path) -> Result<()> {
    let svg = path.extension().is_some_and(|extension| extension == "svg");
    ensure!(
        svg,
        "{} does not end in .svg: charts are SVG files",
        path.display()
    );
    Ok(())
}
