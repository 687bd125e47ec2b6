//! Two levels of loops: which place comes next, and how far the operands have moved.
//!
//! In iteration t of a loop with stride s the operands that it moves are t·s slots further; both levels add up. At
//! the last word of a body execution goes back to the first while iterations remain; where bodies end at the same
//! word, the inner loop is finished before the outer one goes on.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;
use rust_hdl::widgets::dff_setup;

use crate::leaf::Register;
use crate::word::{Word, bit_cast};

/// One loop being executed.
#[derive(Clone, Debug, SettledBlock)]
pub struct Level {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Forget the loop.
    pub clear: Signal<In, Bit>,
    /// Begin the loop that the following inputs describe.
    pub enter: Signal<In, Bit>,
    /// First place of the body.
    pub enter_first: Signal<In, Word<11>>,
    /// Last place of the body.
    pub enter_last: Signal<In, Word<11>>,
    /// Iterations.
    pub enter_count: Signal<In, Word<12>>,
    /// Slots moved in an iteration.
    pub enter_stride: Signal<In, Word<5>>,
    /// Bit 0: operand a moves; bit 1: operand b moves.
    pub enter_moves: Signal<In, Word<2>>,
    /// Begin the next iteration.
    pub again: Signal<In, Bit>,
    /// The place being executed.
    pub place: Signal<In, Word<11>>,
    /// A loop is being executed.
    pub active: Signal<Out, Bit>,
    /// First place of its body.
    pub first: Signal<Out, Word<11>>,
    /// Last place of its body.
    pub last: Signal<Out, Word<11>>,
    /// The place of the cycle before is the last of the body.
    pub at_end: Signal<Out, Bit>,
    /// Another iteration follows this one; one cycle late.
    pub more: Signal<Out, Bit>,
    /// What is added to operand a, modulo 2^8.
    pub add_a: Signal<Out, Word<8>>,
    /// What is added to operand b, modulo 2^8.
    pub add_b: Signal<Out, Word<8>>,
    active_register: Register<Bit>,
    first_register: Register<Word<11>>,
    last_register: Register<Word<11>>,
    left: Register<Word<12>>,
    stride: Register<Word<5>>,
    moves: Register<Word<2>>,
    offset: Register<Word<8>>,
    at_end_register: Register<Bit>,
    more_register: Register<Bit>,
    left_less: Signal<Local, Word<12>>,
    offset_more: Signal<Local, Word<8>>,
    one: Constant<Word<12>>,
    nothing: Constant<Word<8>>,
}

impl Default for Level {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            clear: Signal::default(),
            enter: Signal::default(),
            enter_first: Signal::default(),
            enter_last: Signal::default(),
            enter_count: Signal::default(),
            enter_stride: Signal::default(),
            enter_moves: Signal::default(),
            again: Signal::default(),
            place: Signal::default(),
            active: Signal::default(),
            first: Signal::default(),
            last: Signal::default(),
            at_end: Signal::default(),
            more: Signal::default(),
            add_a: Signal::default(),
            add_b: Signal::default(),
            active_register: Register::default(),
            first_register: Register::default(),
            last_register: Register::default(),
            left: Register::default(),
            stride: Register::default(),
            moves: Register::default(),
            offset: Register::default(),
            at_end_register: Register::default(),
            more_register: Register::default(),
            left_less: Signal::default(),
            offset_more: Signal::default(),
            one: Constant::new(Word::new(1)),
            nothing: Constant::new(Word::new(0)),
        }
    }
}

impl Logic for Level {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            active_register,
            first_register,
            last_register,
            left,
            stride,
            moves,
            offset,
            at_end_register,
            more_register
        );
        self.left_less.next = self.left.q.val() - self.one.val();
        self.offset_more.next = self.offset.q.val() + bit_cast::<8, 5>(self.stride.q.val());
        if self.enter.val() {
            self.active_register.d.next = true;
            self.first_register.d.next = self.enter_first.val();
            self.last_register.d.next = self.enter_last.val();
            self.left.d.next = self.enter_count.val();
            self.stride.d.next = self.enter_stride.val();
            self.moves.d.next = self.enter_moves.val();
            self.offset.d.next = self.nothing.val();
        }
        if self.again.val() {
            self.left.d.next = self.left_less.val();
            self.offset.d.next = self.offset_more.val();
        }
        if self.clear.val() {
            self.active_register.d.next = false;
        }
        self.at_end_register.d.next = self.place.val() == self.last_register.q.val();
        self.more_register.d.next = self.left.q.val() != self.one.val();

        self.active.next = self.active_register.q.val();
        self.first.next = self.first_register.q.val();
        self.last.next = self.last_register.q.val();
        self.at_end.next = self.active_register.q.val() && self.at_end_register.q.val();
        self.more.next = self.more_register.q.val();
        self.add_a.next = self.nothing.val();
        self.add_b.next = self.nothing.val();
        if self.active_register.q.val() && self.moves.q.val().get_bit(0) {
            self.add_a.next = self.offset.q.val();
        }
        if self.active_register.q.val() && self.moves.q.val().get_bit(1) {
            self.add_b.next = self.offset.q.val();
        }
    }
}

/// Both levels.
///
/// The place, and the fields of its `LOOP`, must have stood for two cycles before [`advance`](Self::advance).
#[derive(Clone, Debug, SettledBlock)]
pub struct Loops {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Forget all loops.
    pub clear: Signal<In, Bit>,
    /// The instruction at `place` is done with: go to `following`.
    pub advance: Signal<In, Bit>,
    /// It is a `LOOP`; the following inputs are its fields.
    pub begins_loop: Signal<In, Bit>,
    /// Iterations.
    pub count: Signal<In, Word<12>>,
    /// Words in the body.
    pub body: Signal<In, Word<8>>,
    /// Slots moved in an iteration.
    pub stride: Signal<In, Word<5>>,
    /// Bit 0: operand a moves; bit 1: operand b moves.
    pub moves: Signal<In, Word<2>>,
    /// The place being executed.
    pub place: Signal<In, Word<11>>,
    /// The place that comes after it.
    pub following: Signal<Out, Word<11>>,
    /// What is added to operand a, modulo 2^8; one cycle late.
    pub add_a: Signal<Out, Word<8>>,
    /// What is added to operand b, modulo 2^8; one cycle late.
    pub add_b: Signal<Out, Word<8>>,
    /// It is a `LOOP` of a third level, or its body leaves the loop around it; two cycles late.
    pub refused: Signal<Out, Bit>,
    outer: Level,
    inner: Level,
    add_a_register: Register<Word<8>>,
    add_b_register: Register<Word<8>>,
    next_register: Register<Word<11>>,
    last_register: Register<Word<11>>,
    refused_register: Register<Bit>,
    inner_again: Signal<Local, Bit>,
    inner_done: Signal<Local, Bit>,
    outer_end: Signal<Local, Bit>,
    outer_again: Signal<Local, Bit>,
    outer_done: Signal<Local, Bit>,
    one: Constant<Word<11>>,
}

impl Default for Loops {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            clear: Signal::default(),
            advance: Signal::default(),
            begins_loop: Signal::default(),
            count: Signal::default(),
            body: Signal::default(),
            stride: Signal::default(),
            moves: Signal::default(),
            place: Signal::default(),
            following: Signal::default(),
            add_a: Signal::default(),
            add_b: Signal::default(),
            refused: Signal::default(),
            outer: Level::default(),
            inner: Level::default(),
            add_a_register: Register::default(),
            add_b_register: Register::default(),
            next_register: Register::default(),
            last_register: Register::default(),
            refused_register: Register::default(),
            inner_again: Signal::default(),
            inner_done: Signal::default(),
            outer_end: Signal::default(),
            outer_again: Signal::default(),
            outer_done: Signal::default(),
            one: Constant::new(Word::new(1)),
        }
    }
}

impl Logic for Loops {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            add_a_register,
            add_b_register,
            next_register,
            last_register,
            refused_register
        );
        clock!(self, clock, outer, inner);

        // Which level goes on and which ends, where the instruction is the last of a body.
        self.inner_again.next = self.inner.at_end.val() && self.inner.more.val();
        self.inner_done.next = self.inner.at_end.val() && !self.inner.more.val();
        self.outer_end.next =
            self.outer.at_end.val() && (!self.inner.active.val() || self.inner_done.val());
        self.outer_again.next = self.outer_end.val() && self.outer.more.val();
        self.outer_done.next = self.outer_end.val() && !self.outer.more.val();

        self.next_register.d.next = self.place.val() + self.one.val();
        self.following.next = self.next_register.q.val();
        if self.inner_again.val() {
            self.following.next = self.inner.first.val();
        } else if self.outer_again.val() {
            self.following.next = self.outer.first.val();
        }

        self.last_register.d.next = self.place.val() + bit_cast::<11, 8>(self.body.val());
        self.refused_register.d.next = self.begins_loop.val()
            && (self.inner.active.val()
                || (self.outer.active.val()
                    && (self.last_register.q.val() > self.outer.last.val())));
        self.refused.next = self.refused_register.q.val();

        self.outer.place.next = self.place.val();
        self.outer.enter_first.next = self.next_register.q.val();
        self.outer.enter_last.next = self.last_register.q.val();
        self.outer.enter_count.next = self.count.val();
        self.outer.enter_stride.next = self.stride.val();
        self.outer.enter_moves.next = self.moves.val();
        self.outer.enter.next =
            self.advance.val() && self.begins_loop.val() && !self.outer.active.val();
        self.outer.again.next = self.advance.val() && self.outer_again.val();
        self.outer.clear.next = self.clear.val() || (self.advance.val() && self.outer_done.val());

        self.inner.place.next = self.place.val();
        self.inner.enter_first.next = self.next_register.q.val();
        self.inner.enter_last.next = self.last_register.q.val();
        self.inner.enter_count.next = self.count.val();
        self.inner.enter_stride.next = self.stride.val();
        self.inner.enter_moves.next = self.moves.val();
        self.inner.enter.next =
            self.advance.val() && self.begins_loop.val() && self.outer.active.val();
        self.inner.again.next = self.advance.val() && self.inner_again.val();
        self.inner.clear.next = self.clear.val() || (self.advance.val() && self.inner_done.val());

        self.add_a_register.d.next = self.outer.add_a.val() + self.inner.add_a.val();
        self.add_b_register.d.next = self.outer.add_b.val() + self.inner.add_b.val();
        self.add_a.next = self.add_a_register.q.val();
        self.add_b.next = self.add_b_register.q.val();
    }
}
