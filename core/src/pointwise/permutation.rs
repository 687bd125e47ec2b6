//! Galois automorphisms X ↦ X^g of transformed polynomials, which permute the values.
//!
//! Position j holds the value at ψ^(2·brv(j)+1), so with h = (g − 1)/2 it receives what stands at
//! brv(brv(j)·g + h mod n). Eight neighbouring positions differ in the top three bits of brv(j), hence their sources
//! differ only in the top three bits of the exponent, that is, they are neighbours as well: the permutation moves groups
//! of eight, and permutes within a group by one of eight permutations, chosen by the top bits of the group's exponent.

#[cfg(target_arch = "x86_64")]
use super::avx512;
use crate::ntt::bit_reverse;
use crate::simd::Level;
#[cfg(target_arch = "x86_64")]
use crate::simd::available;

/// Values in a group.
const GROUP: usize = 8;

/// destination = the values of a(X^g), given those of a(X), for odd g < 2n, n a power of two.
///
/// # Panics
/// If the lengths differ or n is no power of two.
pub fn automorphism(level: Level, galois_element: usize, a: &[u64], destination: &mut [u64]) {
    let n = a.len();
    assert!(n.is_power_of_two() && destination.len() == n);
    let log_n = n.trailing_zeros();
    let (g, h) = (galois_element, galois_element / 2);
    if n < GROUP {
        for (j, value) in destination.iter_mut().enumerate() {
            *value = a[bit_reverse((bit_reverse(j, log_n) * g + h) % n, log_n)];
        }
        return;
    }
    // within[top]: where the values of a group come from, if the exponent of its first value has these top bits.
    let mut within = [[0; GROUP]; GROUP];
    for (top, sources) in within.iter_mut().enumerate() {
        for (position, source) in sources.iter_mut().enumerate() {
            *source = bit_reverse((top + g * bit_reverse(position, 3)) % GROUP, 3) as u64;
        }
    }
    let (from, _) = a.as_chunks::<GROUP>();
    let (to, _) = destination.as_chunks_mut::<GROUP>();
    #[cfg(target_arch = "x86_64")]
    if level.min(available()) == Level::Avx512 {
        return avx512::move_groups(to, from, &within, g);
    }
    let _ = level;
    let log_groups = log_n - 3;
    let groups = from.len();
    let mut exponent = h;
    for group in 0..groups {
        let source = &from[bit_reverse(exponent & (groups - 1), log_groups)];
        let positions = &within[(exponent >> log_groups) % GROUP];
        let group = &mut to[bit_reverse(group, log_groups)];
        for (value, &position) in group.iter_mut().zip(positions) {
            *value = source[position as usize % GROUP];
        }
        exponent = (exponent + g) & (n - 1);
    }
}
