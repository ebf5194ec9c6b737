//! Undoing a migration: what it would do, and the document of it that is stored and shown.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::finding::Finding;
use super::plan::FieldChange;
use super::subject::{EntityKey, Subject};

/// What a rollback does about an entity that somebody changed since it was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChangedSince {
    /// Leaves it, with a finding.
    #[default]
    Keep,
    /// Undoes it all the same.
    Undo,
}

/// How much is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Everything: deletes, restores, and makes again.
    Everything,
    /// Deletes what was created; what was overwritten stays, and is named.
    Created,
}

/// What one step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Undo {
    /// Makes an entity again as it was.
    Recreate,
    /// Deletes what was created.
    Delete,
    /// Gives an entity its former content back.
    Restore,
}

/// One entity, and how it is undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollbackStep {
    /// Steps of a wave do not depend on each other; waves are carried out in their order.
    pub wave: u8,
    /// What is done.
    pub undo: Undo,
    /// To which entity of the target.
    pub subject: Subject,
}

/// The whole of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollback {
    /// SHA-256 over the steps, with the content that each starts from and leads to, and over what stays.
    pub hash: String,
    /// By wave, kind and id: first what is made again, upwards by level; then, level by level downwards, deletes and restores.
    pub steps: Vec<RollbackStep>,
    /// Why the rest stays, worst first.
    pub findings: Vec<Finding>,
    /// Entries that are undone: gone, or as they were before.
    pub undone: Vec<EntityKey>,
    /// Entries of which nothing has to be undone; a finding says why.
    pub left: Vec<EntityKey>,
    /// How many entities stay that should be undone.
    pub kept: usize,
}

impl Rollback {
    /// Entries that the ledger need not know any longer.
    pub fn settled(&self) -> impl Iterator<Item = &EntityKey> {
        self.undone.iter().chain(&self.left)
    }

    /// Number of steps of a sort.
    #[must_use]
    pub fn count(&self, undo: Undo) -> usize {
        self.steps.iter().filter(|step| step.undo == undo).count()
    }

    /// One line for a person.
    #[must_use]
    pub fn summary(&self) -> String {
        let parts: Vec<String> = [
            (self.count(Undo::Delete), "to delete"),
            (self.count(Undo::Restore), "to restore"),
            (self.count(Undo::Recreate), "to make again"),
            (self.kept, "to keep"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
        if parts.is_empty() {
            "nothing to undo".to_owned()
        } else {
            parts.join(", ")
        }
    }

    /// True when nothing would be written: everything is as it was, or stays.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.steps.is_empty()
    }
}

/// Name and version of the form. A reader refuses any other; fields may be added without a new version.
pub const FORMAT: &str = "gatewaymigration.dev/rollback/v1";

/// One step for a reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedStep {
    /// Steps of a wave do not depend on each other; waves are carried out in their order.
    pub wave: u8,
    /// What is done.
    pub undo: Undo,
    /// To which entity of the target.
    pub subject: Subject,
    /// Why.
    pub reason: Cow<'static, str>,
    /// What a restored entity has now, and had before; secrets masked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<FieldChange>,
}

/// A rollback with everything a reader needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RollbackReport<E> {
    /// [`FORMAT`].
    pub format: String,
    /// What was migrated, and whereto, as the product tells it.
    // Flattened here, and a field in a plan's report: both are forms that are stored, so neither follows the other.
    #[serde(flatten)]
    pub ends: E,
    /// What an approval names.
    pub hash: String,
    /// The counts in one line.
    pub summary: String,
    /// What is undone, in the order in which it is.
    pub steps: Vec<ReportedStep>,
    /// What stays, and why, worst first.
    pub findings: Vec<Finding>,
}

impl<E> RollbackReport<E> {
    /// Everything about a rollback between two ends, with its steps as a reader needs them.
    #[must_use]
    pub fn new(rollback: &Rollback, ends: E, steps: Vec<ReportedStep>) -> Self {
        Self {
            format: FORMAT.to_owned(),
            ends,
            hash: rollback.hash.clone(),
            summary: rollback.summary(),
            steps,
            findings: rollback.findings.clone(),
        }
    }
}
