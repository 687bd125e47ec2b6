//! How much memory the program takes: what the linker placed, and how deep the stack ever was.
//!
//! The runtime paints the stack with a pattern before the program begins; the deepest word that is not painted any
//! more was the deepest use. Memory is laid out from below: static memory, then the stack, which grows down to it.

use core::ptr::addr_of;

use cortex_m_rt::STACK_PAINT_VALUE;

unsafe extern "C" {
    /// First byte of the memory.
    static _ram_start: u32;
    /// First byte behind static memory, which is the deepest that the stack may reach.
    static _stack_end: u32;
    /// First byte behind the stack.
    static _stack_start: u32;
}

/// Bytes of static memory: initialised, zeroed and kept over resets.
pub fn static_ram_bytes() -> usize {
    addr_of!(_stack_end) as usize - addr_of!(_ram_start) as usize
}

/// Bytes that the stack may take at most.
pub fn stack_bytes() -> usize {
    addr_of!(_stack_start) as usize - addr_of!(_stack_end) as usize
}

/// Bytes of stack in use at the deepest moment since the start. Looks through all that is unused: some milliseconds
/// where the memory is large. A program that wrote the pattern itself, or left a gap in its deepest frame, may have
/// been deeper by that much.
pub fn stack_high_water() -> usize {
    let words = stack_bytes() / size_of::<u32>();
    let deepest = addr_of!(_stack_end);
    let unused = (0..words)
        .take_while(|word| {
            // SAFETY: between the two symbols of the linker, aligned, and plain memory; volatile, because the words
            // below the stack pointer belong to no object.
            unsafe { deepest.wrapping_add(*word).read_volatile() == STACK_PAINT_VALUE }
        })
        .count();
    stack_bytes() - unused * size_of::<u32>()
}
