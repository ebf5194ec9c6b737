//! How long to wait after failures in a row.

use std::time::Duration;

use super::error::Requeue;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);
/// Conflicts are retried at once this often; then something is fighting us.
const IMMEDIATE_RETRIES: u32 = 5;
const IMMEDIATELY: Duration = Duration::from_millis(50);

/// The pause before the next look, `None` for "only on a change". `failures` counts this failure too; `jitter` is in
/// 0.0..1.0.
pub fn pause(requeue: Requeue, failures: u32, jitter: f64) -> Option<Duration> {
    match requeue {
        Requeue::AwaitChange => None,
        Requeue::After(pause) => Some(later(pause, jitter)),
        Requeue::Immediately if failures <= IMMEDIATE_RETRIES => Some(IMMEDIATELY),
        Requeue::Immediately | Requeue::Backoff => Some(exponential(failures, jitter)),
    }
}

/// Spreads a regular pause by up to a tenth, never shorter: a server's Retry-After is a minimum.
pub fn later(pause: Duration, jitter: f64) -> Duration {
    pause + pause.mul_f64(0.1 * jitter.clamp(0.0, 1.0))
}

/// Doubles with every failure up to the cap; half of it is jitter, so that many objects do not return together.
fn exponential(failures: u32, jitter: f64) -> Duration {
    let full = FIRST
        .saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)))
        .min(LONGEST);
    full.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_wait_longer_up_to_a_cap() {
        let pauses: Vec<_> = (1..=12)
            .map(|failures| pause(Requeue::Backoff, failures, 1.0).unwrap())
            .collect();
        assert_eq!(pauses[0], Duration::from_secs(1));
        assert_eq!(pauses[3], Duration::from_secs(8));
        assert_eq!(pauses[11], LONGEST);
        assert_eq!(pause(Requeue::Backoff, u32::MAX, 0.0), Some(LONGEST / 2));
    }

    #[test]
    fn a_pause_that_was_asked_for_is_never_cut() {
        let asked = Duration::from_secs(7);
        for jitter in [0.0, 0.5, 1.0] {
            assert!(pause(Requeue::After(asked), 9, jitter).unwrap() >= asked);
        }
    }

    #[test]
    fn conflicts_are_retried_at_once_but_not_for_ever() {
        assert_eq!(pause(Requeue::Immediately, 5, 1.0), Some(IMMEDIATELY));
        assert_eq!(pause(Requeue::Immediately, 6, 1.0), Some(Duration::from_secs(32)));
    }

    #[test]
    fn what_needs_a_change_waits_for_it() {
        assert_eq!(pause(Requeue::AwaitChange, 1, 0.5), None);
    }
}
