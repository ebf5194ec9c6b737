//! What cannot be undone because of the rest of the target: something that stays refers to it, what it refers to is gone, or somebody
//! else holds its name.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::{NAME_HELD, REFERENCE_GONE, STILL_REFERENCED};
use super::{Fate, RollbackInput, Undo, before};
use crate::domain::{Entity, EntityKey};
use crate::plan::finding::Finding;
use crate::plan::named::{Names, named_entities};
use crate::plan::unique::Taken;

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
    let callable = doomed.iter().filter(|key| Names::are_given_to(&key.kind));
    let names = Names::among(callable.filter_map(|key| input.target.entities.get(*key)));
    let mut kept: BTreeMap<EntityKey, Finding> = BTreeMap::new();
    for user in users {
        let named = named_entities(&user, &names).into_iter().map(|(_, key)| key);
        let needed = user
            .plugin_schema()
            .into_iter()
            .chain(user.references())
            .chain(named);
        for key in needed.filter(|key| doomed.contains(key)) {
            let Some(entity) = input.target.get(&key) else {
                continue;
            };
            kept.entry(key).or_insert_with(|| {
                let observed = format!("{} refers to it", user.subject());
                Finding::new(&STILL_REFERENCED, entity.subject(), observed)
            });
        }
    }
    kept.into_iter().collect()
}
