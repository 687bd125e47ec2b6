//! What a driver does with a machine of n = 1024 and two lanes: writes a program, feeds it, reads what comes out.

use std::collections::VecDeque;

use addax_core::isa::{Geometry, ProgramBuilder, STREAM};
use addax_core::ntt::bit_reverse;

use crate::cosim::Stimulus;
use crate::ports::{command, control, limb, status};
use crate::shape::{Shape, Target};
use crate::shell::{answer, request};

const QH: u64 = 0x1_0001;
const Q: u64 = (QH << 18) + 1;
const N: usize = 1024;
const LANES: usize = 2;
const GALOIS: usize = 2 * 77 + 1;

pub fn shape() -> Shape {
    let geometry = Geometry::new(10, LANES as u32, 4).unwrap();
    Shape::new(geometry, 1, Target::Behavioural).unwrap()
}

pub fn word_bytes(word: u64) -> [u8; 5] {
    let bytes = word.to_le_bytes();
    [bytes[0], bytes[1], bytes[2], bytes[3], bytes[4]]
}

pub fn command_bytes(kind: u64, address: u64, data: u64) -> Vec<u8> {
    let mut bytes = vec![request::COMMAND + kind as u8];
    bytes.extend(&address.to_le_bytes()[..3]);
    bytes.extend(word_bytes(data));
    bytes
}

/// A request, and whether what it reads is an output word or a status word.
enum Step {
    Do(Vec<u8>),
    Output,
    /// Until the machine is idle.
    Idle,
}

/// A driver's side, request by request. Each is repeated until it is done.
pub struct Session {
    steps: VecDeque<Step>,
    expected: Vec<u64>,
    output: Vec<u64>,
    answer: Vec<u8>,
    waiting: bool,
}

impl Session {
    /// Loads a polynomial, adds a streamed one, applies an automorphism and stores the result.
    pub fn new() -> Self {
        let mut random = Stimulus::new(5);
        let mut polynomial = || (0..N).map(|_| random.below(Q)).collect::<Vec<u64>>();
        let [a, b] = [polynomial(), polynomial()];
        let mut builder = ProgramBuilder::new();
        builder.load(0, 0).unwrap();
        builder.add(0, 1, 0, STREAM).unwrap();
        builder.automorphism(2, 1, GALOIS as u32).unwrap();
        builder.store(2).unwrap().sync().unwrap();
        let program = builder.finish().unwrap();

        let mut steps = VecDeque::new();
        let mut write = |kind, address, data| {
            steps.push_back(Step::Do(command_bytes(kind, address, data)));
        };
        write(command::CONTROL, control::CLEAR_TAGS, 0);
        write(command::LIMB, limb::ONE, (1 << 36) % Q);
        write(command::LIMB, limb::MODULUS, QH);
        for (place, &word) in program.words().iter().enumerate() {
            write(command::PROGRAM, place as u64, word.into());
        }
        write(command::CONTROL, control::START, 0);
        for &word in &a {
            let bytes = [&[request::WORD][..], &word_bytes(word)].concat();
            steps.push_back(Step::Do(bytes));
        }
        // Rows of the low banks and of the high banks in turn.
        let rows = N / (2 * LANES);
        for row in 0..rows {
            for half in 0..2 {
                let mut bytes = vec![request::BEAT];
                for lane in 0..LANES {
                    bytes.extend(word_bytes(b[(half * LANES + lane) * rows + row]));
                }
                steps.push_back(Step::Do(bytes));
            }
        }
        steps.extend((0..N).map(|_| Step::Output));
        steps.push_back(Step::Idle);
        let sum: Vec<u64> = a.iter().zip(&b).map(|(a, b)| (a + b) % Q).collect();
        let expected = (0..N).map(|j| {
            let exponent = (bit_reverse(j, 10) * GALOIS + GALOIS / 2) % N;
            sum[bit_reverse(exponent, 10)]
        });
        Self {
            expected: expected.collect(),
            steps,
            output: Vec::new(),
            answer: Vec::new(),
            waiting: false,
        }
    }

    /// Everything was asked and answered.
    pub fn ended(&self) -> bool {
        self.steps.is_empty()
    }

    /// The bytes of the next request, if the one before has been answered.
    pub fn request(&mut self) -> Option<Vec<u8>> {
        if self.waiting {
            return None;
        }
        let bytes = match self.steps.front()? {
            Step::Do(bytes) => bytes.clone(),
            Step::Output => vec![request::OUTPUT],
            Step::Idle => vec![request::STATUS, status::STATE as u8],
        };
        self.waiting = true;
        Some(bytes)
    }

    /// The first byte of an answer has come and others will.
    pub fn inside_answer(&self) -> bool {
        !self.answer.is_empty()
    }

    /// A byte of an answer.
    pub fn receive(&mut self, byte: u8) {
        assert!(self.waiting, "{byte:x} answers nothing");
        self.answer.push(byte);
        let step = self.steps.front().unwrap();
        let done = self.answer[0] == answer::DONE;
        let length = match step {
            Step::Output | Step::Idle if done => 6,
            _ => 1,
        };
        if self.answer.len() < length {
            return;
        }
        assert!(done || self.answer[0] == answer::NOT_NOW);
        let word = (1..length).rfold(0, |word, i| word << 8 | u64::from(self.answer[i]));
        let ends = match step {
            Step::Do(_) => done,
            Step::Output => {
                self.output.extend(done.then_some(word));
                done
            }
            Step::Idle => {
                assert_eq!(word & !1, 0, "an error, or words left");
                word == 0
            }
        };
        if ends {
            self.steps.pop_front();
        }
        self.answer.clear();
        self.waiting = false;
    }

    /// The machine computed what it should.
    pub fn check(&self) {
        assert!(self.ended());
        assert!(self.output == self.expected);
    }
}
