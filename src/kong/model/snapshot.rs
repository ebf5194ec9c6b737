//! Everything one side held when it was read.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use super::entity_kind::{Role, Write};
use super::entity_kinds::of_role;
use super::id::is_id;
use super::{Entity, EntityKind, Packed};
use crate::migration::subject::{EntityKey, Subject};

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

/// All entities of one side by kind and id. They are held packed, and unpacked one at a time for whoever looks.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Packed, each under its own key.
    pub entities: BTreeMap<EntityKey, Packed>,
    /// Kinds that were not read.
    pub gaps: Vec<Gap>,
    /// Numbers of what is no configuration of a gateway, by kind name.
    pub counted: BTreeMap<&'static str, usize>,
    /// Entities whose id is none: a gateway would take it for a name. Known once [`Snapshot::look_for_names`] has looked.
    pub named: BTreeSet<EntityKey>,
    /// Entities that others in the snapshot stand for.
    pub recast: Vec<Recast>,
}

impl Snapshot {
    /// Adds an entity; one that is already there is replaced, as a list that moves while it is paged may repeat it.
    pub fn insert(&mut self, entity: impl Borrow<Entity>) {
        self.insert_packed(entity.borrow().into());
    }

    /// The same for one that is packed.
    pub fn insert_packed(&mut self, packed: Packed) {
        self.entities.insert(packed.key(), packed);
    }

    /// Puts the entities close together, once they are all there: a map that has grown keeps nearly half of its space free.
    pub fn compact(&mut self) {
        self.entities = mem::take(&mut self.entities).into_iter().collect();
    }

    /// Looks for entities whose id would be taken for a name in the path of a write.
    pub fn look_for_names(&mut self) {
        let has_id = |kind: &EntityKind| {
            kind.id_field == "id" && matches!(kind.write, Write::Put(_) | Write::PutBelow { .. })
        };
        let named = self.packed().map(|packed| (packed.kind, packed.key()));
        let named = named.filter(|(kind, key)| has_id(kind) && !is_id(&key.id));
        self.named = named.map(|(_, key)| key).collect();
    }

    /// Takes an entity out.
    pub fn remove(&mut self, key: &EntityKey) -> Option<Entity> {
        self.entities.remove(key).map(|packed| packed.unpack())
    }

    /// The entity of a key.
    #[must_use]
    pub fn get(&self, key: &EntityKey) -> Option<Entity> {
        self.entities.get(key).map(Packed::unpack)
    }

    /// True when there is an entity of this key.
    #[must_use]
    pub fn contains(&self, key: &EntityKey) -> bool {
        self.entities.contains_key(key)
    }

    /// Number of entities.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entities.len()
    }

    /// True when there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }

    /// All keys, by kind and id.
    pub fn keys(&self) -> impl Iterator<Item = &EntityKey> {
        self.entities.keys()
    }

    /// All entities by kind and id, packed.
    pub fn packed(&self) -> impl Iterator<Item = &Packed> {
        self.entities.values()
    }

    /// All entities by kind and id.
    pub fn iter(&self) -> impl Iterator<Item = Entity> {
        self.packed().map(Packed::unpack)
    }

    /// All entities of a kind by id, packed.
    pub fn of_kind(&self, kind: &'static str) -> impl Iterator<Item = &Packed> {
        let first = EntityKey::new(kind, "");
        let rest = self.entities.range(first..);
        rest.map(|(_, packed)| packed)
            .take_while(move |packed| packed.kind.name == kind)
    }

    /// All entities of the kind of a role by id, packed.
    pub fn of_role(&self, role: Role) -> impl Iterator<Item = &Packed> {
        let kind = of_role(role);
        kind.into_iter().flat_map(|kind| self.of_kind(kind.name))
    }

    /// Changes every entity.
    pub fn change(&mut self, mut change: impl FnMut(&mut Entity)) {
        for packed in self.entities.values_mut() {
            let mut entity = packed.unpack();
            change(&mut entity);
            *packed = Packed::from(&entity);
        }
    }

    /// Number of entities by kind name.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for packed in self.packed() {
            *counts.entry(packed.kind.name).or_insert(0) += 1;
        }
        counts
    }
}

impl FromIterator<Entity> for Snapshot {
    fn from_iter<T: IntoIterator<Item = Entity>>(entities: T) -> Self {
        let mut snapshot = Self::default();
        for entity in entities {
            snapshot.insert(&entity);
        }
        snapshot
    }
}
