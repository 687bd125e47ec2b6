//! Correlated oblivious transfers by extension, each party on one core, its messages in memory.
//!
//! The parties take turns: the receiver extends and its message is kept, then the sender reads it. Set-up is done before.

use addax::mpc::Channel;
use addax::mpc::ot_extension::{Choices, OtReceiver, OtSender};
use addax_core::garble::Delta;
use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// Transfers of a turn: about those of a layer of 2,304 ReLUs of 23 bits.
const TRANSFERS: usize = 1 << 16;

/// Turns; the median counts.
const TURNS: usize = 101;

/// Bytes on the way from one party to the other.
#[derive(Clone, Default)]
struct Tape(Arc<Mutex<(Vec<u8>, usize)>>);

impl Tape {
    fn rewind(&self) {
        let mut tape = self.0.lock().expect("nobody panics");
        tape.0.clear();
        tape.1 = 0;
    }
}

impl Write for Tape {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .expect("nobody panics")
            .0
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Tape {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let mut tape = self.0.lock().expect("nobody panics");
        let (bytes, read) = &mut *tape;
        let count = target.len().min(bytes.len() - *read);
        target[..count].copy_from_slice(&bytes[*read..*read + count]);
        *read += count;
        Ok(count)
    }
}

/// Both parties after their set-up.
fn parties(delta: Delta) -> (OtReceiver, OtSender) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let receiver = std::thread::spawn(move || {
        let stream = std::net::TcpStream::connect(address).expect("the sender listens");
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut channel = Channel::new(stream);
        let receiver = OtReceiver::new(&mut channel, &[1; 32], &mut rng);
        // The seeds, which it sent last, may still be in the buffer.
        channel.flush().and(receiver)
    });
    let (stream, _) = listener.accept().expect("the receiver connects");
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let sender = OtSender::new(&mut Channel::new(stream), &[1; 32], delta, &mut rng);
    let receiver = receiver.join().expect("no panic").expect("set-up works");
    (receiver, sender.expect("set-up works"))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() {
    let delta = Delta::random(&mut ChaCha20Rng::seed_from_u64(3));
    let (mut receiver, mut sender) = parties(delta.clone());
    let tape = Tape::default();
    let (mut up, mut down) = (Channel::new(tape.clone()), Channel::new(tape.clone()));
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let words: Vec<u64> = (0..TRANSFERS / 64).map(|_| rng.next_u64()).collect();
    let mut choices = Choices::with_capacity(TRANSFERS);
    words.iter().for_each(|&word| choices.push(word, 64));

    // Without that argument, this run only tries the benchmark.
    let measuring = std::env::args().any(|argument| argument == "--bench");
    let turns = if measuring { TURNS } else { 1 };
    let (mut receiving, mut sending) = (Vec::new(), Vec::new());
    for _ in 0..turns {
        tape.rewind();
        let start = Instant::now();
        let t = receiver.extend(&mut up, &choices).expect("in memory");
        up.flush().expect("in memory");
        receiving.push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        let q = sender.extend(&mut down, TRANSFERS).expect("in memory");
        sending.push(start.elapsed().as_secs_f64());
        for (j, (&t, &q)) in t.iter().zip(q.iter()).enumerate() {
            let choice = words[j / 64] >> (j % 64) & 1;
            assert!(t == q ^ delta.block().select(choice));
        }
    }
    let rate = |times| TRANSFERS as f64 / median(times) / 1e6;
    let bytes = up.bytes_sent() as f64 / (turns * TRANSFERS) as f64;
    println!(
        "million correlated transfers a second: receiver {:.1}, sender {:.1}; {bytes:.2} bytes each",
        rate(receiving),
        rate(sending),
    );
}
