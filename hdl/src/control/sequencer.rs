//! The steps of an instruction: look its slots up, check it, hand it to the datapath, wait until it is done.
//!
//! Three states, one cycle each but for what they wait for. **Look up**: the tags of its slots are read; waits for
//! the front of the sequencer. **Check**: an instruction that fails ends the program; `LOOP`, `SYNC` and `HALT` are
//! done here, the others are started, and in either case the front goes on. `SYNC` stays here while words of a store are
//! left inside. **Execute**: until the datapath is done, finds a stream word that is no residue, or an abort.
//!
//! An abort that comes before the instruction was started ends the program at its check, where its place is known.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;
use rust_hdl::widgets::dff_setup;

use crate::leaf::Register;
use crate::ports::error;
use crate::word::Word;

/// The state machine.
#[derive(Clone, Debug, SettledBlock)]
pub struct Sequencer {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Start at place 0.
    pub restart: Signal<In, Bit>,
    /// End the program.
    pub abandon: Signal<In, Bit>,
    /// The instruction may be checked.
    pub ready: Signal<In, Bit>,
    /// It lies beyond program memory.
    pub beyond: Signal<In, Bit>,
    /// Its word is an instruction.
    pub legal: Signal<In, Bit>,
    /// The machine has what it names, limbs aside.
    pub fits: Signal<In, Bit>,
    /// It is a `LOOP` where none may stand.
    pub loop_refused: Signal<In, Bit>,
    /// It has a limb.
    pub has_limb: Signal<In, Bit>,
    /// That limb is known.
    pub known: Signal<In, Bit>,
    /// It is `RED` and has a source limb.
    pub reduce: Signal<In, Bit>,
    /// That limb is known.
    pub source_known: Signal<In, Bit>,
    /// It reads a slot that was never written.
    pub unwritten: Signal<In, Bit>,
    /// It reads a slot that was written under another limb.
    pub wrong_limb: Signal<In, Bit>,
    /// It reads a constant that is no residue.
    pub bad_constant: Signal<In, Bit>,
    /// It is `LOOP`.
    pub begins_loop: Signal<In, Bit>,
    /// It is `SYNC`.
    pub sync: Signal<In, Bit>,
    /// It is `HALT`.
    pub halt: Signal<In, Bit>,
    /// The instruction being executed has a destination.
    pub issued_writes: Signal<In, Bit>,
    /// It is a transform.
    pub issued_transform: Signal<In, Bit>,
    /// The datapath has completed it.
    pub done: Signal<In, Bit>,
    /// The datapath waits for a stream.
    pub stall: Signal<In, Bit>,
    /// The datapath met a stream word that is no residue.
    pub bad: Signal<In, Bit>,
    /// No word of a store is left inside; known one cycle late.
    pub drained: Signal<In, Bit>,
    /// The instruction is being checked: take its operands.
    pub issue: Signal<Out, Bit>,
    /// The front goes on.
    pub advance: Signal<Out, Bit>,
    /// The datapath begins.
    pub start: Signal<Out, Bit>,
    /// The datapath forgets what it does.
    pub flush: Signal<Out, Bit>,
    /// Write the tag of the destination.
    pub tag: Signal<Out, Bit>,
    /// As written, not as never written.
    pub tag_valid: Signal<Out, Bit>,
    /// A program runs.
    pub running: Signal<Out, Bit>,
    /// The program ends with an error.
    pub fault: Signal<Out, Bit>,
    /// Which.
    pub fault_code: Signal<Out, Word<4>>,
    /// It is the instruction being executed that met it, not the one being checked.
    pub fault_issued: Signal<Out, Bit>,
    /// An instruction has just completed.
    pub retired: Signal<Out, Bit>,
    /// It was a transform.
    pub retired_transform: Signal<Out, Bit>,
    /// The cycle before belonged to a program and was no stall.
    pub cycle: Signal<Out, Bit>,
    /// The cycle before was a stall.
    pub stalled: Signal<Out, Bit>,
    looking_up: Register<Bit>,
    checking: Register<Bit>,
    executing: Register<Bit>,
    start_register: Register<Bit>,
    flush_register: Register<Bit>,
    aborting: Register<Bit>,
    retired_register: Register<Bit>,
    transform_register: Register<Bit>,
    cycle_register: Register<Bit>,
    stalled_register: Register<Bit>,
    legal_register: Register<Bit>,
    legal_here: Signal<Local, Bit>,
    sound: Signal<Local, Bit>,
    waiting: Signal<Local, Bit>,
    passes: Signal<Local, Bit>,
    immediate: Signal<Local, Bit>,
    stall_now: Signal<Local, Bit>,
    any_state: Signal<Local, Bit>,
    code_none: Constant<Word<4>>,
    code_illegal: Constant<Word<4>>,
    code_unwritten: Constant<Word<4>>,
    code_wrong_limb: Constant<Word<4>>,
    code_constant: Constant<Word<4>>,
    code_residue: Constant<Word<4>>,
    code_aborted: Constant<Word<4>>,
    code_no_halt: Constant<Word<4>>,
}

impl Default for Sequencer {
    fn default() -> Self {
        let code = |code: u64| Constant::new(Word::new(code));
        Self {
            clock: Signal::default(),
            restart: Signal::default(),
            abandon: Signal::default(),
            ready: Signal::default(),
            beyond: Signal::default(),
            legal: Signal::default(),
            fits: Signal::default(),
            loop_refused: Signal::default(),
            has_limb: Signal::default(),
            known: Signal::default(),
            reduce: Signal::default(),
            source_known: Signal::default(),
            unwritten: Signal::default(),
            wrong_limb: Signal::default(),
            bad_constant: Signal::default(),
            begins_loop: Signal::default(),
            sync: Signal::default(),
            halt: Signal::default(),
            issued_writes: Signal::default(),
            issued_transform: Signal::default(),
            done: Signal::default(),
            stall: Signal::default(),
            bad: Signal::default(),
            drained: Signal::default(),
            issue: Signal::default(),
            advance: Signal::default(),
            start: Signal::default(),
            flush: Signal::default(),
            tag: Signal::default(),
            tag_valid: Signal::default(),
            running: Signal::default(),
            fault: Signal::default(),
            fault_code: Signal::default(),
            fault_issued: Signal::default(),
            retired: Signal::default(),
            retired_transform: Signal::default(),
            cycle: Signal::default(),
            stalled: Signal::default(),
            looking_up: Register::default(),
            checking: Register::default(),
            executing: Register::default(),
            start_register: Register::default(),
            flush_register: Register::default(),
            aborting: Register::default(),
            retired_register: Register::default(),
            transform_register: Register::default(),
            cycle_register: Register::default(),
            stalled_register: Register::default(),
            legal_register: Register::default(),
            legal_here: Signal::default(),
            sound: Signal::default(),
            waiting: Signal::default(),
            passes: Signal::default(),
            immediate: Signal::default(),
            stall_now: Signal::default(),
            any_state: Signal::default(),
            code_none: code(error::NONE),
            code_illegal: code(error::ILLEGAL),
            code_unwritten: code(error::UNWRITTEN),
            code_wrong_limb: code(error::WRONG_LIMB),
            code_constant: code(error::CONSTANT),
            code_residue: code(error::RESIDUE),
            code_aborted: code(error::ABORTED),
            code_no_halt: code(error::NO_HALT),
        }
    }
}

impl Logic for Sequencer {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            looking_up,
            checking,
            executing,
            start_register,
            flush_register,
            aborting,
            retired_register,
            transform_register,
            cycle_register,
            stalled_register,
            legal_register
        );
        self.any_state.next =
            self.looking_up.q.val() || self.checking.q.val() || self.executing.q.val();

        // What the check says; what is wrong first counts.
        self.legal_register.d.next = self.legal.val()
            && self.fits.val()
            && (self.known.val() || !self.has_limb.val())
            && (self.source_known.val() || !self.reduce.val());
        self.legal_here.next = self.legal_register.q.val() && !self.loop_refused.val();
        self.sound.next = self.legal_here.val()
            && !self.beyond.val()
            && !self.unwritten.val()
            && !self.wrong_limb.val()
            && !self.bad_constant.val()
            && !self.aborting.q.val();
        self.immediate.next = self.begins_loop.val() || self.sync.val() || self.halt.val();
        self.waiting.next = self.sync.val() && !self.drained.val();
        self.passes.next = self.checking.q.val() && self.sound.val() && !self.waiting.val();

        self.fault.next = false;
        self.fault_code.next = self.code_none.val();
        self.fault_issued.next = self.executing.q.val();
        if self.executing.q.val() {
            self.fault.next = self.bad.val() || self.aborting.q.val();
            self.fault_code.next = self.code_aborted.val();
            if self.bad.val() {
                self.fault_code.next = self.code_residue.val();
            }
        } else if self.checking.q.val() && !self.sound.val() {
            self.fault.next = true;
            if self.aborting.q.val() {
                self.fault_code.next = self.code_aborted.val();
            } else if self.beyond.val() {
                self.fault_code.next = self.code_no_halt.val();
            } else if !self.legal_here.val() {
                self.fault_code.next = self.code_illegal.val();
            } else if self.unwritten.val() {
                self.fault_code.next = self.code_unwritten.val();
            } else if self.wrong_limb.val() {
                self.fault_code.next = self.code_wrong_limb.val();
            } else {
                self.fault_code.next = self.code_constant.val();
            }
        }

        // The states. Where the program ends, none follows.
        if self.looking_up.q.val() && self.ready.val() {
            self.looking_up.d.next = false;
            self.checking.d.next = true;
        }
        if self.checking.q.val() && !(self.sound.val() && self.waiting.val()) {
            self.checking.d.next = false;
        }
        if self.passes.val() && !self.halt.val() {
            self.looking_up.d.next = self.immediate.val();
            self.executing.d.next = !self.immediate.val();
        }
        if self.executing.q.val() && (self.done.val() || self.bad.val() || self.aborting.q.val()) {
            self.executing.d.next = false;
            self.looking_up.d.next = !self.bad.val() && !self.aborting.q.val();
        }
        if self.restart.val() {
            self.looking_up.d.next = true;
        }
        if !self.any_state.val() {
            self.aborting.d.next = false;
        }
        if self.abandon.val() && (self.any_state.val() || self.restart.val()) {
            self.aborting.d.next = true;
        }

        // The front may go on even if the program ends here.
        self.issue.next = self.checking.q.val();
        self.advance.next = self.checking.q.val() && !self.waiting.val();
        self.start_register.d.next = self.passes.val() && !self.immediate.val();
        self.start.next = self.start_register.q.val();
        self.flush_register.d.next =
            self.executing.q.val() && (self.bad.val() || self.aborting.q.val());
        self.flush.next = self.flush_register.q.val();
        self.tag.next = self.executing.q.val()
            && self.issued_writes.val()
            && (self.done.val() || self.bad.val() || self.aborting.q.val());
        self.tag_valid.next = !self.bad.val() && !self.aborting.q.val();

        self.running.next = self.any_state.val();
        self.retired_register.d.next = (self.passes.val() && self.immediate.val())
            || (self.executing.q.val()
                && self.done.val()
                && !self.bad.val()
                && !self.aborting.q.val());
        self.transform_register.d.next = self.executing.q.val()
            && self.issued_transform.val()
            && self.done.val()
            && !self.bad.val()
            && !self.aborting.q.val();
        self.retired.next = self.retired_register.q.val();
        self.retired_transform.next = self.transform_register.q.val();
        self.stall_now.next = (self.executing.q.val() && self.stall.val())
            || (self.checking.q.val() && self.waiting.val() && self.sound.val());
        self.stalled_register.d.next = self.stall_now.val();
        self.cycle_register.d.next = self.any_state.val() && !self.stall_now.val();
        self.cycle.next = self.cycle_register.q.val();
        self.stalled.next = self.stalled_register.q.val();
    }
}
