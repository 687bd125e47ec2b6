use rust_hdl::core::prelude::*;

use super::*;
use crate::word::Word;

/// A register whose Verilog forgets to be what its model is, in one of several ways.
#[derive(Clone, Debug, LogicBlock)]
struct Faulty {
    clock: Signal<In, Clock>,
    d: Signal<In, Word<8>>,
    q: Signal<Out, Word<8>>,
    _verilog: &'static str,
}

impl Faulty {
    fn new(verilog: &'static str) -> Self {
        Self {
            clock: Signal::default(),
            d: Signal::default(),
            q: Signal::default(),
            _verilog: verilog,
        }
    }
}

impl Logic for Faulty {
    fn update(&mut self) {
        if self.clock.changed {
            self.q.next = self.d.val();
        }
    }

    fn connect(&mut self) {
        self.q.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(self._verilog.to_owned())
    }
}

fn faulty(name: &str, verilog: &'static str) -> Result<(), CosimError> {
    let mut bench = Cosimulation::new(name, Faulty::new(verilog), |block| &mut block.clock)?;
    bench.run(20, |cycle, block| {
        block.d.next = Word::new(7 * cycle as u64 + 1)
    })
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn a_difference_is_found_in_its_cycle() {
    let right = "initial q = 0;\nalways @(posedge clock) q <= d;\n";
    assert!(faulty("right", right).is_ok());
    let late =
        "reg [7:0] s = 0;\ninitial q = 0;\nalways @(posedge clock) begin s <= d; q <= s; end\n";
    let found = faulty("late", late);
    assert!(
        matches!(&found, Err(CosimError::Mismatch { cycle: 1, port, model: 1, verilog: 0 }) if port == "q"),
        "{found:?}"
    );
    let rare = "initial q = 0;\nalways @(posedge clock) q <= (d == 8'd50) ? 8'd51 : d;\n";
    let found = faulty("rare", rare);
    assert!(
        matches!(
            &found,
            Err(CosimError::Mismatch {
                cycle: 8,
                model: 50,
                verilog: 51,
                ..
            })
        ),
        "{found:?}"
    );
    let uninitialised = "always @(posedge clock) q <= d;\n";
    let found = faulty("uninitialised", uninitialised);
    assert!(
        matches!(&found, Err(CosimError::Mismatch { cycle: 0, .. })),
        "{found:?}"
    );
    let broken = "always @(posedge clock) q <= d\n";
    let found = faulty("broken", broken);
    assert!(matches!(&found, Err(CosimError::Tool { .. })), "{found:?}");
}

#[test]
fn a_loop_is_an_error_and_no_endless_run() {
    #[derive(Clone, Debug, Default, LogicBlock)]
    struct Ring {
        q: Signal<Out, Word<8>>,
        a: Signal<Local, Word<8>>,
        one: Signal<In, Word<8>>,
    }
    impl Logic for Ring {
        #[hdl_gen]
        fn update(&mut self) {
            self.a.next = self.a.val() + self.one.val();
            self.q.next = self.a.val();
        }
    }
    let mut ring = Ring::default();
    ring.one.next = Word::new(1);
    let mut bench = Cosimulation {
        block: ring,
        clock: None,
        program: Program::nothing(),
        cycles: Vec::new(),
    };
    assert!(matches!(
        bench.run(1, |_, _| {}),
        Err(CosimError::Unsettled { cycle: 0 })
    ));
}
