//! A register that begins with 1.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

/// One bit: q is what d was at the last active edge, and 1 before the first.
///
/// A ring of these always holds ones, which synthesis does not find out.
#[derive(Clone, Debug, SettledBlock)]
pub struct PresetRegister {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Next value.
    pub d: Signal<In, Bit>,
    /// Current value.
    pub q: Signal<Out, Bit>,
}

impl Default for PresetRegister {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            d: Signal::default(),
            q: Signal::new_with_default(true),
        }
    }
}

impl Logic for PresetRegister {
    fn update(&mut self) {
        if self.clock.changed {
            self.q.next = self.d.val();
        }
    }

    fn connect(&mut self) {
        self.q.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom("initial q = 1;\nalways @(posedge clock) q <= d;\n".to_owned())
    }
}
