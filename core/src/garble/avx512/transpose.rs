//! Transposition of bits, by the portable code translated for wide registers.

/// See [`crate::garble::transpose()`].
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
pub fn transpose(low: &mut [u64; 128], high: &mut [u64; 128]) {
    crate::garble::transpose::portable(low, high);
}
