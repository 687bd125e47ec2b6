//! Where the LFE5U-85F has block memories and multipliers, and what nextpnr calls these places.

use std::fmt;

use anyhow::{Result, bail};

/// What a site is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Block memory of 18 kbit.
    Memory,
    /// Multiplier of 18 × 18 bits.
    Multiplier,
}

impl Kind {
    /// What Yosys and nextpnr call such a cell.
    pub const fn cell(self) -> &'static str {
        match self {
            Self::Memory => "DP16KD",
            Self::Multiplier => "MULT18X18D",
        }
    }

    /// The kind of a cell that is called so; nothing for all other cells.
    pub fn of_cell(cell: &str) -> Option<Self> {
        let kinds = [Self::Memory, Self::Multiplier];
        kinds.into_iter().find(|kind| kind.cell() == cell)
    }

    /// Y of the rows with such sites.
    pub const fn rows(self) -> &'static [u32] {
        match self {
            Self::Memory => &[22, 46, 70, 82],
            Self::Multiplier => &[10, 34, 58],
        }
    }

    /// The sites of one block: how far they are from its beginning, and their names.
    const fn block(self) -> [(u32, &'static str); 4] {
        match self {
            Self::Memory => [(0, "EBR0"), (2, "EBR1"), (4, "EBR2"), (6, "EBR3")],
            Self::Multiplier => [
                (0, "MULT18_0"),
                (1, "MULT18_1"),
                (4, "MULT18_4"),
                (5, "MULT18_5"),
            ],
        }
    }
}

/// Blocks of four sites in a row, [`BLOCK_WIDTH`] tiles each.
const BLOCKS: usize = 13;
const BLOCK_WIDTH: u32 = 9;

/// X of the first site.
const FIRST_X: u32 = 4;

/// In front of this block stand the two middle columns of the die, which have no sites.
const BEHIND_MIDDLE: usize = 7;
const MIDDLE_WIDTH: u32 = 2;

/// Sites in a row, of either kind.
pub const SITES_OF_ROW: usize = 4 * BLOCKS;

/// A site that the device has. Written as nextpnr does, such as `X37/Y46/EBR3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    x: u32,
    y: u32,
    name: &'static str,
}

impl Site {
    /// Site number `index` of the row at `y`, counted from the left.
    ///
    /// # Errors
    /// The device has no such site.
    pub fn new(kind: Kind, y: u32, index: usize) -> Result<Self> {
        if !kind.rows().contains(&y) || index >= SITES_OF_ROW {
            bail!(
                "the LFE5U-85F has no site {index} for {} in row {y}: it has {SITES_OF_ROW} in each of the rows {:?}",
                kind.cell(),
                kind.rows()
            );
        }
        let block = index / 4;
        let (offset, name) = kind.block()[index % 4];
        let middle = if block >= BEHIND_MIDDLE {
            MIDDLE_WIDTH
        } else {
            0
        };
        Ok(Self {
            x: FIRST_X + BLOCK_WIDTH * block as u32 + offset + middle,
            y,
            name,
        })
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "X{}/Y{}/{}", self.x, self.y, self.name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn all(kind: Kind) -> BTreeSet<String> {
        let rows = kind.rows().iter();
        let sites = rows.flat_map(|&y| (0..SITES_OF_ROW).map(move |index| (y, index)));
        sites
            .map(|(y, index)| Site::new(kind, y, index).unwrap().to_string())
            .collect()
    }

    #[test]
    fn the_device_has_as_many_sites_as_nextpnr_says() {
        assert_eq!(all(Kind::Memory).len(), 208);
        assert_eq!(all(Kind::Multiplier).len(), 156);
        assert_eq!(Kind::of_cell("DP16KD"), Some(Kind::Memory));
        assert_eq!(Kind::of_cell("MULT18X18D"), Some(Kind::Multiplier));
        assert_eq!(Kind::of_cell("TRELLIS_FF"), None);
    }

    #[test]
    fn sites_are_called_as_nextpnr_calls_them() {
        // First and last of a row, and either side of the middle, as placed in a full device.
        let name = |kind, y, index| Site::new(kind, y, index).unwrap().to_string();
        assert_eq!(name(Kind::Memory, 22, 0), "X4/Y22/EBR0");
        assert_eq!(name(Kind::Memory, 46, 15), "X37/Y46/EBR3");
        assert_eq!(name(Kind::Memory, 70, 27), "X64/Y70/EBR3");
        assert_eq!(name(Kind::Memory, 70, 28), "X69/Y70/EBR0");
        assert_eq!(name(Kind::Memory, 82, 51), "X120/Y82/EBR3");
        assert_eq!(name(Kind::Multiplier, 10, 2), "X8/Y10/MULT18_4");
        assert_eq!(name(Kind::Multiplier, 34, 27), "X63/Y34/MULT18_5");
        assert_eq!(name(Kind::Multiplier, 58, 28), "X69/Y58/MULT18_0");
        assert_eq!(name(Kind::Multiplier, 58, 51), "X119/Y58/MULT18_5");
    }

    #[test]
    fn a_site_that_does_not_exist_is_refused() {
        for (kind, y, index) in [
            (Kind::Memory, 22, 52),
            (Kind::Memory, 34, 0),
            (Kind::Multiplier, 34, 52),
            (Kind::Multiplier, 46, 0),
            (Kind::Multiplier, 82, 0),
        ] {
            let error = Site::new(kind, y, index).unwrap_err().to_string();
            assert!(error.contains(kind.cell()), "{error}");
        }
    }
}
