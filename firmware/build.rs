//! Hands each binary the memory layout of its role on the chosen board.
//!
//! The runtime's linker script includes `memory.x`. Both binaries are linked with the same arguments but for one
//! directory to search, which holds that binary's `memory.x`.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// The binaries, which are also the roles that a layout file is named after.
const ROLES: [&str; 2] = ["bridge", "sensor"];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=memory");
    // Tests on the host are linked as the host does it.
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    let stm32f4 = env::var_os("CARGO_FEATURE_BOARD_STM32F4").is_some();
    let board = if stm32f4 { "stm32f4" } else { "an386" };
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    for role in ROLES {
        let directory = out.join(role);
        fs::create_dir_all(&directory).expect("OUT_DIR can be written");
        let layout = Path::new("memory").join(format!("{board}-{role}.x"));
        fs::copy(&layout, directory.join("memory.x"))
            .unwrap_or_else(|error| panic!("{}: {error}", layout.display()));
        if !stm32f4 {
            // The runtime also includes the names of a chip's interrupts. This board's vector table names its
            // handlers itself, so there is nothing to say.
            fs::write(directory.join("device.x"), "").expect("OUT_DIR can be written");
        }
        println!("cargo:rustc-link-arg-bin={role}=-L{}", directory.display());
    }
}
