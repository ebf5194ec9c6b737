//! What cannot be undone because of the rest of the target: something that stays refers to it, what it refers to is gone, or somebody
//! else holds its name.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::{NAME_HELD, REFERENCE_GONE, STILL_REFERENCED};
use super::{Fate, RollbackInput, before};
use crate::kong::model::Entity;
use crate::kong::plan::ledger::Origin;
use crate::kong::plan::named::{Names, is_part, named_entities, whole_of};
use crate::kong::plan::unique::Taken;
use crate::migration::finding::Finding;
use crate::migration::rollback::Undo;
use crate::migration::subject::EntityKey;

type Fates = BTreeMap<EntityKey, Fate>;

/// Turns steps that are impossible into entities that stay. What stays may stand in the way of others in turn.
pub(super) fn keep_what_cannot_go(input: &RollbackInput<'_>, fates: &mut Fates) {
    loop {
        let mut kept = unrestorable(input, fates);
        if kept.is_empty() {
            kept = undeletable(input, fates);
        }
        if kept.is_empty() {
            return;
        }
        fates.extend(kept.into_iter().map(|(key, finding)| (key, Fate::Kept(finding))));
    }
}

fn undo_of(fates: &Fates, key: &EntityKey) -> Option<Undo> {
    match fates.get(key) {
        Some(Fate::Undo { undo, .. }) => Some(*undo),
        _ => None,
    }
}

/// What would be made again or restored with a reference to something absent, or under a name that is held.
fn unrestorable(input: &RollbackInput<'_>, fates: &Fates) -> Vec<(EntityKey, Finding)> {
    let restored = |undo: &Undo| matches!(undo, Undo::Recreate | Undo::Restore);
    let wanted: Vec<Entity> = fates
        .keys()
        .filter(|key| undo_of(fates, key).as_ref().is_some_and(restored))
        .filter_map(|key| before(input.ledger, key))
        .collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let staying = input
        .target
        .packed()
        .filter(|held| undo_of(fates, &held.key()).is_none())
        .map(|held| held.unpack());
    let taken = Taken::by_all(staying);
    let there = |key: &EntityKey| input.target.contains(key) || undo_of(fates, key) == Some(Undo::Recreate);
    let obstacle = |entity: &Entity| {
        if let Some(gone) = entity.references().into_iter().find(|key| !there(key)) {
            let observed = format!("what it was before refers to {gone}, which is gone");
            return Some(Finding::new(&REFERENCE_GONE, entity.subject(), observed));
        }
        let clash = taken.clash(entity)?;
        let observed = format!("{} is held by {}", clash.shown, clash.holder);
        Some(Finding::new(&NAME_HELD, entity.subject(), observed))
    };
    wanted
        .iter()
        .filter_map(|entity| Some((entity.key(), obstacle(entity)?)))
        .collect()
}

/// What would be deleted although something that stays, or is restored, refers to it.
fn undeletable(input: &RollbackInput<'_>, fates: &Fates) -> Vec<(EntityKey, Finding)> {
    let doomed: BTreeSet<&EntityKey> = fates
        .keys()
        .filter(|key| undo_of(fates, key) == Some(Undo::Delete))
        .collect();
    if doomed.is_empty() {
        return Vec::new();
    }
    let recreated = fates
        .keys()
        .filter(|key| undo_of(fates, key) == Some(Undo::Recreate))
        .filter_map(|key| before(input.ledger, key));
    let staying = input.target.packed().filter(|held| !doomed.contains(&held.key()));
    let left = staying.filter_map(|held| match undo_of(fates, &held.key()) {
        Some(Undo::Restore) => before(input.ledger, &held.key()),
        _ => Some(held.unpack()),
    });
    let mut users = left.chain(recreated).peekable();
    if users.peek().is_none() {
        return Vec::new();
    }
    let parts = parts(input, &doomed);
    let callable = doomed.iter().copied().chain(parts.keys());
    let callable = callable.filter(|key| Names::are_given_to(&key.kind));
    let names = Names::among(callable.filter_map(|key| input.target.entities.get(key)));
    let mut kept: BTreeMap<EntityKey, Finding> = BTreeMap::new();
    let mut keep = |key: &EntityKey, observed: String| {
        if let Some(entity) = doomed.get(key).and_then(|key| input.target.get(key)) {
            let finding = || Finding::new(&STILL_REFERENCED, entity.subject(), observed);
            kept.entry(key.clone()).or_insert_with(finding);
        }
    };
    for user in users {
        for key in user.references().into_iter().chain(user.plugin_schema()) {
            keep(&key, format!("{} refers to it", user.subject()));
        }
        for (field, key) in named_entities(&user, &names) {
            keep(&key, format!("{} names it in {field}", user.subject()));
            for part in parts.get(&key).into_iter().flatten() {
                let observed = format!("{} names {key}, of which it is a part", user.subject());
                keep(part, observed);
            }
        }
    }
    kept.into_iter().collect()
}

/// What would be deleted of what others consist of, by those: of use to whoever names these, whether they go or stay. What was there
/// before the migration was of use without.
fn parts(input: &RollbackInput<'_>, doomed: &BTreeSet<&EntityKey>) -> BTreeMap<EntityKey, Vec<EntityKey>> {
    let mut parts: BTreeMap<EntityKey, Vec<EntityKey>> = BTreeMap::new();
    for key in doomed.iter().copied().filter(|key| is_part(&key.kind)) {
        let part = input.target.get(key);
        let whole = part.as_ref().and_then(whole_of);
        let created = |whole: &EntityKey| {
            let entry = input.ledger.get(&whole.kind, &whole.id);
            entry.is_some_and(|entry| entry.origin == Origin::Created && !entry.is_deleted())
        };
        if let Some(whole) = whole.filter(created) {
            parts.entry(whole).or_default().push(key.clone());
        }
    }
    parts
}
