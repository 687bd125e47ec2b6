//! The licences of everything that is compiled in.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::firmware;
use crate::shell::Shell;

/// Licences that may be combined with MIT OR Apache-2.0.
const ALLOWED: [&str; 12] = [
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "MPL-2.0",
    "CC0-1.0",
    "Unlicense",
    "0BSD",
];

/// Also allowed in crates that only tests and benchmarks use: BSD without a patent grant.
const ALLOWED_IN_TESTS: [&str; 1] = ["BSD-3-Clause-Clear"];

/// Checks the licence of every crate that this platform's programs and the firmware of every board depend on.
pub fn check() -> Result<()> {
    let platform = Shell::new("rustc", "--print host-tuple").output()?;
    check_tree("Cargo.toml", platform.trim())?;
    println!("    firmware:");
    check_tree("firmware/Cargo.toml", firmware::TARGET)
}

fn check_tree(manifest: &str, platform: &str) -> Result<()> {
    let metadata = Shell::cargo("metadata --format-version 1 --locked --all-features")
        .arguments("--manifest-path")
        .argument(manifest)
        .arguments("--filter-platform")
        .argument(platform)
        .output()?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata")?;
    let shipped = shipped(&metadata);
    let mut offenders = Vec::new();
    let mut licences = BTreeMap::<&str, usize>::new();
    for package in array(&metadata["packages"]) {
        let licence = package["license"].as_str().unwrap_or("none stated");
        *licences.entry(licence).or_default() += 1;
        let in_tests = !shipped.contains(text(&package["id"]));
        let allowed =
            |name: &str| ALLOWED.contains(&name) || (in_tests && ALLOWED_IN_TESTS.contains(&name));
        if !satisfied(licence, &allowed) {
            let (name, version) = (text(&package["name"]), text(&package["version"]));
            offenders.push(format!("{name} {version}: {licence}"));
        }
    }
    for (licence, count) in licences {
        println!("    {count:4}  {licence}");
    }
    if offenders.is_empty() {
        return Ok(());
    }
    bail!("licences not allowed\n  {}", offenders.join("\n  "))
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The packages that a build without tests needs: what the workspace reaches over normal and build dependencies.
fn shipped(metadata: &Value) -> BTreeSet<&str> {
    let mut edges = BTreeMap::new();
    for node in array(&metadata["resolve"]["nodes"]) {
        let needed = array(&node["deps"]).iter().filter(|dependency| {
            let kinds = array(&dependency["dep_kinds"]);
            kinds
                .iter()
                .any(|kind| kind["kind"].as_str() != Some("dev"))
        });
        let needed: Vec<&str> = needed.map(|dependency| text(&dependency["pkg"])).collect();
        edges.insert(text(&node["id"]), needed);
    }
    let mut reached = BTreeSet::new();
    let mut waiting: Vec<&str> = array(&metadata["workspace_members"])
        .iter()
        .map(text)
        .collect();
    while let Some(package) = waiting.pop() {
        if reached.insert(package) {
            waiting.extend(edges.get(package).into_iter().flatten());
        }
    }
    reached
}

/// Whether an SPDX expression can be met with allowed licences. `/` is the old spelling of `OR`; an exception
/// (`WITH …`) only permits more.
fn satisfied(expression: &str, allowed: &dyn Fn(&str) -> bool) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let met = any(&words, &mut at, allowed);
    met && at == words.len()
}

fn any(words: &[&str], at: &mut usize, allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut met = all(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= all(words, at, allowed);
    }
    met
}

fn all(words: &[&str], at: &mut usize, allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut met = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(words, at, allowed);
    }
    met
}

fn one(words: &[&str], at: &mut usize, allowed: &dyn Fn(&str) -> bool) -> bool {
    let word = words.get(*at).copied().unwrap_or_default();
    *at += 1;
    if word == "(" {
        let met = any(words, at, allowed);
        *at += 1;
        return met;
    }
    if words.get(*at) == Some(&"WITH") {
        *at += 2;
    }
    allowed(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_met_by_allowed_licences_only() {
        let met = |expression| satisfied(expression, &|name| ALLOWED.contains(&name));
        assert!(met("MIT OR Apache-2.0"));
        assert!(met("MIT/Apache-2.0"));
        assert!(met("(MIT OR GPL-3.0) AND Unicode-3.0"));
        assert!(met("Apache-2.0 WITH LLVM-exception OR GPL-2.0"));
        assert!(!met("MIT AND GPL-3.0"));
        assert!(!met("GPL-3.0"));
        assert!(!met("BSD-3-Clause-Clear"));
        assert!(!met("none stated"));
        assert!(!met("(MIT"));
        assert!(!met(""));
    }
}
