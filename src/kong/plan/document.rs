//! The plan as a value: what happens to each source entity, and to what the source has no more, and why. It holds no secret.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::compare::FieldChange;
use super::digest::BodyDigest;
use super::drift::Drift;
use super::finding::Finding;
use super::planner_rules::BLOCKED_BY_DEPENDENCY;
use super::rule::Severity;
use crate::kong::model::{Entity, EntityKey, Packed, Subject};

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

    /// The blocking finding to tell first: what only follows from another comes after it.
    #[must_use]
    pub fn obstacle(&self) -> Option<&Finding> {
        let cause = |finding: &&Finding| finding.id != BLOCKED_BY_DEPENDENCY.id;
        self.blocking().find(cause).or_else(|| self.blocking().next())
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

/// A plan with the bodies to write. The bodies hold secrets and stay in memory.
#[derive(Debug)]
pub struct Planned {
    /// What is shown.
    pub plan: Plan,
    /// Translated entities of all operations that create or update, or have done so.
    pub desired: DesiredEntities,
    /// How both sides differ from what the migration left.
    pub drift: Drift,
    /// What is deleted, by its key in the target.
    pub deletions: BTreeMap<EntityKey, Deletion>,
}

/// Translated entities by their key in the source. Boxed: a map that grows keeps nearly half of its space free.
pub type DesiredEntities = BTreeMap<EntityKey, Box<Desired>>;

/// A translated entity.
#[derive(Clone, Debug)]
pub struct Desired {
    /// What it is in the source.
    pub subject: Subject,
    /// The entity with the body that the target takes.
    pub entity: Packed,
    /// Of that body.
    pub digest: BodyDigest,
}

impl Desired {
    /// What a source entity is to become.
    #[must_use]
    pub fn new(subject: Subject, entity: &Entity) -> Self {
        Self {
            subject,
            digest: BodyDigest::of(entity.kind, &entity.body),
            entity: entity.into(),
        }
    }

    /// The body to write. Made anew each time.
    #[must_use]
    pub fn body(&self) -> Map<String, Value> {
        self.entity.unpack().body
    }
}

/// An entity to delete.
#[derive(Clone, Debug)]
pub struct Deletion {
    /// Key and name in the target.
    pub subject: Subject,
    /// The entity as the target holds it.
    pub entity: Packed,
    /// True when it goes before the writes, because one of them needs a unique value that it holds.
    pub makes_room: bool,
    /// Entities of the target that refer to it and that the run points elsewhere. Where one was not written, a delete would fail or
    /// take it along.
    pub released_by: Vec<EntityKey>,
    /// What the source called it, to be asked for once more before it is deleted; none where the source has no say.
    pub source: Option<InSource>,
}

/// Where the source had an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InSource {
    /// Its id there.
    pub id: Arc<str>,
    /// The id of the entity below which it is listed, for a kind that has no list of its own; for a plugin, of its consumer group.
    pub parent: Option<Arc<str>>,
}
