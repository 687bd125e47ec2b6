//! How much memory the program takes: what the linker placed, and how deep the stack ever was.
//!
//! The runtime paints the stack with a pattern before the program begins; the deepest word that is not painted any
//! more was the deepest use. Memory is laid out from below: static memory, a guard, then the stack, which grows down
//! to it. The guard is a region of the memory protection unit that nobody may touch: a stack that outgrows its memory
//! faults, instead of changing what lies below. A single frame larger than the guard may step over it.

use core::arch::asm;
use core::ptr::addr_of;

use cortex_m::peripheral::MPU;
use cortex_m_rt::STACK_PAINT_VALUE;

/// Bytes of the guard: a power of two, so that one region covers it, and room for what the processor and the fault
/// handler push when the guard was hit.
const GUARD_BYTES: usize = 256;

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

/// First byte behind the guard.
fn guard_end() -> usize {
    guard_start() + GUARD_BYTES
}

/// Regions begin at a multiple of their size.
fn guard_start() -> usize {
    (addr_of!(_stack_end) as usize).next_multiple_of(GUARD_BYTES)
}

/// Bytes that the stack may take at most.
pub fn stack_bytes() -> usize {
    addr_of!(_stack_start) as usize - guard_end()
}

/// Bytes of stack in use at the deepest moment since the start. Looks through all that is unused: some milliseconds
/// where the memory is large. A program that wrote the pattern itself, or left a gap in its deepest frame, may have
/// been deeper by that much.
pub fn stack_high_water() -> usize {
    let words = stack_bytes() / size_of::<u32>();
    let deepest = guard_end() as *const u32;
    let unused = (0..words)
        .take_while(|word| {
            // SAFETY: between the guard and the end of the stack, aligned, and plain memory; volatile, because the
            // words below the stack pointer belong to no object.
            unsafe { deepest.wrapping_add(*word).read_volatile() == STACK_PAINT_VALUE }
        })
        .count();
    stack_bytes() - unused * size_of::<u32>()
}

/// Puts up the guard.
pub fn guard(mpu: &mut MPU) {
    /// The base register says which region it is for.
    const VALID: u32 = 1 << 4;
    /// Nothing may be executed there; no access bits means that nothing may be read or written either.
    const EXECUTE_NEVER: u32 = 1 << 28;
    /// The region's size is two to the power of this field plus one.
    const SIZE: u32 = (GUARD_BYTES.ilog2() - 1) << 1;
    const ENABLE: u32 = 1 << 0;
    /// Everything outside of the region is as it is without the unit; handlers of hard faults do without it.
    const DEFAULT_MAP: u32 = 1 << 2;
    // SAFETY: what becomes unreachable holds no object and is not used by the stack, which is far above.
    unsafe {
        mpu.rbar.write(guard_start() as u32 | VALID);
        mpu.rasr.write(EXECUTE_NEVER | SIZE | ENABLE);
        mpu.ctrl.write(DEFAULT_MAP | ENABLE);
    }
    cortex_m::asm::dsb();
    cortex_m::asm::isb();
}

/// Whether `address` is in the guard.
pub fn in_guard(address: usize) -> bool {
    (guard_start()..guard_end()).contains(&address)
}

/// Goes on in `next` with an empty stack: for a handler that cannot know whether there is any stack left.
pub fn leave_to(next: extern "C" fn(u32, u32) -> !, first: u32, second: u32) -> ! {
    // SAFETY: `next` never returns, so nobody misses what was on the stack; its arguments travel in registers, as the
    // calling convention has it; the top of the stack is what the linker aligned and the runtime began with.
    unsafe {
        asm!(
            "msr msp, {top}",
            "bx {next}",
            top = in(reg) addr_of!(_stack_start) as usize & !7,
            next = in(reg) next,
            in("r0") first,
            in("r1") second,
            options(noreturn)
        )
    }
}
