//! The proofs.

/// How a claim is proven for all time.
pub enum Method {
    /// The circuit has no feedback: what it shows depends on the last `cycles` + 1 cycles only, so they are followed
    /// from any state of the registers.
    Pipeline {
        /// Cycles from an input to the last output that depends on it.
        cycles: usize,
    },
    /// By induction from the state after power-on, over at most `depth` cycles.
    Induction {
        /// Cycles of the longest induction that is tried.
        depth: usize,
    },
}

/// One proof and its control.
pub struct Proof {
    /// Name.
    pub name: &'static str,
    /// What is proven, for the table.
    pub what: &'static str,
    /// File of the circuit that `hdl/examples/circuits.rs` writes.
    pub circuit: &'static str,
    /// File in `hdl/formal/`.
    pub property: &'static str,
    /// Parameters of the property.
    pub parameters: &'static [(&'static str, usize)],
    /// Instances that are taken out, as `module/c:instance`: what they put out is arbitrary.
    pub cut: &'static [&'static str],
    /// Way of the proof.
    pub method: Method,
    /// A cycle in which `reached` can be true.
    pub reached_at: usize,
    /// Cycles from power-on within which the fault shows; only for inductions.
    pub fault_by: usize,
    /// The fault: the first occurrence of a piece of the circuit's text, and what stands there instead.
    pub fault: (&'static str, &'static str),
}

/// All proofs.
pub const PROOFS: &[Proof] = &[
    Proof {
        name: "product",
        what: "Montgomery's product: digits, both reduction steps and carries, for every q and all factors",
        circuit: "product",
        property: "product",
        parameters: &[],
        cut: &[
            "inner/c:p*",
            "inner$first/c:multiple",
            "inner$second/c:multiple",
        ],
        method: Method::Pipeline { cycles: 9 },
        reached_at: 10,
        fault_by: 0,
        fault: ("sum$carry = carry$q", "sum$carry = 1'b0"),
    },
    Proof {
        name: "butterfly",
        what: "forward butterfly: sum and difference modulo q, canonical, for every q and all words",
        circuit: "butterfly",
        property: "butterfly",
        parameters: &[("INVERSE", 0)],
        cut: &["inner/c:product"],
        method: Method::Pipeline { cycles: 18 },
        reached_at: 19,
        fault_by: 0,
        fault: ("low_zero$d = s_low_zero", "low_zero$d = 1'b0"),
    },
    Proof {
        name: "butterfly-inverse",
        what: "inverse butterfly: halves modulo q, canonical, for every q and all words",
        circuit: "butterfly",
        property: "butterfly",
        parameters: &[("INVERSE", 1)],
        cut: &["inner/c:product"],
        method: Method::Pipeline { cycles: 18 },
        reached_at: 19,
        fault_by: 0,
        fault: ("value[32'h22]", "1'b0"),
    },
    Proof {
        name: "adders-ecp5",
        what: "every adder of the butterfly, as a carry chain of the ECP5, is the adder in plain Verilog",
        circuit: "adders",
        property: "adders",
        parameters: &[],
        cut: &[],
        method: Method::Pipeline { cycles: 1 },
        reached_at: 2,
        fault_by: 0,
        fault: ("16'h560a", "16'h660a"),
    },
    Proof {
        name: "load",
        what: "LD: residues pass below q only, weights become residues, for every q",
        circuit: "load",
        property: "load",
        parameters: &[],
        cut: &[],
        method: Method::Pipeline { cycles: 2 },
        reached_at: 3,
        fault_by: 0,
        fault: ("above$q | ", ""),
    },
    Proof {
        name: "store",
        what: "ST: the queue of 16 words never overflows, loses or reorders a word",
        circuit: "store",
        property: "store",
        parameters: &[],
        cut: &[],
        method: Method::Induction { depth: 3 },
        reached_at: 20,
        fault_by: 6,
        fault: ("taken$d = next_taken", "taken$d = next_put"),
    },
    Proof {
        name: "automorphism-banks",
        what: "AUT, 16 banks: every word reaches its bank, for every Galois element",
        circuit: "network",
        property: "network",
        parameters: &[("LOG_BANKS", 4), ("LATENCY", 5)],
        cut: &[],
        method: Method::Pipeline { cycles: 5 },
        reached_at: 6,
        fault_by: 0,
        fault: ("swaps$9 ?", "swaps$10 ?"),
    },
    Proof {
        name: "automorphism-rows",
        what: "AUT, n = 1024, 4 banks: every bank reads its rows, for every Galois element",
        circuit: "addresses",
        property: "addresses",
        parameters: &[("LOG_N", 10), ("LOG_BANKS", 2)],
        cut: &[],
        method: Method::Induction { depth: 3 },
        reached_at: 12,
        fault_by: 9,
        fault: ("bank_class$1 = 13'b10", "bank_class$1 = 13'b11"),
    },
    Proof {
        name: "events",
        what: "all other instructions: every event reads and writes its rows; MAC never asks a memory for two words",
        circuit: "datapath",
        property: "events",
        parameters: &[("LOG_N", 12), ("LOG_BANKS", 4)],
        cut: &["inner/c:lanes$*"],
        method: Method::Induction { depth: 2 },
        reached_at: 7,
        fault_by: 7,
        fault: ("(slot_b != slot_dst)", "(slot_a != slot_dst)"),
    },
    Proof {
        name: "transform",
        what: "NTT, INTT, n = 4096, 8 butterflies: rows, pairs and twiddles of every event; stages never collide",
        circuit: "datapath",
        property: "transform",
        parameters: &[("LOG_N", 12), ("LOG_BANKS", 4), ("ROW_STRIDE", 1)],
        cut: &["inner/c:lanes$*"],
        method: Method::Induction { depth: 2 },
        reached_at: 9,
        fault_by: 12,
        fault: ("shifted_row = row << 32'h1", "shifted_row = row"),
    },
    Proof {
        name: "transform-small",
        what: "the same, n = 1024, 2 butterflies",
        circuit: "datapath_small",
        property: "transform",
        parameters: &[("LOG_N", 10), ("LOG_BANKS", 2), ("ROW_STRIDE", 256)],
        cut: &["inner/c:lanes$*"],
        method: Method::Induction { depth: 2 },
        reached_at: 9,
        fault_by: 12,
        fault: ("shifted_row = row << 32'h1", "shifted_row = row"),
    },
    Proof {
        name: "retire",
        what: "every event is written once, never two at a time; nothing is in flight between instructions",
        circuit: "datapath",
        property: "retire",
        parameters: &[("EARLY", 13), ("LATE", 30)],
        cut: &["inner/c:lanes$*"],
        method: Method::Induction { depth: 2 },
        reached_at: 33,
        fault_by: 35,
        fault: ("events = events & early_events", "events = events"),
    },
    Proof {
        name: "sequence",
        what: "control: one instruction at a time, its fields stay until it is done, none within two cycles of a flush",
        circuit: "control",
        property: "sequence",
        parameters: &[],
        cut: &[
            "inner/c:fetch",
            "inner/c:limbs",
            "inner/c:operands",
            "inner/c:tags",
            "inner/c:status",
        ],
        method: Method::Induction { depth: 3 },
        reached_at: 8,
        fault_by: 8,
        fault: (
            "issue$take = sequencer$issue",
            "issue$take = sequencer$issue | stall",
        ),
    },
];
