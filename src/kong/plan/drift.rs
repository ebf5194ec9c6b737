//! How both sides differ from what the migration left, by whose change it is.

use std::collections::BTreeMap;

use super::diff::PlanInput;
use super::identity::Identities;
use super::ledger::{Fingerprint, Ledger, Standing};
use super::prune::{is_gone, is_unlisted};
use crate::kong::model::{Entity, EntityKey, Subject};

/// Whose change it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
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
    counts: BTreeMap<Class, usize>,
    /// What somebody else changed or removed in the target and the plan leaves so.
    pub left: Vec<Subject>,
}

impl Drift {
    /// Entities of a class.
    #[must_use]
    pub fn count(&self, class: Class) -> usize {
        self.counts.get(&class).copied().unwrap_or(0)
    }

    /// Entities that somebody else changed or removed in the target.
    #[must_use]
    pub fn by_another_hand(&self) -> usize {
        [
            Class::ChangedInTarget,
            Class::ChangedInBoth,
            Class::RemovedFromTarget,
        ]
        .into_iter()
        .map(|class| self.count(class))
        .sum()
    }

    /// All classes that there are, for a person: `1 changed in the source, 2 removed from the target`.
    #[must_use]
    pub fn summary(&self) -> String {
        let words = |class| match class {
            Class::ChangedInSource => "changed in the source",
            Class::ChangedInTarget => "changed in the target",
            Class::ChangedInBoth => "changed on both sides",
            Class::NewInSource => "new in the source",
            Class::RemovedFromTarget => "removed from the target",
            Class::MissingInSource => "gone from the source",
        };
        let parts: Vec<_> = self
            .counts
            .iter()
            .map(|(class, count)| format!("{count} {}", words(*class)))
            .collect();
        parts.join(", ")
    }

    pub(super) fn add(&mut self, class: Class, count: usize) {
        if count > 0 {
            *self.counts.entry(class).or_default() += count;
        }
    }
}

/// Why an entity that the target has differs; none for one that the migration did not write.
pub(super) fn class_of_difference(
    ledger: &Ledger,
    standing: Standing,
    desired: &Entity,
    actual: &Entity,
) -> Option<Class> {
    match standing {
        Standing::Foreign => None,
        Standing::Ours => Some(Class::ChangedInSource),
        Standing::Changed => {
            let seen = ledger.get(actual.kind.name, &actual.id)?.seen?;
            // What was written was equal to what the source said then.
            let source_stayed = seen.spoken == Fingerprint::of(desired.kind, &desired.body);
            Some(match source_stayed {
                true => Class::ChangedInTarget,
                false => Class::ChangedInBoth,
            })
        }
    }
}

/// What this migration wrote and somebody else removed, by kind and id in the target.
pub(super) fn removed_from_target<'a>(input: &PlanInput<'a>) -> impl Iterator<Item = EntityKey> + use<'a> {
    let target = input.target;
    input
        .ledger
        .iter()
        .filter(|(.., entry)| entry.is_settled())
        .map(|(kind, id, _)| kind.key(id))
        .filter(|key| !target.contains(key))
}

/// How much this migration wrote that the target has and the source dropped.
pub(super) fn missing_in_source(input: &PlanInput<'_>, identities: &Identities) -> usize {
    let entries = input.ledger.iter().filter(|(kind, id, entry)| {
        !entry.is_deleted()
            && input.target.contains(&kind.key(id))
            && !is_unlisted(kind, input.source)
            && is_gone(input, identities, kind, id, entry)
    });
    entries.count()
}

#[cfg(test)]
mod tests;
