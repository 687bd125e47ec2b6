//! One run of a program on a device: words go and come while it computes.

use std::time::Instant;

use addax_core::isa::{Instruction, MAX_CONSTANTS, Program, Sequencer, Step};
use addax_core::link::Payload;
use addax_core::link::device::digest;
use addax_core::link::message::{
    CONSTANTS_PER_PACKET, PROGRAM_WORDS_PER_PACKET, Reply, Request, WORDS_BYTES, encode,
};
use addax_core::machine::{Fault, MachineError, Report, Sink};
use addax_core::modulus::WORD_BITS;
use addax_core::packing::{pack_words, packed_len, unpack_words};
use zeroize::Zeroizing;

use super::{Client, Streams, Transfer};
use crate::link::LinkError;
use crate::link::tape::{Portion, Reel, Tape, store_step};

impl Client {
    fn send_program(&self, program: &Program) -> Result<(), LinkError> {
        for (number, words) in program.words().chunks(PROGRAM_WORDS_PER_PACKET).enumerate() {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            let place = (number * PROGRAM_WORDS_PER_PACKET) as u16;
            self.send(&Request::Program {
                place,
                words: &bytes,
            })?;
        }
        for (number, values) in program.constants().chunks(CONSTANTS_PER_PACKET).enumerate() {
            let bytes: Vec<u8> = values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            let index = (number * CONSTANTS_PER_PACKET) as u8;
            self.send(&Request::Constants {
                index,
                values: &bytes,
            })?;
        }
        Ok(())
    }

    /// Runs a program once, from the tape as far as it goes.
    pub(super) fn try_run(
        &mut self,
        program: &Program,
        tape: &mut Tape,
        streams: &mut Streams<'_>,
    ) -> Result<Result<Report, MachineError>, LinkError> {
        let n = self.n();
        self.send_program(program)?;
        let room = match streams {
            // What was delivered before is not delivered again.
            Some((_, sink)) => (tape.delivered.len() * n).saturating_add(sink.room()) as u64,
            None if tape.refused.is_none() => u64::MAX,
            None => 0,
        };
        let room = room.min(u32::MAX.into());
        let constants = u8::try_from(program.constants().len()).unwrap_or(MAX_CONSTANTS as u8);
        let words = program.words().len() as u16;
        self.send(&Request::Run {
            words,
            constants,
            room: room as u32,
        })?;
        let mut reel = Reel::new(program, n);
        let mut polynomial = Zeroizing::new(Vec::with_capacity(n));
        let mut meter = Meter::new(self.progress.is_some(), program, n);
        let mut waiting: Option<Payload> = None;
        let mut packet = Payload::new();
        loop {
            if waiting.is_none() {
                let source = streams.as_mut().map(|(source, _)| &mut **source);
                let portion = reel.next(tape, source, room);
                waiting = portion.map(|portion| encode_portion(&portion, &mut meter, n));
            }
            // Whatever comes first: a packet, or room for one.
            let arrived = self.wait(Instant::now(), |transport| {
                if transport.receive(&mut packet) {
                    return Some(true);
                }
                let words = waiting.as_ref().filter(|_| transport.has_room())?;
                transport.send(words);
                Some(false)
            })?;
            if !arrived {
                waiting = None;
                meter.tell(&mut self.progress);
                continue;
            }
            match Reply::parse(&packet).map_err(|_| LinkError::Nonsense)? {
                Reply::Words { count, packed } => {
                    let before = polynomial.len();
                    if before + usize::from(count) > n {
                        return Err(LinkError::Nonsense);
                    }
                    polynomial.resize(before + usize::from(count), 0);
                    unpack_words(packed, &mut polynomial[before..]).ok_or(LinkError::Nonsense)?;
                    meter.done += u64::from(count);
                    if polynomial.len() == n {
                        let number = reel.answer().ok_or(LinkError::Nonsense)?;
                        let sink = streams.as_mut().map(|(_, sink)| &mut **sink);
                        self.deliver(&polynomial, number, tape, sink, room)?;
                        polynomial.clear();
                    }
                }
                Reply::Ended(_) | Reply::Failed(_) if !polynomial.is_empty() => {
                    return Err(LinkError::Nonsense);
                }
                Reply::Ended(report) => {
                    // A sink that took less than it had promised.
                    let broken = tape
                        .refused
                        .and_then(|(number, error)| Some((store_step(program, number)?, error)));
                    return Ok(match broken {
                        Some((step, error)) => Err(MachineError::Fault {
                            pc: step.pc,
                            instruction: step.instruction,
                            fault: Fault::Sink(error),
                        }),
                        None => Ok(report),
                    });
                }
                Reply::Failed(failure) => {
                    return Ok(Err(own_words(self.error(failure, Some(program)), tape)));
                }
                _ => return Err(LinkError::Nonsense),
            }
        }
    }

    /// A polynomial has come: gives it to the sink, unless it has it, and answers the device if that waits.
    fn deliver(
        &self,
        polynomial: &[u64],
        number: u64,
        tape: &mut Tape,
        sink: Option<&mut (dyn Sink + '_)>,
        room: u64,
    ) -> Result<(), LinkError> {
        let digest = digest(polynomial);
        let refused_before = tape.refused.filter(|(refused, _)| *refused == number);
        let outcome = match (tape.delivered.get(number as usize), sink) {
            (Some(before), _) if *before != digest => return Err(LinkError::Differs),
            (Some(_), _) => Ok(()),
            (None, _) if refused_before.is_some() => {
                refused_before.map_or(Ok(()), |(_, error)| Err(error))
            }
            (None, Some(sink)) if tape.refused.is_none() => sink.write(polynomial),
            // Behind a refused store nothing counts.
            (None, _) => Ok(()),
        };
        match outcome {
            Ok(()) if tape.refused.is_none() && tape.delivered.len() as u64 == number => {
                tape.delivered.push(digest)
            }
            Ok(()) => {}
            Err(error) => tape.refused = Some((number, error)),
        }
        let words = (number + 1) * self.n() as u64;
        if words <= room {
            return Ok(());
        }
        match outcome {
            Ok(()) => self.send(&Request::Taken {
                words: words.min(u32::MAX.into()) as u32,
            }),
            Err(error) => self.send(&Request::Refuse(error.into())),
        }
    }
}

/// A fault of a stream in the words of the stream's owner, not in those that travelled.
fn own_words(error: MachineError, tape: &Tape) -> MachineError {
    let MachineError::Fault {
        pc,
        instruction,
        fault,
    } = error
    else {
        return error;
    };
    let fault = match fault {
        Fault::Source(error) => Fault::Source(tape.end.unwrap_or(error)),
        Fault::Sink(error) => Fault::Sink(tape.refused.map_or(error, |(_, error)| error)),
        fault => fault,
    };
    MachineError::Fault {
        pc,
        instruction,
        fault,
    }
}

/// Counts words for whoever watches.
struct Meter {
    done: u64,
    all: u64,
}

impl Meter {
    fn new(watched: bool, program: &Program, n: usize) -> Self {
        let moved = |step: &Step| {
            let instruction = step.instruction;
            instruction.reads_stream() || matches!(instruction, Instruction::Store { .. })
        };
        let all = match watched {
            true => Sequencer::new(program).filter(moved).count() * n,
            false => 0,
        };
        Self {
            done: 0,
            all: all as u64,
        }
    }

    fn tell(&self, progress: &mut Option<Box<dyn FnMut(Transfer) + Send>>) {
        if let Some(progress) = progress {
            progress(Transfer {
                done: self.done,
                all: self.all,
            });
        }
    }
}

fn encode_portion(portion: &Portion<'_>, meter: &mut Meter, n: usize) -> Payload {
    match portion {
        Portion::Words(words) => {
            meter.done += words.len() as u64;
            let mut packed = Zeroizing::new([0; WORDS_BYTES]);
            let packed = &mut packed[..packed_len(words.len(), WORD_BITS)];
            pack_words(words, packed);
            encode(&Request::Words {
                count: words.len() as u16,
                packed,
            })
        }
        Portion::Small(bytes) => {
            meter.done += bytes.len() as u64;
            encode(&Request::Small(bytes))
        }
        Portion::Seed(seed, limb) => {
            meter.done += n as u64;
            encode(&Request::Seed {
                seed: **seed,
                limb: *limb,
            })
        }
        Portion::End(error) => encode(&Request::End((*error).into())),
    }
}
