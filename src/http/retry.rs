//! Which failed attempts are repeated, and when.

use std::time::{Duration, Instant};

use super::classes::{AttemptEnd, Repeat, Verb, class_of};
use super::error::{Error, Failure};

/// Bounds of the repeats inside one call. What is still failing then goes to the caller, who has his own, slower rhythm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all for failures other than 429; at least 1.
    pub max_attempts: u32,
    /// The longest delay after the first failure; doubles with each further one. Any delay up to it is as likely (full
    /// jitter), so that callers do not return all at once.
    pub base: Duration,
    /// No computed delay is longer.
    pub cap: Duration,
    /// The same after a first 429 that names no time, for a call that no budget slows down.
    pub throttled_base: Duration,
    /// No attempt starts later than this after the first one. Bounds the 429s, which are not counted as attempts.
    pub max_elapsed: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            base: Duration::from_millis(250),
            cap: Duration::from_secs(30),
            throttled_base: Duration::from_secs(2),
            max_elapsed: Duration::from_secs(90),
        }
    }
}

impl RetryPolicy {
    /// One attempt only.
    pub fn never() -> Self {
        Self {
            max_attempts: 1,
            max_elapsed: Duration::ZERO,
            ..Self::default()
        }
    }

    /// Starts counting for one call. `paced`: a budget spaces out what follows a 429.
    pub(crate) fn start(&self, verb: Verb, paced: bool) -> Retries {
        Retries {
            policy: *self,
            verb,
            paced,
            started: None,
            failures: 0,
            throttles: 0,
        }
    }
}

/// The repeats of one call.
#[derive(Debug)]
pub(crate) struct Retries {
    policy: RetryPolicy,
    verb: Verb,
    paced: bool,
    started: Option<Instant>,
    failures: u32,
    throttles: u32,
}

impl Retries {
    /// An attempt is about to be sent. Time spent queueing before the first one does not count.
    pub(crate) fn note_attempt(&mut self) {
        self.started.get_or_insert_with(Instant::now);
    }

    /// How long to wait before the next attempt; `None`: give the error to the caller.
    pub(crate) fn delay_after(&mut self, error: &Error) -> Option<Duration> {
        if !self.may_repeat(error) {
            return None;
        }
        let computed = if matches!(error.failure(), Failure::Throttled { .. }) {
            self.throttles += 1;
            let base = if self.paced {
                self.policy.base
            } else {
                self.policy.throttled_base
            };
            self.backoff(base, self.throttles)
        } else {
            self.failures += 1;
            if self.failures >= self.policy.max_attempts {
                return None;
            }
            self.backoff(self.policy.base, self.failures)
        };
        // The server's own figure is a lower bound.
        let delay = match error.retry_after() {
            Some(asked) => asked + jittered(self.policy.base),
            None => computed,
        };
        (delay <= self.remaining()).then_some(delay)
    }

    /// Time left in which an attempt may start.
    pub(crate) fn remaining(&self) -> Duration {
        let elapsed = self.started.map_or(Duration::ZERO, |started| started.elapsed());
        self.policy.max_elapsed.saturating_sub(elapsed)
    }

    fn may_repeat(&self, error: &Error) -> bool {
        match class_of(AttemptEnd::of(error), self.verb).repeat {
            Repeat::Never => false,
            Repeat::Later => true,
            Repeat::WhenTold => error.retry_after().is_some(),
        }
    }

    fn backoff(&self, base: Duration, nth: u32) -> Duration {
        let factor = 2u32.saturating_pow(nth.saturating_sub(1).min(16));
        jittered(base.saturating_mul(factor).min(self.policy.cap))
    }
}

/// Between nothing and all of `full`.
fn jittered(full: Duration) -> Duration {
    full.mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::error::Parts;
    use crate::http::product::SAMPLE;

    fn error(status: u16) -> Parts {
        Parts {
            product: &SAMPLE,
            method: "POST".into(),
            host: "api.example.com".into(),
            path: "/".into(),
            status: Some(status),
            failure: class_of(AttemptEnd::Status(status), Verb::Create)
                .meaning
                .failure(None),
            detail: None,
            instance: None,
            retry_after: None,
            not_executed: false,
        }
    }

    fn repeated(verb: Verb, parts: Parts) -> bool {
        RetryPolicy::default()
            .start(verb, true)
            .delay_after(&Error::new(parts))
            .is_some()
    }

    #[test]
    fn a_create_is_repeated_after_a_503_only_when_the_server_says_when() {
        let told = |status| Parts {
            retry_after: Some(Duration::from_secs(1)),
            ..error(status)
        };
        assert!(!repeated(Verb::Create, error(503)));
        assert!(repeated(Verb::Create, told(503)));
        assert!(!repeated(Verb::Create, told(500)));
        assert!(repeated(Verb::Repeatable, error(503)));
    }

    #[test]
    fn without_an_answer_it_counts_whether_the_request_was_sent() {
        let lost = |not_executed| Parts {
            status: None,
            failure: Failure::Unreachable,
            not_executed,
            ..error(500)
        };
        assert!(repeated(Verb::Create, lost(true)));
        assert!(!repeated(Verb::Create, lost(false)));
        assert!(repeated(Verb::Repeatable, lost(false)));
    }

    #[test]
    fn attempts_are_bounded_and_delays_grow_to_a_cap() {
        let policy = RetryPolicy {
            cap: Duration::from_secs(1),
            ..RetryPolicy::default()
        };
        let longest = |nth: usize| {
            let delays = (0..200).map(|_| {
                let mut retries = policy.start(Verb::Repeatable, true);
                let error = Error::new(error(500));
                let delays: Vec<_> = std::iter::from_fn(|| retries.delay_after(&error)).collect();
                assert_eq!(delays.len(), 4, "five attempts");
                delays[nth]
            });
            delays.max().unwrap()
        };
        assert!(longest(0) <= policy.base && longest(3) <= policy.cap);
        assert!(
            longest(3) > policy.base * 2,
            "of 200, one is above half of the cap"
        );
    }

    #[test]
    fn throttling_is_bounded_by_time_not_by_attempts() {
        let policy = RetryPolicy {
            max_attempts: 1,
            ..RetryPolicy::default()
        };
        let mut retries = policy.start(Verb::Create, true);
        let throttled = |retry_after| {
            Error::new(Parts {
                retry_after,
                ..error(429)
            })
        };
        for _ in 0..20 {
            let delay = retries
                .delay_after(&throttled(Some(Duration::from_secs(3))))
                .unwrap();
            assert!(delay >= Duration::from_secs(3));
        }
        assert_eq!(
            retries.delay_after(&throttled(Some(Duration::from_secs(3600)))),
            None
        );
    }
}
