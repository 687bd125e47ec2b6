//! Two transports over a bad line with a clock of its own.

use proptest::prelude::*;
use std::collections::VecDeque;
use std::vec;
use std::vec::Vec;

use super::fault::{FaultInjector, Faults, Rates};
use super::transport::{Event, Micros, Transport};
use super::{MAX_PAYLOAD, MAX_WIRE};

/// Packets kept by each side.
const W: usize = 8;

/// One direction: bytes arrive at 1 byte a microsecond, `delay` later.
struct Line {
    injector: FaultInjector,
    delay: Micros,
    free: Micros,
    bytes: VecDeque<(Micros, Vec<u8>)>,
}

impl Line {
    fn new(rates: Rates, seed: u64, delay: Micros) -> Self {
        Self {
            injector: FaultInjector::new(rates, seed),
            delay,
            free: 0,
            bytes: VecDeque::new(),
        }
    }

    fn write(&mut self, now: Micros, bytes: &[u8]) {
        let mut out = Vec::new();
        self.injector
            .pass(bytes, &mut |bytes| out.extend_from_slice(bytes));
        self.free = self.free.max(now) + bytes.len() as Micros;
        self.bytes.push_back((self.free + self.delay, out));
    }

    fn read(&mut self, now: Micros) -> Option<Vec<u8>> {
        self.bytes.front().filter(|(at, _)| *at <= now)?;
        self.bytes.pop_front().map(|(_, bytes)| bytes)
    }
}

/// Both ends, and what lies between.
struct World {
    now: Micros,
    host: Transport<W>,
    device: Transport<W>,
    down: Line,
    up: Line,
}

impl World {
    fn new(rates: Rates, seed: u64, delay: Micros) -> Self {
        Self {
            now: 0,
            host: Transport::host(),
            device: Transport::device(77),
            down: Line::new(rates, seed, delay),
            up: Line::new(rates, seed ^ 1, delay),
        }
    }

    /// Lets everything happen that happens now, then goes to the next point in time at which something does.
    fn step(&mut self) {
        let mut wire = [0; MAX_WIRE];
        while let Some(bytes) = self.down.read(self.now) {
            self.device.input(self.now, &bytes);
        }
        while let Some(bytes) = self.up.read(self.now) {
            self.host.input(self.now, &bytes);
        }
        while let Some(length) = self.host.transmit(self.now, &mut wire) {
            self.down.write(self.now, &wire[..length]);
        }
        while let Some(length) = self.device.transmit(self.now, &mut wire) {
            self.up.write(self.now, &wire[..length]);
        }
        let lines = [&self.down, &self.up]
            .into_iter()
            .filter_map(|line| line.bytes.front().map(|(at, _)| *at));
        let next = lines
            .chain(self.host.deadline())
            .chain(self.device.deadline())
            .min();
        self.now = next.unwrap_or(self.now + 1_000_000).max(self.now + 1);
    }

    fn open(&mut self, half: u32) {
        self.host.open(self.now, half);
        while !self.host.is_open() {
            self.step();
            assert!(self.now < 600_000_000, "no session in ten minutes");
        }
        assert_eq!(self.host.event(), Some(Event::Opened));
    }

    fn faults(&self) -> Faults {
        let mut faults = self.down.injector.faults();
        faults += self.up.injector.faults();
        faults
    }
}

fn packet(number: usize) -> Vec<u8> {
    let length = [0, 1, 7, 300, MAX_PAYLOAD - 1, MAX_PAYLOAD][number % 6];
    (0..length)
        .map(|i| (number * 31 + i * number) as u8)
        .collect()
}

/// Sends `count` packets down and the same up, the device taking a packet only every `lazy` microseconds.
fn exchange(world: &mut World, count: usize, lazy: Micros) {
    let (mut sent, mut received, mut echoed) = (0, 0, 0);
    let mut next_take = world.now;
    let deadline = world.now + 3_600_000_000;
    while echoed < count || !world.host.is_delivered() || !world.device.is_delivered() {
        assert!(
            world.now < deadline,
            "{sent} sent, {received} received, {echoed} came back"
        );
        while sent < count && world.host.has_room() {
            world.host.send(&packet(sent));
            sent += 1;
        }
        while world.device.has_room() && world.now >= next_take && world.device.peek().is_some() {
            let taken = world.device.peek().unwrap().to_vec();
            assert_eq!(taken, packet(received), "packet {received} on its way down");
            world.device.take();
            world.device.send(&taken);
            received += 1;
            next_take = world.now + lazy;
        }
        while let Some(taken) = world.host.peek() {
            assert_eq!(taken, packet(echoed), "packet {echoed} on its way up");
            world.host.take();
            echoed += 1;
        }
        world.step();
    }
    assert_eq!((sent, received, echoed), (count, count, count));
}

#[test]
fn a_good_line_carries_packets_with_little_beside_them() {
    let mut world = World::new(Rates::default(), 1, 0);
    world.open(5);
    assert_eq!(world.device.event(), Some(Event::Opened));
    // As many packets as sixteen polynomials of 4096 words have, one way.
    let (mut sent, mut received) = (0, 0);
    while received < 256 {
        while sent < 256 && world.host.has_room() {
            world.host.send(&[0x5a; 1156]);
            sent += 1;
        }
        while world.device.peek().is_some() {
            world.device.take();
            received += 1;
        }
        world.step();
    }
    let (host, device) = (world.host.traffic(), world.device.traffic());
    assert_eq!(
        (host.repeated, device.duplicates, device.damaged),
        (0, 0, 0)
    );
    // Words alone, against every byte of both directions.
    let efficiency = 256.0 * 1152.0 / (host.wire_out + device.wire_out) as f64;
    assert!(efficiency >= 0.97, "{efficiency}");
}

#[test]
fn a_reader_that_takes_its_time_loses_nothing_and_repeats_little() {
    let mut world = World::new(Rates::default(), 2, 100);
    world.open(6);
    exchange(&mut world, 100, 300_000);
    assert!(
        world.host.traffic().repeated < 5,
        "{:?}",
        world.host.traffic()
    );
}

#[test]
fn a_line_slower_than_the_first_guess_is_not_flooded_with_repetitions() {
    // A window takes nine milliseconds to send and two seconds to be acknowledged.
    let mut world = World::new(Rates::default(), 9, 1_000_000);
    world.open(13);
    exchange(&mut world, 400, 0);
    let repeated = world.host.traffic().repeated;
    assert!(
        repeated <= 3 * W as u64,
        "{repeated} of 400 packets were sent again"
    );
}

#[test]
fn a_device_that_was_reset_says_so_and_old_frames_do_not_wake_the_session() {
    let mut world = World::new(Rates::default(), 3, 1000);
    world.open(7);
    exchange(&mut world, 20, 0);
    // The device starts again; an old greeting of the host is still on the line.
    world.device = Transport::device(78);
    let mut wire = [0; MAX_WIRE];
    let mut other = Transport::<W>::host();
    other.open(world.now, 7);
    let length = other.transmit(world.now, &mut wire).unwrap();
    world.down.write(world.now, &wire[..length]);
    world.host.send(b"for the session before");
    while world.host.is_open() {
        world.step();
        assert_eq!(world.device.peek(), None);
    }
    assert_eq!(world.host.event(), Some(Event::Lost));
    world.open(8);
    exchange(&mut world, 20, 0);
}

#[test]
fn a_host_that_only_waits_notices_a_reset() {
    let mut world = World::new(Rates::default(), 4, 1000);
    world.open(9);
    world.host.watch(true);
    world.device = Transport::device(100);
    let start = world.now;
    while world.host.is_open() {
        world.step();
    }
    assert_eq!(world.host.event(), Some(Event::Lost));
    assert!(world.now - start < 2_000_000);
}

#[test]
fn a_new_host_gets_a_session_and_the_old_one_loses_its_own() {
    let mut world = World::new(Rates::default(), 5, 100);
    world.open(10);
    world.host.send(b"left behind");
    world.step();
    let mut old = core::mem::replace(&mut world.host, Transport::host());
    world.device.event();
    world.open(11);
    assert_eq!(world.device.event(), Some(Event::Opened));
    assert_eq!(
        world.device.peek(),
        None,
        "nothing of the old session is left"
    );
    // The old host speaks again.
    let mut wire = [0; MAX_WIRE];
    old.send(b"more");
    let length = old.transmit(world.now, &mut wire).unwrap();
    world.device.input(world.now, &wire[..length]);
    let length = world.device.transmit(world.now, &mut wire).unwrap();
    old.input(world.now, &wire[..length]);
    assert_eq!(old.event(), Some(Event::Lost));
    exchange(&mut world, 10, 0);
}

#[test]
fn a_busy_device_says_so() {
    let mut world = World::new(Rates::default(), 6, 0);
    world.device = Transport::refusing();
    world.host.open(0, 1);
    let event = loop {
        world.step();
        if let Some(event) = world.host.event() {
            break event;
        }
    };
    assert_eq!(event, Event::Busy);
}

#[test]
fn a_silent_device_is_noticed_by_its_silence() {
    let mut world = World::new(
        Rates {
            drop: 10_000,
            ..Rates::default()
        },
        7,
        0,
    );
    world.host.open(0, 1);
    while world.now < 5_000_000 {
        world.step();
    }
    assert!(world.host.silence(world.now) >= 4_900_000);
    assert!(!world.host.is_open());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_bad_line_delivers_every_packet_once_and_in_order(
        seed: u64, per_ten_thousand in 500u16..3000, delay in 0u64..50_000, lazy in prop_oneof![Just(0), 0u64..200_000]
    ) {
        let mut world = World::new(Rates::even(per_ten_thousand), seed, delay);
        world.host.watch(true);
        for session in 0..3 {
            world.open(seed as u32 ^ session);
            world.host.watch(true);
            exchange(&mut world, 60, lazy);
            if session == 1 {
                world.device = Transport::device(world.now as u32);
            }
        }
        prop_assert!(world.faults().all() > 0);
        prop_assert!(world.host.traffic().repeated > 0 || world.device.traffic().repeated > 0);
    }

    #[test]
    fn noise_opens_nothing_and_breaks_nothing(noise in proptest::collection::vec(any::<u8>(), 0..4000)) {
        let mut world = World::new(Rates::default(), 8, 10);
        world.open(12);
        world.device.input(world.now, &noise);
        world.host.input(world.now, &noise);
        exchange(&mut world, 12, 0);
    }

    #[test]
    fn messages_that_are_not_are_refused_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        if let Ok(request) = super::Request::parse(&bytes) {
            // Whatever is read says in one way only what it says, if numbers are written as short as they can be.
            let _ = super::message::encode(&request);
        }
        let _ = super::Reply::parse(&bytes);
    }
}

#[test]
fn every_fault_is_made() {
    let mut injector = FaultInjector::new(Rates::even(5_000), 1);
    let mut frames = vec![];
    for _ in 0..1000 {
        injector.pass(&[1, 2, 3, 0], &mut |bytes| frames.extend_from_slice(bytes));
    }
    let faults = injector.faults();
    let kinds = [
        faults.flipped,
        faults.dropped,
        faults.duplicated,
        faults.truncated,
        faults.delayed,
    ];
    assert!(kinds.iter().all(|&kind| kind > 20), "{faults}");
    assert_eq!(faults.frames, 1000);
}
