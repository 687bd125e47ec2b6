//! A register: q is what d was at the last active edge.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;

/// A register of any type, zero before the first edge.
#[derive(Clone, Debug, SettledBlock)]
pub struct Register<T: Synth> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Next value.
    pub d: Signal<In, T>,
    /// Current value.
    pub q: Signal<Out, T>,
}

impl<T: Synth> Default for Register<T> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            d: Signal::default(),
            q: Signal::default(),
        }
    }
}

impl<T: Synth> Logic for Register<T> {
    fn update(&mut self) {
        if self.clock.changed {
            self.q.next = self.d.val();
        }
    }

    fn connect(&mut self) {
        self.q.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom("initial q = 0;\nalways @(posedge clock) q <= d;\n".to_owned())
    }
}
