//! The harness, and the part of it that depends on the shape: names of ports and of memories.

use std::fmt::Write;

use addax_hdl::Shape;

use super::TOP;
use crate::circuit::COMMAND_CYCLES;

const HARNESS: &str = include_str!("harness.cpp");
const PLACE: &str = "//@machine\n";

/// The C++ of the simulator's main program.
pub fn source(shape: &Shape) -> String {
    let classes = format!(
        "#include \"V{TOP}.h\"\n#include \"V{TOP}___024root.h\"\n#define VERILATED V{TOP}\n#define ROOT V{TOP}___024root\n"
    );
    HARNESS.replacen(PLACE, &(classes + &machine(shape)), 1)
}

/// A path in the circuit as Verilator names it in C++, where __024 stands for $.
fn member(path: &[&str]) -> String {
    let names: Vec<String> = path.iter().map(|name| name.replace('$', "__024")).collect();
    format!("{TOP}__DOT__{}", names.join("__DOT__"))
}

fn machine(shape: &Shape) -> String {
    let mut text = format!(
        "#define ADDAX_COMMAND_CYCLES {COMMAND_CYCLES}\n#define ADDAX_BANKS {}\n#define ADDAX_ROWS {}\n",
        shape.banks(),
        shape.rows()
    );
    text.push_str(
        "static void addax_set_input(VERILATED* top, const uint64_t* beat, uint64_t lanes) {\n",
    );
    for lane in 0..shape.butterflies() {
        let _ = writeln!(text, "    top->input_data__024{lane} = beat[{lane}];");
        if lane == 0 {
            text.push_str("    if (lanes == 1) return;\n");
        }
    }
    text.push_str("}\n");
    text.push_str(
        "static uint64_t addax_memory(ROOT* root, uint64_t group, uint64_t bank, uint64_t address) {\n    \
         switch (group * ADDAX_BANKS + bank) {\n",
    );
    for group in 0..shape.groups() {
        for bank in 0..shape.banks() {
            let lane = format!("lanes${}", bank % shape.butterflies());
            let half = if bank < shape.butterflies() {
                "low"
            } else {
                "high"
            };
            let ram = format!("rams${group}");
            let words = member(&["datapath", &lane, half, &ram, "words"]);
            let number = group * shape.banks() + bank;
            let _ = writeln!(
                text,
                "        case {number}: return root->{words}[address];"
            );
        }
    }
    let tags = member(&["control", "tags", "tags_shown", "words"]);
    let _ = write!(
        text,
        "    }}\n    return 0;\n}}\nstatic uint64_t addax_tag(ROOT* root, uint64_t slot) {{\n    \
         return root->{tags}[slot];\n}}\n"
    );
    text
}
