//! The commands of README.md, run as they stand.
//!
//! The rule is the one that rustdoc has for examples: a block fenced as `sh` is run, in the workspace's root with
//! `sh -eu`, unless its fence says `no_run`. Blocks of other languages are not commands.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::shell::{Shell, root};

/// Runs the blocks one after the other.
pub fn run() -> Result<()> {
    let text = fs::read_to_string(root().join("README.md")).context("README.md")?;
    let blocks = runnable(&text);
    if blocks.is_empty() {
        bail!("README.md has no command that can be run");
    }
    for block in blocks {
        Shell::new("sh", "-euc").argument(block).run()?;
    }
    Ok(())
}

/// The runnable blocks of a Markdown text.
fn runnable(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<(bool, String)> = None;
    for line in text.lines() {
        match (open.as_mut(), line.strip_prefix("```")) {
            (None, Some(information)) => {
                let words: Vec<&str> = information.split([' ', ',']).collect();
                let run = words[0] == "sh" && !words.contains(&"no_run");
                open = Some((run, String::new()));
            }
            (Some(_), Some(_)) => {
                if let Some((true, block)) = open.take() {
                    blocks.push(block.trim_end().to_owned());
                }
            }
            (Some((_, block)), None) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_blocks_are_run_unless_they_say_otherwise() {
        let text = "a\n```sh\none\ntwo\n```\n```sh no_run\nthree\n```\n```text\nfour\n```\n```sh\nfive\n```\n";
        assert_eq!(runnable(text), ["one\ntwo", "five"]);
    }
}
