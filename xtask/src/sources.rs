//! The files of the repository and the tests that are ignored in them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::shell::root;

/// Directories that hold nothing of ours.
const FOREIGN: [&str; 4] = ["target", ".git", "__pycache__", "cache"];

/// A text file of the repository.
pub struct Source {
    /// Where it lies, below the root.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
}

/// Every text file of the repository whose name ends with one of `endings`.
pub fn files(endings: &[&str]) -> Result<Vec<Source>> {
    let mut found = Vec::new();
    walk(&root(), endings, &mut found)?;
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn walk(directory: &Path, endings: &[&str], found: &mut Vec<Source>) -> Result<()> {
    let entries = fs::read_dir(directory).with_context(|| format!("{}", directory.display()))?;
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() {
            if !FOREIGN.contains(&name.as_str()) {
                walk(&path, endings, found)?;
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            let text = fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
            let path = path.strip_prefix(root()).unwrap_or(&path).to_path_buf();
            found.push(Source { path, text });
        }
    }
    Ok(())
}

/// A test that `cargo test` skips.
#[derive(Debug, PartialEq, Eq)]
pub struct IgnoredTest {
    /// The name of its function.
    pub function: String,
    /// The reason given in the attribute, if one is.
    pub reason: Option<String>,
    /// Line of the attribute, from 1.
    pub line: usize,
}

/// The ignored tests of one Rust file: attributes on lines of their own, as rustfmt leaves them.
pub fn ignored_tests(text: &str) -> Vec<IgnoredTest> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(attribute) = line.strip_prefix("#[ignore") else {
            continue;
        };
        let reason = attribute
            .split_once('"')
            .and_then(|(_, rest)| rest.rsplit_once('"'))
            .map(|(reason, _)| reason.trim().to_owned())
            .filter(|reason| !reason.is_empty());
        let function = lines[at + 1..]
            .iter()
            .find_map(|line| line.split_once("fn "))
            .and_then(|(_, rest)| rest.split(['(', '<']).next());
        if let Some(function) = function {
            found.push(IgnoredTest {
                function: function.to_owned(),
                reason,
                line: at + 1,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_tests_are_found_with_their_reasons() {
        let ignore = "#[ignore";
        let text = format!(
            "#[test]\n{ignore} = \"needs MNIST: cargo xtask test\"]\nfn one() {{}}\n\n\
             #[test]\n{ignore}]\n#[should_panic]\nfn two() {{}}\n"
        );
        let found = ignored_tests(&text);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].function, "one");
        assert_eq!(
            found[0].reason.as_deref(),
            Some("needs MNIST: cargo xtask test")
        );
        assert_eq!(found[1].function, "two");
        assert_eq!(found[1].reason, None);
        assert_eq!(found[1].line, 6);
    }
}
