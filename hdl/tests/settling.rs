//! How modules that derive `SettledBlock` are simulated.

use addax_hdl::leaf::Register;
use addax_hdl::word::Word;
use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

/// y = x + 1, and how often that was computed.
#[derive(Clone, Debug, Default, SettledBlock)]
struct Successor {
    x: Signal<In, Word<8>>,
    y: Signal<Out, Word<8>>,
    _updates: usize,
}

impl Logic for Successor {
    fn update(&mut self) {
        self._updates += 1;
        self.y.next = self.x.val() + Word::new(1);
    }
}

/// A pipeline whose values walk against the order of its fields, with a chain of modules between two registers, as
/// a module of its own or of rust-hdl's order.
macro_rules! pipeline {
    ($name:ident, $derive:ident) => {
        #[derive(Clone, Debug, Default, $derive)]
        struct $name {
            clock: Signal<In, Clock>,
            x: Signal<In, Word<8>>,
            y: Signal<Out, Word<8>>,
            last: Register<Word<8>>,
            chain: Vec<Successor>,
            first: Register<Word<8>>,
        }

        impl Logic for $name {
            fn update(&mut self) {
                self.last.clock.next = self.clock.val();
                self.first.clock.next = self.clock.val();
                self.first.d.next = self.x.val();
                let mut word = self.first.q.val();
                for successor in &mut self.chain {
                    successor.x.next = word;
                    word = successor.y.val();
                }
                self.last.d.next = word;
                self.y.next = self.last.q.val();
            }

            fn connect(&mut self) {
                self.y.connect();
            }
        }
    };
}

pipeline!(Pipeline, SettledBlock);
pipeline!(OrderOfRustHdl, LogicBlock);

/// Two pipelines, one behind the other; the second is visited first.
#[derive(Clone, Debug, Default, SettledBlock)]
struct Both {
    clock: Signal<In, Clock>,
    x: Signal<In, Word<8>>,
    y: Signal<Out, Word<8>>,
    second: OrderOfRustHdl,
    first: Pipeline,
}

impl Both {
    fn new(length: usize) -> Self {
        let mut both = Self::default();
        both.first.chain = vec![Successor::default(); length];
        both.second.chain = vec![Successor::default(); length];
        both.connect_all();
        both
    }

    fn tick(&mut self) {
        assert!(simulate(self, 100));
        self.clock.next = !self.clock.val();
        assert!(simulate(self, 100));
    }

    fn updates(&self) -> usize {
        let chains = self.first.chain.iter().chain(&self.second.chain);
        chains.map(|successor| successor._updates).sum()
    }
}

impl Logic for Both {
    fn update(&mut self) {
        self.first.clock.next = self.clock.val();
        self.second.clock.next = self.clock.val();
        self.first.x.next = self.x.val();
        self.second.x.next = self.first.y.val();
        self.y.next = self.second.y.val();
    }
}

#[test]
fn every_register_takes_what_stood_before_the_edge() {
    let mut both = Both::new(3);
    let mut seen = Vec::new();
    for x in 10..20 {
        both.x.next = Word::new(x);
        both.tick();
        seen.push(both.y.val().value());
    }
    // Four registers; 3 is added in front of the second and of the fourth, also to the zeros of the beginning.
    assert_eq!(seen, [3, 3, 6, 16, 17, 18, 19, 20, 21, 22]);
}

#[test]
fn the_first_edge_finds_a_settled_circuit() {
    let mut pipeline = Pipeline {
        chain: vec![Successor::default(); 5],
        ..Pipeline::default()
    };
    pipeline.connect_all();
    pipeline.clock.next = !pipeline.clock.val();
    pipeline.update_all();
    assert_eq!(pipeline.y.val(), Word::new(5));
}

#[test]
fn what_rests_is_not_visited() {
    let mut both = Both::new(3);
    both.tick();
    for _ in 0..4 {
        both.tick();
    }
    let before = both.updates();
    let own = both.first.chain[0]._updates;
    both.update_all();
    assert!(!both.has_changed());
    assert_eq!(both.updates(), before);
    // An edge on which no word changes reaches registers only.
    both.tick();
    assert_eq!(both.first.chain[0]._updates, own);
    both.x.next = Word::new(1);
    both.tick();
    assert_eq!(both.first.chain[0]._updates, own + 1);
}

/// y = y + 1, without a register.
#[derive(Clone, Debug, Default, SettledBlock)]
struct Ring {
    clock: Signal<In, Clock>,
    successor: Successor,
}

impl Logic for Ring {
    fn update(&mut self) {
        self.successor.x.next = self.successor.y.val();
    }
}

#[test]
#[should_panic(expected = "Ring has a combinational loop")]
fn a_loop_is_named() {
    Ring::default().connect_all();
}
