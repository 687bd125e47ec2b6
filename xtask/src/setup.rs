//! What has to be installed before the tests: targets and components of the Rust toolchain, and the programs that the
//! checks of the hardware use. The linker that Rust itself uses is there already, or this program would not run.

use std::path::Path;

use anyhow::{Result, bail};

use crate::core_targets::TARGETS;
use crate::shell::Shell;
use crate::system;

/// Components by name, and the command that shows they are there.
const COMPONENTS: [(&str, &str); 2] =
    [("rustfmt", "fmt --version"), ("clippy", "clippy --version")];

/// Installs what is missing and says so.
pub fn all() -> Result<()> {
    toolchain()?;
    system::tools()
}

/// Adds the missing targets and components with rustup and says so.
fn toolchain() -> Result<()> {
    println!("    {}", Shell::new("rustc", "--version").output()?.trim());
    for target in TARGETS {
        if has_target(target)? {
            println!("    target {target}: present");
        } else {
            rustup("target", target)?;
            if !has_target(target)? {
                bail!("target {target} is still missing after `rustup target add {target}`");
            }
        }
    }
    for (component, probe) in COMPONENTS {
        if Shell::cargo(probe).succeeds() {
            println!("    component {component}: present");
        } else {
            rustup("component", component)?;
        }
    }
    Ok(())
}

/// Whether the standard library of `target` lies in the toolchain that cargo uses.
fn has_target(target: &str) -> Result<bool> {
    let libraries = Shell::new("rustc", "--print target-libdir --target")
        .argument(target)
        .output()?;
    Ok(Path::new(libraries.trim()).is_dir())
}

fn rustup(kind: &str, name: &str) -> Result<()> {
    println!("    {kind} {name}: missing, installing");
    if !Shell::new("rustup", "--version").succeeds() {
        bail!(
            "{kind} {name} is missing and there is no rustup to add it: install rustup, \
             or the {kind} with the package manager that brought Rust"
        );
    }
    if Shell::new("rustup", kind)
        .argument("add")
        .argument(name)
        .run()
        .is_err()
    {
        bail!("`rustup {kind} add {name}` failed: is this machine online?");
    }
    Ok(())
}
