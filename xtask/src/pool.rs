//! Several tools at the same time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::Result;

/// Runs `work` on every item, on up to `jobs` threads. After a failure nothing new is begun.
pub fn in_parallel<T: Sync>(
    jobs: usize,
    items: &[T],
    work: impl Fn(&T) -> Result<()> + Sync,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let failure = Mutex::new(Ok(()));
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) = work(item) {
                        next.store(items.len(), Ordering::Relaxed);
                        if let Ok(mut failure) = failure.lock()
                            && failure.is_ok()
                        {
                            *failure = Err(error);
                        }
                    }
                }
            });
        }
    });
    failure.into_inner().unwrap_or(Ok(()))
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn every_item_is_worked_on_once() {
        let sum = AtomicUsize::new(0);
        let items: Vec<usize> = (0..100).collect();
        in_parallel(3, &items, |item| {
            sum.fetch_add(*item, Ordering::Relaxed);
            Ok(())
        })
        .unwrap();
        assert_eq!(sum.into_inner(), 4950);
    }

    #[test]
    fn a_failure_ends_the_work_and_is_returned() {
        let done = AtomicUsize::new(0);
        let items: Vec<usize> = (0..100).collect();
        let result = in_parallel(1, &items, |item| {
            if *item == 5 {
                bail!("five");
            }
            done.fetch_add(1, Ordering::Relaxed);
            Ok(())
        });
        assert_eq!(result.unwrap_err().to_string(), "five");
        assert_eq!(done.into_inner(), 5);
    }
}
