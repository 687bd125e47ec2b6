//! A delay line: q is what d was `cycles` active edges ago.
//!
//! A chain of registers costs a register and a wire for every bit and cycle. On the ECP5 a long line of wide words is
//! kept instead in a ring of distributed RAM, four bits of sixteen words in the place of six lookup tables, two of them
//! for the write port, with one register behind it.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use crate::shape::Target;

/// Words of one distributed RAM of the ECP5.
const RING: usize = 16;

/// A delay as one cell. One of 0 cycles is a wire.
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
    _ring: bool,
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
            _ring: false,
        }
    }

    /// The same, kept in distributed RAM where the fabric has it and the words of all cycles but the last fit.
    pub fn in_memory(cycles: usize, target: Target) -> Self {
        Self {
            _ring: target == Target::Ecp5 && (3..=RING + 1).contains(&cycles),
            ..Self::new(cycles)
        }
    }

    fn chain(&self) -> String {
        let (cycles, top) = (self._line.len(), T::BITS - 1);
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
        text + "end\n"
    }

    /// The oldest word leaves from where the newest is put, but for one that waits in q.
    fn ring(&self) -> String {
        let (top, last) = (T::BITS - 1, self._line.len() - 2);
        format!(
            "(* ram_style = \"distributed\" *) reg [{top}:0] words [0:{}];
reg [3:0] place = 0;
integer i;
initial begin
  for (i = 0; i < {RING}; i = i + 1) words[i] = 0;
  q = 0;
end
always @(posedge clock) begin
  words[place] <= d;
  q <= words[place];
  place <= place == 4'd{last} ? 4'd0 : place + 4'd1;
end
",
            RING - 1
        )
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
        Verilog::Custom(if self._line.is_empty() {
            "always @(*) q = d;\n".to_owned()
        } else if self._ring {
            self.ring()
        } else {
            self.chain()
        })
    }
}
