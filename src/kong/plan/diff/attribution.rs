//! Whose change a difference is, by what the ledger says of the entity.

use crate::kong::model::{Entity, EntityKind};
use crate::kong::plan::drift::DriftClass;
use crate::kong::plan::identity::Identities;
use crate::kong::plan::input::PlanInput;
use crate::kong::plan::ledger::{ContentFingerprint, Entry, Ledger, Standing};
use crate::kong::plan::prune::{is_gone, is_unlisted};
use crate::migration::subject::EntityKey;

/// Why an entity that the target has differs; none for one that the migration did not write.
pub(super) fn class_of_difference(
    ledger: &Ledger,
    standing: Standing,
    desired: &Entity,
    actual: &Entity,
) -> Option<DriftClass> {
    match standing {
        Standing::Foreign | Standing::Unknown => None,
        Standing::Ours => Some(DriftClass::ChangedInSource),
        Standing::Changed => {
            let seen = ledger.get(actual.kind.name, &actual.id)?.seen?;
            // What was written was equal to what the source said then.
            let source_stayed = seen.spoken == ContentFingerprint::of(desired.kind, &desired.body);
            Some(match source_stayed {
                true => DriftClass::ChangedInTarget,
                false => DriftClass::ChangedInBoth,
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
            && is_known(input, kind, id, entry)
            && !is_unlisted(kind, input.source)
            && is_gone(input, identities, kind, id, entry)
    });
    entries.count()
}

/// True when the target has what this migration was seen to write.
fn is_known(input: &PlanInput<'_>, kind: &EntityKind, id: &str, entry: &Entry) -> bool {
    let key = kind.key(id);
    match entry.is_settled() {
        true => input.target.contains(&key),
        false => {
            let actual = input.target.get(&key);
            actual.is_some_and(|actual| entry.standing(&actual).is_known())
        }
    }
}

#[cfg(test)]
mod tests;
