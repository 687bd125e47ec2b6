//! `addax classify`: images classified by a server that does not see them. With `--device` this is the gateway of a
//! sensor, which takes and encrypts the image: it does not see it either, unless it decrypts what it passes on.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use addax::accel::device::Place;
use addax::data::{DataError, Dataset, idx, image};
use addax::device::{Pairing, SensorInput};
use addax::net::Shape;
use addax::protocol::{Client, ClientLimits, LayerMeasure, Reveal};
use addax::random::PartyRandomness;
use anyhow::{Context, Result, bail};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::answers::{AnswerRow, digest};
use super::connection::{self, Address};
use super::gallery::{Frame, gallery};
use super::memory::peak_mb;
use super::output::{self, Report, milliseconds, plural, to_microseconds};
use super::progress;

/// Arguments of `addax classify`.
#[derive(Args)]
pub struct ClassifyArgs {
    /// The server
    #[arg(long, value_name = "HOST:PORT")]
    server: Address,
    #[command(flatten)]
    source: Source,
    /// The key file of `addax device pair`
    #[arg(long, value_name = "FILE", requires = "device")]
    key: Option<PathBuf>,
    /// First image of an IDX file or a data set, from 0
    #[arg(long, value_name = "NUMBER", default_value_t = 0, requires = "series")]
    index: usize,
    /// Number of images of an IDX file or a data set, all in one session
    #[arg(long, value_name = "COUNT", default_value_t = 1, requires = "series", value_parser = count)]
    count: usize,
    /// Prepare for every image before it is used: what does not depend on it, garbled tables above all, goes ahead
    #[arg(long)]
    ahead: bool,
    /// How long the server may take for a message
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = connection::seconds)]
    timeout: Duration,
    /// Most values of a tensor that this client accepts in a server's plan
    #[arg(long, value_name = "COUNT", default_value_t = ClientLimits::default().values)]
    max_values: usize,
    /// Most ciphertexts of a layer that this client accepts in a server's plan
    #[arg(long, value_name = "COUNT", default_value_t = ClientLimits::default().ciphertexts)]
    max_ciphertexts: usize,
    /// Most bytes that this client keeps of what is prepared for an image
    #[arg(long, value_name = "BYTES", default_value_t = ClientLimits::default().prepared_bytes)]
    max_prepared: usize,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Source {
    /// IDX file of images, plain or gzip
    #[arg(long, value_name = "FILE", group = "series")]
    idx: Option<PathBuf>,
    /// Directory with the test images of MNIST, Fashion-MNIST or CIFAR-10, or one made by `addax draw`
    #[arg(long, value_name = "DIRECTORY", group = "series")]
    data: Option<PathBuf>,
    /// PNG picture of the size that the server's model takes
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// A paired device that takes the image and encrypts it: serial:PATH, serial:PATH@BAUD or socket:HOST:PORT
    #[arg(long, value_name = "PORT", requires = "key")]
    device: Option<Place>,
}

fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("it is not a number from 1".to_owned()),
        Ok(count) => Ok(count),
    }
}

/// What the client learned, and what it took.
#[derive(Serialize, Deserialize)]
pub struct ClassifyReport {
    /// The server's address as given.
    pub server: String,
    /// The label, if there was one image.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub label: Option<usize>,
    /// The logits, if there was one image and the server reveals them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub logits: Option<Vec<i64>>,
    /// Every image's answer.
    pub answers: Vec<AnswerRow>,
    /// See [`digest`].
    pub logits_digest: String,
    /// From connecting to the last answer.
    #[serde(serialize_with = "to_microseconds")]
    pub total_ms: f64,
    /// The same without handshake, keys and base transfers, and without what was prepared ahead.
    #[serde(serialize_with = "to_microseconds")]
    pub online_ms: f64,
    /// What was prepared ahead of the images.
    #[serde(serialize_with = "to_microseconds", default)]
    pub ahead_ms: f64,
    /// Bytes from client to server, all of them.
    pub bytes_up: u64,
    /// Bytes from server to client, all of them.
    pub bytes_down: u64,
    /// Most memory that the process had, in megabytes, where the system tells.
    #[serde(default)]
    pub peak_mb: Option<f64>,
    /// Round trips, set-up included.
    pub rounds: u64,
    /// Layer by layer, summed over the images.
    pub layers: Vec<ClientLayer>,
    /// Transforms for encryption.
    pub host_transforms: u64,
    /// Transforms for decryption.
    pub decryption_transforms: u64,
    #[serde(skip)]
    pictures: Vec<Vec<u8>>,
    #[serde(skip)]
    shape: Option<Shape>,
}

/// What the client knows of a layer.
#[derive(Serialize, Deserialize)]
pub struct ClientLayer {
    /// Name in the plan.
    pub name: String,
    /// What it is.
    pub kind: String,
    /// From its first to its last message.
    #[serde(serialize_with = "to_microseconds")]
    pub ms: f64,
    /// Bytes from client to server.
    pub bytes_up: u64,
    /// Bytes from server to client.
    pub bytes_down: u64,
    /// AND gates evaluated.
    pub and_gates: u64,
    /// Time to prepare it ahead of the images.
    #[serde(serialize_with = "to_microseconds", default)]
    pub ahead_ms: f64,
    /// Bytes to prepare it, both ways.
    #[serde(default)]
    pub ahead_bytes: u64,
}

impl From<&LayerMeasure> for ClientLayer {
    fn from(layer: &LayerMeasure) -> Self {
        Self {
            name: layer.name.clone(),
            kind: layer.kind.clone(),
            ms: layer.ms,
            bytes_up: layer.bytes_up,
            bytes_down: layer.bytes_down,
            and_gates: layer.and_gates,
            ahead_ms: layer.ahead_ms,
            ahead_bytes: layer.ahead_up + layer.ahead_down,
        }
    }
}

impl Report for ClassifyReport {
    fn text(&self, width: usize) -> String {
        let frames: Vec<Frame> = self
            .answers
            .iter()
            .enumerate()
            .map(|(index, answer)| Frame {
                picture: self.pictures.get(index).map_or(&[], Vec::as_slice),
                caption: answer.label.to_string(),
            })
            .collect();
        let mut text = match self.shape {
            Some(shape) if shape.channels == 1 && shape.height > 1 => {
                gallery(&frames, shape.width, width)
            }
            _ => String::new(),
        };
        if let Some(label) = self.label {
            text += &format!("label   {label}\n");
        } else {
            let labels: Vec<String> = self.answers.iter().map(|a| a.label.to_string()).collect();
            text += &format!("labels  {}\n", labels.join(" "));
        }
        if let Some(logits) = &self.logits {
            let logits: Vec<String> = logits.iter().map(i64::to_string).collect();
            text += &format!("logits  {}\n", logits.join(" "));
        }
        text += &format!(
            "{} in {} ms ({} ms online{}), {} up, {} down, {} round trips",
            plural(self.answers.len(), "image"),
            milliseconds(self.total_ms),
            milliseconds(self.online_ms),
            output::ahead(self.ahead_ms),
            output::bytes(self.bytes_up),
            output::bytes(self.bytes_down),
            self.rounds
        );
        text
    }
}

/// Classifies the images asked for in one session.
///
/// # Errors
/// Images that cannot be read or do not fit the server's model, and sessions that fail.
pub fn run(args: &ClassifyArgs) -> Result<ClassifyReport> {
    let mut supply = args.supply()?;
    let limits = ClientLimits {
        values: args.max_values,
        ciphertexts: args.max_ciphertexts,
        prepared_bytes: args.max_prepared,
        ..ClientLimits::default()
    };
    let randomness = PartyRandomness::from_system()?;
    let session = || format!("server {}", args.server.as_str());

    let start = Instant::now();
    let channel = connection::connect(&args.server, args.timeout)?;
    let client = match &mut supply {
        Supply::Device(input) => Client::connect_with(channel, &limits, randomness, &mut **input),
        Supply::Images(_) => Client::connect(channel, &limits, randomness),
    };
    let mut client = client.with_context(session)?;
    let set_up = start.elapsed();
    let shape = client.plan().input_shape();
    let (images, answers) = match supply {
        Supply::Images(images) => match images.of_shape(shape) {
            Ok(images) => {
                let answers = classify(&mut client, &images, args.ahead);
                (images, answers)
            }
            Err(error) => {
                // The server need not wait for an image that will not come.
                let _ = client.finish();
                return Err(error);
            }
        },
        Supply::Device(mut input) => {
            let answers = classify_device(&mut client, &mut input, args.ahead);
            (Vec::new(), answers)
        }
    };
    let (answers, ahead) = answers.with_context(session)?;
    let total = start.elapsed();

    let transforms = client.transforms();
    let single = (answers.len() == 1).then(|| answers[0].clone());
    let report = ClassifyReport {
        server: args.server.as_str().to_owned(),
        label: single.as_ref().map(|answer| answer.label),
        logits: single.and_then(|answer| answer.logits),
        logits_digest: digest(&answers),
        answers,
        total_ms: total.as_secs_f64() * 1e3,
        online_ms: (total - set_up - ahead).as_secs_f64() * 1e3,
        ahead_ms: ahead.as_secs_f64() * 1e3,
        peak_mb: peak_mb(),
        bytes_up: client.channel().bytes_sent(),
        bytes_down: client.channel().bytes_received(),
        // The channel counts changes of direction, and the client speaks first.
        rounds: client.channel().rounds().div_ceil(2),
        layers: client.layers().iter().map(ClientLayer::from).collect(),
        host_transforms: transforms.encryption + transforms.encoding,
        decryption_transforms: transforms.decryption,
        pictures: images,
        shape: Some(shape),
    };
    client.finish().with_context(session)?;
    Ok(report)
}

/// Answers, and the time that preparing for them took.
type Answers = (Vec<AnswerRow>, Duration);

/// One reading of a device, while a bar shows how its ciphertexts come.
fn classify_device(
    client: &mut Client<TcpStream>,
    input: &mut SensorInput,
    ahead: bool,
) -> Result<Answers> {
    let start = Instant::now();
    let prepared = ahead.then(|| client.prepare()).transpose()?;
    let ahead = start.elapsed();
    let bar = progress::bar(0, "bytes from the device");
    let shown = bar.clone();
    input.on_progress(move |done, all| {
        shown.set_length(all as u64);
        shown.set_position(done as u64);
        if done == all {
            shown.finish_and_clear();
        }
    });
    let answer = match prepared {
        Some(prepared) => client.classify_input_prepared(prepared, input, |_| {})?,
        None => client.classify_input(input, |_| {})?,
    };
    Ok((vec![answer.into()], ahead))
}

/// Each image on its own, prepared for right before it or not at all.
fn classify(client: &mut Client<TcpStream>, images: &[Vec<u8>], ahead: bool) -> Result<Answers> {
    let stages = client.plan().stages.len();
    let bar = progress::bar((images.len() * stages) as u64, "private stages");
    let learned = match client.plan().reveal {
        Reveal::Logits => "logits",
        Reveal::ArgMax => "labels",
    };
    tracing::info!(stages, "the server reveals {learned}");
    let mut answers = Vec::with_capacity(images.len());
    let mut spent = Duration::ZERO;
    for (index, image) in images.iter().enumerate() {
        let shown = |done| bar.set_position((index * stages + done) as u64);
        let answer = if ahead {
            let start = Instant::now();
            let prepared = client.prepare()?;
            spent += start.elapsed();
            client.classify_prepared(prepared, image, shown)?
        } else {
            client.classify(image, shown)?
        };
        answers.push(answer.into());
    }
    bar.finish_and_clear();
    Ok((answers, spent))
}

/// Where images come from.
enum Supply {
    Images(Images),
    Device(Box<SensorInput>),
}

/// Images read before connecting, as far as that is possible without knowing what the model takes.
enum Images {
    Series(PathBuf, Shape, Vec<Vec<u8>>),
    Png(PathBuf, Vec<u8>),
}

impl ClassifyArgs {
    fn supply(&self) -> Result<Supply> {
        match (&self.source.device, &self.key) {
            (Some(place), Some(key)) => {
                let pairing = Pairing::read(key)?;
                let sensor = super::device::connect(place, self.timeout)?;
                let input =
                    SensorInput::new(sensor, pairing).with_context(|| format!("device {place}"))?;
                Ok(Supply::Device(Box::new(input)))
            }
            _ => self.images().map(Supply::Images),
        }
    }

    fn images(&self) -> Result<Images> {
        let Source {
            idx, data, image, ..
        } = &self.source;
        if let Some(path) = idx {
            let (shape, pixels) = idx::read_images(path)?;
            let all: Vec<&[u8]> = pixels.chunks_exact(shape.len()).collect();
            return self.chosen(path, shape, &all);
        }
        if let Some(path) = data {
            let data = Dataset::open(path)?;
            let all: Vec<&[u8]> = (0..data.len()).map(|index| data.image(index)).collect();
            return self.chosen(path, data.shape(), &all);
        }
        if let Some(path) = image {
            let bytes =
                std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            return Ok(Images::Png(path.clone(), bytes));
        }
        bail!(
            "name images with --idx FILE, --data DIRECTORY or --image FILE.png, or a device with --device PORT"
        )
    }

    fn chosen(&self, path: &Path, shape: Shape, all: &[&[u8]]) -> Result<Images> {
        let last = self.index.saturating_add(self.count - 1);
        if last >= all.len() {
            let error = DataError::Index {
                index: last,
                count: all.len(),
            };
            return Err(error).with_context(|| path.display().to_string());
        }
        let chosen = all[self.index..=last].iter().map(|image| image.to_vec());
        Ok(Images::Series(path.to_path_buf(), shape, chosen.collect()))
    }
}

impl Images {
    fn of_shape(self, want: Shape) -> Result<Vec<Vec<u8>>> {
        match self {
            Self::Png(path, bytes) => Ok(vec![image::parse(
                &bytes,
                &path.display().to_string(),
                want,
            )?]),
            Self::Series(path, shape, images) => {
                // A model that takes a vector does not say how its values are arranged.
                let fits = shape == want || (want.area() == 1 && shape.len() == want.len());
                if !fits {
                    bail!(
                        "{}: its images are {shape}, but the server's model takes {want}: resize them first",
                        path.display()
                    );
                }
                Ok(images)
            }
        }
    }
}
