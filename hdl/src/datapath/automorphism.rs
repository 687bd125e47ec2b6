//! The automorphism X ↦ X^g, g = 2h + 1: which rows the banks read and how the words change banks.
//!
//! With i the bit reversal of a position, position i of the result is position i·g + h mod n of the operand. Split
//! i = I·M + c: the *class* c = i mod M names the bank, whose number is c reversed, and I the row, which is stored
//! at I reversed. With v_c = c·g + h,
//!
//! ```text
//! i·g + h = (I·g + ⌊v_c / M⌋)·M + (v_c mod M)
//! ```
//!
//! so class c reads from class v_c mod M, at row I·g + ⌊v_c/M⌋ mod R. Every source bank walks through its rows in
//! steps of g, from a start of its own ([`AutomorphismAddresses`]); and all rows pass through one permutation of
//! the banks.
//!
//! v_c mod 2^k depends on c mod 2^k only: the permutation is an automorphism of the binary tree of classes, least
//! significant bit at the root. It is log2 M levels of conditional swaps, and the node of the classes that are rho
//! modulo 2^l swaps its two subtrees when bit l of v_rho is set ([`AutomorphismNetwork`]). Swap (l, rho) has number
//! 2^l − 1 + rho.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use crate::leaf::{Delay, MaskedRegister, Register, ReverseBits};
use crate::shape::Shape;
use crate::word::{Word, bit_cast};

/// `value` with its low `bits` bits reversed.
const fn reversed(value: usize, bits: usize) -> usize {
    match bits {
        0 => 0,
        _ => value.reverse_bits() >> (usize::BITS as usize - bits),
    }
}

/// Rows to read and swaps to make, for one automorphism at a time.
///
/// After `start` it computes v_0 … v_{M−1}, one a cycle, by repeated addition; `ready` rises M + 2 cycles after
/// `start`. One cycle later it shows the source rows of result row 0 (stored at the reversal of 0), and in every
/// further cycle those of the next.
#[derive(Clone, Debug, SettledBlock)]
pub struct AutomorphismAddresses {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Begins the computation; one cycle.
    pub start: Signal<In, Bit>,
    /// h, below n; stable from `start` until the last row has been read.
    pub galois: Signal<In, Word<13>>,
    /// Always 0, one for each lane: what is masked by them is not merged in synthesis.
    pub asleep: Vec<Signal<In, Bit>>,
    /// Rows and swaps are those of the last `start`. Low in the cycle of `start`.
    pub ready: Signal<Out, Bit>,
    /// The row that each bank reads.
    pub rows: Vec<Signal<Out, Word<12>>>,
    /// The M − 1 swaps, stable while `ready`.
    pub swaps: Vec<Signal<Out, Bit>>,

    /// c, the class whose v is in `value`; M when all are done.
    count: Register<Word<5>>,
    /// v_c.
    value: Register<Word<13>>,
    /// g modulo n; what lies above log2 n bits of it never reaches a row or a swap.
    element: Register<Word<13>>,
    /// Natural row of each source bank.
    walks: Vec<Register<Word<12>>>,
    /// All rows are known: the walks go on.
    walking: Delay<Bit>,
    /// First row of the class before.
    start_row: Register<Word<12>>,
    /// g and the first row, each lane in registers of its own.
    strides: Vec<MaskedRegister<Word<12>>>,
    start_rows: Vec<MaskedRegister<Word<12>>>,
    /// The class's bank takes its first row.
    starts: Vec<Delay<Bit>>,
    is_ready: Register<Bit>,
    reversals: Vec<ReverseBits<12>>,
    held: Vec<Register<Bit>>,

    classes: Constant<Word<5>>,
    no_class: Constant<Word<5>>,
    one_class: Constant<Word<5>>,
    one: Constant<Word<13>>,
    class_mask: Constant<Word<13>>,
    bank_class: Vec<Constant<Word<13>>>,
    swap_class: Vec<Constant<Word<5>>>,
    swap_mask: Vec<Constant<Word<13>>>,

    stride: Vec<Signal<Local, Word<12>>>,
    beginning: Vec<Signal<Local, Word<12>>>,
    next_count: Signal<Local, Word<5>>,
    next_value: Signal<Local, Word<13>>,
    next_walk: Vec<Signal<Local, Word<12>>>,
    done: Signal<Local, Bit>,
    source_class: Signal<Local, Word<13>>,
    wide_value: Signal<Local, Word<17>>,
    first_row: Signal<Local, Word<12>>,
    swap_bit: Vec<Signal<Local, Word<13>>>,
    _lanes: usize,
    _above_lanes: usize,
    _banks: usize,
    _swaps: usize,
    _log_banks: usize,
    _above_log_banks: usize,
}

impl AutomorphismAddresses {
    /// Cycles from `start` to `ready`.
    pub fn setup_cycles(shape: &Shape) -> usize {
        shape.banks() + 2
    }

    /// The unit of a machine of this shape.
    pub fn new(shape: &Shape) -> Self {
        let (banks, log_banks) = (shape.banks(), shape.log_banks() as usize);
        let row_bits = shape.log_rows() as usize;
        let constant = |value: usize| Constant::new(Word::new(value as u64));
        let mut swap_class = Vec::new();
        let mut swap_mask = Vec::new();
        for level in 0..log_banks {
            for node in 0..1usize << level {
                swap_class.push(Constant::new(Word::new(node as u64)));
                swap_mask.push(constant(1 << level));
            }
        }
        Self {
            clock: Signal::default(),
            start: Signal::default(),
            galois: Signal::default(),
            asleep: vec![Signal::default(); banks / 2],
            ready: Signal::default(),
            rows: vec![Signal::default(); banks],
            swaps: vec![Signal::default(); banks - 1],
            count: Register::default(),
            value: Register::default(),
            element: Register::default(),
            walks: vec![Register::default(); banks],
            walking: Delay::new(2),
            start_row: Register::default(),
            strides: vec![MaskedRegister::default(); banks / 2],
            start_rows: vec![MaskedRegister::default(); banks / 2],
            starts: vec![Delay::new(2); banks],
            is_ready: Register::default(),
            reversals: vec![ReverseBits::new(row_bits); banks],
            held: vec![Register::default(); banks - 1],
            classes: Constant::new(Word::new(banks as u64)),
            no_class: Constant::new(Word::new(0)),
            one_class: Constant::new(Word::new(1)),
            one: constant(1),
            class_mask: constant(banks - 1),
            bank_class: (0..banks)
                .map(|bank| constant(reversed(bank, log_banks)))
                .collect(),
            swap_class,
            swap_mask,
            stride: vec![Signal::default(); banks],
            beginning: vec![Signal::default(); banks],
            next_count: Signal::default(),
            next_value: Signal::default(),
            next_walk: vec![Signal::default(); banks],
            done: Signal::default(),
            source_class: Signal::default(),
            wide_value: Signal::default(),
            first_row: Signal::default(),
            swap_bit: vec![Signal::default(); banks - 1],
            _lanes: banks / 2,
            _above_lanes: banks / 2 + 1,
            _banks: banks,
            _swaps: banks - 1,
            _log_banks: log_banks,
            _above_log_banks: log_banks + 1,
        }
    }
}

impl Logic for AutomorphismAddresses {
    #[hdl_gen]
    fn update(&mut self) {
        self.count.clock.next = self.clock.val();
        self.value.clock.next = self.clock.val();
        self.element.clock.next = self.clock.val();
        self.walking.clock.next = self.clock.val();
        self.start_row.clock.next = self.clock.val();
        self.is_ready.clock.next = self.clock.val();

        self.element.d.next = (self.galois.val() << 1) | self.one.val();
        self.done.next = self.count.q.val() == self.classes.val();
        self.is_ready.d.next = self.done.val() & !self.start.val();
        self.ready.next = self.is_ready.q.val() & !self.start.val();

        // c and v_c.
        self.next_count.next = self.count.q.val() + self.one_class.val();
        self.next_value.next = self.value.q.val() + self.element.q.val();
        self.count.d.next = self.count.q.val();
        self.value.d.next = self.next_value.val();
        if !self.done.val() {
            self.count.d.next = self.next_count.val();
        }
        if self.start.val() {
            self.count.d.next = self.no_class.val();
            self.value.d.next = self.galois.val();
        }

        // v_c mod M and its quotient by M.
        self.source_class.next = self.value.q.val() & self.class_mask.val();
        self.wide_value.next = bit_cast::<17, 13>(self.value.q.val());
        self.first_row.next = bit_cast::<12, 17>(self.wide_value.val());
        for i in self._log_banks..self._above_log_banks {
            self.first_row.next = self.wide_value.val().get_bits::<12>(i);
        }

        // The banks' rows, two cycles later.
        self.start_row.d.next = self.first_row.val();
        self.walking.d.next = self.done.val();
        for i in 0..self._lanes {
            self.strides[i].clock.next = self.clock.val();
            self.strides[i].keep.next = !self.asleep[i].val();
            self.strides[i].d.next = bit_cast::<12, 13>(self.element.q.val());
            self.start_rows[i].clock.next = self.clock.val();
            self.start_rows[i].keep.next = !self.asleep[i].val();
            self.start_rows[i].d.next = self.start_row.q.val();
        }
        for b in self._lanes..self._above_lanes {
            for i in 0..self._lanes {
                self.stride[i].next = self.strides[i].q.val();
                self.stride[i + b].next = self.strides[i].q.val();
                self.beginning[i].next = self.start_rows[i].q.val();
                self.beginning[i + b].next = self.start_rows[i].q.val();
            }
        }
        for i in 0..self._banks {
            self.walks[i].clock.next = self.clock.val();
            self.next_walk[i].next = self.walks[i].q.val() + self.stride[i].val();
            self.starts[i].clock.next = self.clock.val();
            self.starts[i].d.next =
                !self.done.val() & (self.source_class.val() == self.bank_class[i].val());
            self.walks[i].d.next = self.walks[i].q.val();
            if self.walking.q.val() {
                self.walks[i].d.next = self.next_walk[i].val();
            }
            if self.starts[i].q.val() {
                self.walks[i].d.next = self.beginning[i].val();
            }
            self.reversals[i].d.next = self.walks[i].q.val();
            self.rows[i].next = self.reversals[i].q.val();
        }

        for i in 0..self._swaps {
            self.held[i].clock.next = self.clock.val();
            self.swap_bit[i].next = self.value.q.val() & self.swap_mask[i].val();
            self.held[i].d.next = self.held[i].q.val();
            if !self.done.val() & (self.count.q.val() == self.swap_class[i].val()) {
                self.held[i].d.next = self.swap_bit[i].val().any();
            }
            self.swaps[i].next = self.held[i].q.val();
        }
    }
}

/// Banks of the operand to banks of the result, one row a cycle.
///
/// `output` at bank b is `input`, [`latency`](Self::latency) cycles ago, at the bank that b's class reads from. The
/// banks lie all over the die: a register in front of the first level and one behind every level leave the words time for
/// their ways.
#[derive(Clone, Debug, SettledBlock)]
pub struct AutomorphismNetwork {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// A word of each bank of the operand.
    pub input: Vec<Signal<In, Word<36>>>,
    /// The swaps of [`AutomorphismAddresses`]; stable while rows pass.
    pub swaps: Vec<Signal<In, Bit>>,
    /// A word of each bank of the result.
    pub output: Vec<Signal<Out, Word<36>>>,
    _registers: Vec<Vec<Word<36>>>,
}

impl AutomorphismNetwork {
    /// Cycles from `input` to `output`.
    pub fn latency(shape: &Shape) -> usize {
        shape.log_banks() as usize + 1
    }

    /// The network of a machine of this shape.
    pub fn new(shape: &Shape) -> Self {
        let banks = shape.banks();
        Self {
            clock: Signal::default(),
            input: vec![Signal::default(); banks],
            swaps: vec![Signal::default(); banks - 1],
            output: vec![Signal::default(); banks],
            _registers: vec![vec![Word::default(); banks]; Self::latency(shape)],
        }
    }

    fn levels(&self) -> usize {
        self.input.len().ilog2() as usize
    }

    /// What `bank` takes on a level: the number of the swap that decides, the bank if it is not made and the bank if
    /// it is. Bit l of a class is bit m − 1 − l of the bank; the classes' lower bits, those of the node, are above it.
    fn choice(&self, level: usize, bank: usize) -> (usize, usize, usize) {
        let place = self.levels() - 1 - level;
        let node = reversed(bank >> (place + 1), level);
        ((1 << level) - 1 + node, bank, bank ^ (1 << place))
    }
}

impl Logic for AutomorphismNetwork {
    fn update(&mut self) {
        if !self.clock.changed {
            return;
        }
        // Register 0 takes the inputs, register l + 1 what level l makes of register l.
        for level in (0..self.levels()).rev() {
            let words = &self._registers[level];
            self._registers[level + 1] = (0..words.len())
                .map(|bank| {
                    let (swap, straight, crossed) = self.choice(level, bank);
                    let swapped = self.swaps[swap].val();
                    words[if swapped { crossed } else { straight }]
                })
                .collect();
        }
        self._registers[0] = self.input.iter().map(|word| word.val()).collect();
        if let Some(last) = self._registers.last() {
            for (output, &word) in self.output.iter_mut().zip(last) {
                output.next = word;
            }
        }
    }

    fn connect(&mut self) {
        for output in &mut self.output {
            output.connect();
        }
    }

    fn hdl(&self) -> Verilog {
        let banks = self.input.len();
        let register = |number: usize, bank: usize| match number == self.levels() {
            true => format!("output${bank}"),
            false => format!("register{number}_{bank}"),
        };
        let mut declarations = String::new();
        let mut initial = String::new();
        let mut edges = String::new();
        for bank in 0..banks {
            declarations += &format!("reg [35:0] register0_{bank};\n");
            initial += &format!("  register0_{bank} = 0;\n");
            edges += &format!("  register0_{bank} <= input${bank};\n");
        }
        for level in 0..self.levels() {
            let mut targets = String::new();
            for bank in 0..banks {
                let (swap, straight, crossed) = self.choice(level, bank);
                let [straight, crossed] = [straight, crossed].map(|from| register(level, from));
                let name = format!("level{level}_{bank}");
                let target = register(level + 1, bank);
                declarations +=
                    &format!("wire [35:0] {name} = swaps${swap} ? {crossed} : {straight};\n");
                if level + 1 < self.levels() {
                    targets += &format!("reg [35:0] {target};\n");
                }
                initial += &format!("  {target} = 0;\n");
                edges += &format!("  {target} <= {name};\n");
            }
            declarations += &targets;
        }
        Verilog::Custom(format!(
            "{declarations}initial begin\n{initial}end\nalways @(posedge clock) begin\n{edges}end\n"
        ))
    }
}

#[cfg(test)]
mod tests {
    use addax_core::isa::Geometry;
    use proptest::prelude::*;

    use super::*;
    use crate::shape::Target;

    fn shape(log_n: u32, butterflies: u32) -> Shape {
        let geometry = Geometry::new(log_n, butterflies, 2).unwrap();
        Shape::new(geometry, 1, Target::Behavioural).unwrap()
    }

    /// Both units of one shape, and their common clock.
    struct Units {
        shape: Shape,
        addresses: AutomorphismAddresses,
        network: AutomorphismNetwork,
    }

    impl Units {
        fn new(log_n: u32, butterflies: u32) -> Self {
            let shape = shape(log_n, butterflies);
            let mut addresses = AutomorphismAddresses::new(&shape);
            let mut network = AutomorphismNetwork::new(&shape);
            addresses.connect_all();
            network.connect_all();
            Self {
                shape,
                addresses,
                network,
            }
        }

        fn settle(&mut self) {
            assert!(simulate(&mut self.addresses, 100));
            for (to, from) in self.network.swaps.iter_mut().zip(&self.addresses.swaps) {
                to.next = from.val();
            }
            assert!(simulate(&mut self.network, 100));
        }

        fn edge(&mut self) {
            self.settle();
            let level = !self.addresses.clock.val().clk;
            self.addresses.clock.next.clk = level;
            self.network.clock.next.clk = level;
            self.settle();
        }

        /// Where in the operand each position of the result comes from.
        fn run(&mut self, h: usize) -> Vec<usize> {
            let (rows, banks) = (self.shape.rows(), self.shape.banks());
            self.addresses.galois.next = Word::new(h as u64);
            self.addresses.start.next = true;
            self.settle();
            assert!(!self.addresses.ready.val());
            self.edge();
            self.addresses.start.next = false;
            self.settle();
            for _ in 1..AutomorphismAddresses::setup_cycles(&self.shape) {
                assert!(!self.addresses.ready.val());
                self.edge();
            }
            let latency = AutomorphismNetwork::latency(&self.shape);
            let mut sources = vec![usize::MAX; rows * banks];
            assert!(self.addresses.ready.val());
            self.edge();
            for cycle in 0..rows + latency {
                assert!(self.addresses.ready.val());
                if let Some(step) = cycle.checked_sub(latency) {
                    let row = reversed(step, self.shape.log_rows() as usize);
                    for (bank, word) in self.network.output.iter().enumerate() {
                        sources[bank * rows + row] = word.val().value() as usize;
                    }
                }
                for (bank, row) in self.addresses.rows.iter().enumerate() {
                    let row = row.val().value() as usize;
                    assert!(row < rows);
                    self.network.input[bank].next = Word::new((bank * rows + row) as u64);
                }
                self.edge();
            }
            sources
        }

        fn check(&mut self, h: usize) {
            let n = self.shape.n();
            let log_n = self.shape.log_n() as usize;
            for (position, source) in self.run(h).into_iter().enumerate() {
                let exponent = (reversed(position, log_n) * (2 * h + 1) + h) % n;
                assert_eq!(source, reversed(exponent, log_n), "h {h} at {position}");
            }
        }
    }

    fn check_some(log_n: u32, butterflies: u32) {
        let mut units = Units::new(log_n, butterflies);
        let n = units.shape.n();
        for h in [0, 1, n - 1, n / 2, n / 2 - 1, 2, n / 3, 5] {
            units.check(h);
        }
    }

    #[test]
    fn every_shape_moves_every_word_where_it_belongs() {
        for log_n in 10..=13 {
            for butterflies in [1, 2, 4, 8] {
                check_some(log_n, butterflies);
            }
        }
    }

    #[test]
    fn every_element_of_the_small_ring() {
        let mut units = Units::new(10, 8);
        for h in 0..1 << 10 {
            units.check(h);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn any_element(log_n in 10u32..=13, log_b in 0u32..=3, h in 0usize..1 << 13) {
            let mut units = Units::new(log_n, 1 << log_b);
            units.check(h % (1 << log_n));
        }
    }

    #[test]
    fn a_second_start_begins_again() {
        let mut units = Units::new(10, 4);
        units.check(77);
        units.addresses.start.next = true;
        units.addresses.galois.next = Word::new(12);
        units.edge();
        units.addresses.start.next = false;
        for _ in 0..3 {
            units.edge();
        }
        units.check(78);
    }
}
