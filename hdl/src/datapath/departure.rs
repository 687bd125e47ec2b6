//! The word that leaves: one lane's first operand.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use super::bundles::Departure;
use crate::word::Word;

/// Picks the lane. Each lane's word is let through or not into a register of its own; these are joined one cycle later,
/// because the lanes lie all over the die. A high bank's word stands in [`Lane::first`](super::lane::Lane::first) one cycle
/// later after its event than a low bank's, so when `ST` goes on from the low banks to the high banks there is one cycle
/// without a word.
#[derive(Clone, Debug, SettledBlock)]
pub struct DepartureSelect {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Cycle 9: what leaves.
    pub departure: Signal<In, Departure>,
    /// Cycle 10 of a low bank's word, cycle 11 of a high bank's word: each lane's first operand.
    pub words: Vec<Signal<In, Word<36>>>,
    /// There is a word: cycle 12 or 13.
    pub push: Signal<Out, Bit>,
    /// The word.
    pub word: Signal<Out, Word<36>>,
    _late: Departure,
    _chosen: u64,
    _push: bool,
    _let_through: (bool, Word<36>),
}

impl DepartureSelect {
    /// For a machine of `lanes` lanes.
    pub fn new(lanes: usize) -> Self {
        Self {
            clock: Signal::default(),
            departure: Signal::default(),
            words: vec![Signal::default(); lanes],
            push: Signal::default(),
            word: Signal::default(),
            _late: Departure::default(),
            _chosen: 0,
            _push: false,
            _let_through: (false, Word::default()),
        }
    }
}

impl Logic for DepartureSelect {
    fn update(&mut self) {
        if !self.clock.changed {
            return;
        }
        let lanes = if self.words.len() == 1 {
            1
        } else {
            self._chosen
        };
        (self.push.next, self.word.next) = self._let_through;
        let word = (0..self.words.len())
            .filter(|&lane| lanes >> lane & 1 != 0)
            .fold(Word::default(), |sum, lane| sum | self.words[lane].val());
        self._let_through = (self._push, word);
        let now = self.departure.val();
        let late = self._late;
        let lane_now = if now.high { 0 } else { now.lane.value() };
        let lane_late = if late.high { late.lane.value() } else { 0 };
        self._chosen = lane_now | lane_late;
        self._push = (now.push && !now.high) || (late.push && late.high);
        self._late = now;
    }

    fn connect(&mut self) {
        self.push.connect();
        self.word.connect();
    }

    fn hdl(&self) -> Verilog {
        let departure = Departure::default();
        let [push, high, lane] = [
            departure.get_my_offset_push(),
            departure.get_my_offset_high(),
            departure.get_my_offset_lane(),
        ];
        let lanes = self.words.len();
        let top = lanes - 1;
        let mut registers = String::new();
        let mut let_through = String::new();
        for i in 0..lanes {
            registers += &format!("reg [35:0] lane{i} = 0;\n");
            let_through += &if lanes == 1 {
                format!("  lane{i} <= words${i};\n")
            } else {
                format!("  lane{i} <= words${i} & {{36{{chosen[{i}]}}}};\n")
            };
        }
        let names: Vec<String> = (0..lanes).map(|i| format!("lane{i}")).collect();
        let joined = names.join(" | ");
        Verilog::Custom(format!(
            "{registers}reg late_push = 0;
reg [{top}:0] late_lane = 0;
reg [{top}:0] chosen = 0;
reg [1:0] pushes = 0;
initial begin
  push = 0;
  word = 0;
end
always @(posedge clock) begin
  late_push <= departure[{push}] && departure[{high}];
  late_lane <= departure[{}:{lane}] & {{{lanes}{{departure[{high}]}}}};
  pushes <= {{pushes[0], (departure[{push}] && !departure[{high}]) || late_push}};
  chosen <= (departure[{}:{lane}] & {{{lanes}{{!departure[{high}]}}}}) | late_lane;
{let_through}  push <= pushes[1];
  word <= {joined};
end
",
            lane + top,
            lane + top
        ))
    }
}
