//! Which source entities take part: the selected ones, what they own, and what they refer to by id or by name.

use std::collections::BTreeSet;

use super::input::{Exclusion, Policy};
use super::named::{Names, named_entities};
use super::transform::transform;
use crate::kong::model::entity::reference;
use crate::kong::model::entity_kind::Write;
use crate::kong::model::entity_kinds::ENTITY_KINDS;
use crate::kong::model::{Entity, KongVersion, Packed, Snapshot};
use crate::migration::subject::EntityKey;

/// The outcome of a selection.
#[derive(Debug, Default)]
pub struct Selected {
    taken: Option<BTreeSet<EntityKey>>,
    excluded: BTreeSet<EntityKey>,
}

impl Selected {
    /// True when the entity takes part.
    #[must_use]
    pub fn contains(&self, key: &EntityKey) -> bool {
        !self.excluded.contains(key) && self.taken.as_ref().is_none_or(|taken| taken.contains(key))
    }

    /// True when the user left it out by name or kind.
    #[must_use]
    pub fn is_excluded(&self, key: &EntityKey) -> bool {
        self.excluded.contains(key)
    }
}

/// Evaluates the selection of a policy. What a selected entity refers to, by id or by name, comes along, unless it is excluded.
#[must_use]
pub fn select(source: &Snapshot, policy: &Policy, version: Option<KongVersion>, names: &Names) -> Selected {
    let selection = &policy.select;
    let excluded: BTreeSet<EntityKey> = selection
        .exclude
        .iter()
        .flat_map(|exclusion| named(source, exclusion))
        .collect();
    if selection.tags.is_empty() && selection.kinds.is_empty() {
        return Selected {
            taken: None,
            excluded,
        };
    }
    let of_kind = |entity: &Entity| {
        selection.kinds.is_empty() || selection.kinds.iter().any(|kind| kind == entity.kind.name)
    };
    let direct: BTreeSet<EntityKey> = source
        .iter()
        .filter(|entity| {
            entity.kind.write != Write::Member && of_kind(entity) && entity.has_tags(&selection.tags)
        })
        .map(|entity| entity.key())
        .filter(|key| !excluded.contains(key))
        .collect();
    let owned = source
        .iter()
        .filter(|entity| of_kind(entity) || entity.kind.write == Write::Member);
    let owned = owned.filter(|entity| {
        owners(entity).is_some_and(|owners| owners.iter().all(|owner| direct.contains(owner)))
    });
    let mut taken: BTreeSet<EntityKey> = owned
        .map(|entity| entity.key())
        .chain(direct.iter().cloned())
        .collect();
    let needs = |entity: &Entity| needs(entity, policy, version, names);
    close(source, &excluded, needs, &mut taken);
    bring_parts(source, &excluded, &mut taken);
    Selected {
        taken: Some(taken),
        excluded,
    }
}

/// What an entity refers to as it will be written, after the transforms.
fn needs(entity: &Entity, policy: &Policy, version: Option<KongVersion>, names: &Names) -> Vec<EntityKey> {
    let changed = transform(entity, &policy.transforms, version);
    let written = changed.as_ref().map_or(entity, |changed| changed.entity.as_ref());
    let named = named_entities(written, names).into_iter().map(|(_, named)| named);
    written.references().into_iter().chain(named).collect()
}

/// Adds everything that is referred to, directly or not.
fn close(
    source: &Snapshot,
    excluded: &BTreeSet<EntityKey>,
    needs: impl Fn(&Entity) -> Vec<EntityKey>,
    taken: &mut BTreeSet<EntityKey>,
) {
    let mut open: Vec<EntityKey> = taken.iter().cloned().collect();
    while let Some(key) = open.pop() {
        for needed in source.get(&key).iter().flat_map(&needs) {
            if !excluded.contains(&needed) && taken.insert(needed.clone()) {
                open.push(needed);
            }
        }
    }
}

/// Adds the parts without which what takes part does nothing, as an upstream without its targets.
fn bring_parts(source: &Snapshot, excluded: &BTreeSet<EntityKey>, taken: &mut BTreeSet<EntityKey>) {
    let vital = ENTITY_KINDS
        .iter()
        .filter(|kind| kind.part_of.is_some_and(|part| part.vital));
    let parts = vital
        .flat_map(|kind| source.of_kind(kind.name))
        .map(Packed::unpack);
    let belonging: Vec<EntityKey> = parts
        .filter(|part| part.references().iter().any(|whole| taken.contains(whole)))
        .map(|part| part.key())
        .filter(|key| !excluded.contains(key))
        .collect();
    taken.extend(belonging);
}

/// The entities that an entity without tags of its own belongs to: a credential to its consumer, a target to its upstream, a server
/// name to its certificate, a membership to both of its ends.
fn owners(entity: &Entity) -> Option<Vec<EntityKey>> {
    let owner = |kind: &'static str, field| Some(EntityKey::new(kind, reference(&entity.body, field)?));
    match entity.kind.write {
        Write::PutBelow { parent, field, .. } => Some(vec![owner(parent, field)?]),
        Write::Member => entity
            .kind
            .foreign_keys
            .iter()
            .map(|key| owner(key.kind, key.field))
            .collect(),
        Write::Put(_) | Write::Impossible(_) | Write::Counted(_) => {
            let field = entity.kind.owner?;
            Some(vec![owner(entity.kind.referred_by(field)?, field)?])
        }
    }
}

/// Keys of what an exclusion means.
fn named(source: &Snapshot, exclusion: &Exclusion) -> Vec<EntityKey> {
    let of_kind = source
        .packed()
        .filter(|packed| packed.kind.name == exclusion.kind);
    let meant = of_kind.filter(|packed| {
        exclusion
            .name
            .as_ref()
            .is_none_or(|name| packed.unpack().is_named(name))
    });
    meant.map(Packed::key).collect()
}

#[cfg(test)]
mod tests;
