//! What a run does to the ledger, before and after.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::intended::Outlines;
use super::{ContentFingerprint, Entry, Intended, Ledger, Origin, Pending, Seen, Standing, seconds};
use crate::kong::model::entity_kinds::named;
use crate::kong::model::{Entity, EntityKind, Snapshot};
use crate::kong::plan::compare::equal;
use crate::kong::plan::document::{Deletion, Planned};
use crate::migration::plan::{Action, Operation};
use crate::migration::subject::EntityKey;

impl Ledger {
    /// Names everything that the run will write or delete, with before-images. True when the ledger changed, and so must be stored
    /// before the first write.
    pub fn intend(&mut self, planned: &Planned, target: &Snapshot, now: Timestamp) -> bool {
        let mut changed = false;
        let mut outlines = Outlines::default();
        for operation in &planned.plan.operations {
            let key = operation.target_key();
            let actual = || target.get(&key);
            changed |= match operation.action {
                Action::Create => planned
                    .desired
                    .get(&operation.subject.key)
                    .is_some_and(|desired| {
                        self.intend_creation(operation, &key.id, outlines.intend(desired), now)
                    }),
                Action::Update => planned
                    .desired
                    .get(&operation.subject.key)
                    .zip(actual())
                    .is_some_and(|(desired, actual)| {
                        let intended = (outlines.intend(desired), desired.body());
                        self.intend_update(operation, intended, &actual, now)
                    }),
                Action::Delete => planned
                    .deletions
                    .get(&key)
                    .is_some_and(|deletion| self.intend_deletion(deletion, now)),
                _ => false,
            };
        }
        changed
    }

    /// Names what is written once more. What the target holds of it is known to be neither this run's nor the plan's, so the
    /// ledger knows of each entity what it knew.
    pub fn intend_repair(&mut self, repair: &Planned, now: Timestamp) -> bool {
        let mut outlines = Outlines::default();
        let mut changed = false;
        for operation in &repair.plan.operations {
            let (key, desired) = (operation.target_key(), repair.desired.get(&operation.subject.key));
            let Some(desired) = desired else { continue };
            let intended = outlines.intend(desired);
            let known = self.get_mut(&key.kind, &key.id);
            changed |= match known.filter(|entry| !entry.is_deleted() && operation.action == Action::Update) {
                Some(entry) => {
                    (entry.pending, entry.intended, entry.at) =
                        (Pending::Write, Some(intended), seconds(now));
                    true
                }
                None => self.intend_creation(operation, &key.id, intended, now),
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

    fn intend_creation(
        &mut self,
        operation: &Operation,
        id: &str,
        intended: Intended,
        now: Timestamp,
    ) -> bool {
        let Some(kind) = named(&operation.subject.key.kind) else {
            return false;
        };
        let before = self.get(kind.name, id);
        // What was overwritten keeps its before-image, also when somebody has deleted it since.
        let origin = match before.map(|before| &before.origin) {
            Some(origin @ Origin::Overwritten { .. }) => origin.clone(),
            _ => Origin::Created,
        };
        let entry = Entry {
            source: source_id(operation, id),
            origin,
            seen: None,
            pending: Pending::Write,
            intended: Some(intended),
            begun: None,
            corrected: before.and_then(|before| before.corrected.clone()),
            deleted: None,
            at: before.map_or_else(|| seconds(now), |before| before.at),
        };
        let same = before == Some(&entry);
        if !same {
            let at = seconds(now);
            self.insert(kind, id, Entry { at, ..entry });
        }
        !same
    }

    fn intend_update(
        &mut self,
        operation: &Operation,
        (intended, desired): (Intended, Map<String, Value>),
        actual: &Entity,
        now: Timestamp,
    ) -> bool {
        let standing = self.standing(actual, &desired);
        let found = ContentFingerprint::of(actual.kind, &actual.body);
        let overwritten = |adopted| Origin::Overwritten {
            before: Box::new(actual.body.clone()),
            adopted,
        };
        let entry = self.get_mut(actual.kind.name, &actual.id);
        let Some(entry) = entry.filter(|entry| !entry.is_deleted()) else {
            let entry = Entry {
                source: source_id(operation, &actual.id),
                origin: overwritten(false),
                seen: None,
                pending: Pending::Write,
                intended: Some(intended),
                begun: Some(found),
                corrected: None,
                deleted: None,
                at: seconds(now),
            };
            self.insert(actual.kind, &actual.id, entry);
            return true;
        };
        let again = entry.pending == Pending::Write && entry.intended.as_ref() == Some(&intended);
        if again && (standing == Standing::Ours || entry.begun == Some(found)) {
            return false;
        }
        match standing {
            Standing::Ours => {
                if entry.origin == Origin::Adopted {
                    entry.origin = overwritten(true);
                }
                // Read just now: what an earlier run intended is confirmed before something else is.
                entry.seen = Some(Seen::of(actual.kind, &desired, &actual.body));
                entry.begun = entry.begun().or(Some(found));
            }
            // What this migration left stays known, as long as it was not seen to write it again.
            Standing::Changed => {
                entry.corrected = Some(Box::new(actual.body.clone()));
                if entry.origin == Origin::Adopted {
                    entry.origin = overwritten(true);
                }
                entry.begun = Some(found);
            }
            Standing::Foreign | Standing::Unknown => {
                entry.origin = overwritten(false);
                (entry.seen, entry.begun) = (None, Some(found));
            }
        }
        (entry.pending, entry.intended, entry.at) = (Pending::Write, Some(intended), seconds(now));
        entry.deleted = None;
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

    /// Everything that is as the source wants it becomes the migration's: its own, where it was seen or known to write it; else adopted.
    fn settle_desired(&mut self, planned: &Planned, after: &Snapshot, now: Timestamp) -> bool {
        let mut changed = false;
        for desired in planned.desired.values() {
            let (kind, key) = (desired.entity.kind, desired.entity.key());
            let known = self.get(kind.name, &key.id);
            let known =
                known.filter(|entry| entry.is_settled() && entry.intended.is_none() && entry.begun.is_none());
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
                // Another content was intended, and nobody saw it written: somebody else made the two sides equal.
                let is_foreign = entry.seen.is_none()
                    && entry
                        .intended
                        .as_ref()
                        .is_some_and(|body| !body.is_held_by(&actual));
                if is_foreign {
                    entry.origin = Origin::Adopted;
                }
                entry.end_run(seen, now);
                entry.deleted = None;
                continue;
            }
            let source = &desired.subject.key.id;
            let entry = Entry {
                source: (**source != *key.id).then(|| source.as_ref().into()),
                origin: Origin::Adopted,
                seen,
                pending: Pending::Nothing,
                intended: None,
                begun: None,
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

impl Entry {
    /// What was intended is over.
    fn end_run(&mut self, seen: Option<Seen>, now: Timestamp) {
        (self.seen, self.pending, self.at) = (seen, Pending::Nothing, seconds(now));
        (self.intended, self.begun) = (None, None);
    }

    /// Takes over what a reading tells of an entity that is not as the source wants it. Whether the entry stays.
    fn settle(&mut self, actual: &Entity) -> bool {
        if self.is_deleted() {
            // Somebody has made it again.
            return false;
        }
        if self.pending == Pending::Delete {
            // It did not happen.
            (self.pending, self.deleted) = (Pending::Nothing, None);
        }
        let now = ContentFingerprint::of(actual.kind, &actual.body);
        if let Some(intended) = self.intended.take_if(|intended| intended.is_held_by(actual)) {
            let (whole, spoken) = (now, intended.print());
            (self.seen, self.pending) = (Some(Seen { whole, spoken }), Pending::Nothing);
            return true;
        }
        if self.pending != Pending::Write {
            self.intended = None;
            return true;
        }
        // A write that did not happen takes nothing into possession.
        let is_as_found = |before| ContentFingerprint::of(actual.kind, before) == now;
        if self.before().is_some_and(is_as_found) {
            let Origin::Overwritten { adopted: true, .. } = self.origin else {
                return false;
            };
            self.origin = Origin::Adopted;
        }
        match (&self.intended, self.seen) {
            // Nothing tells who wrote it, until a person does.
            (None, seen) if seen.is_none_or(|seen| seen.whole != now) && self.origin != Origin::Adopted => {
                return true;
            }
            // Somebody else's.
            (Some(_), None) if self.origin == Origin::Created => return false,
            // As it was left, or changed by somebody else since. What was overwritten is owed its before-image.
            _ => {}
        }
        (self.pending, self.intended) = (Pending::Nothing, None);
        true
    }

    /// The same of an entity that the target does not have: refused, or deleted by us or by somebody else. What was overwritten is still
    /// owed its before-image, and what we deleted its last content.
    fn settle_absent(&mut self) -> bool {
        (self.pending, self.seen, self.intended, self.begun) = (Pending::Nothing, None, None, None);
        self.deleted.is_some() || matches!(self.origin, Origin::Overwritten { .. })
    }
}

/// Whether the entry stays.
fn settle_entry(
    kind: &'static EntityKind,
    entry: &mut Entry,
    after: &Snapshot,
    id: &str,
    changed: &mut bool,
) -> bool {
    // What is settled is only looked for: nothing is intended of it, and a look at each would cost as much as a plan.
    let at_rest = entry.is_settled() && entry.intended.is_none() && !entry.is_deleted();
    let key = kind.key(id);
    if at_rest && after.contains(&key) {
        return true;
    }
    let known = (entry.pending, entry.seen, entry.intended.is_some(), entry.begun);
    let kept = match after.get(&key) {
        Some(actual) => entry.settle(&actual),
        None => entry.settle_absent(),
    };
    *changed |= known != (entry.pending, entry.seen, entry.intended.is_some(), entry.begun);
    kept
}

fn source_id(operation: &Operation, id: &str) -> Option<Box<str>> {
    (*operation.subject.key.id != *id).then(|| operation.subject.key.id.as_ref().into())
}
