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
/// stand here in cycle 3. The number of the group is decoded on the way, so that one level of ANDs and a tree of ORs
/// are left between the memories' registers and those here.
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
    /// Cycle 3: the word read.
    pub word: Signal<Out, Word<36>>,
    /// Cycle 4: the same word.
    pub previous: Signal<Out, Word<36>>,
    /// Cycle 3: the third operand; 0 if none was read.
    pub third: Signal<Out, Word<36>>,
    _stages: [Read; 2],
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
            _stages: [Read::default(); 2],
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
        let [newer, older] = self._stages;
        self.previous.next = self.word.val();
        if !older.hold {
            self.word.next = if older.none {
                Word::default()
            } else {
                self.group(older.slot)
            };
        }
        self.third.next = if older.third {
            self.group(self.target.val())
        } else {
            Word::default()
        };
        self._stages = [self.read.val(), newer];
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
        let top = groups - 1;
        let mut text = format!(
            "reg [5:0] group = 0;
reg [1:0] none = 0;
reg [1:0] hold = 0;
reg [1:0] taken = 0;
reg [{top}:0] chosen = 0;
reg [{top}:0] chosen_third = 0;
initial begin
  word = 0;
  previous = 0;
  third = 0;
end
always @(posedge clock) begin
  group <= read[{}:{slot}];
  none <= {{none[0], read[{none}]}};
  hold <= {{hold[0], read[{hold}]}};
  taken <= {{taken[0], read[{third}]}};
  previous <= word;
",
            slot + 5
        );
        if groups == 1 {
            text += "  if (!hold[1]) word <= none[1] ? 36'd0 : words$0;
  third <= taken[1] ? words$0 : 36'd0;
end
";
            return Verilog::Custom(text);
        }
        for group in 0..groups {
            text += &format!(
                "  chosen[{group}] <= group == 6'd{group} && !none[0];
  chosen_third[{group}] <= target[6:1] == 6'd{group} && taken[0];
"
            );
        }
        let any = |flags: &str| -> String {
            (0..groups)
                .map(|group| format!("(words${group} & {{36{{{flags}[{group}]}}}})"))
                .collect::<Vec<_>>()
                .join(" | ")
        };
        text += &format!(
            "  if (!hold[1]) word <= {};\n  third <= {};\nend\n",
            any("chosen"),
            any("chosen_third")
        );
        Verilog::Custom(text)
    }
}
