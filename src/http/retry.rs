//! Which failed attempts are repeated, and when.

use std::time::{Duration, Instant};

use super::error::{Error, Failure};

/// Bounds of the repeats inside one call. What is still failing then goes to the caller, who has his own, slower rhythm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all for failures other than 429; at least 1.
    pub max_attempts: u32,
    /// The delay after the first failure; doubles with each further one.
    pub base: Duration,
    /// No computed delay is longer.
    pub cap: Duration,
    /// The delay after a first 429 that names no time; doubles too. Konnect publishes no figure.
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

    /// Starts counting for one call.
    pub(crate) fn start(&self, repeatable: bool) -> Retries {
        Retries {
            policy: *self,
            repeatable,
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
    repeatable: bool,
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
            self.backoff(self.policy.throttled_base, self.throttles)
        } else {
            self.failures += 1;
            if self.failures >= self.policy.max_attempts {
                return None;
            }
            self.backoff(self.policy.base, self.failures)
        };
        // The server's own figure is a lower bound; the spread keeps callers from returning all at once.
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

    /// A call that may not be executed twice is repeated only when it surely was not executed:
    /// no connection, 429, or a 503 by which the server itself announces a time to return.
    fn may_repeat(&self, error: &Error) -> bool {
        match error.failure() {
            Failure::Throttled { .. } => true,
            Failure::Unreachable | Failure::Timeout => self.repeatable || error.is_not_executed(),
            Failure::Server => {
                self.repeatable || (error.status() == Some(503) && error.retry_after().is_some())
            }
            Failure::Fenced
            | Failure::Tls
            | Failure::Unauthorized
            | Failure::Forbidden
            | Failure::NotFound
            | Failure::Conflict { .. }
            | Failure::Rejected(_)
            | Failure::Garbage => false,
        }
    }

    fn backoff(&self, base: Duration, nth: u32) -> Duration {
        let factor = 2u32.saturating_pow(nth.saturating_sub(1).min(16));
        jittered(base.saturating_mul(factor).min(self.policy.cap))
    }
}

/// Between half and all of `full`.
fn jittered(full: Duration) -> Duration {
    full.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Service;
    use crate::http::error::Parts;

    fn error(failure: Failure) -> Parts {
        Parts {
            service: Service::Konnect,
            method: "POST".into(),
            host: "us.api.konghq.com".into(),
            path: "/".into(),
            status: None,
            failure,
            detail: None,
            instance: None,
            retry_after: None,
            not_executed: false,
        }
    }

    fn repeated(repeatable: bool, parts: Parts) -> bool {
        RetryPolicy::default()
            .start(repeatable)
            .delay_after(&Error::new(parts))
            .is_some()
    }

    #[test]
    fn a_repeatable_call_survives_what_may_pass() {
        for failure in [
            Failure::Unreachable,
            Failure::Timeout,
            Failure::Server,
            Failure::Throttled { retry_after: None },
        ] {
            assert!(repeated(true, error(failure.clone())), "{failure:?}");
        }
    }

    #[test]
    fn what_will_not_change_is_not_repeated() {
        for failure in [
            Failure::Tls,
            Failure::Unauthorized,
            Failure::Forbidden,
            Failure::NotFound,
            Failure::Conflict { field: None },
            Failure::Rejected(Vec::new()),
            Failure::Garbage,
        ] {
            assert!(!repeated(true, error(failure.clone())), "{failure:?}");
        }
    }

    #[test]
    fn a_call_that_may_run_once_is_repeated_only_when_it_did_not_run() {
        assert!(!repeated(false, error(Failure::Unreachable)));
        assert!(!repeated(false, error(Failure::Timeout)));
        assert!(!repeated(
            false,
            Parts {
                status: Some(503),
                ..error(Failure::Server)
            }
        ));
        assert!(repeated(false, error(Failure::Throttled { retry_after: None })));
        assert!(repeated(
            false,
            Parts {
                not_executed: true,
                ..error(Failure::Unreachable)
            }
        ));
        let retry_after = Some(Duration::from_secs(1));
        assert!(repeated(
            false,
            Parts {
                status: Some(503),
                retry_after,
                ..error(Failure::Server)
            }
        ));
        assert!(!repeated(
            false,
            Parts {
                status: Some(500),
                retry_after,
                ..error(Failure::Server)
            }
        ));
    }

    #[test]
    fn attempts_are_bounded_and_delays_grow_to_a_cap() {
        let policy = RetryPolicy {
            cap: Duration::from_secs(1),
            ..RetryPolicy::default()
        };
        let mut retries = policy.start(true);
        let error = Error::new(error(Failure::Server));
        let delays: Vec<_> = std::iter::from_fn(|| retries.delay_after(&error)).collect();
        assert_eq!(delays.len(), 4, "five attempts");
        assert!(delays[0] <= policy.base && delays[3] >= Duration::from_millis(500));
        assert!(delays.iter().all(|delay| *delay <= policy.cap));
    }

    #[test]
    fn throttling_is_bounded_by_time_not_by_attempts() {
        let policy = RetryPolicy {
            max_attempts: 1,
            ..RetryPolicy::default()
        };
        let mut retries = policy.start(false);
        let throttled = |retry_after| {
            Error::new(Parts {
                retry_after,
                ..error(Failure::Throttled { retry_after })
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
