//! How a reconcile ends, and what that does to `Ready`, `Reconciling` and `Stalled`. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::error::{Class, Effect};
use crate::{
    api::conditions::reason,
    k8s::conditions::{ConditionSet, ConditionStatus},
};

/// How a reconcile ended without a failure. "Not yet" is not a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The object is as its manifest says.
    Done(Verdict),
    /// Work goes on later, by itself.
    Wait(Verdict),
    /// Waits for a person by design: an approval, a pause. Neither working nor failed.
    Held(Verdict),
    /// Cannot go on until somebody changes something.
    Blocked(Verdict),
    /// Nothing was looked at, so the summary stays as it is. When to look again.
    Unchanged(Option<Duration>),
    /// Deleted and cleaned up: there is nothing left to write to.
    Gone,
}

/// What `Ready` says, and when to look again without any event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Reason of `Ready`, one of [`crate::api::conditions::reason`].
    pub reason: &'static str,
    /// One sentence: what is, and the next action where there is one.
    pub message: String,
    /// When to look again; jitter is added. `None` waits for a change.
    pub again: Option<Duration>,
}

impl Verdict {
    fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            again: None,
        }
    }
}

impl Outcome {
    /// See [`Outcome::Done`].
    pub fn done(reason: &'static str, message: impl Into<String>) -> Self {
        Self::Done(Verdict::new(reason, message))
    }

    /// See [`Outcome::Wait`].
    pub fn wait(reason: &'static str, message: impl Into<String>) -> Self {
        Self::Wait(Verdict::new(reason, message))
    }

    /// See [`Outcome::Held`].
    pub fn held(reason: &'static str, message: impl Into<String>) -> Self {
        Self::Held(Verdict::new(reason, message))
    }

    /// See [`Outcome::Blocked`].
    pub fn blocked(reason: &'static str, message: impl Into<String>) -> Self {
        Self::Blocked(Verdict::new(reason, message))
    }

    /// Looks again after this long, with jitter, even when nothing changes.
    pub fn again_after(mut self, pause: Duration) -> Self {
        match &mut self {
            Self::Done(verdict) | Self::Wait(verdict) | Self::Held(verdict) | Self::Blocked(verdict) => {
                verdict.again = Some(pause);
            }
            Self::Unchanged(again) => *again = Some(pause),
            Self::Gone => {}
        }
        self
    }

    /// The metric label.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Wait(_) => "wait",
            Self::Held(_) => "held",
            Self::Blocked(_) => "blocked",
            Self::Unchanged(_) => "unchanged",
            Self::Gone => "gone",
        }
    }

    /// The pause before the next look, `None` for "only on a change".
    pub const fn again(&self) -> Option<Duration> {
        match self {
            Self::Done(verdict) | Self::Wait(verdict) | Self::Held(verdict) | Self::Blocked(verdict) => {
                verdict.again
            }
            Self::Unchanged(again) => *again,
            Self::Gone => None,
        }
    }
}

/// A failure as the runner keeps it: class, reason and text of a [`super::error::ReconcileError`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconcileFailure {
    /// Decides what follows.
    pub class: Class,
    /// Reason of `Ready`.
    pub reason: &'static str,
    /// What happened and what to do.
    pub message: String,
}

/// Writes the summary conditions for the end of a reconcile.
///
/// `missing_deadline` is how long a reference may lead nowhere before that is `Stalled`; none for ever.
pub fn settle(
    conditions: &mut ConditionSet,
    result: &Result<Outcome, ReconcileFailure>,
    missing_deadline: Option<Duration>,
) {
    match result {
        Ok(Outcome::Done(verdict)) => conditions.mark_ready(verdict.reason, &verdict.message),
        Ok(Outcome::Wait(verdict)) => {
            conditions.mark_reconciling(
                ConditionStatus::False,
                verdict.reason,
                reason::PROGRESSING,
                &verdict.message,
            );
        }
        Ok(Outcome::Held(verdict)) => conditions.mark_held(verdict.reason, &verdict.message),
        Ok(Outcome::Blocked(verdict)) => conditions.mark_stalled(verdict.reason, &verdict.message),
        Ok(Outcome::Unchanged(_) | Outcome::Gone) => {}
        Err(failure) => settle_failure(conditions, failure, missing_deadline),
    }
}

fn settle_failure(
    conditions: &mut ConditionSet,
    failure: &ReconcileFailure,
    missing_deadline: Option<Duration>,
) {
    let ReconcileFailure {
        class,
        reason,
        message,
    } = failure;
    let not_before = match class {
        Class::Throttled(Some(pause)) => {
            let end = conditions
                .now()
                .saturating_add(*pause)
                .unwrap_or(conditions.now());
            format!(" (not before {})", end.strftime("%H:%M:%S UTC"))
        }
        _ => String::new(),
    };
    match class.response().effect {
        Effect::Unchanged => {}
        Effect::Retrying => conditions.mark_reconciling(
            ConditionStatus::False,
            reason,
            reason::PROGRESSING_WITH_RETRY,
            format!("{message}{not_before}"),
        ),
        Effect::Waiting => {
            conditions.mark_reconciling(ConditionStatus::False, reason, reason::PROGRESSING, message);
        }
        Effect::WaitingAtFirst => match missing_for_too_long(conditions, reason, missing_deadline) {
            Some(since) => {
                let since = since.strftime("%H:%M UTC on %Y-%m-%d");
                conditions.mark_stalled(reason, format!("{message} (missing since {since})"));
            }
            None => {
                conditions.mark_reconciling(ConditionStatus::False, reason, reason::PROGRESSING, message);
            }
        },
        Effect::NotReady => conditions.mark_held(reason, message),
        Effect::Stalled => conditions.mark_stalled(reason, message),
    }
}

/// Since when, once that is longer ago than the deadline. This is the one time that is read back from conditions: Kong's kinds have no
/// field for it.
fn missing_for_too_long(
    conditions: &ConditionSet,
    reason: &str,
    deadline: Option<Duration>,
) -> Option<Timestamp> {
    let deadline = SignedDuration::try_from(deadline?).unwrap_or(SignedDuration::MAX);
    let since = conditions.failing_since(reason)?;
    (conditions.now().duration_since(since) >= deadline).then_some(since)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::conditions::{READY, RECONCILING, STALLED},
        k8s::conditions::kstatus::{self, Kstatus},
    };

    fn settled(result: &Result<Outcome, ReconcileFailure>) -> ConditionSet {
        let mut conditions = ConditionSet::new(&[], 1, Timestamp::UNIX_EPOCH);
        settle(&mut conditions, result, None);
        conditions
    }

    fn failure(class: Class) -> Result<Outcome, ReconcileFailure> {
        Err(ReconcileFailure {
            class,
            reason: "Because",
            message: "text".to_owned(),
        })
    }

    #[test]
    fn generic_tools_read_every_end_as_it_is_meant() {
        for (result, expected) in [
            (Ok(Outcome::done("Done", "")), Kstatus::Current),
            (Ok(Outcome::wait("Later", "")), Kstatus::InProgress),
            (Ok(Outcome::held("AwaitingApproval", "")), Kstatus::InProgress),
            (Ok(Outcome::blocked("NameTaken", "")), Kstatus::Failed),
            (failure(Class::Transient), Kstatus::InProgress),
            (failure(Class::Throttled(None)), Kstatus::InProgress),
            (failure(Class::DependencyNotReady), Kstatus::InProgress),
            (failure(Class::MissingReference), Kstatus::InProgress),
            (failure(Class::Unauthorized), Kstatus::InProgress),
            (failure(Class::Invalid), Kstatus::Failed),
            (failure(Class::Refused), Kstatus::Failed),
            (failure(Class::Blocked), Kstatus::Failed),
            (failure(Class::Bug), Kstatus::Failed),
        ] {
            assert_eq!(
                kstatus::verdict(&settled(&result).to_vec()),
                expected,
                "{result:?}"
            );
        }
    }

    /// The conditions after something was missing from second 0 on, as they are told at `second`.
    fn missing(second: i64, deadline: Option<u64>) -> ConditionSet {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut conditions = ConditionSet::new(&[], 1, at(0));
        let told = |conditions: &mut ConditionSet| {
            conditions.set("TargetReady", ConditionStatus::False, "Because", "text");
            let deadline = deadline.map(Duration::from_secs);
            settle(conditions, &failure(Class::MissingReference), deadline);
        };
        told(&mut conditions);
        let mut later = ConditionSet::new(&conditions.to_vec(), 2, at(second));
        told(&mut later);
        later
    }

    #[test]
    fn what_is_missing_is_waited_for_and_called_a_failure_when_nobody_brings_it() {
        for (second, deadline, stalled) in [
            (0, Some(300), false),
            (299, Some(300), false),
            (300, Some(300), true),
            (86_400, Some(300), true),
            (86_400, None, false),
            (-5, Some(300), false),
        ] {
            let conditions = missing(second, deadline);
            let expected = if stalled {
                Kstatus::Failed
            } else {
                Kstatus::InProgress
            };
            assert_eq!(
                kstatus::verdict(&conditions.to_vec()),
                expected,
                "{second} {deadline:?}"
            );
            assert_eq!(conditions.get(READY).unwrap().reason, "Because");
        }
        assert_eq!(
            missing(301, Some(300)).get(STALLED).unwrap().message,
            "text (missing since 00:00 UTC on 1970-01-01)"
        );
    }

    #[test]
    fn such_a_failure_heals_by_itself() {
        let mut conditions = missing(301, Some(300));
        settle(&mut conditions, &Ok(Outcome::done("Done", "")), None);
        assert_eq!(kstatus::verdict(&conditions.to_vec()), Kstatus::Current);
        assert!(conditions.get(STALLED).is_none());
    }

    #[test]
    fn a_conflict_changes_nothing() {
        let mut before = ConditionSet::new(&[], 1, Timestamp::UNIX_EPOCH);
        before.mark_ready("Done", "");
        let mut after = before.clone();
        settle(&mut after, &failure(Class::Conflict), None);
        assert_eq!(before, after);
    }

    #[test]
    fn a_pause_that_a_server_asks_for_is_told_with_its_end() {
        let conditions = settled(&failure(Class::Throttled(Some(Duration::from_secs(90)))));
        assert_eq!(
            conditions.get(READY).unwrap().message,
            "text (not before 00:01:30 UTC)"
        );
    }

    #[test]
    fn a_retry_says_so() {
        let conditions = settled(&failure(Class::Transient));
        assert_eq!(
            conditions.get(RECONCILING).unwrap().reason,
            "ProgressingWithRetry"
        );
        assert_eq!(conditions.get(READY).unwrap().reason, "Because");
        assert!(conditions.get(STALLED).is_none());
    }
}
