//! How fast a run is, when it will end, and what holds it up.
//!
//! Moments are the time since a fixed one of the caller's monotonic clock, as in [`super::admission_queue`].

use std::time::Duration;

use jiff::Timestamp;

/// How long the past counts: after this time an old rate has lost two thirds of its weight.
const MEMORY: Duration = Duration::from_secs(10);
/// Without one write in this time the run is held up, and no end can be told.
const HELD_UP: Duration = Duration::from_secs(5);

/// Writes per second, smoothed, so that one slow answer does not move the end by an hour.
#[derive(Debug)]
pub struct Pace {
    begun: (Duration, usize),
    last: (Duration, usize),
    last_write: Duration,
    smoothed: Option<f64>,
}

impl Pace {
    /// Begins with what is completed already.
    #[must_use]
    pub fn new(now: Duration, completed: usize) -> Self {
        Self {
            begun: (now, completed),
            last: (now, completed),
            last_write: now,
            smoothed: None,
        }
    }

    /// Takes a look at the counter.
    pub fn observe(&mut self, now: Duration, completed: usize) {
        let passed = now.saturating_sub(self.last.0).as_secs_f64();
        if passed <= 0.0 {
            return;
        }
        let latest = completed.saturating_sub(self.last.1) as f64 / passed;
        if completed > self.last.1 {
            self.last_write = now;
        }
        let kept = (-passed / MEMORY.as_secs_f64()).exp();
        self.smoothed = Some(
            self.smoothed
                .map_or(latest, |old| old * kept + latest * (1.0 - kept)),
        );
        self.last = (now, completed);
    }

    /// Entities per second of late.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.smoothed.unwrap_or_default()
    }

    /// Entities per second from the beginning until the last look.
    #[must_use]
    pub fn average(&self) -> f64 {
        let took = self.last.0.saturating_sub(self.begun.0).as_secs_f64();
        self.last.1.saturating_sub(self.begun.1) as f64 / took.max(0.001)
    }

    /// Time for what remains; none while the run is held up.
    #[must_use]
    pub fn time_for(&self, remaining: usize) -> Option<Duration> {
        if self.is_held_up() {
            return None;
        }
        Duration::try_from_secs_f64((remaining as f64 / self.rate()).ceil()).ok()
    }

    /// Whether nothing has been written for a while.
    #[must_use]
    pub fn is_held_up(&self) -> bool {
        self.last.0.saturating_sub(self.last_write) >= HELD_UP || self.rate() <= 0.0
    }
}

/// What the run waits for, when no end can be told. `target` is who answers the writes, and `paused` what is left of a pause that it
/// asked for.
#[must_use]
pub fn waiting_for(pace: &Pace, target: &str, paused: Option<Duration>, now: Timestamp) -> Option<String> {
    if let Some(end) = paused.and_then(|left| now.checked_add(left).ok()) {
        return Some(format!("rate limited until {}", end.strftime("%H:%M:%S UTC")));
    }
    (pace.is_held_up() && pace.smoothed.is_some()).then(|| format!("{target} to answer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked(counts: &[usize]) -> Pace {
        let mut pace = Pace::new(Duration::from_secs(7), 0);
        for (second, completed) in (8..).zip(counts) {
            pace.observe(Duration::from_secs(second), *completed);
        }
        pace
    }

    #[test]
    fn a_steady_run_ends_when_it_should() {
        let pace = looked(&[10, 20, 30, 40]);
        assert!((pace.rate() - 10.0).abs() < 0.001 && (pace.average() - 10.0).abs() < 0.001);
        assert_eq!(pace.time_for(95), Some(Duration::from_secs(10)));
    }

    #[test]
    fn one_slow_second_changes_little() {
        let pace = looked(&[10, 20, 30, 31]);
        assert!(pace.rate() > 8.0, "{}", pace.rate());
    }

    #[test]
    fn no_end_is_told_while_nothing_moves() {
        let pace = looked(&[10, 20, 20, 20, 20, 20, 20]);
        assert_eq!(pace.time_for(5), None);
        assert_eq!(
            waiting_for(&pace, "the target", None, Timestamp::UNIX_EPOCH).as_deref(),
            Some("the target to answer")
        );
        assert_eq!(looked(&[0]).time_for(5), None);
    }

    #[test]
    fn a_pause_is_told_with_its_end() {
        let pace = looked(&[10]);
        assert_eq!(
            waiting_for(&pace, "the target", None, Timestamp::UNIX_EPOCH),
            None
        );
        let paused = waiting_for(
            &pace,
            "the target",
            Some(Duration::from_secs(180)),
            Timestamp::UNIX_EPOCH,
        );
        assert_eq!(paused.as_deref(), Some("rate limited until 00:03:00 UTC"));
    }
}
