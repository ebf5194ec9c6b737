//! How a reconcile ends, and what that does to `Ready`, `Reconciling` and `Stalled`. Pure.

use std::time::Duration;

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
pub fn settle(conditions: &mut ConditionSet, result: &Result<Outcome, ReconcileFailure>) {
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
        Err(failure) => settle_failure(conditions, failure),
    }
}

fn settle_failure(conditions: &mut ConditionSet, failure: &ReconcileFailure) {
    let ReconcileFailure {
        class,
        reason,
        message,
    } = failure;
    match class.response().effect {
        Effect::Unchanged => {}
        Effect::Retrying => conditions.mark_reconciling(
            ConditionStatus::False,
            reason,
            reason::PROGRESSING_WITH_RETRY,
            message,
        ),
        Effect::Waiting => {
            conditions.mark_reconciling(ConditionStatus::False, reason, reason::PROGRESSING, message);
        }
        Effect::NotReady => conditions.mark_held(reason, message),
        Effect::Stalled => conditions.mark_stalled(reason, message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::conditions::{READY, RECONCILING, STALLED},
        k8s::conditions::kstatus::{self, Kstatus},
    };
    use jiff::Timestamp;

    fn settled(result: &Result<Outcome, ReconcileFailure>) -> ConditionSet {
        let mut conditions = ConditionSet::new(&[], 1, Timestamp::UNIX_EPOCH);
        settle(&mut conditions, result);
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

    #[test]
    fn a_conflict_changes_nothing() {
        let mut before = ConditionSet::new(&[], 1, Timestamp::UNIX_EPOCH);
        before.mark_ready("Done", "");
        let mut after = before.clone();
        settle(&mut after, &failure(Class::Conflict));
        assert_eq!(before, after);
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
