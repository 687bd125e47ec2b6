//! Control and datapath together. That every instruction computes what the reference machine does is tested on the
//! whole, in `sim`.

use addax_core::isa::{Geometry, Program, ProgramBuilder, ProgramError, STREAM};
use addax_core::ntt::bit_reverse;
use rust_hdl::core::prelude::*;

use super::Machine;
use crate::control::{HALT_CYCLES, ISSUE_CYCLES};
use crate::cosim::Stimulus;
use crate::datapath::Datapath;
use crate::ports::{command, control, error, limb, status};
use crate::shape::{Shape, Target};
use crate::word::Word;

const QH: u64 = 0x1_0001;

fn settle(machine: &mut Machine) {
    loop {
        machine.update_all();
        if !machine.has_changed() {
            break;
        }
    }
}

fn edge(machine: &mut Machine) {
    settle(machine);
    machine.clock.next = !machine.clock.val();
    settle(machine);
}

fn write(machine: &mut Machine, kind: u64, address: u64, data: u64) {
    machine.command_valid.next = true;
    machine.command_kind.next = Word::new(kind);
    machine.command_address.next = Word::new(address);
    machine.command_data.next = Word::new(data);
    settle(machine);
    assert!(machine.command_ready.val());
    edge(machine);
    machine.command_valid.next = false;
}

fn read(machine: &mut Machine, address: u64) -> u64 {
    machine.status_address.next = Word::new(address);
    edge(machine);
    machine.status_data.val().value()
}

/// Runs the program to its end with streams that come and go, and returns the output.
fn run(machine: &mut Machine, input: &[u64], stimulus: &mut Stimulus) -> Vec<u64> {
    run_fed(machine, input, || stimulus.bit())
}

/// The same; `ready` says in which cycles a stream moves.
fn run_fed(machine: &mut Machine, input: &[u64], mut ready: impl FnMut() -> bool) -> Vec<u64> {
    let mut input = input.iter().copied().peekable();
    let mut output = Vec::new();
    write(machine, command::CONTROL, control::START, 0);
    edge(machine);
    for _ in 0..100_000 {
        machine.input_valid.next = input.peek().is_some() && ready();
        machine.input_data[0].next = Word::new(input.peek().copied().unwrap_or(0));
        machine.output_ready.next = ready();
        settle(machine);
        if machine.input_valid.val() && machine.input_ready.val() {
            input.next();
        }
        if machine.output_valid.val() && machine.output_ready.val() {
            output.push(machine.output_data.val().value());
        }
        if !machine.running.val() {
            return output;
        }
        edge(machine);
    }
    panic!("the program does not end");
}

fn machine() -> Machine {
    let geometry = Geometry::new(10, 2, 4).unwrap();
    let shape = Shape::new(geometry, 1, Target::Behavioural).unwrap();
    let mut machine = Machine::new(&shape);
    machine.connect_all();
    write(&mut machine, command::LIMB, limb::MODULUS, QH);
    machine
}

fn write_program(machine: &mut Machine, program: &Program) {
    for (place, &word) in program.words().iter().enumerate() {
        write(machine, command::PROGRAM, place as u64, word.into());
    }
}

#[test]
fn words_go_in_are_permuted_and_come_out() {
    let mut machine = machine();
    let mut builder = ProgramBuilder::new();
    builder
        .load(0, 0)
        .unwrap()
        .automorphism(3, 0, 2 * 77 + 1)
        .unwrap();
    builder.store(3).unwrap().store(0).unwrap().sync().unwrap();
    let program = builder.finish().unwrap();
    write_program(&mut machine, &program);
    let mut stimulus = Stimulus::new(1);
    let input: Vec<u64> = (0..1024).map(|_| stimulus.below((QH << 18) + 1)).collect();
    let output = run(&mut machine, &input, &mut stimulus);
    assert_eq!(read(&mut machine, status::STATE), 0);
    let permuted = (0..1024).map(|j| {
        let exponent = (bit_reverse(j, 10) * (2 * 77 + 1) + 77) % 1024;
        input[bit_reverse(exponent, 10)]
    });
    let expected: Vec<u64> = permuted.chain(input.iter().copied()).collect();
    assert!(output == expected);
    assert_eq!(
        read(&mut machine, status::INSTRUCTIONS),
        program.words().len() as u64
    );
    assert!(read(&mut machine, status::STALLS) > 1000);
    // Cycles do not depend on the streams.
    let cycles = read(&mut machine, status::CYCLES);
    let output = run(&mut machine, &input, &mut Stimulus::new(2));
    assert!(output == expected);
    assert_eq!(read(&mut machine, status::CYCLES), cycles);

    // A word that is no residue; what comes behind it is left at the port.
    let bad: Vec<u64> = (0..1024)
        .map(|i| if i == 700 { (QH << 18) + 1 } else { i })
        .collect();
    run(&mut machine, &bad, &mut stimulus);
    let state = read(&mut machine, status::STATE);
    assert_eq!(state >> 8, error::RESIDUE);
    assert_eq!(read(&mut machine, status::TAGS), 0);
    assert_eq!(read(&mut machine, status::TAGS + 3), 16);
    // The same program runs again.
    write(&mut machine, command::CONTROL, control::CLEAR_ERROR, 0);
    edge(&mut machine);
    assert!(run(&mut machine, &input, &mut stimulus) == expected);
    assert_eq!(read(&mut machine, status::CYCLES), cycles);
}

type Append = fn(&mut ProgramBuilder) -> Result<&mut ProgramBuilder, ProgramError>;

/// What an instruction adds to the cycles of a program is what the datapath says and those of issuing it.
#[test]
fn every_instruction_takes_its_cycles() {
    let mut machine = machine();
    let shape = *machine.shape();
    let pointwise = Datapath::pointwise_cycles(&shape);
    let cases: [(&str, Append, usize); 12] = [
        ("LD", |p| p.load(0, 1), Datapath::load_cycles(&shape)),
        (
            "LD weights",
            |p| p.load_weights(0, 1),
            Datapath::load_cycles(&shape),
        ),
        ("ST", |p| p.store(0), Datapath::store_cycles(&shape)),
        (
            "NTT",
            |p| p.ntt(0, 1, 0),
            Datapath::transform_cycles(&shape),
        ),
        (
            "INTT",
            |p| p.intt(0, 1, 0),
            Datapath::transform_cycles(&shape),
        ),
        ("MUL", |p| p.mul(0, 1, 0, 0), pointwise),
        ("MUL stream", |p| p.mul(0, 1, 0, STREAM), pointwise + 2),
        ("MAC", |p| p.mac(0, 0, 0, 0), pointwise),
        ("SUB", |p| p.sub(0, 1, STREAM, 0), pointwise + 2),
        ("MULI", |p| p.mul_constant(0, 1, 0, 0), pointwise),
        ("RED", |p| p.reduce(0, 1, 0, 0), pointwise),
        (
            "AUT",
            |p| p.automorphism(1, 0, 3),
            Datapath::automorphism_cycles(&shape),
        ),
    ];
    let zeros = [0; 3000];
    let mut cycles_of = |append: Append| {
        let mut builder = ProgramBuilder::new();
        builder.constant(0).unwrap();
        builder.load(0, 0).unwrap();
        append(&mut builder).unwrap();
        write_program(&mut machine, &builder.finish().unwrap());
        run_fed(&mut machine, &zeros, || true);
        assert_eq!(read(&mut machine, status::STATE) & 2, 0);
        read(&mut machine, status::CYCLES) as usize
    };
    let load = cycles_of(|p| Ok(p));
    assert_eq!(
        load,
        HALT_CYCLES as usize + ISSUE_CYCLES as usize + Datapath::load_cycles(&shape)
    );
    let found = cases.map(|(name, append, _)| (name, cycles_of(append) - load));
    let expected = cases.map(|(name, _, cycles)| (name, cycles + ISSUE_CYCLES as usize));
    assert_eq!(found, expected);
}
