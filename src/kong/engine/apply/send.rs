//! One entity to Konnect: which request, and what the answer means.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

use crate::http::{self, Failure};
use crate::kong::konnect;
use crate::kong::model::Entity;
use crate::kong::model::entity::reference;
use crate::kong::model::entity_kind::Write;
use crate::kong::plan::ledger::{Receipt, Seen};
use crate::migration::plan::Action;

/// Kinds that this run has to create by POST, by name.
pub(super) type PostOnly = Mutex<BTreeSet<&'static str>>;

/// A control plane to write to.
#[derive(Clone, Copy)]
pub(super) struct Door<'a> {
    pub client: &'a konnect::Client,
    pub control_plane: &'a str,
    pub post_only: &'a PostOnly,
}

/// Where an entity lives below `core-entities`, without its id.
enum Place {
    Collection(String),
    Members { group: String, consumer: String },
    Nowhere,
}

fn place(entity: &Entity) -> Place {
    let end = |field| reference(&entity.body, field).unwrap_or_default().to_owned();
    match entity.kind.write {
        Write::Put(path) => Place::Collection(path.to_owned()),
        Write::PutBelow { parent, field, path } => {
            Place::Collection(format!("{parent}/{}/{path}", end(field)))
        }
        Write::Member => Place::Members {
            group: end("consumer_group"),
            consumer: end("consumer"),
        },
        Write::Impossible(_) | Write::Counted(_) => Place::Nowhere,
    }
}

impl Door<'_> {
    /// Creates, replaces or deletes the entity. Returns what the answer tells of it.
    pub async fn send(&self, entity: &Entity, action: Action) -> Result<Receipt, http::Error> {
        match (place(entity), action) {
            (Place::Nowhere, _) => Ok(Receipt::Open),
            (Place::Collection(collection), Action::Delete) => {
                self.delete(&format!("{collection}/{}", entity.id)).await?;
                Ok(Receipt::Deleted)
            }
            (Place::Members { group, consumer }, Action::Delete) => {
                self.delete(&format!("consumer_groups/{group}/consumers/{consumer}"))
                    .await?;
                Ok(Receipt::Deleted)
            }
            (Place::Collection(collection), _) => {
                let held = self.put(entity, &collection, action).await?;
                Ok(Receipt::Written(Seen::of(entity.kind, &entity.body, &held)))
            }
            (Place::Members { group, consumer }, _) => {
                self.add_member(&group, &consumer).await?;
                // It may have been there before.
                Ok(Receipt::Open)
            }
        }
    }

    /// What is gone already, with or without its parent, needs no deleting.
    async fn delete(&self, path: &str) -> Result<(), http::Error> {
        self.client.delete_entity(self.control_plane, path).await
    }

    /// Returns what the target holds by then.
    async fn put(
        &self,
        entity: &Entity,
        collection: &str,
        action: Action,
    ) -> Result<Map<String, Value>, http::Error> {
        let Entity { kind, id, body } = entity;
        if action == Action::Update || !lock(self.post_only).contains(kind.name) {
            match self
                .client
                .put_entity(self.control_plane, collection, id, kind.write_query, body)
                .await
            {
                Ok(held) => return Ok(held),
                // Kong answers 404 to a PUT of a target that is not there yet; a POST takes the id in the body.
                Err(error) if error.is_not_found() && action == Action::Create => {
                    lock(self.post_only).insert(kind.name);
                }
                Err(error) => return Err(error),
            }
        }
        let mut body = body.clone();
        if kind.id_field == "id" {
            body.insert("id".to_owned(), Value::from(&**id));
        }
        self.client
            .post_entity(self.control_plane, collection, kind.write_query, &body)
            .await
    }

    async fn add_member(&self, group: &str, consumer: &str) -> Result<(), http::Error> {
        let collection = format!("consumer_groups/{group}/consumers");
        let body = Map::from_iter([("consumer".to_owned(), Value::from(consumer))]);
        match self
            .client
            .post_entity(self.control_plane, &collection, &[], &body)
            .await
        {
            // A repeated request whose first answer was lost: the consumer is a member already.
            Err(error) if matches!(error.failure(), Failure::Conflict { .. }) => Ok(()),
            other => other.map(|_| ()),
        }
    }
}

fn lock(set: &PostOnly) -> MutexGuard<'_, BTreeSet<&'static str>> {
    set.lock().unwrap_or_else(PoisonError::into_inner)
}

/// True when the answer is about this entity, false when every other write would fare the same.
pub(super) fn concerns_entity(error: &http::Error) -> bool {
    match error.failure() {
        Failure::Rejected(_) | Failure::Conflict { .. } | Failure::NotFound | Failure::NotAnId => true,
        Failure::Unreachable
        | Failure::Fenced
        | Failure::HostNotAllowed
        | Failure::Tls
        | Failure::Timeout
        | Failure::Throttled { .. }
        | Failure::Server
        | Failure::Unauthorized
        | Failure::Forbidden
        | Failure::Garbage => false,
    }
}

/// The field that the target names.
pub(super) fn refused_field(error: &http::Error) -> Option<String> {
    if let Failure::Conflict { field } = error.failure() {
        return field.clone();
    }
    error
        .field_errors()
        .iter()
        .map(|e| e.field.clone())
        .find(|field| !field.is_empty())
}
