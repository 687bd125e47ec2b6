//! A machine without a circuit: the reference behind the ports of `docs/hardware.md`, cycle by cycle. Its cycles are
//! those of the model by construction, so it says nothing of a circuit; it shows what a driver makes of right answers,
//! and of wrong ones.

use addax_core::isa::{Geometry, Instruction, Program, instruction_cycles};
use addax_core::machine::{
    Fault, MachineError, Reference, RingProcessor, Sink, SliceSource, StreamError,
};
use addax_hdl::Shape;
use addax_hdl::ports::status;
use addax_sim::circuit::Command;
use addax_sim::ticked::Pins;
use addax_sim::{Basis, CircuitError, ErrorCode};

/// What a soft machine does wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wrong {
    /// Nothing.
    #[default]
    Nothing,
    /// Counts stalls as cycles.
    LostStalls,
    /// Counts one cycle too many.
    Cycle,
    /// Never ends.
    Hangs,
    /// Clears an error when it is started.
    ForgetsErrors,
    /// Swaps the halves of a stream operand.
    SwappedHalves,
    /// Executes an illegal word as if it were not there.
    SkipsIllegal,
    /// Pointwise instructions change a word of the last slot.
    StrayWrite,
    /// Does not mark the destination of an aborted load.
    KeepsTag,
}

/// What an instruction does at the moment.
enum Phase {
    /// Nothing runs.
    Idle,
    /// So many cycles before the streams.
    Issue(u64),
    /// Words of the input stream are missing.
    Input,
    /// So many words of the output stream are left.
    Output(usize),
    /// So many cycles until the instruction is complete.
    Tail(u64),
}

pub struct Soft<'b> {
    pub wrong: Wrong,
    shape: Shape,
    reference: Reference<&'b Basis, Vec<u64>>,
    moduli: Vec<u64>,
    program: Vec<u32>,
    constants: Vec<u64>,
    known: Vec<bool>,
    pc: usize,
    loops: Vec<(usize, Instruction, u16)>,
    phase: Phase,
    instruction: Instruction,
    input: Vec<u64>,
    store: Vec<u64>,
    shown: Option<u64>,
    error: u64,
    place: u64,
    word: u64,
    detail: u64,
    counters: [u64; 4],
    retired: bool,
    // Ports.
    command: Option<Command>,
    beat: Option<Vec<u64>>,
    output_ready: bool,
    status_address: u64,
    status_data: u64,
}

struct Collect<'v>(&'v mut Vec<u64>);

impl Sink for Collect<'_> {
    fn write(&mut self, words: &[u64]) -> Result<(), StreamError> {
        self.0.extend_from_slice(words);
        Ok(())
    }
}

impl<'b> Soft<'b> {
    pub fn new(shape: Shape, basis: &'b Basis) -> Self {
        let geometry = shape.geometry();
        let storage = vec![0; geometry.slots() * geometry.n()];
        Self {
            wrong: Wrong::Nothing,
            shape,
            reference: Reference::new(basis, geometry, storage).unwrap(),
            moduli: (0..basis.limbs())
                .map(|limb| basis.modulus(limb).value())
                .collect(),
            program: vec![0; 1024],
            constants: vec![0; 128],
            known: vec![false; 16],
            pc: 0,
            loops: Vec::new(),
            phase: Phase::Idle,
            instruction: Instruction::Halt,
            input: Vec::new(),
            store: Vec::new(),
            shown: None,
            error: 0,
            place: 0,
            word: 0,
            detail: 0,
            counters: [0; 4],
            retired: false,
            command: None,
            beat: None,
            output_ready: false,
            status_address: 0,
            status_data: 0,
        }
    }

    fn geometry(&self) -> Geometry {
        self.shape.geometry()
    }

    fn fail(&mut self, code: ErrorCode, detail: u64) {
        self.error = code.number();
        self.detail = detail;
        self.phase = Phase::Idle;
    }

    /// Fetches and checks the instruction at the program counter.
    fn issue(&mut self) {
        if self.pc >= self.program.len() {
            return self.fail(ErrorCode::NoHalt, 0);
        }
        let mut word = self.program[self.pc];
        let mut offsets = [0u32; 2];
        for (_, instruction, iteration) in &self.loops {
            let Instruction::Loop(fields) = instruction else {
                continue;
            };
            let increment = fields.increment();
            let offset = u32::from(*iteration) * u32::from(increment.stride);
            offsets[0] += if increment.a { offset } else { 0 };
            offsets[1] += if increment.b { offset } else { 0 };
        }
        if let Ok(instruction) = Instruction::decode(word) {
            if instruction.slot_a().is_some() {
                word += offsets[0] << 9;
            }
            if instruction.slot_b().is_some() {
                word += offsets[1] << 2;
            }
        }
        [self.place, self.word] = [self.pc as u64, u64::from(word)];
        let slots = self.geometry().slots();
        let legal = Instruction::decode(word).ok().filter(|instruction| {
            let slot = [
                instruction.slot_a(),
                instruction.slot_b(),
                instruction.destination(),
            ];
            let limb = [instruction.limb(), instruction.source_limb()];
            let deep = matches!(instruction, Instruction::Loop(_)) && self.loops.len() == 2;
            slot.into_iter().flatten().all(|slot| slot.index() < slots)
                && limb
                    .into_iter()
                    .flatten()
                    .all(|limb| self.known[limb.index()])
                && !deep
        });
        let Some(instruction) = legal else {
            if self.wrong == Wrong::SkipsIllegal {
                self.pc += 1;
                self.phase = Phase::Issue(2);
                return;
            }
            return self.fail(ErrorCode::IllegalWord, 0);
        };
        self.instruction = instruction;
        let mut tags = addax_core::machine::Tags::default();
        for slot in 0..slots as u8 {
            let limb = self
                .tag(slot)
                .map(|limb| addax_core::isa::Limb::new(limb).unwrap());
            tags.set(addax_core::isa::Slot::new(slot).unwrap(), limb);
        }
        match tags.check(&instruction) {
            Err(Fault::Unwritten { slot }) => {
                return self.fail(ErrorCode::Unwritten, u64::from(slot));
            }
            Err(Fault::WrongLimb {
                slot,
                expected,
                found,
            }) => {
                let detail = u64::from(slot) | u64::from(expected) << 8 | u64::from(found) << 12;
                return self.fail(ErrorCode::WrongLimb, detail);
            }
            _ => {}
        }
        if let Instruction::MulConstant { limb, constant, .. } = instruction
            && self.constants[constant.index()] >= self.moduli[limb.index()]
        {
            return self.fail(ErrorCode::Constant, 0);
        }
        self.input.clear();
        let cycles = instruction_cycles(&instruction, &self.geometry());
        self.phase = if instruction.reads_stream() {
            Phase::Input
        } else if let Instruction::Store { .. } = instruction {
            self.execute();
            Phase::Output(self.shape.n())
        } else {
            Phase::Tail(cycles - 2)
        };
    }

    fn tag(&mut self, slot: u8) -> Option<u8> {
        self.reference
            .store(slot, &mut vec![0; self.shape.n()])
            .ok()
    }

    /// Does what the instruction does, with the words it took.
    fn execute(&mut self) {
        let alone = match self.instruction {
            Instruction::Loop(_) | Instruction::Halt => Instruction::Sync,
            other => other,
        };
        let words = [alone.encode(), Instruction::Halt.encode()];
        let program = Program::from_words(&words, &self.constants).unwrap();
        let mut words = self.input.clone();
        let pointwise = matches!(self.instruction, Instruction::Pointwise { .. });
        if pointwise && self.input.len() == self.shape.n() {
            let (lanes, rows) = (self.shape.butterflies(), self.shape.rows());
            for (at, &word) in self.input.iter().enumerate() {
                let swapped = usize::from(self.wrong == Wrong::SwappedHalves);
                let half = (at / lanes + swapped) % 2;
                words[(half * lanes + at % lanes) * rows + at / lanes / 2] = word;
            }
        }
        let mut source = SliceSource::new(&words);
        let mut sink = Collect(&mut self.store);
        let outcome = self.reference.run(&program, &mut source, &mut sink);
        match outcome {
            Ok(_) => {}
            Err(MachineError::Fault {
                fault: Fault::Residue { .. },
                ..
            }) => {
                self.fail(ErrorCode::StreamWord, 0);
            }
            Err(error) => panic!("{error}"),
        }
        if self.wrong == Wrong::StrayWrite && pointwise {
            let last = self.geometry().slots() as u8 - 1;
            let mut words = vec![0; self.shape.n()];
            if let Ok(limb) = self.reference.store(last, &mut words) {
                words[3] ^= 1;
                self.reference.load(last, limb, &words).unwrap();
            }
        }
    }

    /// The instruction is complete.
    fn retire(&mut self) {
        if !matches!(self.instruction, Instruction::Store { .. }) {
            self.execute();
            if self.error != 0 {
                return;
            }
        }
        self.retired = true;
        self.counters[2] += 1;
        if matches!(
            self.instruction,
            Instruction::Ntt { .. } | Instruction::Intt { .. }
        ) {
            self.counters[3] += 1;
        }
        if self.instruction == Instruction::Halt {
            self.phase = Phase::Idle;
            self.counters[0] += u64::from(self.wrong == Wrong::Cycle);
            return;
        }
        let mut next = self.pc + 1;
        if let Instruction::Loop(_) = self.instruction {
            self.loops.push((self.pc, self.instruction, 0));
        } else {
            while let Some((at, Instruction::Loop(fields), iteration)) = self.loops.last_mut() {
                if self.pc != *at + usize::from(fields.body()) {
                    break;
                }
                *iteration += 1;
                if *iteration < fields.count() {
                    next = *at + 1;
                    break;
                }
                self.loops.pop();
            }
        }
        self.pc = next;
        self.phase = Phase::Issue(2);
    }

    fn control(&mut self, address: u32) {
        match address {
            0 if self.wrong == Wrong::ForgetsErrors || self.error == 0 => {
                self.error = 0;
                self.counters = [0; 4];
                self.pc = 0;
                self.loops.clear();
                self.phase = Phase::Issue(2);
            }
            2 => self.error = 0,
            3 => self.reference.reset().unwrap(),
            _ => {}
        }
    }

    fn write(&mut self, command: Command) {
        let Command {
            kind,
            address,
            data,
        } = command;
        match kind {
            0 => self.control(address),
            1 => self.program[address as usize] = data as u32,
            2 => self.constants[address as usize] = data,
            3 if address % 4 == 0 => {
                assert_eq!(self.moduli[address as usize / 4], data << 18 | 1);
                self.known[address as usize / 4] = true;
            }
            _ => {}
        }
    }

    fn abort(&mut self) {
        if let Some(dst) = self.instruction.destination()
            && self.wrong != Wrong::KeepsTag
            && !matches!(self.phase, Phase::Issue(_))
        {
            // A stream that breaks off leaves the destination unwritten, in the reference too.
            let limb = addax_core::isa::Limb::new(0).unwrap();
            let load = Instruction::Load { limb, dst };
            let words = [load.encode(), Instruction::Halt.encode()];
            let program = Program::from_words(&words, &[]).unwrap();
            let mut nothing = Vec::new();
            let _ = self.reference.run(
                &program,
                &mut SliceSource::new(&[]),
                &mut Collect(&mut nothing),
            );
        }
        self.fail(ErrorCode::Aborted, 0);
    }

    fn cycle(&mut self) {
        let stalled = match &mut self.phase {
            Phase::Idle => return,
            Phase::Issue(left) => {
                *left -= 1;
                if *left == 0 {
                    self.issue();
                }
                false
            }
            Phase::Input => match self.beat.clone() {
                None => true,
                Some(beat) => {
                    self.input.extend(beat);
                    if self.input.len() == self.shape.n() {
                        let beats = match self.instruction {
                            Instruction::Pointwise { .. } => {
                                self.shape.n() / self.shape.butterflies()
                            }
                            _ => self.shape.n(),
                        };
                        let cycles = instruction_cycles(&self.instruction, &self.geometry());
                        self.phase = Phase::Tail(cycles - 2 - beats as u64);
                    }
                    false
                }
            },
            Phase::Output(left) => {
                // The register behind the memory is free, or becomes so in this cycle.
                if self.shown.is_none() || self.output_ready {
                    *left -= 1;
                    if *left == 0 {
                        let cycles = instruction_cycles(&self.instruction, &self.shape.geometry());
                        self.phase = Phase::Tail(cycles - 2 - self.shape.n() as u64);
                    }
                    let word = self.store.remove(0);
                    self.shown = Some(word);
                    self.counters[0] += 1;
                    return;
                }
                true
            }
            Phase::Tail(left) => {
                let waits = self.instruction == Instruction::Sync
                    && self.shown.is_some()
                    && !self.output_ready;
                if self.wrong != Wrong::Hangs && !waits {
                    *left -= 1;
                    if *left == 0 {
                        self.retire();
                    }
                }
                waits
            }
        };
        if self.output_ready {
            self.shown = None;
        }
        self.counters[usize::from(stalled && self.wrong != Wrong::LostStalls)] += 1;
    }

    fn register(&mut self, address: u64) -> u64 {
        match address {
            status::STATE => {
                u64::from(self.running())
                    | u64::from(self.error != 0) << 1
                    | u64::from(self.shown.is_some() || !self.store.is_empty()) << 2
                    | self.error << 8
            }
            status::ERROR_PLACE => self.place,
            status::ERROR_WORD => self.word,
            status::ERROR_DETAIL => self.detail,
            4 | 6 => self.counters[(address as usize - 4) / 2],
            8 | 9 => self.counters[address as usize - 6],
            status::SHAPE => {
                let shape = &self.shape;
                let [log_n, b, slots, limbs] = [
                    shape.log_n() as usize,
                    shape.butterflies(),
                    shape.slots(),
                    shape.limbs(),
                ];
                (log_n | b << 8 | slots << 16 | limbs << 24) as u64
            }
            128.. => self
                .tag((address - 128) as u8)
                .map_or(0, |limb| 16 | u64::from(limb)),
            _ => 0,
        }
    }
}

impl Pins for Soft<'_> {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn set_command(&mut self, command: Option<Command>) {
        self.command = command;
    }

    fn set_input(&mut self, beat: Option<&[u64]>) {
        self.beat = beat.map(<[u64]>::to_vec);
    }

    fn set_output_ready(&mut self, ready: bool) {
        self.output_ready = ready;
    }

    fn set_status_address(&mut self, address: u64) {
        self.status_address = address;
    }

    fn settle(&mut self) -> Result<(), CircuitError> {
        Ok(())
    }

    fn clock(&mut self) -> Result<(), CircuitError> {
        self.retired = false;
        self.status_data = self.register(self.status_address);
        let ready = self.command_ready();
        if self.running() {
            if ready && self.command.is_some() {
                self.abort();
            } else {
                self.cycle();
            }
        } else {
            if self.output_ready {
                self.shown = None;
            }
            if let Some(command) = self.command {
                self.write(command);
            }
        }
        Ok(())
    }

    fn command_ready(&self) -> bool {
        !self.running() || self.command == Some(Command::ABORT)
    }

    fn input_ready(&self) -> bool {
        matches!(self.phase, Phase::Input)
    }

    fn output(&self) -> Option<u64> {
        self.shown
    }

    fn status_data(&self) -> u64 {
        self.status_data
    }

    fn running(&self) -> bool {
        !matches!(self.phase, Phase::Idle)
    }

    fn retired(&self) -> bool {
        self.retired
    }

    fn peek_slot(&mut self, slot: u8, words: &mut [u64]) {
        if self.reference.store(slot, words).is_err() {
            words.fill(0);
        }
    }

    fn peek_tag(&mut self, slot: u8) -> Option<u8> {
        self.tag(slot)
    }
}
