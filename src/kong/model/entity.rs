//! One entity: as a JSON map while it is looked at, and at rest, as both sides of a migration are held, packed. The names it goes by.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::entity_kind::{EntityKind, Role, Write};
use super::entity_kinds::of_role;
use crate::http::object_text::ObjectText;
use crate::migration::subject::{EntityKey, Subject};

/// An entity as one side returned it. The body stays a map, so that a field nobody knows travels with it.
#[derive(Clone, PartialEq)]
pub struct Entity {
    /// Its row in the table of kinds.
    pub kind: &'static EntityKind,
    /// See [`EntityKey::id`]; a membership's is `{consumer group id}/{consumer id}`.
    pub id: Arc<str>,
    /// The fields, with secrets in clear.
    pub body: Map<String, Value>,
}

impl fmt::Debug for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entity({})", self.subject())
    }
}

impl Entity {
    /// Takes an entity from a list of its kind. None when the body has no id, which a membership does not need.
    #[must_use]
    pub fn from_body(kind: &'static EntityKind, body: Map<String, Value>) -> Option<Self> {
        let id = if kind.write == Write::Member {
            format!(
                "{}/{}",
                reference(&body, "consumer_group")?,
                reference(&body, "consumer")?
            )
        } else {
            body.get(kind.id_field)?.as_str()?.to_owned()
        };
        let id = id.into();
        Some(Self { kind, id, body })
    }

    /// Kind and id.
    #[must_use]
    pub fn key(&self) -> EntityKey {
        EntityKey::new(self.kind.name, Arc::clone(&self.id))
    }

    /// Key and natural name.
    #[must_use]
    pub fn subject(&self) -> Subject {
        let name = self
            .kind
            .labels
            .iter()
            .filter_map(|field| self.body.get(*field)?.as_str())
            .find(|name| !name.is_empty())
            .map(Arc::from);
        Subject {
            key: self.key(),
            name,
        }
    }

    /// Key of the schema that a plugin has in the target when it is no bundled one.
    #[must_use]
    pub fn plugin_schema(&self) -> Option<EntityKey> {
        let name = self.kind.plugin_name(&self.body)?;
        Some(of_role(Role::PluginSchema)?.key(name))
    }

    /// True when this is the one meant, by name or id.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        let field = |field: &str| self.body.get(field).and_then(Value::as_str) == Some(name);
        *self.id == *name || field("name") || self.kind.labels.iter().any(|label| field(label))
    }

    /// True when it has all of the tags.
    #[must_use]
    pub fn has_tags(&self, tags: &[String]) -> bool {
        let own = self.body.get("tags").and_then(Value::as_array);
        tags.iter()
            .all(|tag| own.is_some_and(|own| own.iter().any(|value| value.as_str() == Some(tag))))
    }

    /// Keys of all entities this one refers to by id.
    #[must_use]
    pub fn references(&self) -> Vec<EntityKey> {
        let mut keys = Vec::new();
        for foreign in self.kind.foreign_keys {
            let key = |id: &str| EntityKey::new(foreign.kind, id);
            match self.body.get(foreign.field) {
                Some(Value::Array(items)) => keys.extend(items.iter().filter_map(id_of).map(key)),
                Some(value) => keys.extend(id_of(value).map(key)),
                None => {}
            }
        }
        keys
    }
}

/// An entity with its fields as text.
#[derive(Clone, PartialEq)]
pub struct Packed {
    /// Its row in the table of kinds.
    pub kind: &'static EntityKind,
    /// See [`EntityKey::id`].
    pub id: Arc<str>,
    // A map of values takes ten times the space, and both sides are held at once: docs/decisions/0005-entities-as-packed-text.md.
    text: ObjectText,
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Packed({})", self.key())
    }
}

impl From<&Entity> for Packed {
    fn from(entity: &Entity) -> Self {
        Self {
            kind: entity.kind,
            id: Arc::clone(&entity.id),
            text: ObjectText::of(&entity.body),
        }
    }
}

impl Packed {
    /// Takes an entity from a list of its kind. None when it has no id, which a membership does not need.
    #[must_use]
    pub fn from_text(kind: &'static EntityKind, text: ObjectText) -> Option<Self> {
        let id = if kind.write == Write::Member {
            Entity::from_body(kind, text.fields())?.id
        } else {
            text.word(kind.id_field)?.into()
        };
        Some(Self { kind, id, text })
    }

    /// Kind and id.
    #[must_use]
    pub fn key(&self) -> EntityKey {
        EntityKey::new(self.kind.name, Arc::clone(&self.id))
    }

    /// Key and natural name.
    #[must_use]
    pub fn subject(&self) -> Subject {
        let name = self.kind.labels.iter().find_map(|field| self.word(field));
        Subject {
            key: self.key(),
            name: name.map(Arc::from),
        }
    }

    /// The text in one field.
    #[must_use]
    pub fn word(&self, field: &str) -> Option<String> {
        self.text.word(field)
    }

    /// See [`ObjectText::may_say`].
    #[must_use]
    pub fn may_say(&self, word: &str) -> bool {
        self.text.may_say(word)
    }

    /// Some of the fields, as a type that names them.
    ///
    /// # Errors
    /// When the entity is none of the kind.
    pub fn parse<'t, T: Deserialize<'t>>(&'t self) -> Result<T, serde_json::Error> {
        self.text.parse()
    }

    /// The entity with its fields.
    #[must_use]
    pub fn unpack(&self) -> Entity {
        Entity {
            kind: self.kind,
            id: Arc::clone(&self.id),
            body: self.text.fields(),
        }
    }
}

/// The id that a foreign-key field holds, as `{"id": …}` or as plain text.
#[must_use]
pub fn reference<'a>(body: &'a Map<String, Value>, field: &str) -> Option<&'a str> {
    id_of(body.get(field)?)
}

fn id_of(value: &Value) -> Option<&str> {
    match value {
        Value::String(id) => Some(id),
        Value::Object(object) => object.get("id")?.as_str(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kong::model::entity_kinds::named;

    fn entity(kind: &str, body: Value) -> Entity {
        Entity::from_body(named(kind).unwrap(), body.as_object().unwrap().clone()).unwrap()
    }

    #[test]
    fn references_are_found_as_objects_lists_and_plain_ids() {
        let service = entity(
            "services",
            json!({"id": "s", "client_certificate": {"id": "c"}, "ca_certificates": ["a", "b"]}),
        );
        let found: Vec<_> = service.references().iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            ["certificates/c", "ca_certificates/a", "ca_certificates/b"]
        );
        let plugin = entity(
            "plugins",
            json!({"id": "p", "route": null, "partials": [{"id": "x", "path": "config.redis"}]}),
        );
        assert_eq!(plugin.references()[0].to_string(), "partials/x");
    }

    #[test]
    fn a_membership_is_known_by_group_and_consumer() {
        let member = entity(
            "consumer_group_members",
            json!({"consumer_group": {"id": "g"}, "consumer": {"id": "c"}}),
        );
        assert_eq!(&*member.id, "g/c");
    }

    #[test]
    fn a_credential_is_never_named_by_its_secret() {
        assert_eq!(
            entity("key-auths", json!({"id": "k", "key": "hunter2"}))
                .subject()
                .to_string(),
            "key-auths/k"
        );
    }
}
