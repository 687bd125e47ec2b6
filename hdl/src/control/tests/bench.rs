//! A control with a driver at its ports and, in place of a datapath, something that takes its time.

use addax_core::isa::{Instruction, Operand, PointwiseOp};
use rust_hdl::core::prelude::*;

use super::walk::{Event, Memory};
use super::{Random, settle};
use crate::control::{
    Control, HALT_CYCLES, ISSUE_CYCLES, LEAST_EXECUTION_CYCLES, LOOP_CYCLES, SYNC_CYCLES,
};
use crate::ports::{command, control, limb, status};
use crate::word::Word;

/// What is handed to the datapath; parts that the instruction does not use are None.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Operands {
    pub op: u64,
    pub weights: bool,
    pub slot_a: Option<u64>,
    pub slot_b: Option<u64>,
    pub slot_dst: Option<u64>,
    pub stream_a: bool,
    pub stream_b: bool,
    pub qh: Option<u64>,
    pub factor: Option<u64>,
    pub source_qh: Option<u64>,
    pub addend: Option<u64>,
    pub bases: Option<(u64, u64)>,
    pub galois: Option<u64>,
}

/// Bases that the bench writes for a limb; any numbers that differ.
fn bases(limb: usize) -> (u64, u64) {
    (0x1_0001 + 1000 * limb as u64, 0x0_8123 + 77 * limb as u64)
}

impl Operands {
    /// As the page of the hardware says.
    pub fn expected(event: &Event, memory: &Memory) -> Self {
        let instruction = &event.instruction;
        let limb = instruction.limb().map(|limb| limb.index());
        let record = limb.map(|limb| memory.limbs[limb].expect("a known limb"));
        let modulus = |qh: u64| (qh << 18) + 1;
        let one = record.map(|(_, one)| one);
        let source = instruction
            .source_limb()
            .map(|limb| memory.limbs[limb.index()].expect("a known limb").0);
        let (stream_a, stream_b) = match instruction {
            Instruction::Pointwise { a, b, .. } => (*a == Operand::Stream, *b == Operand::Stream),
            _ => (false, false),
        };
        let factor = match instruction {
            Instruction::MulConstant { constant, .. } => {
                memory.constants.get(constant.index()).copied().or(Some(0))
            }
            Instruction::Pointwise {
                op: PointwiseOp::Add,
                ..
            }
            | Instruction::Reduce { .. } => one,
            Instruction::Pointwise {
                op: PointwiseOp::Sub,
                ..
            } => record.map(|(qh, one)| modulus(qh) - one),
            _ => None,
        };
        let addend = source.zip(record).map(|(source, (qh, _))| {
            let (q, from) = (modulus(qh), modulus(source));
            (q + q - from) % q
        });
        let transform = matches!(
            instruction,
            Instruction::Ntt { .. } | Instruction::Intt { .. }
        );
        Self {
            op: u64::from(event.word >> 27),
            weights: matches!(instruction, Instruction::LoadWeights { .. }),
            slot_a: instruction.slot_a().map(|slot| slot.value().into()),
            slot_b: instruction.slot_b().map(|slot| slot.value().into()),
            slot_dst: instruction.destination().map(|slot| slot.value().into()),
            stream_a,
            stream_b,
            qh: record.map(|(qh, _)| qh),
            factor,
            source_qh: source,
            addend,
            bases: limb.filter(|_| transform).map(bases),
            galois: match instruction {
                Instruction::Automorphism { galois, .. } => Some(galois.value().into()),
                _ => None,
            },
        }
    }

    /// What stands at the ports, all parts.
    fn at(control: &Control) -> Self {
        Self {
            op: control.op.val().value(),
            weights: control.weights.val(),
            slot_a: Some(control.slot_a.val().value()),
            slot_b: Some(control.slot_b.val().value()),
            slot_dst: Some(control.slot_dst.val().value()),
            stream_a: control.stream_a.val(),
            stream_b: control.stream_b.val(),
            qh: Some(control.qh.val().value()),
            factor: Some(control.factor.val().value()),
            source_qh: Some(control.source_qh.val().value()),
            addend: Some(control.addend.val().value()),
            bases: Some((
                control.twiddle_base.val().value(),
                control.row_base.val().value(),
            )),
            galois: Some(control.galois.val().value()),
        }
    }

    /// Only the parts that `expected` has.
    pub fn used(self, expected: &Self) -> Self {
        Self {
            // Flags of an AUT are part of h.
            weights: self.weights && self.op == 1,
            slot_a: expected.slot_a.and(self.slot_a),
            slot_b: expected.slot_b.and(self.slot_b),
            slot_dst: expected.slot_dst.and(self.slot_dst),
            qh: expected.qh.and(self.qh),
            factor: expected.factor.and(self.factor),
            source_qh: expected.source_qh.and(self.source_qh),
            addend: expected.addend.and(self.addend),
            bases: expected.bases.and(self.bases),
            galois: expected.galois.and(self.galois),
            ..self
        }
    }
}

/// The inputs of one cycle.
#[derive(Clone, Copy, Debug)]
pub struct Inputs {
    command: Option<(u64, u64, u64)>,
    status_address: u64,
    /// `done`, `stall`, `bad`, `drained`.
    datapath: [bool; 4],
}

impl Inputs {
    fn at(control: &Control) -> Self {
        let command = (
            control.command_kind.val().value(),
            control.command_address.val().value(),
            control.command_data.val().value(),
        );
        Self {
            command: control.command_valid.val().then_some(command),
            status_address: control.status_address.val().value(),
            datapath: [
                control.done.val(),
                control.stall.val(),
                control.bad.val(),
                control.drained.val(),
            ],
        }
    }

    /// Puts them at the ports.
    pub fn set(&self, control: &mut Control) {
        let (kind, address, data) = self.command.unwrap_or_default();
        control.command_valid.next = self.command.is_some();
        control.command_kind.next = Word::new(kind);
        control.command_address.next = Word::new(address);
        control.command_data.next = Word::new(data);
        control.status_address.next = Word::new(self.status_address);
        [
            control.done.next,
            control.stall.next,
            control.bad.next,
            control.drained.next,
        ] = self.datapath;
    }
}

/// How long instructions take in the datapath.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Fewest cycles, `start` and `done` included.
    pub least: u64,
    /// How many numbers of cycles there are from there on.
    pub spread: u64,
    /// One cycle in so many is a stall; 0 for none.
    pub stalls: u64,
}

impl Pace {
    pub const EVEN: Self = Self {
        least: LEAST_EXECUTION_CYCLES + 1,
        spread: 1,
        stalls: 0,
    };
}

/// What the datapath is doing.
#[derive(Clone, Copy, Debug)]
struct Execution {
    operands: Operands,
    left: u64,
    bad: bool,
}

pub struct Bench {
    pub control: Control,
    pub random: Random,
    pub pace: Pace,
    /// The execution, counted from 0, in which a stream word is bad.
    pub bad_at: Option<usize>,
    /// What has been started since the last start of a program.
    pub started: Vec<Operands>,
    /// Cycles that the executions took, stalls aside.
    pub taken: Vec<u64>,
    /// Stalls of the datapath.
    pub stalls: u64,
    /// Pulses of `flush`.
    pub flushes: u64,
    /// Pulses of `retired`.
    pub retired: u64,
    /// Twiddles written.
    pub twiddles: Vec<(u64, u64)>,
    /// The inputs of all cycles.
    pub seen: Vec<Inputs>,
    execution: Option<Execution>,
    /// Cycles in which nothing was counted.
    quiet: u64,
    /// Cycles until a store's words have left.
    leaving: u64,
    flushed: bool,
}

impl Bench {
    pub fn new(shape: &crate::shape::Shape, seed: u64) -> Self {
        let mut control = Control::new(shape);
        control.connect_all();
        Self {
            control,
            random: Random::new(seed),
            pace: Pace::EVEN,
            bad_at: None,
            started: Vec::new(),
            taken: Vec::new(),
            stalls: 0,
            flushes: 0,
            retired: 0,
            twiddles: Vec::new(),
            seen: Vec::new(),
            execution: None,
            quiet: 3,
            leaving: 0,
            flushed: false,
        }
    }

    /// One cycle: the datapath answers, outputs are looked at, then the edge.
    pub fn tick(&mut self) {
        let starts = self.control.start.val();
        if starts {
            assert!(self.execution.is_none(), "started while executing");
            let operands = Operands::at(&self.control);
            self.execution = Some(Execution {
                operands,
                left: self.pace.least + self.random.below(self.pace.spread),
                bad: self.bad_at == Some(self.started.len()),
            });
            self.started.push(operands);
            self.taken.push(0);
        }
        if self.control.flush.val() {
            self.flushes += 1;
            self.execution = None;
            self.flushed = true;
        }
        let (mut done, mut bad, mut stall) = (false, false, false);
        if let Some(execution) = &mut self.execution {
            assert_eq!(execution.operands, Operands::at(&self.control), "stands");
            stall = !starts && self.pace.stalls > 0 && self.random.chance(self.pace.stalls);
            if !stall {
                execution.left -= 1;
                *self.taken.last_mut().expect("started") += 1;
                // A bad word may come early or with the end.
                bad = execution.bad && (execution.left == 0 || self.random.chance(4));
                done = execution.left == 0;
            }
            self.stalls += u64::from(stall);
            if done && execution.operands.op == 2 {
                self.leaving = self.random.below(2 * self.pace.spread);
            }
            if done || bad {
                self.execution = None;
            }
        }
        self.leaving = self.leaving.saturating_sub(1);
        self.control.done.next = done;
        self.control.bad.next = bad;
        self.control.stall.next = stall;
        self.control.drained.next = self.leaving == 0;
        settle(&mut self.control);
        let sequencer = &self.control.sequencer;
        let counts = [&sequencer.cycle, &sequencer.stalled, &sequencer.retired];
        let counted = counts.iter().any(|count| count.val());
        self.quiet = if counted { 0 } else { self.quiet + 1 };
        // The counters have settled when `running` falls.
        assert!(self.control.running.val() || self.quiet >= 3);
        self.seen.push(Inputs::at(&self.control));
        self.retired += u64::from(self.control.retired.val());
        if self.control.twiddle_write.val() {
            let word = self.control.twiddle_data.val().value();
            self.twiddles
                .push((self.control.twiddle_address.val().value(), word));
        }
        self.control.clock.next = !self.control.clock.val();
        settle(&mut self.control);
    }

    /// Offers a command until it is taken.
    pub fn command(&mut self, kind: u64, address: u64, data: u64) {
        self.control.command_valid.next = true;
        self.control.command_kind.next = Word::new(kind);
        self.control.command_address.next = Word::new(address);
        self.control.command_data.next = Word::new(data);
        for _ in 0..1000 {
            settle(&mut self.control);
            let taken = self.control.command_ready.val();
            self.tick();
            if taken {
                self.control.command_valid.next = false;
                return;
            }
        }
        panic!("command {kind}, {address} is never taken");
    }

    /// Offers a command for one cycle; whether it was taken.
    pub fn offer(&mut self, kind: u64, address: u64, data: u64) -> bool {
        self.control.command_valid.next = true;
        self.control.command_kind.next = Word::new(kind);
        self.control.command_address.next = Word::new(address);
        self.control.command_data.next = Word::new(data);
        settle(&mut self.control);
        let taken = self.control.command_ready.val();
        self.tick();
        self.control.command_valid.next = false;
        taken
    }

    pub fn status(&mut self, address: u64) -> u64 {
        self.control.status_address.next = Word::new(address);
        self.tick();
        self.control.status_data.val().value()
    }

    /// Writes everything, in the order of the memory map, and the tags by clearing: none is set.
    pub fn write(&mut self, memory: &Memory) {
        for (place, &word) in memory.words.iter().enumerate() {
            self.command(command::PROGRAM, place as u64, word.into());
        }
        for (place, &constant) in memory.constants.iter().enumerate() {
            self.command(command::CONSTANT, place as u64, constant);
        }
        for (index, record) in memory.limbs.iter().enumerate() {
            let Some((qh, one)) = *record else { continue };
            let (twiddle_base, row_base) = bases(index);
            let address = 4 * index as u64;
            let packed = twiddle_base | row_base << limb::ROW_BASE_SHIFT;
            self.command(command::LIMB, address + limb::ONE, one);
            self.command(command::LIMB, address + limb::BASES, packed);
            self.command(command::LIMB, address + limb::MODULUS, qh);
        }
    }

    /// Starts the program and forgets what was counted.
    pub fn start(&mut self) {
        self.started.clear();
        self.taken.clear();
        (self.stalls, self.flushes, self.retired) = (0, 0, 0);
        self.flushed = false;
        self.command(command::CONTROL, control::START, 0);
        // It takes a cycle to act.
        self.tick();
    }

    /// Runs until the program has ended.
    pub fn finish(&mut self) {
        for _ in 0..1_000_000 {
            if !self.control.running.val() {
                return;
            }
            self.tick();
        }
        panic!("the program does not end");
    }

    /// Code, place, word and detail of the error, and that the state says the same.
    pub fn error(&mut self) -> super::walk::End {
        let state = self.status(status::STATE);
        let code = state >> 8 & 0xf;
        assert_eq!(state >> 1 & 1 == 1, code != 0);
        super::walk::End {
            code,
            place: self.status(status::ERROR_PLACE),
            word: self.status(status::ERROR_WORD) as u32,
            detail: self.status(status::ERROR_DETAIL),
        }
    }

    pub fn wide(&mut self, address: u64) -> u64 {
        self.status(address) | self.status(address + 1) << 36
    }

    /// That the machine's tags are those of the memory.
    pub fn assert_tags(&mut self, memory: &Memory) {
        for slot in 0..memory.shape.slots() {
            let tag = addax_core::isa::Slot::new(slot as u8)
                .ok()
                .and_then(|slot| memory.tags.get(slot));
            let expected = tag.map_or(0, |limb| 16 | u64::from(limb.value()));
            let found = self.status(status::TAGS + slot as u64);
            // The limb of a slot never written is not defined.
            let found = if found & 16 == 0 { 0 } else { found };
            assert_eq!(found, expected, "tag of slot {slot}");
        }
    }

    /// What was started is what should be.
    pub fn assert_started(&self, events: &[Event], memory: &Memory) {
        let expected = events
            .iter()
            .filter(|event| (1..=11).contains(&(event.word >> 27)));
        for (index, event) in expected.clone().enumerate() {
            let expected = Operands::expected(event, memory);
            let found = self.started.get(index).map(|found| found.used(&expected));
            assert_eq!(found, Some(expected), "{event:?}");
        }
        assert_eq!(self.started.len(), expected.count());
    }

    /// Cycles and counts of a program that was executed to its `HALT`.
    pub fn assert_counts(&mut self, events: &[Event]) {
        let mut taken = self.taken.clone().into_iter();
        let mut transforms = 0;
        let cycles: u64 = events
            .iter()
            .map(|event| match event.instruction {
                Instruction::Loop(_) => LOOP_CYCLES,
                Instruction::Sync => SYNC_CYCLES,
                Instruction::Halt => HALT_CYCLES,
                other => {
                    let transform =
                        matches!(other, Instruction::Ntt { .. } | Instruction::Intt { .. });
                    transforms += u64::from(transform);
                    // `taken` counts both ends.
                    ISSUE_CYCLES + taken.next().expect("executed") - 1
                }
            })
            .sum();
        assert_eq!(self.wide(status::CYCLES), cycles, "cycles");
        assert_eq!(self.status(status::INSTRUCTIONS), events.len() as u64);
        assert_eq!(self.retired, events.len() as u64);
        assert_eq!(self.status(status::TRANSFORMS), transforms);
    }
}
