//! The time of day, behind a trait, so that what is decided by it can be tested with a fixed one.
//!
//! `clippy.toml` refuses the machine's own clock elsewhere. Two places of `http` have leave to read it: they turn the time that a
//! server names (`Retry-After`) into a duration, and a pause into the time that is shown.

use std::fmt::Debug;

use jiff::Timestamp;

/// Tells the time of day. Durations and deadlines use [`std::time::Instant`] instead: it never jumps.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// The present moment without the fraction of its second, for times that people read.
    fn now_to_the_second(&self) -> Timestamp {
        let now = self.now();
        Timestamp::from_second(now.as_second()).unwrap_or(now)
    }
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the place that all others ask")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands still, for tests.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_for_people_has_whole_seconds() {
        let clock = FixedClock("2026-11-21T15:36:27.123456789Z".parse().unwrap());
        assert_eq!(clock.now_to_the_second().to_string(), "2026-11-21T15:36:27Z");
    }
}
