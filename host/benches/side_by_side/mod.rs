//! Contestants measured in one process, in turns, so that a machine that drifts drifts for all of them.

use std::time::Instant;

/// Time of one batch, so that reading the clock costs nothing.
const BATCH_SECONDS: f64 = 0.5e-3;

/// Turns of each contestant.
const ROUNDS: usize = 201;

/// Median microseconds of one call of each contestant.
pub fn medians(contestants: &mut [&mut dyn FnMut()]) -> Vec<f64> {
    let batches: Vec<u32> = contestants
        .iter_mut()
        .map(|contestant| {
            contestant();
            let start = Instant::now();
            (0..20).for_each(|_| contestant());
            let once = start.elapsed().as_secs_f64() / 20.0;
            (BATCH_SECONDS / once.max(1e-9)).ceil() as u32
        })
        .collect();
    let mut times = vec![Vec::with_capacity(ROUNDS); contestants.len()];
    for _ in 0..ROUNDS {
        for (index, contestant) in contestants.iter_mut().enumerate() {
            let start = Instant::now();
            (0..batches[index]).for_each(|_| contestant());
            times[index].push(start.elapsed().as_secs_f64() * 1e6 / f64::from(batches[index]));
        }
    }
    times
        .into_iter()
        .map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[ROUNDS / 2]
        })
        .collect()
}
