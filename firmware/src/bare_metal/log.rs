//! The log: defmt frames into a bounded queue, drained by the interrupt of the board's log UART.
//!
//! Writing a line never waits for the line before it to be sent. A line for which the queue has no room is dropped as
//! a whole and counted. Interrupts are off while a line is written, some microseconds, so a line is never mixed with
//! another. **No secret may be given to the log**: whoever holds the wire reads it.

use core::cell::UnsafeCell;

use critical_section::RestoreState;
use defmt::Encoder;

use crate::board::{Machine, Selected};
use crate::frame_queue::FrameQueue;

struct State {
    /// What interrupts are to be set to when the line ends; there while a line is written.
    writing: Option<RestoreState>,
    encoder: Encoder,
    queue: FrameQueue<'static>,
}

struct Shared(UnsafeCell<State>);

// SAFETY: the state is only touched with interrupts off, on a machine with one core: by `with`, and by the logger's
// methods between `acquire` and `release`.
unsafe impl Sync for Shared {}

static STATE: Shared = Shared(UnsafeCell::new(State {
    writing: None,
    encoder: Encoder::new(),
    queue: FrameQueue::new(&mut []),
}));

/// Runs `action` on the state with interrupts off.
fn with<R>(action: impl FnOnce(&mut State) -> R) -> R {
    critical_section::with(|_| {
        // SAFETY: interrupts are off, and neither `action` nor anything it calls comes back here.
        action(unsafe { &mut *STATE.0.get() })
    })
}

/// Gives the log its memory. Lines written before are lost, and counted.
pub fn set_memory(memory: &'static mut [u8]) {
    with(|state| state.queue.set_memory(memory));
}

/// The next byte to send.
pub fn take() -> Option<u8> {
    with(|state| state.queue.take())
}

/// Whether all has been sent.
pub fn is_empty() -> bool {
    with(|state| state.queue.is_empty())
}

/// Lines that were dropped since the start, for want of room.
pub fn dropped() -> u32 {
    with(|state| state.queue.dropped())
}

/// Forgets a line that will not be finished, because the program ends in the middle of it.
pub fn abandon_line() {
    with(|state| {
        if state.writing.take().is_some() {
            state.queue.discard();
            // The next line begins with a separator again.
            state.encoder = Encoder::new();
        }
    });
}

#[defmt::global_logger]
struct Logger;

// SAFETY: `acquire` turns interrupts off until `release`, so that there is one line at a time and one user of the
// state. A second `acquire` in the same line could only come from a formatter that logs; it panics, as asked for.
unsafe impl defmt::Logger for Logger {
    fn acquire() {
        // SAFETY: released in `release`, or never if the program ends in this line.
        let restore = unsafe { critical_section::acquire() };
        // SAFETY: interrupts are off.
        let state = unsafe { &mut *STATE.0.get() };
        assert!(state.writing.is_none(), "a line of the log within a line");
        state.writing = Some(restore);
        let queue = &mut state.queue;
        state.encoder.start_frame(|bytes| queue.stage(bytes));
    }

    unsafe fn flush() {
        // Sending is the interrupt's work and takes as long as it takes; `fault` sends the rest in the end.
    }

    unsafe fn release() {
        // SAFETY: interrupts are off since `acquire`.
        let state = unsafe { &mut *STATE.0.get() };
        let queue = &mut state.queue;
        state.encoder.end_frame(|bytes| queue.stage(bytes));
        queue.commit();
        Selected::wake_log();
        if let Some(restore) = state.writing.take() {
            // SAFETY: what `acquire` returned, once.
            unsafe { critical_section::release(restore) };
        }
    }

    unsafe fn write(bytes: &[u8]) {
        // SAFETY: interrupts are off since `acquire`.
        let state = unsafe { &mut *STATE.0.get() };
        let queue = &mut state.queue;
        state.encoder.write(bytes, |bytes| queue.stage(bytes));
    }
}
