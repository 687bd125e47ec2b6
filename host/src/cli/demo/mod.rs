//! `addax demo`: a server and a client as two processes, drawn digits, and a third computation that checks them.

mod party;
mod report;

use std::fs::File;
use std::path::{Path, PathBuf};

use addax::accel::Accelerator;
use addax::data::{Dataset, draw, idx};
use addax::net::integer;
use anyhow::{Context, Result};
use clap::{Args, value_parser};

use super::answers::AnswerRow;
use super::classify::ClassifyReport;
use super::load::{ModelFile, reveal};
use super::progress;
use super::serve::ServeReport;
use party::{Party, wait_for_address};
use report::DemoReport;

/// Arguments of `addax demo`.
#[derive(Args)]
pub struct DemoArgs {
    /// Drawings to classify
    #[arg(long, value_name = "COUNT", default_value_t = 10, value_parser = value_parser!(u32).range(1..=10_000))]
    images: u32,
    /// What computes on ciphertexts; see `addax accel list`
    #[arg(long, default_value_t)]
    accelerator: Accelerator,
    /// Chooses the drawings (never keys)
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    model: ModelFile,
    /// Reveal labels only, not logits
    #[arg(long)]
    arg_max: bool,
    /// Classify the first images of a data set instead of drawings: a directory as `addax eval` takes it
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "seed")]
    data: Option<PathBuf>,
    /// Prepare for every image before it is used: what does not depend on it, garbled tables above all, goes ahead
    #[arg(long)]
    ahead: bool,
}

/// Runs both parties, then the integer reference, and compares.
///
/// # Errors
/// A party that fails, with its own words.
pub fn run(args: &DemoArgs) -> Result<DemoReport> {
    let drawings = match &args.data {
        Some(directory) => first_images(directory, args.images as usize)?,
        None => draw::drawings(args.images as usize, args.seed),
    };
    let (server, client) = parties(args, &drawings)?;

    // The third computation: it knows weights and images, which neither party does.
    let network = args.model.network()?;
    let reference = integer::Evaluator::new(&network)?;
    let expected = (0..drawings.len())
        .map(|index| {
            let logits = reference.evaluate(drawings.image(index))?;
            Ok(AnswerRow::expected(logits, reveal(args.arg_max)))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(DemoReport::new(
        (drawings, args.data.is_none()),
        &expected,
        server,
        client,
        &network.name,
        reveal(args.arg_max),
    ))
}

fn first_images(directory: &Path, count: usize) -> Result<Dataset> {
    let data = Dataset::open(directory)?;
    // The last one first: an error names it.
    data.try_image(count - 1)
        .with_context(|| directory.display().to_string())?;
    let images = (0..count).flat_map(|index| data.image(index).to_vec());
    let labels = (0..count).map(|index| data.label(index));
    Ok(Dataset::new(
        data.shape(),
        images.collect(),
        labels.collect(),
    )?)
}

/// Runs server and client, each in a process of its own. The client gets the drawings and the server's address; the
/// server gets the model.
fn parties(args: &DemoArgs, drawings: &Dataset) -> Result<(ServeReport, ClassifyReport)> {
    let directory = tempfile::tempdir().context("cannot make a directory for the drawings")?;
    let images = match &args.data {
        Some(data) => data.clone(),
        None => {
            let images = directory.path().join("drawings.idx");
            idx::write_images(drawings, &mut File::create(&images)?)
                .with_context(|| format!("cannot write the drawings to {}", images.display()))?;
            images
        }
    };
    let address_file = directory.path().join("address");

    // The reference machine takes its time; both parties end with this process, so nobody waits forever.
    let timeout = "3600";
    let model = args.model.path()?.display().to_string();
    let address_path = address_file.display().to_string();
    let accelerator = args.accelerator.to_string();
    let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--sessions", "1"];
    arguments.extend(["--timeout", timeout, "--address-file", &address_path]);
    arguments.extend(["--accelerator", &accelerator, "--model", &model]);
    if args.arg_max {
        arguments.push("--arg-max");
    }
    let spinner = progress::spinner("the server encodes its weights");
    let mut server = Party::start("server", &owned(&arguments))?;
    let address = wait_for_address(&mut server, &address_file)?;

    spinner.set_message("the client asks, the server answers");
    let count = drawings.len().to_string();
    let images = images.display().to_string();
    let source = if args.data.is_some() {
        "--data"
    } else {
        "--idx"
    };
    let mut arguments = vec!["classify", "--server", &address, source, &images];
    arguments.extend(["--count", &count, "--timeout", timeout]);
    if args.ahead {
        arguments.push("--ahead");
    }
    let client = Party::start("client", &owned(&arguments))?;
    let client = match client.report() {
        Ok(report) => report,
        Err(error) => {
            // If the server failed first, its reason is the better one.
            return Err(match server.has_ended()? {
                true => server.error().context(error),
                false => error,
            });
        }
    };
    let server = server.report()?;
    spinner.finish_and_clear();
    Ok((server, client))
}

fn owned(arguments: &[&str]) -> Vec<String> {
    arguments
        .iter()
        .map(|&argument| argument.to_owned())
        .collect()
}
