use rust_hdl::core::prelude::*;

use super::*;
use crate::leaf::{Delay, Multiplier18, Register};
use crate::shape::Target;
use crate::word::{Word, bit_cast};

/// Two equal multipliers and a register, with a loop over them.
#[derive(Clone, Debug, LogicBlock)]
struct Pair {
    clock: Signal<In, Clock>,
    a: Signal<In, Word<18>>,
    product: Signal<Out, Word<36>>,
    multipliers: Vec<Multiplier18>,
    last: Register<Word<36>>,
    _count: usize,
}

impl Pair {
    fn new() -> Self {
        Self {
            clock: Signal::default(),
            a: Signal::default(),
            product: Signal::default(),
            multipliers: vec![Multiplier18::new(Target::Behavioural); 2],
            last: Register::default(),
            _count: 2,
        }
    }
}

impl Logic for Pair {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..self._count {
            self.multipliers[i].clock.next = self.clock.val();
            self.multipliers[i].a.next = self.a.val();
            self.multipliers[i].b.next = self.a.val();
        }
        self.last.clock.next = self.clock.val();
        self.last.d.next = self.multipliers[0].product.val() ^ self.multipliers[1].product.val();
        self.product.next = self.last.q.val();
    }
}

/// A register's data input and an output are left open.
#[derive(Clone, Debug, Default, LogicBlock)]
struct Open {
    clock: Signal<In, Clock>,
    idle: Signal<Out, Bit>,
    register: Register<Bit>,
}

impl Logic for Open {
    #[hdl_gen]
    fn update(&mut self) {
        self.register.clock.next = self.clock.val();
    }
}

#[test]
fn equal_modules_are_written_once_and_the_top_has_its_name() {
    let mut pair = Pair::new();
    pair.connect_all();
    let text = generate(&pair, "pair").unwrap();
    assert_eq!(text.matches("\nmodule ").count(), 3, "{text}");
    assert!(text.contains("module pair(clock,a,product);"));
    assert!(text.contains("pair$multipliers$0 multipliers$0("));
    assert!(text.contains("pair$multipliers$0 multipliers$1("));
    assert!(!text.contains("top"));
    let mut again = Pair::new();
    again.connect_all();
    assert_eq!(generate(&again, "pair").unwrap(), text);
    assert_eq!(check(&text), []);
}

#[test]
fn modules_that_differ_below_stay_apart() {
    #[derive(Clone, Debug, LogicBlock)]
    struct Lines {
        clock: Signal<In, Clock>,
        a: Signal<In, Bit>,
        q: Signal<Out, Bit>,
        short: Delay<Bit>,
        long: Delay<Bit>,
    }
    impl Logic for Lines {
        #[hdl_gen]
        fn update(&mut self) {
            self.short.clock.next = self.clock.val();
            self.long.clock.next = self.clock.val();
            self.short.d.next = self.a.val();
            self.long.d.next = self.short.q.val();
            self.q.next = self.long.q.val();
        }
    }
    let mut lines = Lines {
        clock: Signal::default(),
        a: Signal::default(),
        q: Signal::default(),
        short: Delay::new(1),
        long: Delay::new(2),
    };
    lines.connect_all();
    let text = generate(&lines, "lines").unwrap();
    assert_eq!(text.matches("\nmodule ").count(), 3, "{text}");
}

#[test]
fn open_signals_and_bad_names_are_errors() {
    let mut open = Open::default();
    open.connect_all();
    assert_eq!(
        generate(&open, "open"),
        Err(VerilogError::Unconnected(vec![
            "idle".to_owned(),
            "register.d".to_owned()
        ]))
    );
    for name in ["", "2a", "a b", "a$"] {
        assert_eq!(
            generate(&open, name),
            Err(VerilogError::Name(name.to_owned()))
        );
    }
}

#[test]
fn ports_are_found_with_their_widths() {
    let found: Vec<_> = ports(&Pair::new())
        .into_iter()
        .map(|port| (port.name, port.width, port.direction, port.clock))
        .collect();
    assert_eq!(
        found,
        [
            ("clock".to_owned(), 1, PortDirection::Input, true),
            ("a".to_owned(), 18, PortDirection::Input, false),
            ("product".to_owned(), 36, PortDirection::Output, false)
        ]
    );
}

/// The rules that a block with the given update breaks.
macro_rules! rules {
    ($($update:tt)+) => {{
        #[derive(Clone, Debug, Default, LogicBlock)]
        struct Example {
            a: Signal<In, Word<8>>,
            b: Signal<In, Word<8>>,
            wide: Signal<Out, Word<9>>,
            bit: Signal<Out, Bit>,
            sum: Signal<Local, Word<8>>,
        }
        impl Logic for Example {
            $($update)+
        }
        let mut block = Example::default();
        block.connect_all();
        let text = generate(&block, "example").unwrap();
        let rules: Vec<_> = check(&text).into_iter().map(|found| found.rule).collect();
        rules
    }};
}

#[test]
fn what_changes_its_meaning_is_found_in_generated_text() {
    let found = rules! {
        #[hdl_gen]
        fn update(&mut self) {
            self.sum.next = self.a.val();
            self.wide.next = bit_cast::<9, 8>(self.a.val() + self.b.val());
            self.bit.next = self.a.val() & self.b.val() == self.sum.val();
        }
    };
    assert_eq!(found, [Rule::Cast, Rule::Precedence]);
    let found = rules! {
        #[hdl_gen]
        fn update(&mut self) {
            self.sum.next = self.a.val();
            self.wide.next = bit_cast::<9, 8>(!self.a.val());
            self.bit.next = (self.a.val() + self.b.val()) == self.sum.val();
        }
    };
    assert_eq!(found, [Rule::Cast, Rule::Width]);
}

#[test]
fn what_keeps_its_meaning_passes() {
    let found = rules! {
        #[hdl_gen]
        fn update(&mut self) {
            self.sum.next = self.a.val() + self.b.val();
            self.wide.next = bit_cast::<9, 8>(self.sum.val());
            self.bit.next = ((self.a.val() & self.b.val()) == self.sum.val())
                & !self.a.val().any()
                & (self.b.val().get_bits::<4>(4) > self.sum.val().get_bits::<4>(0));
        }
    };
    assert_eq!(found, []);
}

#[test]
fn every_rule_finds_its_line() {
    for (statement, rule) in [
        ("a = ((b + c) & 9'h1ff);", Rule::Cast),
        ("a = ((~b) & 9'h1ff);", Rule::Cast),
        ("a = unit[i]$x;", Rule::Unreadable),
        ("a = lanes[i];", Rule::Index),
        ("lanes[2*i+1] = a;", Rule::Index),
        ("if (a & b == c) begin", Rule::Precedence),
        ("a = b == c ^ d;", Rule::Precedence),
        ("a = (b + 32'h1) == c;", Rule::Width),
        ("a = (b - c) >> 32'h1;", Rule::Width),
        ("a = ~b == c;", Rule::Width),
        ("a = (b << 32'h1) < c;", Rule::Width),
        ("a = |(b + c);", Rule::Width),
        ("a = b ? c : d;", Rule::Unreadable),
        ("assign a;", Rule::Unreadable),
    ] {
        let text = format!("// Update code\n{statement}\nendmodule\n");
        let found: Vec<_> = check(&text).into_iter().map(|found| found.rule).collect();
        assert_eq!(found, [rule], "{statement}");
    }
    for statement in [
        "always @(*) begin",
        "a = b;",
        "a = ((b) & 9'h1ff);",
        "a = b[(18)+:(18)];",
        "a = (b & c) == d;",
        "a = b & (c == d) & ~e;",
        "a = (b & c) >> 32'h1;",
        "a = |b & &c;",
        "a = b + 36'h1;",
        "if (a && b) begin",
        "else if (~a) begin",
        "else begin",
        "case (op)",
        "3'b101:",
        "default:",
        "endcase",
        "end",
        "// a note",
    ] {
        let text = format!("// Update code\n{statement}\nendmodule\n");
        assert_eq!(check(&text), [], "{statement}");
    }
    // Hand-written cells are not looked at.
    assert_eq!(
        check("// Update code (custom)\nq <= a[i];\nendmodule\n"),
        []
    );
}
