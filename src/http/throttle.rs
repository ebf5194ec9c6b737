//! How hard a run may push, which may change while it runs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::{Budget, Limits};

/// Limits that a run reads before each step; clones share them.
#[derive(Clone, Debug)]
pub struct Throttle(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    limits: Limits,
    share: Option<Arc<Budget>>,
    stop: CancellationToken,
}

impl Throttle {
    /// At most `in_flight` requests at a time, on either side; 0 counts as 1.
    #[must_use]
    pub fn new(in_flight: usize) -> Self {
        Self::with_limits(Limits::in_flight(in_flight))
    }

    /// These limits: the requests in flight on either side, and the requests per second at the target.
    #[must_use]
    pub fn with_limits(limits: Limits) -> Self {
        Self::until(limits, CancellationToken::new())
    }

    /// The same; once `stop` is cancelled, requests to the target that wait for a pause or for their turn are given up.
    #[must_use]
    pub fn until(limits: Limits, stop: CancellationToken) -> Self {
        Self(Arc::new(Mutex::new(State {
            limits,
            share: None,
            stop,
        })))
    }

    /// Requests at a time, at least one.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.state().limits.max_in_flight.max(1)
    }

    /// Changes the limits. A running step keeps to them from its next request on.
    pub fn set_limits(&self, limits: Limits) {
        let mut state = self.state();
        state.limits = limits;
        if let Some(share) = &state.share {
            share.set_limits(limits);
        }
    }

    /// The run's share of the target organisation's budget, which keeps to these limits.
    #[must_use]
    pub fn share_of(&self, organisation: &Arc<Budget>) -> Arc<Budget> {
        let mut state = self.state();
        let share = Arc::new(organisation.share(state.limits, state.stop.clone()));
        state.share = Some(Arc::clone(&share));
        share
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_reaches_the_share() {
        let throttle = Throttle::new(16);
        let organisation = Arc::new(Budget::new(50));
        let share = throttle.share_of(&organisation);
        let limits = Limits {
            max_in_flight: 2,
            requests_per_second: 5,
        };
        throttle.clone().set_limits(limits);
        assert_eq!((share.limits(), throttle.in_flight()), (limits, 2));
        assert_eq!(share.calls_per_second(), Some(5.0));
        assert_eq!(organisation.calls_per_second(), None);
    }
}
