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

use zeroize::Zeroize;

use super::frame::{Collector, Frame, Header, Hello, Kind, Payload};

/// Version of the protocol that this code speaks.
pub const VERSION: u16 = 1;

/// A point in time, in microseconds.
pub type Micros = u64;

/// How long an acknowledgement may wait for company.
const ACKNOWLEDGE_DELAY: Micros = 40_000;
/// Bounds of the time after which a packet is sent again.
const SHORTEST_PATIENCE: Micros = 100_000;
const FIRST_PATIENCE: Micros = 500_000;
const LONGEST_PATIENCE: Micros = 8_000_000;
/// How often a host that waits asks whether the device is there.
const PROBE_INTERVAL: Micros = 500_000;
/// How often a host says that it wants a session.
const OPEN_INTERVAL: Micros = 250_000;
/// Packets sent later whose arrival shows that one is lost.
const OVERTAKEN: u64 = 2;

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

/// A packet under way.
struct Outgoing {
    payload: Payload,
    /// When it was sent last, and the how-manieth transmission of all that was.
    sent: Option<(Micros, u64)>,
    repeated: bool,
    arrived: bool,
    lost: bool,
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

    outgoing: [Option<Outgoing>; W],
    /// First packet that has not arrived, and the next to be handed over.
    base: u16,
    next: u16,
    /// First packet that there is no room for on the other side.
    limit: u16,
    transmissions: u64,

    incoming: [Option<Payload>; W],
    /// The packet that the user takes next, and the first that has not arrived.
    taken: u16,
    expected: u16,
    /// Packets that came and were not acknowledged, and when they must be.
    unacknowledged: u32,
    acknowledge_by: Option<Micros>,
    /// A frame that answers one of the other side: its kind and its session field.
    reply: Option<(Kind, u32)>,

    patience: Patience,
    heard: Micros,
    probed: Micros,
    watching: bool,
    traffic: Traffic,
}

/// How long a packet may take.
struct Patience {
    /// Eight times the smoothed round trip, four times its deviation; none measured yet.
    measured: Option<(Micros, Micros)>,
    doublings: u32,
}

impl Patience {
    const fn new() -> Self {
        Self {
            measured: None,
            doublings: 0,
        }
    }

    fn measure(&mut self, sample: Micros) {
        self.measured = Some(match self.measured {
            None => (8 * sample, 2 * sample),
            Some((mean8, deviation4)) => {
                let error = sample.abs_diff(mean8 / 8);
                (
                    mean8 - mean8 / 8 + sample,
                    deviation4 - deviation4 / 4 + error,
                )
            }
        });
    }

    fn time(&self) -> Micros {
        let base = match self.measured {
            None => FIRST_PATIENCE,
            Some((mean8, deviation4)) => mean8 / 8 + deviation4 + ACKNOWLEDGE_DELAY,
        };
        (base.max(SHORTEST_PATIENCE) << self.doublings).min(LONGEST_PATIENCE)
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        erase(&mut self.payload);
    }
}

/// Packets carry shares and masks: nothing of them stays behind in memory.
fn erase(payload: &mut Payload) {
    payload.as_mut_slice().zeroize();
}

/// Distance from `from` forward to `to`, modulo 2^16.
const fn ahead(from: u16, to: u16) -> u16 {
    to.wrapping_sub(from)
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
            outgoing: [const { None }; W],
            base: 0,
            next: 0,
            limit: W as u16,
            transmissions: 0,
            incoming: [const { None }; W],
            taken: 0,
            expected: 0,
            unacknowledged: 0,
            acknowledge_by: None,
            reply: None,
            patience: Patience::new(),
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
        self.is_open() && ahead(self.base, self.next) < W as u16
    }

    /// Whether everything handed over has arrived.
    pub const fn is_delivered(&self) -> bool {
        self.base == self.next
    }

    /// Hands over a packet.
    ///
    /// # Panics
    /// Without [room](Self::has_room), or if it is longer than [`MAX_PAYLOAD`](super::MAX_PAYLOAD).
    pub fn send(&mut self, packet: &[u8]) {
        assert!(self.has_room(), "no room for a packet");
        let payload = Payload::from_slice(packet).expect("packet length");
        self.traffic.payload_out += packet.len() as u64;
        let place = self.place(self.next);
        self.outgoing[place] = Some(Outgoing {
            payload,
            sent: None,
            repeated: false,
            arrived: false,
            lost: false,
        });
        self.next = self.next.wrapping_add(1);
    }

    /// The next packet, if it has arrived.
    pub fn peek(&self) -> Option<&[u8]> {
        if self.taken == self.expected {
            return None;
        }
        self.incoming[self.place(self.taken)].as_deref()
    }

    /// Makes room behind a packet that was [looked at](Self::peek).
    pub fn take(&mut self) {
        if self.taken == self.expected {
            return;
        }
        let place = self.place(self.taken);
        let was_full = ahead(self.taken, self.expected) as usize == W;
        if let Some(mut payload) = self.incoming[place].take() {
            self.traffic.payload_in += payload.len() as u64;
            erase(&mut payload);
        }
        self.taken = self.taken.wrapping_add(1);
        if was_full {
            // The other side waits for room, and would not hear of it otherwise.
            self.unacknowledged = self.unacknowledged.max(2);
        }
    }

    const fn place(&self, sequence: u16) -> usize {
        sequence as usize % W
    }

    /// Forgets everything of the session.
    fn forget(&mut self) {
        self.outgoing.fill_with(|| None);
        for payload in &mut self.incoming {
            if let Some(payload) = payload {
                erase(payload);
            }
            *payload = None;
        }
        (self.base, self.next, self.limit) = (0, 0, W as u16);
        (self.taken, self.expected) = (0, 0);
        (self.unacknowledged, self.acknowledge_by) = (0, None);
        self.reply = None;
        self.event = None;
        self.patience = Patience::new();
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
        if self.is_open() {
            self.unacknowledged = self.unacknowledged.max(2);
        }
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
                self.acknowledged(now, &header);
                match header.kind {
                    Kind::Data => self.accept_packet(now, header.sequence, frame.payload()),
                    Kind::Probe => self.unacknowledged = self.unacknowledged.max(2),
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

    /// Notes what has arrived on the other side.
    fn acknowledged(&mut self, now: Micros, header: &Header) {
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
            let place = self.place(self.base.wrapping_add(offset));
            let Some(packet) = &mut self.outgoing[place] else {
                continue;
            };
            let Some((sent, order)) = packet.sent else {
                continue;
            };
            if !packet.arrived {
                packet.arrived = true;
                // Which of its transmissions has arrived is not known of a packet that was repeated, so it neither counts as
                // a measurement nor takes back what was learnt from those that did not arrive in time.
                if !packet.repeated {
                    self.patience.measure(now.saturating_sub(sent));
                    self.patience.doublings = 0;
                }
            }
            newest = newest.max(Some(order));
        }
        for offset in 0..advance {
            let place = self.place(self.base.wrapping_add(offset));
            self.outgoing[place] = None;
        }
        self.base = header.expected;
        let limit = header.expected.wrapping_add(u16::from(header.window));
        // Room that was given is not taken back: a frame that says so was overtaken.
        if ahead(self.limit, limit) <= u16::from(u8::MAX) + W as u16 {
            self.limit = limit;
        }
        if let Some(newest) = newest {
            for packet in self.outgoing.iter_mut().flatten() {
                let overtaken = packet
                    .sent
                    .is_some_and(|(_, order)| order + OVERTAKEN <= newest);
                packet.lost |= overtaken && !packet.arrived;
            }
        }
    }

    fn accept_packet(&mut self, now: Micros, sequence: u16, payload: &[u8]) {
        let offset = usize::from(ahead(self.taken, sequence));
        let place = self.place(sequence);
        let known = offset >= W || self.incoming[place].is_some();
        if known {
            self.traffic.duplicates += 1;
            self.unacknowledged = self.unacknowledged.max(2);
            return;
        }
        let Ok(payload) = Payload::from_slice(payload) else {
            return;
        };
        self.incoming[place] = Some(payload);
        let in_order = sequence == self.expected;
        while usize::from(ahead(self.taken, self.expected)) < W
            && self.incoming[self.place(self.expected)].is_some()
        {
            self.expected = self.expected.wrapping_add(1);
        }
        self.unacknowledged += if in_order { 1 } else { 2 };
        self.acknowledge_by = self.acknowledge_by.or(Some(now + ACKNOWLEDGE_DELAY));
    }

    /// The next frame to write to the line, if one is due: its length in `wire`, at least
    /// [`MAX_WIRE`](super::MAX_WIRE) long. Call it until
    /// there is none.
    pub fn transmit(&mut self, now: Micros, wire: &mut [u8]) -> Option<usize> {
        let length = self.compose(now, wire)?;
        self.traffic.frames_out += 1;
        self.traffic.wire_out += length as u64;
        Some(length)
    }

    fn compose(&mut self, now: Micros, wire: &mut [u8]) -> Option<usize> {
        if let Some((kind, session)) = self.reply.take() {
            let greets = matches!(kind, Kind::Opened | Kind::Refused);
            let hello = Hello {
                version: VERSION,
                nonce: self.nonce,
            }
            .to_bytes();
            let header = Header {
                kind,
                session,
                sequence: 0,
                expected: 0,
                arrived: 0,
                window: 0,
            };
            return Some(header.emit(if greets { &hello } else { &[] }, wire));
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
                let header = Header {
                    kind: Kind::Open,
                    session: self.half,
                    sequence: 0,
                    expected: 0,
                    arrived: 0,
                    window: 0,
                };
                return Some(header.emit(&hello, wire));
            }
            State::Open { session } => session,
        };
        self.give_up_waiting(now);
        let mut header = self.header(session);
        if let Some(sequence) = self.due() {
            let place = self.place(sequence);
            if let Some(packet) = &mut self.outgoing[place] {
                packet.repeated |= packet.sent.is_some();
                self.traffic.repeated += u64::from(packet.sent.is_some());
                packet.sent = Some((now, self.transmissions));
                packet.lost = false;
                self.transmissions += 1;
                (header.kind, header.sequence) = (Kind::Data, sequence);
                let length = header.emit(&packet.payload, wire);
                self.said();
                return Some(length);
            }
        }
        if self.probe_due(now) {
            header.kind = Kind::Probe;
            self.probed = now;
        } else if self.unacknowledged < 2 && self.acknowledge_by.is_none_or(|by| now < by) {
            return None;
        }
        self.said();
        Some(header.emit(&[], wire))
    }

    fn header(&self, session: u32) -> Header {
        let room = W - usize::from(ahead(self.taken, self.expected));
        let mut arrived = 0;
        for bit in 0..16.min(room.saturating_sub(1)) {
            let sequence = self.expected.wrapping_add(1 + bit as u16);
            if self.incoming[self.place(sequence)].is_some() {
                arrived |= 1 << bit;
            }
        }
        Header {
            kind: Kind::Acknowledge,
            session,
            sequence: 0,
            expected: self.expected,
            arrived,
            window: room as u8,
        }
    }

    const fn said(&mut self) {
        (self.unacknowledged, self.acknowledge_by) = (0, None);
    }

    /// The oldest packet has had its time: it counts as lost.
    fn give_up_waiting(&mut self, now: Micros) {
        let place = self.place(self.base);
        let patience = self.patience.time();
        if let Some(oldest) = &mut self.outgoing[place]
            && !oldest.lost
            && oldest.sent.is_some_and(|(sent, _)| sent + patience <= now)
        {
            oldest.lost = true;
            self.patience.doublings = (self.patience.doublings + 1).min(4);
        }
    }

    /// The packet to send now: one that is lost, else the first that was never sent and that there is room for.
    fn due(&self) -> Option<u16> {
        let sequences =
            (0..ahead(self.base, self.next)).map(|offset| self.base.wrapping_add(offset));
        let room = ahead(self.base, self.limit);
        let mut fresh = None;
        for (offset, sequence) in (0..).zip(sequences) {
            match &self.outgoing[self.place(sequence)] {
                Some(packet) if packet.lost => return Some(sequence),
                Some(packet) if packet.sent.is_none() && fresh.is_none() && offset < room => {
                    fresh = Some(sequence)
                }
                _ => {}
            }
        }
        fresh
    }

    /// When the other side must be asked for a sign of life, or for room.
    fn probe_at(&self) -> Option<Micros> {
        let blocked = self.base != self.next && self.limit == self.base;
        (self.watching || blocked).then(|| self.heard.max(self.probed) + PROBE_INTERVAL)
    }

    fn probe_due(&self, now: Micros) -> bool {
        self.probe_at().is_some_and(|at| at <= now)
    }

    /// When [`Transport::transmit`] has something to do at the latest, if nothing comes before.
    pub fn deadline(&self) -> Option<Micros> {
        match self.state {
            State::Closed => None,
            State::Opening { again } => Some(again),
            State::Open { .. } => {
                let oldest = self.outgoing[self.place(self.base)].as_ref();
                let timeout = oldest
                    .and_then(|packet| packet.sent)
                    .map(|(sent, _)| sent + self.patience.time());
                [timeout, self.acknowledge_by, self.probe_at()]
                    .into_iter()
                    .flatten()
                    .min()
            }
        }
    }
}

impl<const W: usize> Drop for Transport<W> {
    fn drop(&mut self) {
        self.forget();
    }
}
