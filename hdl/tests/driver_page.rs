//! The walk-through of `docs/hardware.md` is what the circuit does: its text is made here, from a run of the model.

use std::fmt::Write as _;
use std::path::Path;

use addax_core::isa::{Geometry, Program, ProgramBuilder};
use addax_core::modulus::Modulus;
use addax_core::ntt::{NttPlan, Twiddle};
use addax_core::params::PRIMES;
use addax_hdl::ports::{command, control, limb, status};
use addax_hdl::twiddles::twiddles;
use addax_hdl::word::Word;
use addax_hdl::{Machine, Shape, Target};
use rust_hdl::core::prelude::*;

/// Where the walk-through stands in the page.
const BEGIN: &str = "<!-- walk-through: checked by hdl/tests/driver_page.rs -->";
const END: &str = "<!-- end of walk-through -->";

/// A machine, and what was done to it.
struct Session {
    machine: Machine,
    said: String,
}

impl Session {
    fn settle(&mut self) {
        loop {
            self.machine.update_all();
            if !self.machine.has_changed() {
                break;
            }
        }
    }

    fn edge(&mut self) {
        self.settle();
        self.machine.clock.next = !self.machine.clock.val();
        self.settle();
    }

    fn write(&mut self, kind: u64, address: u64, data: u64) {
        self.machine.command_valid.next = true;
        self.machine.command_kind.next = Word::new(kind);
        self.machine.command_address.next = Word::new(address);
        self.machine.command_data.next = Word::new(data);
        self.settle();
        assert!(self.machine.command_ready.val());
        self.edge();
        self.machine.command_valid.next = false;
    }

    /// A command that the page shows, with what it means.
    fn shown(&mut self, kind: u64, address: u64, data: u64, meaning: &str) {
        self.write(kind, address, data);
        let _ = writeln!(
            self.said,
            "command {kind} {address:>7} {data:>11}   {meaning}"
        );
    }

    fn status(&mut self, address: u64, meaning: &str) {
        self.machine.status_address.next = Word::new(address);
        self.edge();
        let value = self.machine.status_data.val().value();
        let _ = writeln!(self.said, "status  {address:>9} {value:>11}   {meaning}");
    }

    /// Starts the program and moves the streams until it ends.
    fn run(&mut self, input: &[u64]) -> Vec<u64> {
        self.shown(command::CONTROL, control::START, 0, "start");
        let (mut taken, mut output) = (0, Vec::new());
        self.edge();
        for _ in 0..100_000 {
            self.machine.input_valid.next = taken < input.len();
            self.machine.input_data[0].next = Word::new(input.get(taken).copied().unwrap_or(0));
            self.machine.output_ready.next = true;
            self.settle();
            if self.machine.input_valid.val() && self.machine.input_ready.val() {
                taken += 1;
            }
            if self.machine.output_valid.val() {
                output.push(self.machine.output_data.val().value());
            }
            if !self.machine.running.val() {
                assert_eq!(taken, input.len());
                return output;
            }
            self.edge();
        }
        panic!("the program does not end");
    }
}

/// a·b in Z_q\[X\]/(X^n + 1).
fn program(q: &Modulus) -> Program {
    let mut builder = ProgramBuilder::new();
    // Products come with a factor 2^-36; a product with 2^72 takes two of them away.
    let square = q.to_montgomery(q.to_montgomery(1));
    let constant = builder.constant(square).unwrap();
    builder.load(0, 0).unwrap().load(0, 1).unwrap();
    builder.ntt(0, 0, 0).unwrap().ntt(0, 1, 1).unwrap();
    builder.mul(0, 0, 0, 1).unwrap();
    builder.mul_constant(0, 0, 0, constant).unwrap();
    builder.intt(0, 0, 0).unwrap().store(0).unwrap();
    builder.sync().unwrap();
    builder.finish().unwrap()
}

fn walk_through() -> String {
    let shape = Shape::new(Geometry::DEFAULT, 3, Target::Behavioural).unwrap();
    let q = Modulus::new(PRIMES[0]).unwrap();
    let mut machine = Machine::new(&shape);
    machine.connect_all();
    let mut session = Session {
        machine,
        said: String::new(),
    };
    let n = shape.n();

    session.status(status::SHAPE, "log2 n = 12, B = 8, 16 slots, 3 limbs");
    let limb_address = |field| field; // limb 0
    let bases = (shape.twiddle_base(0) | shape.row_base(0) << limb::ROW_BASE_SHIFT) as u64;
    let one = q.to_montgomery(1);
    session.shown(
        command::LIMB,
        limb_address(limb::ONE),
        one,
        "limb 0: 2^36 mod q",
    );
    session.shown(
        command::LIMB,
        limb_address(limb::BASES),
        bases,
        "limb 0: twiddle_base 0, row_base 1536",
    );
    let meaning = format!("limb 0: qh of q = {}", q.value());
    session.shown(
        command::LIMB,
        limb_address(limb::MODULUS),
        q.value() >> 18,
        &meaning,
    );

    let plan = NttPlan::new(
        q,
        shape.log_n(),
        vec![Twiddle::default(); NttPlan::<Vec<Twiddle>>::storage_len(shape.log_n())],
    )
    .unwrap();
    let words = twiddles(&shape, 0, &plan);
    for (i, word) in words.iter().enumerate() {
        let address = (word.lane << 17 | word.address) as u64;
        if i == 0 || i + 1 == words.len() {
            let meaning = format!("twiddle {} of {}", i + 1, words.len());
            session.shown(command::TWIDDLE, address, word.word, &meaning);
        } else {
            if i == 1 {
                session.said += "…\n";
            }
            session.write(command::TWIDDLE, address, word.word);
        }
    }

    let program = program(&q);
    let last = program.constants().len();
    for (place, &constant) in program.constants().iter().enumerate() {
        session.shown(command::CONSTANT, place as u64, constant, "2^72 mod q");
    }
    assert_eq!(last, 1);
    let words = program.words().to_vec();
    for ((place, instruction), word) in program.instructions().zip(words) {
        session.shown(
            command::PROGRAM,
            place.into(),
            word.into(),
            &instruction.to_string(),
        );
    }

    // (1 + X)·X^(n−1) = X^(n−1) − 1.
    let mut input = vec![0; 2 * n];
    (input[0], input[1], input[2 * n - 1]) = (1, 1, 1);
    let output = session.run(&input);
    let _ = writeln!(
        session.said,
        "input   {:>21}   words: 1 1 0 … 0 (1 + X), then 0 … 0 1 (X^4095)",
        2 * n
    );
    let mut expected = vec![0; n];
    (expected[0], expected[n - 1]) = (q.value() - 1, 1);
    assert!(output == expected);
    let _ = writeln!(
        session.said,
        "output  {n:>21}   words: {} 0 … 0 1 (X^4095 − 1)",
        output[0]
    );
    session.status(status::STATE, "not running, no error");
    session.status(status::CYCLES, "cycles");
    session.status(status::INSTRUCTIONS, "instructions");
    session.status(status::TRANSFORMS, "transforms");
    session.status(status::TAGS, "slot 0: written, under limb 0");
    session.said
}

#[test]
fn the_page_shows_what_the_machine_does() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/hardware.md");
    let page = std::fs::read_to_string(page).unwrap();
    let shown = page
        .split_once(BEGIN)
        .and_then(|(_, rest)| rest.split_once(END))
        .map(|(shown, _)| shown.trim());
    let expected = format!("```text\n{}```", walk_through());
    assert_eq!(
        shown,
        Some(expected.as_str()),
        "docs/hardware.md should hold\n{expected}"
    );
}
