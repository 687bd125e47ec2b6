//! Fixed places for the memories and multipliers of circuits with eight butterflies.
//!
//! Left to itself, nextpnr pulls connected cells together first and then looks for free sites. The ring processor with
//! eight butterflies takes three quarters of the die's memories, which stand in four rows only, so banks end up torn apart
//! and twiddles far from their lanes: with wires almost twice as long, it was not routed within half an hour. With fixed
//! places everything else gathers around its own lane, and routing takes minutes. Circuits with fewer lanes do without,
//! and get no plan.
//!
//! Lanes stand in a grid of four columns by two halves of the die. In each half the low bank and the twiddles stand in the
//! row of memories towards the middle of the die, the high bank in the outer one. The multipliers stand between the two in
//! the upper half; in the lower half the device has no row of them there, so they stand on the inner side of the low bank.
//! The few memories of the control stand in the middle of the die.
//!
//! Which lane stands where follows from who exchanges words: row stages connect lanes u and u + 4 with lanes 2u and 2u + 1
//! (u < 4), and the inverse takes its twiddles from the mirrored lane 7 − u. No arrangement of the lanes has a smaller
//! sum of distances, in steps of the grid along and across, over these connections than [`GRID`]. Mirrored lanes stand in
//! one column, because they share a relay.
//!
//! A place is a cell's attribute `BEL` in the netlist.

mod cells;
mod sites;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::verilog::sha256;
use cells::{Cell, Part, ends};
use sites::{Kind, SITES_OF_ROW, Site};

/// Lanes of a circuit that gets a plan.
const LANES: u64 = 8;

/// Lanes as they stand on the die: upper half, lower half.
const GRID: [[usize; 4]; 2] = [[0, 1, 4, 2], [7, 6, 3, 5]];

/// Sites in a row, of either kind, that belong to one column of the grid.
const SITES_OF_COLUMN: usize = SITES_OF_ROW / GRID[0].len();

/// Y of the rows that belong to half of the die.
struct Half {
    high: u32,
    multipliers: u32,
    low: u32,
}

const HALVES: [Half; 2] = [
    Half {
        high: 22,
        multipliers: 34,
        low: 46,
    },
    Half {
        high: 82,
        multipliers: 58,
        low: 70,
    },
];

/// Most memories of a bank.
const BANK: usize = 8;

/// Most slices of a twiddle memory.
const TWIDDLES: usize = 4;

/// Multipliers of a butterfly, from the left: those of the product of two words, then those of its reduction.
const PRODUCTS: [&str; 6] = [
    "p00",
    "p01",
    "p10",
    "p11",
    "first.multiple",
    "second.multiple",
];

/// First site of the low bank in each column, so that the sites that are left free meet in the middle of the die.
const FIRST_LOW: [usize; 4] = [0, 0, 1, 1];

/// First site of the high bank and of the multipliers in a column: both stand in the middle of it.
const FIRST_HIGH: usize = 2;
const FIRST_PRODUCT: usize = 3;

/// The two sites in the middle of a row.
const MIDDLE: [usize; 2] = [SITES_OF_ROW / 2 - 1, SITES_OF_ROW / 2];

/// The control's memories: row and site.
const CONTROL: [(Cell, u32, usize); 3] = [
    (Cell::Program(0), HALVES[0].low, MIDDLE[0]),
    (Cell::Program(1), HALVES[0].low, MIDDLE[1]),
    (Cell::Constants(0), HALVES[0].high, MIDDLE[0]),
];

/// Whether a circuit with so many butterflies gets a plan.
pub const fn is_for(butterflies: u64) -> bool {
    butterflies >= LANES
}

/// Where what stands.
fn places() -> Result<Vec<(Cell, Site)>> {
    let mut places = Vec::new();
    for (half, lanes) in HALVES.iter().zip(GRID) {
        for (column, lane) in lanes.into_iter().enumerate() {
            let mut put = |part, y, place| -> Result<()> {
                let cell = Cell::Lane { lane, part };
                let index = column * SITES_OF_COLUMN + place;
                places.push((cell, Site::new(cell.kind(), y, index)?));
                Ok(())
            };
            for ram in 0..BANK {
                put(Part::Low(ram), half.low, FIRST_LOW[column] + ram)?;
                put(Part::High(ram), half.high, FIRST_HIGH + ram)?;
            }
            for slice in 0..TWIDDLES {
                put(
                    Part::Twiddles(slice),
                    half.low,
                    FIRST_LOW[column] + BANK + slice,
                )?;
            }
            for (place, product) in PRODUCTS.into_iter().enumerate() {
                let part = Part::Product(product);
                put(part, half.multipliers, FIRST_PRODUCT + place)?;
            }
        }
    }
    for (cell, y, index) in CONTROL {
        places.push((cell, Site::new(cell.kind(), y, index)?));
    }
    Ok(places)
}

/// What stands where, in short: another plan has another description.
pub fn description() -> Result<String> {
    let places: Vec<String> = places()?
        .iter()
        .map(|(cell, site)| format!("{} {site}\n", cell.name()))
        .collect();
    Ok(format!(
        "from {LANES} butterflies: lanes {GRID:?}, {} places, SHA-256 {}",
        places.len(),
        sha256(&places.concat())
    ))
}

/// Gives the memories and multipliers of the netlist's top module their places.
///
/// # Errors
/// There is one that the plan has no place for, two that it has the same for, or none at all.
pub fn apply(netlist: &mut Value, top: &str) -> Result<()> {
    let places: BTreeMap<String, (Kind, Site)> = places()?
        .into_iter()
        .map(|(cell, site)| (cell.name(), (cell.kind(), site)))
        .collect();
    let module = netlist.get_mut("modules").and_then(|all| all.get_mut(top));
    let cells = module
        .and_then(|module| module.get_mut("cells")?.as_object_mut())
        .with_context(|| format!("the netlist has no module {top}"))?;
    let mut taken: BTreeMap<Site, String> = BTreeMap::new();
    for (name, cell) in cells {
        let Some(kind) = cell["type"].as_str().and_then(Kind::of_cell) else {
            continue;
        };
        let site = ends(name)
            .find_map(|end| places.get(end))
            .filter(|(wanted, _)| *wanted == kind)
            .map(|(_, site)| *site)
            .with_context(|| format!("the floorplan has no place for {name} ({})", kind.cell()))?;
        if let Some(other) = taken.insert(site, name.clone()) {
            bail!("the floorplan has the same place, {site}, for {other} and {name}");
        }
        cell.get_mut("attributes")
            .and_then(Value::as_object_mut)
            .with_context(|| format!("{name} has no attributes"))?
            .insert("BEL".to_owned(), site.to_string().into());
    }
    if taken.is_empty() {
        bail!("{top} has no memory and no multiplier that the floorplan could place");
    }
    Ok(())
}

/// Reads the netlist `from` and writes it, with the places of module `top`, `to` another file.
///
/// # Errors
/// A file, or [`apply`].
pub fn write(from: &Path, to: &Path, top: &str) -> Result<()> {
    let text = fs::read_to_string(from).with_context(|| from.display().to_string())?;
    let mut netlist = serde_json::from_str(&text).with_context(|| from.display().to_string())?;
    apply(&mut netlist, top)?;
    let mut file = BufWriter::new(File::create(to).with_context(|| to.display().to_string())?);
    serde_json::to_writer(&mut file, &netlist)?;
    Ok(file.flush()?)
}

#[cfg(test)]
mod tests;
