//! Loops over the residues of one limb, one kernel for each level of vector instructions.
//!
//! | operation | definition |
//! |---|---|
//! | [`add`], [`sub`], [`neg_assign`] | [`Modulus::add`], [`Modulus::sub`], [`Modulus::neg`] |
//! | [`mul`], [`scale`] | [`Modulus::montgomery_mul`], so q < 2^36 |
//! | [`mul_add`] | d + a·b·2^-36 |
//! | [`lift`] | [`Modulus::from_signed`] of [`Modulus::to_centred`] |
//! | [`switch_limb`] | (target − lift of dropped)·scalar·2^-36 |
//! | [`first_not_residue`] | the first word that is not below q |
//!
//! Every function takes the level whose kernel it uses, at most what the processor has. Residues go in and come out
//! canonical. Slices have the length of the first one that is written; longer ones are used up to there, shorter ones
//! are a panic.
//!
//! No kernel's time depends on the values, but for where [`first_not_residue`] finds one.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub mod permutation;
mod portable;
pub mod sums;
#[cfg(test)]
mod tests;

use crate::modulus::{Modulus, WORD_BITS};
use crate::simd::Level;
#[cfg(target_arch = "x86_64")]
use crate::simd::available;

/// Defines the choice of a kernel. AVX-512 kernels take whole registers and give the number of values done; the
/// portable kernel does the rest.
macro_rules! choose {
    ($level:ident, $name:ident($($argument:expr),*), rest($($rest:expr),*) from $done:ident) => {{
        #[cfg(target_arch = "x86_64")]
        match $level.min(available()) {
            Level::Avx512 => {
                let $done = avx512::$name($($argument),*);
                return portable::$name($($rest),*);
            }
            Level::Avx2 => return avx2::$name($($argument),*),
            Level::Portable => {}
        }
        let _ = $level;
        portable::$name($($argument),*)
    }};
}

/// out = a + b.
pub fn add(level: Level, q: &Modulus, out: &mut [u64], a: &[u64], b: &[u64]) {
    let (a, b) = (&a[..out.len()], &b[..out.len()]);
    choose!(level, add(q, out, a, b), rest(q, &mut out[done..], &a[done..], &b[done..]) from done)
}

/// a = a + b.
pub fn add_assign(level: Level, q: &Modulus, a: &mut [u64], b: &[u64]) {
    let b = &b[..a.len()];
    choose!(level, add_assign(q, a, b), rest(q, &mut a[done..], &b[done..]) from done)
}

/// out = a − b.
pub fn sub(level: Level, q: &Modulus, out: &mut [u64], a: &[u64], b: &[u64]) {
    let (a, b) = (&a[..out.len()], &b[..out.len()]);
    choose!(level, sub(q, out, a, b), rest(q, &mut out[done..], &a[done..], &b[done..]) from done)
}

/// a = a − b.
pub fn sub_assign(level: Level, q: &Modulus, a: &mut [u64], b: &[u64]) {
    let b = &b[..a.len()];
    choose!(level, sub_assign(q, a, b), rest(q, &mut a[done..], &b[done..]) from done)
}

/// a = −a.
pub fn neg_assign(level: Level, q: &Modulus, a: &mut [u64]) {
    choose!(level, neg_assign(q, a), rest(q, &mut a[done..]) from done)
}

/// out = a·b·2^-36, for q < 2^36.
pub fn mul(level: Level, q: &Modulus, out: &mut [u64], a: &[u64], b: &[u64]) {
    check_word(q);
    let (a, b) = (&a[..out.len()], &b[..out.len()]);
    choose!(level, mul(q, out, a, b), rest(q, &mut out[done..], &a[done..], &b[done..]) from done)
}

/// a = a·b·2^-36, for q < 2^36.
pub fn mul_assign(level: Level, q: &Modulus, a: &mut [u64], b: &[u64]) {
    check_word(q);
    let b = &b[..a.len()];
    choose!(level, mul_assign(q, a, b), rest(q, &mut a[done..], &b[done..]) from done)
}

/// out = d + a·b·2^-36, for q < 2^36.
pub fn mul_add(level: Level, q: &Modulus, out: &mut [u64], d: &[u64], a: &[u64], b: &[u64]) {
    check_word(q);
    let (d, a, b) = (&d[..out.len()], &a[..out.len()], &b[..out.len()]);
    choose!(
        level,
        mul_add(q, out, d, a, b),
        rest(q, &mut out[done..], &d[done..], &a[done..], &b[done..]) from done
    )
}

/// d = d + a·b·2^-36, for q < 2^36.
pub fn mul_add_assign(level: Level, q: &Modulus, d: &mut [u64], a: &[u64], b: &[u64]) {
    check_word(q);
    let (a, b) = (&a[..d.len()], &b[..d.len()]);
    choose!(
        level,
        mul_add_assign(q, d, a, b),
        rest(q, &mut d[done..], &a[done..], &b[done..]) from done
    )
}

/// out = a·factor·2^-36, for a canonical factor and q < 2^36.
pub fn scale(level: Level, q: &Modulus, out: &mut [u64], a: &[u64], factor: u64) {
    check_word(q);
    let a = &a[..out.len()];
    choose!(level, scale(q, out, a, factor), rest(q, &mut out[done..], &a[done..], factor) from done)
}

/// a = a·factor·2^-36, for a canonical factor and q < 2^36.
pub fn scale_assign(level: Level, q: &Modulus, a: &mut [u64], factor: u64) {
    check_word(q);
    choose!(level, scale_assign(q, a, factor), rest(q, &mut a[done..], factor) from done)
}

/// out = the centred representatives of residues mod `from`, mod `to`.
pub fn lift(level: Level, from: &Modulus, to: &Modulus, out: &mut [u64], a: &[u64]) {
    let a = &a[..out.len()];
    if from.value() / 2 >= to.value() {
        // A representative may be more than one modulus away.
        return portable::lift_far(from, to, out, a);
    }
    choose!(level, lift(from, to, out, a), rest(from, to, &mut out[done..], &a[done..]) from done)
}

/// target = (target − the centred representative of dropped)·factor·2^-36, for residues `dropped` mod `from`, a
/// canonical factor and moduli q and `from` < 2^36 with `from` < 2q.
pub fn switch_limb(
    level: Level,
    from: &Modulus,
    q: &Modulus,
    target: &mut [u64],
    dropped: &[u64],
    factor: u64,
) {
    check_word(q);
    assert!(from.value() / 2 < q.value(), "moduli of about one size");
    let dropped = &dropped[..target.len()];
    choose!(
        level,
        switch_limb(from, q, target, dropped, factor),
        rest(from, q, &mut target[done..], &dropped[done..], factor) from done
    )
}

/// The position of the first word that is not below q, if there is one.
pub fn first_not_residue(level: Level, q: &Modulus, words: &[u64]) -> Option<usize> {
    if all_residues(level, q, words) {
        return None;
    }
    words.iter().position(|&word| word >= q.value())
}

/// Whether all words are below q.
fn all_residues(level: Level, q: &Modulus, words: &[u64]) -> bool {
    #[cfg(target_arch = "x86_64")]
    match level.min(available()) {
        Level::Avx512 => {
            let (all, done) = avx512::all_residues(q, words);
            return all && portable::all_residues(q, &words[done..]);
        }
        Level::Avx2 => return avx2::all_residues(q, words),
        Level::Portable => {}
    }
    let _ = level;
    portable::all_residues(q, words)
}

fn check_word(q: &Modulus) {
    assert!(q.bits() <= WORD_BITS, "the machine's words have 36 bits");
}
