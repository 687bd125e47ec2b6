//! The fields of an instruction word as wires, and back.
//!
//! Pure wiring, with every position taken from [`isa::encoding`](addax_core::isa::encoding). No logic, no clock.

use addax_core::isa::encoding::{
    A_SHIFT, B_SHIFT, BODY_SHIFT, COUNT_SHIFT, DST_SHIFT, FLAG_BITS, LIMB_SHIFT, OP_SHIFT,
    SLOT_BITS, STRIDE_SHIFT,
};
use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use crate::word::Word;

/// Splits a word. An instruction and a `LOOP` divide it differently; both divisions come out at once.
#[derive(Clone, Debug, Default, SettledBlock)]
pub struct Fields {
    /// The word.
    pub word: Signal<In, Word<32>>,
    /// Which instruction.
    pub op: Signal<Out, Word<5>>,
    /// Limb.
    pub limb: Signal<Out, Word<4>>,
    /// Destination.
    pub dst: Signal<Out, Word<7>>,
    /// Operand a.
    pub a: Signal<Out, Word<7>>,
    /// Operand b.
    pub b: Signal<Out, Word<7>>,
    /// Flags.
    pub flags: Signal<Out, Word<2>>,
    /// `LOOP`: iterations.
    pub count: Signal<Out, Word<12>>,
    /// `LOOP`: words in the body.
    pub body: Signal<Out, Word<8>>,
    /// `LOOP`: slots moved in an iteration.
    pub stride: Signal<Out, Word<5>>,
    /// `AUT`: h, which is limb, b and flags one after the other.
    pub galois: Signal<Out, Word<13>>,
    /// Everything below the op.
    pub below_op: Signal<Out, Word<27>>,
}

impl Logic for Fields {
    fn update(&mut self) {
        let word = self.word.val();
        let (limb, b, flags) = (
            word.get_bits::<4>(LIMB_SHIFT as usize),
            word.get_bits::<7>(B_SHIFT as usize),
            word.get_bits::<2>(0),
        );
        self.op.next = word.get_bits(OP_SHIFT as usize);
        self.limb.next = limb;
        self.dst.next = word.get_bits(DST_SHIFT as usize);
        self.a.next = word.get_bits(A_SHIFT as usize);
        self.b.next = b;
        self.flags.next = flags;
        self.count.next = word.get_bits(COUNT_SHIFT as usize);
        self.body.next = word.get_bits(BODY_SHIFT as usize);
        self.stride.next = word.get_bits(STRIDE_SHIFT as usize);
        self.galois.next = Word::new(
            limb.value() << (SLOT_BITS + FLAG_BITS) | b.value() << FLAG_BITS | flags.value(),
        );
        self.below_op.next = word.get_bits(0);
    }

    fn connect(&mut self) {
        self.op.connect();
        self.limb.connect();
        self.dst.connect();
        self.a.connect();
        self.b.connect();
        self.flags.connect();
        self.count.connect();
        self.body.connect();
        self.stride.connect();
        self.galois.connect();
        self.below_op.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(format!(
            "always @(*) begin
  op = word[{OP_SHIFT} +: 5];
  limb = word[{LIMB_SHIFT} +: 4];
  dst = word[{DST_SHIFT} +: 7];
  a = word[{A_SHIFT} +: 7];
  b = word[{B_SHIFT} +: 7];
  flags = word[0 +: 2];
  count = word[{COUNT_SHIFT} +: 12];
  body = word[{BODY_SHIFT} +: 8];
  stride = word[{STRIDE_SHIFT} +: 5];
  galois = {{word[{LIMB_SHIFT} +: 4], word[{B_SHIFT} +: 7], word[0 +: 2]}};
  below_op = word[0 +: 27];
end
"
        ))
    }
}

/// Puts other slot numbers into fields a and b of a word.
#[derive(Clone, Debug, Default, SettledBlock)]
pub struct WithOperands {
    /// The word.
    pub word: Signal<In, Word<32>>,
    /// What field a becomes.
    pub a: Signal<In, Word<7>>,
    /// What field b becomes.
    pub b: Signal<In, Word<7>>,
    /// Whether field a is replaced.
    pub replace_a: Signal<In, Bit>,
    /// Whether field b is replaced.
    pub replace_b: Signal<In, Bit>,
    /// The word with the fields replaced.
    pub result: Signal<Out, Word<32>>,
}

impl Logic for WithOperands {
    fn update(&mut self) {
        let field = |shift: u32, replace: bool, by: Word<7>| {
            let mask = u64::from(replace) * (((1 << SLOT_BITS) - 1) << shift);
            (mask, by.value() << shift & mask)
        };
        let (mask_a, a) = field(A_SHIFT, self.replace_a.val(), self.a.val());
        let (mask_b, b) = field(B_SHIFT, self.replace_b.val(), self.b.val());
        self.result.next = Word::new(self.word.val().value() & !mask_a & !mask_b | a | b);
    }

    fn connect(&mut self) {
        self.result.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(format!(
            "always @(*) begin
  result = word;
  if (replace_a) result[{A_SHIFT} +: {SLOT_BITS}] = a;
  if (replace_b) result[{B_SHIFT} +: {SLOT_BITS}] = b;
end
"
        ))
    }
}

// The ports above are of the widths that the encoding has.
const _: () = {
    use addax_core::isa::encoding::{BODY_BITS, COUNT_BITS, LIMB_BITS, OP_BITS, STRIDE_BITS};
    assert!(OP_BITS == 5 && LIMB_BITS == 4 && SLOT_BITS == 7 && FLAG_BITS == 2);
    assert!(COUNT_BITS == 12 && BODY_BITS == 8 && STRIDE_BITS == 5 && OP_SHIFT == 27);
};
