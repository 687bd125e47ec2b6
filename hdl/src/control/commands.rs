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
    valid_register: Register<Bit>,
    kind_register: Register<Word<4>>,
    address_register: Register<Word<20>>,
    data_register: Register<Word<36>>,
    aborts: Signal<Local, Bit>,
    taken: Signal<Local, Bit>,
    controls: Signal<Local, Bit>,
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
            valid_register: Register::default(),
            kind_register: Register::default(),
            address_register: Register::default(),
            data_register: Register::default(),
            aborts: Signal::default(),
            taken: Signal::default(),
            controls: Signal::default(),
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
            valid_register,
            kind_register,
            address_register,
            data_register
        );
        // What follows a start, or a clearing of the tags, waits until it is known what came of it.
        self.controls.next =
            self.valid_register.q.val() && (self.kind_register.q.val() == self.kind_control.val());
        self.aborts.next = (self.kind.val() == self.kind_control.val())
            && (self.address.val() == self.address_abort.val());
        self.ready.next = (!self.busy.val() && !self.controls.val()) || self.aborts.val();
        self.taken.next =
            self.valid.val() && ((!self.busy.val() && !self.controls.val()) || self.aborts.val());
        self.valid_register.d.next = self.taken.val();
        self.kind_register.d.next = self.kind.val();
        self.address_register.d.next = self.address.val();
        self.data_register.d.next = self.data.val();

        self.start.next =
            self.controls.val() && (self.address_register.q.val() == self.address_start.val());
        self.abort.next =
            self.controls.val() && (self.address_register.q.val() == self.address_abort.val());
        self.clear_error.next = self.controls.val()
            && (self.address_register.q.val() == self.address_clear_error.val());
        self.clear_tags.next =
            self.controls.val() && (self.address_register.q.val() == self.address_clear_tags.val());
        self.write_program.next =
            self.valid_register.q.val() && (self.kind_register.q.val() == self.kind_program.val());
        self.write_constant.next =
            self.valid_register.q.val() && (self.kind_register.q.val() == self.kind_constant.val());
        self.write_limb.next =
            self.valid_register.q.val() && (self.kind_register.q.val() == self.kind_limb.val());
        self.write_twiddle.next =
            self.valid_register.q.val() && (self.kind_register.q.val() == self.kind_twiddle.val());
        self.write_address.next = self.address_register.q.val();
        self.write_data.next = self.data_register.q.val();
    }
}
