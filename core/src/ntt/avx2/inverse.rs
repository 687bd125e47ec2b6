//! Values to coefficients: Gentleman–Sande levels from the smallest distance up.

use core::arch::x86_64::*;

use super::lanes::{
    Factor, Lanes, Reduction, check, from_words, load, load_all, rows, store, store_all, transpose,
};
use super::{BLOCK, within_registers};
use crate::ntt::Twiddle;

/// What all passes of one transform share.
struct Transform<'t> {
    q: u64,
    table: &'t [Twiddle],
}

/// The transform of 4·`data.len()` canonical values.
#[target_feature(enable = "avx2,fma")]
pub fn transform(q: u64, data: &mut [Lanes], table: &[Twiddle]) {
    let transform = Transform { q, table };
    let blocks = data.len() / BLOCK;
    transform.ascend(data, 1, blocks.ilog2());
    let reduction = Reduction::new(q);
    for lanes in data.iter_mut() {
        store(lanes, reduction.canonical(load(lanes)));
    }
}

impl Transform<'_> {
    /// log₂ B before the next two levels, and whether lanes have to be reduced for that.
    const fn plan(&self, log_bound: u32) -> (u32, bool) {
        if self.q << (log_bound + 2) > 1 << 52 {
            (1, true)
        } else {
            (log_bound, false)
        }
    }

    /// The levels up to node `node` of the tree of twiddles, whose sub-transform `data` is, `levels` of them beyond
    /// those of blocks. Gives log₂ B after them.
    #[target_feature(enable = "avx2,fma")]
    fn ascend(&self, data: &mut [Lanes], node: usize, levels: u32) -> u32 {
        let log_radix = match levels {
            0 => return self.first(data, node),
            1 => 1,
            _ => 2,
        };
        let length = data.len() >> log_radix;
        let mut log_bound = 0;
        if length == BLOCK {
            log_bound = self.first(data, node << log_radix);
        } else {
            for (child, data) in data.chunks_exact_mut(length).enumerate() {
                log_bound = self.ascend(data, (node << log_radix) + child, levels - log_radix);
            }
        }
        match log_radix {
            1 => self.pass2(data, node, log_bound),
            _ => self.pass4(data, node, log_bound),
        }
    }

    /// The factors of one block at a level, for sums and for differences: at the last level of all both divide by n.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn last_factors(&self, node: usize) -> (Option<Factor>, Factor) {
        let sums = (node == 1).then_some(&self.table[0]);
        match sums {
            Some(twiddle) => (
                Some(Factor::splat(twiddle)),
                Factor::splat(&self.table[node]),
            ),
            None => (None, Factor::splat(&self.table[node])),
        }
    }

    #[target_feature(enable = "avx2,fma")]
    fn pass2(&self, data: &mut [Lanes], node: usize, log_bound: u32) -> u32 {
        let q = _mm256_set1_pd(self.q as f64);
        let reduction = Reduction::new(self.q);
        let (log_bound, reduce) = self.plan(log_bound);
        let (sums, differences) = self.last_factors(node);
        let [a, b] = rows(data);
        for (a, b) in a.iter_mut().zip(b) {
            let (mut x, mut y) = (load(a), load(b));
            if reduce {
                (x, y) = (reduction.lazy(x), reduction.lazy(y));
            }
            let (mut x, y) = butterfly(x, y, differences, q);
            if let Some(factor) = sums {
                x = factor.product(x, q);
            }
            store(a, x);
            store(b, y);
        }
        check(data, (self.q << (log_bound + 1)) as f64);
        log_bound + 1
    }

    #[target_feature(enable = "avx2,fma")]
    fn pass4(&self, data: &mut [Lanes], node: usize, log_bound: u32) -> u32 {
        let q = _mm256_set1_pd(self.q as f64);
        let reduction = Reduction::new(self.q);
        let (log_bound, reduce) = self.plan(log_bound);
        let first = [
            Factor::splat(&self.table[2 * node]),
            Factor::splat(&self.table[2 * node + 1]),
        ];
        let (sums, differences) = self.last_factors(node);
        let [a, b, c, d] = rows(data);
        for (((a, b), c), d) in a.iter_mut().zip(b).zip(c).zip(d) {
            let mut v = [load(a), load(b), load(c), load(d)];
            if reduce {
                for v in &mut v {
                    *v = reduction.lazy(*v);
                }
            }
            let mut v = two_levels(v, first, differences, q);
            if let Some(factor) = sums {
                v[0] = factor.product(v[0], q);
                v[1] = factor.product(v[1], q);
            }
            store(a, v[0]);
            store(b, v[1]);
            store(c, v[2]);
            store(d, v[3]);
        }
        check(data, (self.q << (log_bound + 2)) as f64);
        log_bound + 2
    }

    /// The first four levels, to consecutive nodes: `node` is that of the first block. Words to doubles. Gives log₂ B
    /// after them.
    #[target_feature(enable = "avx2,fma")]
    fn first(&self, data: &mut [Lanes], node: usize) -> u32 {
        let q = _mm256_set1_pd(self.q as f64);
        let reduction = Reduction::new(self.q);
        // Canonical values count as B = 2, which also bounds products.
        let (log_bound, reduce) = self.plan(3);
        // Nodes of the level whose sub-transforms are blocks are numbered from the number of blocks.
        let blocks = self.table.len() / (4 * BLOCK);
        let (chunks, _) = data.as_chunks_mut::<BLOCK>();
        let within = &within_registers(self.table)[node - blocks..][..chunks.len()];
        for (i, (data, within)) in chunks.iter_mut().zip(within).enumerate() {
            let node = node + i;
            let mut v = load_all(data);
            for v in &mut v {
                *v = from_words(*v);
            }
            let first = [Factor::load(within, 1), Factor::load(within, 2)];
            let v = two_levels(transpose(v), first, Factor::load(within, 0), q);
            let mut v = transpose(v);
            if reduce {
                for v in &mut v {
                    *v = reduction.lazy(*v);
                }
            }
            let first = [
                Factor::splat(&self.table[2 * node]),
                Factor::splat(&self.table[2 * node + 1]),
            ];
            let (sums, differences) = self.last_factors(node);
            let mut v = two_levels(v, first, differences, q);
            if let Some(factor) = sums {
                v[0] = factor.product(v[0], q);
                v[1] = factor.product(v[1], q);
            }
            store_all(data, v);
        }
        check(data, (self.q << (log_bound + 2)) as f64);
        log_bound + 2
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn butterfly(x: __m256d, y: __m256d, factor: Factor, q: __m256d) -> (__m256d, __m256d) {
    (_mm256_add_pd(x, y), factor.product(_mm256_sub_pd(x, y), q))
}

/// Two levels between four registers.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn two_levels(
    [a, b, c, d]: [__m256d; BLOCK],
    first: [Factor; 2],
    second: Factor,
    q: __m256d,
) -> [__m256d; BLOCK] {
    let (a, b) = butterfly(a, b, first[0], q);
    let (c, d) = butterfly(c, d, first[1], q);
    let (a, c) = butterfly(a, c, second, q);
    let (b, d) = butterfly(b, d, second, q);
    [a, b, c, d]
}
