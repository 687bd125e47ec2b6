//! A machine that is spoken to in bytes.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use super::Requests;
use crate::machine::Machine;
use crate::shape::Shape;
use crate::word::Word;

/// A machine behind [`Requests`].
#[derive(Clone, Debug, SettledBlock)]
pub struct ByteMachine {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// A byte has come.
    pub byte_valid: Signal<In, Bit>,
    /// The byte.
    pub byte_data: Signal<In, Word<8>>,
    /// Forget the bytes of a request that is not complete.
    pub reset: Signal<In, Bit>,
    /// There is a byte of an answer.
    pub answer_valid: Signal<Out, Bit>,
    /// The byte.
    pub answer: Signal<Out, Word<8>>,
    /// It is taken.
    pub answer_ready: Signal<In, Bit>,
    /// A program runs.
    pub running: Signal<Out, Bit>,
    requests: Requests,
    machine: Machine,
    _lanes: usize,
}

impl ByteMachine {
    /// A machine of a shape.
    pub fn new(shape: &Shape) -> Self {
        Self {
            clock: Signal::default(),
            byte_valid: Signal::default(),
            byte_data: Signal::default(),
            reset: Signal::default(),
            answer_valid: Signal::default(),
            answer: Signal::default(),
            answer_ready: Signal::default(),
            running: Signal::default(),
            requests: Requests::new(shape),
            machine: Machine::new(shape),
            _lanes: shape.butterflies(),
        }
    }
}

impl Logic for ByteMachine {
    #[hdl_gen]
    fn update(&mut self) {
        self.requests.clock.next = self.clock.val();
        self.machine.clock.next = self.clock.val();
        self.requests.byte_valid.next = self.byte_valid.val();
        self.requests.byte_data.next = self.byte_data.val();
        self.requests.reset.next = self.reset.val();
        self.requests.answer_ready.next = self.answer_ready.val();
        self.answer_valid.next = self.requests.answer_valid.val();
        self.answer.next = self.requests.answer.val();

        self.machine.command_valid.next = self.requests.command_valid.val();
        self.machine.command_kind.next = self.requests.command_kind.val();
        self.machine.command_address.next = self.requests.command_address.val();
        self.machine.command_data.next = self.requests.command_data.val();
        self.requests.command_ready.next = self.machine.command_ready.val();
        self.machine.input_valid.next = self.requests.input_valid.val();
        for i in 0..self._lanes {
            self.machine.input_data[i].next = self.requests.input_data[i].val();
        }
        self.requests.input_ready.next = self.machine.input_ready.val();
        self.requests.output_valid.next = self.machine.output_valid.val();
        self.requests.output_data.next = self.machine.output_data.val();
        self.machine.output_ready.next = self.requests.output_ready.val();
        self.machine.status_address.next = self.requests.status_address.val();
        self.requests.status_data.next = self.machine.status_data.val();
        self.running.next = self.machine.running.val();
    }
}
