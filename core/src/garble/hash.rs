//! The hash of half gates: TMMO over AES-128 under a key of the session.
//!
//! H(x, i) = π(π(x) ⊕ i) ⊕ π(x), where π is AES-128 under a fresh random key.
//!
//! # Why this one
//! Free XOR makes the labels of all wires differ by one secret Δ, and a half gate adds a label, that is a multiple
//! of Δ, to a hash value. The hash must therefore look random on x ⊕ Δ for chosen x and tweak, even when Δ itself
//! may be added to the output: *tweakable circular correlation robustness* (TCCR). Guo, Katz, Wang and Yu (IEEE
//! S&P 2020, ePrint 2019/074) prove it for TMMO when π is an ideal permutation.
//!
//! The single-call constructions fall short of it:
//! - MMO, π(x) ⊕ x, is correlation robust but not circular: in π(x ⊕ Δ) ⊕ x ⊕ Δ, the circular query ⊕ Δ cancels the
//!   Δ that is fed forward, leaves π(x ⊕ Δ) ⊕ x, and one inverse call yields Δ. The cure is to apply a
//!   linear orthomorphism first: π(σ(x)) ⊕ σ(x) feeds σ(Δ) forward, and σ(y) ⊕ y is a permutation of y, so nothing
//!   cancels. This gives circular correlation robustness, without a tweak.
//! - A tweak that is only XORed in, π(σ(x) ⊕ i) ⊕ σ(x) ⊕ i, is just the same function of σ(x) ⊕ i: two inputs and
//!   tweaks with equal σ(x) ⊕ i collide, and this is not TCCR.
//!
//! In TMMO, what is fed forward and what meets the tweak is π(x). It is not a linear function of Δ, so that Δ
//! cannot cancel and no σ is needed, and equal sums π(x) ⊕ i are as rare as collisions of a random function. The
//! price is a second call.
//!
//! # Keys and tweaks
//! With one permutation for C gates, an adversary that makes p calls succeeds with probability about p·C/2^128,
//! and with one permutation for all sessions, C counts the gates of all of them (Guo, Katz, Wang, Weng and Yu,
//! CRYPTO 2020, ePrint 2019/1168). So the garbler draws a fresh key for each session, and only the gates of one
//! session count: after 2^32 of them 96 bits remain. The tweak is a 64-bit counter that never restarts within a
//! session; the two halves of a gate take two different ones.

use super::kernel::Kernel;
use super::portable::Portable;

/// The hash of one session, and with it the gates, for the processor at hand.
///
/// The key is public to both parties, and fresh for each session.
pub(super) struct Hash {
    key: [u8; 16],
    portable: Portable,
    #[cfg(target_arch = "x86_64")]
    wide: Option<super::avx512::Avx512>,
}

impl Hash {
    /// The hash under `key`, which the garbler draws uniformly for one session.
    pub fn new(key: [u8; 16]) -> Self {
        Self {
            key,
            portable: Portable::new(key),
            #[cfg(target_arch = "x86_64")]
            wide: super::avx512::Avx512::new(key),
        }
    }

    /// The same hash with memory of its own, for another thread.
    pub fn fork(&self) -> Self {
        Self::new(self.key)
    }

    /// The same hash, but never with wide registers.
    #[cfg(test)]
    pub fn portable(key: [u8; 16]) -> Self {
        Self {
            key,
            portable: Portable::new(key),
            #[cfg(target_arch = "x86_64")]
            wide: None,
        }
    }

    /// The widest kernel that the processor has.
    pub fn kernel(&mut self) -> &mut dyn Kernel {
        #[cfg(target_arch = "x86_64")]
        if let Some(wide) = &mut self.wide {
            return wide;
        }
        &mut self.portable
    }
}
