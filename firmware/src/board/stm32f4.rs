//! A board that people own: NUCLEO-F429ZI, an STM32F429ZI at 168 MHz with a hardware random number generator.
//!
//! | what | where | pins |
//! |---|---|---|
//! | host | USART3, which the ST-LINK shows as a serial port over USB, 921,600 baud | PD8, PD9 |
//! | accelerator | SPI1, mode 0, 10.5 MHz | SCK PA5 (D13), MISO PA6 (D12), MOSI PA7 (D11), select PD14 (D10) |
//! | log | USART2, 921,600 baud | PD5 |
//! | randomness | the RNG | |
//! | clock | timer 2 at 1 MHz; SysTick at 1 kHz | |
//! | watchdog | the independent watchdog, with an oscillator of its own | |
//! | readings | none: the owner wires a sensor | |
//!
//! Builds with `--no-default-features --features board-stm32f4`. Other boards with an STM32F405, F407, F412, F413,
//! F427 or F439 differ in pins and in the chip's name in `Cargo.toml`; parts without a generator, such as F401, F411
//! and F446, would need another source of randomness. The parts have no queue of received bytes in hardware: at this
//! rate a byte is lost if interrupts are off for more than 20 µs, and the link's checksum finds that.

mod registers;

use core::cell::{Cell, RefCell};

use cortex_m::interrupt::Mutex;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{NVIC, Peripherals};
use embedded_hal::spi::MODE_0;
use embedded_hal_bus::spi::{ExclusiveDevice, NoDelay};
use rand_core::{TryCryptoRng, TryRng};
use stm32f4xx_hal::gpio::{Output, PD14};
use stm32f4xx_hal::pac::{self, Interrupt, interrupt};
use stm32f4xx_hal::prelude::*;
use stm32f4xx_hal::rcc::Config;
use stm32f4xx_hal::serial::{Rx, RxListen, Serial, Tx, TxISR, TxListen, config};
use stm32f4xx_hal::spi::Spi;
use stm32f4xx_hal::timer::CounterUs;
use stm32f4xx_hal::watchdog::IndependentWatchdog;

use crate::bare_metal::{log, report, retained::Record, stack};
use crate::board::{Board, Buffers, Machine, PATIENCE, Watchdog};
use crate::boot::{self, ResetCause};
use crate::clock::ExtendedCounter;
use crate::entropy::EntropyError;
use crate::port::Waiting;
use crate::sensor::NoSensor;
use crate::serial::{Attention, SerialInterrupt, SerialPort, Uart, connect};
use crate::spi_port::SpiPort;

/// Bits a second of the host's port and of the log.
const BAUD: u32 = 921_600;

type Shared<T> = Mutex<RefCell<Option<T>>>;

static HOST: Shared<(HostUart, SerialInterrupt<'static>)> = Mutex::new(RefCell::new(None));
static LOG: Shared<Tx<pac::USART2>> = Mutex::new(RefCell::new(None));
static TIMER: Shared<CounterUs<pac::TIM2>> = Mutex::new(RefCell::new(None));
static TIME: Mutex<Cell<ExtendedCounter>> = Mutex::new(Cell::new(ExtendedCounter::new()));

const WAITING: Waiting = Waiting {
    now: Nucleo::microseconds,
    idle: Nucleo::idle,
    patience: PATIENCE,
};

/// NUCLEO-F429ZI.
pub struct Nucleo;

impl Machine for Nucleo {
    const NAME: &'static str = "nucleo-f429zi";
    /// The clock's supervision makes it, which is not switched on.
    const NON_MASKABLE: ResetCause = ResetCause::HardFault;

    type Host = SerialPort<'static>;
    type Accelerator = SpiPort<'static, ExclusiveDevice<Spi<pac::SPI1>, PD14<Output>, NoDelay>>;
    type Entropy = HardwareRandom;
    type Sensor = NoSensor;
    type Watchdog = OwnWatchdog;

    const COUNTS_PER_MICROSECOND: u64 = 168;

    fn start<const RX: usize, const TX: usize, const LOG_BYTES: usize>(
        buffers: &'static mut Buffers<RX, TX, LOG_BYTES>,
    ) -> Board<Self> {
        let (Some(mut core), Some(chip)) = (Peripherals::take(), pac::Peripherals::take()) else {
            panic!("the board was started twice");
        };
        stack::guard(&mut core.MPU);
        log::set_memory(&mut buffers.log);
        let boot = boot::start(&mut Record, reset_flags(&chip.RCC));

        // The ST-LINK gives its 8 MHz to the oscillator's input. The generator needs the 48 MHz.
        let mut rcc = chip.RCC.freeze(
            Config::hse(8.MHz())
                .bypass_hse_oscillator()
                .sysclk(168.MHz())
                .require_pll48clk(),
        );
        let pins_a = chip.GPIOA.split(&mut rcc);
        let pins_d = chip.GPIOD.split(&mut rcc);

        let mut timer = chip.TIM2.counter_us(&mut rcc);
        // One short of all of its rounds, which takes a microsecond of every 71 minutes.
        if timer.start(u32::MAX.micros()).is_err() {
            panic!("timer 2 counts 32 bits");
        }
        install(&TIMER, timer);

        let line = || config::Config::default().baudrate(BAUD.bps());
        let Ok(sender) = chip.USART2.tx(pins_d.pd5, line(), &mut rcc) else {
            panic!("the log's rate can be made of the clock");
        };
        install(&LOG, sender);
        let Ok(serial) = Serial::new(chip.USART3, (pins_d.pd8, pins_d.pd9), line(), &mut rcc)
        else {
            panic!("the host's rate can be made of the clock");
        };
        let (send, receive) = serial.split();
        let attention = || NVIC::pend(Interrupt::USART3);
        let attention = Attention {
            receive: attention,
            send: attention,
        };
        let (host, half) = connect(&mut buffers.host, attention, WAITING);
        let mut uart = HostUart { send, receive };
        uart.listen_receive(true);
        install(&HOST, (uart, half));

        let wires = (Some(pins_a.pa5), Some(pins_a.pa6), Some(pins_a.pa7));
        let bus = Spi::new(chip.SPI1, wires, MODE_0, 10_500.kHz(), &mut rcc);
        let select = pins_d.pd14.into_push_pull_output();
        let Ok(device) = ExclusiveDevice::new_no_delay(bus, select);
        let accelerator = SpiPort::new(device, &mut buffers.accelerator, WAITING);

        registers::enable_interrupts(&mut core.NVIC);
        core.SYST.set_clock_source(SystClkSource::Core);
        core.SYST.set_reload(rcc.clocks.hclk().raw() / 1_000 - 1);
        core.SYST.clear_current();
        core.SYST.enable_counter();
        core.SYST.enable_interrupt();

        let entropy = HardwareRandom::new(chip.RNG.constrain(&mut rcc).release());
        report(Self::NAME, &boot);
        Board {
            host,
            accelerator,
            entropy,
            sensor: NoSensor,
            watchdog: OwnWatchdog(IndependentWatchdog::new(chip.IWDG)),
            boot,
        }
    }

    fn microseconds() -> u64 {
        cortex_m::interrupt::free(|section| {
            let shown = match &*TIMER.borrow(section).borrow() {
                Some(timer) => timer.now().ticks(),
                None => 0,
            };
            let time = TIME.borrow(section);
            let mut counter = time.get();
            let now = counter.extend(shown);
            time.set(counter);
            now
        })
    }

    fn wake_log() {
        NVIC::pend(Interrupt::USART2);
    }

    fn flush_log(limit: u64) {
        let start = Self::microseconds();
        // Without the UART, which comes after the clock, there is nothing to wait for.
        while !log::is_empty() && send_log() && Self::microseconds() - start < limit {}
    }
}

/// Puts a peripheral where its interrupt finds it.
fn install<T>(place: &'static Shared<T>, peripheral: T) {
    cortex_m::interrupt::free(|section| place.borrow(section).replace(Some(peripheral)));
}

/// What the chip's flags say about its last reset, and clears them.
fn reset_flags(rcc: &pac::RCC) -> Option<ResetCause> {
    let flags = rcc.csr().read();
    rcc.csr().modify(|_, w| w.rmvf().set_bit());
    // A reset by the power or the supply sets others, too; the pin's is set by all.
    if flags.porrstf().bit() {
        Some(ResetCause::PowerOn)
    } else if flags.borrstf().bit() {
        Some(ResetCause::BrownOut)
    } else if flags.wdgrstf().bit() || flags.wwdgrstf().bit() {
        Some(ResetCause::Watchdog)
    } else if flags.sftrstf().bit() {
        Some(ResetCause::Software)
    } else {
        flags.padrstf().bit().then_some(ResetCause::External)
    }
}

#[interrupt]
fn USART3() {
    cortex_m::interrupt::free(|section| {
        if let Some((uart, port)) = &mut *HOST.borrow(section).borrow_mut() {
            port.receive(uart);
            if port.transmit(uart) {
                NVIC::pend(Interrupt::USART3);
            }
        }
    });
}

#[interrupt]
fn USART2() {
    send_log();
}

/// Sends a byte of the log if the UART takes one, and asks for the interrupt as long as there are more. False if the
/// UART cannot be had.
fn send_log() -> bool {
    cortex_m::interrupt::free(|section| {
        // The end of the program may have come while the interrupt held it: then the log waits for the next start.
        let Ok(mut place) = LOG.borrow(section).try_borrow_mut() else {
            return false;
        };
        let Some(sender) = &mut *place else {
            return false;
        };
        if !sender.is_tx_empty() {
            sender.listen();
        } else if let Some(byte) = log::take() {
            let _ = sender.write(byte);
            sender.listen();
        } else {
            sender.unlisten();
        }
        true
    })
}

/// USART3.
struct HostUart {
    send: Tx<pac::USART3>,
    receive: Rx<pac::USART3>,
}

impl Uart for HostUart {
    /// A byte that came with an error is dropped; reading it clears the error.
    fn receive(&mut self) -> Option<u8> {
        self.receive.read().ok()
    }

    fn can_send(&mut self) -> bool {
        self.send.is_tx_empty()
    }

    fn send(&mut self, byte: u8) {
        let _ = self.send.write(byte);
    }

    fn listen_receive(&mut self, on: bool) {
        if on {
            self.receive.listen();
        } else {
            self.receive.unlisten();
        }
    }

    fn listen_send(&mut self, on: bool) {
        if on {
            self.send.listen();
        } else {
            self.send.unlisten();
        }
    }
}

/// The chip's random number generator: analogue noise behind a shift register, one word each 40 cycles of 48 MHz.
pub struct HardwareRandom {
    generator: pac::RNG,
    last: Option<u32>,
}

impl HardwareRandom {
    /// Looks of one word at most; a word is there after some hundred cycles.
    const LOOKS: usize = 1_000;

    /// `generator` is switched on.
    const fn new(generator: pac::RNG) -> Self {
        Self {
            generator,
            last: None,
        }
    }

    /// A word that differs from the one before, as the reference manual asks (RM0090, 24.3.1, after FIPS 140-2: the
    /// first word is only compared with).
    fn word(&mut self) -> Result<u32, EntropyError> {
        if self.last.is_none() {
            self.last = Some(self.raw()?);
        }
        let word = self.raw()?;
        if self.last.replace(word) == Some(word) {
            return Err(EntropyError::Hardware);
        }
        Ok(word)
    }

    fn raw(&mut self) -> Result<u32, EntropyError> {
        for _ in 0..Self::LOOKS {
            let status = self.generator.sr().read();
            if status.cecs().bit() || status.secs().bit() {
                break;
            }
            if status.drdy().bit() {
                return Ok(self.generator.dr().read().rndata().bits());
            }
        }
        Err(EntropyError::Hardware)
    }
}

impl TryRng for HardwareRandom {
    type Error = EntropyError;

    fn try_next_u32(&mut self) -> Result<u32, EntropyError> {
        self.word()
    }

    fn try_next_u64(&mut self) -> Result<u64, EntropyError> {
        Ok(u64::from(self.word()?) << 32 | u64::from(self.word()?))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        for chunk in bytes.chunks_mut(size_of::<u32>()) {
            chunk.copy_from_slice(&self.word()?.to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for HardwareRandom {}

/// The independent watchdog.
pub struct OwnWatchdog(IndependentWatchdog);

impl Watchdog for OwnWatchdog {
    /// The slowest of its dividers, and a counter of 12 bits.
    const LONGEST: u32 = 32_767;

    fn start(&mut self, milliseconds: u32) {
        self.0.start(milliseconds.min(Self::LONGEST).millis());
    }

    fn feed(&mut self) {
        self.0.feed();
    }
}
