//! Coefficients to values: Cooley–Tukey levels from the greatest distance down.

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
    /// No lane reaches it.
    bound: u64,
    table: &'t [Twiddle],
    /// What the first pass adds, in the order of [`order_corrections`]. Empty if it has been added.
    corrections: &'t [Lanes],
}

/// The radix of the next pass over `lanes` registers, more than a pair of blocks.
const fn radix(lanes: usize) -> usize {
    match (lanes / PAIR).ilog2() {
        1 => 2,
        2 | 5 => 4,
        4 => 16,
        _ => 8,
    }
}

/// Puts corrections, in the order of the coefficients, into the order in which the first pass adds them: a group of registers
/// after the other, each row by row. In the order of coefficients they would be as many streams as there are rows, beside as
/// many of values, and where both meet in the same sets of a cache of eight ways, neither stays.
///
/// With the number of a register as bits (row, group, column), rows and groups change places: all of their bits are reversed,
/// then those of each by themselves. Each reversal is its own inverse, so registers are swapped in place.
pub fn order_corrections(corrections: &mut [Lanes]) {
    if corrections.len() <= PAIR {
        return;
    }
    let rows = radix(corrections.len()).ilog2();
    let columns = PAIR.ilog2() - rows;
    let groups = corrections.len().ilog2() - PAIR.ilog2();
    for (first, count) in [
        (columns, rows + groups),
        (columns + rows, groups),
        (columns, rows),
    ] {
        for i in 0..corrections.len() {
            let field = (i >> first) & ((1 << count) - 1);
            let reversed = field.reverse_bits() >> (usize::BITS - count);
            let j = i ^ ((field ^ reversed) << first);
            if i < j {
                corrections.swap(i, j);
            }
        }
    }
}

/// The transform of 8·`data.len()` canonical values, or of values with corrections, if there are none.
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn transform(q: u64, data: &mut [Lanes], table: &[Twiddle], corrections: Option<&[Lanes]>) {
    if corrections.is_some() {
        check(data, q);
    }
    let levels = u64::from((8 * data.len()).ilog2());
    let transform = Transform {
        q,
        bound: (4 * levels + 2) * q,
        table,
        corrections: corrections.unwrap_or_default(),
    };
    match (data.len() == PAIR, corrections.is_some()) {
        (true, true) => transform.last::<true>(data, 1),
        (true, false) => transform.last::<false>(data, 1),
        (false, true) => transform.descend::<true>(data, 1),
        (false, false) => transform.descend::<false>(data, 1),
    }
    check(data, q);
}

impl Transform<'_> {
    /// The levels from node `node` of the tree of twiddles down, whose sub-transform `data` is: at least eight levels.
    /// `FIRST`: these are all levels, lanes are canonical and get their corrections.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn descend<const FIRST: bool>(&self, data: &mut [Lanes], node: usize) {
        let radix = radix(data.len());
        match radix {
            2 => self.pass2::<FIRST>(data, node),
            4 => self.pass4::<FIRST>(data, node),
            8 => self.pass8::<FIRST>(data, node),
            _ => self.pass16::<FIRST>(data, node),
        }
        let length = data.len() / radix;
        if length == PAIR {
            return self.last::<false>(data, radix * node);
        }
        for (child, data) in data.chunks_exact_mut(length).enumerate() {
            self.descend::<false>(data, radix * node + child);
        }
    }

    /// The last seven levels, from consecutive nodes: `node` is that of the first pair of blocks.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn last<const FIRST: bool>(&self, data: &mut [Lanes], node: usize) {
        let q = splat(self.q);
        let barrett = Barrett::new(self.q);
        let (data, _) = data.as_chunks_mut::<PAIR>();
        // Nodes of the level whose sub-transforms are pairs are numbered from the number of pairs.
        let pairs = self.table.len() / (8 * PAIR);
        let within = &within_registers(self.table)[node - pairs..][..data.len()];
        for (i, (data, within)) in data.iter_mut().zip(within).enumerate() {
            let node = node + i;
            let mut v = load_all(data);
            if FIRST {
                for (k, v) in v.iter_mut().enumerate() {
                    *v = _mm512_add_epi64(*v, load(&self.corrections[k]));
                }
            }
            level::<PAIR, 8, 1>(&mut v, &splat_all(&self.table[node..]), q);
            level::<PAIR, 4, 2>(&mut v, &splat_all(&self.table[2 * node..]), q);
            level::<PAIR, 2, 4>(&mut v, &splat_all(&self.table[4 * node..]), q);
            level::<PAIR, 1, 8>(&mut v, &splat_all(&self.table[8 * node..]), q);
            v = transpose_pair(v);
            level::<PAIR, 4, 2>(&mut v, &load_factors(within, 0), q);
            level::<PAIR, 2, 4>(&mut v, &load_factors(within, 1), q);
            level::<PAIR, 1, 8>(&mut v, &load_factors(within, 3), q);
            for v in &mut v {
                *v = barrett.canonical(*v);
            }
            store_all(data, transpose_pair(v));
        }
    }
}

/// Defines the pass of one radix: its levels, with registers and twiddles held, over all values of a sub-transform.
/// Register r·COLUMNS + c holds column c of row r, so that sixteen registers are always in flight.
macro_rules! pass {
    ($name:ident, $radix:literal, $($half:literal),+) => {
        impl Transform<'_> {
            #[target_feature(enable = "avx512f,avx512ifma")]
            fn $name<const FIRST: bool>(&self, data: &mut [Lanes], node: usize) {
                const RADIX: usize = $radix;
                const COLUMNS: usize = PAIR / RADIX;
                let q = splat(self.q);
                let length = data.len() / RADIX;
                let (corrections, _) = self.corrections.as_chunks::<PAIR>();
                let corrections = if FIRST { &corrections[..length / COLUMNS] } else { &[] };
                let mut rows = rows::<RADIX>(data);
                for i in (0..length).step_by(COLUMNS) {
                    let mut v = [q; PAIR];
                    for (v, row) in v.chunks_exact_mut(COLUMNS).zip(&rows) {
                        for (v, lanes) in v.iter_mut().zip(&row[i..i + COLUMNS]) {
                            *v = load(lanes);
                        }
                    }
                    if FIRST {
                        for (v, correction) in v.iter_mut().zip(&corrections[i / COLUMNS]) {
                            *v = _mm512_add_epi64(*v, load(correction));
                        }
                    }
                    $({
                        const BLOCKS: usize = RADIX / (2 * $half);
                        let factors = splat_all(&self.table[BLOCKS * node..]);
                        level::<PAIR, { $half * COLUMNS }, BLOCKS>(&mut v, &factors, q);
                    })+
                    for (v, row) in v.chunks_exact(COLUMNS).zip(&mut rows) {
                        for (&v, lanes) in v.iter().zip(&mut row[i..i + COLUMNS]) {
                            store(lanes, v);
                        }
                    }
                }
                check(data, self.bound);
            }
        }
    };
}

pass!(pass2, 2, 1);
pass!(pass4, 4, 2, 1);
pass!(pass8, 8, 4, 2, 1);
pass!(pass16, 16, 8, 4, 2, 1);

/// The butterflies of one level between registers `HALF` apart.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn level<const N: usize, const HALF: usize, const BLOCKS: usize>(
    v: &mut [__m512i; N],
    factors: &[Factor; BLOCKS],
    q: __m512i,
) {
    for (block, &factor) in factors.iter().enumerate() {
        for i in 2 * HALF * block..2 * HALF * block + HALF {
            let x = v[i];
            v[i] = factor.product(x, v[i + HALF], q);
            // x − (r − 1) as 2x − (x + r − 1).
            v[i + HALF] = _mm512_sub_epi64(_mm512_add_epi64(x, x), v[i]);
        }
    }
}
