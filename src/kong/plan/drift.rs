//! How both sides differ from what the migration left, by whose change it is.

use std::collections::BTreeMap;

use crate::migration::subject::Subject;

/// Whose change it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DriftClass {
    /// The source, since the entity was written.
    ChangedInSource,
    /// Somebody else, in the target.
    ChangedInTarget,
    /// Both.
    ChangedInBoth,
    /// The source has it, and it was never written.
    NewInSource,
    /// Somebody else removed it from the target.
    RemovedFromTarget,
    /// The source dropped it, and the target has it still.
    MissingInSource,
}

/// All differences of one look, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drift {
    counts: BTreeMap<DriftClass, usize>,
    /// What somebody else changed or removed in the target and the plan leaves so.
    pub left: Vec<Subject>,
}

impl Drift {
    /// Entities of a class.
    #[must_use]
    pub fn count(&self, class: DriftClass) -> usize {
        self.counts.get(&class).copied().unwrap_or(0)
    }

    /// Entities that somebody else changed or removed in the target.
    #[must_use]
    pub fn by_another_hand(&self) -> usize {
        [
            DriftClass::ChangedInTarget,
            DriftClass::ChangedInBoth,
            DriftClass::RemovedFromTarget,
        ]
        .into_iter()
        .map(|class| self.count(class))
        .sum()
    }

    /// All classes that there are, for a person: `1 changed in the source, 2 removed from the target`.
    #[must_use]
    pub fn summary(&self) -> String {
        let words = |class| match class {
            DriftClass::ChangedInSource => "changed in the source",
            DriftClass::ChangedInTarget => "changed in the target",
            DriftClass::ChangedInBoth => "changed on both sides",
            DriftClass::NewInSource => "new in the source",
            DriftClass::RemovedFromTarget => "removed from the target",
            DriftClass::MissingInSource => "gone from the source",
        };
        let parts: Vec<_> = self
            .counts
            .iter()
            .map(|(class, count)| format!("{count} {}", words(*class)))
            .collect();
        parts.join(", ")
    }

    pub(in crate::kong::plan) fn add(&mut self, class: DriftClass, count: usize) {
        if count > 0 {
            *self.counts.entry(class).or_default() += count;
        }
    }
}
