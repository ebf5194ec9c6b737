//! What becomes of one entry of the ledger, looked at alone.

use serde_json::Value;

use super::findings::{
    ADOPTED_STAYS, CHANGED_SINCE, FOREIGN_STAYS, MANAGED_SINCE, OVERWRITTEN_STAYS, OWNER_UNKNOWN,
    SECRET_UNKNOWN,
};
use super::{Fate, RollbackInput, before};
use crate::kong::model::Entity;
use crate::kong::plan::ledger::{ContentFingerprint, Entry, Origin, Standing};
use crate::kong::plan::preflight::managed;
use crate::migration::finding::{Finding, Rule};
use crate::migration::rollback::{ChangedSince, Extent, Undo};
use crate::migration::subject::EntityKey;

/// Decides from the entry and what the target holds now.
pub(super) fn judge(input: &RollbackInput<'_>, key: &EntityKey, entry: &Entry) -> Fate {
    let actual = input.target.get(key);
    match before(input.ledger, key) {
        _ if entry.origin == Origin::Adopted => match actual {
            Some(actual) => left(&ADOPTED_STAYS, &actual),
            None => Fate::Undone,
        },
        None => match actual {
            // What stands in the place of something that this migration deleted is somebody else's.
            Some(_) if entry.is_deleted() => Fate::Undone,
            Some(actual) => match entry.standing(&actual) {
                Standing::Foreign => {
                    let observed = "it was to be created, and this is not what was to be written";
                    Fate::Left(Finding::new(&FOREIGN_STAYS, actual.subject(), observed))
                }
                Standing::Unknown | Standing::Ours | Standing::Changed => {
                    undo(input, entry, &actual, Undo::Delete)
                }
            },
            None => Fate::Undone,
        },
        Some(before) => match actual {
            Some(actual) if same(&before, &actual) => Fate::Undone,
            _ if input.extent == Extent::Created => left(&OVERWRITTEN_STAYS, &before),
            _ if lacks_secret(&before) => {
                let fields = before.kind.secrets.join(" or ");
                let observed = format!("what it was before has no {fields}");
                Fate::Kept(Finding::new(&SECRET_UNKNOWN, before.subject(), observed))
            }
            Some(actual) => undo(input, entry, &actual, Undo::Restore),
            None => Fate::Undo {
                undo: Undo::Recreate,
                from: None,
            },
        },
    }
}

fn left(rule: &'static Rule, entity: &Entity) -> Fate {
    Fate::Left(Finding::new(rule, entity.subject(), "it was there before"))
}

/// Undoes what is there, unless it is not the migration's any more.
fn undo(input: &RollbackInput<'_>, entry: &Entry, actual: &Entity, undo: Undo) -> Fate {
    if let Some(tag) = managed::by_konnect(actual) {
        return Fate::Kept(Finding::new(
            &MANAGED_SINCE,
            actual.subject(),
            format!("tag {tag}"),
        ));
    }
    let now = ContentFingerprint::of(actual.kind, &actual.body);
    let standing = entry.standing(actual);
    // No policy makes an entity that may be somebody else's one to delete.
    if standing == Standing::Unknown && (undo == Undo::Delete || input.changed == ChangedSince::Keep) {
        let observed = format!("{} is kept", actual.key());
        return Fate::Kept(Finding::new(&OWNER_UNKNOWN, actual.subject(), observed));
    }
    if standing == Standing::Ours || input.changed == ChangedSince::Undo {
        return Fate::Undo {
            undo,
            from: Some(now),
        };
    }
    let observed = match undo {
        Undo::Delete => "it was created, and changed since",
        Undo::Restore | Undo::Recreate => "it was overwritten, and changed since",
    };
    Fate::Kept(Finding::new(&CHANGED_SINCE, actual.subject(), observed))
}

fn same(before: &Entity, actual: &Entity) -> bool {
    ContentFingerprint::of(before.kind, &before.body) == ContentFingerprint::of(actual.kind, &actual.body)
}

/// True when none of the fields that hold the kind's secret has a value.
pub(super) fn lacks_secret(before: &Entity) -> bool {
    let told = |field: &&str| before.body.get(*field).is_some_and(|value| !is_blank(value));
    !before.kind.secrets.is_empty() && !before.kind.secrets.iter().any(told)
}

fn is_blank(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(str::is_empty)
}
