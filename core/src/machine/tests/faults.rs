//! What a machine refuses, and what it leaves behind.

use proptest::prelude::*;

use super::*;

#[test]
fn slots_remember_their_limb() {
    let basis = basis();
    let mut machine = machine(&basis);
    let a = polynomial(basis.modulus(0).value().min(basis.modulus(1).value()), 10);
    let fault = |machine: &mut dyn RingProcessor, program: &Program| match machine.run(
        program,
        &mut EmptySource,
        &mut NullSink,
    ) {
        Err(MachineError::Fault { pc, fault, .. }) => Some((pc, fault)),
        Ok(_) => None,
        other => panic!("{other:?}"),
    };
    machine.load(0, 0, &a).unwrap();
    machine.load(1, 1, &a).unwrap();
    let wrong = |slot, expected, found| Fault::WrongLimb {
        slot,
        expected,
        found,
    };
    let cases = [
        (program(|p| p.store(2)), Fault::Unwritten { slot: 2 }),
        (program(|p| p.ntt(1, 2, 0)), wrong(0, 1, 0)),
        (program(|p| p.add(0, 2, 0, 1)), wrong(1, 0, 1)),
        (program(|p| p.mac(0, 1, 0, 0)), wrong(1, 0, 1)),
        (program(|p| p.mac(0, 3, 0, 0)), Fault::Unwritten { slot: 3 }),
        (program(|p| p.reduce(2, 2, 1, 0)), wrong(1, 0, 1)),
        (
            program(|p| p.automorphism(0, 2, 3)),
            Fault::Unwritten { slot: 2 },
        ),
    ];
    for (program, expected) in cases {
        assert_eq!(fault(&mut machine, &program), Some((0, expected)));
    }
    // A fault at issue leaves all slots; MUL overwrites a slot of another limb; the tag follows RED.
    assert_eq!(read(&mut machine, 0), (0, a.clone()));
    let program = program(|p| {
        p.mul(0, 1, 0, 0)?
            .reduce(2, 3, 1, 0)?
            .intt(2, 3, 3)?
            .automorphism(2, 3, 3)
    });
    assert_eq!(fault(&mut machine, &program), None);
    assert_eq!(read(&mut machine, 2).0, 2);
    machine.reset().unwrap();
    assert_eq!(
        machine.store(0, &mut vec![0; N]),
        Err(MachineError::Unwritten { slot: 0 })
    );
}

#[test]
fn stream_words_that_are_no_residues_are_refused_with_their_place() {
    let basis = basis();
    let q = basis.modulus(1).value();
    let mut words = polynomial(q, 11);
    words.extend(polynomial(q, 12));
    words[N + 5] = q;
    let mut machine = machine(&basis);
    let program = program(|p| p.load(1, 0)?.add(1, 0, 0, STREAM));
    let error = machine
        .run(&program, &mut SliceSource::new(&words), &mut NullSink)
        .unwrap_err();
    let fault = Fault::Residue {
        position: N as u64 + 5,
        limb: 1,
    };
    assert_eq!(
        error,
        MachineError::Fault {
            pc: 1,
            instruction: program.instruction(1),
            fault
        }
    );
    assert_eq!(
        std::format!("{error}"),
        "word 1, ADD.1 0, 0, stream: stream word 1029 is not below the modulus of limb 1"
    );
    // The destination is half written, so it counts as never written.
    assert_eq!(
        machine.store(0, &mut vec![0; N]),
        Err(MachineError::Unwritten { slot: 0 })
    );
    words.truncate(2 * N - 1);
    words[N + 5] = 0;
    let error = machine
        .run(&program, &mut SliceSource::new(&words), &mut NullSink)
        .unwrap_err();
    assert!(matches!(
        error,
        MachineError::Fault {
            pc: 1,
            fault: Fault::Source(StreamError::Ended),
            ..
        }
    ));
}

#[test]
fn a_source_that_breaks_its_contract_is_caught() {
    struct Broken(Vec<u64>);
    impl Source for Broken {
        fn chunk(&mut self, _max: usize) -> Result<&[u64], StreamError> {
            Ok(&self.0)
        }
    }
    let basis = basis();
    let program = program(|p| p.load(0, 0));
    for length in [0, 2] {
        let error = machine(&basis)
            .run(&program, &mut Broken(vec![0; length]), &mut NullSink)
            .unwrap_err();
        assert!(matches!(
            error,
            MachineError::Fault {
                fault: Fault::Source(StreamError::Contract),
                ..
            }
        ));
    }
}

#[test]
fn constants_and_loaded_words_are_residues() {
    let basis = basis();
    let q = basis.modulus(0).value();
    let mut machine = machine(&basis);
    let mut a = polynomial(q, 13);
    machine.load(0, 0, &a).unwrap();
    let program = program(|p| {
        let constant = p.constant(q)?;
        p.mul_constant(0, 1, 0, constant)
    });
    let error = machine
        .run(&program, &mut EmptySource, &mut NullSink)
        .unwrap_err();
    assert!(matches!(
        error,
        MachineError::Fault {
            fault: Fault::Constant { index: 0, limb: 0 },
            ..
        }
    ));
    a[77] = q;
    assert_eq!(
        machine.load(0, 0, &a),
        Err(MachineError::Residue {
            position: 77,
            limb: 0
        })
    );
    assert_eq!(
        machine.load(4, 0, &a),
        Err(MachineError::Slot { slot: 4, slots: 4 })
    );
    assert_eq!(
        machine.load(200, 0, &a),
        Err(MachineError::Slot {
            slot: 200,
            slots: 4
        })
    );
    assert_eq!(
        machine.load(0, 3, &a),
        Err(MachineError::Limb { limb: 3, limbs: 3 })
    );
    assert_eq!(
        machine.load(0, 0, &a[1..]),
        Err(MachineError::Length {
            expected: N,
            found: N - 1
        })
    );
}

#[test]
fn parts_that_do_not_fit_make_no_machine() {
    let basis = basis();
    let error = Reference::new(&basis, Geometry::DEFAULT, vec![0; 16 * 4096]).err();
    assert_eq!(
        error,
        Some(MachineError::Degree {
            geometry: 4096,
            basis: N
        })
    );
    let error = Reference::new(&basis, geometry(), vec![0; 4 * N - 1]).err();
    assert_eq!(
        error,
        Some(MachineError::Storage {
            needed: 4 * N,
            found: 4 * N - 1
        })
    );
    let large = program(|p| p.load(0, 4));
    let error = machine(&basis)
        .run(&large, &mut EmptySource, &mut NullSink)
        .unwrap_err();
    assert_eq!(
        error,
        MachineError::Program(ProgramError::Slot {
            pc: 0,
            slot: 4,
            slots: 4
        })
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn words_make_a_program_that_runs_or_are_refused(words in prop::collection::vec(any::<u32>(), 0..20)) {
        match Program::from_words(&words, &[]) {
            Ok(program) => prop_assert_eq!(program.words(), &words[..]),
            Err(ProgramError::Word { pc, source }) => {
                prop_assert_eq!(Instruction::decode(words[usize::from(pc)]), Err::<_, IsaError>(source));
            }
            Err(_) => {}
        }
    }
}
