//! The bridge: a serial port on one side, the ring processor on the other.
//!
//! Packets pass between the host and whatever speaks the link protocol at the accelerator's port. When nothing answers
//! there, a board with memory enough computes itself, slowly; another says that there is no machine.
#![no_std]
#![no_main]

use addax_core::link::Transport;
use addax_core::link::bridge::{Bridge, Notice, Surroundings};
use addax_core::link::message::Status;
use addax_core::random::{Purpose, Randomness, SEED_BYTES};
use addax_firmware::bare_metal::{log, stack};
use addax_firmware::board::{Board, Buffers, Machine, Selected, Watchdog};
use addax_firmware::boot::Boot;
use cortex_m_rt::entry;
use rand_core::{Rng, TryRng};
use static_cell::ConstStaticCell;

/// A window of frames towards the program on each port.
static BUFFERS: ConstStaticCell<Buffers<16_384, 4_096, 4_096>> =
    ConstStaticCell::new(Buffers::new());

/// Packets kept for each direction of each line.
const WINDOW: usize = 8;

static HOST: ConstStaticCell<Transport<WINDOW>> = ConstStaticCell::new(Transport::device(0));
static ACCELERATOR: ConstStaticCell<Transport<WINDOW>> = ConstStaticCell::new(Transport::host());

/// How long the program may go without feeding the watchdog: the longest part of a program between two polynomials of a
/// stream, when the board computes itself.
const WATCHDOG_MILLISECONDS: u32 = 30_000;

/// How often the log says how much memory is in use.
const REPORT_INTERVAL: u64 = 60_000_000;

type Port = <Selected as Machine>::Host;
type AcceleratorPort = <Selected as Machine>::Accelerator;

/// The bridge of the chosen board.
pub type BoardBridge = Bridge<'static, Port, AcceleratorPort, Around, WINDOW>;

/// The board around the bridge.
pub struct Around {
    watchdog: <Selected as Machine>::Watchdog,
    random: Option<Randomness>,
    /// Numbers handed out.
    used: u32,
    boot: Boot,
    reported: u64,
}

impl Surroundings for Around {
    fn now(&mut self) -> u64 {
        Selected::microseconds()
    }

    fn fresh(&mut self) -> u32 {
        self.used += 1;
        match &self.random {
            Some(random) => random
                .generator(Purpose::Session, self.used.into())
                .next_u32(),
            // The starts and what was handed out since make a number that was not used before, though not a secret one.
            None => self.boot.count << 16 | self.used,
        }
    }

    fn turn(&mut self, busy: bool) {
        self.watchdog.feed();
        let now = Selected::microseconds();
        if now - self.reported >= REPORT_INTERVAL {
            self.reported = now;
            defmt::info!(
                "stack {=usize} bytes, {=u32} lines of the log dropped",
                stack::stack_high_water(),
                log::dropped()
            );
        }
        if !busy {
            Selected::idle();
        }
    }

    fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Host => defmt::info!("a host has opened a session"),
            Notice::Machine => defmt::info!("the accelerator has answered"),
            Notice::NoMachine => defmt::warn!("no accelerator answers"),
            Notice::MachineReset => defmt::warn!("the accelerator was reset"),
            Notice::MachineSilent => defmt::warn!("the accelerator is silent"),
        }
    }

    fn status(&self) -> Status {
        Status {
            uptime_ms: Selected::microseconds() / 1_000,
            starts: self.boot.count,
            ..Status::default()
        }
    }
}

#[entry]
fn main() -> ! {
    let Board {
        host,
        accelerator,
        mut entropy,
        mut watchdog,
        boot,
        ..
    } = Selected::start(BUFFERS.take());
    watchdog.start(WATCHDOG_MILLISECONDS);
    let mut key = [0; SEED_BYTES];
    let random = match entropy.try_fill_bytes(&mut key) {
        Ok(()) => Some(Randomness::from_key(key)),
        Err(error) => {
            defmt::warn!("sessions get their numbers from a counter: {}", error);
            None
        }
    };
    let around = Around {
        watchdog,
        random,
        used: 0,
        boot,
        reported: 0,
    };
    let mut bridge = BoardBridge::new(
        (host, HOST.take()),
        (accelerator, ACCELERATOR.take()),
        around,
    );
    own_machine::serve(&mut bridge)
}

/// The board as a machine.
#[cfg(feature = "own-machine")]
mod own_machine {
    use addax_core::isa::Geometry;
    use addax_core::link::Device;
    use addax_core::machine::Reference;
    use addax_core::modulus::Modulus;
    use addax_core::ntt::{NttPlan, Twiddle};
    use addax_core::params::N4096;
    use addax_core::poly::RnsBasis;
    use addax_firmware::board::{Machine, Selected};
    use heapless::Vec;
    use static_cell::ConstStaticCell;

    use super::BoardBridge;

    const N: usize = N4096.degree();
    const LIMBS: usize = N4096.limbs;
    const SLOTS: usize = Geometry::DEFAULT.slots();
    const TWIDDLES: usize = NttPlan::<&[Twiddle]>::storage_len(N4096.log_n);

    static TWIDDLE_MEMORY: ConstStaticCell<[[Twiddle; TWIDDLES]; LIMBS]> = ConstStaticCell::new(
        [[Twiddle {
            value: 0,
            quotient: 0,
        }; TWIDDLES]; LIMBS],
    );
    static SLOT_MEMORY: ConstStaticCell<[u64; SLOTS * N]> = ConstStaticCell::new([0; SLOTS * N]);
    static SCRATCH: ConstStaticCell<[u64; N]> = ConstStaticCell::new([0; N]);

    /// Passes packets, and computes by the definition when no machine answers.
    pub fn serve(bridge: &mut BoardBridge) -> ! {
        // Until the first time without a machine, nothing of this is needed.
        bridge.pass();
        let start = Selected::microseconds();
        let mut memory: Vec<&'static mut [Twiddle], LIMBS> = Vec::new();
        for limb in TWIDDLE_MEMORY.take() {
            // There is room for every limb.
            let _ = memory.push(&mut limb[..]);
        }
        let moduli: Vec<Modulus, LIMBS> = N4096.moduli().collect();
        let mut memory = memory.into_iter();
        let basis = RnsBasis::new(&moduli, N4096.log_n, |_| {
            // The twiddles of a limb take tens of millions of instructions: the host must not take that for silence.
            bridge.keep_alive();
            memory.next().unwrap_or_default()
        });
        let Ok(basis) = basis else {
            panic!("the primes of a parameter set have transforms")
        };
        let reference = Reference::new(&basis, Geometry::DEFAULT, &mut SLOT_MEMORY.take()[..]);
        let Ok(reference) = reference else {
            panic!("the memory of all slots")
        };
        defmt::info!(
            "twiddles computed in {=u64} ms: this board computes by the definition",
            (Selected::microseconds() - start) / 1_000
        );
        let scratch = &mut SCRATCH.take()[..];
        let mut device = Device::new(
            reference,
            moduli.into_iter(),
            Selected::NAME,
            false,
            scratch,
        );
        loop {
            device.serve(bridge);
            bridge.pass();
        }
    }
}

/// A board that cannot be a machine.
#[cfg(not(feature = "own-machine"))]
mod own_machine {
    use super::BoardBridge;

    /// Passes packets, and says so when no machine answers.
    pub fn serve(bridge: &mut BoardBridge) -> ! {
        loop {
            bridge.pass();
            bridge.refuse();
        }
    }
}
