//! One entity to Konnect: which request, and what the answer means.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::last_look::{Expected, LastLook, written};
use super::place::{Place, place, single};
use super::sent::{Attempts, Sent};
use crate::http::repeat::BeforeRepeat;
use crate::http::{self, Failure};
use crate::kong::konnect;
use crate::kong::konnect::Posting;
use crate::kong::model::Entity;
use crate::kong::model::lists_below::{ListBelow, lists_below};
use crate::kong::plan::ledger::Receipt;
use crate::kong::plan::sighting::Sighting;
use crate::migration::plan::Action;
use crate::migration::subject::EntityKey;

/// Ids of the consumer groups that a run has made.
pub(super) type NewGroups = Mutex<BTreeSet<String>>;

/// A control plane to write to.
#[derive(Clone, Copy)]
pub(super) struct Door<'a> {
    pub client: &'a konnect::Client,
    pub control_plane: &'a str,
    /// What a POST does with an id there.
    pub posting: &'a Posting,
    pub new_groups: &'a NewGroups,
}

impl Door<'_> {
    /// Creates, replaces or deletes the entity. `seen` is how the plan saw what is to be replaced; none where whatever is there is.
    pub async fn send(
        &self,
        entity: &Entity,
        (action, seen): (Action, Option<Sighting>),
        attempts: &Attempts,
    ) -> Result<Sent, http::Error> {
        match action {
            Action::Delete => self.delete(entity, attempts).await,
            Action::Update => self.overwrite(entity, seen, attempts).await,
            _ => self.create(entity, attempts).await,
        }
    }

    /// What is gone already, with or without its parent, needs no deleting.
    async fn delete(&self, entity: &Entity, attempts: &Attempts) -> Result<Sent, http::Error> {
        let path = match place(entity) {
            Place::Nowhere => return Ok(Sent::Done(Receipt::Open)),
            // It has no content, so there is nothing to look at.
            Place::Members { group, consumer } => {
                let path = format!("consumer_groups/{group}/consumers/{consumer}");
                self.client.delete_entity(self.control_plane, &path).await?;
                return Ok(Sent::Done(Receipt::Deleted));
            }
            Place::Collection(collection) => format!("{collection}/{}", entity.id),
        };
        let look = LastLook::new(*self, entity, Expected::ToDelete(Sighting::of(entity)), attempts);
        let delete = async {
            self.client
                .delete_entity_while(self.control_plane, &path, &look)
                .await?;
            Ok(Sent::Done(Receipt::Deleted))
        };
        look.before(delete).await
    }

    async fn overwrite(
        &self,
        entity: &Entity,
        seen: Option<Sighting>,
        attempts: &Attempts,
    ) -> Result<Sent, http::Error> {
        let Place::Collection(collection) = place(entity) else {
            // Without content there is nothing to overwrite.
            return self.create(entity, attempts).await;
        };
        let look = LastLook::new(*self, entity, Expected::ToOverwrite(seen), attempts);
        look.before(self.put(entity, &collection, &look)).await
    }

    pub(super) async fn put(
        &self,
        entity: &Entity,
        collection: &str,
        still: &dyn BeforeRepeat,
    ) -> Result<Sent, http::Error> {
        let Entity { kind, id, body } = entity;
        let path = format!("{collection}/{id}");
        let held = self
            .client
            .put_entity_while(self.control_plane, &path, kind.write_query, body, still)
            .await?;
        Ok(Sent::Done(written(entity, &held)))
    }

    /// The entity as the target holds it now.
    pub(super) async fn read(&self, entity: &Entity) -> Result<Option<Entity>, http::Error> {
        let Some(path) = single(entity) else {
            return Ok(None);
        };
        let held = self.client.get_entity(self.control_plane, &path).await?;
        Ok(held.map(|body| Entity {
            body,
            ..entity.clone()
        }))
    }

    /// Something that is there below an entity which is to be deleted. What this migration has there goes first, so it is somebody else's.
    pub(super) async fn first_below(&self, above: &Entity) -> Result<Option<EntityKey>, http::Error> {
        for list in lists_below(above.kind) {
            if let Some(found) = self.first_in(above, list).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    async fn first_in(&self, above: &Entity, list: &ListBelow) -> Result<Option<EntityKey>, http::Error> {
        let Some(path) = list.path(above) else {
            return Ok(None);
        };
        let listed = match self.client.list_entities(self.control_plane, &path).await {
            Ok(listed) => listed,
            // It has gone meanwhile, with all that was below it.
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        for text in listed {
            let Some(entity) = list.entity(above, text.fields()) else {
                continue;
            };
            // A list may still show what was deleted a moment ago.
            if single(&entity).is_none() || self.read(&entity).await?.is_some() {
                return Ok(Some(entity.key()));
            }
        }
        Ok(None)
    }

    pub(super) fn note_new_group(&self, id: &str) {
        let mut groups = self.new_groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.insert(id.to_owned());
    }

    pub(super) fn is_new_group(&self, id: &str) -> bool {
        let groups = self.new_groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.contains(id)
    }
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
