//! What a run does to the ledger, before and after.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{ContentFingerprint, Entry, Ledger, Origin, Pending, Seen, Standing, seconds};
use crate::kong::model::entity_kinds::named;
use crate::kong::model::{Entity, Snapshot};
use crate::kong::plan::compare::equal;
use crate::kong::plan::document::{Deletion, Planned};
use crate::migration::plan::{Action, Operation};
use crate::migration::subject::EntityKey;

impl Ledger {
    /// Names everything that the run will write or delete, with before-images. True when the ledger changed, and so must be stored
    /// before the first write.
    pub fn intend(&mut self, planned: &Planned, target: &Snapshot, now: Timestamp) -> bool {
        let mut changed = false;
        for operation in &planned.plan.operations {
            let key = operation.target_key();
            let actual = || target.get(&key);
            changed |= match operation.action {
                Action::Create => self.intend_creation(operation, &key.id, now),
                Action::Update => {
                    actual().is_some_and(|actual| self.intend_update(planned, operation, &actual, now))
                }
                Action::Delete => planned
                    .deletions
                    .get(&key)
                    .is_some_and(|deletion| self.intend_deletion(deletion, now)),
                _ => false,
            };
        }
        changed
    }

    /// Keeps the entity's last content. Only what is known is deleted, so an entry is there.
    fn intend_deletion(&mut self, deletion: &Deletion, now: Timestamp) -> bool {
        let entity = deletion.entity.unpack();
        let Some(entry) = self.get_mut(entity.kind.name, &entity.id) else {
            return false;
        };
        let last = Some(Box::new(entity.body));
        if entry.pending == Pending::Delete && entry.deleted == last {
            return false;
        }
        (entry.pending, entry.deleted, entry.at) = (Pending::Delete, last, seconds(now));
        true
    }

    fn intend_creation(&mut self, operation: &Operation, id: &str, now: Timestamp) -> bool {
        let Some(kind) = named(&operation.subject.key.kind) else {
            return false;
        };
        let before = self.get(kind.name, id).cloned();
        // What was overwritten keeps its before-image, also when somebody has deleted it since.
        let origin = match &before {
            Some(Entry {
                origin: origin @ Origin::Overwritten { .. },
                ..
            }) => origin.clone(),
            _ => Origin::Created,
        };
        let entry = Entry {
            source: source_id(operation, id),
            origin,
            seen: None,
            pending: Pending::Write,
            corrected: before.as_ref().and_then(|before| before.corrected.clone()),
            deleted: None,
            at: seconds(now),
        };
        let same = before.is_some_and(|before| {
            Entry {
                at: entry.at,
                ..before
            } == entry
        });
        if !same {
            self.insert(kind, id, entry);
        }
        !same
    }

    fn intend_update(
        &mut self,
        planned: &Planned,
        operation: &Operation,
        actual: &Entity,
        now: Timestamp,
    ) -> bool {
        let Some(desired) = planned.desired.get(&operation.subject.key) else {
            return false;
        };
        let seen = Some(Seen::of(actual.kind, &desired.body(), &actual.body));
        let overwritten = |adopted| Origin::Overwritten {
            before: Box::new(actual.body.clone()),
            adopted,
        };
        let changed_by_another = self.standing(actual, &desired.body()) == Standing::Changed;
        let entry = self.get_mut(actual.kind.name, &actual.id);
        if let Some(entry) = entry.filter(|entry| !entry.is_deleted()) {
            if entry.pending == Pending::Write {
                return false;
            }
            if changed_by_another {
                entry.corrected = Some(Box::new(actual.body.clone()));
            }
            if entry.origin == Origin::Adopted {
                entry.origin = overwritten(true);
            }
            (entry.seen, entry.pending, entry.at) = (seen, Pending::Write, seconds(now));
            entry.deleted = None;
            return true;
        }
        let entry = Entry {
            source: source_id(operation, &actual.id),
            origin: overwritten(false),
            seen,
            pending: Pending::Write,
            corrected: None,
            deleted: None,
            at: seconds(now),
        };
        self.insert(actual.kind, &actual.id, entry);
        true
    }

    /// Records what became of it, from a new reading of the target. True when the ledger changed.
    pub fn settle(&mut self, planned: &Planned, after: &Snapshot, now: Timestamp) -> bool {
        let mut changed = self.settle_desired(planned, after, now);
        let wanted = OnceCell::new();
        // What somebody else removed stays known as long as the source has it.
        let is_wanted = |key: &EntityKey| {
            let keys = wanted.get_or_init(|| {
                let operations = planned.plan.operations.iter();
                operations.map(Operation::target_key).collect::<BTreeSet<_>>()
            });
            keys.contains(key)
        };
        for (name, entries) in &mut self.kinds {
            let Some(kind) = named(name) else { continue };
            entries.retain(|id, entry| {
                let key = kind.key(id);
                if entry.is_settled() && !after.contains(&key) && is_wanted(&key) {
                    return true;
                }
                let kept = settle_entry(kind, entry, after, id, &mut changed);
                changed |= !kept;
                kept
            });
        }
        self.bound_deleted() || changed
    }

    /// Everything that is as the source wants it becomes the migration's.
    fn settle_desired(&mut self, planned: &Planned, after: &Snapshot, now: Timestamp) -> bool {
        let mut changed = false;
        for desired in planned.desired.values() {
            let (kind, key) = (desired.entity.kind, desired.entity.key());
            let known = self.get(kind.name, &key.id).filter(|entry| entry.is_settled());
            let wanted = desired.body();
            // Known as it was written, and the source says the same: nothing is new.
            if known
                .and_then(|entry| entry.seen)
                .is_some_and(|seen| seen.spoken == ContentFingerprint::of(kind, &wanted))
            {
                continue;
            }
            let Some(actual) = after.get(&key) else {
                continue;
            };
            if !equal(kind, &wanted, &actual.body) {
                continue;
            }
            let seen = Some(Seen::of(kind, &wanted, &actual.body));
            changed = true;
            let entry = self.get_mut(kind.name, &key.id);
            if let Some(entry) = entry.filter(|entry| !entry.is_deleted()) {
                (entry.seen, entry.pending, entry.at) = (seen, Pending::Nothing, seconds(now));
                entry.deleted = None;
                continue;
            }
            let source = &desired.subject.key.id;
            let entry = Entry {
                source: (**source != *key.id).then(|| source.as_ref().into()),
                origin: Origin::Adopted,
                seen,
                pending: Pending::Nothing,
                corrected: None,
                deleted: None,
                at: seconds(now),
            };
            self.insert(kind, &key.id, entry);
        }
        changed
    }

    /// Forgets the oldest of what was deleted, where there is too much of it.
    fn bound_deleted(&mut self) -> bool {
        let mut deleted: Vec<_> = self
            .iter()
            .filter(|(_, _, entry)| entry.is_deleted())
            .map(|(kind, id, entry)| (entry.at, kind.key(id)))
            .collect();
        let surplus = deleted.len().saturating_sub(Self::MOST_DELETED);
        deleted.sort();
        for (_, key) in deleted.iter().take(surplus) {
            self.forget(key);
        }
        surplus > 0
    }
}

/// Whether the entry stays.
fn settle_entry(
    kind: &'static crate::kong::model::EntityKind,
    entry: &mut Entry,
    after: &Snapshot,
    id: &str,
    changed: &mut bool,
) -> bool {
    let key = kind.key(id);
    if !after.contains(&key) {
        // Refused, or deleted by us or by somebody else. What was overwritten is still owed its before-image, and what we deleted its
        // last content.
        let by_us = entry.deleted.is_some();
        let owed = by_us || matches!(entry.origin, Origin::Overwritten { .. });
        if owed && (entry.pending, entry.seen) != (Pending::Nothing, None) {
            (entry.pending, entry.seen) = (Pending::Nothing, None);
            *changed = true;
        }
        return owed;
    }
    if entry.is_deleted() {
        // Somebody has made it again.
        return false;
    }
    if entry.pending == Pending::Delete {
        // It did not happen.
        (entry.pending, entry.deleted) = (Pending::Nothing, None);
        *changed = true;
    }
    if entry.pending != Pending::Write {
        return true;
    }
    let Some(actual) = after.get(&key) else {
        return true;
    };
    // A write that did not happen takes nothing into possession.
    let untouched = match &entry.origin {
        Origin::Overwritten { before, adopted } => {
            let same = ContentFingerprint::of(kind, before) == ContentFingerprint::of(kind, &actual.body);
            same.then_some(*adopted)
        }
        Origin::Created | Origin::Adopted => None,
    };
    match untouched {
        Some(true) => {
            (entry.origin, entry.pending) = (Origin::Adopted, Pending::Nothing);
            *changed = true;
            true
        }
        Some(false) => false,
        None => true,
    }
}

fn source_id(operation: &Operation, id: &str) -> Option<Box<str>> {
    (*operation.subject.key.id != *id).then(|| operation.subject.key.id.as_ref().into())
}
