//! When the next request may go: a state machine without clock, timer or lock; [`Budget`](super::Budget) gives it those.
//!
//! Two limits are set from outside: requests in flight and, when not 0, requests per second. A third is learnt, because
//! servers publish none: at a 429 the rate is halved, and from there it grows again (additive increase, multiplicative
//! decrease). The steps of the growth are those of TCP CUBIC (RFC 9438): large while far below the rate at which the last
//! 429 came, small near it, and growing again beyond, so that most of the time is spent just below the server's limit,
//! and a limit that has been lifted is found out soon.
//!
//! Why none of the crates that limit a rate: they have to be told it. `docs/decisions/0007-a-limiter-of-our-own.md`.

use std::time::{Duration, Instant};

use super::meter::Meter;

/// Time from halving the rate to coming near the old one again.
const RECOVERY: Duration = Duration::from_millis(500);
/// How near, as a share of the rate at which the 429 came.
const HEADROOM: f64 = 0.95;
/// Time from there to half as much again, unless a 429 comes before.
const PROBING: Duration = Duration::from_secs(2);
/// What stays of the remembered ceiling when a 429 comes while the rate is still far below it: the server may count in
/// windows, of which the running one is used up, or its limit may have fallen.
const FADING: f64 = 0.8;
/// The rate is not halved below this, in requests per second: enough to notice that the server has recovered. A call that is
/// refused over and over waits by itself, see [`RetryPolicy`](super::RetryPolicy).
const SLOWEST: f64 = 4.0;
/// A learnt rate above this, in requests per second, no longer limits anything and is forgotten.
const UNLIMITED: f64 = 10_000.0;
/// How far requests may lag behind an even spacing and still be made up for: timers are not exact.
const SLACK: Duration = Duration::from_millis(10);

/// Limits that people set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests in flight at the same time; 0 counts as 1.
    pub max_in_flight: usize,
    /// Requests per second; 0: only what the server's answers teach.
    pub requests_per_second: u32,
}

impl Limits {
    /// Limits only the requests in flight.
    #[must_use]
    pub fn in_flight(max_in_flight: usize) -> Self {
        Self {
            max_in_flight,
            requests_per_second: 0,
        }
    }
}

/// The answer to a request that wants to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may, and counts as in flight from now on.
    Go,
    /// Ask again at this time.
    At(Instant),
    /// Ask again when another one has ended.
    WhenOneEnds,
}

/// What was learnt from refusals.
#[derive(Clone, Copy, Debug)]
struct Learnt {
    /// Where the growth begins, in requests per second: half of what was refused.
    floor: f64,
    /// The rate to come near to, in requests per second.
    ceiling: f64,
    /// When the growth begins: at the refusal, or at the end of the pause that came with it.
    since: Instant,
}

impl Learnt {
    fn rate(self, now: Instant) -> f64 {
        let grown = now.saturating_duration_since(self.since).as_secs_f64();
        let (recovery, probing) = (RECOVERY.as_secs_f64(), PROBING.as_secs_f64());
        if grown < recovery {
            self.ceiling - (self.ceiling - self.floor) * (1.0 - grown / recovery).powi(3)
        } else {
            self.ceiling + self.ceiling / 2.0 * ((grown - recovery) / probing).powi(3)
        }
    }

    /// After a refusal at `refused` requests per second.
    fn from_refusal(before: Option<Self>, refused: f64, since: Instant) -> Self {
        let remembered = before.map_or(0.0, |before| before.ceiling * FADING);
        Self {
            floor: (refused / 2.0).max(SLOWEST),
            ceiling: (refused * HEADROOM).max(remembered).max(SLOWEST),
            since,
        }
    }
}

/// All that decides when the next request may go. Times must not run backwards, as [`Instant`]'s do not.
#[derive(Debug)]
pub(super) struct Limiter {
    limits: Limits,
    in_flight: usize,
    sent: Meter,
    /// The time of the next request in an even spacing.
    next: Option<Instant>,
    learnt: Option<Learnt>,
    /// Requests sent before this say nothing new when they are refused.
    judged_until: Option<Instant>,
    paused_until: Option<Instant>,
}

impl Limiter {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            in_flight: 0,
            sent: Meter::default(),
            next: None,
            learnt: None,
            judged_until: None,
            paused_until: None,
        }
    }

    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    /// Takes effect with the next request; those in flight stay.
    pub(super) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        self.next = None;
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Asks for one request.
    pub(super) fn admit(&mut self, now: Instant) -> Admission {
        if let Some(until) = self.paused_until(now) {
            return Admission::At(until);
        }
        if self.in_flight >= self.limits.max_in_flight.max(1) {
            return Admission::WhenOneEnds;
        }
        if let Some(rate) = self.rate(now) {
            let due = self.next.unwrap_or(now);
            if due > now {
                return Admission::At(due);
            }
            let made_up = now.checked_sub(SLACK).map_or(due, |earliest| due.max(earliest));
            self.next = Some(made_up + Duration::from_secs_f64(1.0 / rate));
        }
        self.sent.count(now);
        self.in_flight += 1;
        Admission::Go
    }

    /// One request has ended, with whatever answer.
    pub(super) fn end(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// A request that was sent at `sent` was answered 429. Halves the rate, but only once for all that were on their way at
    /// that time, and holds everything back for as long as the server asked.
    pub(super) fn refuse(&mut self, sent: Instant, now: Instant, retry_after: Option<Duration>) {
        if let Some(until) = retry_after.and_then(|asked| now.checked_add(asked)) {
            self.paused_until = Some(self.paused_until.map_or(until, |running| running.max(until)));
        }
        let resumed = self.paused_until(now).unwrap_or(now);
        if self.judged_until.is_some_and(|judged| sent < judged) {
            if let Some(learnt) = &mut self.learnt {
                learnt.since = learnt.since.max(resumed);
            }
            return;
        }
        let allowed = self.learnt.map_or(f64::INFINITY, |learnt| learnt.rate(now));
        let refused = self.sent.per_second(now).min(allowed);
        let learnt = Learnt::from_refusal(self.learnt, refused, resumed);
        self.next = Some(resumed + Duration::from_secs_f64(1.0 / learnt.floor));
        self.learnt = Some(learnt);
        self.judged_until = Some(now);
    }

    /// The rate that is kept now, in requests per second; `None` when only the requests in flight are limited.
    pub(super) fn rate(&mut self, now: Instant) -> Option<f64> {
        if self.learnt.is_some_and(|learnt| learnt.rate(now) > UNLIMITED) {
            self.learnt = None;
        }
        let set = self.limits.requests_per_second;
        let set = (set > 0).then_some(f64::from(set));
        match (set, self.learnt.map(|learnt| learnt.rate(now))) {
            (Some(set), Some(learnt)) => Some(set.min(learnt)),
            (set, learnt) => set.or(learnt),
        }
    }

    /// The end of a pause that is running.
    pub(super) fn paused_until(&mut self, now: Instant) -> Option<Instant> {
        self.paused_until = self.paused_until.filter(|until| *until > now);
        self.paused_until
    }
}

#[cfg(test)]
mod tests;
