//! How many events a second brought, in constant space.

use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(1);
/// The shortest part of a window from which the whole is inferred.
const SHORTEST: f64 = 0.1;

/// Counts events over the last second: those of the running window, and of the one before it the part that still counts.
/// When nothing was counted before, the whole second is inferred from its beginning.
#[derive(Debug, Default)]
pub(super) struct Meter {
    begun: Option<Instant>,
    current: u32,
    previous: u32,
}

impl Meter {
    /// One event.
    pub(super) fn count(&mut self, now: Instant) {
        self.turn(now);
        self.current = self.current.saturating_add(1);
    }

    /// Events in the second that ends now.
    pub(super) fn per_second(&mut self, now: Instant) -> f64 {
        let begun = self.turn(now);
        let share = now.saturating_duration_since(begun).as_secs_f64() / WINDOW.as_secs_f64();
        if self.previous == 0 {
            return f64::from(self.current) / share.max(SHORTEST);
        }
        f64::from(self.current) + f64::from(self.previous) * (1.0 - share).max(0.0)
    }

    fn turn(&mut self, now: Instant) -> Instant {
        let begun = *self.begun.get_or_insert(now);
        let age = now.saturating_duration_since(begun);
        if age < WINDOW {
            return begun;
        }
        let adjacent = age < 2 * WINDOW;
        self.previous = if adjacent { self.current } else { 0 };
        self.current = 0;
        let begun = if adjacent { begun + WINDOW } else { now };
        self.begun = Some(begun);
        begun
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_stream_is_measured_at_any_time() {
        let start = Instant::now();
        let mut meter = Meter::default();
        for tick in 0..1_000_u32 {
            let now = start + tick * Duration::from_millis(10);
            meter.count(now);
            if tick >= 100 {
                let measured = meter.per_second(now);
                assert!((99.0..=101.5).contains(&measured), "{measured} at {tick}");
            }
        }
    }

    #[test]
    fn what_is_long_past_counts_no_more() {
        let start = Instant::now();
        let mut meter = Meter::default();
        meter.count(start);
        assert_eq!(meter.per_second(start + WINDOW * 9 / 10).round(), 1.0);
        assert_eq!(meter.per_second(start + 5 * WINDOW), 0.0);
    }

    #[test]
    fn a_burst_is_taken_for_the_rate_that_it_shows() {
        let start = Instant::now();
        let mut meter = Meter::default();
        for _ in 0..50 {
            meter.count(start);
        }
        assert_eq!(meter.per_second(start), 500.0);
        assert_eq!(meter.per_second(start + WINDOW / 2), 100.0);
    }
}
