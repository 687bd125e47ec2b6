//! The Verilog does what the model does: modules on random inputs, the whole on whole programs.

use super::bench::{Bench, Inputs, Pace};
use super::{Random, programs, shape};
use crate::control::{Control, Decoder, Loops, Operands, Sequencer, Tags};
use crate::cosim::{Cosimulation, Stimulus};
use crate::ports::{command, control};
use crate::word::Word;

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn the_decoder() {
    let mut random = Random::new(1);
    let memory = programs::memory(&mut random);
    let mut bench = Cosimulation::combinational("decoder", Decoder::default()).unwrap();
    bench
        .run(20_000, |cycle, decoder| {
            let word = match cycle % 4 {
                0 => random.next() as u32,
                1 => programs::word(&mut random, &memory),
                2 => (cycle as u32 / 4 % 32) << 27 | (random.next() & random.next()) as u32 >> 5,
                _ => programs::word(&mut random, &memory) ^ 1 << random.below(32),
            };
            decoder.word.next = Word::new(word.into());
        })
        .unwrap();
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn loops() {
    let mut stimulus = Stimulus::new(2);
    let mut place = 0;
    let mut bench = Cosimulation::new("loops", Loops::default(), |loops| &mut loops.clock).unwrap();
    bench
        .run(30_000, |cycle, loops| {
            // Places go on as a program's do, most of the time.
            let phase = cycle % 6;
            if phase == 0 {
                place = loops.following.val().value();
                if cycle % 600 == 0 {
                    place = stimulus.below(1 << 11);
                }
                loops.begins_loop.next = stimulus.below(4) == 0;
                loops.count.next = Word::new(stimulus.below(5));
                loops.body.next = Word::new(stimulus.below(6));
                loops.stride.next = stimulus.word();
                loops.moves.next = stimulus.word();
            }
            loops.clear.next = cycle % 300 == 0;
            loops.place.next = Word::new(place);
            loops.advance.next = phase == 5;
        })
        .unwrap();
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn operands() {
    let mut stimulus = Stimulus::new(3);
    let block = Operands::new(&shape());
    let mut bench = Cosimulation::new("operands", block, |operands| &mut operands.clock).unwrap();
    bench
        .run(20_000, |cycle, operands| {
            operands.write.next = stimulus.bit();
            operands.write_address.next = stimulus.word();
            operands.write_data.next = stimulus.word();
            if cycle % 2 == 0 {
                operands.qh.next = stimulus.word();
                operands.source_qh.next = stimulus.word();
                operands.one.next = stimulus.word();
                operands.constant.next = stimulus.word();
            }
            operands.multiply_constant.next = stimulus.bit();
            operands.subtract.next = stimulus.bit();
        })
        .unwrap();
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn tags() {
    let mut stimulus = Stimulus::new(4);
    let mut bench = Cosimulation::new("tags", Tags::new(&shape()), |tags| &mut tags.clock).unwrap();
    bench
        .run(20_000, |_, tags| {
            let mut slot = || Word::new(stimulus.below(12));
            (tags.a.next, tags.b.next) = (slot(), slot());
            (tags.dst.next, tags.write_slot.next) = (slot(), slot());
            tags.shown_slot.next = slot();
            tags.reads_a.next = stimulus.bit();
            tags.reads_b.next = stimulus.bit();
            tags.reads_dst.next = stimulus.bit();
            tags.any_limb.next = stimulus.below(4) == 0;
            tags.limb_a.next = Word::new(stimulus.below(3));
            tags.limb.next = Word::new(stimulus.below(3));
            tags.write.next = stimulus.bit();
            tags.write_valid.next = stimulus.below(8) != 0;
            tags.write_limb.next = Word::new(stimulus.below(3));
            tags.clear.next = stimulus.below(500) == 250;
        })
        .unwrap();
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn the_sequencer() {
    let mut stimulus = Stimulus::new(5);
    let block = Sequencer::default();
    let mut bench = Cosimulation::new("sequencer", block, |block| &mut block.clock).unwrap();
    bench
        .run(50_000, |_, block| {
            let mut rarely = |one_in: u64| stimulus.bits().is_multiple_of(one_in);
            block.restart.next = rarely(20) && !block.running.val();
            block.abandon.next = rarely(200);
            block.ready.next = !rarely(3);
            block.beyond.next = rarely(50);
            block.legal.next = !rarely(50);
            block.fits.next = !rarely(50);
            block.loop_refused.next = rarely(50);
            block.has_limb.next = rarely(2);
            block.known.next = !rarely(50);
            block.reduce.next = rarely(4);
            block.source_known.next = !rarely(50);
            block.unwritten.next = rarely(50);
            block.wrong_limb.next = rarely(50);
            block.bad_constant.next = rarely(50);
            block.begins_loop.next = rarely(8);
            block.sync.next = rarely(8);
            block.halt.next = rarely(40);
            block.issued_writes.next = rarely(2);
            block.issued_transform.next = rarely(2);
            block.done.next = rarely(4);
            block.stall.next = rarely(4);
            block.bad.next = rarely(50);
            block.drained.next = !rarely(4);
        })
        .unwrap();
}

/// Everything that a bench sees, put before the Verilog.
fn replay(name: &str, inputs: &[Inputs]) {
    let mut bench =
        Cosimulation::new(name, Control::new(&shape()), |control| &mut control.clock).unwrap();
    bench
        .run(inputs.len(), |cycle, control| inputs[cycle].set(control))
        .unwrap();
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn whole_programs() {
    let mut inputs = Vec::new();
    let mut random = Random::new(6);
    let mut bench = Bench::new(&shape(), 7);
    let mut memory = programs::memory(&mut random);
    for round in 0..60 {
        bench.pace = Pace {
            least: 4,
            spread: 6,
            stalls: [0, 3][round % 2],
        };
        match round % 3 {
            0 => {
                programs::sound(&mut random, &mut memory, 20);
            }
            _ => programs::wild(&mut random, &mut memory, 12),
        }
        bench.bad_at = (round % 5 == 4).then_some(9);
        bench.write(&memory);
        bench.start();
        if round % 7 == 6 {
            for _ in 0..random.below(200) {
                bench.tick();
            }
            bench.offer(command::CONTROL, control::ABORT, 0);
        }
        bench.finish();
        for address in (0..11).chain(128..140) {
            bench.status(address);
        }
        bench.command(command::CONTROL, control::CLEAR_ERROR, 0);
        if round % 2 == 1 {
            bench.command(command::CONTROL, control::CLEAR_TAGS, 0);
        }
        inputs.append(&mut bench.seen);
    }
    replay("control", &inputs);
}
