//! `addax eval`: a model's accuracy, in the clear and through the private protocol.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use addax::accel::Accelerator;
use addax::data::Dataset;
use addax::net::IntegerNetwork;
use addax::net::accuracy::{arg_max, count};
use addax::net::integer::Evaluator;
use addax::protocol::{Client, ClientLimits, Reveal, ServerModel, SessionReport};
use addax::random::PartyRandomness;
use addax_core::isa::Geometry;
use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;
use serde::Serialize;

use super::answers::{AnswerRow, digest};
use super::connection;
use super::load::ModelArgs;
use super::output::{Report, milliseconds, plural, thousands, to_microseconds};
use super::progress;

/// Longest time for a message: both parties are threads of this process, but the reference machine is slow.
const TIMEOUT: Duration = Duration::from_secs(3600);

/// Arguments of `addax eval`.
#[derive(Args)]
pub struct EvalArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// Directory with the test images of MNIST, Fashion-MNIST or CIFAR-10, or one made by `addax draw`
    #[arg(long, value_name = "DIRECTORY")]
    data: PathBuf,
    /// Evaluate the first COUNT images; all if not given
    #[arg(long, value_name = "COUNT")]
    images: Option<usize>,
    /// Evaluate the first COUNT of them through the private protocol as well
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    private: usize,
    /// What computes on ciphertexts; see `addax accel list`
    #[arg(long, default_value_t)]
    accelerator: Accelerator,
}

/// What was measured.
#[derive(Serialize)]
pub struct EvalReport {
    model: String,
    images: usize,
    correct: usize,
    accuracy: f64,
    #[serde(serialize_with = "to_microseconds")]
    ms: f64,
    private_images: usize,
    /// None if no image went through the protocol; so are the fields below.
    private_accuracy: Option<f64>,
    bit_exact: Option<bool>,
    /// Over the logits of the private images, see [`digest`].
    logits_digest: Option<String>,
    #[serde(serialize_with = "to_microseconds")]
    private_ms: f64,
    machine_transforms: u64,
    /// Encryption and encoding of weights, both parties.
    host_transforms: u64,
    decryption_transforms: u64,
    accelerator: String,
}

/// Evaluates.
///
/// # Errors
/// Models and data that cannot be read or do not fit, networks that the protocol cannot run if it is asked to.
pub fn run(args: &EvalArgs) -> Result<EvalReport> {
    let network = args.model.network()?;
    let data = Dataset::open(&args.data)?;
    ensure!(!data.is_empty(), "{} holds no images", args.data.display());
    let images = args
        .images
        .map_or(data.len(), |images| images.min(data.len()));
    // Refused before the work rather than after it.
    let server = match args.private {
        0 => None,
        _ => Some(args.model.server_model(&network, Reveal::Logits)?),
    };

    let start = Instant::now();
    let evaluator = Evaluator::new(&network)?;
    let bar = progress::bar(images as u64, "images in the clear");
    let accuracy = count(&data, images, |image| {
        let logits = evaluator.evaluate(image)?;
        bar.inc(1);
        Ok::<usize, anyhow::Error>(arg_max(&logits))
    })
    .with_context(|| format!("{} with model {}", args.data.display(), network.name))?;
    bar.finish_and_clear();
    let mut report = EvalReport {
        images: accuracy.images,
        correct: accuracy.correct,
        accuracy: accuracy.fraction(),
        ms: start.elapsed().as_secs_f64() * 1e3,
        private_images: 0,
        private_accuracy: None,
        bit_exact: None,
        logits_digest: None,
        private_ms: 0.0,
        machine_transforms: 0,
        host_transforms: 0,
        decryption_transforms: 0,
        accelerator: args.accelerator.to_string(),
        model: network.name.clone(),
    };
    if let Some(server) = server {
        let count = args.private.min(images);
        report.add_private(args, &network, &server, &data, count)?;
    }
    Ok(report)
}

impl EvalReport {
    fn add_private(
        &mut self,
        args: &EvalArgs,
        network: &IntegerNetwork,
        server: &ServerModel,
        data: &Dataset,
        images: usize,
    ) -> Result<()> {
        let start = Instant::now();
        let private = Private::run(server, &args.accelerator, data, images)?;
        let evaluator = Evaluator::new(network)?;
        let mut correct = 0;
        let mut exact = true;
        for (index, answer) in private.answers.iter().enumerate() {
            let logits = evaluator.evaluate(data.image(index))?;
            exact &= *answer == AnswerRow::expected(logits, Reveal::Logits);
            correct += usize::from(answer.label == usize::from(data.label(index)));
        }
        let encoding = server.context().host_transforms().read().encoding;
        let session = &private.session;
        self.private_images = images;
        self.private_accuracy = Some(correct as f64 / images.max(1) as f64);
        self.bit_exact = Some(exact);
        self.logits_digest = Some(digest(&private.answers));
        self.private_ms = start.elapsed().as_secs_f64() * 1e3;
        self.machine_transforms = session.machine_transforms;
        self.host_transforms =
            encoding + session.host_transforms.encryption + private.client_encryption;
        self.decryption_transforms = private.client_decryption;
        Ok(())
    }
}

/// One session between two threads.
struct Private {
    answers: Vec<AnswerRow>,
    session: SessionReport,
    client_encryption: u64,
    client_decryption: u64,
}

impl Private {
    fn run(
        server: &ServerModel,
        accelerator: &Accelerator,
        data: &Dataset,
        images: usize,
    ) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("cannot listen on 127.0.0.1")?;
        let near = TcpStream::connect(listener.local_addr()?)?;
        let (far, _) = listener.accept()?;
        std::thread::scope(|scope| {
            let served = scope.spawn(move || serve(server, accelerator, far));
            let asked = ask(near, data, images);
            let session = served
                .join()
                .map_err(|_| anyhow!("the server's thread ended in a defect"))?;
            // Who failed first tells the other; the server's own reason says more than "the peer aborted".
            let (answers, [encryption, decryption]) = match (asked, &session) {
                (Ok(asked), _) => asked,
                (Err(error), Ok(_)) => return Err(error),
                (Err(error), Err(reason)) => return Err(error.context(reason.to_string())),
            };
            Ok(Self {
                answers,
                session: session?,
                client_encryption: encryption,
                client_decryption: decryption,
            })
        })
    }
}

fn serve(
    model: &ServerModel,
    accelerator: &Accelerator,
    stream: TcpStream,
) -> Result<SessionReport> {
    let mut channel = connection::channel(stream, TIMEOUT)?;
    let opened = accelerator.open_kind(&**model.context().basis(), Geometry::DEFAULT, None)?;
    let mut machine = progress::watched(opened);
    let randomness = PartyRandomness::from_system()?;
    Ok(model.serve(&mut channel, &mut *machine, randomness, |_| {})?)
}

fn ask(stream: TcpStream, data: &Dataset, images: usize) -> Result<(Vec<AnswerRow>, [u64; 2])> {
    let channel = connection::channel(stream, TIMEOUT)?;
    let randomness = PartyRandomness::from_system()?;
    let mut client = Client::connect(channel, &ClientLimits::default(), randomness)?;
    let bar = progress::bar(images as u64, "private images");
    let answers = (0..images)
        .map(|index| {
            let answer = client.classify(data.image(index), |_| {})?;
            bar.inc(1);
            Ok(answer.into())
        })
        .collect::<Result<_>>()?;
    bar.finish_and_clear();
    let transforms = client.transforms();
    client.finish()?;
    Ok((answers, [transforms.encryption, transforms.decryption]))
}

impl Report for EvalReport {
    fn text(&self, _width: usize) -> String {
        let mut text = format!(
            "{}: {} of {} right in the clear, accuracy {:.2} % ({} ms)",
            self.model,
            thousands(self.correct as u64),
            plural(self.images, "image"),
            self.accuracy * 100.0,
            milliseconds(self.ms)
        );
        if let (Some(accuracy), Some(exact)) = (self.private_accuracy, self.bit_exact) {
            text += &format!(
                "\n{} through the private protocol on {}: accuracy {:.2} %, {} ms each\nbit exact: {}",
                plural(self.private_images, "image"),
                self.accelerator,
                accuracy * 100.0,
                milliseconds(self.private_ms / self.private_images.max(1) as f64),
                if exact { "yes" } else { "NO" }
            );
        }
        text
    }

    fn failure(&self) -> Option<String> {
        (self.bit_exact == Some(false)).then(|| {
            "the private logits differ from those of the integer network: this is a defect, please report it with the \
             output of `addax accel selftest`"
                .to_owned()
        })
    }
}
