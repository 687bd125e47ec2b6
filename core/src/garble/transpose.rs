//! Transposition of 128 × 128 bits.

/// Transposes a matrix: bit c of row r becomes bit r of row c. Row r is (`low[r]`, `high[r]`).
///
/// Blocks of 64, 32, …, 1 bits are swapped across the diagonal (Warren, Hacker's Delight, 7-3). Low and high halves of
/// the rows are kept apart, so that all but the first step work on 64-bit words.
pub fn transpose(low: &mut [u64; 128], high: &mut [u64; 128]) {
    #[cfg(target_arch = "x86_64")]
    if super::avx512::transpose(low, high) {
        return;
    }
    portable(low, high);
}

/// The same, inlined so that it is translated for the instructions of whoever calls it.
#[inline(always)]
pub(super) fn portable(low: &mut [u64; 128], high: &mut [u64; 128]) {
    for r in 0..64 {
        core::mem::swap(&mut high[r], &mut low[r + 64]);
    }
    for half in [low, high] {
        let mut mask = u64::MAX;
        let mut width = 32;
        while width > 0 {
            // The lower `width` bits of each group of 2·width.
            mask ^= mask << width;
            for group in half.chunks_exact_mut(2 * width) {
                let (upper, lower) = group.split_at_mut(width);
                for (x, y) in upper.iter_mut().zip(lower) {
                    let difference = ((*x >> width) ^ *y) & mask;
                    *y ^= difference;
                    *x ^= difference << width;
                }
            }
            width /= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chacha20::ChaCha20Rng;
    use rand_core::{Rng, SeedableRng};

    #[test]
    fn bit_c_of_row_r_becomes_bit_r_of_row_c() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let low: [u64; 128] = core::array::from_fn(|_| rng.next_u64());
        let high: [u64; 128] = core::array::from_fn(|_| rng.next_u64());
        let (mut low_after, mut high_after) = (low, high);
        transpose(&mut low_after, &mut high_after);
        let bit = |low: &[u64; 128], high: &[u64; 128], row: usize, column: usize| {
            let half = if column < 64 { low } else { high };
            half[row] >> (column % 64) & 1
        };
        for row in 0..128 {
            for column in 0..128 {
                let expected = bit(&low, &high, row, column);
                assert_eq!(bit(&low_after, &high_after, column, row), expected);
            }
        }
    }
}
