//! `addax-sim`: a simulated ring processor, offered as a device.
#![forbid(unsafe_code)]

mod serve;

use std::io::Read;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A simulated ring processor for hosts that want a device.
#[derive(Parser)]
#[command(name = "addax-sim", version, arg_required_else_help = true)]
struct Cli {
    /// Print JSON objects on stdout instead of text
    #[arg(long, global = true)]
    json: bool,
    /// End when standard input closes: set by processes that start this one and must not leave it behind
    #[arg(long, global = true, hide = true)]
    end_with_parent: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Offer a simulated ring processor on a socket, to one host after the other
    Serve(serve::ServeArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if cli.end_with_parent {
        std::thread::spawn(|| {
            let mut input = std::io::stdin().lock();
            let mut buffer = [0; 64];
            while matches!(input.read(&mut buffer), Ok(count) if count > 0) {}
            std::process::exit(1);
        });
    }
    let outcome = match &cli.command {
        Command::Serve(args) => serve::run(args, cli.json),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
