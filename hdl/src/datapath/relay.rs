//! What the lanes are told, on its way to two of them.
//!
//! The lanes lie all over the die, and no wire crosses it in a cycle of a fast clock. So everything that all lanes are told
//! passes through a register on the way. Lanes u and B − 1 − u, which exchange their twiddles and lie side by side,
//! share one such relay.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use super::bundles::{Command, Read, Route, Tag, TwiddleWrite};
use crate::leaf::{MaskedRegister, Register};
use crate::shape::ADDRESS_BITS;
use crate::word::Word;

/// A relay: everything leaves one cycle after it came.
#[derive(Clone, Debug, Default, SettledBlock)]
pub struct Relay {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Always 0: a neighbour's [`Self::passed`] (see [`Lane`](super::lane::Lane)).
    pub asleep: Signal<In, Bit>,
    /// The same, one cycle later.
    pub passed: Signal<Out, Bit>,
    /// The instruction.
    pub command: Signal<In, Command>,
    /// What the low banks read.
    pub read: Signal<In, Read>,
    /// Address in the twiddle memories.
    pub twiddle_address: Signal<In, Word<ADDRESS_BITS>>,
    /// Which words meet.
    pub route: Signal<In, Route>,
    /// What is written.
    pub tag: Signal<In, Tag>,
    /// A twiddle to load.
    pub twiddle_write: Signal<In, TwiddleWrite>,
    /// A word of `LD`.
    pub word: Signal<In, Word<36>>,
    /// The instruction, later.
    pub late_command: Signal<Out, Command>,
    /// What the low banks read, later.
    pub late_read: Signal<Out, Read>,
    /// Address in the twiddle memories, later.
    pub late_twiddle_address: Signal<Out, Word<ADDRESS_BITS>>,
    /// Which words meet, later.
    pub late_route: Signal<Out, Route>,
    /// What is written, later.
    pub late_tag: Signal<Out, Tag>,
    /// A twiddle to load, later.
    pub late_twiddle_write: Signal<Out, TwiddleWrite>,
    /// A word of `LD`, later.
    pub late_word: Signal<Out, Word<36>>,

    sleep: Register<Bit>,
    commands: MaskedRegister<Command>,
    reads: MaskedRegister<Read>,
    twiddle_rows: MaskedRegister<Word<ADDRESS_BITS>>,
    routes: MaskedRegister<Route>,
    tags: MaskedRegister<Tag>,
    writes: MaskedRegister<TwiddleWrite>,
    words: MaskedRegister<Word<36>>,
}

impl Logic for Relay {
    #[hdl_gen]
    fn update(&mut self) {
        self.sleep.clock.next = self.clock.val();
        self.commands.clock.next = self.clock.val();
        self.reads.clock.next = self.clock.val();
        self.twiddle_rows.clock.next = self.clock.val();
        self.routes.clock.next = self.clock.val();
        self.tags.clock.next = self.clock.val();
        self.writes.clock.next = self.clock.val();
        self.words.clock.next = self.clock.val();

        self.sleep.d.next = self.asleep.val();
        self.passed.next = self.sleep.q.val();
        self.commands.keep.next = !self.sleep.q.val();
        self.reads.keep.next = !self.sleep.q.val();
        self.twiddle_rows.keep.next = !self.sleep.q.val();
        self.routes.keep.next = !self.sleep.q.val();
        self.tags.keep.next = !self.sleep.q.val();
        self.writes.keep.next = !self.sleep.q.val();
        self.words.keep.next = !self.sleep.q.val();

        self.commands.d.next = self.command.val();
        self.reads.d.next = self.read.val();
        self.twiddle_rows.d.next = self.twiddle_address.val();
        self.routes.d.next = self.route.val();
        self.tags.d.next = self.tag.val();
        self.writes.d.next = self.twiddle_write.val();
        self.words.d.next = self.word.val();
        self.late_command.next = self.commands.q.val();
        self.late_read.next = self.reads.q.val();
        self.late_twiddle_address.next = self.twiddle_rows.q.val();
        self.late_route.next = self.routes.q.val();
        self.late_tag.next = self.tags.q.val();
        self.late_twiddle_write.next = self.writes.q.val();
        self.late_word.next = self.words.q.val();
    }
}
