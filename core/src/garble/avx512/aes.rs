//! AES-128 on registers of four blocks, and TMMO on it.

use core::arch::x86_64::*;
use zeroize::Zeroize;

/// Rounds of AES-128.
const ROUNDS: usize = 10;

/// A key schedule; zeroised on drop.
pub(in super::super) struct RoundKeys([u128; ROUNDS + 1]);

impl Drop for RoundKeys {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Column i of the next round key is the sum of columns 0 to i of this one and of the word that the instruction made.
macro_rules! next_key {
    ($key:expr, $constant:literal) => {{
        let word = _mm_shuffle_epi32::<0xff>(_mm_aeskeygenassist_si128::<$constant>($key));
        let sums = _mm_xor_si128($key, _mm_slli_si128::<4>($key));
        let sums = _mm_xor_si128(sums, _mm_slli_si128::<8>(sums));
        _mm_xor_si128(sums, word)
    }};
}

impl RoundKeys {
    /// The key expansion of FIPS 197, section 5.2.
    #[inline]
    #[target_feature(enable = "avx512f,aes")]
    pub fn expand(key: [u8; 16]) -> Self {
        let key = u128::from_le_bytes(key);
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
        let k10 = next_key!(k9, 0x36);
        let mut keys = [0; ROUNDS + 1];
        for (key, register) in keys
            .iter_mut()
            .zip([k0, k1, k2, k3, k4, k5, k6, k7, k8, k9, k10])
        {
            let high = _mm_extract_epi64::<1>(register) as u64;
            let low = _mm_cvtsi128_si64(register) as u64;
            *key = u128::from(high) << 64 | u128::from(low);
        }
        Self(keys)
    }

    /// Each key in all four places of a register.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,vaes")]
    pub fn broadcast(&self) -> [__m512i; ROUNDS + 1] {
        let mut registers = [_mm512_setzero_si512(); ROUNDS + 1];
        for (register, &key) in registers.iter_mut().zip(&self.0) {
            *register = splat(key);
        }
        registers
    }
}

/// A block in all four places of a register.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,vaes")]
pub fn splat(block: u128) -> __m512i {
    _mm512_broadcast_i64x2(_mm_set_epi64x((block >> 64) as i64, block as i64))
}

/// Encrypts an array of registers. A macro, since only what is inlined keeps its blocks in registers.
macro_rules! encrypt {
    ($keys:expr, $blocks:expr) => {
        for block in $blocks.iter_mut() {
            *block = _mm512_xor_si512(*block, $keys[0]);
        }
        for key in &$keys[1..$keys.len() - 1] {
            for block in $blocks.iter_mut() {
                *block = _mm512_aesenc_epi128(*block, *key);
            }
        }
        for block in $blocks.iter_mut() {
            *block = _mm512_aesenclast_epi128(*block, $keys[$keys.len() - 1]);
        }
    };
}
pub(super) use encrypt;

/// Hashes an array of registers a turn: H(x, i) = π(π(x) ⊕ i) ⊕ π(x).
///
/// `$load` yields the labels and the tweaks of a turn, `$finish` uses the hashes. Both stand between the two permutations
/// of another turn, so that they run while the cipher's units are busy, and the permutations follow each other without a
/// gap: `$finish` is that of the turn before, `$load` that of the next turn, and is also called for a turn behind the last.
macro_rules! hash_turns {
    (
        $keys:expr, $turns:expr,
        |$turn:ident| $load:expr,
        |$done:ident, $hashes:ident| $finish:expr
    ) => {{
        let keys = $keys;
        let turns: usize = $turns;
        let mut $turn = 0;
        let (mut blocks, mut tweaks) = $load;
        let mut $hashes = blocks;
        loop {
            if $turn < turns {
                encrypt!(keys, blocks);
            }
            if $turn > 0 {
                let $done = $turn - 1;
                $finish
            }
            if $turn >= turns {
                break;
            }
            let once = blocks;
            for (block, tweak) in blocks.iter_mut().zip(&tweaks) {
                *block = _mm512_xor_si512(*block, *tweak);
            }
            $turn += 1;
            let next;
            (next, tweaks) = $load;
            encrypt!(keys, blocks);
            for (hash, (twice, once)) in $hashes.iter_mut().zip(blocks.iter().zip(&once)) {
                *hash = _mm512_xor_si512(*twice, *once);
            }
            blocks = next;
        }
    }};
}
pub(super) use hash_turns;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{self, Level};

    /// FIPS 197, appendices A.1 and C.1.
    #[test]
    fn key_expansion_and_cipher_are_those_of_fips_197() {
        if simd::level() < Level::Avx512 {
            return;
        }
        let key = 0x2b7e_1516_28ae_d2a6_abf7_1588_09cf_4f3c_u128.to_be_bytes();
        // SAFETY: the level includes the instructions.
        let keys = unsafe { RoundKeys::expand(key) };
        let round_keys = [
            (0, 0x2b7e_1516_28ae_d2a6_abf7_1588_09cf_4f3c_u128),
            (1, 0xa0fa_fe17_8854_2cb1_23a3_3939_2a6c_7605),
            (2, 0xf2c2_95f2_7a96_b943_5935_807a_7359_f67f),
            (9, 0xac77_66f3_19fa_dc21_28d1_2941_575c_006e),
            (10, 0xd014_f9a8_c9ee_2589_e13f_0cc8_b663_0ca6),
        ];
        for (round, expected) in round_keys {
            assert_eq!(keys.0[round], expected.swap_bytes(), "round {round}");
        }

        let key = 0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f_u128.to_be_bytes();
        let plain = 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff_u128.swap_bytes();
        let cipher = 0x69c4_e0d8_6a7b_0430_d8cd_b780_70b4_c55a_u128.swap_bytes();
        // SAFETY: the level includes the instructions.
        let equal = unsafe {
            let keys = RoundKeys::expand(key).broadcast();
            let mut blocks = [splat(plain); 3];
            encrypt!(keys, blocks);
            blocks.map(|block| _mm512_cmpeq_epi64_mask(block, splat(cipher)))
        };
        assert_eq!(equal, [0xff; 3]);
    }
}
