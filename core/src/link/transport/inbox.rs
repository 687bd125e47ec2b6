//! Packets that have arrived and have not been taken, and what the other side must hear of them.

use zeroize::Zeroize;

use super::{ACKNOWLEDGE_DELAY, Micros, ahead};
use crate::link::frame::{Header, Payload};

/// Packets that may come before they are acknowledged.
const MOST_UNANSWERED: u32 = 2;

/// The packets from the other side.
pub struct Inbox<const W: usize> {
    packets: [Option<Payload>; W],
    /// The packet that the user takes next, and the first that has not arrived.
    taken: u16,
    expected: u16,
    /// Packets that came and were not acknowledged, and when they must be.
    unanswered: u32,
    answer_by: Option<Micros>,
}

const fn place<const W: usize>(sequence: u16) -> usize {
    sequence as usize % W
}

/// Packets carry shares and masks: nothing of them stays behind in memory.
fn erase(packet: &mut Payload) {
    packet.as_mut_slice().zeroize();
}

impl<const W: usize> Inbox<W> {
    /// Nothing has arrived.
    pub const fn new() -> Self {
        Self {
            packets: [const { None }; W],
            taken: 0,
            expected: 0,
            unanswered: 0,
            answer_by: None,
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        for packet in &mut self.packets {
            if let Some(packet) = packet {
                erase(packet);
            }
            *packet = None;
        }
        (self.taken, self.expected) = (0, 0);
        self.answered();
    }

    /// The next packet, if it has arrived.
    pub fn peek(&self) -> Option<&[u8]> {
        if self.taken == self.expected {
            return None;
        }
        self.packets[place::<W>(self.taken)].as_deref()
    }

    /// Makes room behind the next packet and returns how many bytes it had.
    pub fn take(&mut self) -> usize {
        if self.taken == self.expected {
            return 0;
        }
        let was_full = usize::from(ahead(self.taken, self.expected)) == W;
        let mut length = 0;
        if let Some(mut packet) = self.packets[place::<W>(self.taken)].take() {
            length = packet.len();
            erase(&mut packet);
        }
        self.taken = self.taken.wrapping_add(1);
        if was_full {
            // The other side waits for room, and would not hear of it otherwise.
            self.answer_at_once();
        }
        length
    }

    /// Takes a packet from the line; whether it is new.
    pub fn accept(&mut self, now: Micros, sequence: u16, payload: &[u8]) -> bool {
        let offset = usize::from(ahead(self.taken, sequence));
        let place_of_packet = place::<W>(sequence);
        if offset >= W || self.packets[place_of_packet].is_some() {
            self.answer_at_once();
            return false;
        }
        let Ok(payload) = Payload::from_slice(payload) else {
            return false;
        };
        self.packets[place_of_packet] = Some(payload);
        let in_order = sequence == self.expected;
        while usize::from(ahead(self.taken, self.expected)) < W
            && self.packets[place::<W>(self.expected)].is_some()
        {
            self.expected = self.expected.wrapping_add(1);
        }
        self.unanswered += if in_order { 1 } else { MOST_UNANSWERED };
        self.answer_by = self.answer_by.or(Some(now + ACKNOWLEDGE_DELAY));
        true
    }

    /// What has arrived and how much room is left, for a frame.
    pub fn describe(&self, header: &mut Header) {
        let room = W - usize::from(ahead(self.taken, self.expected));
        header.expected = self.expected;
        header.window = room as u8;
        for bit in 0..16.min(room.saturating_sub(1)) {
            let sequence = self.expected.wrapping_add(1 + bit as u16);
            header.arrived |= u16::from(self.packets[place::<W>(sequence)].is_some()) << bit;
        }
    }

    /// The other side must hear at once what is here.
    pub fn answer_at_once(&mut self) {
        self.unanswered = self.unanswered.max(MOST_UNANSWERED);
    }

    /// The other side was told.
    pub const fn answered(&mut self) {
        (self.unanswered, self.answer_by) = (0, None);
    }

    /// Whether the other side must be told now.
    pub fn must_answer(&self, now: Micros) -> bool {
        self.unanswered >= MOST_UNANSWERED || self.answer_by.is_some_and(|by| by <= now)
    }

    /// When the other side must be told.
    pub const fn deadline(&self) -> Option<Micros> {
        self.answer_by
    }
}
