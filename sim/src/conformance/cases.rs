//! Each instruction alone at the edges of its arithmetic, and programs that must fault.

use addax_core::isa::{
    Geometry, Increment, PointwiseOp, Program, ProgramBuilder, ProgramError, STREAM,
};

use addax_core::machine::StreamError;

use crate::Basis;
use crate::random::Random;

/// Residues of a slot or a stream.
#[derive(Clone, Copy, Debug)]
pub enum Pattern {
    /// Edge residues: position i has edge number i / 9^period mod 9, so that polynomials of periods 0, 1 and 2 meet
    /// in all combinations.
    Edges {
        /// Which digit of i, to base 9, decides.
        period: u32,
    },
    /// Residues without a pattern.
    Random {
        /// Decides them.
        seed: u64,
    },
}

impl Pattern {
    /// n residues below q.
    pub fn polynomial(self, q: u64, n: usize) -> Vec<u64> {
        match self {
            Self::Edges { period } => {
                let edges = [
                    0,
                    1,
                    2,
                    q / 2 - 1,
                    q / 2,
                    q / 2 + 1,
                    (1 << 18) - 1,
                    q - 2,
                    q - 1,
                ];
                let step = edges.len().pow(period);
                (0..n).map(|i| edges[i / step % edges.len()]).collect()
            }
            Self::Random { seed } => {
                let mut random = Random::new(seed);
                (0..n).map(|_| random.below(q)).collect()
            }
        }
    }
}

/// A program with what it starts from.
pub struct Case {
    /// For people.
    pub name: String,
    /// Limb and contents of the first slots.
    pub slots: [Option<(u8, Pattern)>; 2],
    /// The program.
    pub program: Program,
    /// The input stream.
    pub stream: Vec<u64>,
    /// What the input stream says after its last word.
    pub end: StreamError,
    /// Words that the output stream takes.
    pub room: usize,
}

impl Case {
    /// A program on slots as they are, with a stream that holds what it needs.
    pub const fn running(name: String, program: Program, stream: Vec<u64>) -> Self {
        Self {
            name,
            slots: [None; 2],
            program,
            stream,
            end: StreamError::Ended,
            room: usize::MAX,
        }
    }
}

type Write<'w> = &'w dyn Fn(&mut ProgramBuilder) -> Result<(), ProgramError>;

fn case(slots: [Option<(u8, Pattern)>; 2], stream: Vec<u64>, write: Write<'_>) -> Case {
    let mut builder = ProgramBuilder::new();
    let program = write(&mut builder).and_then(|()| builder.finish());
    let program = program.expect("cases are legal programs");
    let name = match program.instructions().next() {
        Some((_, instruction)) => instruction.to_string(),
        None => String::new(),
    };
    Case {
        slots,
        ..Case::running(name, program, stream)
    }
}

/// Every instruction under every limb, in the forms that differ: operands in slots, equal, in place, streamed.
pub fn single(geometry: &Geometry, basis: &Basis) -> Vec<Case> {
    let n = geometry.n();
    let limbs = basis.limbs() as u8;
    // With only two slots the destination is an operand's slot, which MAC's edges still vary.
    let dst = geometry.slots().min(3) as u8 - 1;
    let mut cases = Vec::new();
    for limb in 0..limbs {
        let q = basis.modulus(usize::from(limb)).value();
        let edges = |period| Some((limb, Pattern::Edges { period }));
        let scattered = |seed| Some((limb, Pattern::Random { seed }));
        let stream = Pattern::Edges { period: 2 }.polynomial(q, n);
        let both = [edges(0), edges(1)];
        let mut add = |slots, stream: &[u64], write: Write<'_>| {
            cases.push(case(slots, stream.to_vec(), write))
        };

        add([None; 2], &stream, &|p| p.load(limb, 0).map(drop));
        let integers: Vec<u64> = (0..n as u64)
            .map(|i| i.wrapping_mul(0x0101_0101_0101_0101))
            .collect();
        add([None; 2], &integers, &|p| p.load_weights(limb, 0).map(drop));
        add(both, &[], &|p| p.store(1).map(drop));
        for slots in [both, [scattered(1), scattered(2)]] {
            add(slots, &[], &|p| p.ntt(limb, dst, 0).map(drop));
            add(slots, &[], &|p| p.ntt(limb, 1, 1).map(drop));
            add(slots, &[], &|p| p.intt(limb, dst, 0).map(drop));
            add(slots, &[], &|p| p.intt(limb, 1, 1).map(drop));
        }
        for op in [
            PointwiseOp::Mul,
            PointwiseOp::Mac,
            PointwiseOp::Add,
            PointwiseOp::Sub,
        ] {
            let operands = [
                (dst, 0, 1),
                (0, 0, 1),
                (1, 0, 1),
                (1, 1, 1),
                (1, 0, 0),
                (0, 0, STREAM),
                (1, 0, STREAM),
            ];
            for (dst, a, b) in operands.into_iter().chain([(0, STREAM, 0), (1, STREAM, 0)]) {
                if op == PointwiseOp::Mac && dst == 2 {
                    continue; // reads dst, which these cases leave unwritten
                }
                add(both, &stream, &|p| {
                    p.pointwise(op, limb, dst, a, b).map(drop)
                });
            }
        }
        for constant in [0, 1, 2, q / 2, q - 1, (1u64 << 36) % q] {
            let write: Write<'_> = &|p| {
                let index = p.constant(constant)?;
                p.mul_constant(limb, dst, 0, index).map(drop)
            };
            add(both, &[], write);
        }
        for element in [1, 3, 5, 25, n - 1, n + 1, 2 * n - 1] {
            if n <= 8192 {
                add([edges(0), scattered(3)], &[], &|p| {
                    p.automorphism(0, 1, element as u32).map(drop)
                });
            }
        }
        for to in 0..limbs {
            add(both, &[], &|p| p.reduce(to, dst, 0, limb).map(drop));
            add([scattered(4), edges(1)], &[], &|p| {
                p.reduce(to, 0, 0, limb).map(drop)
            });
        }
        add([scattered(5), scattered(6)], &[], &|p| p.sync().map(drop));
        add(both, &[], &|p| {
            p.repeat(2, Increment::A, |body| body.add(limb, 0, 0, 1))
                .map(drop)
        });
        add(both, &[], &|p| {
            p.repeat(2, Increment::B, |body| body.sub(limb, 1, 0, 0))
                .map(drop)
        });
        let streams = stream.repeat(6);
        add(both, &streams, &|p| {
            p.repeat(3, Increment::NONE, |outer| {
                outer.repeat(2, Increment::A, |inner| inner.mac(limb, 1, 0, STREAM))
            })
            .map(drop)
        });
    }
    cases
}

/// Programs that fault, with as many words done before the fault as there can be.
pub fn faults(geometry: &Geometry, basis: &Basis) -> Vec<Case> {
    let n = geometry.n();
    let q = basis.modulus(0).value();
    let edges = |limb| Some((limb, Pattern::Edges { period: 1 }));
    let both = [edges(0), edges(0)];
    let stream = Pattern::Random { seed: 7 }.polynomial(q, 3 * n);
    let mut cases = vec![
        case([edges(0), None], vec![], &|p| p.store(1).map(drop)),
        case([edges(0), None], vec![], &|p| p.mac(0, 1, 0, 0).map(drop)),
        case([edges(0), None], vec![], &|p| p.add(0, 0, 0, 1).map(drop)),
        case(both, stream[..n - 1].to_vec(), &|p| p.load(0, 1).map(drop)),
        case(both, stream[..n - 1].to_vec(), &|p| {
            p.load_weights(0, 0).map(drop)
        }),
        case(both, stream[..2 * n - 1].to_vec(), &|p| {
            p.mac(0, 1, 0, STREAM)?.mac(0, 1, 0, STREAM).map(drop)
        }),
        case(both, vec![], &|p| {
            let index = p.constant(q)?;
            p.mac(0, 1, 0, 0)?
                .mac(0, 1, 0, 0)?
                .mul_constant(0, 0, 1, index)
                .map(drop)
        }),
    ];
    for (position, word) in [(0, q), (n + 1, u64::MAX), (2 * n, 1 << 63), (3 * n - 1, q)] {
        let mut broken = stream.clone();
        broken[position] = word;
        cases.push(case(both, broken.clone(), &|p| {
            p.repeat(3, Increment::NONE, |body| body.mac(0, 1, 0, STREAM))
                .map(drop)
        }));
        cases.push(case(both, broken, &|p| {
            p.load(0, 0)?
                .sub(0, 1, STREAM, 0)?
                .add(0, 0, 0, STREAM)
                .map(drop)
        }));
    }
    // Sources and sinks that fail on the way: what was done before stays done, what follows is not begun.
    for end in [StreamError::Contract, StreamError::Failed("torn off")] {
        for words in [0, n / 2, n + 1] {
            let broken = case(both, stream[..words].to_vec(), &|p| {
                p.store(0)?
                    .load(0, 0)?
                    .add(0, 1, 0, STREAM)?
                    .store(1)
                    .map(drop)
            });
            cases.push(Case { end, ..broken });
        }
    }
    for room in [0, n - 1, n, 2 * n] {
        let full = case(both, stream.clone(), &|p| {
            p.add(0, 1, 0, 1)?
                .store(1)?
                .add(0, 1, 0, STREAM)?
                .store(1)?
                .sub(0, 0, 1, 0)?
                .store(0)?
                .intt(0, 1, 0)
                .map(drop)
        });
        cases.push(Case { room, ..full });
    }
    // A word that is no residue before the stream ends too early: the first of the two counts.
    for length in [n / 2, n - 1] {
        let mut broken = stream[..length].to_vec();
        broken[length / 2] = q;
        cases.push(case(both, broken.clone(), &|p| p.load(0, 1).map(drop)));
        cases.push(case(both, broken, &|p| p.mac(0, 1, STREAM, 0).map(drop)));
    }
    if basis.limbs() > 1 {
        cases.push(case([edges(0), edges(1)], vec![], &|p| {
            p.add(0, 0, 0, 1).map(drop)
        }));
        cases.push(case([edges(0), edges(1)], vec![], &|p| {
            p.reduce(0, 0, 0, 1).map(drop)
        }));
        cases.push(case([edges(0), edges(1)], vec![], &|p| {
            p.mac(0, 1, 0, 0).map(drop)
        }));
        cases.push(case(both, vec![], &|p| {
            p.mac(0, 1, 0, 0)?.mac(0, 1, 0, 0)?.ntt(1, 0, 0).map(drop)
        }));
    }
    cases
}
