//! `addax-sim serve`: the ring processor as a device on a socket, over the link protocol.

use std::net::{SocketAddr, TcpListener};
use std::str::FromStr;

use addax_core::isa::Geometry;
use addax_core::link::Device;
use addax_core::link::fault::Rates;
use addax_core::machine::{Reference, RingProcessor};
use addax_core::modulus::Modulus;
use addax_core::ntt::{NttPlan, Twiddle};
use addax_core::params::{MAX_LIMBS, PRIMES};
use addax_sim::link::pace::Paced;
use addax_sim::link::server::{Quality, serve};
use addax_sim::{Basis, open_native, open_verilated};
use anyhow::{Context, Result, anyhow};
use clap::{Args, ValueEnum};
use serde::Serialize;
use zeroize::Zeroizing;

/// Arguments of `addax-sim serve`.
#[derive(Args)]
pub struct ServeArgs {
    /// Where to listen; port 0 takes any free port. What travels is not encrypted: keep to this computer
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:7710")]
    listen: String,
    /// What computes
    #[arg(long, value_enum, default_value_t = Machine::Verilator)]
    machine: Machine,
    /// log2 of the number of coefficients, 10 to 14
    #[arg(long, value_name = "N", default_value = "12")]
    log_n: u32,
    /// Butterflies: 1, 2, 4 or 8
    #[arg(long, value_name = "COUNT", default_value = "8")]
    butterflies: u32,
    /// Slots, 2 to 126
    #[arg(long, value_name = "COUNT", default_value = "16")]
    slots: u32,
    /// Limbs, the first primes of the parameter sets
    #[arg(long, value_name = "COUNT", default_value = "3", value_parser = clap::value_parser!(u8).range(1..=MAX_LIMBS as i64))]
    limbs: u8,
    /// Be as slow as a machine with so many cycles a second
    #[arg(long, value_name = "HERTZ", value_parser = hertz)]
    clock: Option<f64>,
    /// Wait for all words of a program before computing, as a machine that cannot do both at a time
    #[arg(long)]
    no_overlap: bool,
    /// Spoil so many frames of ten thousand in each direction, as the seed decides
    #[arg(long, value_name = "FRAMES[:SEED]")]
    fault: Option<FaultArg>,
    /// Carry no more than so many bytes a second in each direction
    #[arg(long, value_name = "BYTES", value_parser = rate)]
    rate: Option<f64>,
    /// End after so many hosts
    #[arg(long, value_name = "COUNT")]
    hosts: Option<u64>,
}

/// What computes behind the socket.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Machine {
    /// The circuit's Verilog, compiled by Verilator
    Verilator,
    /// The circuit's model in Rust
    Rtl,
    /// The definition, one word at a time
    Reference,
}

/// `FRAMES[:SEED]`.
#[derive(Clone, Copy, Debug)]
struct FaultArg {
    rates: Rates,
    seed: u64,
}

impl FromStr for FaultArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (frames, seed) = text.split_once(':').unwrap_or((text, "0"));
        let frames = frames.parse().ok().filter(|frames: &u16| *frames <= 5_000);
        let frames = frames.ok_or("it is not a number of frames up to 5000")?;
        let seed = seed.parse().map_err(|_| "its seed is not a number")?;
        Ok(Self {
            rates: Rates::even(frames),
            seed,
        })
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: Option<f64> = text.parse().ok();
    rate.filter(|rate| (1e2..=1e12).contains(rate))
        .ok_or_else(|| "it is not a number of bytes a second between 100 and 1e12".to_owned())
}

fn hertz(text: &str) -> Result<f64, String> {
    let hertz: Option<f64> = text.parse().ok();
    hertz
        .filter(|hertz| (1e3..=1e12).contains(hertz))
        .ok_or_else(|| "it is not a number of cycles a second between 1000 and 1e12".to_owned())
}

/// What is printed when hosts can connect.
#[derive(Serialize)]
struct Listening {
    address: SocketAddr,
    machine: String,
    n: usize,
    butterflies: u32,
    slots: usize,
    limbs: u8,
}

/// Runs the command: returns when it has served as many hosts as it should.
pub fn run(args: &ServeArgs, json: bool) -> Result<()> {
    let geometry = Geometry::new(args.log_n, args.butterflies, args.slots)
        .map_err(|error| anyhow!("there is no such machine: {error}"))?;
    let basis = basis(geometry, args.limbs.into())?;
    let name = args
        .machine
        .to_possible_value()
        .map_or_else(String::new, |value| value.get_name().to_owned());
    let (machine, clocked): (Box<dyn RingProcessor + Send + '_>, bool) = match args.machine {
        Machine::Verilator => (Box::new(open_verilated(&basis, geometry, None)?), true),
        Machine::Rtl => (Box::new(open_native(&basis, geometry)?), true),
        Machine::Reference => {
            let storage = vec![0; geometry.slots() * geometry.n()];
            (Box::new(Reference::new(&basis, geometry, storage)?), false)
        }
    };
    let mut machine = machine;
    let machine = Paced {
        machine: &mut *machine,
        hertz: args.clock,
        collects: args.no_overlap,
    };
    let scratch = Zeroizing::new(vec![0; geometry.n()]);
    let moduli = (0..basis.limbs()).map(|limb| basis.modulus(limb));
    let mut device = Device::new(
        machine,
        moduli,
        &format!("addax-sim, {name}"),
        clocked,
        scratch,
    );

    let listener = TcpListener::bind(&args.listen)
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    let address = listener.local_addr()?;
    let listening = Listening {
        address,
        machine: name,
        n: geometry.n(),
        butterflies: geometry.butterflies(),
        slots: geometry.slots(),
        limbs: args.limbs,
    };
    if json {
        println!("{}", serde_json::to_string(&listening)?);
    } else {
        let Listening {
            machine,
            n,
            butterflies,
            slots,
            limbs,
            ..
        } = &listening;
        println!(
            "listening on {address}: {machine}, n = {n}, {butterflies} butterflies, {slots} slots, {limbs} limbs"
        );
        println!("use it with --accelerator socket:{address}");
    }
    let faults = args.fault.map(|fault| (fault.rates, fault.seed));
    let quality = Quality {
        rate: args.rate,
        faults,
    };
    serve(&mut device, &listener, quality, args.hosts, |peer| {
        if !json {
            println!("{peer} is served");
        }
    })?;
    Ok(())
}

fn basis(geometry: Geometry, limbs: usize) -> Result<Basis> {
    let moduli = PRIMES[..limbs].iter().map(|&q| Modulus::new(q));
    let moduli = moduli.collect::<Result<Vec<_>, _>>()?;
    let twiddles = NttPlan::<Vec<Twiddle>>::storage_len(geometry.log_n());
    Ok(Basis::new(&moduli, geometry.log_n(), |_| {
        vec![Twiddle::default(); twiddles]
    })?)
}
