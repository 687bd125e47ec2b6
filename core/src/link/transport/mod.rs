//! Packets that arrive once, in order, whole: selective repeat over frames that a line may damage, lose, repeat,
//! cut or swap.
//!
//! **Sessions.** A host opens a session with a number of its own, the device answers with one of its own, never used
//! before; both together name the session, and every frame carries the name. A device that was reset does not know it
//! and says so ([`Kind::Unknown`]), whatever old frames still wander about. A new session ends the one before.
//!
//! **Packets** are numbered from 0 modulo 2^16. A receiver keeps up to `W` packets that its user has not taken, and says
//! in every frame which it has and for how many more there is room. A sender keeps what has not arrived, and sends a
//! packet again when two packets that it sent later have arrived, or when the oldest has had time enough: the measured
//! round trip and four deviations (Jacobson and Karels, 1988; round trips of repeated packets are not measured, Karn and
//! Partridge, 1987), doubled with every vain try until a packet arrives at its first.
//!
//! **Acknowledgements** ride on packets; alone they travel after every second packet, after 40 ms, and at once when
//! something is missing or came twice.
//!
//! Nothing here reads a line or a clock: bytes and the time come from outside ([`Transport::input`],
//! [`Transport::transmit`]), in microseconds of any clock that does not go back.

mod inbox;
mod outbox;
mod patience;

use super::frame::{Collector, Frame, Header, Hello, Kind, Payload};
use inbox::Inbox;
use outbox::Outbox;

/// Version of the protocol that this code speaks.
pub const VERSION: u16 = 1;

/// A point in time, in microseconds.
pub type Micros = u64;

/// How long an acknowledgement may wait for company.
const ACKNOWLEDGE_DELAY: Micros = 40_000;
/// How often a host that waits asks whether the device is there.
const PROBE_INTERVAL: Micros = 500_000;
/// How often a host says that it wants a session.
const OPEN_INTERVAL: Micros = 250_000;

/// What happened to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It has begun; on a device: with a new host, and nothing of the session before remains.
    Opened,
    /// The device does not know it any more.
    Lost,
    /// The device serves another host.
    Busy,
    /// The device speaks another version of the protocol.
    Version(u16),
}

/// What has travelled since the transport was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes written to the line.
    pub wire_out: u64,
    /// Bytes read from the line.
    pub wire_in: u64,
    /// Bytes of packets handed over for sending.
    pub payload_out: u64,
    /// Bytes of packets taken by the user.
    pub payload_in: u64,
    /// Frames written.
    pub frames_out: u64,
    /// Frames read, damaged ones included.
    pub frames_in: u64,
    /// Frames read that were damaged.
    pub damaged: u64,
    /// Packets sent again.
    pub repeated: u64,
    /// Packets that came again.
    pub duplicates: u64,
    /// Sessions begun.
    pub sessions: u64,
}

/// Distance from `from` forward to `to`, modulo 2^16.
const fn ahead(from: u16, to: u16) -> u16 {
    to.wrapping_sub(from)
}

/// Which end of the line this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Host,
    Device,
}

/// A session, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    /// A host waits for an answer; when it asks again.
    Opening {
        again: Micros,
    },
    Open {
        session: u32,
    },
}

/// One end of a link. `W` packets are kept in each direction: a power of two, so that places and numbers wrap together.
pub struct Transport<const W: usize> {
    side: Side,
    state: State,
    /// The host's half of the session's name.
    half: u32,
    /// The device's half.
    nonce: u32,
    /// Whether every host is refused.
    busy: bool,
    collector: Collector,
    event: Option<Event>,

    outbox: Outbox<W>,
    inbox: Inbox<W>,
    /// A frame that answers one of the other side: its kind and its session field.
    reply: Option<(Kind, u32)>,

    heard: Micros,
    probed: Micros,
    watching: bool,
    traffic: Traffic,
}

impl<const W: usize> Transport<W> {
    /// The host's end; no session yet.
    pub const fn host() -> Self {
        Self::new(Side::Host, 0)
    }

    /// The device's end. `nonce` is a number that the device did not begin with before, at best: from a generator, or a
    /// counter of its starts. Each session takes the next.
    pub const fn device(nonce: u32) -> Self {
        Self::new(Side::Device, nonce)
    }

    /// Makes a device's end that has no session yet one that was made with this number: for a transport in static memory,
    /// which is there before a generator is.
    pub const fn set_nonce(&mut self, nonce: u32) {
        self.nonce = nonce;
    }

    /// A device's end that tells every host that the device is busy.
    pub const fn refusing() -> Self {
        let mut transport = Self::new(Side::Device, 0);
        transport.busy = true;
        transport
    }

    const fn new(side: Side, nonce: u32) -> Self {
        assert!(
            W >= 4 && W <= 128 && W.is_power_of_two(),
            "a window of 4 to 128 packets"
        );
        Self {
            side,
            state: State::Closed,
            half: 0,
            nonce,
            busy: false,
            collector: Collector::new(),
            event: None,
            outbox: Outbox::new(),
            inbox: Inbox::new(),
            reply: None,
            heard: 0,
            probed: 0,
            watching: false,
            traffic: Traffic {
                wire_out: 0,
                wire_in: 0,
                payload_out: 0,
                payload_in: 0,
                frames_out: 0,
                frames_in: 0,
                damaged: 0,
                repeated: 0,
                duplicates: 0,
                sessions: 0,
            },
        }
    }

    /// Begins a session as a host; `half` must be drawn anew for each. [`Event::Opened`] says when it stands.
    pub fn open(&mut self, now: Micros, half: u32) {
        self.forget();
        self.half = half;
        self.heard = now;
        self.state = State::Opening { again: now };
    }

    /// Ends the session without a word.
    pub fn close(&mut self) {
        self.forget();
        self.state = State::Closed;
    }

    /// Whether there is a session.
    pub const fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// What has happened to the session since the last call.
    pub const fn event(&mut self) -> Option<Event> {
        self.event.take()
    }

    /// From now on, or no longer, something is expected from the other side: it is asked for a sign of life when none
    /// comes.
    pub const fn watch(&mut self, watching: bool) {
        self.watching = watching;
    }

    /// How long nothing has come in this session.
    pub const fn silence(&self, now: Micros) -> Micros {
        now.saturating_sub(self.heard)
    }

    /// What has travelled.
    pub const fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Whether a packet can be handed over.
    pub const fn has_room(&self) -> bool {
        self.is_open() && self.outbox.has_room()
    }

    /// Whether everything handed over has arrived.
    pub const fn is_delivered(&self) -> bool {
        self.outbox.is_empty()
    }

    /// Hands over a packet.
    ///
    /// # Panics
    /// Without [room](Self::has_room), or if it is longer than [`MAX_PAYLOAD`](super::MAX_PAYLOAD).
    pub fn send(&mut self, packet: &[u8]) {
        assert!(self.has_room(), "no room for a packet");
        self.traffic.payload_out += packet.len() as u64;
        self.outbox.push(packet);
    }

    /// The next packet, if it has arrived.
    pub fn peek(&self) -> Option<&[u8]> {
        self.inbox.peek()
    }

    /// Takes the next packet into `packet`, if it has arrived.
    pub fn receive(&mut self, packet: &mut Payload) -> bool {
        let Some(bytes) = self.inbox.peek() else {
            return false;
        };
        packet.clear();
        // A packet fits a payload.
        let _ = packet.extend_from_slice(bytes);
        self.take();
        true
    }

    /// Makes room behind a packet that was [looked at](Self::peek).
    pub fn take(&mut self) {
        self.traffic.payload_in += self.inbox.take() as u64;
    }

    /// Forgets everything of the session.
    fn forget(&mut self) {
        self.outbox.clear();
        self.inbox.clear();
        self.reply = None;
        self.event = None;
    }

    /// Takes bytes from the line.
    pub fn input(&mut self, now: Micros, mut bytes: &[u8]) {
        self.traffic.wire_in += bytes.len() as u64;
        while !bytes.is_empty() {
            let (taken, complete) = self.collector.take(bytes);
            bytes = &bytes[taken..];
            if complete {
                let mut collector = core::mem::take(&mut self.collector);
                self.traffic.frames_in += 1;
                match collector.frame() {
                    Ok(frame) => self.accept(now, &frame),
                    Err(_) => self.damaged(),
                }
                collector.clear();
                self.collector = collector;
            }
        }
    }

    /// A frame could not be read: whatever it was, say at once what is here.
    fn damaged(&mut self) {
        self.traffic.damaged += 1;
        self.inbox.answer_at_once();
    }

    fn accept(&mut self, now: Micros, frame: &Frame<'_>) {
        let header = frame.header();
        match (header.kind, self.side, self.state) {
            (Kind::Open, Side::Device, _) => self.accept_open(now, header.session, frame.payload()),
            (Kind::Opened, Side::Host, State::Opening { .. }) if header.session == self.half => {
                if let Some(hello) = Hello::parse(frame.payload()) {
                    self.begin(now, hello.nonce);
                }
            }
            (Kind::Refused, Side::Host, State::Opening { .. }) if header.session == self.half => {
                if let Some(hello) = Hello::parse(frame.payload()) {
                    self.state = State::Closed;
                    self.event = Some(match hello.version {
                        VERSION => Event::Busy,
                        version => Event::Version(version),
                    });
                }
            }
            (Kind::Unknown, Side::Host, State::Open { session }) if header.session == session => {
                self.close();
                self.event = Some(Event::Lost);
            }
            (Kind::Data | Kind::Acknowledge | Kind::Probe, _, State::Open { session })
                if header.session == session =>
            {
                self.heard = now;
                self.outbox.acknowledged(now, &header);
                match header.kind {
                    Kind::Data if self.inbox.accept(now, header.sequence, frame.payload()) => {}
                    Kind::Data => self.traffic.duplicates += 1,
                    Kind::Probe => self.inbox.answer_at_once(),
                    _ => {}
                }
            }
            (Kind::Data | Kind::Acknowledge | Kind::Probe, Side::Device, _) => {
                self.reply = Some((Kind::Unknown, header.session));
            }
            _ => {}
        }
    }

    fn accept_open(&mut self, now: Micros, half: u32, payload: &[u8]) {
        let Some(hello) = Hello::parse(payload) else {
            return;
        };
        if self.busy || hello.version != VERSION {
            self.reply = Some((Kind::Refused, half));
            return;
        }
        // The answer was lost if a host asks twice.
        if !(self.is_open() && self.half == half) {
            self.half = half;
            self.nonce = self.nonce.wrapping_add(1);
            self.begin(now, self.nonce);
        }
        self.reply = Some((Kind::Opened, half));
    }

    fn begin(&mut self, now: Micros, nonce: u32) {
        self.forget();
        // Another nonce makes another name, because the factor is odd.
        let session = self.half ^ nonce.wrapping_mul(0x9e37_79b1);
        self.state = State::Open { session };
        self.heard = now;
        self.traffic.sessions += 1;
        self.event = Some(Event::Opened);
    }

    /// The next frame to write to the line, if one is due: its length in `wire`, at least [`MAX_WIRE`](super::MAX_WIRE)
    /// long. Call it until there is none.
    pub fn transmit(&mut self, now: Micros, wire: &mut [u8]) -> Option<usize> {
        let length = self.compose(now, wire)?;
        self.traffic.frames_out += 1;
        self.traffic.wire_out += length as u64;
        Some(length)
    }

    fn compose(&mut self, now: Micros, wire: &mut [u8]) -> Option<usize> {
        if let Some((kind, session)) = self.reply.take() {
            let hello = Hello {
                version: VERSION,
                nonce: self.nonce,
            }
            .to_bytes();
            let greets = matches!(kind, Kind::Opened | Kind::Refused);
            let payload: &[u8] = if greets { &hello } else { &[] };
            return Some(Header::bare(kind, session).emit(payload, wire));
        }
        let session = match self.state {
            State::Closed => return None,
            State::Opening { again } if now < again => return None,
            State::Opening { .. } => {
                self.state = State::Opening {
                    again: now + OPEN_INTERVAL,
                };
                let hello = Hello {
                    version: VERSION,
                    nonce: 0,
                }
                .to_bytes();
                return Some(Header::bare(Kind::Open, self.half).emit(&hello, wire));
            }
            State::Open { session } => session,
        };
        let mut header = Header::bare(Kind::Acknowledge, session);
        self.inbox.describe(&mut header);
        let length = if let Some(packet) = self.outbox.next(now) {
            (header.kind, header.sequence) = (Kind::Data, packet.sequence);
            self.traffic.repeated += u64::from(packet.repeated);
            header.emit(packet.payload, wire)
        } else if self.probe_at().is_some_and(|at| at <= now) {
            header.kind = Kind::Probe;
            self.probed = now;
            header.emit(&[], wire)
        } else if self.inbox.must_answer(now) {
            header.emit(&[], wire)
        } else {
            return None;
        };
        self.inbox.answered();
        Some(length)
    }

    /// When the other side must be asked for a sign of life, or for room.
    fn probe_at(&self) -> Option<Micros> {
        let needed = self.watching || self.outbox.is_blocked();
        needed.then(|| self.heard.max(self.probed) + PROBE_INTERVAL)
    }

    /// When [`Transport::transmit`] has something to do at the latest, if nothing comes before.
    pub fn deadline(&self) -> Option<Micros> {
        match self.state {
            State::Closed => None,
            State::Opening { again } => Some(again),
            State::Open { .. } => {
                let times = [
                    self.outbox.deadline(),
                    self.inbox.deadline(),
                    self.probe_at(),
                ];
                times.into_iter().flatten().min()
            }
        }
    }
}

impl<const W: usize> Drop for Transport<W> {
    fn drop(&mut self) {
        self.forget();
    }
}
