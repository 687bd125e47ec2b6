//! The record of [`crate::boot`] in memory that neither the runtime nor a reset clears.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

use crate::boot::{Retained, WORDS};

struct Words(UnsafeCell<MaybeUninit<[u32; WORDS]>>);

// SAFETY: every access is a volatile one of an aligned word, on a machine with one core. The record as a whole is
// written by the start of the program and by its end, neither of which comes back.
unsafe impl Sync for Words {}

// SAFETY: the runtime's linker script has this section, outside of what it clears and copies.
#[unsafe(link_section = ".uninit.retained")]
static RECORD: Words = Words(UnsafeCell::new(MaybeUninit::uninit()));

/// The record's memory.
pub struct Record;

impl Record {
    fn word(index: usize) -> *mut u32 {
        assert!(index < WORDS);
        // In bounds, so the address does not wrap.
        RECORD.0.get().cast::<u32>().wrapping_add(index)
    }
}

impl Retained for Record {
    fn get(&self, index: usize) -> u32 {
        // SAFETY: aligned and in bounds; memory holds something, if not something known, when the power comes on, and
        // a volatile read takes it as it is.
        unsafe { Self::word(index).read_volatile() }
    }

    fn set(&mut self, index: usize, value: u32) {
        // SAFETY: aligned and in bounds.
        unsafe { Self::word(index).write_volatile(value) }
    }
}
