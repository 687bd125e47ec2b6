//! What the client role takes on a Cortex-M4, counted in instructions by the emulator.

use addax::device::Pairing;
use addax::device::emulator::Randomness;
use addax::device::firmware::flash_bytes;
use addax::he::Context;
use addax_core::client::{DEGREE, ResponseFormat};
use addax_core::link::sensor::Segment;
use addax_core::packing::packed_len;
use addax_core::params::N4096;

use crate::board::{board, firmware, sensor};

/// What the client role may take: instructions of an encryption and of a butterfly, bytes of memory.
const ENCRYPTION: u64 = 24_000_000;
const BUTTERFLY: f64 = 50.0;
const RAM: u32 = 96 << 10;
const FLASH: u64 = 256 << 10;

#[test]
#[ignore = "needs qemu-system-arm: cargo xtask test"]
fn an_encryption_fits_the_memory_and_the_time_of_a_microcontroller() {
    let board = board(&[7; 784], Randomness::System, true);
    let sensor = sensor(&board).unwrap();
    let context = Context::new(N4096);
    let pairing = Pairing::new(sensor.pair().unwrap()).unwrap();
    sensor.public_key(&context).unwrap();
    sensor.read().unwrap();
    let whole = Segment {
        coefficient: 0,
        source: 0,
        length: 784,
    };
    sensor
        .encrypt(&context, 23, 8, &[whole], &mut |_| {})
        .unwrap();
    // A decryption of zero, for its depth of stack.
    let format = ResponseFormat {
        plain_bits: 23,
        dropped_bits: [7, 7],
    };
    let c1 = vec![0; packed_len(DEGREE, format.width(1))];
    let c0: Vec<(u16, u64)> = (0..300).map(|position| (position, 0)).collect();
    let values = sensor.decrypt(23, format.dropped_bits, pairing.proof(), &c1, &c0);
    assert!(values.unwrap().iter().all(|&value| value == 0));

    let cost = sensor.measure().unwrap();
    assert!(cost.counts_instructions);
    let info = sensor.info().unwrap();
    let flash = flash_bytes(&firmware()).unwrap();
    println!(
        "encryption {} instructions, {:.1} a butterfly; {} bytes of memory and {} of stack, {} in all; {flash} of flash",
        cost.encryption,
        cost.per_butterfly(),
        info.static_ram_bytes,
        info.stack_high_water_bytes,
        info.ram_bytes,
    );
    assert!(cost.encryption <= ENCRYPTION, "{}", cost.encryption);
    assert!(
        cost.per_butterfly() <= BUTTERFLY,
        "{}",
        cost.per_butterfly()
    );
    assert!(
        info.ram_bytes <= RAM && info.stack_high_water_bytes > 0,
        "{info:?}"
    );
    assert!(0 < flash && flash <= FLASH, "{flash}");
}
