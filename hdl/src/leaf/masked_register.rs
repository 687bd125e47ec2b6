//! A register that takes zero instead of its input where it is told so.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

/// q is what d was at the last active edge if `keep` was set then, else zero. The mask is the synchronous reset that
/// every flip-flop has: an AND gate without a lookup table.
#[derive(Clone, Debug, SettledBlock)]
pub struct MaskedRegister<T: Synth> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Next value.
    pub d: Signal<In, T>,
    /// Whether the next value is `d`.
    pub keep: Signal<In, Bit>,
    /// Current value.
    pub q: Signal<Out, T>,
}

impl<T: Synth> Default for MaskedRegister<T> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            d: Signal::default(),
            keep: Signal::default(),
            q: Signal::default(),
        }
    }
}

impl<T: Synth> Logic for MaskedRegister<T> {
    fn update(&mut self) {
        if self.clock.changed {
            self.q.next = if self.keep.val() {
                self.d.val()
            } else {
                T::default()
            };
        }
    }

    fn connect(&mut self) {
        self.q.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(
            "initial q = 0;\nalways @(posedge clock) if (keep) q <= d; else q <= 0;\n".to_owned(),
        )
    }
}
