//! Who in the target refers to whom.

use std::collections::BTreeMap;

use crate::kong::model::{Entity, Packed, Snapshot};
use crate::kong::plan::named::{Names, calls};
use crate::migration::subject::EntityKey;

/// Entities by the key of what they refer to.
#[derive(Debug, Default)]
pub(super) struct Referrers {
    by_key: BTreeMap<EntityKey, Vec<EntityKey>>,
    by_name: BTreeMap<EntityKey, Vec<Caller>>,
}

/// An entity that calls another by name or id, which is no foreign key.
#[derive(Debug)]
pub(super) struct Caller {
    /// Who calls.
    pub key: EntityKey,
    /// In which field.
    pub field: String,
    /// The name or id.
    pub text: Box<str>,
}

impl Referrers {
    /// All entities of a snapshot that refer to one of the wanted.
    pub fn to(wanted: &BTreeMap<EntityKey, &Packed>, snapshot: &Snapshot) -> Self {
        let callable = wanted
            .values()
            .filter(|packed| Names::are_given_to(packed.kind.name));
        let names = Names::among(callable.copied());
        let mut referrers = Self::default();
        for entity in snapshot.iter() {
            for named in of(&entity).filter(|named| wanted.contains_key(named)) {
                referrers.by_key.entry(named).or_default().push(entity.key());
            }
            for call in calls(&entity) {
                if let Some(named) = names.find(call.kind, call.text) {
                    let caller = Caller {
                        key: entity.key(),
                        field: call.field,
                        text: call.text.into(),
                    };
                    referrers.by_name.entry(named.clone()).or_default().push(caller);
                }
            }
        }
        referrers
    }

    /// Those that refer to an entity.
    pub fn of(&self, key: &EntityKey) -> impl Iterator<Item = &EntityKey> {
        self.by_key.get(key).into_iter().flatten()
    }

    /// Those that call it by name or id.
    pub fn callers(&self, key: &EntityKey) -> impl Iterator<Item = &Caller> {
        self.by_name.get(key).into_iter().flatten()
    }
}

/// What an entity cannot be without: its foreign keys, and the schema of a custom plugin.
pub(super) fn of(entity: &Entity) -> impl Iterator<Item = EntityKey> + use<> {
    entity.references().into_iter().chain(entity.plugin_schema())
}
