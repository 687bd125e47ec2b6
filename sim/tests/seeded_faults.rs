//! A test of the tests: circuits that are wrong on purpose, each in one place of its Verilog, must not pass the suite.

#[path = "support/mod.rs"]
mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use addax_sim::conformance::{Subject, Suite, check};
use addax_sim::driver::{Machine, OpenError};
use addax_sim::verilated::{Design, Verilated};
use addax_sim::{Basis, verilog};
use support::{make_basis, shape};

/// A change of the circuit.
struct Fault {
    what: &'static str,
    /// The module, below the top.
    module: &'static str,
    from: &'static str,
    to: &'static str,
}

const FAULTS: [Fault; 30] = [
    Fault {
        what: "a wrong bit in the address of a twiddle",
        module: "datapath$steps",
        from: "wide_twiddle = wide_twiddle | twiddle_base;",
        to: "wide_twiddle = (wide_twiddle ^ 17'h1) | twiddle_base;",
    },
    Fault {
        what: "the other half of the twiddles in the inverse",
        module: "datapath$steps",
        from: "if (state$q[(64'h2)+:(1)] != held$q[(64'h1)+:(1)]) begin",
        to: "if (state$q[(64'h2)+:(1)]) begin",
    },
    Fault {
        what: "a carry dropped in the Montgomery product",
        module: "datapath$lanes$0$butterfly$product$first",
        from: "sum$carry = carry$q;",
        to: "sum$carry = 1'b0;",
    },
    Fault {
        what: "banks swapped behind a row stage",
        module: "datapath",
        from: "lanes$1$crossed_low = lanes$0$difference;",
        to: "lanes$1$crossed_low = lanes$1$difference;",
    },
    Fault {
        what: "a loop that ends one iteration early",
        module: "control$fetch$loops$inner",
        from: "left$d = enter_count;",
        to: "left$d = (enter_count == one) ? one : enter_count - one;",
    },
    Fault {
        what: "increments of the outer loop forgotten",
        module: "control$fetch$loops",
        from: "add_b_register$d = outer$add_b + inner$add_b;",
        to: "add_b_register$d = inner$add_b;",
    },
    Fault {
        what: "a pipeline register removed in front of the butterfly",
        module: "datapath$lanes$0",
        from: "butterfly$w = operands$q[(64'h48)+:(36)];",
        to: "butterfly$w = operands$d[(64'h48)+:(36)];",
    },
    Fault {
        what: "results written to the wrong half",
        module: "datapath$steps",
        from: "~(state$q[(64'h2)+:(1)] & ~held$q[(64'h0)+:(1)]);",
        to: "(state$q[(64'h2)+:(1)] | held$q[(64'h0)+:(1)]);",
    },
    Fault {
        what: "the sum of the inverse not halved",
        module: "datapath$lanes$0$butterfly$addition",
        from: "y_half$d = y >> 32'h1;",
        to: "y_half$d = y;",
    },
    Fault {
        what: "the odd sum of the inverse rounded the wrong way",
        module: "datapath$lanes$0$butterfly$addition",
        from: "odd$d = inverse & (x[32'h0] ^ y[32'h0]);",
        to: "odd$d = inverse & (x[32'h0] & y[32'h0]);",
    },
    Fault {
        what: "an inverted select of the second factor",
        module: "datapath$lanes$0",
        from: "if (held$q[(64'ha)+:(1)]) begin",
        to: "if (~held$q[(64'ha)+:(1)]) begin",
    },
    Fault {
        what: "a limb tag not set where operand b is looked up",
        module: "control$tags",
        from: "tags_b$write = written;",
        to: "tags_b$write = clearing_register$q;",
    },
    Fault {
        what: "the tag kept when a stream breaks off",
        module: "control$sequencer",
        from: "tag_valid = ~bad && ~aborting$q;",
        to: "tag_valid = ~bad;",
    },
    Fault {
        what: "one cycle not counted",
        module: "control$sequencer",
        from: "cycle_register$d = any_state && ~stall_now;",
        to: "cycle_register$d = any_state && ~stall_now && ~(passes && halt);",
    },
    Fault {
        what: "waiting in SYNC counted as work",
        module: "control$sequencer",
        from: "stall_now = (executing$q && stall) || (checking$q && waiting && sound);",
        to: "stall_now = executing$q && stall;",
    },
    Fault {
        what: "stalls not counted while a stream operand waits",
        module: "datapath",
        from: "stall = steps$stall | intake$stall;",
        to: "stall = steps$stall;",
    },
    Fault {
        what: "a stream that is closed one beat early",
        module: "datapath$intake",
        from: "open$d = |left$q;",
        to: "open$d = |left$q[13:1];",
    },
    Fault {
        what: "a pair of events torn apart when the second beat is late",
        module: "datapath$intake",
        from: "here$d = next_filled & (next_single | next_spare);",
        to: "here$d = next_filled;",
    },
    Fault {
        what: "a beat overwritten while it waits for the second of its pair",
        module: "datapath$intake",
        from: "words$1$d = words$1$q;",
        to: "words$1$d = input_data$1;",
    },
    Fault {
        what: "a neighbour's word taken one cycle late",
        module: "datapath$lanes$1",
        from: "crosses$d = routed$q[(64'h2)+:(1)];",
        to: "crosses$d = crosses$q & routed$q[(64'h2)+:(1)];",
    },
    Fault {
        what: "the middle residue lifted the wrong way by RED",
        module: "datapath$lanes$0",
        from: "(word > limit);",
        to: "(word >= limit);",
    },
    Fault {
        what: "the sign of small integers taken from the wrong bit",
        module: "datapath$load",
        from: "weights & weight[32'h7];",
        to: "weights & weight[32'h6];",
    },
    Fault {
        what: "-1 loaded as another number",
        module: "datapath$load",
        from: "minus_one$d = &weight;",
        to: "minus_one$d = 1'b0;",
    },
    Fault {
        what: "a switch of the automorphism's network stuck",
        module: "datapath$network",
        from: "level1_2 = swaps$2 ? register1_3 : register1_2;",
        to: "level1_2 = register1_2;",
    },
    Fault {
        what: "q taken for a residue",
        module: "datapath$checks$0",
        from: "rest$d = |low;",
        to: "rest$d = |low[17:1];",
    },
    Fault {
        what: "a machine that starts while an error stands",
        module: "control",
        from: "restart$d = commands$start && ~faults$stands;",
        to: "restart$d = commands$start;",
    },
    Fault {
        what: "slots that do not exist not refused",
        module: "control$fetch$bounds",
        from: "a_exists = ~carry_a && (fields$a < slots);",
        to: "a_exists = 1'b1;",
    },
    Fault {
        what: "an output queue that overflows",
        module: "datapath$queues$0",
        from: "credit = ~outstanding$q[32'h4];",
        to: "credit = 1'b1;",
    },
    Fault {
        what: "MAC that reads its third operand from the neighbouring slot",
        module: "datapath$lanes$0$high",
        from: "upper = upper | group$member;",
        to: "upper = upper | zeros;",
    },
    Fault {
        what: "a constant of the modulus accepted",
        module: "control$operands",
        from: "fault = multiply_constant && ~less$q && ~(equal$q && low_empty$q);",
        to: "fault = multiply_constant && ~less$q && ~equal$q;",
    },
];

impl Fault {
    /// The circuit with this fault.
    fn seeded(&self, verilog: &str) -> String {
        let header = format!("module addax${}(", self.module);
        let begin = verilog.find(&header);
        let begin = begin.unwrap_or_else(|| panic!("{}: no {header}", self.what));
        let end = begin + verilog[begin..].find("endmodule").expect("modules end");
        let module = &verilog[begin..end];
        let found = module.matches(self.from).count();
        assert_eq!(found, 1, "{}: {} in {}", self.what, self.from, self.module);
        let changed = module.replace(self.from, self.to);
        [&verilog[..begin], &changed, &verilog[end..]].concat()
    }
}

const SUITE: Suite = Suite {
    seed: 1,
    programs: 8,
    instructions: 150,
    one_in: 1,
    illegal_words: 50,
    stepwise: false,
};

/// What the suite says of a circuit; `None` if it passes.
fn verdict(verilog: String, basis: &Basis) -> Option<String> {
    let design = Design {
        shape: shape(10, 2, 4, 2),
        verilog,
        traced: false,
        quick: true,
    };
    let circuit = Verilated::start(&design, None).unwrap_or_else(|error| panic!("{error}"));
    match Machine::new(circuit, basis) {
        Ok(mut machine) => check(Subject::Clocked(&mut machine), basis, &SUITE)
            .err()
            .map(|difference| difference.to_string()),
        // It cannot even run an empty program.
        Err(OpenError::Machine(error)) => Some(error.to_string()),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn every_fault_can_be_seeded() {
    let right = verilog(&shape(10, 2, 4, 2)).unwrap();
    for fault in &FAULTS {
        assert_ne!(fault.seeded(&right), right);
    }
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn the_suite_finds_every_seeded_fault() {
    let basis = make_basis(10, 2);
    let right = verilog(&shape(10, 2, 4, 2)).unwrap();
    assert_eq!(verdict(right.clone(), &basis), None, "the circuit itself");
    let next = AtomicUsize::new(0);
    let missed = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(fault) = FAULTS.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let start = Instant::now();
                    let found = verdict(fault.seeded(&right), &basis);
                    let seconds = start.elapsed().as_secs_f64();
                    if found.is_none() {
                        missed.fetch_add(1, Ordering::Relaxed);
                    }
                    let found = found.unwrap_or_else(|| "NOT FOUND".to_owned());
                    println!("{seconds:5.1} s  {}: {found}", fault.what);
                }
            });
        }
    });
    assert_eq!(
        missed.into_inner(),
        0,
        "faults that the suite does not find"
    );
}
