//! How benchmarks measure.

use criterion::Criterion;

/// Criterion as all benchmarks here use it: seconds, not minutes.
pub fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(50)
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_secs(1))
        .configure_from_args()
}

/// Whether this run measures, or only lists or tries the benchmarks.
pub fn measuring() -> bool {
    std::env::args().any(|argument| argument == "--bench")
        && !std::env::args().any(|argument| argument == "--list" || argument == "--test")
}
