//! Which of a bank's memories: a slot's group decoded, and the words of the groups that were asked for.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use super::bundles::Read;
use crate::word::Word;

/// One bit for each group: that of a slot's group, and all but it.
#[derive(Clone, Debug, Default, SettledBlock)]
pub struct GroupDecode {
    /// Slot.
    pub slot: Signal<In, Word<7>>,
    /// The bit of its group.
    pub member: Signal<Out, Word<64>>,
    /// The bits of the others.
    pub others: Signal<Out, Word<64>>,
}

impl Logic for GroupDecode {
    fn update(&mut self) {
        let member = 1 << (self.slot.val().value() >> 1);
        self.member.next = Word::new(member);
        self.others.next = Word::new(!member);
    }

    fn connect(&mut self) {
        self.member.connect();
        self.others.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(
            "always @(*) begin
  member = 64'd1 << slot[6:1];
  others = ~member;
end
"
            .to_owned(),
        )
    }
}

/// The words of the groups that were asked for.
///
/// [`Read`] is presented together with the memories' addresses, cycle 0; the memories answer in cycle 2, the words
/// stand here in cycle 4. The number of the group is decoded on the way. A bank's memories lie far apart: the words of
/// two neighbours meet in a register between them, one lookup table a bit, and those of all pairs in the next cycle.
#[derive(Clone, Debug, SettledBlock)]
pub struct GroupSelect {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Cycle 2: the memories' words.
    pub words: Vec<Signal<In, Word<36>>>,
    /// Cycle 0: what is read.
    pub read: Signal<In, Read>,
    /// The slot that the third operand is read from; stable.
    pub target: Signal<In, Word<7>>,
    /// Cycle 4: the word read.
    pub word: Signal<Out, Word<36>>,
    /// Cycle 5: the same word.
    pub previous: Signal<Out, Word<36>>,
    /// Cycle 4: the third operand; 0 if none was read.
    pub third: Signal<Out, Word<36>>,
    _stages: [Read; 3],
    /// The words of the one pair that was asked, in cycle 3.
    _near: [Word<36>; 2],
}

impl GroupSelect {
    /// For a bank of `groups` memories.
    pub fn new(groups: usize) -> Self {
        Self {
            clock: Signal::default(),
            words: vec![Signal::default(); groups],
            read: Signal::default(),
            target: Signal::default(),
            word: Signal::default(),
            previous: Signal::default(),
            third: Signal::default(),
            _stages: [Read::default(); 3],
            _near: [Word::default(); 2],
        }
    }

    fn group(&self, slot: Word<7>) -> Word<36> {
        let group = slot.value() as usize >> 1;
        self.words
            .get(group)
            .map(|word| word.val())
            .unwrap_or_default()
    }
}

impl Logic for GroupSelect {
    fn update(&mut self) {
        if !self.clock.changed {
            return;
        }
        let [newest, newer, older] = self._stages;
        let [word, third] = self._near;
        self.previous.next = self.word.val();
        if !older.hold {
            self.word.next = word;
        }
        self.third.next = third;
        let asked = |asked: bool, slot| {
            if asked {
                self.group(slot)
            } else {
                Word::default()
            }
        };
        self._near = [
            asked(!newer.none, newer.slot),
            asked(newer.third, self.target.val()),
        ];
        self._stages = [self.read.val(), newest, newer];
    }

    fn connect(&mut self) {
        self.word.connect();
        self.previous.connect();
        self.third.connect();
    }

    fn hdl(&self) -> Verilog {
        let groups = self.words.len();
        let read = Read::default();
        let slot = read.get_my_offset_slot() + 1;
        let [none, hold, third] = [
            read.get_my_offset_none(),
            read.get_my_offset_hold(),
            read.get_my_offset_third(),
        ];
        let (top, last_pair) = (groups - 1, (groups - 1) / 2);
        let mut declarations = format!(
            "reg [5:0] group = 0;
reg none = 0;
reg [2:0] hold = 0;
reg taken = 0;
reg [{top}:0] chosen = 0;
reg [{top}:0] chosen_third = 0;
initial begin
  word = 0;
  previous = 0;
  third = 0;
end
"
        );
        let mut edges = format!(
            "always @(posedge clock) begin
  group <= read[{}:{slot}];
  none <= read[{none}];
  hold <= {{hold[1:0], read[{hold}]}};
  taken <= read[{third}];
  previous <= word;
",
            slot + 5
        );
        for group in 0..groups {
            // A single memory is asked whatever the slot says.
            let [own, target] = ["group", "target[6:1]"].map(|number| match groups {
                1 => "1'b1".to_owned(),
                _ => format!("{number} == 6'd{group}"),
            });
            edges += &format!(
                "  chosen[{group}] <= {own} && !none;\n  chosen_third[{group}] <= {target} && taken;\n"
            );
        }
        let pair = |number: usize, flags: &str| -> String {
            let groups = 2 * number..(2 * number + 2).min(groups);
            groups
                .map(|group| format!("(words${group} & {{36{{{flags}[{group}]}}}})"))
                .collect::<Vec<_>>()
                .join(" | ")
        };
        for number in 0..=last_pair {
            declarations +=
                &format!("reg [35:0] near{number} = 0;\nreg [35:0] near_third{number} = 0;\n");
            edges += &format!(
                "  near{number} <= {};\n  near_third{number} <= {};\n",
                pair(number, "chosen"),
                pair(number, "chosen_third")
            );
        }
        let all = |name: &str| -> String {
            (0..=last_pair)
                .map(|number| format!("{name}{number}"))
                .collect::<Vec<_>>()
                .join(" | ")
        };
        edges += &format!(
            "  if (!hold[2]) word <= {};\n  third <= {};\nend\n",
            all("near"),
            all("near_third")
        );
        Verilog::Custom(declarations + &edges)
    }
}
