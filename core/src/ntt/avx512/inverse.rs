//! Values to coefficients: Gentleman–Sande levels from the smallest distance up.

use core::arch::x86_64::*;

use super::lanes::{
    Barrett, Factor, Lanes, check, check_register, load, load_all, load_factor, rows, splat, store,
    store_all, transpose_pair,
};
use super::{PAIR, within_registers};
use crate::ntt::Twiddle;

/// What all passes of one transform share.
struct Transform<'t> {
    q: u64,
    table: &'t [Twiddle],
}

/// The transform of 8·`data.len()` canonical values.
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn transform(q: u64, data: &mut [Lanes], table: &[Twiddle]) {
    check(data, q);
    let transform = Transform { q, table };
    match data.len() / PAIR {
        1 => {
            transform.first::<true>(data, 1);
        }
        _ => {
            transform.ascend::<true>(data, 1);
        }
    }
    check(data, q);
}

/// What lanes of a block are raised by, in halves of their range, with `levels` levels to come in the pass.
const fn lift(levels: u32, block: usize) -> i64 {
    levels as i64 - 2 * block.count_ones() as i64
}

/// Does something for each block of a level, of at most eight. The block's number is a constant there, so that lifts are
/// known when compiling; a level in a function of its own would be too large to be inlined and go through memory.
macro_rules! for_each_block {
    ($count:expr, $block:ident => $body:block) => {
        for_each_block!($count, $block => $body; 0 1 2 3 4 5 6 7)
    };
    ($count:expr, $block:ident => $body:block; $($number:literal)*) => {
        $(if $number < $count {
            const $block: usize = $number;
            $body
        })*
    };
}

impl Transform<'_> {
    /// log₂ B for the next `levels` levels, and whether lanes have to be reduced before, to B = 2.
    const fn plan(&self, log_bound: u32, levels: u32) -> (u32, bool) {
        if self.q << (log_bound + levels) > 1 << 50 {
            (1, true)
        } else {
            (log_bound, false)
        }
    }

    /// The levels up to node `node` of the tree of twiddles, whose sub-transform `data` is: at least eight levels.
    /// `LAST`: these are all levels. Gives log₂ B after them.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn ascend<const LAST: bool>(&self, data: &mut [Lanes], node: usize) -> u32 {
        let levels = (data.len() / PAIR).ilog2();
        let log_radix = match levels {
            1..=4 => levels,
            5 => 2,
            _ => 3,
        };
        let length = data.len() >> log_radix;
        let mut log_bound = 0;
        if length == PAIR {
            log_bound = self.first::<false>(data, node << log_radix);
        } else {
            for (child, data) in data.chunks_exact_mut(length).enumerate() {
                log_bound = self.ascend::<false>(data, (node << log_radix) + child);
            }
        }
        match log_radix {
            1 => self.pass2::<LAST>(data, node, log_bound),
            2 => self.pass4::<LAST>(data, node, log_bound),
            3 => self.pass8::<LAST>(data, node, log_bound),
            _ => self.pass16::<LAST>(data, node, log_bound),
        }
    }

    /// The first seven levels, to consecutive nodes: `node` is that of the first pair of blocks. Gives log₂ B after
    /// them.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn first<const LAST: bool>(&self, data: &mut [Lanes], node: usize) -> u32 {
        let q = splat(self.q);
        let barrett = Barrett::new(self.q);
        let (log_bound, reduce) = self.plan(3, 4);
        let bound = self.q << log_bound;
        let division = Division::new(self.q, self.table.len());
        // Nodes of the level whose sub-transforms are pairs are numbered from the number of pairs.
        let pairs = self.table.len() / (8 * PAIR);
        let (blocks, _) = data.as_chunks_mut::<PAIR>();
        let within = &within_registers(self.table)[node - pairs..][..blocks.len()];
        for (i, (data, within)) in blocks.iter_mut().zip(within).enumerate() {
            let node = node + i;
            let mut v = transpose_pair(load_all(data));
            for_each_block!(8, BLOCK => {
                const LIFT: i64 = lift(2, BLOCK % 4);
                let factor = load_factor::<8>(within, 3, BLOCK);
                first_butterflies::<PAIR, 1, BLOCK, LIFT>(&mut v, factor, self.q, self.q);
            });
            for_each_block!(4, BLOCK => {
                let factor = load_factor::<4>(within, 1, BLOCK);
                butterflies::<PAIR, 2, BLOCK, { lift(1, BLOCK % 2) }>(&mut v, factor, self.q);
            });
            for_each_block!(2, BLOCK => {
                let factor = load_factor::<2>(within, 0, BLOCK);
                butterflies::<PAIR, 4, BLOCK, 0>(&mut v, factor, self.q);
            });
            v = transpose_pair(v);
            if reduce {
                for v in &mut v {
                    *v = barrett.lazy(*v);
                }
            }
            for_each_block!(8, BLOCK => {
                const LIFT: i64 = lift(3, BLOCK);
                let factor = Factor::splat(&self.table[8 * node + BLOCK]);
                first_butterflies::<PAIR, 1, BLOCK, LIFT>(&mut v, factor, self.q, bound);
            });
            for_each_block!(4, BLOCK => {
                let factor = Factor::splat(&self.table[4 * node + BLOCK]);
                butterflies::<PAIR, 2, BLOCK, { lift(2, BLOCK) }>(&mut v, factor, self.q);
            });
            for_each_block!(2, BLOCK => {
                let factor = Factor::splat(&self.table[2 * node + BLOCK]);
                butterflies::<PAIR, 4, BLOCK, { lift(1, BLOCK) }>(&mut v, factor, self.q);
            });
            let last = Factor::splat(&self.table[node]);
            if LAST {
                last_level::<PAIR, false>(&mut v, division, last, q, q);
            } else {
                butterflies::<PAIR, 8, 0, 0>(&mut v, last, self.q);
            }
            store_all(data, v);
        }
        check(data, self.q << (log_bound + 4));
        log_bound + 4
    }
}

/// Defines the pass of one radix: its levels, with registers and twiddles held, over all values of a sub-transform.
/// Register r·COLUMNS + c holds column c of row r, so that sixteen registers are always in flight.
/// Takes and gives log₂ B.
macro_rules! pass {
    ($name:ident, $radix:literal, $($half:literal),*) => {
        impl Transform<'_> {
            #[target_feature(enable = "avx512f,avx512ifma")]
            fn $name<const LAST: bool>(&self, data: &mut [Lanes], node: usize, log_bound: u32) -> u32 {
                const RADIX: usize = $radix;
                const COLUMNS: usize = PAIR / RADIX;
                let q = splat(self.q);
                let barrett = Barrett::new(self.q);
                let (log_bound, reduce) = self.plan(log_bound, RADIX.ilog2());
                let bound = self.q << log_bound;
                let division = Division::new(self.q, self.table.len());
                let last = Factor::splat(&self.table[node]);
                let mut rows = rows::<RADIX>(data);
                for i in (0..rows[0].len()).step_by(COLUMNS) {
                    let mut v = [q; PAIR];
                    for (v, row) in v.chunks_exact_mut(COLUMNS).zip(&rows) {
                        for (v, lanes) in v.iter_mut().zip(&row[i..i + COLUMNS]) {
                            *v = load(lanes);
                        }
                    }
                    if reduce {
                        for v in &mut v {
                            *v = barrett.lazy(*v);
                        }
                    }
                    if LAST && RADIX == 2 {
                        last_level::<PAIR, true>(&mut v, division, last, q, splat(bound));
                    } else {
                        for_each_block!(RADIX / 2, BLOCK => {
                            const LIFT: i64 = lift(RADIX.ilog2() - 1, BLOCK);
                            let factor = Factor::splat(&self.table[RADIX / 2 * node + BLOCK]);
                            first_butterflies::<PAIR, COLUMNS, BLOCK, LIFT>(
                                &mut v, factor, self.q, bound,
                            );
                        });
                    }
                    $(
                        if LAST && 2 * $half == RADIX {
                            last_level::<PAIR, false>(&mut v, division, last, q, splat(bound));
                        } else {
                            const BLOCKS: usize = RADIX / (2 * $half);
                            for_each_block!(BLOCKS, BLOCK => {
                                const LIFT: i64 = lift(BLOCKS.ilog2(), BLOCK);
                                let factor = Factor::splat(&self.table[BLOCKS * node + BLOCK]);
                                butterflies::<PAIR, { $half * COLUMNS }, BLOCK, LIFT>(
                                    &mut v, factor, self.q,
                                );
                            });
                        }
                    )*
                    for (v, row) in v.chunks_exact(COLUMNS).zip(&mut rows) {
                        for (&v, lanes) in v.iter().zip(&mut row[i..i + COLUMNS]) {
                            store(lanes, v);
                        }
                    }
                }
                check(data, (RADIX as u64 * self.q) << log_bound);
                log_bound + RADIX.ilog2()
            }
        }
    };
}

pass!(pass2, 2,);
pass!(pass4, 4, 2);
pass!(pass8, 8, 2, 4);
pass!(pass16, 16, 2, 4, 8);

/// The butterflies of one block in the first level of a pass, between registers `HALF` apart, for lanes in
/// [0, `bound`), a multiple of q. Results are lifted.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn first_butterflies<const N: usize, const HALF: usize, const BLOCK: usize, const LIFT: i64>(
    v: &mut [__m512i; N],
    factor: Factor,
    q: u64,
    bound: u64,
) {
    let addend = splat(1u64.wrapping_add_signed(LIFT * q as i64));
    let offset = splat(bound * LIFT.unsigned_abs().max(1));
    for i in 2 * HALF * BLOCK..2 * HALF * BLOCK + HALF {
        let (x, y) = (v[i], v[i + HALF]);
        // The operand that is moved to make the difference positive lifts the sum as well.
        let (sum, difference) = if LIFT < 0 {
            let lowered = _mm512_sub_epi64(y, offset);
            (_mm512_add_epi64(x, lowered), _mm512_sub_epi64(x, lowered))
        } else {
            let raised = _mm512_add_epi64(x, offset);
            let x = if LIFT == 0 { x } else { raised };
            (_mm512_add_epi64(x, y), _mm512_sub_epi64(raised, y))
        };
        v[i] = sum;
        v[i + HALF] = factor.product(addend, difference, splat(q));
    }
}

/// The butterflies of one block in a later level of a pass: the lifts of their operands make differences positive.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn butterflies<const N: usize, const HALF: usize, const BLOCK: usize, const LIFT: i64>(
    v: &mut [__m512i; N],
    factor: Factor,
    q: u64,
) {
    let addend = splat(1u64.wrapping_add_signed(LIFT * q as i64));
    for i in 2 * HALF * BLOCK..2 * HALF * BLOCK + HALF {
        let (x, y) = (v[i], v[i + HALF]);
        v[i] = _mm512_add_epi64(x, y);
        v[i + HALF] = factor.product(addend, _mm512_sub_epi64(x, y), splat(q));
    }
}

/// Division of the last sums by n: see the module on why it is no product.
#[derive(Clone, Copy)]
struct Division {
    log_n: __m512i,
    /// n − 1.
    mask: __m512i,
    /// c = (q − 1)/n.
    step: __m512i,
    /// c + 1.
    step_and_one: __m512i,
    /// n·q.
    bound: u64,
}

impl Division {
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn new(q: u64, n: usize) -> Self {
        let (n, step) = (n as u64, (q - 1) / n as u64);
        Self {
            log_n: splat(n.ilog2().into()),
            mask: splat(n - 1),
            step: splat(step),
            step_and_one: splat(step + 1),
            bound: n * q,
        }
    }

    /// s/n mod q in (0, 2q), for 0 ≤ s < n·q.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn quotient(self, s: __m512i) -> __m512i {
        check_register(s, 0, self.bound);
        let addend = _mm512_add_epi64(_mm512_srlv_epi64(s, self.log_n), self.step_and_one);
        _mm512_madd52lo_epu64(addend, _mm512_andnot_si512(s, self.mask), self.step)
    }
}

/// The last level: sums over n, differences times w/n, canonical. `ONLY`: it is the only one of its pass, for lanes
/// in [0, `bound`).
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn last_level<const N: usize, const ONLY: bool>(
    v: &mut [__m512i; N],
    division: Division,
    factor: Factor,
    q: __m512i,
    bound: __m512i,
) {
    let one = splat(1);
    for i in 0..N / 2 {
        let (x, y) = (v[i], v[i + N / 2]);
        let sum = _mm512_add_epi64(x, y);
        let x = if ONLY { _mm512_add_epi64(x, bound) } else { x };
        let difference = _mm512_sub_epi64(x, y);
        v[i] = canonical(division.quotient(sum), q);
        v[i + N / 2] = canonical(factor.product(one, difference, q), q);
    }
}

/// v mod q in [0, q) for v in [0, 2q).
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn canonical(v: __m512i, q: __m512i) -> __m512i {
    // v − q wraps around to a great number where v < q.
    _mm512_min_epu64(v, _mm512_sub_epi64(v, q))
}
