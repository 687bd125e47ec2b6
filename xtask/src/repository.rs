//! Rules that no compiler checks.

use anyhow::{Result, bail};

use crate::needs;
use crate::sources::{self, Source};

/// `unsafe` may stand in files of SIMD kernels, of register access and of what a program without an operating system
/// does with the bare machine only: those below a directory of this name, or called so.
const UNSAFE_PLACES: [&str; 5] = ["simd", "avx2", "avx512", "registers", "bare_metal"];

/// Words that mark unfinished work, spelt so that this file passes its own check.
const MARKERS: [&str; 3] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];

/// Checks every file and lists all that is wrong.
pub fn check() -> Result<()> {
    let mut wrong = Vec::new();
    let rust = sources::files(&[".rs"])?;
    for source in &rust {
        unsafe_code(source, &mut wrong);
        ignored(source, &mut wrong);
        if source.path.starts_with("core/src") && source.text.contains("extern crate alloc") {
            wrong.push(format!(
                "{}: the core must not allocate",
                source.path.display()
            ));
        }
    }
    let texts = sources::files(&[".rs", ".toml", ".md", ".py", ".sh", ".yml"])?;
    for source in &texts {
        markers(source, &mut wrong);
    }
    println!(
        "    {} Rust files, {} text files: unsafe code, allocation in core, ignored tests, unfinished work",
        rust.len(),
        texts.len()
    );
    if wrong.is_empty() {
        return Ok(());
    }
    bail!("repository checks\n  {}", wrong.join("\n  "))
}

fn unsafe_code(source: &Source, wrong: &mut Vec<String>) {
    let allowed = source.path.iter().any(|part| {
        let name = part.to_string_lossy();
        UNSAFE_PLACES.contains(&name.trim_end_matches(".rs"))
    });
    if allowed {
        return;
    }
    for (at, line) in source.text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or(line);
        let uses = ["{", "fn", "impl", "trait", "extern"]
            .iter()
            .any(|next| code.contains(&["unsafe", next].join(" ")));
        if uses {
            wrong.push(format!(
                "{}:{}: code that the compiler does not check, outside of {UNSAFE_PLACES:?}",
                source.path.display(),
                at + 1
            ));
        }
    }
}

fn ignored(source: &Source, wrong: &mut Vec<String>) {
    for test in sources::ignored_tests(&source.text) {
        let place = format!("{}:{}", source.path.display(), test.line);
        let Some(reason) = test.reason else {
            wrong.push(format!(
                "{place}: {} is ignored without a reason",
                test.function
            ));
            continue;
        };
        for name in needs::names(&reason).unwrap_or_default() {
            if !needs::is_known(name) {
                wrong.push(format!(
                    "{place}: {} needs {name}, which `cargo xtask test` cannot find",
                    test.function
                ));
            }
        }
    }
}

fn markers(source: &Source, wrong: &mut Vec<String>) {
    for (at, line) in source.text.lines().enumerate() {
        let words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        if words.into_iter().any(|word| MARKERS.contains(&word)) {
            wrong.push(format!(
                "{}:{}: unfinished work",
                source.path.display(),
                at + 1
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(path: &str, text: &str) -> usize {
        let source = Source {
            path: path.into(),
            text: text.to_owned(),
        };
        let mut wrong = Vec::new();
        unsafe_code(&source, &mut wrong);
        ignored(&source, &mut wrong);
        markers(&source, &mut wrong);
        wrong.len()
    }

    #[test]
    fn each_rule_catches_its_breach_and_nothing_else() {
        let block = format!("let x = {} {{ y }};", "unsafe");
        assert_eq!(wrong("core/src/poly.rs", &block), 1);
        assert_eq!(wrong("core/src/ntt/avx512.rs", &block), 0);
        assert_eq!(wrong("host/src/accel/simd/add.rs", &block), 0);
        assert_eq!(wrong("core/src/lib.rs", "#![forbid(unsafe_code)]"), 0);
        assert_eq!(wrong("a.rs", &format!("// {}: more", MARKERS[0])), 1);
        assert_eq!(wrong("a.rs", &format!("let {}S = 1;", MARKERS[0])), 0);
        let ignore = "#[ignore";
        assert_eq!(wrong("a.rs", &format!("{ignore}]\nfn a() {{}}")), 1);
        assert_eq!(
            wrong(
                "a.rs",
                &format!("{ignore} = \"needs luck: x\"]\nfn a() {{}}")
            ),
            1
        );
        assert_eq!(
            wrong(
                "a.rs",
                &format!("{ignore} = \"needs MNIST: x\"]\nfn a() {{}}")
            ),
            0
        );
    }
}
