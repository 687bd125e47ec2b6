//! Executors beside the reference machine, and the self-test beside executors that are wrong on purpose.

#[path = "accel/faulty.rs"]
mod faulty;

use std::sync::{Arc, LazyLock};

use addax::accel::{AccelError, Accelerator, Cpu, list, open};
use addax::he::Basis;
use addax_core::isa::{Geometry, Increment, ProgramBuilder, STREAM, cycles};
use addax_core::machine::{EmptySource, NullSink, RingProcessor, SliceSink, SliceSource};
use addax_core::modulus::Modulus;
use addax_core::ntt::{NttPlan, Twiddle};
use addax_core::params::PRIMES;
use addax_core::poly::RnsBasis;
use addax_sim::conformance::{Difference, Subject, Suite, Summary, check};
use faulty::{Fault, Faulty};
use proptest::prelude::*;

fn make_basis(log_n: u32, limbs: usize) -> Arc<Basis> {
    let moduli: Vec<Modulus> = PRIMES[..limbs]
        .iter()
        .map(|&q| Modulus::new(q).unwrap())
        .collect();
    let storage = |_| vec![Twiddle::default(); NttPlan::<Vec<Twiddle>>::storage_len(log_n)];
    Arc::new(RnsBasis::new(&moduli, log_n, storage).unwrap())
}

static SMALL: LazyLock<Arc<Basis>> = LazyLock::new(|| make_basis(10, 3));
static DEFAULT: LazyLock<Arc<Basis>> = LazyLock::new(|| make_basis(12, 3));

const SOFTWARE: [Accelerator; 2] = [Accelerator::Cpu, Accelerator::Reference];

fn small(butterflies: u32) -> Geometry {
    Geometry::new(10, butterflies, 4).unwrap()
}

fn selftest(
    machine: &mut dyn RingProcessor,
    basis: &Basis,
    suite: &Suite,
) -> Result<Summary, Difference> {
    check(Subject::Software(machine), basis, suite)
}

fn assert_passes(basis: &Arc<Basis>, geometry: Geometry, options: Suite) {
    let mut machine = open("cpu", Arc::clone(basis), geometry).unwrap();
    let report = selftest(&mut *machine, basis, &options).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(report.programs, u64::from(options.programs));
    assert!(report.single > 100 && report.faults > 10, "{report:?}");
    assert!(
        report.instructions > u64::from(options.programs) && report.words > 0 && report.cycles > 0
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn cpu_equals_the_reference_at_n_1024(seed: u64, log_b in prop::sample::select(vec![0u32, 3]), instructions in 1usize..=200) {
        assert_passes(&SMALL, small(1 << log_b), Suite { seed, programs: 10, instructions, ..Suite::default() });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2))]

    #[test]
    fn cpu_equals_the_reference_at_the_default_geometry(seed: u64) {
        assert_passes(&DEFAULT, Geometry::DEFAULT, Suite { seed, programs: 3, instructions: 200, ..Suite::default() });
    }
}

#[test]
fn cpu_equals_the_reference_on_machines_of_other_sizes() {
    for (log_n, butterflies, slots, limbs) in [
        (10, 2, 2, 1),
        (11, 4, 126, 12),
        (13, 4, 6, 2),
        (14, 8, 3, 1),
    ] {
        let geometry = Geometry::new(log_n, butterflies, slots).unwrap();
        let options = Suite {
            seed: 1,
            programs: 2,
            instructions: 60,
            ..Suite::default()
        };
        let basis = make_basis(log_n, limbs);
        let mut machine = Cpu::new(&*basis, geometry).unwrap();
        selftest(&mut machine, &basis, &options)
            .unwrap_or_else(|error| panic!("n = 2^{log_n}: {error}"));
    }
}

#[test]
fn the_reference_passes_its_own_self_test() {
    let mut machine = open("reference", &**SMALL, small(8)).unwrap();
    selftest(&mut *machine, &SMALL, &Suite::default()).unwrap();
}

#[test]
fn cycles_are_those_of_the_model_in_software() {
    let mut builder = ProgramBuilder::new();
    builder.load(0, 0).unwrap().ntt(0, 0, 0).unwrap();
    builder.mul(0, 1, 0, STREAM).unwrap();
    let none = Increment::NONE;
    builder
        .repeat(5, none, |body| body.mac(0, 1, 0, STREAM))
        .unwrap();
    builder.intt(0, 1, 1).unwrap().store(1).unwrap();
    let program = builder.finish().unwrap();
    let stream = vec![1; 7 * 4096];
    let expected = (4096 + 37) + 2 * (3072 + 36) + 6 * (512 + 38) + 6 + (4096 + 36) + 6;
    assert_eq!(cycles(&program, &Geometry::DEFAULT), expected);
    for accelerator in SOFTWARE {
        let mut machine = accelerator
            .open(Arc::clone(&DEFAULT), Geometry::DEFAULT)
            .unwrap();
        let mut words = vec![0; 4096];
        let mut sink = SliceSink::new(&mut words);
        let report = machine
            .run(&program, &mut SliceSource::new(&stream), &mut sink)
            .unwrap();
        let counts = [
            report.cycles,
            report.stalls,
            report.instructions,
            report.transforms,
        ];
        assert_eq!(counts, [expected, 0, 12, 2], "{accelerator}");
        assert_eq!(
            [report.words_in, report.words_out],
            [7 * 4096, 4096],
            "{accelerator}"
        );
    }
}

#[test]
fn accelerators_are_opened_by_name() {
    let names: Vec<_> = list().map(|row| row.name).collect();
    assert_eq!(
        names,
        [
            "cpu",
            "reference",
            "rtl",
            "verilator",
            "serial:PATH[@BAUD]",
            "socket:HOST:PORT"
        ]
    );
    assert_eq!(
        list()
            .filter(|row| row.default)
            .map(|row| row.name)
            .collect::<Vec<_>>(),
        ["cpu"]
    );
    let error = open("abacus", &**SMALL, small(8)).err().unwrap();
    assert_eq!(
        error.to_string(),
        "unknown accelerator \"abacus\", there are: cpu, reference, rtl, verilator, serial:PATH[@BAUD], socket:HOST:PORT"
    );
    let error = open("cpu", &**SMALL, Geometry::DEFAULT).err().unwrap();
    assert_eq!(
        error.to_string(),
        "accelerator cpu: the machine has n = 4096, the parameters n = 1024"
    );
    assert!(matches!(
        error,
        AccelError::Machine {
            name: Accelerator::Cpu,
            ..
        }
    ));
}

#[test]
fn an_opened_accelerator_moves_to_another_thread() {
    let mut machine = open("cpu", Arc::clone(&SMALL), small(8)).unwrap();
    std::thread::spawn(move || machine.load(0, 0, &[1; 1024]))
        .join()
        .unwrap()
        .unwrap();
}

fn selftest_with(fault: Fault) -> Result<(), Difference> {
    let inner = open("cpu", &**SMALL, small(8)).unwrap();
    let mut machine = Faulty {
        inner,
        basis: &SMALL,
        fault,
        done: false,
    };
    selftest(
        &mut machine,
        &SMALL,
        &Suite {
            seed: 3,
            programs: 4,
            instructions: 100,
            ..Suite::default()
        },
    )
    .map(drop)
}

#[test]
fn the_self_test_finds_every_seeded_fault() {
    assert_eq!(
        selftest_with(Fault::Bit("nothing")),
        Ok(()),
        "the wrapper itself is faithful"
    );
    for name in [
        "LD", "LD int8", "NTT", "INTT", "MUL", "MAC", "ADD", "SUB", "MULI", "AUT", "RED",
    ] {
        let result = selftest_with(Fault::Bit(name));
        assert!(
            matches!(result, Err(Difference::Slot { position: 517, .. })),
            "{name}: {result:?}"
        );
    }
    let result = selftest_with(Fault::OutputBit);
    assert!(
        matches!(result, Err(Difference::Output { position: 77, .. })),
        "{result:?}"
    );
    let result = selftest_with(Fault::Tag);
    assert!(matches!(result, Err(Difference::Tag { .. })), "{result:?}");
    for fault in [
        Fault::Cycle,
        Fault::ShortLoop,
        Fault::NoIncrement,
        Fault::ReducedResidue,
        Fault::LiftedMiddle,
    ] {
        assert!(selftest_with(fault).is_err(), "{fault:?}");
    }
}

#[test]
fn a_long_run_of_products_is_exact() {
    // More products than one 128-bit sum takes, all of the largest residue.
    let basis = &**SMALL;
    let q = basis.modulus(0);
    let mut machine = open("cpu", basis, small(8)).unwrap();
    let mut builder = ProgramBuilder::new();
    let none = Increment::NONE;
    builder
        .repeat(4000, none, |outer| {
            outer.repeat(17, none, |inner| inner.mac(0, 1, 0, 0))
        })
        .unwrap();
    let program = builder.finish().unwrap();
    for slot in [0, 1] {
        machine.load(slot, 0, &[q.value() - 1; 1024]).unwrap();
    }
    machine
        .run(&program, &mut EmptySource, &mut NullSink)
        .unwrap();
    let mut words = [0; 1024];
    machine.store(1, &mut words).unwrap();
    // −1 + 68000·2^-36.
    let product = q.inverse(q.reduce(1 << 36));
    assert_eq!(words, [q.sub(q.mul(68_000, product), 1); 1024]);
}

#[test]
fn a_run_of_products_may_read_its_own_sum() {
    let basis = &**SMALL;
    let geometry = small(8);
    let mut builder = ProgramBuilder::new();
    for (dst, a, b) in [
        (1, 0, 0),
        (1, 1, 0),
        (1, 0, 1),
        (0, 1, 1),
        (0, 1, 0),
        (1, 0, 0),
    ] {
        builder.mac(0, dst, a, b).unwrap();
    }
    let program = builder.finish().unwrap();
    let results = SOFTWARE.map(|accelerator| {
        let mut machine = accelerator.open(basis, geometry).unwrap();
        let mut words = vec![0; 1024];
        for at in 0..2 {
            machine
                .load(
                    at,
                    0,
                    &(0..1024)
                        .map(|i| i * 12_345_678 + u64::from(at))
                        .collect::<Vec<_>>(),
                )
                .unwrap();
        }
        machine
            .run(&program, &mut EmptySource, &mut NullSink)
            .unwrap();
        [0, 1].map(|slot| (machine.store(slot, &mut words), words.clone()))
    });
    assert_eq!(results[0], results[1]);
}
