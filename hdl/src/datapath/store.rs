//! Words that leave the machine: a queue between the pipeline, which cannot wait, and a consumer that may.
//!
//! A word is pushed a fixed number of cycles after the event that reads it was issued, when nothing can hold it back
//! any more. So an event reserves its place when it is issued: with o the words reserved and not yet taken, an event
//! may be issued while o < 16, and the queue, which holds at most o of them, never overflows.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

use crate::leaf::{REGISTER_FILE_ADDRESS_BITS, Register, RegisterFile};
use crate::word::{Word, bit_cast};

/// First in, first out, 16 words.
///
/// Every reservation must be followed by exactly one push, in the cycle of the reservation or later; also those of an
/// instruction that is aborted.
#[derive(Clone, Debug, SettledBlock)]
pub struct StoreQueue {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// A word is put in.
    pub push: Signal<In, Bit>,
    /// The word.
    pub push_data: Signal<In, Word<36>>,
    /// An event whose word will be pushed is issued in this cycle; only with `credit`.
    pub reserve: Signal<In, Bit>,
    /// An event may be issued in this cycle.
    pub credit: Signal<Out, Bit>,
    /// A word is shown.
    pub output_valid: Signal<Out, Bit>,
    /// The oldest word; from the cycle after its push.
    pub output_data: Signal<Out, Word<36>>,
    /// The word shown is taken in this cycle.
    pub output_ready: Signal<In, Bit>,
    /// Nothing was reserved or waited in the cycle before.
    pub drained: Signal<Out, Bit>,

    queue: RegisterFile<Word<36>>,
    /// Where the next word is put, and where the oldest is.
    put: Register<Word<4>>,
    taken: Register<Word<4>>,
    /// Minus the number of words in the queue, modulo 32: the top bit says that there are any.
    missing: Register<Word<5>>,
    outstanding: Register<Word<5>>,
    busy: Register<Bit>,
    one_place: Constant<Word<4>>,
    one: Constant<Word<5>>,
    next_put: Signal<Local, Word<4>>,
    next_taken: Signal<Local, Word<4>>,
    fuller: Signal<Local, Word<5>>,
    emptier: Signal<Local, Word<5>>,
    more: Signal<Local, Word<5>>,
    fewer: Signal<Local, Word<5>>,
    shown: Signal<Local, Bit>,
    leaves: Signal<Local, Bit>,
}

impl StoreQueue {
    /// Words that can be reserved, on their way or waiting.
    pub const DEPTH: usize = 16;

    /// An empty queue; the same for every shape.
    pub fn new() -> Self {
        Self {
            clock: Signal::default(),
            push: Signal::default(),
            push_data: Signal::default(),
            reserve: Signal::default(),
            credit: Signal::default(),
            output_valid: Signal::default(),
            output_data: Signal::default(),
            output_ready: Signal::default(),
            drained: Signal::default(),
            queue: RegisterFile::new(Self::DEPTH),
            put: Register::default(),
            taken: Register::default(),
            missing: Register::default(),
            outstanding: Register::default(),
            busy: Register::default(),
            one_place: Constant::new(Word::new(1)),
            one: Constant::new(Word::new(1)),
            next_put: Signal::default(),
            next_taken: Signal::default(),
            fuller: Signal::default(),
            emptier: Signal::default(),
            more: Signal::default(),
            fewer: Signal::default(),
            shown: Signal::default(),
            leaves: Signal::default(),
        }
    }
}

impl Default for StoreQueue {
    fn default() -> Self {
        Self::new()
    }
}

impl Logic for StoreQueue {
    #[hdl_gen]
    fn update(&mut self) {
        self.queue.clock.next = self.clock.val();
        self.put.clock.next = self.clock.val();
        self.taken.clock.next = self.clock.val();
        self.missing.clock.next = self.clock.val();
        self.outstanding.clock.next = self.clock.val();
        self.busy.clock.next = self.clock.val();

        self.queue.write.next = self.push.val();
        self.queue.write_address.next = bit_cast::<REGISTER_FILE_ADDRESS_BITS, 4>(self.put.q.val());
        self.queue.write_data.next = self.push_data.val();
        self.queue.read_address.next =
            bit_cast::<REGISTER_FILE_ADDRESS_BITS, 4>(self.taken.q.val());

        self.shown.next = self.missing.q.val().get_bit(4);
        self.leaves.next = self.shown.val() & self.output_ready.val();
        self.output_valid.next = self.shown.val();
        self.output_data.next = self.queue.read_data.val();

        self.next_put.next = self.put.q.val() + self.one_place.val();
        self.next_taken.next = self.taken.q.val() + self.one_place.val();
        self.put.d.next = self.put.q.val();
        self.taken.d.next = self.taken.q.val();
        if self.push.val() {
            self.put.d.next = self.next_put.val();
        }
        if self.leaves.val() {
            self.taken.d.next = self.next_taken.val();
        }

        self.fuller.next = self.missing.q.val() - self.one.val();
        self.emptier.next = self.missing.q.val() + self.one.val();
        self.missing.d.next = self.missing.q.val();
        if self.push.val() & !self.leaves.val() {
            self.missing.d.next = self.fuller.val();
        }
        if !self.push.val() & self.leaves.val() {
            self.missing.d.next = self.emptier.val();
        }

        self.more.next = self.outstanding.q.val() + self.one.val();
        self.fewer.next = self.outstanding.q.val() - self.one.val();
        self.outstanding.d.next = self.outstanding.q.val();
        if self.reserve.val() & !self.leaves.val() {
            self.outstanding.d.next = self.more.val();
        }
        if !self.reserve.val() & self.leaves.val() {
            self.outstanding.d.next = self.fewer.val();
        }
        self.credit.next = !self.outstanding.q.val().get_bit(4);
        self.busy.d.next = self.outstanding.q.val().any();
        self.drained.next = !self.busy.q.val();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    /// Events enter a pipeline of `latency` cycles whenever `wants` and the queue agree; the consumer takes when it
    /// likes. Returns the words taken, and asserts what the queue promises on the way.
    fn run(latency: usize, wants: &[bool], takes: &[bool]) -> Vec<u64> {
        let mut queue = StoreQueue::new();
        queue.connect_all();
        let mut pipeline = VecDeque::from(vec![None; latency]);
        let mut issued = 0;
        let mut inside = VecDeque::new();
        let mut taken = Vec::new();
        let mut waited = 0;
        for (&want, &take) in wants.iter().zip(takes) {
            assert!(simulate(&mut queue, 100));
            assert_eq!(
                queue.credit.val(),
                issued as usize - taken.len() < StoreQueue::DEPTH
            );
            let reserve = want && queue.credit.val();
            pipeline.push_back(reserve.then_some(issued));
            issued += u64::from(reserve);
            let pushed = pipeline.pop_front().flatten();
            queue.reserve.next = reserve;
            queue.push.next = pushed.is_some();
            queue.push_data.next = Word::new(pushed.unwrap_or(u64::MAX));
            queue.output_ready.next = take;
            assert!(simulate(&mut queue, 100));
            assert_eq!(queue.drained.val(), waited == 0);
            waited = issued - u64::from(reserve) - taken.len() as u64;
            assert_eq!(queue.output_valid.val(), !inside.is_empty());
            if let Some(&oldest) = inside.front() {
                assert_eq!(queue.output_data.val().value(), oldest);
                if take {
                    taken.push(oldest);
                    inside.pop_front();
                }
            }
            inside.extend(pushed);
            assert!(inside.len() <= StoreQueue::DEPTH);
            queue.clock.next.clk = !queue.clock.val().clk;
            assert!(simulate(&mut queue, 100));
        }
        taken
    }

    #[test]
    fn one_word_a_cycle_when_the_consumer_keeps_up() {
        for latency in 0..StoreQueue::DEPTH - 1 {
            let taken = run(latency, &[true; 200], &[true; 200]);
            assert_eq!(taken, (0..199 - latency as u64).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_consumer_that_never_takes_fills_it_and_loses_nothing() {
        let mut takes = [false; 100];
        takes[60..].fill(true);
        let mut wants = [true; 100];
        wants[60..].fill(false);
        for latency in 0..20 {
            assert_eq!(
                run(latency, &wants, &takes),
                (0..StoreQueue::DEPTH as u64).collect::<Vec<_>>()
            );
        }
    }

    proptest! {
        #[test]
        fn order_is_kept_and_nothing_is_lost(
            latency in 0usize..24,
            wants in proptest::collection::vec(any::<bool>(), 300),
            takes in proptest::collection::vec(any::<bool>(), 300),
        ) {
            let taken = run(latency, &wants, &takes);
            prop_assert_eq!(&taken, &(0..taken.len() as u64).collect::<Vec<_>>());
        }
    }
}
