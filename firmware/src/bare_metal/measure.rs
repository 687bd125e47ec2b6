//! A known number of instructions, to find out what a board's counter counts.

use core::arch::asm;

/// Executes `instructions` instructions, rounded down to an even number, and a handful around them; at least two.
pub fn execute(instructions: u32) {
    let rounds = (instructions / 2).max(1);
    // SAFETY: counts a register down and touches nothing else.
    unsafe {
        asm!(
            "2:",
            "subs {rounds}, {rounds}, #1",
            "bne 2b",
            rounds = inout(reg) rounds => _,
            options(nomem, nostack)
        );
    }
}
