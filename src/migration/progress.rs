//! How far the writes are.

use std::collections::BTreeMap;

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
    pub kinds: BTreeMap<&'static str, ProgressOfKind>,
}

impl Progress {
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
