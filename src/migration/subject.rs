//! What plans, findings and reports are about: entities, by their keys and names.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Kind and id: what an entity is known by, on either side where ids are preserved.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntityKey {
    /// Name of the kind, in the plural, as its product calls it.
    pub kind: Cow<'static, str>,
    /// Id, unique within the kind: a UUID, a path, or the `namespace/name` of an object in a cluster. Shared by all that name the entity.
    pub id: Arc<str>,
}

impl EntityKey {
    /// A key.
    #[must_use]
    pub fn new(kind: impl Into<Cow<'static, str>>, id: impl Into<Arc<str>>) -> Self {
        Self {
            kind: kind.into(),
            id: id.into(),
        }
    }
}

impl fmt::Display for EntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.id)
    }
}

/// An entity as a person recognises it: key and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// Kind and id.
    #[serde(flatten)]
    pub key: EntityKey,
    /// Natural name, where the kind has one. Never a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
}

impl Subject {
    /// All of a kind as one subject.
    #[must_use]
    pub fn whole_kind(kind: impl Into<Cow<'static, str>>) -> Self {
        Self {
            key: EntityKey::new(kind, "*"),
            name: None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{}/{name} ({})", self.key.kind, self.key.id),
            None => self.key.fmt(f),
        }
    }
}
