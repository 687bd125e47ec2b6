//! Words that enter the machine: residues are checked, small integers become residues.
//!
//! A word x = high·2^18 + low is below q = qh·2^18 + 1 exactly when high < qh, or high = qh and low = 0. A weight
//! w, −128 ≤ w < 0, becomes q + w = qh·2^18 + (w + 1): for w = −1 that is qh·2^18, else (qh − 1)·2^18 + (2^18 + 1 + w).

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use crate::leaf::Register;
use crate::word::{Word, bit_cast};

/// Whether a word is not a residue; two cycles.
#[derive(Clone, Debug, Default, SettledBlock)]
pub struct ResidueCheck {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// There is a word.
    pub valid: Signal<In, Bit>,
    /// The word.
    pub word: Signal<In, Word<36>>,
    /// Modulus.
    pub qh: Signal<In, Word<17>>,
    /// Two cycles later: there was a word and it was not below q.
    pub bad: Signal<Out, Bit>,

    present: Register<Bit>,
    above: Register<Bit>,
    equal: Register<Bit>,
    rest: Register<Bit>,
    verdict: Register<Bit>,
    high: Signal<Local, Word<18>>,
    low: Signal<Local, Word<18>>,
    bound: Signal<Local, Word<18>>,
}

impl ResidueCheck {
    /// Cycles from a word to its verdict.
    pub const LATENCY: usize = 2;
}

impl Logic for ResidueCheck {
    #[hdl_gen]
    fn update(&mut self) {
        self.present.clock.next = self.clock.val();
        self.above.clock.next = self.clock.val();
        self.equal.clock.next = self.clock.val();
        self.rest.clock.next = self.clock.val();
        self.verdict.clock.next = self.clock.val();

        self.high.next = self.word.val().get_bits::<18>(18);
        self.low.next = self.word.val().get_bits::<18>(0);
        self.bound.next = bit_cast::<18, 17>(self.qh.val());
        self.present.d.next = self.valid.val();
        self.above.d.next = self.high.val() > self.bound.val();
        self.equal.d.next = self.high.val() == self.bound.val();
        self.rest.d.next = self.low.val().any();

        self.verdict.d.next =
            self.present.q.val() & (self.above.q.val() | (self.equal.q.val() & self.rest.q.val()));
        self.bad.next = self.verdict.q.val();
    }
}

/// The words of `LD`: one a cycle, two cycles.
#[derive(Clone, Debug, SettledBlock)]
pub struct LoadUnit {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// There is a word.
    pub valid: Signal<In, Bit>,
    /// A residue, or a weight in the low 8 bits.
    pub word: Signal<In, Word<36>>,
    /// The words are weights; stable while they pass.
    pub weights: Signal<In, Bit>,
    /// Modulus; at least 1, stable while words pass.
    pub qh: Signal<In, Word<17>>,
    /// Forget the words inside: none leaves in this cycle or later, and none is bad.
    pub flush: Signal<In, Bit>,
    /// A residue leaves.
    pub valid_out: Signal<Out, Bit>,
    /// The residue.
    pub word_out: Signal<Out, Word<36>>,
    /// In place of a residue: the word was not below q.
    pub bad: Signal<Out, Bit>,

    check: ResidueCheck,
    present: Register<Bit>,
    finished: Register<Bit>,
    /// Negative weights become residues in the second cycle, everything else in the first.
    negative: Register<Bit>,
    minus_one: Register<Bit>,
    high: Register<Word<18>>,
    low: Register<Word<18>>,
    result: Register<Word<36>>,
    none: Constant<Word<18>>,
    one: Constant<Word<18>>,
    sign_extension: Constant<Word<18>>,
    weight: Signal<Local, Word<8>>,
    magnitude: Signal<Local, Word<18>>,
    bound: Signal<Local, Word<18>>,
    bound_below: Signal<Local, Word<18>>,
    next_high: Signal<Local, Word<18>>,
    next_low: Signal<Local, Word<18>>,
}

impl LoadUnit {
    /// Cycles from a word to its residue.
    pub const LATENCY: usize = ResidueCheck::LATENCY;

    /// The unit; the same for every shape.
    pub fn new() -> Self {
        Self {
            clock: Signal::default(),
            valid: Signal::default(),
            word: Signal::default(),
            weights: Signal::default(),
            qh: Signal::default(),
            flush: Signal::default(),
            valid_out: Signal::default(),
            word_out: Signal::default(),
            bad: Signal::default(),
            check: ResidueCheck::default(),
            present: Register::default(),
            finished: Register::default(),
            negative: Register::default(),
            minus_one: Register::default(),
            high: Register::default(),
            low: Register::default(),
            result: Register::default(),
            none: Constant::new(Word::new(0)),
            one: Constant::new(Word::new(1)),
            sign_extension: Constant::new(Word::new(0x3ff00)),
            weight: Signal::default(),
            magnitude: Signal::default(),
            bound: Signal::default(),
            bound_below: Signal::default(),
            next_high: Signal::default(),
            next_low: Signal::default(),
        }
    }
}

impl Default for LoadUnit {
    fn default() -> Self {
        Self::new()
    }
}

impl Logic for LoadUnit {
    #[hdl_gen]
    fn update(&mut self) {
        self.check.clock.next = self.clock.val();
        self.present.clock.next = self.clock.val();
        self.finished.clock.next = self.clock.val();
        self.negative.clock.next = self.clock.val();
        self.minus_one.clock.next = self.clock.val();
        self.high.clock.next = self.clock.val();
        self.low.clock.next = self.clock.val();
        self.result.clock.next = self.clock.val();

        self.check.valid.next = self.valid.val() & !self.weights.val();
        self.check.word.next = self.word.val();
        self.check.qh.next = self.qh.val();
        self.present.d.next = self.valid.val() & !self.flush.val();
        self.finished.d.next = self.present.q.val() & !self.flush.val();

        self.weight.next = self.word.val().get_bits::<8>(0);
        self.magnitude.next = bit_cast::<18, 8>(self.weight.val());
        self.high.d.next = self.word.val().get_bits::<18>(18);
        self.low.d.next = self.word.val().get_bits::<18>(0);
        if self.weights.val() {
            self.high.d.next = self.none.val();
            self.low.d.next = self.magnitude.val();
        }
        self.negative.d.next = self.weights.val() & self.weight.val().get_bit(7);
        self.minus_one.d.next = self.weight.val().all();

        self.bound.next = bit_cast::<18, 17>(self.qh.val());
        self.bound_below.next = self.bound.val() - self.one.val();
        self.next_high.next = self.high.q.val();
        self.next_low.next = self.low.q.val();
        if self.negative.q.val() {
            self.next_high.next = self.bound_below.val();
            self.next_low.next = (self.low.q.val() | self.sign_extension.val()) + self.one.val();
            if self.minus_one.q.val() {
                self.next_high.next = self.bound.val();
            }
        }
        self.result.d.next = (bit_cast::<36, 18>(self.next_high.val()) << 18)
            | bit_cast::<36, 18>(self.next_low.val());

        self.word_out.next = self.result.q.val();
        self.valid_out.next = self.finished.q.val() & !self.check.bad.val() & !self.flush.val();
        self.bad.next = self.finished.q.val() & self.check.bad.val() & !self.flush.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULI: [u64; 5] = [1, 2, 0x1_5555, 0x1_fffe, 0x1_ffff];

    fn edge(unit: &mut LoadUnit) {
        assert!(simulate(unit, 100));
        unit.clock.next.clk = !unit.clock.val().clk;
        assert!(simulate(unit, 100));
    }

    /// What left in each cycle: a word, or a bad word.
    fn run(
        unit: &mut LoadUnit,
        qh: u64,
        weights: bool,
        words: &[Option<u64>],
    ) -> Vec<Option<Result<u64, ()>>> {
        unit.qh.next = Word::new(qh);
        unit.weights.next = weights;
        let mut outcome = Vec::new();
        for &word in words.iter().chain([&None; LoadUnit::LATENCY]) {
            unit.valid.next = word.is_some();
            unit.word.next = Word::new(word.unwrap_or(u64::MAX));
            assert!(simulate(unit, 100));
            assert!(!(unit.valid_out.val() && unit.bad.val()));
            outcome.push(if unit.bad.val() {
                Some(Err(()))
            } else {
                unit.valid_out
                    .val()
                    .then(|| Ok(unit.word_out.val().value()))
            });
            edge(unit);
        }
        outcome.split_off(LoadUnit::LATENCY)
    }

    #[test]
    fn residues_pass_and_nothing_else() {
        let mut unit = LoadUnit::new();
        unit.connect_all();
        for qh in MODULI {
            let q = (qh << 18) + 1;
            let mut words = vec![Some(0), Some(1), None, Some(q - 1), Some(q), Some(q + 1)];
            words.extend([q / 2, q - 2, (1 << 36) - 1, 1 << 35, q + (1 << 18)].map(Some));
            words.extend((0..200u64).map(|i| {
                let spread = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 28;
                Some(if i % 2 == 0 { spread % q } else { spread })
            }));
            let expected: Vec<_> = words
                .iter()
                .map(|word| word.map(|word| if word < q { Ok(word) } else { Err(()) }))
                .collect();
            assert_eq!(run(&mut unit, qh, false, &words), expected);
        }
    }

    #[test]
    fn every_weight_becomes_its_residue() {
        let mut unit = LoadUnit::new();
        unit.connect_all();
        for qh in MODULI {
            let q = (qh << 18) + 1;
            // Only the low 8 bits count, as a signed number.
            let words: Vec<_> = (0..512)
                .map(|i| (i % 7 != 3).then_some(i | i << 20))
                .collect();
            let expected: Vec<_> = words
                .iter()
                .map(|word| {
                    word.map(|word| {
                        let weight = i64::from(word as u8 as i8);
                        Ok((q as i64 + weight) as u64 % q)
                    })
                })
                .collect();
            assert_eq!(run(&mut unit, qh, true, &words), expected);
        }
    }

    #[test]
    fn flushed_words_neither_leave_nor_complain() {
        for at in 0..=LoadUnit::LATENCY {
            for word in [5, u64::MAX] {
                let mut unit = LoadUnit::new();
                unit.connect_all();
                unit.qh.next = Word::new(3);
                for cycle in 0..8 {
                    unit.valid.next = cycle == 0;
                    unit.word.next = Word::new(word);
                    unit.flush.next = cycle == at;
                    assert!(simulate(&mut unit, 100));
                    assert!(!unit.valid_out.val() && !unit.bad.val(), "{at} {cycle}");
                    edge(&mut unit);
                }
            }
        }
    }

    #[test]
    fn the_check_alone_is_as_late_as_it_says() {
        let mut unit = ResidueCheck::default();
        unit.connect_all();
        unit.qh.next = Word::new(9);
        let words = [9 << 18, (9 << 18) + 1, 0, 10 << 18, (9 << 18) + 2];
        let mut verdicts = Vec::new();
        for cycle in 0..words.len() + ResidueCheck::LATENCY {
            let word = words.get(cycle);
            unit.valid.next = word.is_some();
            unit.word.next = Word::new(*word.unwrap_or(&u64::MAX));
            assert!(simulate(&mut unit, 100));
            verdicts.push(unit.bad.val());
            unit.clock.next.clk = !unit.clock.val().clk;
            assert!(simulate(&mut unit, 100));
        }
        assert_eq!(
            verdicts[ResidueCheck::LATENCY..],
            [false, true, false, true, true]
        );
    }
}
