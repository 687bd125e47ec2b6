//! What a layer took in practice: the rows of the table that people see.

use std::io::{Read, Write};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::linear::LayerCost;
use crate::mpc::Channel;

/// What one layer took, summed over the images of a session.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LayerMeasure {
    /// Name in the model.
    pub name: String,
    /// As in the plan: `convolution`, `matrix`, `sum`, `relu`, …
    pub kind: String,
    /// Milliseconds from its first to its last message, on the side that measured.
    pub ms: f64,
    /// Bytes from client to server.
    pub bytes_up: u64,
    /// Bytes from server to client.
    pub bytes_down: u64,
    /// Cycles of the ring processor; known to the server.
    pub cycles: u64,
    /// Transforms on the ring processor; known to the server.
    pub transforms: u64,
    /// AND gates.
    pub and_gates: u64,
    /// Bytes on the line to the machine, both ways, if there is one; known to the server.
    pub link_bytes: u64,
    /// Milliseconds in which the server waited for a machine behind a line.
    pub link_ms: f64,
    /// Milliseconds to prepare it before the image was known. Everything above leaves that out.
    #[serde(default)]
    pub ahead_ms: f64,
    /// Bytes from client to server to prepare it.
    #[serde(default)]
    pub ahead_up: u64,
    /// Bytes from server to client to prepare it.
    #[serde(default)]
    pub ahead_down: u64,
}

/// What a layer took besides time and bytes.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    cost: LayerCost,
    and_gates: u64,
}

impl Counts {
    /// What a machine took.
    pub fn machine(cost: LayerCost) -> Self {
        let and_gates = 0;
        Self { cost, and_gates }
    }

    /// AND gates.
    pub fn gates(and_gates: usize) -> Self {
        Self {
            and_gates: and_gates as u64,
            ..Self::default()
        }
    }
}

/// Collects the layers of a session in order, image after image.
#[derive(Default)]
pub(super) struct Measures {
    layers: Vec<LayerMeasure>,
    next: usize,
    ahead: bool,
}

/// A layer being measured.
pub(super) struct Running {
    start: Instant,
    sent: u64,
    received: u64,
}

impl Running {
    pub(super) fn start<S: Read + Write>(channel: &Channel<S>) -> Self {
        Self {
            start: Instant::now(),
            sent: channel.bytes_sent(),
            received: channel.bytes_received(),
        }
    }

    /// Counts a frame that had to be received to know that the layer begins.
    pub(super) const fn and_received(mut self, frame_bytes: u64) -> Self {
        self.received -= frame_bytes;
        self
    }
}

/// Which side of the connection measures.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

impl Measures {
    /// The next layer measured is the first again: of an image, or ahead of one.
    pub(super) const fn begin(&mut self, ahead: bool) {
        self.next = 0;
        self.ahead = ahead;
    }

    /// Ends a layer and adds it to its row.
    pub(super) fn end<S: Read + Write>(
        &mut self,
        running: &Running,
        channel: &Channel<S>,
        side: Side,
        name: &str,
        kind: &str,
        Counts { cost, and_gates }: Counts,
    ) {
        if self.next == self.layers.len() {
            self.layers.push(LayerMeasure {
                name: name.to_owned(),
                kind: kind.to_owned(),
                ..LayerMeasure::default()
            });
        }
        let sent = channel.bytes_sent() - running.sent;
        let received = channel.bytes_received() - running.received;
        let (up, down) = match side {
            Side::Client => (sent, received),
            Side::Server => (received, sent),
        };
        let row = &mut self.layers[self.next];
        let ms = running.start.elapsed().as_secs_f64() * 1e3;
        if self.ahead {
            row.ahead_ms += ms;
            row.ahead_up += up;
            row.ahead_down += down;
        } else {
            row.ms += ms;
            row.bytes_up += up;
            row.bytes_down += down;
        }
        row.cycles += cost.cycles;
        row.transforms += cost.transforms;
        row.and_gates += and_gates;
        row.link_bytes += cost.link.bytes_out + cost.link.bytes_in;
        row.link_ms += cost.link.micros as f64 / 1e3;
        self.next += 1;
    }

    pub(super) fn layers(&self) -> &[LayerMeasure] {
        &self.layers
    }

    pub(super) fn into_layers(self) -> Vec<LayerMeasure> {
        self.layers
    }
}
