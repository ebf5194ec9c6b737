//! What the planner goes on with of a source entity that was looked at.

use std::sync::Arc;

use crate::kong::model::{Entity, EntityKind};
use crate::migration::subject::{EntityKey, Subject};

/// A source entity without its fields: what it is and what it needs.
pub(super) struct SourceEntity {
    pub kind: &'static EntityKind,
    pub subject: Subject,
    /// The entities that it names in foreign keys.
    pub references: Vec<EntityKey>,
    /// The schema that a plugin has in the target when it is no bundled one.
    pub schema: Option<EntityKey>,
}

impl SourceEntity {
    pub fn of(entity: &Entity) -> Self {
        Self {
            kind: entity.kind,
            subject: entity.subject(),
            references: entity.references(),
            schema: entity.plugin_schema(),
        }
    }

    pub fn key(&self) -> &EntityKey {
        &self.subject.key
    }

    pub fn id(&self) -> &Arc<str> {
        &self.subject.key.id
    }
}
