//! Kernels with narrower vector instructions, and none: each level that this processor has above the lowest hides those
//! below it, so the tests that reach kernels are run again with `ADDAX_SIMD` set.

use anyhow::Result;

use crate::shell::Shell;

/// Levels below the highest.
const LEVELS: [&str; 2] = ["portable", "avx2"];

/// What reaches kernels: arithmetic, transforms, garbling; executors, layers, circuits between two parties, sessions. Simulated
/// light does not.
const TESTS: &str = "test -p addax-core -p addax --lib --test accel --test linear --test mpc --test protocol -- --skip optical";

/// Runs these tests at each level.
pub fn run() -> Result<()> {
    for level in LEVELS {
        println!("    ADDAX_SIMD={level}");
        Shell::cargo(TESTS).variable("ADDAX_SIMD", level).run()?;
    }
    Ok(())
}

/// Runs the tests whether times tell secrets, which take optimised code, many samples and no other test beside them.
pub fn constant_time() -> Result<()> {
    Shell::cargo("test --release -p addax-core --test constant_time -- --ignored")
        .argument("--test-threads=1")
        .argument("--nocapture")
        .run()
}
