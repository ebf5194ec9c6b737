//! Which unique values of the target are taken, and by whom.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::mask;
use crate::kong::model::entity::reference;
use crate::kong::model::entity_kinds::PLUGIN_SCOPE;
use crate::kong::model::{Entity, Snapshot, address};
use crate::migration::subject::EntityKey;

/// Kind, fields and values of a unique group.
type UniqueKey = (&'static str, &'static [&'static str], String);

/// The unique values that a snapshot's entities hold.
#[derive(Debug)]
pub struct Taken(BTreeMap<UniqueKey, EntityKey>);

/// An entity that holds a unique value which another one wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// Who holds it.
    pub holder: EntityKey,
    /// Fields and values, secrets masked.
    pub shown: String,
}

impl Taken {
    /// All unique values of a snapshot.
    #[must_use]
    pub fn by(snapshot: &Snapshot) -> Self {
        Self::by_all(snapshot.iter())
    }

    /// All unique values of some entities.
    #[must_use]
    pub fn by_all(entities: impl Iterator<Item = Entity>) -> Self {
        let keys =
            |entity: Entity| -> Vec<_> { unique_keys(&entity).map(|key| (key, entity.key())).collect() };
        Self(entities.flat_map(keys).collect())
    }

    /// The first unique value of the entity that another one holds.
    #[must_use]
    pub fn clash(&self, entity: &Entity) -> Option<Clash> {
        self.clash_after(entity, |_| false)
    }

    /// The same once some have left: `leaves` is asked for every holder.
    pub fn clash_after(&self, entity: &Entity, mut leaves: impl FnMut(&EntityKey) -> bool) -> Option<Clash> {
        let own = entity.key();
        let (fields, holder) = unique_keys(entity)
            .filter_map(|key| self.0.get(&key).map(|holder| (key.1, holder.clone())))
            .find(|(_, holder)| *holder != own && !leaves(holder))?;
        let show = |field: &&str| {
            Some(format!(
                "{field} {}",
                mask::shown(entity.kind, None, field, entity.body.get(*field)?)
            ))
        };
        let shown: Vec<_> = fields.iter().filter_map(show).collect();
        Some(Clash {
            holder,
            shown: shown.join(", "),
        })
    }
}

/// The unique groups that bind an entity: those without a null, and a plugin's scope always.
fn unique_keys(entity: &Entity) -> impl Iterator<Item = UniqueKey> + use<'_> {
    entity.kind.unique.iter().filter_map(|fields| {
        let value = |field: &&str| match reference(&entity.body, field) {
            Some(id) => json!(id),
            None => match entity.body.get(*field) {
                Some(Value::String(text)) if entity.kind.addresses.contains(field) => {
                    json!(address::normal(text))
                }
                other => other.cloned().unwrap_or(Value::Null),
            },
        };
        let values: Vec<Value> = fields.iter().map(value).collect();
        let bound = *fields == PLUGIN_SCOPE || values.iter().all(|value| !value.is_null());
        bound.then(|| (entity.kind.name, *fields, json!(values).to_string()))
    })
}
