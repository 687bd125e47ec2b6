//! Packets that have been handed over and have not arrived.

use zeroize::Zeroize;

use super::patience::Patience;
use super::{Micros, ahead};
use crate::link::frame::{Header, Payload};

/// Packets sent later whose arrival shows that one is lost.
const OVERTAKEN: u64 = 2;

/// A packet under way.
struct Outgoing {
    payload: Payload,
    /// When it was sent last, and the how-manieth transmission of all that was.
    sent: Option<(Micros, u64)>,
    repeated: bool,
    arrived: bool,
    lost: bool,
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        // Packets carry shares and masks.
        self.payload.as_mut_slice().zeroize();
    }
}

/// A packet that is due.
pub struct Due<'p> {
    /// Its number.
    pub sequence: u16,
    /// Whether it was sent before.
    pub repeated: bool,
    /// What it carries.
    pub payload: &'p [u8],
}

/// The packets under way to the other side.
pub struct Outbox<const W: usize> {
    packets: [Option<Outgoing>; W],
    /// First packet that has not arrived, and the next to be handed over.
    base: u16,
    next: u16,
    /// First packet that there is no room for on the other side.
    limit: u16,
    transmissions: u64,
    patience: Patience,
}

const fn place<const W: usize>(sequence: u16) -> usize {
    sequence as usize % W
}

impl<const W: usize> Outbox<W> {
    /// Nothing under way.
    pub const fn new() -> Self {
        Self {
            packets: [const { None }; W],
            base: 0,
            next: 0,
            limit: W as u16,
            transmissions: 0,
            patience: Patience::new(),
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.packets.fill_with(|| None);
        (self.base, self.next, self.limit) = (0, 0, W as u16);
        self.patience = Patience::new();
    }

    /// Whether a packet can be handed over.
    pub const fn has_room(&self) -> bool {
        ahead(self.base, self.next) < W as u16
    }

    /// Whether everything has arrived.
    pub const fn is_empty(&self) -> bool {
        self.base == self.next
    }

    /// Whether there is something to send and no room for it on the other side.
    pub const fn is_blocked(&self) -> bool {
        self.base != self.next && self.limit == self.base
    }

    /// Hands over a packet.
    ///
    /// # Panics
    /// If it is too long.
    pub fn push(&mut self, packet: &[u8]) {
        let payload = Payload::from_slice(packet).expect("packet length");
        let outgoing = Outgoing {
            payload,
            sent: None,
            repeated: false,
            arrived: false,
            lost: false,
        };
        self.packets[place::<W>(self.next)] = Some(outgoing);
        self.next = self.next.wrapping_add(1);
    }

    /// Notes what has arrived on the other side.
    pub fn acknowledged(&mut self, now: Micros, header: &Header) {
        let outstanding = ahead(self.base, self.next);
        let advance = ahead(self.base, header.expected);
        if advance > outstanding {
            // Old, from before packets that have been acknowledged since.
            return;
        }
        let mut newest = None;
        let bits = (0..16)
            .filter(|bit| header.arrived >> bit & 1 == 1)
            .map(|bit| advance + 1 + bit);
        for offset in (0..advance)
            .chain(bits)
            .filter(|&offset| offset < outstanding)
        {
            let Some(packet) = &mut self.packets[place::<W>(self.base.wrapping_add(offset))] else {
                continue;
            };
            let Some((sent, order)) = packet.sent else {
                continue;
            };
            // Which of its transmissions has arrived is not known of a packet that was repeated, so it neither counts as a
            // measurement nor takes back what was learnt from those that did not arrive in time.
            if !packet.arrived && !packet.repeated {
                self.patience.measure(now.saturating_sub(sent));
            }
            packet.arrived = true;
            newest = newest.max(Some(order));
        }
        for offset in 0..advance {
            self.packets[place::<W>(self.base.wrapping_add(offset))] = None;
        }
        self.base = header.expected;
        let limit = header.expected.wrapping_add(u16::from(header.window));
        // Room that was given is not taken back: a frame that says so was overtaken.
        if ahead(self.limit, limit) <= u16::from(u8::MAX) + W as u16 {
            self.limit = limit;
        }
        if let Some(newest) = newest {
            for packet in self.packets.iter_mut().flatten() {
                let overtaken = packet
                    .sent
                    .is_some_and(|(_, order)| order + OVERTAKEN <= newest);
                packet.lost |= overtaken && !packet.arrived;
            }
        }
    }

    /// The packet to send now, if one is due; it counts as sent.
    pub fn next(&mut self, now: Micros) -> Option<Due<'_>> {
        self.give_up_waiting(now);
        let sequence = self.due()?;
        let packet = self.packets[place::<W>(sequence)].as_mut()?;
        packet.repeated |= packet.sent.is_some();
        packet.sent = Some((now, self.transmissions));
        packet.lost = false;
        self.transmissions += 1;
        Some(Due {
            sequence,
            repeated: packet.repeated,
            payload: &packet.payload,
        })
    }

    /// The oldest packet has had its time: it counts as lost.
    fn give_up_waiting(&mut self, now: Micros) {
        let patience = self.patience.time();
        if let Some(oldest) = &mut self.packets[place::<W>(self.base)]
            && !oldest.lost
            && oldest.sent.is_some_and(|(sent, _)| sent + patience <= now)
        {
            oldest.lost = true;
            self.patience.disappoint();
        }
    }

    /// A packet that is lost, else the first that was never sent and that there is room for.
    fn due(&self) -> Option<u16> {
        let room = ahead(self.base, self.limit);
        let mut fresh = None;
        for offset in 0..ahead(self.base, self.next) {
            let sequence = self.base.wrapping_add(offset);
            match &self.packets[place::<W>(sequence)] {
                Some(packet) if packet.lost => return Some(sequence),
                Some(packet) if packet.sent.is_none() && offset < room => {
                    fresh = fresh.or(Some(sequence));
                }
                _ => {}
            }
        }
        fresh
    }

    /// When the oldest packet has had its time.
    pub fn deadline(&self) -> Option<Micros> {
        let oldest = self.packets[place::<W>(self.base)].as_ref();
        let (sent, _) = oldest.and_then(|packet| packet.sent)?;
        Some(sent + self.patience.time())
    }
}
