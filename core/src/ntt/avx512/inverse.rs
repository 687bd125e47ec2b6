//! Values to coefficients: Gentleman–Sande levels from the smallest distance up.

use core::arch::x86_64::*;

use super::lanes::{
    Barrett, Factor, Lanes, check, load, load_all, load_factors, rows, splat, splat_all, store,
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
        let bounds = [0, 1, 2, 3].map(|level| self.q << (log_bound + level));
        let inverse_degree = Factor::splat(&self.table[0]);
        // Nodes of the level whose sub-transforms are pairs are numbered from the number of pairs.
        let pairs = self.table.len() / (8 * PAIR);
        let (blocks, _) = data.as_chunks_mut::<PAIR>();
        let within = &within_registers(self.table)[node - pairs..][..blocks.len()];
        for (i, (data, within)) in blocks.iter_mut().zip(within).enumerate() {
            let node = node + i;
            let mut v = transpose_pair(load_all(data));
            level::<PAIR, 1, 8>(&mut v, &load_factors(within, 3), q, q);
            level::<PAIR, 2, 4>(&mut v, &load_factors(within, 1), q, splat(2 * self.q));
            level::<PAIR, 4, 2>(&mut v, &load_factors(within, 0), q, splat(4 * self.q));
            v = transpose_pair(v);
            if reduce {
                for v in &mut v {
                    *v = barrett.lazy(*v);
                }
            }
            let factors = splat_all(&self.table[8 * node..]);
            level::<PAIR, 1, 8>(&mut v, &factors, q, splat(bounds[0]));
            let factors = splat_all(&self.table[4 * node..]);
            level::<PAIR, 2, 4>(&mut v, &factors, q, splat(bounds[1]));
            let factors = splat_all(&self.table[2 * node..]);
            level::<PAIR, 4, 2>(&mut v, &factors, q, splat(bounds[2]));
            let last = Factor::splat(&self.table[node]);
            if LAST {
                last_level(&mut v, inverse_degree, last, q, splat(bounds[3]));
            } else {
                level::<PAIR, 8, 1>(&mut v, &[last], q, splat(bounds[3]));
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
    ($name:ident, $radix:literal, $($half:literal),*; $last:literal) => {
        impl Transform<'_> {
            #[target_feature(enable = "avx512f,avx512ifma")]
            fn $name<const LAST: bool>(&self, data: &mut [Lanes], node: usize, log_bound: u32) -> u32 {
                const RADIX: usize = $radix;
                const COLUMNS: usize = PAIR / RADIX;
                let q = splat(self.q);
                let barrett = Barrett::new(self.q);
                let (log_bound, reduce) = self.plan(log_bound, RADIX.ilog2());
                let inverse_degree = Factor::splat(&self.table[0]);
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
                    $({
                        const BLOCKS: usize = RADIX / (2 * $half);
                        let factors = splat_all(&self.table[BLOCKS * node..]);
                        let bound = splat(self.q << (log_bound + usize::ilog2($half)));
                        level::<PAIR, { $half * COLUMNS }, BLOCKS>(&mut v, &factors, q, bound);
                    })*
                    let last = Factor::splat(&self.table[node]);
                    let bound = splat(self.q << (log_bound + usize::ilog2($last)));
                    if LAST {
                        last_level(&mut v, inverse_degree, last, q, bound);
                    } else {
                        level::<PAIR, { $last * COLUMNS }, 1>(&mut v, &[last], q, bound);
                    }
                    for (v, row) in v.chunks_exact(COLUMNS).zip(&mut rows) {
                        for (&v, lanes) in v.iter().zip(&mut row[i..i + COLUMNS]) {
                            store(lanes, v);
                        }
                    }
                }
                check(data, (2 * $last * self.q) << log_bound);
                log_bound + RADIX.ilog2()
            }
        }
    };
}

pass!(pass2, 2,; 1);
pass!(pass4, 4, 1; 2);
pass!(pass8, 8, 1, 2; 4);
pass!(pass16, 16, 1, 2, 4; 8);

/// The butterflies of one level between registers `HALF` apart, for lanes not above `bound`, a multiple of q.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn level<const N: usize, const HALF: usize, const BLOCKS: usize>(
    v: &mut [__m512i; N],
    factors: &[Factor; BLOCKS],
    q: __m512i,
    bound: __m512i,
) {
    let one = splat(1);
    for (block, &factor) in factors.iter().enumerate() {
        for i in 2 * HALF * block..2 * HALF * block + HALF {
            let (x, y) = (v[i], v[i + HALF]);
            let difference = _mm512_sub_epi64(_mm512_add_epi64(x, bound), y);
            v[i] = _mm512_add_epi64(x, y);
            v[i + HALF] = factor.product(one, difference, q);
        }
    }
}

/// The last level: sums times 1/n, differences times w/n, canonical.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn last_level<const N: usize>(
    v: &mut [__m512i; N],
    inverse_degree: Factor,
    factor: Factor,
    q: __m512i,
    bound: __m512i,
) {
    let one = splat(1);
    for i in 0..N / 2 {
        let (x, y) = (v[i], v[i + N / 2]);
        let raised = _mm512_add_epi64(x, bound);
        let (sum, difference) = (_mm512_add_epi64(raised, y), _mm512_sub_epi64(raised, y));
        v[i] = canonical(inverse_degree.product(one, sum, q), q);
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
