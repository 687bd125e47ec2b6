//! Everything that controls: commands, program, checks, status.
//!
//! A program runs one instruction at a time. [`Fetch`] follows loops, fetches, decodes and adds increments;
//! [`Limbs`] and [`Operands`] make what the datapath broadcasts; [`Tags`] checks the slots read; [`Sequencer`] steps;
//! [`Issue`] holds what the datapath executes while the front prepares the next instruction; [`Faults`] and
//! [`Status`] remember. Nothing here depends on data: cycles do not, and `docs/hardware.md` says why errors may.
//!
//! **Cycles.** Let D be the cycle in which an instruction is done. The next one is looked up in cycle D + 1, checked
//! in D + 2, and `start` is high in D + 3, if the front was ready, that is if there were three cycles from `start` to
//! D. `LOOP` and `SYNC` are done when they are checked, and what follows them has to be fetched
//! first. So every instruction costs a constant: [`ISSUE_CYCLES`] and what the datapath takes from `start` to `done`;
//! or [`LOOP_CYCLES`], [`SYNC_CYCLES`], [`HALT_CYCLES`], the last including the first fetch of a program.
mod bounds;
mod commands;
mod counter;
mod decoder;
mod faults;
mod fetch;
mod fields;
mod issue;
mod limbs;
mod loops;
mod operands;
mod sequencer;
mod status;
mod tags;
#[cfg(test)]
mod tests;

pub use bounds::Bounds;
pub use commands::Commands;
pub use counter::{Counter, CounterPart};
pub use decoder::Decoder;
pub use faults::Faults;
pub use fetch::Fetch;
pub use fields::{Fields, WithOperands};
pub use issue::Issue;
pub use limbs::Limbs;
pub use loops::{Level, Loops};
pub use operands::Operands;
pub use sequencer::Sequencer;
pub use status::Status;
pub use tags::Tags;

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;
use rust_hdl::widgets::dff_setup;

use crate::leaf::Register;
use crate::shape::Shape;
use crate::word::Word;

/// Cycles from the end of the instruction before to `start`: looked up, checked, started.
pub const ISSUE_CYCLES: u64 = 3;
/// All cycles of a `LOOP`: looked up, checked, and until the instruction behind it is ready.
pub const LOOP_CYCLES: u64 = 2 + Fetch::READY;
/// All cycles of a `SYNC` that are no stalls.
pub const SYNC_CYCLES: u64 = 2 + Fetch::READY;
/// All cycles of a `HALT`, those before the program's first instruction is ready included.
pub const HALT_CYCLES: u64 = 2 + Fetch::READY;
/// Fewest cycles from `start` to `done` of an instruction for the front to be ready behind it.
pub const LEAST_EXECUTION_CYCLES: u64 = Fetch::READY - 1;

/// The control of a machine.
#[derive(Clone, Debug, SettledBlock)]
pub struct Control {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// A command is offered.
    pub command_valid: Signal<In, Bit>,
    /// It is taken.
    pub command_ready: Signal<Out, Bit>,
    /// Its kind.
    pub command_kind: Signal<In, Word<4>>,
    /// Its address.
    pub command_address: Signal<In, Word<20>>,
    /// Its data.
    pub command_data: Signal<In, Word<36>>,
    /// What status is asked.
    pub status_address: Signal<In, Word<8>>,
    /// What was asked in the cycle before.
    pub status_data: Signal<Out, Word<36>>,
    /// A program runs, or has ended less than four cycles ago.
    pub running: Signal<Out, Bit>,
    /// An instruction has just completed.
    pub retired: Signal<Out, Bit>,
    /// The operands below stand, and the datapath begins.
    pub start: Signal<Out, Bit>,
    /// The ISA's number of the instruction.
    pub op: Signal<Out, Word<5>>,
    /// `LD` of small integers.
    pub weights: Signal<Out, Bit>,
    /// Operand a, if it is a slot.
    pub slot_a: Signal<Out, Word<7>>,
    /// Operand b, if it is a slot.
    pub slot_b: Signal<Out, Word<7>>,
    /// Destination.
    pub slot_dst: Signal<Out, Word<7>>,
    /// Operand a is the stream.
    pub stream_a: Signal<Out, Bit>,
    /// Operand b is the stream.
    pub stream_b: Signal<Out, Bit>,
    /// Modulus of the instruction's limb.
    pub qh: Signal<Out, Word<17>>,
    /// Broadcast factor: the constant of `MULI`, −2^36 mod q for `SUB`, else 2^36 mod q.
    pub factor: Signal<Out, Word<36>>,
    /// `RED`: modulus that a is read under.
    pub source_qh: Signal<Out, Word<17>>,
    /// `RED`: (q − q_from) mod q.
    pub addend: Signal<Out, Word<36>>,
    /// Twiddles of the paired stages.
    pub twiddle_base: Signal<Out, Word<17>>,
    /// Twiddles of the row stages.
    pub row_base: Signal<Out, Word<17>>,
    /// `AUT`: h.
    pub galois: Signal<Out, Word<13>>,
    /// The datapath forgets the running instruction.
    pub flush: Signal<Out, Bit>,
    /// The datapath has completed the instruction.
    pub done: Signal<In, Bit>,
    /// It waits for a stream.
    pub stall: Signal<In, Bit>,
    /// It met a stream word that is no residue.
    pub bad: Signal<In, Bit>,
    /// No word of a store is left inside; known one cycle late.
    pub drained: Signal<In, Bit>,
    /// Write a word of a twiddle memory.
    pub twiddle_write: Signal<Out, Bit>,
    /// Lane·2^17 + address.
    pub twiddle_address: Signal<Out, Word<20>>,
    /// The word.
    pub twiddle_data: Signal<Out, Word<36>>,
    commands: Commands,
    fetch: Fetch,
    fields: Fields,
    limbs: Limbs,
    operands: Operands,
    tags: Tags,
    sequencer: Sequencer,
    issue: Issue,
    faults: Faults,
    status: Status,
    restart: Register<Bit>,
    ended: Register<Bit>,
    ended_before: Register<Bit>,
    ended_long: Register<Bit>,
    busy: Signal<Local, Bit>,
    limb_a: Signal<Local, Word<4>>,
}

impl Control {
    /// The control of a machine of this shape, with nothing written to it.
    pub fn new(shape: &Shape) -> Self {
        Self {
            clock: Signal::default(),
            command_valid: Signal::default(),
            command_ready: Signal::default(),
            command_kind: Signal::default(),
            command_address: Signal::default(),
            command_data: Signal::default(),
            status_address: Signal::default(),
            status_data: Signal::default(),
            running: Signal::default(),
            retired: Signal::default(),
            start: Signal::default(),
            op: Signal::default(),
            weights: Signal::default(),
            slot_a: Signal::default(),
            slot_b: Signal::default(),
            slot_dst: Signal::default(),
            stream_a: Signal::default(),
            stream_b: Signal::default(),
            qh: Signal::default(),
            factor: Signal::default(),
            source_qh: Signal::default(),
            addend: Signal::default(),
            twiddle_base: Signal::default(),
            row_base: Signal::default(),
            galois: Signal::default(),
            flush: Signal::default(),
            done: Signal::default(),
            stall: Signal::default(),
            bad: Signal::default(),
            drained: Signal::default(),
            twiddle_write: Signal::default(),
            twiddle_address: Signal::default(),
            twiddle_data: Signal::default(),
            commands: Commands::default(),
            fetch: Fetch::new(shape),
            fields: Fields::default(),
            limbs: Limbs::new(shape),
            operands: Operands::new(shape),
            tags: Tags::new(shape),
            sequencer: Sequencer::default(),
            issue: Issue::default(),
            faults: Faults::default(),
            status: Status::new(shape),
            restart: Register::default(),
            ended: Register::default(),
            ended_before: Register::default(),
            ended_long: Register::default(),
            busy: Signal::default(),
            limb_a: Signal::default(),
        }
    }

    /// The limb that a slot was written under, if it was, without a cycle.
    pub fn peek_tag(&self, slot: usize) -> Option<u8> {
        let tag = self.tags.peek(slot)?;
        tag.get_bit(4).then(|| tag.get_bits::<4>(0).value() as u8)
    }
}

impl Logic for Control {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(
            self, clock, commands, fetch, limbs, operands, tags, sequencer, issue, faults, status
        );
        dff_setup!(self, clock, restart, ended, ended_before, ended_long);

        // The counters take three cycles to settle after the last instruction.
        self.ended.d.next = self.sequencer.running.val();
        self.ended_before.d.next = self.ended.q.val();
        self.ended_long.d.next = self.ended_before.q.val();
        self.busy.next = self.restart.q.val()
            || self.sequencer.running.val()
            || self.ended.q.val()
            || self.ended_before.q.val()
            || self.ended_long.q.val();
        self.running.next = self.busy.val();

        self.commands.valid.next = self.command_valid.val();
        self.commands.kind.next = self.command_kind.val();
        self.commands.address.next = self.command_address.val();
        self.commands.data.next = self.command_data.val();
        self.commands.busy.next = self.busy.val() || self.tags.clearing.val();
        self.command_ready.next = self.commands.ready.val();
        self.twiddle_write.next = self.commands.write_twiddle.val();
        self.twiddle_address.next = self.commands.write_address.val();
        self.twiddle_data.next = self.commands.write_data.val();
        self.restart.d.next = self.commands.start.val() && !self.faults.stands.val();

        self.fetch.write.next = self.commands.write_program.val();
        self.fetch.write_address.next = self.commands.write_address.val().get_bits::<10>(0);
        self.fetch.write_data.next = self.commands.write_data.val().get_bits::<32>(0);
        self.fetch.restart.next = self.restart.q.val();
        self.fetch.advance.next = self.sequencer.advance.val();
        self.fields.word.next = self.fetch.word.val();

        self.limbs.write.next = self.commands.write_limb.val();
        self.limbs.write_limb.next = self.commands.write_address.val().get_bits::<4>(2);
        self.limbs.write_field.next = self.commands.write_address.val().get_bits::<2>(0);
        self.limbs.write_data.next = self.commands.write_data.val();
        self.limbs.limb.next = self.fields.limb.val();
        self.limbs.source.next = self.fields.b.val().get_bits::<4>(0);

        self.operands.write.next = self.commands.write_constant.val();
        self.operands.write_address.next = self.commands.write_address.val().get_bits::<7>(0);
        self.operands.write_data.next = self.commands.write_data.val();
        self.operands.constant.next = self.fetch.constant.val();
        self.operands.qh.next = self.limbs.qh.val();
        self.operands.source_qh.next = self.limbs.source_qh.val();
        self.operands.one.next = self.limbs.one.val();
        self.operands.multiply_constant.next = self.fetch.multiply_constant.val();
        self.operands.subtract.next = self.fetch.subtract.val();

        // ST has no limb and AUT takes that of a.
        self.limb_a.next = self.fields.limb.val();
        if self.fetch.reduce.val() {
            self.limb_a.next = self.fields.b.val().get_bits::<4>(0);
        }
        self.tags.a.next = self.fields.a.val();
        self.tags.b.next = self.fields.b.val();
        self.tags.dst.next = self.fields.dst.val();
        self.tags.reads_a.next = self.fetch.reads_a.val();
        self.tags.reads_b.next = self.fetch.reads_b.val();
        self.tags.reads_dst.next = self.fetch.reads_dst.val();
        self.tags.any_limb.next = !self.fetch.has_limb.val();
        self.tags.limb_a.next = self.limb_a.val();
        self.tags.limb.next = self.fields.limb.val();
        self.tags.write.next = self.sequencer.tag.val();
        self.tags.write_slot.next = self.issue.slot_dst.val();
        self.tags.write_valid.next = self.sequencer.tag_valid.val();
        self.tags.write_limb.next = self.issue.limb.val();
        self.tags.clear.next = self.commands.clear_tags.val();
        self.tags.shown_slot.next = self.status_address.val().get_bits::<7>(0);

        self.sequencer.restart.next = self.restart.q.val();
        self.sequencer.abandon.next = self.commands.abort.val();
        self.sequencer.ready.next = self.fetch.ready.val();
        self.sequencer.beyond.next = self.fetch.place.val().get_bit(10);
        self.sequencer.legal.next = self.fetch.legal.val();
        self.sequencer.fits.next = self.fetch.fits.val();
        self.sequencer.loop_refused.next = self.fetch.loop_refused.val();
        self.sequencer.has_limb.next = self.fetch.has_limb.val();
        self.sequencer.known.next = self.limbs.known.val();
        self.sequencer.reduce.next = self.fetch.reduce.val();
        self.sequencer.source_known.next = self.limbs.source_known.val();
        self.sequencer.unwritten.next = self.tags.unwritten.val();
        self.sequencer.wrong_limb.next = self.tags.wrong.val();
        self.sequencer.bad_constant.next = self.operands.fault.val();
        self.sequencer.begins_loop.next = self.fetch.begins_loop.val();
        self.sequencer.sync.next = self.fetch.sync.val();
        self.sequencer.halt.next = self.fetch.halt.val();
        self.sequencer.issued_writes.next = self.issue.writes.val();
        self.sequencer.issued_transform.next = self.issue.transform.val();
        self.sequencer.done.next = self.done.val();
        self.sequencer.stall.next = self.stall.val();
        self.sequencer.bad.next = self.bad.val();
        self.sequencer.drained.next = self.drained.val();
        self.retired.next = self.sequencer.retired.val();
        self.start.next = self.sequencer.start.val();
        self.flush.next = self.sequencer.flush.val();

        self.issue.take.next = self.sequencer.issue.val();
        self.issue.next_place.next = self.fetch.place.val();
        self.issue.next_word.next = self.fetch.word.val();
        self.issue.next_stream_a.next = self.fetch.stream_a.val();
        self.issue.next_stream_b.next = self.fetch.stream_b.val();
        self.issue.next_writes.next = self.fetch.writes.val();
        self.issue.next_transform.next = self.fetch.transform.val();
        self.issue.next_limb.next = self.fields.limb.val();
        if self.fetch.automorphism.val() {
            self.issue.next_limb.next = self.tags.found_a.val();
        }
        self.issue.next_qh.next = self.limbs.qh.val();
        self.issue.next_factor.next = self.operands.factor.val();
        self.issue.next_source_qh.next = self.limbs.source_qh.val();
        self.issue.next_addend.next = self.operands.addend.val();
        self.issue.next_twiddle_base.next = self.limbs.twiddle_base.val();
        self.issue.next_row_base.next = self.limbs.row_base.val();
        self.op.next = self.issue.op.val();
        self.weights.next = self.issue.weights.val();
        self.slot_a.next = self.issue.slot_a.val();
        self.slot_b.next = self.issue.slot_b.val();
        self.slot_dst.next = self.issue.slot_dst.val();
        self.stream_a.next = self.issue.stream_a.val();
        self.stream_b.next = self.issue.stream_b.val();
        self.qh.next = self.issue.qh.val();
        self.factor.next = self.issue.factor.val();
        self.source_qh.next = self.issue.source_qh.val();
        self.addend.next = self.issue.addend.val();
        self.twiddle_base.next = self.issue.twiddle_base.val();
        self.row_base.next = self.issue.row_base.val();
        self.galois.next = self.issue.galois.val();

        self.faults.clear.next = self.commands.clear_error.val();
        self.faults.take.next = self.sequencer.fault.val();
        self.faults.code.next = self.sequencer.fault_code.val();
        self.faults.issued.next = self.sequencer.fault_issued.val();
        self.faults.checked_place.next = self.fetch.place.val();
        self.faults.checked_word.next = self.fetch.word.val();
        self.faults.issued_place.next = self.issue.place.val();
        self.faults.issued_word.next = self.issue.word.val();
        self.faults.slot.next = self.tags.slot.val();
        self.faults.expected.next = self.tags.expected.val();
        self.faults.found.next = self.tags.found.val();

        self.status.address.next = self.status_address.val();
        self.status_data.next = self.status.data.val();
        self.status.clear.next = self.restart.q.val();
        self.status.cycle.next = self.sequencer.cycle.val();
        self.status.stalled.next = self.sequencer.stalled.val();
        self.status.retired.next = self.sequencer.retired.val();
        self.status.retired_transform.next = self.sequencer.retired_transform.val();
        self.status.running.next = self.busy.val();
        self.status.drained.next = self.drained.val();
        self.status.error_code.next = self.faults.error_code.val();
        self.status.error_place.next = self.faults.error_place.val();
        self.status.error_word.next = self.faults.error_word.val();
        self.status.error_detail.next = self.faults.error_detail.val();
        self.status.tag.next = self.tags.shown.val();
    }
}
