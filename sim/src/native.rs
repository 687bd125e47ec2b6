//! The machine as its description in Rust models it, ticked by hand.
//!
//! In the model every change of the clock is an active edge, so a cycle is: set inputs, settle, change the clock, settle.

use addax_hdl::Shape;
use addax_hdl::machine::Machine;
use addax_hdl::word::Word;
use rust_hdl::core::prelude::*;

use crate::circuit::{CircuitError, Command};
use crate::ticked::Pins;

/// Rounds of updates in which the model must come to rest.
const ROUNDS: usize = 1_000;

/// The model of a machine.
pub struct Native {
    machine: Box<Machine>,
    shape: Shape,
}

impl Native {
    /// A machine with nothing written to it.
    ///
    /// # Errors
    /// A model that does not settle.
    pub fn new(shape: Shape) -> Result<Self, CircuitError> {
        let mut machine = Box::new(Machine::new(&shape));
        machine.connect_all();
        let mut native = Self { machine, shape };
        native.settle()?;
        Ok(native)
    }
}

impl Pins for Native {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn set_command(&mut self, command: Option<Command>) {
        let machine = &mut self.machine;
        machine.command_valid.next = command.is_some();
        if let Some(Command {
            kind,
            address,
            data,
        }) = command
        {
            machine.command_kind.next = Word::new(kind.into());
            machine.command_address.next = Word::new(address.into());
            machine.command_data.next = Word::new(data);
        }
    }

    fn set_input(&mut self, beat: Option<&[u64]>) {
        self.machine.input_valid.next = beat.is_some();
        let words = beat.unwrap_or_default();
        for (lane, &word) in self.machine.input_data.iter_mut().zip(words) {
            lane.next = Word::new(word);
        }
    }

    fn set_output_ready(&mut self, ready: bool) {
        self.machine.output_ready.next = ready;
    }

    fn set_status_address(&mut self, address: u64) {
        self.machine.status_address.next = Word::new(address);
    }

    fn settle(&mut self) -> Result<(), CircuitError> {
        for _ in 0..ROUNDS {
            self.machine.update_all();
            if !self.machine.has_changed() {
                return Ok(());
            }
        }
        Err(CircuitError::Unsettled)
    }

    fn clock(&mut self) -> Result<(), CircuitError> {
        self.machine.clock.next = !self.machine.clock.val();
        self.settle()
    }

    fn command_ready(&self) -> bool {
        self.machine.command_ready.val()
    }

    fn input_ready(&self) -> bool {
        self.machine.input_ready.val()
    }

    fn output(&self) -> Option<u64> {
        let shown = self.machine.output_valid.val();
        shown.then(|| self.machine.output_data.val().value())
    }

    fn status_data(&self) -> u64 {
        self.machine.status_data.val().value()
    }

    fn running(&self) -> bool {
        self.machine.running.val()
    }

    fn retired(&self) -> bool {
        self.machine.retired.val()
    }

    fn peek_slot(&mut self, slot: u8, words: &mut [u64]) {
        for (position, word) in words.iter_mut().enumerate() {
            let found = self.machine.datapath().peek(slot.into(), position);
            *word = found.unwrap_or_default();
        }
    }

    fn peek_tag(&mut self, slot: u8) -> Option<u8> {
        self.machine.control().peek_tag(slot.into())
    }
}
