//! `addax accel`: the accelerators of this build, what they do with a program, how fast they are, and whether they do
//! what the definition says.
mod bench;
mod emulate;
mod info;
mod list;
mod run;
mod selftest;
mod stress;

use addax::he::Basis;
use addax_core::isa::Geometry;
use addax_core::modulus::Modulus;
use addax_core::ntt::{NttPlan, Twiddle};
use addax_core::params::PRIMES;
use anyhow::Result;
use clap::Subcommand;

pub use bench::bench;
pub use emulate::emulate;
pub use info::info;
pub use list::list;
pub use run::run;
pub use selftest::selftest;
pub use stress::stress;

/// Commands about accelerators.
#[derive(Subcommand)]
pub enum AccelCommand {
    /// List the accelerators of this build
    List,
    /// Compare accelerators with the definition, instruction by instruction
    Selftest(selftest::SelftestArgs),
    /// Run one program of the ring processor
    Run(run::RunArgs),
    /// Say what a device with a ring processor is, and how it is
    Info(info::InfoArgs),
    /// Start an emulated board with a simulated ring processor behind it, and print its port
    Emulate(emulate::EmulateArgs),
    /// Run random jobs on a device, over a line that is made bad on purpose
    Stress(stress::StressArgs),
    /// Measure how fast accelerators are, and how many cycles each instruction takes
    Bench(bench::BenchArgs),
}

/// The first limbs of the parameter sets, for a machine of any degree.
fn basis(geometry: Geometry, limbs: usize) -> Result<Basis> {
    let moduli = PRIMES[..limbs].iter().map(|&q| Modulus::new(q));
    let moduli = moduli.collect::<Result<Vec<_>, _>>()?;
    let twiddles = NttPlan::<Vec<Twiddle>>::storage_len(geometry.log_n());
    let storage = |_| vec![Twiddle::default(); twiddles];
    Ok(Basis::new(&moduli, geometry.log_n(), storage)?)
}
