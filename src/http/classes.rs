//! What the end of an attempt means, and whether the call is made again: one table for every status and verb.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::Failure;
use super::error::Error;

/// What a call does to the server, as far as repeating it is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// GET, and PUT, PATCH and DELETE, which set or remove by id; and a POST that changes nothing, or nothing the second time: twice is as
    /// good as once.
    Repeatable,
    /// POST: twice may make two.
    Create,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptEnd {
    /// With an answer of this status, whole or not of the API's shape.
    Status(u16),
    /// Before the request was sent: DNS, refused, no connection in time.
    NotSent,
    /// The connection broke afterwards: reset, body cut short.
    Broken,
    /// No answer in time.
    TimedOut,
    /// TLS itself failed.
    Untrusted,
    /// Not sent, because the host may not be called.
    NotAllowed,
}

impl AttemptEnd {
    /// The ending of a failed attempt. A body that broke off has no status: it is as if there had been no answer.
    pub(super) fn of(error: &Error) -> Self {
        match (error.status(), error.failure()) {
            (Some(status), _) => Self::Status(status),
            (None, Failure::Tls) => Self::Untrusted,
            (None, Failure::HostNotAllowed) => Self::NotAllowed,
            (None, _) if error.is_not_executed() => Self::NotSent,
            (None, Failure::Timeout) => Self::TimedOut,
            (None, _) => Self::Broken,
        }
    }
}

/// What an ending means before the body is looked at; becomes a [`Failure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Done.
    Success,
    /// Nothing that these APIs answer.
    Garbage,
    /// The same request would be refused again.
    Rejected,
    /// The token.
    Unauthorized,
    /// A right.
    Forbidden,
    /// No such object, or no such API.
    NotFound,
    /// Taken by another object.
    Conflict,
    /// Too many requests.
    Throttled,
    /// The server failed.
    Server,
    /// No answer in time.
    Timeout,
    /// No connection.
    Unreachable,
    /// No trust.
    Tls,
    /// A host that may not be called.
    HostNotAllowed,
}

impl Meaning {
    /// The failure when the body does not say otherwise. What means success is garbage where a failure is looked for.
    pub(super) fn failure(self, retry_after: Option<Duration>) -> Failure {
        match self {
            Self::Unauthorized => Failure::Unauthorized,
            Self::Forbidden => Failure::Forbidden,
            Self::NotFound => Failure::NotFound,
            Self::Timeout => Failure::Timeout,
            Self::Conflict => Failure::Conflict { field: None },
            Self::Throttled => Failure::Throttled { retry_after },
            Self::Server => Failure::Server,
            Self::Rejected => Failure::Rejected(Vec::new()),
            Self::Unreachable => Failure::Unreachable,
            Self::Tls => Failure::Tls,
            Self::HostNotAllowed => Failure::HostNotAllowed,
            Self::Success | Self::Garbage => Failure::Garbage,
        }
    }
}

/// Whether the call is made again, within [`RetryPolicy`](super::RetryPolicy)'s bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// No: it would end the same way, or it may have been executed.
    Never,
    /// After a while that grows.
    Later,
    /// Only when the server told when to come back, by which it says that it did not act.
    WhenTold,
}

/// The ends that a row is about.
#[derive(Clone, Debug)]
enum AttemptEnds {
    Statuses(RangeInclusive<u16>),
    One(AttemptEnd),
}

/// One row.
#[derive(Clone, Debug)]
pub struct AttemptClass {
    endings: AttemptEnds,
    /// Verbs, of which each ending has every one exactly once.
    verbs: &'static [Verb],
    /// What it means.
    pub meaning: Meaning,
    /// Whether it is made again.
    pub repeat: Repeat,
}

const ALL: &[Verb] = &[Verb::Repeatable, Verb::Create];
const SAFE: &[Verb] = &[Verb::Repeatable];
const ONCE: &[Verb] = &[Verb::Create];

const fn statuses(
    from: u16,
    to: u16,
    verbs: &'static [Verb],
    meaning: Meaning,
    repeat: Repeat,
) -> AttemptClass {
    AttemptClass {
        endings: AttemptEnds::Statuses(from..=to),
        verbs,
        meaning,
        repeat,
    }
}

const fn status(status: u16, verbs: &'static [Verb], meaning: Meaning, repeat: Repeat) -> AttemptClass {
    statuses(status, status, verbs, meaning, repeat)
}

const fn ending(
    ending: AttemptEnd,
    verbs: &'static [Verb],
    meaning: Meaning,
    repeat: Repeat,
) -> AttemptClass {
    AttemptClass {
        endings: AttemptEnds::One(ending),
        verbs,
        meaning,
        repeat,
    }
}

/// The table. 501 and 505 are about the request; all other 5xx may pass, those of proxies (52x) as well.
const CLASSES: &[AttemptClass] = &[
    statuses(100, 199, ALL, Meaning::Garbage, Repeat::Never),
    statuses(200, 299, ALL, Meaning::Success, Repeat::Never),
    statuses(300, 399, ALL, Meaning::Garbage, Repeat::Never),
    status(400, ALL, Meaning::Rejected, Repeat::Never),
    status(401, ALL, Meaning::Unauthorized, Repeat::Never),
    status(402, ALL, Meaning::Rejected, Repeat::Never),
    status(403, ALL, Meaning::Forbidden, Repeat::Never),
    status(404, ALL, Meaning::NotFound, Repeat::Never),
    statuses(405, 407, ALL, Meaning::Rejected, Repeat::Never),
    status(408, SAFE, Meaning::Timeout, Repeat::Later),
    status(408, ONCE, Meaning::Timeout, Repeat::Never),
    status(409, ALL, Meaning::Conflict, Repeat::Never),
    statuses(410, 428, ALL, Meaning::Rejected, Repeat::Never),
    status(429, ALL, Meaning::Throttled, Repeat::Later),
    statuses(430, 499, ALL, Meaning::Rejected, Repeat::Never),
    status(500, SAFE, Meaning::Server, Repeat::Later),
    status(500, ONCE, Meaning::Server, Repeat::Never),
    status(501, ALL, Meaning::Server, Repeat::Never),
    status(502, SAFE, Meaning::Server, Repeat::Later),
    status(502, ONCE, Meaning::Server, Repeat::Never),
    status(503, SAFE, Meaning::Server, Repeat::Later),
    status(503, ONCE, Meaning::Server, Repeat::WhenTold),
    status(504, SAFE, Meaning::Server, Repeat::Later),
    status(504, ONCE, Meaning::Server, Repeat::Never),
    status(505, ALL, Meaning::Server, Repeat::Never),
    statuses(506, 999, SAFE, Meaning::Server, Repeat::Later),
    statuses(506, 999, ONCE, Meaning::Server, Repeat::Never),
    ending(AttemptEnd::NotSent, ALL, Meaning::Unreachable, Repeat::Later),
    ending(AttemptEnd::Broken, SAFE, Meaning::Unreachable, Repeat::Later),
    ending(AttemptEnd::Broken, ONCE, Meaning::Unreachable, Repeat::Never),
    ending(AttemptEnd::TimedOut, SAFE, Meaning::Timeout, Repeat::Later),
    ending(AttemptEnd::TimedOut, ONCE, Meaning::Timeout, Repeat::Never),
    ending(AttemptEnd::Untrusted, ALL, Meaning::Tls, Repeat::Never),
    ending(
        AttemptEnd::NotAllowed,
        ALL,
        Meaning::HostNotAllowed,
        Repeat::Never,
    ),
];

/// Statuses outside of 100 to 999 do not exist; a server that invents one is not this API.
const UNKNOWN: &AttemptClass = &statuses(0, 99, ALL, Meaning::Garbage, Repeat::Never);

impl AttemptClass {
    fn covers(&self, ending: AttemptEnd, verb: Verb) -> bool {
        let ends = match (&self.endings, ending) {
            (AttemptEnds::Statuses(range), AttemptEnd::Status(status)) => range.contains(&status),
            (AttemptEnds::One(one), ending) => *one == ending,
            (AttemptEnds::Statuses(_), _) => false,
        };
        ends && self.verbs.contains(&verb)
    }
}

/// The row of an ending.
#[must_use]
pub fn class_of(ending: AttemptEnd, verb: Verb) -> &'static AttemptClass {
    CLASSES
        .iter()
        .find(|class| class.covers(ending, verb))
        .unwrap_or(UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ending_of_every_verb_has_exactly_one_row() {
        let others = [
            AttemptEnd::NotSent,
            AttemptEnd::Broken,
            AttemptEnd::TimedOut,
            AttemptEnd::Untrusted,
            AttemptEnd::NotAllowed,
        ];
        for ending in (100..=999).map(AttemptEnd::Status).chain(others) {
            for verb in ALL {
                let rows = CLASSES.iter().filter(|class| class.covers(ending, *verb)).count();
                assert_eq!(rows, 1, "{ending:?} {verb:?}");
            }
        }
    }
}
