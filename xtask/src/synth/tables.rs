//! The figures of `docs/synthesis.json` as tables of the documents.

use anyhow::Result;

use super::report::{Configuration, DATA_SHEET_MHZ, Report};
use crate::document::{Place, thousands};

/// Where the short table stands.
const README: Place = Place {
    path: "README.md",
    begin: "<!-- synthesis: written by `cargo xtask synth` -->",
    end: "<!-- end of synthesis -->",
};

/// Where the long ones stand.
const HARDWARE: Place = Place {
    path: "docs/hardware.md",
    ..README
};

/// A circuit of others, measured with the same tools on the same device.
struct Peer {
    name: &'static str,
    lut4: u64,
    dsp: u64,
    ebr: u64,
    mhz: f64,
    cycles: u64,
}

const PEERS: [Peer; 3] = [
    Peer {
        name: "OpenNTT, 36 bits, 1 butterfly (both ways, pointwise)",
        lut4: 3473,
        dsp: 20,
        ebr: 18,
        mhz: 118.9,
        cycles: 24_596,
    },
    Peer {
        name: "OpenNTT, 60 bits, 1 butterfly",
        lut4: 6331,
        dsp: 41,
        ebr: 32,
        mhz: 113.7,
        cycles: 24_600,
    },
    Peer {
        name: "parametric-ntt, 36 bits, 1 butterfly (cyclic only)",
        lut4: 2740,
        dsp: 15,
        ebr: 48,
        mhz: 96.3,
        cycles: 24_773,
    },
];

/// Writes all tables.
pub fn write(report: &Report) -> Result<()> {
    README.write(&short(report))?;
    HARDWARE.write(&long(report))
}

/// Whether the documents hold the tables of this report.
pub fn are_current(report: &Report) -> Result<bool> {
    Ok(README.holds(&short(report))? && HARDWARE.holds(&long(report))?)
}

/// What a circuit is, in words.
fn what(config: &Configuration) -> String {
    let butterflies = match config.butterflies {
        1 => "1 butterfly".to_owned(),
        count => format!("{count} butterflies"),
    };
    match config.kind.as_str() {
        "engine" => format!("transform engine, {butterflies}"),
        _ => format!(
            "ring processor, {butterflies}, {} slots, {} limbs",
            config.slots, config.limbs
        ),
    }
}

/// How we know that a circuit computes what it should; docs/hardware.md says more.
fn verified_by(config: &Configuration) -> &'static str {
    match config.kind.as_str() {
        "engine" => "co-simulation, proofs",
        _ => "co-simulation, proofs, conformance suite in lock-step, seeded faults",
    }
}

fn short(report: &Report) -> String {
    let mut table = String::from(
        "| n = 4096, 36-bit words | cycles of a transform | MHz | µs | LUT4 | DSP | EBR | kLUT4·µs | verified by |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for config in &report.configs {
        table += &format!(
            "| {} | {} | {:.1} | {:.1} | {} | {} | {} | {:.0} | {} |\n",
            what(config),
            thousands(config.cycles),
            config.clock_mhz,
            config.us,
            thousands(config.lut4),
            config.dsp,
            config.ebr,
            config.klut_us,
            verified_by(config),
        );
    }
    table
}

fn long(report: &Report) -> String {
    let mut text = format!(
        "{}; LFE5U-85F, speed grade 8, package CABGA756. LUT4 are all lookup tables in use, those of carry chains and \
         of distributed RAM with its write ports included. Times are for the median clock, but for no more than the {DATA_SHEET_MHZ:.0} MHz that the data \
         sheet allows a multiplier, which nextpnr does not know. Memories and multipliers of circuits with 8 butterflies \
         have fixed places (`xtask/src/synth/floorplan.rs`); nextpnr places everything else.\n\n\
         | circuit | cycles | MHz from each seed | µs | LUT4 | FF | DSP | EBR | kLUT4·µs |\n\
         |---|---|---|---|---|---|---|---|---|\n",
        report.tools.join(", ")
    );
    for config in &report.configs {
        let clocks: Vec<String> = config
            .fmax_mhz
            .iter()
            .map(|clock| format!("{clock:.1}"))
            .collect();
        text += &format!(
            "| `{}` | {} | {} | {:.1} | {} | {} | {} | {} | {:.0} |\n",
            config.name,
            thousands(config.cycles),
            clocks.join(", "),
            config.us,
            thousands(config.lut4),
            thousands(config.ff),
            config.dsp,
            config.ebr,
            config.klut_us,
        );
    }
    for peer in &PEERS {
        let us = peer.cycles as f64 / peer.mhz;
        text += &format!(
            "| {} | {} | {:.1} | {us:.1} | {} | | {} | {} | {:.0} |\n",
            peer.name,
            thousands(peer.cycles),
            peer.mhz,
            thousands(peer.lut4),
            peer.dsp,
            peer.ebr,
            peer.lut4 as f64 / 1000.0 * us,
        );
    }
    text += "\nAn engine's cycles are those from `start` to `done`, a ring processor's those from the end of one instruction to the \
             end of the next.\n";
    text += "\nThe same circuits in plain Verilog for a Xilinx 7-series device, counted by Yosys, not placed:\n\n\
             | circuit | LUT | FF | DSP48E1 | block RAM (36 kbit) |\n|---|---|---|---|---|\n";
    for config in &report.configs {
        let area = &config.xilinx7;
        text += &format!(
            "| `{}` | {} | {} | {} | {} |\n",
            config.name,
            thousands(area.lut),
            thousands(area.ff),
            area.dsp48,
            area.bram36,
        );
    }
    text
}
