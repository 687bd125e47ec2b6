//! How a benchmark hands a figure to `cargo xtask bench`: a line of its own on standard output, `figure NAME VALUE`.
//!
//! Names are those of the object that `cargo xtask bench --json` prints, which lists them with their units.

/// Prints a figure.
pub fn figure(name: &str, value: f64) {
    println!("figure {name} {value:.6}");
}
