//! AES-128 with the processor's instructions on N blocks at a time, as in libraries written in C++.
// Vector instructions exist only behind unsafe code; who holds a `Permutation` has shown that the processor has them.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

/// A key schedule for AES-NI.
pub struct Permutation([__m128i; 11]);

macro_rules! next_key {
    ($key:expr, $constant:literal) => {{
        let word = _mm_shuffle_epi32::<0xff>(_mm_aeskeygenassist_si128::<$constant>($key));
        let sums = _mm_xor_si128($key, _mm_slli_si128::<4>($key));
        let sums = _mm_xor_si128(sums, _mm_slli_si128::<8>(sums));
        _mm_xor_si128(sums, word)
    }};
}

impl Permutation {
    /// The schedule of `key`, if the processor has the instructions.
    pub fn new(key: [u8; 16]) -> Option<Self> {
        if !std::arch::is_x86_feature_detected!("aes") {
            return None;
        }
        // SAFETY: the processor has the instructions.
        Some(Self(unsafe { expand(u128::from_le_bytes(key)) }))
    }

    /// π(π(x) ⊕ i) ⊕ π(x) of N blocks x in step.
    #[inline(always)]
    pub fn hash<const N: usize>(&self, blocks: [u128; N], tweaks: [u64; N]) -> [u128; N] {
        // SAFETY: that `self` exists shows that the processor has the instructions.
        unsafe { hash(&self.0, blocks, tweaks) }
    }
}

#[target_feature(enable = "aes,sse4.1")]
fn expand(key: u128) -> [__m128i; 11] {
    let k0 = _mm_set_epi64x((key >> 64) as i64, key as i64);
    let k1 = next_key!(k0, 0x01);
    let k2 = next_key!(k1, 0x02);
    let k3 = next_key!(k2, 0x04);
    let k4 = next_key!(k3, 0x08);
    let k5 = next_key!(k4, 0x10);
    let k6 = next_key!(k5, 0x20);
    let k7 = next_key!(k6, 0x40);
    let k8 = next_key!(k7, 0x80);
    let k9 = next_key!(k8, 0x1b);
    [k0, k1, k2, k3, k4, k5, k6, k7, k8, k9, next_key!(k9, 0x36)]
}

#[inline]
#[target_feature(enable = "aes,sse4.1")]
fn encrypt<const N: usize>(keys: &[__m128i; 11], registers: &mut [__m128i; N]) {
    for register in registers.iter_mut() {
        *register = _mm_xor_si128(*register, keys[0]);
    }
    for key in &keys[1..10] {
        for register in registers.iter_mut() {
            *register = _mm_aesenc_si128(*register, *key);
        }
    }
    for register in registers.iter_mut() {
        *register = _mm_aesenclast_si128(*register, keys[10]);
    }
}

#[target_feature(enable = "aes,sse4.1")]
fn hash<const N: usize>(
    keys: &[__m128i; 11],
    mut blocks: [u128; N],
    tweaks: [u64; N],
) -> [u128; N] {
    let mut registers = [_mm_setzero_si128(); N];
    for (register, block) in registers.iter_mut().zip(&blocks) {
        *register = _mm_set_epi64x((block >> 64) as i64, *block as i64);
    }
    encrypt(keys, &mut registers);
    let once = registers;
    for (register, tweak) in registers.iter_mut().zip(tweaks) {
        *register = _mm_xor_si128(*register, _mm_set_epi64x(0, tweak as i64));
    }
    encrypt(keys, &mut registers);
    for (block, (twice, once)) in blocks.iter_mut().zip(registers.into_iter().zip(once)) {
        let register = _mm_xor_si128(twice, once);
        let high = _mm_extract_epi64::<1>(register) as u64;
        let low = _mm_cvtsi128_si64(register) as u64;
        *block = u128::from(high) << 64 | u128::from(low);
    }
    blocks
}
