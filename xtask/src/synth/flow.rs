//! One circuit through the tools, step by step. A step that was done with the same inputs is not done again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::floorplan;
use crate::fpga_tools::{FpgaTools, logged};
use crate::shell::target_directory;
use crate::verilog::{Target, Written, sha256};

/// What Yosys synthesises for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// Lattice ECP5; goes on to placement.
    Ecp5,
    /// Xilinx 7-series; only counted.
    Xilinx7,
}

impl Device {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ecp5, Self::Xilinx7];

    const fn name(self) -> &'static str {
        match self {
            Self::Ecp5 => "ecp5",
            Self::Xilinx7 => "xilinx7",
        }
    }

    /// The text that is synthesised for this device.
    pub const fn text(self) -> Target {
        match self {
            Self::Ecp5 => Target::Ecp5,
            Self::Xilinx7 => Target::Plain,
        }
    }

    /// What Yosys does with `circuit.v` and `pins.v`; `TOP` stands for the top module. The first line ends with an error
    /// where a circuit has combinational loops, or signals with no driver or several.
    pub const fn script(self) -> &'static str {
        match self {
            Self::Ecp5 => {
                "read_verilog circuit.v pins.v; synth_ecp5 -run begin:coarse -top TOP; proc; flatten; check -assert; design -reset
read_verilog circuit.v pins.v; synth_ecp5 -top TOP -json ecp5.netlist.json"
            }
            Self::Xilinx7 => {
                "read_verilog circuit.v pins.v; synth_xilinx -flatten -top TOP; tee -q -o xilinx7.cells.json stat -json"
            }
        }
    }

    const fn result(self) -> &'static str {
        match self {
            Self::Ecp5 => "ecp5.netlist.json",
            Self::Xilinx7 => "xilinx7.cells.json",
        }
    }
}

/// Device, speed grade, package with the most pins, and a clock beyond reach, so that no path is left alone.
pub const PLACEMENT: &str =
    "--85k --speed 8 --package CABGA756 --freq 300 --timing-allow-fail --lpf-allow-unconstrained";

/// The netlist with the places of the floorplan.
const PLANNED: &str = "ecp5.planned.json";

/// A circuit on its way.
pub struct Job {
    /// The circuit.
    pub circuit: Written,
    directory: PathBuf,
    versions: String,
}

impl Job {
    /// Puts the circuit's texts where the tools find them.
    pub fn new(circuit: Written, versions: &[String; 2]) -> Result<Self> {
        let directory = target_directory().join("synth").join(&circuit.name);
        fs::create_dir_all(&directory)?;
        Ok(Self {
            circuit,
            directory,
            versions: versions.join("\n"),
        })
    }

    fn said(&self, what: &str, start: Instant, result: &str) {
        let seconds = start.elapsed().as_secs_f64();
        println!("    {}: {what}: {seconds:.0} s{result}", self.circuit.name);
    }

    /// What a step of Yosys depends on.
    fn inputs(&self, device: Device) -> Result<String> {
        let text = self.circuit.text(device.text())?;
        let pins = self.circuit.pins()?;
        let all = [&text, &pins, device.script(), &self.versions];
        Ok(sha256(&all.join("\0")))
    }

    /// The netlist that nextpnr reads, and what it depends on.
    fn netlist(&self) -> Result<(&'static str, String)> {
        netlist(self.circuit.butterflies, self.inputs(Device::Ecp5)?)
    }

    fn top(&self) -> String {
        format!("{}_pins", self.circuit.name)
    }

    /// Runs Yosys, and makes the floorplan of a circuit that gets one.
    pub fn synthesise(&self, tools: &FpgaTools, device: Device) -> Result<()> {
        self.run_yosys(tools, device)?;
        match device {
            Device::Ecp5 => self.plan().context("floorplan"),
            Device::Xilinx7 => Ok(()),
        }
    }

    fn plan(&self) -> Result<()> {
        let (netlist, inputs) = self.netlist()?;
        let step = Step::new(&self.directory, "floorplan", inputs);
        if netlist != PLANNED || step.is_done(PLANNED) {
            return Ok(());
        }
        let start = Instant::now();
        let file = |name: &str| self.directory.join(name);
        floorplan::write(&file(Device::Ecp5.result()), &file(PLANNED), &self.top())?;
        step.done()?;
        self.said("floorplan", start, "");
        Ok(())
    }

    fn run_yosys(&self, tools: &FpgaTools, device: Device) -> Result<()> {
        let name = device.name();
        let step = Step::new(&self.directory, name, self.inputs(device)?);
        if step.is_done(device.result()) {
            return Ok(());
        }
        let start = Instant::now();
        // The two devices get different texts and run at the same time.
        let directory = self.directory.join(name);
        fs::create_dir_all(&directory)?;
        fs::write(
            directory.join("circuit.v"),
            self.circuit.text(device.text())?,
        )?;
        fs::write(directory.join("pins.v"), self.circuit.pins()?)?;
        let script = device
            .script()
            .replace("TOP", &self.top())
            .replace('\n', "; ");
        logged(
            &tools
                .command("yosys", &directory)
                .arguments("-q -l log.txt -p")
                .argument(script),
            Some(&directory.join("log.txt")),
        )?;
        fs::rename(
            directory.join(device.result()),
            self.directory.join(device.result()),
        )?;
        step.done()?;
        self.said(&format!("yosys for {name}"), start, "");
        Ok(())
    }

    /// Places and routes from a seed.
    pub fn place(&self, tools: &FpgaTools, seed: u32) -> Result<()> {
        let result = format!("seed-{seed}.json");
        let (netlist, inputs) = self.netlist()?;
        let step = Step::new(&self.directory, &format!("seed-{seed}"), inputs + PLACEMENT);
        if !step.is_done(&result) {
            let start = Instant::now();
            let log = format!("seed-{seed}.log");
            logged(
                &tools
                    .command("nextpnr-ecp5", &self.directory)
                    .arguments("-q --json")
                    .argument(netlist)
                    .arguments(PLACEMENT)
                    .arguments(&format!(
                        "--seed {seed} --report unfinished-{result} -l {log}"
                    )),
                Some(&self.directory.join(log)),
            )?;
            fs::rename(
                self.directory.join(format!("unfinished-{result}")),
                self.directory.join(&result),
            )?;
            step.done()?;
            let placement = self.placement(seed)?;
            let said = format!(", {:.1} MHz: {}", placement.fmax_mhz, placement.critical);
            self.said(&format!("nextpnr, seed {seed}"), start, &said);
        }
        Ok(())
    }

    /// What nextpnr reported.
    pub fn placement(&self, seed: u32) -> Result<Placement> {
        let report = self.json(&format!("seed-{seed}.json"))?;
        Placement::from_report(&report).with_context(|| format!("seed {seed}"))
    }

    /// How many cells of each kind Yosys counted for Xilinx.
    pub fn xilinx_cells(&self) -> Result<BTreeMap<String, u64>> {
        let statistics = self.json(Device::Xilinx7.result())?;
        let cells = &statistics["design"]["num_cells_by_type"];
        serde_json::from_value(cells.clone()).context("cells")
    }

    fn json(&self, file: &str) -> Result<Value> {
        let text = fs::read_to_string(self.directory.join(file)).context(file.to_owned())?;
        serde_json::from_str(&text).context(file.to_owned())
    }
}

/// The netlist that nextpnr reads, and what it depends on, where what Yosys wrote depends on `inputs`.
fn netlist(butterflies: u64, inputs: String) -> Result<(&'static str, String)> {
    Ok(if floorplan::is_for(butterflies) {
        (PLANNED, inputs + &floorplan::description()?)
    } else {
        (Device::Ecp5.result(), inputs)
    })
}

/// What nextpnr says about one placement.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// Cells in use, by kind.
    pub used: BTreeMap<String, u64>,
    /// The fastest clock.
    pub fmax_mhz: f64,
    /// The slowest path in words.
    pub critical: String,
}

impl Placement {
    /// From the report that nextpnr writes.
    pub fn from_report(report: &Value) -> Result<Self> {
        let clocks = report["fmax"].as_object().context("no clock")?;
        let fmax: Vec<f64> = clocks
            .values()
            .filter_map(|clock| clock["achieved"].as_f64())
            .collect();
        let [fmax_mhz] = fmax[..] else {
            bail!("{} clocks", fmax.len());
        };
        let used = report["utilization"].as_object().context("no cells")?;
        Ok(Self {
            used: used
                .iter()
                .map(|(kind, count)| (kind.clone(), count["used"].as_u64().unwrap_or_default()))
                .collect(),
            fmax_mhz,
            critical: critical(report).unwrap_or_default(),
        })
    }
}

/// From where to where the slowest path from clock to clock goes, and what it is made of.
fn critical(report: &Value) -> Option<String> {
    let paths = report["critical_paths"].as_array()?;
    let path = paths.iter().find(|path| {
        let clock = |end: &str| path[end].as_str().is_some_and(|end| end.contains("edge"));
        clock("from") && clock("to")
    })?;
    let steps = path["path"].as_array()?;
    let delay = |kind: &str| -> f64 {
        let steps = steps.iter().filter(|step| step["type"] == kind);
        steps.filter_map(|step| step["delay"].as_f64()).sum()
    };
    let levels = steps.iter().filter(|step| step["type"] == "logic").count();
    let from = steps.first()?["from"]["cell"].as_str()?;
    let to = steps.last()?["to"]["cell"].as_str()?;
    let (routing, total) = (delay("routing"), steps.iter());
    let total: f64 = total.filter_map(|step| step["delay"].as_f64()).sum();
    Some(format!(
        "{from} to {to}, {levels} levels, {total:.2} ns of which {routing:.2} routing"
    ))
}

/// A step of the flow, and a note of what it was last done with.
struct Step {
    directory: PathBuf,
    note: PathBuf,
    inputs: String,
}

impl Step {
    fn new(directory: &Path, name: &str, inputs: String) -> Self {
        Self {
            directory: directory.to_owned(),
            note: directory.join(format!("{name}.done")),
            inputs,
        }
    }

    fn is_done(&self, result: &str) -> bool {
        self.directory.join(result).exists()
            && fs::read_to_string(&self.note).is_ok_and(|note| note == self.inputs)
    }

    fn done(&self) -> Result<()> {
        Ok(fs::write(&self.note, &self.inputs)?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn placements_of_eight_butterflies_depend_on_the_floorplan() {
        let of = |butterflies| netlist(butterflies, "inputs".to_owned()).unwrap();
        assert_eq!(of(4), (Device::Ecp5.result(), "inputs".to_owned()));
        let (file, inputs) = of(8);
        assert_eq!(file, PLANNED);
        assert_eq!(
            inputs,
            format!("inputs{}", floorplan::description().unwrap())
        );
    }

    #[test]
    fn a_report_of_nextpnr_is_read() {
        let step = |kind: &str, delay: f64| json!({"type": kind, "delay": delay, "from": {"cell": "a"}, "to": {"cell": "b"}});
        let report = json!({
            "fmax": {"clock": {"achieved": 123.5, "constraint": 300.0}},
            "utilization": {"TRELLIS_COMB": {"used": 10, "available": 83640}},
            "critical_paths": [
                {"from": "<async>", "to": "posedge clock", "path": []},
                {"from": "posedge clock", "to": "posedge clock",
                 "path": [step("clk-to-q", 0.5), step("routing", 1.0), step("logic", 0.25), step("setup", 0.0)]},
            ],
        });
        let placement = Placement::from_report(&report).unwrap();
        assert_eq!(placement.fmax_mhz, 123.5);
        assert_eq!(placement.used["TRELLIS_COMB"], 10);
        assert_eq!(
            placement.critical,
            "a to b, 1 levels, 1.75 ns of which 1.00 routing"
        );
        assert!(Placement::from_report(&json!({"fmax": {}, "utilization": {}})).is_err());
    }
}
