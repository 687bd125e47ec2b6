//! `docs/synthesis.json`: the figures, and what they were made from.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::flow::{Device, Job, PLACEMENT};
use super::{floorplan, tables};
use crate::fpga_tools::PACKAGES;
use crate::shell::root;
use crate::verilog::{self, SYNTHESISED, Target, Written, sha256};

/// The fastest clock of a multiplier with all of its registers at speed grade 8, in the data sheet of the ECP5. nextpnr's
/// model of the multiplier knows no such limit.
pub const DATA_SHEET_MHZ: f64 = 225.0;

/// The command that makes a report current.
const COMMAND: &str = "cargo xtask synth";

/// All figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What the tools say about their versions.
    pub tools: Vec<String>,
    /// The Python packages that bring them.
    pub packages: Vec<String>,
    /// What Yosys and nextpnr were told, and what has a fixed place.
    pub flow: BTreeMap<String, String>,
    /// The circuits, in the order of their list.
    pub configs: Vec<Configuration>,
}

/// The figures of one circuit. Area is that of the circuit without the module that gives it three pins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    /// Name.
    pub name: String,
    /// `engine` or `machine`.
    pub kind: String,
    /// Coefficients.
    pub n: u64,
    /// Butterflies.
    pub butterflies: u64,
    /// Polynomials it holds.
    pub slots: u64,
    /// Moduli it holds.
    pub limbs: u64,
    /// Lookup tables of four inputs, those in carry chains and distributed RAM included; a RAM's write port takes two.
    pub lut4: u64,
    /// Flip-flops.
    pub ff: u64,
    /// Multipliers of 18 × 18 bits.
    pub dsp: u64,
    /// Block RAMs of 18 kbit.
    pub ebr: u64,
    /// Fastest clock from each seed, as nextpnr reports it.
    pub fmax_mhz: Vec<f64>,
    /// The clock that times are computed with: the median, but no more than the data sheet allows.
    pub clock_mhz: f64,
    /// The seeds.
    pub seeds: Vec<u32>,
    /// Cycles of a transform, forward or inverse: the formula of the RTL, which its tests hold it to.
    pub cycles: u64,
    /// Microseconds of a transform at this clock.
    pub us: f64,
    /// Lookup tables in thousands, times these microseconds.
    pub klut_us: f64,
    /// Lookup tables and flip-flops of the module with pins, which are not counted above.
    pub pins: Pins,
    /// Area on a Xilinx 7-series device.
    pub xilinx7: Xilinx7,
    /// SHA-256 of the Verilog with ECP5 cells.
    pub verilog_sha256: String,
    /// SHA-256 of the plain Verilog.
    pub plain_verilog_sha256: String,
    /// SHA-256 of the module with pins.
    pub pins_sha256: String,
}

/// What the module with pins adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pins {
    /// Lookup tables.
    pub lut4: u64,
    /// Flip-flops.
    pub ff: u64,
}

/// Cells of a Xilinx 7-series device.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Xilinx7 {
    /// Lookup tables of up to six inputs.
    pub lut: u64,
    /// Flip-flops.
    pub ff: u64,
    /// DSP48E1.
    pub dsp48: u64,
    /// Block RAMs of 36 kbit.
    pub bram36: f64,
}

/// The middle of some numbers.
pub fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Rounded to two decimals, as it is published.
fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

fn flow() -> Result<BTreeMap<String, String>> {
    let mut flow: BTreeMap<String, String> = Device::ALL
        .into_iter()
        .map(|device| (format!("yosys {device:?}"), device.script().to_owned()))
        .collect();
    flow.insert("nextpnr-ecp5".to_owned(), PLACEMENT.to_owned());
    flow.insert("floorplan".to_owned(), floorplan::description()?);
    Ok(flow)
}

/// The three hashes of a circuit: ECP5, plain, pins.
fn hashes(circuit: &Written) -> Result<[String; 3]> {
    Ok([
        sha256(&circuit.text(Target::Ecp5)?),
        sha256(&circuit.text(Target::Plain)?),
        sha256(&circuit.pins()?),
    ])
}

impl Xilinx7 {
    fn new(cells: &BTreeMap<String, u64>, pins: Pins) -> Self {
        let sum = |wanted: &dyn Fn(&str) -> bool| -> u64 {
            let cells = cells.iter().filter(|(kind, _)| wanted(kind));
            cells.map(|(_, count)| count).sum()
        };
        let count = |kind: &str| sum(&|found| found == kind);
        let lut = |kind: &str| {
            let size = kind.strip_prefix("LUT");
            size.is_some_and(|size| size.parse::<u32>().is_ok()) || kind.starts_with("SRL")
        };
        Self {
            lut: sum(&lut).saturating_sub(pins.lut4),
            ff: sum(&|kind| kind.starts_with("FD")).saturating_sub(pins.ff),
            dsp48: count("DSP48E1"),
            bram36: count("RAMB36E1") as f64 + count("RAMB18E1") as f64 / 2.0,
        }
    }
}

impl Configuration {
    /// The figures of a job that is done.
    pub fn new(job: &Job, seeds: &[u32]) -> Result<Self> {
        let circuit = &job.circuit;
        let placements: Result<Vec<_>> = seeds.iter().map(|&seed| job.placement(seed)).collect();
        let placements = placements?;
        let fmax_mhz: Vec<f64> = placements
            .iter()
            .map(|placement| rounded(placement.fmax_mhz))
            .collect();
        // Placement may add a lookup table here and there to get through: the median's count is the one that goes with
        // the median's clock.
        let clock = median(&fmax_mhz);
        let placement = placements
            .iter()
            .find(|placement| rounded(placement.fmax_mhz) == clock)
            .context("no seeds")?;
        let used = |kind: &str| placement.used.get(kind).copied().unwrap_or_default();
        let pins = Pins {
            lut4: circuit.pin_lookup_tables,
            ff: circuit.pin_flip_flops,
        };
        // The write port of a distributed RAM takes the place of two lookup tables.
        let lut4 = (used("TRELLIS_COMB") + 2 * used("TRELLIS_RAMW")).saturating_sub(pins.lut4);
        let clock_mhz = clock.min(DATA_SHEET_MHZ);
        let us = circuit.cycles as f64 / clock_mhz;
        let [verilog_sha256, plain_verilog_sha256, pins_sha256] = hashes(circuit)?;
        Ok(Self {
            name: circuit.name.clone(),
            kind: circuit.kind.clone(),
            n: circuit.n,
            butterflies: circuit.butterflies,
            slots: circuit.slots,
            limbs: circuit.limbs,
            lut4,
            ff: used("TRELLIS_FF").saturating_sub(pins.ff),
            dsp: used("MULT18X18D"),
            ebr: used("DP16KD"),
            fmax_mhz,
            clock_mhz,
            seeds: seeds.to_vec(),
            cycles: circuit.cycles,
            us: rounded(us),
            klut_us: rounded(lut4 as f64 / 1000.0 * us),
            pins,
            xilinx7: Xilinx7::new(&job.xilinx_cells()?, pins),
            verilog_sha256,
            plain_verilog_sha256,
            pins_sha256,
        })
    }

    /// What would be published differently if the circuit were synthesised as it is now.
    fn outdated(&self, circuit: &Written) -> Result<Option<&'static str>> {
        let hashes = hashes(circuit)?;
        let of_report = [
            &self.verilog_sha256,
            &self.plain_verilog_sha256,
            &self.pins_sha256,
        ];
        Ok(if of_report != hashes.each_ref() {
            Some("made from other Verilog")
        } else if self.cycles != circuit.cycles {
            Some("a transform takes other cycles")
        } else {
            None
        })
    }
}

impl Report {
    fn path() -> PathBuf {
        root().join("docs").join("synthesis.json")
    }

    /// The committed report.
    pub fn read() -> Result<Self> {
        let text = fs::read_to_string(Self::path())
            .with_context(|| format!("docs/synthesis.json; `{COMMAND}` makes it"))?;
        serde_json::from_str(&text).context("docs/synthesis.json")
    }

    /// Figures of other tools, or made in another way, are forgotten.
    pub fn begin(&mut self, versions: [String; 2]) -> Result<()> {
        let new = Self {
            tools: versions.to_vec(),
            packages: PACKAGES.map(str::to_owned).to_vec(),
            flow: flow()?,
            configs: Vec::new(),
        };
        let configs = std::mem::take(&mut self.configs);
        let same = *self == new;
        *self = new;
        if same {
            self.configs = configs;
        }
        Ok(())
    }

    /// Adds or replaces the figures of a circuit.
    pub fn put(&mut self, configuration: Configuration) {
        self.configs.retain(|old| old.name != configuration.name);
        self.configs.push(configuration);
        let place = |name: &str| SYNTHESISED.iter().position(|known| *known == name);
        self.configs.sort_by_key(|config| place(&config.name));
        self.configs.retain(|config| place(&config.name).is_some());
    }

    /// Writes the report.
    pub fn write(&self) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(Self::path(), text)?;
        println!("    docs/synthesis.json: written");
        Ok(())
    }

    /// Why the report does not describe the circuits as they are now; nothing if it does.
    fn outdated(&self, written: &[Written]) -> Result<Vec<String>> {
        let mut why = Vec::new();
        if self.flow != flow()? || self.packages != PACKAGES {
            why.push("the tools are used in another way".to_owned());
        }
        for name in SYNTHESISED {
            let configuration = self.configs.iter().find(|config| config.name == name);
            let circuit = written.iter().find(|circuit| circuit.name == name);
            let reason = match (configuration, circuit) {
                (Some(configuration), Some(circuit)) => configuration.outdated(circuit)?,
                (None, _) => Some("not in the report"),
                (_, None) => Some("not written"),
            };
            why.extend(reason.map(|reason| format!("{name}: {reason}")));
        }
        Ok(why)
    }
}

/// Fails unless the report and the tables in the documents describe the circuits that were just written.
pub fn check(written: &[Written]) -> Result<()> {
    let report = Report::read()?;
    let why = report.outdated(written)?;
    if !why.is_empty() {
        bail!(
            "docs/synthesis.json is not current, run `{COMMAND}`:\n  {}",
            why.join("\n  ")
        );
    }
    if !tables::are_current(&report)? {
        bail!("the tables of the synthesis are not current, run `{COMMAND} --tables`");
    }
    println!("    docs/synthesis.json and its tables: current");
    Ok(())
}

/// Prints the report and whether it is current.
pub fn print() -> Result<()> {
    let report = Report::read()?;
    let (written, _) = verilog::write(&SYNTHESISED)?;
    let why = report.outdated(&written)?;
    let mut object: Value = serde_json::to_value(&report)?;
    object["current"] = json!(why.is_empty());
    object["outdated"] = json!(why);
    println!("{object}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[1.5]), 1.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_report_with_another_floorplan_is_not_current() {
        let mut report = Report {
            packages: PACKAGES.map(str::to_owned).to_vec(),
            flow: flow().unwrap(),
            ..Report::default()
        };
        let tools_differ = |report: &Report| {
            let why = report.outdated(&[]).unwrap();
            why.iter().any(|reason| reason.contains("another way"))
        };
        assert!(!tools_differ(&report));
        let plan = report.flow.get_mut("floorplan").unwrap();
        plan.push('0');
        assert!(tools_differ(&report));
        report.flow.remove("floorplan");
        assert!(tools_differ(&report));
    }

    #[test]
    fn cells_of_xilinx_are_counted_by_kind() {
        let cells = [
            ("LUT1", 1),
            ("LUT6", 20),
            ("SRL16E", 3),
            ("LUTRAM", 100),
            ("FDRE", 40),
            ("FDSE", 5),
            ("DSP48E1", 7),
            ("RAMB36E1", 2),
            ("RAMB18E1", 3),
            ("CARRY4", 50),
        ];
        let cells = cells.map(|(kind, count)| (kind.to_owned(), count)).into();
        let pins = Pins { lut4: 4, ff: 10 };
        assert_eq!(
            Xilinx7::new(&cells, pins),
            Xilinx7 {
                lut: 20,
                ff: 35,
                dsp48: 7,
                bram36: 3.5
            }
        );
    }
}
