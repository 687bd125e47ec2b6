//! `cargo xtask bitstream`: the ring processor behind a serial line, as a file that a board can be loaded with.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::Value;

use crate::fpga_tools::{FpgaTools, logged};
use crate::shell::{Shell, root, target_directory};
use crate::synth::floorplan;
use crate::synth::flow::Placement;
use crate::verilog::{self, Target, Written};

/// For which board, and what.
#[derive(Args)]
pub struct Options {
    /// The board
    #[arg(long, default_value = "ulx3s")]
    board: String,
    /// The circuit: uart_nN_bB_sS_lL_dD, where D clock cycles are a bit on the line [default: the board's]
    #[arg(long, value_name = "NAME")]
    circuit: Option<String>,
    /// Seed of the placement
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u32,
}

/// A board.
struct Board {
    name: &'static str,
    /// What it is, for people.
    what: &'static str,
    /// Device, speed grade and package.
    device: &'static str,
    /// Its pins, a file of `hdl/boards`.
    pins: &'static str,
    clock_mhz: f64,
    /// What is built if nothing else is wanted.
    circuit: &'static str,
}

const BOARDS: [Board; 1] = [Board {
    name: "ulx3s",
    what: "Radiona ULX3S with LFE5U-85F, serial line over its USB port US1",
    device: "--85k --speed 6 --package CABGA381",
    pins: "ulx3s.lpf",
    clock_mhz: 25.0,
    // 25 cycles of 25 MHz are a bit of 1 Mbit/s.
    circuit: "uart_n4096_b1_s16_l3_d25",
}];

/// Synthesises, places, packs.
pub fn run(options: &Options) -> Result<()> {
    let Some(board) = BOARDS.iter().find(|board| board.name == options.board) else {
        let names: Vec<&str> = BOARDS.iter().map(|board| board.name).collect();
        bail!(
            "no board is called {}: there are {}",
            options.board,
            names.join(", ")
        );
    };
    let name = options.circuit.as_deref().unwrap_or(board.circuit);
    if !name.starts_with("uart_") {
        bail!(
            "{name}: only a circuit with a serial line can be reached on {}",
            board.name
        );
    }
    let (written, breaches) = verilog::write(&[name])?;
    let [circuit] = written.as_slice() else {
        bail!("{name} was not written");
    };
    if !breaches.is_empty() {
        bail!("the Verilog breaks rules: see cargo xtask verilog {name}");
    }
    let tools = FpgaTools::install()?;
    println!("    {}: {}", board.what, circuit.name);
    let directory = target_directory().join("bitstream");
    fs::create_dir_all(&directory)?;
    let job = Job {
        board,
        circuit,
        tools: &tools,
        directory,
    };
    job.synthesise()?;
    let clock = job.place(options.seed)?;
    let file = job.pack()?;
    let margin = if clock < board.clock_mhz {
        "MISSES"
    } else {
        "meets"
    };
    println!(
        "    {}: {} kB; {clock:.1} MHz at this speed grade, which {margin} the board's {} MHz",
        file.display(),
        fs::metadata(&file)?.len() / 1000,
        board.clock_mhz
    );
    if clock < board.clock_mhz {
        bail!(
            "{clock:.1} MHz are below the board's {} MHz: try another --seed, or a --circuit with fewer butterflies",
            board.clock_mhz
        );
    }
    Ok(())
}

struct Job<'a> {
    board: &'a Board,
    circuit: &'a Written,
    tools: &'a FpgaTools,
    directory: PathBuf,
}

impl Job<'_> {
    fn tool(&self, name: &str) -> Shell {
        self.tools.command(name, &self.directory)
    }

    /// Runs a tool, which may write a log, and says how long it took.
    fn timed(&self, what: &str, command: &Shell, log: Option<&str>) -> Result<()> {
        let start = Instant::now();
        let log = log.map(|log| self.directory.join(log));
        logged(command, log.as_deref()).with_context(|| what.to_owned())?;
        println!("    {what}: {:.0} s", start.elapsed().as_secs_f64());
        Ok(())
    }

    fn synthesise(&self) -> Result<()> {
        fs::write(
            self.directory.join("circuit.v"),
            self.circuit.text(Target::Ecp5)?,
        )?;
        let script = format!(
            "read_verilog circuit.v; synth_ecp5 -top {} -json netlist.json",
            self.circuit.name
        );
        let yosys = self.tool("yosys").arguments("-q -l yosys.log -p");
        self.timed("yosys", &yosys.argument(script), Some("yosys.log"))
    }

    /// The netlist with the places of the floorplan, if the circuit gets one.
    fn planned(&self) -> Result<&'static str> {
        if !floorplan::is_for(self.circuit.butterflies) {
            return Ok("netlist.json");
        }
        let file = |name: &str| self.directory.join(name);
        let (from, to) = (file("netlist.json"), file("planned.json"));
        floorplan::write(&from, &to, &self.circuit.name).context("floorplan")?;
        Ok("planned.json")
    }

    /// Places and routes; the clock that is reached.
    fn place(&self, seed: u32) -> Result<f64> {
        let pins = root().join("hdl").join("boards").join(self.board.pins);
        fs::copy(&pins, self.directory.join(self.board.pins)).context("pins of the board")?;
        let netlist = self.planned()?;
        let nextpnr = self
            .tool("nextpnr-ecp5")
            .arguments("-q -l nextpnr.log --textcfg placed.config --json")
            .argument(netlist)
            .arguments("--report nextpnr.json --timing-allow-fail --lpf")
            .argument(self.board.pins)
            .arguments(self.board.device)
            .arguments(&format!("--seed {seed}"));
        self.timed("nextpnr", &nextpnr, Some("nextpnr.log"))?;
        let report = fs::read_to_string(self.directory.join("nextpnr.json"))?;
        let report: Value = serde_json::from_str(&report).context("nextpnr.json")?;
        Ok(Placement::from_report(&report)?.fmax_mhz)
    }

    /// Makes the file that a board is loaded with.
    fn pack(&self) -> Result<PathBuf> {
        let file = format!("{}.bit", self.board.name);
        let ecppack = self
            .tool("ecppack")
            .arguments("--compress placed.config")
            .argument(&file);
        self.timed("ecppack", &ecppack, None)?;
        Ok(self.directory.join(file))
    }
}
