//! The ring processor: control and datapath, and the ports of `docs/hardware.md`.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use crate::control::Control;
use crate::datapath::Datapath;
use crate::shape::Shape;
use crate::word::Word;

/// A machine with nothing written to it.
#[derive(Clone, Debug, SettledBlock)]
pub struct Machine {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// A command is offered.
    pub command_valid: Signal<In, Bit>,
    /// It is taken; a matter of kind and address, not of `command_valid`.
    pub command_ready: Signal<Out, Bit>,
    /// Its kind, as in [`ports::command`](crate::ports::command).
    pub command_kind: Signal<In, Word<4>>,
    /// Its address.
    pub command_address: Signal<In, Word<20>>,
    /// Its data.
    pub command_data: Signal<In, Word<36>>,
    /// A beat stands at the input.
    pub input_valid: Signal<In, Bit>,
    /// It is taken.
    pub input_ready: Signal<Out, Bit>,
    /// The beat: a word of each lane, or one in lane 0.
    pub input_data: Vec<Signal<In, Word<36>>>,
    /// A word stands at the output.
    pub output_valid: Signal<Out, Bit>,
    /// It is taken.
    pub output_ready: Signal<In, Bit>,
    /// The word.
    pub output_data: Signal<Out, Word<36>>,
    /// What status is asked, as in [`ports::status`](crate::ports::status).
    pub status_address: Signal<In, Word<8>>,
    /// What was asked in the cycle before.
    pub status_data: Signal<Out, Word<36>>,
    /// A program runs.
    pub running: Signal<Out, Bit>,
    /// An instruction has just completed.
    pub retired: Signal<Out, Bit>,
    control: Control,
    datapath: Datapath,
    _lanes: usize,
}

impl Machine {
    /// The machine of a shape.
    pub fn new(shape: &Shape) -> Self {
        Self {
            clock: Signal::default(),
            command_valid: Signal::default(),
            command_ready: Signal::default(),
            command_kind: Signal::default(),
            command_address: Signal::default(),
            command_data: Signal::default(),
            input_valid: Signal::default(),
            input_ready: Signal::default(),
            input_data: vec![Signal::default(); shape.butterflies()],
            output_valid: Signal::default(),
            output_ready: Signal::default(),
            output_data: Signal::default(),
            status_address: Signal::default(),
            status_data: Signal::default(),
            running: Signal::default(),
            retired: Signal::default(),
            control: Control::new(shape),
            datapath: Datapath::new(shape),
            _lanes: shape.butterflies(),
        }
    }

    /// The shape it was built for.
    pub fn shape(&self) -> &Shape {
        self.datapath.shape()
    }

    /// The control, to look at its tags.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// The datapath, to look into its memories.
    pub fn datapath(&self) -> &Datapath {
        &self.datapath
    }
}

impl Logic for Machine {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, control, datapath);
        self.control.command_valid.next = self.command_valid.val();
        self.command_ready.next = self.control.command_ready.val();
        self.control.command_kind.next = self.command_kind.val();
        self.control.command_address.next = self.command_address.val();
        self.control.command_data.next = self.command_data.val();
        self.control.status_address.next = self.status_address.val();
        self.status_data.next = self.control.status_data.val();
        self.running.next = self.control.running.val();
        self.retired.next = self.control.retired.val();

        self.datapath.start.next = self.control.start.val();
        self.datapath.op.next = self.control.op.val();
        self.datapath.weights.next = self.control.weights.val();
        self.datapath.slot_a.next = self.control.slot_a.val();
        self.datapath.slot_b.next = self.control.slot_b.val();
        self.datapath.slot_dst.next = self.control.slot_dst.val();
        self.datapath.stream_a.next = self.control.stream_a.val();
        self.datapath.stream_b.next = self.control.stream_b.val();
        self.datapath.qh.next = self.control.qh.val();
        self.datapath.factor.next = self.control.factor.val();
        self.datapath.source_qh.next = self.control.source_qh.val();
        self.datapath.addend.next = self.control.addend.val();
        self.datapath.twiddle_base.next = self.control.twiddle_base.val();
        self.datapath.row_base.next = self.control.row_base.val();
        self.datapath.galois.next = self.control.galois.val();
        self.datapath.flush.next = self.control.flush.val();
        self.datapath.twiddle_write.next = self.control.twiddle_write.val();
        self.datapath.twiddle_address.next = self.control.twiddle_address.val();
        self.datapath.twiddle_data.next = self.control.twiddle_data.val();
        self.control.done.next = self.datapath.done.val();
        self.control.stall.next = self.datapath.stall.val();
        self.control.bad.next = self.datapath.bad.val();
        self.control.drained.next = self.datapath.drained.val();

        self.datapath.input_valid.next = self.input_valid.val();
        self.input_ready.next = self.datapath.input_ready.val();
        for i in 0..self._lanes {
            self.datapath.input_data[i].next = self.input_data[i].val();
        }
        self.output_valid.next = self.datapath.output_valid.val();
        self.datapath.output_ready.next = self.output_ready.val();
        self.output_data.next = self.datapath.output_data.val();
    }
}

#[cfg(test)]
mod tests;
