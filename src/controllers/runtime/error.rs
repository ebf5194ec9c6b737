//! Error classes: every failure of a reconcile is of one class, and one table says what follows from it.

use std::{error::Error, time::Duration};

use crate::{
    api::conditions::reason,
    http::{self, Failure},
    k8s::{lead::NotLeading, refusal::said},
    kong::konnect::KONNECT,
};

/// Pause after a 429 that names none. Konnect's own tools wait as long.
const THROTTLED_PAUSE: Duration = Duration::from_secs(15);
/// Look again although a watch should tell: watches can miss what happens outside the cluster.
const SLOW_POLL: Duration = Duration::from_secs(60);
/// A token can be made valid again without any event in the cluster.
const UNAUTHORIZED_POLL: Duration = Duration::from_secs(120);
/// Another flag begins anew by itself, but a name may lead elsewhere later.
const BLOCKED_POLL: Duration = Duration::from_secs(300);
/// A defect does not heal by trying; but a restart of something else may hide it.
const BUG_POLL: Duration = Duration::from_secs(600);

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Network, timeout, 5xx: passes by itself.
    Transient,
    /// 429, with the pause that the server asked for.
    Throttled(Option<Duration>),
    /// Something that is referred to is there, and not ready yet.
    DependencyNotReady,
    /// Something that is referred to is not there, or lacks what is needed of it: somebody may be about to bring it.
    MissingReference,
    /// The spec, or what it led to, is refused: 400 and the like.
    Invalid,
    /// 401 or 403.
    Unauthorized,
    /// Somebody else changed the same object in Kubernetes.
    Conflict,
    /// The operator's own settings, or where a name leads, forbid it: a person has to act, and nothing in the cluster tells when.
    Blocked,
    /// The operator refuses: it would destroy what it does not own, or a rule of the plan forbids it.
    Refused,
    /// A broken invariant.
    Bug,
}

/// A failure that the runner can act on. The text says what happened, to which object, and what to do next; it holds no
/// secret. Text and reason go into conditions and events as they are.
pub trait ReconcileError: Error + Send + Sync + 'static {
    /// The class that decides what follows.
    fn class(&self) -> Class;
    /// The condition reason, one of [`crate::api::conditions::reason`].
    fn reason(&self) -> &'static str;
}

/// What a failure does to `Ready`, `Reconciling` and `Stalled`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    Unchanged,
    /// `Reconciling`, reason `ProgressingWithRetry`; `Ready` false.
    Retrying,
    /// `Reconciling`; `Ready` false. Something else has to come first.
    Waiting,
    /// As [`Effect::Waiting`] for so long as somebody may be about to bring it, then as [`Effect::Stalled`].
    WaitingAtFirst,
    /// `Ready` false and nothing beside it.
    NotReady,
    /// `Stalled`; `Ready` false.
    Stalled,
}

/// When an event tells of the failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// Never.
    Never,
    /// When `Ready` changes because of it.
    OnChange,
    /// Once, when it has happened three times in a row.
    AfterThree,
}

/// When the object is looked at again without any event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requeue {
    /// Exponential with jitter, capped.
    Backoff,
    /// After this long, with jitter added.
    After(Duration),
    /// At once, a few times; then as [`Requeue::Backoff`].
    Immediately,
    /// Only on a change.
    AwaitChange,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Response {
    /// Effect on the summary conditions.
    pub effect: Effect,
    /// Event.
    pub report: Report,
    /// Next look.
    pub requeue: Requeue,
}

impl Class {
    /// What follows from a failure of this class: the one table.
    pub const fn response(self) -> Response {
        let (effect, report, requeue) = match self {
            Self::Transient => (Effect::Retrying, Report::AfterThree, Requeue::Backoff),
            Self::Throttled(Some(pause)) => (Effect::Retrying, Report::Never, Requeue::After(pause)),
            Self::Throttled(None) => (Effect::Retrying, Report::Never, Requeue::After(THROTTLED_PAUSE)),
            Self::DependencyNotReady => (Effect::Waiting, Report::OnChange, Requeue::After(SLOW_POLL)),
            Self::MissingReference => (
                Effect::WaitingAtFirst,
                Report::OnChange,
                Requeue::After(SLOW_POLL),
            ),
            Self::Invalid => (Effect::Stalled, Report::OnChange, Requeue::AwaitChange),
            Self::Unauthorized => (
                Effect::NotReady,
                Report::OnChange,
                Requeue::After(UNAUTHORIZED_POLL),
            ),
            Self::Conflict => (Effect::Unchanged, Report::Never, Requeue::Immediately),
            Self::Refused => (Effect::Stalled, Report::OnChange, Requeue::AwaitChange),
            Self::Blocked => (Effect::Stalled, Report::OnChange, Requeue::After(BLOCKED_POLL)),
            Self::Bug => (Effect::Stalled, Report::OnChange, Requeue::After(BUG_POLL)),
        };
        Response {
            effect,
            report,
            requeue,
        }
    }

    /// The metric label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Throttled(_) => "throttled",
            Self::DependencyNotReady => "dependency-not-ready",
            Self::MissingReference => "missing-reference",
            Self::Invalid => "invalid",
            Self::Unauthorized => "unauthorized",
            Self::Conflict => "conflict",
            Self::Blocked => "blocked",
            Self::Refused => "refused",
            Self::Bug => "bug",
        }
    }
}

impl ReconcileError for NotLeading {
    fn class(&self) -> Class {
        Class::Transient
    }

    fn reason(&self) -> &'static str {
        reason::PROGRESSING_WITH_RETRY
    }
}

impl ReconcileError for kube::Error {
    fn class(&self) -> Class {
        let Self::Api(status) = self else {
            return Class::Transient;
        };
        match status.code {
            // Gone or changed since it was read: read again.
            404 | 409 => Class::Conflict,
            401 | 403 => Class::Unauthorized,
            // We built an object that the API server does not accept.
            400 | 422 => Class::Bug,
            429 => Class::Throttled(None),
            _ => Class::Transient,
        }
    }

    fn reason(&self) -> &'static str {
        match self.class() {
            Class::Bug => reason::INTERNAL_ERROR,
            Class::Transient
            | Class::Throttled(_)
            | Class::DependencyNotReady
            | Class::MissingReference
            | Class::Invalid
            | Class::Unauthorized
            | Class::Conflict
            | Class::Blocked
            | Class::Refused => reason::PROGRESSING_WITH_RETRY,
        }
    }
}

impl ReconcileError for http::Error {
    fn class(&self) -> Class {
        match self.failure() {
            // A certificate that is not trusted is replaced, or a proxy mended, without any event here.
            Failure::Unreachable | Failure::Timeout | Failure::Server | Failure::Garbage | Failure::Tls => {
                Class::Transient
            }
            // The replica that leads goes on.
            Failure::Fenced => Class::Transient,
            // What was there a moment ago is gone: look again.
            Failure::NotFound => Class::Transient,
            Failure::Throttled { retry_after } => Class::Throttled(*retry_after),
            Failure::Unauthorized | Failure::Forbidden => Class::Unauthorized,
            Failure::HostNotAllowed => Class::Blocked,
            Failure::Conflict { .. } | Failure::Rejected(_) | Failure::NotAnId => Class::Invalid,
        }
    }

    fn reason(&self) -> &'static str {
        if *self.failure() == Failure::HostNotAllowed {
            return reason::HOST_NOT_ALLOWED;
        }
        if *self.product() == KONNECT {
            return match self.class() {
                Class::Unauthorized => reason::INVALID,
                Class::Transient | Class::Throttled(_) => reason::KONNECT_UNREACHABLE,
                _ => reason::KONNECT_API_OP_FAILED,
            };
        }
        match (self.class(), self.failure()) {
            (Class::Unauthorized, _) => reason::SOURCE_UNAUTHORIZED,
            (_, Failure::Garbage) => reason::SOURCE_INVALID_ANSWER,
            _ => reason::SOURCE_UNREACHABLE,
        }
    }
}

/// The error and its sources in one line; a source that its parent quotes already is left out. An answer of the API server is
/// quoted by its words, and has no sources worth telling.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let answer = answer(error);
        let said = answer.map_or_else(|| error.to_string(), said);
        if !text.contains(&said) {
            let separator = if text.is_empty() { "" } else { ": " };
            text.push_str(separator);
            text.push_str(&said);
        }
        next = error.source().filter(|_| answer.is_none());
    }
    text
}

fn answer<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a kube::Error> {
    let boxed = || error.downcast_ref::<Box<kube::Error>>().map(|boxed| &**boxed);
    let error = error.downcast_ref::<kube::Error>().or_else(boxed);
    error.filter(|error| matches!(error, kube::Error::Api(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("could not save")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn only_failures_that_need_a_change_stall() {
        for (class, stalls) in [
            (Class::Transient, false),
            (Class::Throttled(None), false),
            (Class::DependencyNotReady, false),
            (Class::MissingReference, false),
            (Class::Unauthorized, false),
            (Class::Conflict, false),
            (Class::Invalid, true),
            (Class::Refused, true),
            (Class::Blocked, true),
            (Class::Bug, true),
        ] {
            assert_eq!(class.response().effect == Effect::Stalled, stalls, "{class:?}");
        }
    }

    #[test]
    fn the_pause_that_the_server_asks_for_is_kept() {
        let pause = Duration::from_secs(7);
        assert_eq!(
            Class::Throttled(Some(pause)).response().requeue,
            Requeue::After(pause)
        );
        assert_eq!(
            Class::Throttled(None).response().requeue,
            Requeue::After(Duration::from_secs(15))
        );
    }

    #[test]
    fn the_chain_names_every_source_once() {
        let error = Outer(std::io::Error::other("disk full"));
        assert_eq!(chain(&error), "could not save: disk full");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("Secret a could not be read")]
    struct Unread(#[source] kube::Error);

    #[test]
    fn the_chain_quotes_the_api_server_by_its_words() {
        let status = kube::core::Status::failure("User a cannot get it", "Forbidden").with_code(403);
        let error = Unread(kube::Error::Api(Box::new(status)));
        assert_eq!(
            chain(&error),
            "Secret a could not be read: User a cannot get it; grant that right"
        );
    }

    #[test]
    fn answers_of_the_api_server_have_a_class() {
        for (code, class) in [
            (404, Class::Conflict),
            (409, Class::Conflict),
            (403, Class::Unauthorized),
            (422, Class::Bug),
            (429, Class::Throttled(None)),
            (500, Class::Transient),
        ] {
            let status = kube::core::Status {
                code,
                ..kube::core::Status::default()
            };
            assert_eq!(kube::Error::Api(Box::new(status)).class(), class, "{code}");
        }
    }
}
