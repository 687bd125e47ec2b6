use super::driver::*;

fn check(machine: &mut Machine, op: u64, limb: usize, a: usize, dst: usize, words: &[u64]) {
    machine.poke(a, words);
    let order = Order {
        op,
        limb,
        a,
        dst,
        ..Order::default()
    };
    machine.execute(&order);
    let mut expected = words.to_vec();
    match op {
        NTT => machine.plans[limb].forward(&mut expected),
        _ => machine.plans[limb].inverse(&mut expected),
    }
    let what = format!("op {op}, limb {limb}, {a} to {dst}");
    assert_same(&machine.peek(dst), &expected, &what);
    if a != dst {
        assert_same(&machine.peek(a), words, "operand");
    }
}

#[test]
fn one_butterfly_transforms() {
    let mut machine = Machine::new(10, 1);
    let words = scrambled(machine.q(0).value(), machine.n(), 1);
    check(&mut machine, NTT, 0, 0, 0, &words);
    println!("{}", machine.cycles);
    check(&mut machine, INTT, 0, 0, 0, &words);
}

#[test]
fn all() {
    for b in [1, 2, 4, 8] {
        let mut machine = Machine::new(10, b);
        let words = scrambled(machine.q(0).value(), machine.n(), 1);
        check(&mut machine, NTT, 1, 1, 2, &words);
        println!("{b} {}", machine.cycles);
        check(&mut machine, INTT, 0, 0, 0, &words);
        println!("{b} {}", machine.cycles);
    }
}
