//! The command port: one write a cycle, taken into a register and acted on in the next cycle.
//!
//! While a program runs, or the tags are being cleared, only an abort is taken; other commands wait at the port.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;
use rust_hdl::widgets::dff_setup;

use crate::leaf::Register;
use crate::ports::{command, control};
use crate::word::Word;

/// The port. The outputs but `ready` belong to the command taken one cycle before.
#[derive(Clone, Debug, SettledBlock)]
pub struct Commands {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// A command is offered.
    pub valid: Signal<In, Bit>,
    /// It is taken; a matter of `kind` and `address`, not of `valid`.
    pub ready: Signal<Out, Bit>,
    /// Its kind, as in [`command`].
    pub kind: Signal<In, Word<4>>,
    /// Its address.
    pub address: Signal<In, Word<20>>,
    /// Its data.
    pub data: Signal<In, Word<36>>,
    /// Nothing but an abort may be taken.
    pub busy: Signal<In, Bit>,
    /// Start the program.
    pub start: Signal<Out, Bit>,
    /// Abort it.
    pub abort: Signal<Out, Bit>,
    /// Clear the error.
    pub clear_error: Signal<Out, Bit>,
    /// Clear all tags.
    pub clear_tags: Signal<Out, Bit>,
    /// Write a word of the program.
    pub write_program: Signal<Out, Bit>,
    /// Write a constant.
    pub write_constant: Signal<Out, Bit>,
    /// Write a field of a limb's record.
    pub write_limb: Signal<Out, Bit>,
    /// Write a twiddle.
    pub write_twiddle: Signal<Out, Bit>,
    /// Where to.
    pub write_address: Signal<Out, Word<20>>,
    /// What.
    pub write_data: Signal<Out, Word<36>>,

    /// The command taken one cycle before is a control command; the registers after it: what it asks for.
    controls: Register<Bit>,
    starts: Register<Bit>,
    aborts: Register<Bit>,
    clears_error: Register<Bit>,
    clears_tags: Register<Bit>,
    writes_program: Register<Bit>,
    writes_constant: Register<Bit>,
    writes_limb: Register<Bit>,
    writes_twiddle: Register<Bit>,
    address_register: Register<Word<20>>,
    data_register: Register<Word<36>>,
    is_control: Signal<Local, Bit>,
    is_abort: Signal<Local, Bit>,
    open: Signal<Local, Bit>,
    taken: Signal<Local, Bit>,
    kind_control: Constant<Word<4>>,
    kind_program: Constant<Word<4>>,
    kind_constant: Constant<Word<4>>,
    kind_limb: Constant<Word<4>>,
    kind_twiddle: Constant<Word<4>>,
    address_start: Constant<Word<20>>,
    address_abort: Constant<Word<20>>,
    address_clear_error: Constant<Word<20>>,
    address_clear_tags: Constant<Word<20>>,
}

impl Default for Commands {
    fn default() -> Self {
        let kind = |kind: u64| Constant::new(Word::new(kind));
        let address = |address: u64| Constant::new(Word::new(address));
        Self {
            clock: Signal::default(),
            valid: Signal::default(),
            ready: Signal::default(),
            kind: Signal::default(),
            address: Signal::default(),
            data: Signal::default(),
            busy: Signal::default(),
            start: Signal::default(),
            abort: Signal::default(),
            clear_error: Signal::default(),
            clear_tags: Signal::default(),
            write_program: Signal::default(),
            write_constant: Signal::default(),
            write_limb: Signal::default(),
            write_twiddle: Signal::default(),
            write_address: Signal::default(),
            write_data: Signal::default(),
            controls: Register::default(),
            starts: Register::default(),
            aborts: Register::default(),
            clears_error: Register::default(),
            clears_tags: Register::default(),
            writes_program: Register::default(),
            writes_constant: Register::default(),
            writes_limb: Register::default(),
            writes_twiddle: Register::default(),
            address_register: Register::default(),
            data_register: Register::default(),
            is_control: Signal::default(),
            is_abort: Signal::default(),
            open: Signal::default(),
            taken: Signal::default(),
            kind_control: kind(command::CONTROL),
            kind_program: kind(command::PROGRAM),
            kind_constant: kind(command::CONSTANT),
            kind_limb: kind(command::LIMB),
            kind_twiddle: kind(command::TWIDDLE),
            address_start: address(control::START),
            address_abort: address(control::ABORT),
            address_clear_error: address(control::CLEAR_ERROR),
            address_clear_tags: address(control::CLEAR_TAGS),
        }
    }
}

impl Logic for Commands {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            controls,
            starts,
            aborts,
            clears_error,
            clears_tags,
            writes_program,
            writes_constant,
            writes_limb,
            writes_twiddle,
            address_register,
            data_register
        );
        // What follows a start, or a clearing of the tags, waits until it is known what came of it.
        self.open.next = !self.busy.val() && !self.controls.q.val();
        self.is_control.next = self.kind.val() == self.kind_control.val();
        self.is_abort.next =
            self.is_control.val() && (self.address.val() == self.address_abort.val());
        self.ready.next = self.open.val() || self.is_abort.val();
        self.taken.next = self.valid.val() && self.open.val();
        self.address_register.d.next = self.address.val();
        self.data_register.d.next = self.data.val();

        // Decoded before the registers, because every part of the machine listens to them.
        self.aborts.d.next = self.valid.val() && self.is_abort.val();
        self.controls.d.next = (self.taken.val() && self.is_control.val())
            || (self.valid.val() && self.is_abort.val());
        self.starts.d.next = self.taken.val()
            && self.is_control.val()
            && (self.address.val() == self.address_start.val());
        self.clears_error.d.next = self.taken.val()
            && self.is_control.val()
            && (self.address.val() == self.address_clear_error.val());
        self.clears_tags.d.next = self.taken.val()
            && self.is_control.val()
            && (self.address.val() == self.address_clear_tags.val());
        self.writes_program.d.next =
            self.taken.val() && (self.kind.val() == self.kind_program.val());
        self.writes_constant.d.next =
            self.taken.val() && (self.kind.val() == self.kind_constant.val());
        self.writes_limb.d.next = self.taken.val() && (self.kind.val() == self.kind_limb.val());
        self.writes_twiddle.d.next =
            self.taken.val() && (self.kind.val() == self.kind_twiddle.val());

        self.start.next = self.starts.q.val();
        self.abort.next = self.aborts.q.val();
        self.clear_error.next = self.clears_error.q.val();
        self.clear_tags.next = self.clears_tags.q.val();
        self.write_program.next = self.writes_program.q.val();
        self.write_constant.next = self.writes_constant.q.val();
        self.write_limb.next = self.writes_limb.q.val();
        self.write_twiddle.next = self.writes_twiddle.q.val();
        self.write_address.next = self.address_register.q.val();
        self.write_data.next = self.data_register.q.val();
    }
}
