//! The plan as a value: what happens to each entity of the source, and to what the source has no more, and why. It holds no secret.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::finding::{Finding, Rule, Severity};
use super::subject::{EntityKey, Subject};

/// What happens to an entity of the source, or to one that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Action {
    /// Written to the target under its own id.
    Create,
    /// The target has it and it is equal.
    Unchanged,
    /// The target has it and it differs: it is written again, and what it was can be restored.
    Update,
    /// This migration created it, and the source has it no more: it is deleted in the target, and can be restored.
    Delete,
    /// The target has another version of it, and the conflict policy leaves both as they are.
    Skipped,
    /// The selection leaves it out.
    NotSelected,
    /// Could move, but something in the way must be solved first.
    Blocked,
    /// Cannot move.
    StaysBehind,
}

/// One difference; values are shown masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Dotted path.
    pub field: String,
    /// As the target has it.
    pub from: String,
    /// As it is to be.
    pub to: String,
}

/// One entity and its fate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// Operations of a wave depend on lower waves only.
    pub wave: u8,
    /// What happens.
    pub action: Action,
    /// To which entity; one to delete is named as the target has it.
    pub subject: Subject,
    /// Id in the target, where it is not that of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_id: Option<Arc<str>>,
    /// Why, for anything but a plain creation.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Differences to the target, secrets masked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<FieldChange>,
}

impl Operation {
    /// Kind and id in the target.
    #[must_use]
    pub fn target_key(&self) -> EntityKey {
        let id = self.target_id.as_ref().unwrap_or(&self.subject.key.id);
        EntityKey::new(self.subject.key.kind.clone(), Arc::clone(id))
    }
}

/// A plan: all source entities in the order in which they are written, then what is deleted in its order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// SHA-256 over the source, the fate of each entity, and what else the target holds. The plan's own progress does not move it.
    pub hash: String,
    /// SHA-256 over the translated entities that move, or have moved.
    pub source_digest: String,
    /// SHA-256 over everything the target holds.
    pub target_digest: String,
    /// By wave, kind and id; what is deleted comes last, highest wave first.
    pub operations: Vec<Operation>,
    /// Worst first.
    pub findings: Vec<Finding>,
}

impl Plan {
    /// Number of operations with an action.
    #[must_use]
    pub fn count(&self, action: Action) -> usize {
        self.operations
            .iter()
            .filter(|operation| operation.action == action)
            .count()
    }

    /// Number of entities that the source has.
    #[must_use]
    pub fn entities(&self) -> usize {
        self.operations.len() - self.count(Action::Delete)
    }

    /// Number of operations that write or delete.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.count(Action::Create) + self.count(Action::Update) + self.count(Action::Delete)
    }

    /// The finding that forbids any write, if there is one.
    #[must_use]
    pub fn critical(&self) -> Option<&Finding> {
        self.findings
            .iter()
            .find(|finding| finding.severity == Severity::Critical)
    }

    /// Critical findings, and errors that nobody has accepted.
    pub fn blocking(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.blocks())
    }

    /// The blocking finding to tell first: one of the rule `consequence`, which only follows from another, comes after its cause. None
    /// for a product without such a rule.
    #[must_use]
    pub fn obstacle(&self, consequence: Option<&Rule>) -> Option<&Finding> {
        let cause = |finding: &&Finding| consequence.is_none_or(|rule| finding.id != rule.id);
        self.blocking().find(cause).or_else(|| self.blocking().next())
    }

    /// What would be written, or cannot be, in words; none when there is nothing.
    #[must_use]
    pub fn difference(&self) -> Option<String> {
        let changed = self.writes() + self.count(Action::Blocked);
        (changed > 0).then(|| self.summary())
    }

    /// One line for a person.
    #[must_use]
    pub fn summary(&self) -> String {
        let parts: Vec<String> = [
            (Action::Create, "to create"),
            (Action::Unchanged, "unchanged"),
            (Action::Update, "to update"),
            (Action::Delete, "to delete"),
            (Action::Blocked, "blocked"),
            (Action::StaysBehind, "staying behind"),
            (Action::Skipped, "skipped"),
            (Action::NotSelected, "not selected"),
        ]
        .into_iter()
        .map(|(action, words)| (self.count(action), words))
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
        if parts.is_empty() {
            "nothing to move".into()
        } else {
            parts.join(", ")
        }
    }
}
