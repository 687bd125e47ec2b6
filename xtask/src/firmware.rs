//! The firmware: built for every board, and checked like everything else. It is a workspace of its own, with its own
//! target and its own lock file.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::shell::{Shell, root};

/// What the microcontrollers are.
pub const TARGET: &str = "thumbv7em-none-eabihf";

/// Boards: the name, and the options of cargo that choose it.
const BOARDS: [(&str, &str); 2] = [
    ("an386", ""),
    ("stm32f4", "--no-default-features --features board-stm32f4"),
];

/// Which board to build for.
#[derive(Args)]
pub struct Options {
    /// Only this board: an386 (emulated) or stm32f4 (NUCLEO-F429ZI)
    #[arg(long, value_parser = BOARDS.map(|(name, _)| name))]
    board: Option<String>,
}

/// `cargo xtask firmware`: builds, and says where the programs are.
pub fn run(options: &Options) -> Result<()> {
    for (board, features) in BOARDS {
        if options.board.as_deref().is_none_or(|only| only == board) {
            cargo("build --release --locked --bins", board, features).run()?;
            let directory = programs(board);
            println!("    {0}/bridge\n    {0}/sensor", directory.display());
        }
    }
    Ok(())
}

/// Where the programs for a board are built.
pub fn programs(board: &str) -> PathBuf {
    build_directory(board).join(TARGET).join("release")
}

/// That of the emulated board is where `addax` looks for its programs.
fn build_directory(board: &str) -> PathBuf {
    let target = root().join("firmware/target");
    match board {
        "an386" => target,
        board => target.join(board),
    }
}

fn cargo(arguments: &str, board: &str, features: &str) -> Shell {
    Shell::cargo(arguments)
        .arguments(features)
        .arguments("--target-dir")
        .argument(build_directory(board))
        .directory(root().join("firmware"))
}

/// Everything that can be checked without a board: format, warnings, the tests of what needs no machine, the builds.
pub fn check() -> Result<()> {
    let here = Shell::new("rustc", "--print host-tuple").output()?;
    Shell::cargo("fmt --check")
        .directory(root().join("firmware"))
        .run()?;
    for (board, features) in BOARDS {
        cargo("clippy --release --locked --bins --lib", board, features)
            .arguments("-- -D warnings")
            .run()?;
    }
    let here = format!("--target {}", here.trim());
    cargo("test --locked --lib", "an386", &here).run()?;
    run(&Options { board: None })
}
