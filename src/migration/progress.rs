//! How far the writes are.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::plan::{Action, Plan};
use super::rollback::Rollback;

/// Counts of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProgressOfKind {
    /// In the target and equal, or deleted.
    pub completed: usize,
    /// All that should be there, and all that should go.
    pub total: usize,
    /// Refused by the target, or waiting for one that was.
    pub failed: usize,
}

/// Counts by kind name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Kinds with at least one entity.
    pub kinds: BTreeMap<Cow<'static, str>, ProgressOfKind>,
}

impl Progress {
    /// The counts before the first write of a plan.
    #[must_use]
    pub fn before(plan: &Plan) -> Self {
        let mut progress = Self::default();
        for operation in &plan.operations {
            let (completed, failed) = match operation.action {
                Action::StaysBehind | Action::NotSelected | Action::Skipped => continue,
                Action::Unchanged => (1, 0),
                Action::Blocked => (0, 1),
                Action::Create | Action::Update | Action::Delete => (0, 0),
            };
            let counts = progress.of(operation.subject.key.kind.clone());
            counts.total += 1;
            counts.completed += completed;
            counts.failed += failed;
        }
        progress
    }

    /// The counts before the first step of a rollback.
    #[must_use]
    pub fn before_undoing(rollback: &Rollback) -> Self {
        let mut progress = Self::default();
        for step in &rollback.steps {
            progress.of(step.subject.key.kind.clone()).total += 1;
        }
        progress
    }

    /// The counts of a kind.
    pub fn of(&mut self, kind: impl Into<Cow<'static, str>>) -> &mut ProgressOfKind {
        self.kinds.entry(kind.into()).or_default()
    }

    /// Sum over all kinds.
    #[must_use]
    pub fn sum(&self) -> ProgressOfKind {
        self.kinds
            .values()
            .fold(ProgressOfKind::default(), |sum, kind| ProgressOfKind {
                completed: sum.completed + kind.completed,
                total: sum.total + kind.total,
                failed: sum.failed + kind.failed,
            })
    }

    /// `completed/total`.
    #[must_use]
    pub fn summary(&self) -> String {
        let sum = self.sum();
        format!("{}/{}", sum.completed, sum.total)
    }
}
