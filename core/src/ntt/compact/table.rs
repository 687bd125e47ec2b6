//! Twiddles as constants: evaluated by the compiler, so that they live in flash and no RAM holds a copy.

use super::arithmetic::{CompactModulus, Split};
use crate::ntt::bit_reverse;

/// The smallest primitive root of unity of order `order`, a power of two that divides q − 1, modulo a prime.
pub(super) const fn smallest_primitive_root(modulus: &CompactModulus, order: u64) -> u64 {
    let q = modulus.value();
    assert!(order > 1 && order.is_power_of_two() && (q - 1).is_multiple_of(order));
    // x^((q−1)/order) is primitive exactly when x is not a square, so few tries suffice.
    let mut x = 2;
    let mut root = modulus.power(x, (q - 1) / order);
    while modulus.power(root, order / 2) != q - 1 {
        x += 1;
        root = modulus.power(x, (q - 1) / order);
    }
    // All primitive roots are the odd powers of one.
    let square = modulus.multiply_constants(root, root);
    let mut smallest = root;
    let mut power = root;
    let mut odd = 3;
    while odd < order {
        power = modulus.multiply_constants(power, square);
        if power < smallest {
            smallest = power;
        }
        odd += 2;
    }
    smallest
}

/// ψ^brv(i) for i in 0..N, in stored form.
pub(super) const fn twiddles<const N: usize>(modulus: &CompactModulus) -> [Split; N] {
    let psi = smallest_primitive_root(modulus, 2 * N as u64);
    let mut table = [modulus.stored(1); N];
    // Successive powers differ by the factor ψ also in stored form.
    let mut power = table[0].value();
    let mut i = 0;
    while i < N {
        table[bit_reverse(i, N.trailing_zeros())] = Split::new(power);
        power = modulus.multiply_constants(power, psi);
        i += 1;
    }
    table
}
