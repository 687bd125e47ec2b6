//! The only `unsafe` code of this board; registers are the chip support crate's business.

use cortex_m::peripheral::NVIC;
use stm32f4xx_hal::pac::Interrupt;

/// Lets the interrupts through, the host's port before the log.
pub fn enable_interrupts(nvic: &mut NVIC) {
    // SAFETY: nothing relies on these interrupts being masked, or on their order; their state is in place.
    unsafe {
        nvic.set_priority(Interrupt::USART3, 0x40);
        NVIC::unmask(Interrupt::USART3);
        nvic.set_priority(Interrupt::USART2, 0x80);
        NVIC::unmask(Interrupt::USART2);
    }
}
