//! How much memory this process has had at most.

/// The peak of resident memory in megabytes (10^6 bytes), where the system tells.
pub fn peak_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some((kib * 1.024).round() / 1e3)
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn the_peak_grows_with_what_is_touched() {
        let before = super::peak_mb().unwrap();
        let touched = vec![1u8; 64_000_000 + (before * 1e6) as usize];
        assert!(std::hint::black_box(&touched).iter().all(|&x| x == 1));
        assert!(super::peak_mb().unwrap() >= before + 60.0);
    }
}
