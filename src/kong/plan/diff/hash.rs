//! The hash of a plan: what an approval names.

use std::collections::{BTreeMap, BTreeSet};

use crate::kong::model::Entity;
use crate::kong::plan::digest::Held;
use crate::kong::plan::document::{Deletion, DesiredEntities};
use crate::kong::plan::input::PlanInput;
use crate::kong::plan::ledger::{ContentFingerprint, Entry, Standing};
use crate::kong::plan::planner_rules::{DRIFT_CORRECTED, TARGET_ADDS_FIELD, TARGET_OVERWRITTEN};
use crate::kong::plan::prune;
use crate::migration::digest::Digest;
use crate::migration::plan::{Action, Operation, Plan};
use crate::migration::subject::{EntityKey, Subject};

/// SHA-256 over everything that an approval is about: the source, what happens to each entity, and what else the target holds.
///
/// The plan's own progress does not move it: an entity to create and the same entity created are one, and so are an entity to update
/// and the same one updated, an entity to delete and the same one deleted, so that a run which was interrupted goes on under the same approval.
pub(super) fn hash(
    plan: &Plan,
    (desired, deletions): (&DesiredEntities, &BTreeMap<EntityKey, Deletion>),
    (input, held): (&PlanInput<'_>, &Held<'_>),
) -> String {
    let mut digest = Digest::default();
    digest.add(&plan.source_digest);
    let kept = plan.operations.iter().filter(|one| one.action != Action::Delete);
    for operation in kept {
        if let Some(from) = updated_from(operation, desired, input) {
            digest.add(&(operation.target_key(), &operation.subject, "update", from));
            continue;
        }
        let action = if operation.action == Action::Unchanged {
            Action::Create
        } else {
            operation.action
        };
        digest.add(&Operation {
            action,
            ..operation.clone()
        });
    }
    for (key, row) in deleted(deletions, input) {
        digest.add(&(key, "delete", row));
    }
    // What Konnect fills in is foreseen before the writes and seen after them.
    for finding in plan.findings.iter().filter(|finding| {
        ![TARGET_ADDS_FIELD.id, TARGET_OVERWRITTEN.id, DRIFT_CORRECTED.id].contains(&finding.id.as_str())
    }) {
        digest.add(finding);
    }
    let moved = desired
        .iter()
        .filter(|(source, desired)| source.id != desired.entity.id);
    let moved: BTreeSet<EntityKey> = moved.map(|(_, desired)| desired.entity.key()).collect();
    let stayed = |key| {
        desired
            .get(key)
            .is_some_and(|desired| desired.entity.id == key.id)
    };
    let ours = |key| stayed(key) || moved.contains(key) || deletions.contains_key(key);
    for (key, body) in held.iter().filter(|(key, _)| !ours(key)) {
        digest.add_entity(key, body);
    }
    digest.finish()
}

/// What is deleted and what an interrupted run has deleted already: name and content.
fn deleted(
    deletions: &BTreeMap<EntityKey, Deletion>,
    input: &PlanInput<'_>,
) -> BTreeMap<EntityKey, (Subject, String)> {
    let planned = deletions.values().map(|deletion| deletion.entity.unpack());
    let row = |entity: Entity| {
        let content = ContentFingerprint::of(entity.kind, &entity.body).to_string();
        (entity.key(), (entity.subject(), content))
    };
    planned.chain(prune::done(input)).map(row).collect()
}

/// What an update starts from: the target's content before it, also when the update is done already. What somebody else has made of the
/// entity since is another start.
fn updated_from(operation: &Operation, desired: &DesiredEntities, input: &PlanInput<'_>) -> Option<String> {
    let key = operation.target_key();
    let entry = input.ledger.get(&key.kind, &key.id);
    let begun = entry.and_then(Entry::begun);
    match operation.action {
        Action::Update => {
            let actual = input.target.get(&key)?;
            let now = ContentFingerprint::of(actual.kind, &actual.body);
            let wanted = desired.get(&operation.subject.key)?.body();
            let is_ours = || input.ledger.standing(&actual, &wanted) == Standing::Ours;
            Some(begun.filter(|_| is_ours()).unwrap_or(now).to_string())
        }
        Action::Unchanged => begun.map(|print| print.to_string()),
        _ => None,
    }
}
