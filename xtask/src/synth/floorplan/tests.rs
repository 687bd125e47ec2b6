use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;

/// Sum of distances between lanes that exchange words, where `order` lists the lanes from the upper left.
fn distance(order: &[usize]) -> usize {
    let place = |lane: usize| {
        let at = order.iter().position(|&other| other == lane).unwrap();
        (at / 4, at % 4)
    };
    let rows = (0..4).flat_map(|u| {
        let ends = [
            (u, 2 * u),
            (u, 2 * u + 1),
            (u + 4, 2 * u),
            (u + 4, 2 * u + 1),
        ];
        ends.into_iter()
    });
    let mirrors = (0..4).map(|u| (u, 7 - u));
    rows.chain(mirrors)
        .map(|(a, b)| {
            let (a, b) = (place(a), place(b));
            a.0.abs_diff(b.0) + a.1.abs_diff(b.1)
        })
        .sum()
}

/// Calls `visit` with every order of `items` whose first `fixed` stay.
fn permutations(items: &mut [usize], fixed: usize, visit: &mut impl FnMut(&[usize])) {
    if fixed == items.len() {
        visit(items);
    }
    for next in fixed..items.len() {
        items.swap(fixed, next);
        permutations(items, fixed + 1, visit);
        items.swap(fixed, next);
    }
}

#[test]
fn no_arrangement_of_the_lanes_is_shorter() {
    let (mut count, mut shortest) = (0, usize::MAX);
    let mut lanes: Vec<usize> = (0..8).collect();
    let in_order = distance(&lanes);
    permutations(&mut lanes, 0, &mut |order| {
        count += 1;
        shortest = shortest.min(distance(order));
    });
    assert_eq!(count, 40_320);
    assert_eq!(distance(&GRID.concat()), shortest);
    assert_eq!((shortest, in_order), (24, 36));
    for (upper, lower) in GRID[0].into_iter().zip(GRID[1]) {
        assert_eq!(upper + lower, 7, "mirrored lanes share a relay");
    }
}

#[test]
fn every_place_is_given_once() {
    let places = places().unwrap();
    // 163 memories and 48 multipliers are what the ring processor with 16 slots and 3 limbs has.
    let count = |kind| {
        places
            .iter()
            .filter(|(cell, _)| cell.kind() == kind)
            .count()
    };
    assert_eq!((count(Kind::Memory), count(Kind::Multiplier)), (163, 48));
    let sites: BTreeSet<Site> = places.iter().map(|(_, site)| *site).collect();
    assert_eq!(sites.len(), places.len());
    let names: BTreeSet<String> = places.iter().map(|(cell, _)| cell.name()).collect();
    assert_eq!(names.len(), places.len());
}

fn netlist(cells: &[(&str, &str)]) -> Value {
    let cells = cells.iter().map(|&(name, kind)| {
        let cell = json!({"type": kind, "attributes": {"src": "circuit.v:1"}});
        (name.to_owned(), cell)
    });
    let cells: serde_json::Map<String, Value> = cells.collect();
    // The library's modules stand in the netlist too.
    let library = json!({"cells": {"block": {"type": "DP16KD", "attributes": {}}}});
    json!({"creator": "Yosys", "modules": {"library": library, "top": {"cells": cells}}})
}

#[test]
fn memories_and_multipliers_are_placed_and_nothing_else_changes() {
    let cells = [
        ("circuit.datapath.lanes$0.low.rams$7.block0_0", "DP16KD"),
        ("circuit.datapath.lanes$2.high.rams$0.block0_0", "DP16KD"),
        ("circuit.datapath.lanes$7.twiddles.block0_3", "DP16KD"),
        ("circuit.control.operands.constants.block0_0", "DP16KD"),
        ("circuit.control.fetch.memory.block0_0", "DP16KD"),
        (
            "circuit.datapath.lanes$5.butterfly.product.second.multiple.unit",
            "MULT18X18D",
        ),
        ("circuit.datapath.lanes$5.butterfly.sum", "TRELLIS_FF"),
    ];
    let mut planned = netlist(&cells);
    apply(&mut planned, "top").unwrap();
    let mut expected = netlist(&cells);
    let bels = [
        "X19/Y46/EBR3",
        "X98/Y22/EBR1",
        "X28/Y70/EBR3",
        "X60/Y22/EBR1",
        "X60/Y46/EBR1",
        "X110/Y58/MULT18_5",
    ];
    for ((name, _), bel) in cells.iter().zip(bels) {
        expected["modules"]["top"]["cells"][name]["attributes"]["BEL"] = json!(bel);
    }
    assert_eq!(planned, expected);
}

fn refusal(cells: &[(&str, &str)]) -> String {
    apply(&mut netlist(cells), "top").unwrap_err().to_string()
}

#[test]
fn a_cell_without_a_place_is_refused() {
    let multiplier = ("circuit.lanes$0.butterfly.product.p00.unit", "MULT18X18D");
    for unknown in [
        // A ninth lane, a ninth memory, a fifth slice, a second block, a new memory, a new multiplier.
        ("circuit.lanes$8.low.rams$0.block0_0", "DP16KD"),
        ("circuit.lanes$0.low.rams$8.block0_0", "DP16KD"),
        ("circuit.lanes$0.twiddles.block0_4", "DP16KD"),
        ("circuit.lanes$0.twiddles.block1_0", "DP16KD"),
        ("circuit.control.queue.block0_0", "DP16KD"),
        ("circuit.lanes$0.butterfly.product.p02.unit", "MULT18X18D"),
        // Known names, but of another kind or only by their letters.
        ("circuit.lanes$0.butterfly.product.p01.unit", "DP16KD"),
        ("circuit.lanes$0.low.rams$0.block0_0", "MULT18X18D"),
        ("circuit.planes$0.low.rams$0.block0_0", "DP16KD"),
    ] {
        let error = refusal(&[multiplier, unknown]);
        assert!(error.contains("no place for"), "{error}");
        assert!(error.contains(unknown.0), "{error}");
    }
}

#[test]
fn two_cells_in_one_place_are_refused() {
    let error = refusal(&[
        ("first.lanes$0.low.rams$0.block0_0", "DP16KD"),
        ("second.lanes$0.low.rams$0.block0_0", "DP16KD"),
    ]);
    assert!(error.contains("the same place, X4/Y46/EBR0"), "{error}");
    assert!(
        error.contains("first.lanes$0") && error.contains("second.lanes$0"),
        "{error}"
    );
}

#[test]
fn a_plan_of_nothing_is_refused() {
    assert!(refusal(&[("circuit.sum", "TRELLIS_FF")]).contains("no memory"));
    let mut other = netlist(&[]);
    let error = apply(&mut other, "other").unwrap_err().to_string();
    assert!(error.contains("no module other"), "{error}");
}

#[test]
fn the_description_names_the_grid_and_the_plan() {
    let description = description().unwrap();
    assert!(
        description.contains("[[0, 1, 4, 2], [7, 6, 3, 5]]"),
        "{description}"
    );
    assert!(
        description.contains("211 places, SHA-256 "),
        "{description}"
    );
}
