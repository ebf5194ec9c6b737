//! One limit for all calls that share a server and a token. Servers limit by organisation and not by client, and a token is of one; which one is
//! for the server to say, so that the limit is not kept by it.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::limiter::{Admission, Limiter, Limits};

/// What an organisation, or one migration's share of it, may do. Shared as `Arc<Budget>`; callers are served in the order
/// in which they came.
#[derive(Debug)]
pub struct Budget {
    /// The organisation's, when this is a share of it.
    organisation: Option<Arc<Budget>>,
    limiter: Mutex<Limiter>,
    /// Held by the first in the queue, who alone waits for `changed`.
    turn: tokio::sync::Mutex<()>,
    changed: Notify,
    pause: Mutex<Option<Pause>>,
    peak_in_flight: AtomicUsize,
    throttled: AtomicU64,
    /// Ends all waiting.
    stop: CancellationToken,
}

/// A pause that the server asked for. The time of day is kept as it was first computed, so that it can be shown unchanged.
#[derive(Clone, Copy, Debug)]
struct Pause {
    until: Instant,
    shown: Timestamp,
}

impl Budget {
    /// A budget for `max_in_flight` calls at the same time; 0 counts as 1. Its rate is learnt from the server's answers.
    pub fn new(max_in_flight: usize) -> Self {
        Self::with_limits(Limits::in_flight(max_in_flight))
    }

    /// A budget with these limits.
    pub fn with_limits(limits: Limits) -> Self {
        Self {
            organisation: None,
            limiter: Mutex::new(Limiter::new(limits)),
            turn: tokio::sync::Mutex::default(),
            changed: Notify::new(),
            pause: Mutex::default(),
            peak_in_flight: AtomicUsize::new(0),
            throttled: AtomicU64::new(0),
            stop: CancellationToken::new(),
        }
    }

    /// A share of this budget with limits of its own: its calls count in both, and what the server refuses slows down
    /// everybody. Once `stop` is cancelled, its calls wait for nothing any more: a pause of an hour would otherwise keep whoever
    /// has been told to end.
    pub fn share(self: &Arc<Self>, limits: Limits, stop: CancellationToken) -> Self {
        Self {
            organisation: Some(Arc::clone(self)),
            stop,
            ..Self::with_limits(limits)
        }
    }

    /// The limits set, for a share its own.
    pub fn limits(&self) -> Limits {
        self.limiter().limits()
    }

    /// Changes the limits; takes effect with the next call, also for those that wait.
    pub fn set_limits(&self, limits: Limits) {
        self.limiter().set_limits(limits);
        self.changed.notify_one();
    }

    /// Calls in flight now.
    pub fn in_flight(&self) -> usize {
        self.limiter().in_flight()
    }

    /// The most calls that were in flight at the same time.
    pub fn peak_in_flight(&self) -> usize {
        self.peak_in_flight.load(Ordering::Relaxed)
    }

    /// Calls that were answered 429.
    pub fn throttled(&self) -> u64 {
        self.throttled.load(Ordering::Relaxed)
    }

    /// The calls per second that are kept now, set or learnt; `None` while only the calls in flight are limited.
    pub fn calls_per_second(&self) -> Option<f64> {
        let own = self.limiter().rate(Instant::now());
        let organisation = self.organisation.as_ref().and_then(|all| all.calls_per_second());
        match (own, organisation) {
            (Some(own), Some(all)) => Some(own.min(all)),
            (own, all) => own.or(all),
        }
    }

    /// What is left of a pause that the server asked for.
    pub fn paused_for(&self) -> Option<Duration> {
        let now = Instant::now();
        Some(self.pause(now)?.until.saturating_duration_since(now))
    }

    /// When a pause ends that the server asked for: for "rate limited until 12:03".
    pub fn limited_until(&self) -> Option<Timestamp> {
        Some(self.pause(Instant::now())?.shown)
    }

    /// Waits for its turn, a free place, an even spacing and the end of a pause. Dropping the permit, or the waiting future,
    /// frees the place.
    ///
    /// # Errors
    /// A pause that lasts longer than `patience`, with what is left of it; or the waiting was stopped, with what is left of a pause.
    pub(crate) async fn acquire(&self, patience: Duration) -> Result<CallPermit<'_>, Duration> {
        tokio::select! {
            biased;
            permit = self.permit(patience) => permit,
            () = self.stop.cancelled() => Err(self.paused_for().unwrap_or_default()),
        }
    }

    /// Waits before a call is repeated. False when the waiting was stopped.
    pub(crate) async fn wait(&self, delay: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            () = tokio::time::sleep(delay) => true,
        }
    }

    async fn permit(&self, patience: Duration) -> Result<CallPermit<'_>, Duration> {
        let own = self.place(patience).await?;
        let organisation = match &self.organisation {
            Some(organisation) => Some(organisation.place(patience).await?),
            None => None,
        };
        Ok(CallPermit {
            sent: Instant::now(),
            places: [Some(own), organisation],
        })
    }

    async fn place(&self, patience: Duration) -> Result<BudgetSlot<'_>, Duration> {
        self.check_pause(patience)?;
        let _turn = self.turn.lock().await;
        loop {
            self.check_pause(patience)?;
            let admission = self.limiter().admit(Instant::now());
            match admission {
                Admission::Go => return Ok(BudgetSlot::taken(self)),
                Admission::WhenOneEnds => self.changed.notified().await,
                Admission::At(time) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(time.into()) => {}
                        () = self.changed.notified() => {}
                    }
                }
            }
        }
    }

    fn check_pause(&self, patience: Duration) -> Result<(), Duration> {
        match self.paused_for() {
            Some(left) if left > patience => Err(left),
            _ => Ok(()),
        }
    }

    /// A 429 to what was sent at `sent`.
    #[expect(
        clippy::disallowed_methods,
        reason = "the time of day is for people to read; the pause itself ends by the monotonic clock"
    )]
    fn refuse(&self, sent: Instant, retry_after: Option<Duration>) {
        self.throttled.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        let mut limiter = self.limiter();
        limiter.refuse(sent, now, retry_after);
        let paused = limiter.paused_until(now);
        drop(limiter);
        if let Some(until) = paused {
            let mut pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
            if pause.is_none_or(|pause| pause.until != until) {
                let shown = Timestamp::now()
                    .checked_add(until.saturating_duration_since(now))
                    .unwrap_or(Timestamp::MAX);
                *pause = Some(Pause { until, shown });
            }
        }
        self.changed.notify_one();
    }

    fn pause(&self, now: Instant) -> Option<Pause> {
        if let Some(organisation) = &self.organisation {
            return organisation.pause(now);
        }
        let pause = *self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        pause.filter(|pause| pause.until > now)
    }

    fn limiter(&self) -> MutexGuard<'_, Limiter> {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One call's leave to go; given back on drop.
#[derive(Debug)]
pub(crate) struct CallPermit<'b> {
    sent: Instant,
    /// In the budget asked and, when that is a share, in the organisation's.
    places: [Option<BudgetSlot<'b>>; 2],
}

impl CallPermit<'_> {
    /// The server answered 429, and asked for a pause or not.
    pub(crate) fn refused(&self, retry_after: Option<Duration>) {
        if let Some(place) = self.places.iter().flatten().next_back() {
            place.budget.refuse(self.sent, retry_after);
        }
    }
}

/// A place in one budget.
#[derive(Debug)]
struct BudgetSlot<'b> {
    budget: &'b Budget,
}

impl<'b> BudgetSlot<'b> {
    fn taken(budget: &'b Budget) -> Self {
        budget
            .peak_in_flight
            .fetch_max(budget.in_flight(), Ordering::Relaxed);
        Self { budget }
    }
}

impl Drop for BudgetSlot<'_> {
    fn drop(&mut self) {
        self.budget.limiter().end();
        self.budget.changed.notify_one();
    }
}

#[cfg(test)]
mod tests;
