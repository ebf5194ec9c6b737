//! An entity at rest, as both sides of a migration are held: small, and made into an [`Entity`] while it is looked at.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;

use super::Entity;
use super::entity_kind::{EntityKind, Write};
use crate::http::object_text::ObjectText;
use crate::migration::subject::{EntityKey, Subject};

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
