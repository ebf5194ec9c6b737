//! Short forms for the planner's tests.

use serde_json::Value;

use crate::kong::model::entity_kinds::named;
use crate::kong::model::{Entity, Snapshot};

/// An entity of a kind.
pub fn entity(kind: &str, body: Value) -> Entity {
    Entity::from_body(named(kind).unwrap(), body.as_object().unwrap().clone()).unwrap()
}

/// A snapshot of entities.
pub fn snapshot(entities: &[(&str, Value)]) -> Snapshot {
    entities
        .iter()
        .map(|(kind, body)| entity(kind, body.clone()))
        .collect()
}
