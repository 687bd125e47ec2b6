//! A delay line: q is what d was `cycles` active edges ago.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

/// A chain of registers as one cell. A delay of 0 cycles is a wire.
#[derive(Clone, Debug, SettledBlock)]
pub struct Delay<T: Synth> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// What enters.
    pub d: Signal<In, T>,
    /// What leaves.
    pub q: Signal<Out, T>,
    _line: Vec<T>,
    _next: usize,
}

impl<T: Synth> Delay<T> {
    /// A line of `cycles` registers, all zero.
    pub fn new(cycles: usize) -> Self {
        Self {
            clock: Signal::default(),
            d: Signal::default(),
            q: Signal::default(),
            _line: vec![T::default(); cycles],
            _next: 0,
        }
    }
}

impl<T: Synth> Logic for Delay<T> {
    fn update(&mut self) {
        if self._line.is_empty() {
            self.q.next = self.d.val();
        } else if self.clock.changed {
            // A ring: the oldest word leaves from where the newest is put.
            self._line[self._next] = self.d.val();
            self._next = (self._next + 1) % self._line.len();
            self.q.next = self._line[self._next];
        }
    }

    fn connect(&mut self) {
        self.q.connect();
    }

    fn hdl(&self) -> Verilog {
        let cycles = self._line.len();
        if cycles == 0 {
            return Verilog::Custom("always @(*) q = d;\n".to_owned());
        }
        let top = T::BITS - 1;
        let mut text = String::new();
        for i in 1..cycles {
            text += &format!("reg [{top}:0] stage{i} = 0;\n");
        }
        text += "initial q = 0;\nalways @(posedge clock) begin\n";
        for i in 1..=cycles {
            let from = if i == 1 {
                "d".to_owned()
            } else {
                format!("stage{}", i - 1)
            };
            let to = if i == cycles {
                "q".to_owned()
            } else {
                format!("stage{i}")
            };
            text += &format!("  {to} <= {from};\n");
        }
        Verilog::Custom(text + "end\n")
    }
}
