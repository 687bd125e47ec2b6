//! A bounded queue of whole frames: bytes are staged, and a frame is either committed or discarded as a whole.
//!
//! Logging must neither block nor send half a frame. While a frame is written its bytes lie behind those that may be
//! sent; if they do not fit, the frame is dropped and counted, and the queue is as it was.

/// A ring of bytes in the owner's memory; one byte of it stays unused.
pub struct FrameQueue<'a> {
    ring: &'a mut [u8],
    /// Next byte to take.
    read: usize,
    /// End of the committed frames.
    committed: usize,
    /// End of the frame being written.
    staged: usize,
    overflowed: bool,
    dropped: u32,
}

impl<'a> FrameQueue<'a> {
    /// An empty queue in `ring`. With no memory at all, every frame is dropped.
    pub const fn new(ring: &'a mut [u8]) -> Self {
        Self {
            ring,
            read: 0,
            committed: 0,
            staged: 0,
            overflowed: false,
            dropped: 0,
        }
    }

    /// Gives the queue other memory; what it held is lost, the count of dropped frames is kept.
    pub fn set_memory(&mut self, ring: &'a mut [u8]) {
        let dropped = self.dropped;
        *self = Self::new(ring);
        self.dropped = dropped;
    }

    fn after(&self, at: usize) -> usize {
        if at + 1 >= self.ring.len() { 0 } else { at + 1 }
    }

    /// Adds bytes to the frame being written.
    pub fn stage(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let next = self.after(self.staged);
            if self.overflowed || self.ring.is_empty() || next == self.read {
                self.overflowed = true;
                return;
            }
            self.ring[self.staged] = *byte;
            self.staged = next;
        }
    }

    /// Ends the frame: it may be sent, or is dropped and counted if it did not fit.
    pub fn commit(&mut self) {
        if self.overflowed {
            self.discard();
            self.dropped = self.dropped.saturating_add(1);
        } else {
            self.committed = self.staged;
        }
    }

    /// Forgets the frame being written.
    pub fn discard(&mut self) {
        self.staged = self.committed;
        self.overflowed = false;
    }

    /// The next committed byte.
    pub fn take(&mut self) -> Option<u8> {
        if self.read == self.committed {
            return None;
        }
        let byte = self.ring[self.read];
        self.read = self.after(self.read);
        Some(byte)
    }

    /// Whether nothing is left to send.
    pub const fn is_empty(&self) -> bool {
        self.read == self.committed
    }

    /// Frames that did not fit.
    pub const fn dropped(&self) -> u32 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn drain(queue: &mut FrameQueue<'_>) -> Vec<u8> {
        core::iter::from_fn(|| queue.take()).collect()
    }

    #[test]
    fn a_frame_is_seen_whole_or_not_at_all() {
        let mut ring = [0; 8];
        let mut queue = FrameQueue::new(&mut ring);
        queue.stage(&[1, 2]);
        assert!(queue.is_empty(), "nothing is sent before the frame ends");
        queue.stage(&[3]);
        queue.commit();
        queue.stage(&[4, 5, 6, 7, 8]);
        queue.stage(&[9]);
        queue.commit();
        assert_eq!(queue.dropped(), 1);
        queue.stage(&[10, 11, 12, 13]);
        queue.commit();
        assert_eq!(drain(&mut queue), [1, 2, 3, 10, 11, 12, 13]);
        queue.stage(&[14]);
        queue.discard();
        queue.stage(&[15, 16, 17, 18, 19, 20, 21]);
        queue.commit();
        assert_eq!(drain(&mut queue), [15, 16, 17, 18, 19, 20, 21]);
        assert_eq!(queue.dropped(), 1);
    }

    #[test]
    fn a_queue_without_memory_drops_and_counts() {
        let mut queue = FrameQueue::new(&mut []);
        queue.stage(&[1]);
        queue.commit();
        assert_eq!((queue.take(), queue.dropped()), (None, 1));
        let mut ring = [0; 4];
        queue.set_memory(&mut ring);
        queue.stage(&[2]);
        queue.commit();
        assert_eq!((queue.take(), queue.dropped()), (Some(2), 1));
    }
}
