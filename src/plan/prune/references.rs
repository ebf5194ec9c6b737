//! Who in the target refers to whom.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Entity, EntityKey, Snapshot};

/// Entities by the key of what they refer to.
#[derive(Debug, Default)]
pub(super) struct Referrers(BTreeMap<EntityKey, Vec<EntityKey>>);

impl Referrers {
    /// All entities of a snapshot that refer to one of the wanted.
    pub fn to(wanted: &BTreeSet<EntityKey>, snapshot: &Snapshot) -> Self {
        let mut referrers = Self::default();
        for entity in snapshot.iter() {
            for named in of(&entity).filter(|named| wanted.contains(named)) {
                referrers.0.entry(named).or_default().push(entity.key());
            }
        }
        referrers
    }

    /// Those that refer to an entity.
    pub fn of(&self, key: &EntityKey) -> impl Iterator<Item = &EntityKey> {
        self.0.get(key).into_iter().flatten()
    }
}

/// What an entity cannot be without: its foreign keys, and the schema of a custom plugin.
pub(super) fn of(entity: &Entity) -> impl Iterator<Item = EntityKey> + use<> {
    entity.references().into_iter().chain(entity.plugin_schema())
}
