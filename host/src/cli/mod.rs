//! The command line: one file a command, and beside them what the commands share.
//!
//! | file | what it holds |
//! |---|---|
//! | `output` | tables and numbers for people, one JSON object for programs |
//! | `load` | models: where they are, how wide their integers are |
//! | `connection` | addresses, time limits, channels over TCP |
//! | `answers` | digests of answers, and what one party reports to another process |
//! | `gallery` | pictures side by side in a terminal |
//! | `progress` | bars on stderr |
//! | `memory` | this process's peak |
//!
//! Exit codes: 0 the command did what it should; 1 it failed; 2 the command line is wrong.

mod accel;
mod answers;
mod classify;
mod connection;
mod demo;
mod device;
mod draw;
mod eval;
mod gallery;
mod load;
mod memory;
mod model;
mod optical;
mod output;
mod plan;
mod progress;
mod serve;

use std::io::{IsTerminal, Read};
use std::num::NonZeroUsize;
use std::process::ExitCode;

use clap::{ArgAction, Parser, Subcommand};
use tracing_subscriber::filter::LevelFilter;

use output::finish;

/// Private neural-network inference: the client's image and the server's weights stay with their owners.
#[derive(Parser)]
#[command(name = "addax", version, arg_required_else_help = true)]
struct Cli {
    /// Print one JSON object on stdout instead of text
    #[arg(long, global = true)]
    json: bool,
    /// Say more on stderr; twice for details
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// Threads that compute; all cores if not given
    #[arg(long, global = true, value_name = "COUNT")]
    threads: Option<NonZeroUsize>,
    /// End when standard input closes: set by processes that start this one and must not leave it behind
    #[arg(long, global = true, hide = true)]
    end_with_parent: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Classify drawn digits with a server and a client process on this computer
    Demo(demo::DemoArgs),
    /// Serve a model to clients that keep their images to themselves
    Serve(serve::ServeArgs),
    /// Have images classified by a server that does not see them
    Classify(classify::ClassifyArgs),
    /// Measure a model's accuracy, in the clear and through the private protocol
    Eval(eval::EvalArgs),
    /// Say what private inference with a model takes, without running it
    Plan(plan::PlanArgs),
    /// Look at models
    #[command(subcommand)]
    Model(model::ModelCommand),
    /// Look at accelerators
    #[command(subcommand)]
    Accel(accel::AccelCommand),
    /// Talk to microcontrollers that encrypt what they sense
    #[command(subcommand)]
    Device(device::DeviceCommand),
    /// Simulate the quantum-optical protocol: light is simulated, nothing sent over a wire is protected
    #[command(subcommand)]
    Optical(optical::OpticalCommand),
    /// Draw digits as PNG or IDX files
    Draw(draw::DrawArgs),
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    start_log(cli.verbose);
    if cli.end_with_parent {
        std::thread::spawn(end_with_parent);
    }
    match execute(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", describe(&error));
            ExitCode::FAILURE
        }
    }
}

fn execute(cli: &Cli) -> anyhow::Result<()> {
    let json = cli.json;
    if let Some(threads) = cli.threads {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads.get())
            .build_global()?;
    }
    if let Ok(name) = std::env::var("ADDAX_SIMD")
        && addax_core::simd::Level::from_name(&name).is_none()
    {
        let levels = addax_core::simd::Level::ALL.map(|level| level.name());
        anyhow::bail!(
            "the environment variable ADDAX_SIMD is {name:?}: it may be {}, or unset",
            levels.join(", ")
        );
    }
    match &cli.command {
        Command::Demo(args) => finish(json, &demo::run(args)?),
        Command::Serve(args) => finish(json, &serve::run(args, json)?),
        Command::Classify(args) => finish(json, &classify::run(args)?),
        Command::Eval(args) => finish(json, &eval::run(args)?),
        Command::Plan(args) => finish(json, &plan::run(args)?),
        Command::Model(model::ModelCommand::Show(args)) => finish(json, &model::show(args)?),
        Command::Accel(accel::AccelCommand::List) => finish(json, &accel::list()),
        Command::Accel(accel::AccelCommand::Run(args)) => finish(json, &accel::run(args)?),
        Command::Accel(accel::AccelCommand::Bench(args)) => finish(json, &accel::bench(args)?),
        Command::Accel(accel::AccelCommand::Info(args)) => finish(json, &accel::info(args)?),
        Command::Accel(accel::AccelCommand::Emulate(args)) => accel::emulate(args, json),
        Command::Accel(accel::AccelCommand::Stress(args)) => finish(json, &accel::stress(args)?),
        Command::Accel(accel::AccelCommand::Selftest(args)) => {
            finish(json, &accel::selftest(args)?)
        }
        Command::Device(device::DeviceCommand::Info(args)) => finish(json, &device::info(args)?),
        Command::Device(device::DeviceCommand::Pair(args)) => finish(json, &device::pair(args)?),
        Command::Device(device::DeviceCommand::Encrypt(args)) => {
            finish(json, &device::encrypt(args)?)
        }
        Command::Device(device::DeviceCommand::Decrypt(args)) => {
            finish(json, &device::decrypt(args)?)
        }
        Command::Device(device::DeviceCommand::Emulate(args)) => device::emulate(args, json),
        Command::Device(device::DeviceCommand::Log(args)) => {
            finish(json, &device::log(args, json)?)
        }
        Command::Optical(optical::OpticalCommand::Run(args)) => finish(json, &optical::run(args)?),
        Command::Optical(optical::OpticalCommand::Sweep(args)) => {
            finish(json, &optical::sweep(args)?)
        }
        Command::Optical(optical::OpticalCommand::Attack(args)) => {
            finish(json, &optical::attack(args)?)
        }
        Command::Draw(args) => finish(json, &draw::run(args)?),
    }
}

/// An error with its causes. Many errors of the library name their cause already; it is not said twice.
fn describe(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !text.ends_with(&cause) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&cause);
        }
    }
    text
}

fn start_log(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}

/// Waits until whoever holds the other end of standard input is gone, however it went.
fn end_with_parent() {
    let mut input = std::io::stdin().lock();
    let mut buffer = [0; 64];
    while matches!(input.read(&mut buffer), Ok(count) if count > 0) {}
    std::process::exit(1);
}
