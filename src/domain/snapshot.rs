//! Everything one side held when it was read.

use std::collections::BTreeMap;

use super::{Entity, EntityKey, EntityKind, Subject};

/// Why a kind could not be read. An unread kind never counts as empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GapCause {
    /// The side does not know the kind (older version, open-source edition): there is nothing to move.
    Absent,
    /// The token may not read it.
    Forbidden,
    /// The list failed, for the reason given. Only kinds that cannot move get here; others stop the run.
    Failed(String),
}

/// A kind that was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The kind.
    pub kind: &'static EntityKind,
    /// Why.
    pub cause: GapCause,
}

/// An entity that moves as one of another kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recast {
    /// What the source has.
    pub from: Subject,
    /// What stands for it in the snapshot.
    pub to: EntityKey,
}

/// All entities of one side by key.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// By kind, then id.
    pub entities: BTreeMap<EntityKey, Entity>,
    /// Kinds that were not read.
    pub gaps: Vec<Gap>,
    /// Numbers of what is no configuration of a gateway, by kind name.
    pub counted: BTreeMap<&'static str, usize>,
    /// Entities that others in `entities` stand for.
    pub recast: Vec<Recast>,
}

impl Snapshot {
    /// Adds an entity; one that is already there is replaced, as a list that moves while it is paged may repeat it.
    pub fn insert(&mut self, entity: Entity) {
        self.entities.insert(entity.key(), entity);
    }

    /// Number of entities by kind name.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for entity in self.entities.values() {
            *counts.entry(entity.kind.name).or_insert(0) += 1;
        }
        counts
    }
}

impl FromIterator<Entity> for Snapshot {
    fn from_iter<T: IntoIterator<Item = Entity>>(entities: T) -> Self {
        let mut snapshot = Self::default();
        for entity in entities {
            snapshot.insert(entity);
        }
        snapshot
    }
}
