//! From single cycles to batches: any model of the machine that can be ticked by hand is a [`Circuit`].
//!
//! The harness of the verilated machine does the same in C++, step by step.

use addax_hdl::Shape;

use crate::circuit::{Batch, COMMAND_CYCLES, Circuit, CircuitError, Command, Progress, Stop};
use crate::{StallClock, Stalls};

/// A model of the machine, cycle by cycle. Inputs keep their values until they are set again; outputs are those of the
/// last settling.
pub trait Pins {
    /// What it was built for.
    fn shape(&self) -> Shape;

    /// Sets the command port.
    fn set_command(&mut self, command: Option<Command>);

    /// Sets the input port: the words of the first lanes.
    fn set_input(&mut self, beat: Option<&[u64]>);

    /// Sets whether the output port may give a word.
    fn set_output_ready(&mut self, ready: bool);

    /// Sets the status register to read.
    fn set_status_address(&mut self, address: u64);

    /// Propagates the inputs.
    ///
    /// # Errors
    /// A model that does not settle.
    fn settle(&mut self) -> Result<(), CircuitError>;

    /// Makes one cycle pass with the settled inputs, and settles.
    ///
    /// # Errors
    /// A model that does not settle.
    fn clock(&mut self) -> Result<(), CircuitError>;

    /// Whether the command is taken in this cycle.
    fn command_ready(&self) -> bool;

    /// Whether the beat is taken in this cycle, if there is one.
    fn input_ready(&self) -> bool;

    /// The word shown at the output port.
    fn output(&self) -> Option<u64>;

    /// The status register whose address was set in the cycle before.
    fn status_data(&self) -> u64;

    /// Whether a program runs.
    fn running(&self) -> bool;

    /// Whether an instruction has just completed.
    fn retired(&self) -> bool;

    /// The n words of a slot.
    fn peek_slot(&mut self, slot: u8, words: &mut [u64]);

    /// The limb of a slot, if it was written.
    fn peek_tag(&mut self, slot: u8) -> Option<u8>;
}

/// Batches over a model that is ticked by hand.
pub struct Ticked<P> {
    pins: P,
    stalls: StallClock,
    /// What the stream ports are set to: which beat, and whether output is taken.
    beat: Option<Vec<u64>>,
    ready: bool,
}

impl<P: Pins> Ticked<P> {
    /// Starts with idle ports.
    pub fn new(mut pins: P) -> Self {
        pins.set_command(None);
        pins.set_input(None);
        pins.set_output_ready(false);
        Self {
            pins,
            stalls: StallClock::new(Stalls::NONE),
            beat: None,
            ready: false,
        }
    }

    /// The model.
    pub const fn pins(&mut self) -> &mut P {
        &mut self.pins
    }

    /// Sets the stream ports and settles if that changed anything.
    fn set_streams(&mut self, beat: Option<&[u64]>, ready: bool) -> Result<(), CircuitError> {
        let mut changed = false;
        if self.beat.as_deref() != beat {
            self.pins.set_input(beat);
            self.beat = beat.map(<[u64]>::to_vec);
            changed = true;
        }
        if self.ready != ready {
            self.pins.set_output_ready(ready);
            self.ready = ready;
            changed = true;
        }
        if changed { self.pins.settle() } else { Ok(()) }
    }
}

impl<P: Pins> Circuit for Ticked<P> {
    fn shape(&self) -> Shape {
        self.pins.shape()
    }

    fn command(&mut self, commands: &[Command]) -> Result<(), CircuitError> {
        self.set_streams(None, false)?;
        for &command in commands {
            self.pins.set_command(Some(command));
            self.pins.settle()?;
            let mut patience = COMMAND_CYCLES;
            loop {
                let taken = self.pins.command_ready();
                self.pins.clock()?;
                if taken {
                    break;
                }
                patience -= 1;
                if patience == 0 {
                    return Err(CircuitError::Refused);
                }
            }
        }
        // A command acts in the cycle after the one in which it is taken.
        self.pins.set_command(None);
        self.pins.settle()?;
        self.pins.clock()
    }

    fn status(&mut self, addresses: &[u64]) -> Result<Vec<u64>, CircuitError> {
        self.set_streams(None, false)?;
        let mut words = Vec::with_capacity(addresses.len());
        for &address in addresses {
            self.pins.set_status_address(address);
            self.pins.settle()?;
            self.pins.clock()?;
            words.push(self.pins.status_data());
        }
        Ok(words)
    }

    fn set_stalls(&mut self, stalls: Stalls) -> Result<(), CircuitError> {
        self.stalls = StallClock::new(stalls);
        Ok(())
    }

    fn advance(
        &mut self,
        batch: &Batch<'_>,
        output: &mut Vec<u64>,
    ) -> Result<Progress, CircuitError> {
        let mut beats = batch.input.chunks_exact(batch.lanes);
        let mut room = batch.room;
        let mut progress = Progress {
            stop: Stop::Cycles,
            beats: 0,
            running: 0,
            counted: 0,
        };
        progress.stop = loop {
            let running = self.pins.running();
            if !running && self.pins.output().is_none() && !batch.past_idle {
                break Stop::Idle;
            }
            if progress.counted == batch.cycles {
                break Stop::Cycles;
            }
            let [input_waits, output_waits] = self.stalls.tick();
            let beat = beats.clone().next();
            let offered = beat.filter(|_| !input_waits);
            self.set_streams(offered, room > 0 && !output_waits)?;
            let wanted = self.pins.input_ready();
            let shown = self.pins.output();
            if wanted && beat.is_none() && !input_waits {
                break Stop::Input;
            }
            if let Some(word) = shown
                && room == 0
                && !output_waits
            {
                break Stop::Output { word };
            }
            self.pins.clock()?;
            progress.running += u64::from(running);
            progress.counted += u64::from(!input_waits && !output_waits);
            if wanted && offered.is_some() {
                beats.next();
                progress.beats += 1;
            }
            if let Some(word) = shown.filter(|_| self.ready) {
                output.push(word);
                room -= 1;
            }
            if batch.to_retired && self.pins.retired() {
                break Stop::Retired;
            }
        };
        Ok(progress)
    }

    fn peek_slot(&mut self, slot: u8, words: &mut [u64]) -> Result<(), CircuitError> {
        self.pins.peek_slot(slot, words);
        Ok(())
    }

    fn peek_tag(&mut self, slot: u8) -> Result<Option<u8>, CircuitError> {
        Ok(self.pins.peek_tag(slot))
    }
}
