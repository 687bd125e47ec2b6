//! Coefficients to values: Cooley–Tukey levels from the greatest distance down.

use core::arch::x86_64::*;

use super::lanes::{
    Factor, Lanes, Reduction, check, from_words, load, load_all, rows, store, store_all, transpose,
};
use super::{BLOCK, within_registers};
use crate::ntt::Twiddle;

/// What all passes of one transform share.
struct Transform<'t> {
    q: u64,
    /// No magnitude is above.
    bound: f64,
    table: &'t [Twiddle],
}

/// The transform of 4·`data.len()` canonical values.
#[target_feature(enable = "avx2,fma")]
pub fn transform(q: u64, data: &mut [Lanes], table: &[Twiddle]) {
    let levels = (4 * data.len()).ilog2();
    let bound = (1.0 + 1.5 * f64::from(levels)) * q as f64;
    for lanes in data.iter_mut() {
        store(lanes, from_words(load(lanes)));
    }
    Transform { q, bound, table }.descend(data, 1);
}

impl Transform<'_> {
    /// The levels from node `node` of the tree of twiddles down, whose sub-transform `data` is.
    #[target_feature(enable = "avx2,fma")]
    fn descend(&self, data: &mut [Lanes], node: usize) {
        let levels = (data.len() / BLOCK).ilog2();
        let radix = match levels {
            0 => return self.last(data, node),
            1 => self.pass2(data, node),
            _ => self.pass4(data, node),
        };
        let length = data.len() / radix;
        if length == BLOCK {
            return self.last(data, radix * node);
        }
        for (child, data) in data.chunks_exact_mut(length).enumerate() {
            self.descend(data, radix * node + child);
        }
    }

    #[target_feature(enable = "avx2,fma")]
    fn pass2(&self, data: &mut [Lanes], node: usize) -> usize {
        let q = _mm256_set1_pd(self.q as f64);
        let factor = Factor::splat(&self.table[node]);
        let [a, b] = rows(data);
        for (a, b) in a.iter_mut().zip(b) {
            let (x, y) = butterfly(load(a), load(b), factor, q);
            store(a, x);
            store(b, y);
        }
        check(data, self.bound);
        2
    }

    #[target_feature(enable = "avx2,fma")]
    fn pass4(&self, data: &mut [Lanes], node: usize) -> usize {
        let q = _mm256_set1_pd(self.q as f64);
        let first = Factor::splat(&self.table[node]);
        let second = [
            Factor::splat(&self.table[2 * node]),
            Factor::splat(&self.table[2 * node + 1]),
        ];
        let [a, b, c, d] = rows(data);
        for (((a, b), c), d) in a.iter_mut().zip(b).zip(c).zip(d) {
            let v = two_levels([load(a), load(b), load(c), load(d)], first, second, q);
            store(a, v[0]);
            store(b, v[1]);
            store(c, v[2]);
            store(d, v[3]);
        }
        check(data, self.bound);
        4
    }

    /// The last four levels, from consecutive nodes: `node` is that of the first block. Doubles to words.
    #[target_feature(enable = "avx2,fma")]
    fn last(&self, data: &mut [Lanes], node: usize) {
        let q = _mm256_set1_pd(self.q as f64);
        let reduction = Reduction::new(self.q);
        let (data, _) = data.as_chunks_mut::<BLOCK>();
        // Nodes of the level whose sub-transforms are blocks are numbered from the number of blocks.
        let blocks = self.table.len() / (4 * BLOCK);
        let within = &within_registers(self.table)[node - blocks..][..data.len()];
        for (i, (data, within)) in data.iter_mut().zip(within).enumerate() {
            let node = node + i;
            let first = Factor::splat(&self.table[node]);
            let second = [
                Factor::splat(&self.table[2 * node]),
                Factor::splat(&self.table[2 * node + 1]),
            ];
            let v = transpose(two_levels(load_all(data), first, second, q));
            let second = [Factor::load(within, 1), Factor::load(within, 2)];
            let mut v = two_levels(v, Factor::load(within, 0), second, q);
            for v in &mut v {
                *v = reduction.canonical(*v);
            }
            store_all(data, transpose(v));
        }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn butterfly(x: __m256d, y: __m256d, factor: Factor, q: __m256d) -> (__m256d, __m256d) {
    let r = factor.product(y, q);
    (_mm256_add_pd(x, r), _mm256_sub_pd(x, r))
}

/// Two levels between four registers.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn two_levels(
    [a, b, c, d]: [__m256d; BLOCK],
    first: Factor,
    second: [Factor; 2],
    q: __m256d,
) -> [__m256d; BLOCK] {
    let (a, c) = butterfly(a, c, first, q);
    let (b, d) = butterfly(b, d, first, q);
    let (a, b) = butterfly(a, b, second[0], q);
    let (c, d) = butterfly(c, d, second[1], q);
    [a, b, c, d]
}
