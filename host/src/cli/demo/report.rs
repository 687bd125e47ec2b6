//! What the demonstration shows.

use addax::data::Dataset;
use addax::net::Shape;
use addax::protocol::Reveal;
use serde::Serialize;

use crate::cli::answers::{AnswerRow, digest};
use crate::cli::classify::ClassifyReport;
use crate::cli::gallery::{Frame, gallery};
use crate::cli::output::{self, Report, milliseconds, plural, table, thousands, to_microseconds};
use crate::cli::serve::ServeReport;

/// Drawings shown in the terminal.
const SHOWN: usize = 20;

/// The demonstration's result.
#[derive(Serialize)]
pub struct DemoReport {
    /// Drawings classified.
    images: usize,
    /// Those whose answer is the digit drawn.
    correct: usize,
    /// Whether the client's answers are those of the integer reference: logits, or labels if only they are revealed.
    bit_exact: bool,
    /// SHA-256 of the client's logits, see [`digest`].
    logits_digest: String,
    /// From connecting to the last answer, in the client's process.
    #[serde(serialize_with = "to_microseconds")]
    total_ms: f64,
    /// The same without handshake, keys and base transfers, and without what was prepared ahead.
    #[serde(serialize_with = "to_microseconds")]
    online_ms: f64,
    /// What was prepared ahead of the drawings.
    #[serde(serialize_with = "to_microseconds")]
    ahead_ms: f64,
    /// Bytes from client to server.
    bytes_up: u64,
    /// Bytes from server to client.
    bytes_down: u64,
    /// Layer by layer, summed over the drawings.
    layers: Vec<Row>,
    /// Transforms on the ring processor.
    machine_transforms: u64,
    /// Transforms outside it, for encryption and for encoding weights, of both parties.
    host_transforms: u64,
    /// Transforms that the client decrypted with.
    decryption_transforms: u64,
    /// Round trips, set-up included.
    rounds: u64,
    /// Most memory that each party had, in megabytes, where the system tells.
    client_peak_mb: Option<f64>,
    server_peak_mb: Option<f64>,
    /// What computed on ciphertexts.
    accelerator: String,
    /// The model's name.
    model: String,
    #[serde(skip)]
    drawn: bool,
    #[serde(skip)]
    drawings: Dataset,
    #[serde(skip)]
    labels: Vec<usize>,
    #[serde(skip)]
    reveal: Reveal,
}

/// A layer: times and bytes as the client saw them, cycles as the server's machine counted them.
#[derive(Serialize)]
struct Row {
    name: String,
    kind: String,
    #[serde(serialize_with = "to_microseconds")]
    ms: f64,
    bytes_up: u64,
    bytes_down: u64,
    cycles: u64,
    and_gates: u64,
    /// Time and bytes, both ways, to prepare it ahead of the drawings.
    #[serde(serialize_with = "to_microseconds")]
    ahead_ms: f64,
    ahead_bytes: u64,
    /// Of a device: bytes on its line, both ways.
    #[serde(skip_serializing_if = "Option::is_none")]
    link_bytes: Option<u64>,
    /// Of a device: milliseconds in which the server waited for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    link_ms: Option<f64>,
}

impl DemoReport {
    /// Joins what both parties report and compares the answers with `expected`.
    pub fn new(
        (drawings, drawn): (Dataset, bool),
        expected: &[AnswerRow],
        server: ServeReport,
        client: ClassifyReport,
        model: &str,
        reveal: Reveal,
    ) -> Self {
        let counts = server.host_transforms();
        let session = server.sessions.into_iter().next();
        let report = session.map(|session| session.report).unwrap_or_default();
        let linked = report.layers.iter().any(|layer| layer.link_bytes > 0);
        let layers = client
            .layers
            .into_iter()
            .zip(&report.layers)
            .map(|(layer, served)| Row {
                name: layer.name,
                kind: layer.kind,
                ms: layer.ms,
                bytes_up: layer.bytes_up,
                bytes_down: layer.bytes_down,
                cycles: served.cycles,
                and_gates: layer.and_gates,
                ahead_ms: layer.ahead_ms,
                ahead_bytes: layer.ahead_bytes,
                link_bytes: linked.then_some(served.link_bytes),
                link_ms: linked.then_some(served.link_ms),
            });
        let labels: Vec<usize> = client.answers.iter().map(|answer| answer.label).collect();
        let right =
            |index: &usize| labels.get(*index) == Some(&usize::from(drawings.label(*index)));
        Self {
            images: drawings.len(),
            correct: (0..drawings.len()).filter(right).count(),
            bit_exact: client.answers == expected,
            logits_digest: digest(&client.answers),
            total_ms: client.total_ms,
            online_ms: client.online_ms,
            ahead_ms: client.ahead_ms,
            rounds: client.rounds,
            client_peak_mb: client.peak_mb,
            server_peak_mb: server.peak_mb,
            bytes_up: client.bytes_up,
            bytes_down: client.bytes_down,
            layers: layers.collect(),
            machine_transforms: report.machine_transforms,
            host_transforms: counts.encryption + counts.encoding + client.host_transforms,
            decryption_transforms: client.decryption_transforms,
            accelerator: server.accelerator,
            model: model.to_owned(),
            drawn,
            drawings,
            labels,
            reveal,
        }
    }

    fn pictures(&self, width: usize) -> String {
        let shape = self.drawings.shape();
        let pictures: Vec<Vec<u8>> = (0..self.images.min(SHOWN))
            .map(|index| grey(self.drawings.image(index), shape))
            .collect();
        let frames: Vec<Frame<'_>> = pictures
            .iter()
            .enumerate()
            .map(|(index, picture)| {
                let (answer, label) = (self.labels[index], self.drawings.label(index));
                Frame {
                    picture,
                    caption: if answer == usize::from(label) {
                        format!("{answer} ✓")
                    } else {
                        format!("{answer} ✗ it is {label}")
                    },
                }
            })
            .collect();
        let mut text = gallery(&frames, shape.width, width);
        if self.images > SHOWN {
            text += &format!(
                "… and {} not shown\n\n",
                plural(self.images - SHOWN, "image")
            );
        }
        text
    }

    fn layers(&self, width: usize) -> String {
        let linked = self.layers.iter().any(|layer| layer.link_bytes.is_some());
        let mut header = vec!["layer", "kind", "ms", "up", "down", "cycles", "AND gates"];
        let ahead = self.ahead_ms > 0.0;
        // The names of layers say what they are, where two columns more need the room.
        let named = linked || ahead;
        if named {
            header.remove(1);
        }
        if ahead {
            header.extend(["ahead", "ahead ms"]);
        }
        if linked {
            header.extend(["link", "link ms"]);
        }
        let pair = |bytes: u64, ms: f64| match bytes {
            0 => [output::bytes(0), output::count(0)],
            bytes => [output::bytes(bytes), milliseconds(ms)],
        };
        let row = |layer: &Row| {
            let mut cells = vec![
                layer.name.clone(),
                layer.kind.clone(),
                milliseconds(layer.ms),
                output::bytes(layer.bytes_up),
                output::bytes(layer.bytes_down),
                output::count(layer.cycles),
                output::count(layer.and_gates),
            ];
            if named {
                cells.remove(1);
            }
            if ahead {
                cells.extend([
                    output::bytes(layer.ahead_bytes),
                    milliseconds(layer.ahead_ms),
                ]);
            }
            if let (Some(bytes), Some(ms)) = (layer.link_bytes, layer.link_ms) {
                cells.extend(pair(bytes, ms));
            }
            cells
        };
        let words = if named { 1 } else { 2 };
        table(width, words, &header, self.layers.iter().map(row).collect())
    }

    fn learned(&self) -> String {
        let answers = match self.reveal {
            Reveal::Logits => "logits",
            Reveal::ArgMax => "labels",
        };
        let images = plural(self.images, "image");
        format!(
            "client learned  the {answers} of its images and the model's shape, but no weight\n\
             server learned  that there were {images}, but nothing of what they show\n"
        )
    }
}

impl Report for DemoReport {
    fn text(&self, width: usize) -> String {
        let mut text = self.pictures(width);
        text += &format!(
            "{} of {} right, with {} on accelerator {}\n\n",
            self.correct,
            plural(self.images, if self.drawn { "drawing" } else { "image" }),
            self.model,
            self.accelerator
        );
        text += &self.layers(width);
        text += &format!(
            "\ntotal  {} ms, {} ms of it online{}; {} up + {} down = {}\n",
            milliseconds(self.total_ms),
            milliseconds(self.online_ms),
            output::ahead(self.ahead_ms),
            output::bytes(self.bytes_up),
            output::bytes(self.bytes_down),
            output::bytes(self.bytes_up + self.bytes_down),
        );
        text += &format!(
            "NTTs   {} on the ring processor; {} to encrypt and encode, {} to decrypt\n\n",
            thousands(self.machine_transforms),
            thousands(self.host_transforms),
            thousands(self.decryption_transforms),
        );
        text += &self.learned();
        text += match (self.bit_exact, self.reveal) {
            (true, Reveal::Logits) => "bit exact       yes, every logit is the integer network's",
            (true, Reveal::ArgMax) => "bit exact       yes, every label is the integer network's",
            (false, _) => "bit exact       NO",
        };
        text
    }

    fn failure(&self) -> Option<String> {
        (!self.bit_exact).then(|| {
            "the private answers differ from those of the integer network: this is a defect, please report it with \
             the output of `addax accel selftest`"
                .to_owned()
        })
    }
}

/// The mean of an image's channels, for the terminal.
fn grey(image: &[u8], shape: Shape) -> Vec<u8> {
    let area = shape.area();
    let mean = |at: usize| {
        let sum: usize = image
            .iter()
            .skip(at)
            .step_by(area)
            .map(|&x| usize::from(x))
            .sum();
        (sum / shape.channels) as u8
    };
    (0..area).map(mean).collect()
}
