//! Sums over windows: a public linear map, which each party applies to its own share.

use crate::net::{Pool, Shape};

/// weight · Σ over each window of a tensor of shares mod 2^bits, within each channel; what lies outside counts as 0.
/// Returns `None` if the window does not fit or the tensor has another length.
#[must_use]
pub fn sum_windows(
    shares: &[u64],
    input: Shape,
    pool: &Pool,
    weight: i64,
    bits: u32,
) -> Option<Vec<u64>> {
    let [rows, columns] = pool.output(input)?;
    if shares.len() != input.len() {
        return None;
    }
    let mask = u64::MAX >> (64 - bits);
    let mut sums = Vec::with_capacity(input.channels * rows * columns);
    for channel in shares.chunks_exact(input.area()) {
        for i in 0..rows {
            for j in 0..columns {
                let sum = window(pool, input, i, j)
                    .fold(0u64, |sum, position| sum.wrapping_add(channel[position]));
                sums.push(sum.wrapping_mul(weight as u64) & mask);
            }
        }
    }
    Some(sums)
}

/// Gathers each window of a tensor, one after another: what a circuit with a window takes. Padding gives zeros, which
/// a maximum with rectification ignores. Returns `None` as [`sum_windows`] does.
#[must_use]
pub fn gather_windows(shares: &[u64], input: Shape, pool: &Pool) -> Option<Vec<u64>> {
    let [rows, columns] = pool.output(input)?;
    if shares.len() != input.len() {
        return None;
    }
    let mut gathered = Vec::with_capacity(input.channels * rows * columns * pool.size());
    for channel in shares.chunks_exact(input.area()) {
        for i in 0..rows {
            for j in 0..columns {
                let before = gathered.len();
                gathered.extend(window(pool, input, i, j).map(|position| channel[position]));
                gathered.resize(before + pool.size(), 0);
            }
        }
    }
    Some(gathered)
}

/// Positions within a channel under one window, padding left out.
fn window(pool: &Pool, input: Shape, row: usize, column: usize) -> impl Iterator<Item = usize> {
    let (top, bottom) = pool.span(0, row, input.height);
    let (left, right) = pool.span(1, column, input.width);
    (top..bottom).flat_map(move |i| (left..right).map(move |j| i * input.width + j))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INPUT: Shape = Shape {
        channels: 1,
        height: 3,
        width: 3,
    };

    #[test]
    fn shares_of_windows_sum_to_the_windows_sum() {
        let pool = Pool {
            kernel: [2, 2],
            stride: [1, 1],
            padding: [0; 4],
        };
        let x: Vec<u64> = (1..10).collect();
        let first: Vec<u64> = (0..9).map(|i| i * 37 % 256).collect();
        let second: Vec<u64> = x
            .iter()
            .zip(&first)
            .map(|(x, a)| x.wrapping_sub(*a) & 255)
            .collect();
        let sums = [&first, &second].map(|share| sum_windows(share, INPUT, &pool, 3, 8).unwrap());
        let total: Vec<u64> = (0..4).map(|i| (sums[0][i] + sums[1][i]) & 255).collect();
        assert_eq!(total, [36, 48, 72, 84]);
    }

    #[test]
    fn gathered_windows_have_zeros_for_padding() {
        let pool = Pool {
            kernel: [2, 2],
            stride: [2, 2],
            padding: [1, 1, 0, 0],
        };
        let x: Vec<u64> = (1..10).collect();
        let gathered = gather_windows(&x, INPUT, &pool).unwrap();
        assert_eq!(gathered, [1, 0, 0, 0, 2, 3, 0, 0, 4, 7, 0, 0, 5, 6, 8, 9]);
    }

    #[test]
    fn tensors_of_another_length_are_refused() {
        let pool = Pool {
            kernel: [2, 2],
            stride: [1, 1],
            padding: [0; 4],
        };
        assert_eq!(sum_windows(&[0; 8], INPUT, &pool, 1, 8), None);
        assert_eq!(gather_windows(&[0; 10], INPUT, &pool), None);
    }
}
