//! Which id each source entity has in the target, and how bodies follow.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::input::IdPolicy;
use crate::kong::model::entity_kind::Write;
use crate::kong::model::{Entity, EntityKind, Snapshot};
use crate::migration::subject::EntityKey;

/// Target ids by source entity. Starts from the policy; adoptions are added while planning.
#[derive(Debug)]
pub struct Identities {
    name_space: Option<Uuid>,
    moved: BTreeMap<EntityKey, Arc<str>>,
    by_id: BTreeMap<Arc<str>, Arc<str>>,
    /// Source entities by the key of their counterpart, where it has another id.
    counterparts: BTreeMap<EntityKey, EntityKey>,
    changes: usize,
}

impl Identities {
    /// The ids of all source entities under a policy.
    #[must_use]
    pub fn new(source: &Snapshot, policy: &IdPolicy) -> Self {
        let name_space = match policy {
            // The default, and what lets a pass find out by reading what is done already; see docs/decisions/0003-ids-are-preserved.md.
            IdPolicy::Preserve => None,
            // An id that is no UUID still makes a name space of its own.
            IdPolicy::Derive { control_plane } => Some(
                Uuid::try_parse(control_plane)
                    .unwrap_or_else(|_| Uuid::new_v5(&Uuid::NAMESPACE_OID, control_plane.as_bytes())),
            ),
        };
        let mut identities = Self {
            name_space,
            moved: BTreeMap::new(),
            by_id: BTreeMap::new(),
            counterparts: BTreeMap::new(),
            changes: 0,
        };
        if name_space.is_some() {
            for entity in source
                .packed()
                .filter(|entity| entity.kind.write != Write::Member)
            {
                let derived = identities.derive(&entity.key());
                identities.map(entity.key(), derived);
            }
        }
        identities
    }

    fn derive(&self, key: &EntityKey) -> Arc<str> {
        self.name_space.map_or_else(
            || Arc::clone(&key.id),
            |space| {
                Uuid::new_v5(&space, key.to_string().as_bytes())
                    .to_string()
                    .into()
            },
        )
    }

    /// From now on the source entity is this one in the target.
    pub fn adopt(&mut self, source: EntityKey, target_id: &Arc<str>) {
        self.map(source, Arc::clone(target_id));
    }

    /// Grows with every adoption: what was derived from these ids holds as long as it is the same.
    #[must_use]
    pub fn changes(&self) -> usize {
        self.changes
    }

    fn map(&mut self, source: EntityKey, target_id: Arc<str>) {
        self.changes += 1;
        self.by_id.insert(Arc::clone(&source.id), Arc::clone(&target_id));
        let target = EntityKey::new(source.kind.clone(), Arc::clone(&target_id));
        self.counterparts.insert(target, source.clone());
        self.moved.insert(source, target_id);
    }

    /// The source entity whose copy an entity of the target is; `source` tells which entities there are.
    #[must_use]
    pub fn source_of(&self, target: &EntityKey, source: &Snapshot) -> Option<EntityKey> {
        let moved_here = self.counterparts.get(target).cloned();
        moved_here.or_else(|| {
            let same_id = source.contains(target) && !self.is_moved(target);
            same_id.then(|| target.clone())
        })
    }

    /// The id in the target.
    #[must_use]
    pub fn target_id<'a>(&'a self, source: &'a EntityKey) -> &'a Arc<str> {
        self.moved.get(source).unwrap_or(&source.id)
    }

    /// The id in the target where it is another one. That of a membership is made of the ids of its ends, its `references`.
    #[must_use]
    pub fn other_id(
        &self,
        kind: &EntityKind,
        source: &EntityKey,
        references: &[EntityKey],
    ) -> Option<Arc<str>> {
        if self.by_id.is_empty() {
            return None;
        }
        let id = match kind.write {
            Write::Member => self.member_id(references),
            _ => Arc::clone(self.target_id(source)),
        };
        (id != source.id).then_some(id)
    }

    /// From the keys of group and consumer.
    fn member_id(&self, ends: &[EntityKey]) -> Arc<str> {
        let ends: Vec<&str> = ends.iter().map(|end| &**self.target_id(end)).collect();
        ends.join("/").into()
    }

    /// True when the entity does not keep its id.
    #[must_use]
    pub fn is_moved(&self, source: &EntityKey) -> bool {
        *self.target_id(source) != source.id
    }

    /// The entity with its target id, and with the ids of other source entities replaced by their target ids: in foreign keys, and
    /// in texts of a plugin's configuration that are exactly an id, such as the consumer for anonymous access.
    #[must_use]
    pub fn relink(&self, entity: Entity) -> Entity {
        if self.by_id.is_empty() {
            return entity;
        }
        let own = entity.key();
        let foreign = |field: &str| entity.kind.foreign_keys.iter().find(|key| key.field == field);
        let follow = |(field, value): (String, Value)| match foreign(&field) {
            Some(foreign) => (field, self.relink_value(value, Some(foreign.kind))),
            None if entity.kind.free_form.contains(&field.as_str()) => {
                (field, self.relink_value(value, None))
            }
            None => (field, value),
        };
        let body: Map<String, Value> = entity.body.into_iter().map(follow).collect();
        let id = if entity.kind.write == Write::Member {
            let end = |field: &str| {
                body.get(field)
                    .and_then(|end| end["id"].as_str())
                    .unwrap_or_default()
                    .to_owned()
            };
            format!("{}/{}", end("consumer_group"), end("consumer")).into()
        } else {
            Arc::clone(self.target_id(&own))
        };
        Entity {
            kind: entity.kind,
            id,
            body,
        }
    }

    /// Replaces texts that are ids: of entities of a kind, where the field says which, else of any.
    fn relink_value(&self, value: Value, kind: Option<&'static str>) -> Value {
        match value {
            Value::String(text) => {
                let target = match kind {
                    Some(kind) => self.moved.get(&EntityKey::new(kind, text.as_str())),
                    None => self.by_id.get(text.as_str()),
                };
                target.map_or(Value::String(text), |target| json!(&**target))
            }
            Value::Array(items) => {
                let relink = |item| self.relink_value(item, kind);
                items.into_iter().map(relink).collect()
            }
            Value::Object(fields) => Value::Object(
                fields
                    .into_iter()
                    .map(|(field, value)| (field, self.relink_value(value, kind)))
                    .collect(),
            ),
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::test_support::{entity, snapshot};
    use super::*;

    const SERVICE: &str = "0b3b7a3e-5c1f-4f0e-9a53-0d4c9a0c1c11";
    const CONSUMER: &str = "5e1c8d5a-6a3e-4bb0-8a68-3f6a1d0d2e22";

    fn source() -> Snapshot {
        snapshot(&[
            ("services", json!({"id": SERVICE, "host": "h"})),
            ("consumers", json!({"id": CONSUMER, "username": "u"})),
        ])
    }

    #[test]
    fn preserved_ids_change_nothing() {
        let identities = Identities::new(&source(), &IdPolicy::Preserve);
        let route = entity("routes", json!({"id": "r", "service": {"id": SERVICE}}));
        assert_eq!(identities.relink(route.clone()), route);
    }

    #[test]
    fn derived_ids_are_the_same_each_time_and_differ_by_control_plane() {
        let derive = |control_plane: &str| {
            let policy = IdPolicy::Derive {
                control_plane: control_plane.into(),
            };
            let key = EntityKey::new("services", SERVICE);
            Identities::new(&source(), &policy).target_id(&key).to_string()
        };
        let (one, two) = (
            "11111111-1111-4111-8111-111111111111",
            "22222222-2222-4222-8222-222222222222",
        );
        assert_eq!(derive(one), derive(one));
        assert_ne!(derive(one), derive(two));
        assert_ne!(derive(one), SERVICE);
    }

    #[test]
    fn foreign_keys_and_ids_in_configurations_follow() {
        let mut identities = Identities::new(&source(), &IdPolicy::Preserve);
        identities.adopt(EntityKey::new("services", SERVICE), &"adopted-service".into());
        identities.adopt(EntityKey::new("consumers", CONSUMER), &"adopted-consumer".into());
        let plugin = entity(
            "plugins",
            json!({"id": "p", "name": "key-auth", "service": {"id": SERVICE}, "config": {"anonymous": CONSUMER, "realm": "x"}}),
        );
        let body = identities.relink(plugin).body;
        assert_eq!(body["service"], json!({"id": "adopted-service"}));
        assert_eq!(
            body["config"],
            json!({"anonymous": "adopted-consumer", "realm": "x"})
        );
    }

    #[test]
    fn a_group_and_a_consumer_of_one_id_are_two() {
        let source = snapshot(&[
            ("consumer_groups", json!({"id": "1", "name": "g"})),
            ("consumers", json!({"id": "1", "username": "u"})),
        ]);
        let policy = IdPolicy::Derive {
            control_plane: "cp".into(),
        };
        let identities = Identities::new(&source, &policy);
        let member = entity(
            "consumer_group_members",
            json!({"consumer_group": {"id": "1"}, "consumer": {"id": "1"}}),
        );
        let other = identities.other_id(member.kind, &member.key(), &member.references());
        assert_eq!(Some(identities.relink(member).id), other);
        let ends: BTreeSet<_> = other.iter().flat_map(|id| id.split('/')).collect();
        assert_eq!(ends.len(), 2);
    }
}
