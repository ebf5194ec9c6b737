//! A create, which never overwrites.
//!
//! Where the published body of a POST has the id, the request is a POST with it, and the target refuses what is there. A repeat that meets
//! its own first attempt is then a conflict whose entity has our content. Servers that give another id, or write over what is there, show
//! that at the first create of a run ([`PostManner`]); from then on every entity is asked for first.

use serde_json::{Map, Value};

use super::last_look::{Expected, LastLook, found_at_create, written};
use super::place::{Place, place};
use super::send::Door;
use super::sent::{Attempts, Sent};
use crate::http::{self, Failure};
use crate::kong::konnect::PostManner;
use crate::kong::model::Entity;
use crate::kong::model::entity_kind::Role;
use crate::kong::plan::ledger::Receipt;

impl Door<'_> {
    /// Creates an entity, or says what is there in its place.
    pub(super) async fn create(&self, entity: &Entity, attempts: &Attempts) -> Result<Sent, http::Error> {
        let sent = match place(entity) {
            Place::Nowhere => Sent::Done(Receipt::Open),
            Place::Members { group, consumer } => {
                self.add_member(entity, (&group, &consumer), attempts).await?
            }
            Place::Collection(collection) if !entity.kind.is_created_with_id() => {
                self.post_if_absent(entity, &collection, attempts).await?
            }
            Place::Collection(collection) => self.create_in(entity, &collection, attempts).await?,
        };
        if matches!(sent, Sent::Done(Receipt::Written(_))) && entity.kind.role == Role::ConsumerGroup {
            self.note_new_group(&entity.id);
        }
        Ok(sent)
    }

    async fn create_in(
        &self,
        entity: &Entity,
        collection: &str,
        attempts: &Attempts,
    ) -> Result<Sent, http::Error> {
        if self.posting.manner() == PostManner::Unknown {
            let _probing = self.posting.probe().await;
            // Somebody else may have found it out meanwhile.
            if self.posting.manner() == PostManner::Unknown {
                return self.probe(entity, collection, attempts).await;
            }
        }
        match self.posting.manner() {
            PostManner::Unknown | PostManner::RefusesTaken => self.post(entity, collection, attempts).await,
            PostManner::AssignsIds => self.put_if_absent(entity, collection, attempts).await,
            PostManner::Overwrites => self.post_if_absent(entity, collection, attempts).await,
        }
    }

    /// The first create in a control plane. Nothing is known of it, so the entity is asked for first, and once it is there, the same POST is
    /// sent again: it changes nothing, and its answer tells what a POST does with what is there.
    async fn probe(
        &self,
        entity: &Entity,
        collection: &str,
        attempts: &Attempts,
    ) -> Result<Sent, http::Error> {
        if let Some(held) = self.read(entity).await? {
            return Ok(found_at_create(entity, &held, attempts));
        }
        let sent = self.post(entity, collection, attempts).await?;
        if self.posting.manner() != PostManner::Unknown || !matches!(sent, Sent::Done(Receipt::Written(_))) {
            return Ok(sent);
        }
        let again = self
            .client
            .post_entity(
                self.control_plane,
                collection,
                entity.kind.write_query,
                &with_id(entity),
            )
            .await;
        match again {
            Ok(answer) => match other_id(entity, &answer) {
                Some(other) => self.take_back(collection, &other).await?,
                None => self.posting.learn(PostManner::Overwrites),
            },
            // It took the very same a moment ago.
            Err(error) if is_refusal(&error) => self.posting.learn(PostManner::RefusesTaken),
            // Whatever it is meets the next request too.
            Err(error) => {
                tracing::debug!(%error, "what a POST does with an id that is there is not known yet")
            }
        }
        Ok(sent)
    }

    /// Creates by POST with the id.
    async fn post(
        &self,
        entity: &Entity,
        collection: &str,
        attempts: &Attempts,
    ) -> Result<Sent, http::Error> {
        let posted = self
            .client
            .create_entity(
                self.control_plane,
                collection,
                entity.kind.write_query,
                &with_id(entity),
                attempts,
            )
            .await;
        match posted {
            Ok(answer) => match other_id(entity, &answer) {
                None => Ok(Sent::Done(written(entity, &answer))),
                Some(other) => {
                    self.take_back(collection, &other).await?;
                    self.put_if_absent(entity, collection, attempts).await
                }
            },
            Err(error) if names_what_is_taken(entity, &error) => {
                let Some(held) = self.read(entity).await? else {
                    // Another entity holds a unique value.
                    return Err(error);
                };
                if self.posting.manner() == PostManner::Unknown {
                    self.posting.learn(PostManner::RefusesTaken);
                }
                Ok(found_at_create(entity, &held, attempts))
            }
            Err(error) => Err(error),
        }
    }

    /// Deletes what came back under another id than was asked for: the answer proves it ours.
    async fn take_back(&self, collection: &str, id: &str) -> Result<(), http::Error> {
        self.posting.learn(PostManner::AssignsIds);
        let path = format!("{collection}/{id}");
        self.client.delete_entity(self.control_plane, &path).await
    }

    /// Asks for the entity, and creates it by PUT where it is not there.
    async fn put_if_absent(
        &self,
        entity: &Entity,
        collection: &str,
        attempts: &Attempts,
    ) -> Result<Sent, http::Error> {
        let look = LastLook::new(*self, entity, Expected::Absent, attempts);
        look.before(self.put(entity, collection, &look)).await
    }

    /// The same by POST: for what has no id of our choice, and where a POST keeps the id.
    async fn post_if_absent(
        &self,
        entity: &Entity,
        collection: &str,
        attempts: &Attempts,
    ) -> Result<Sent, http::Error> {
        let look = LastLook::new(*self, entity, Expected::Absent, attempts);
        let post = async {
            let posted = self
                .client
                .create_entity(
                    self.control_plane,
                    collection,
                    entity.kind.write_query,
                    &with_id(entity),
                    &look,
                )
                .await;
            match posted {
                Ok(held) => Ok(Sent::Done(written(entity, &held))),
                Err(error) if names_what_is_taken(entity, &error) => match self.read(entity).await? {
                    Some(held) => Ok(found_at_create(entity, &held, attempts)),
                    None => Err(error),
                },
                Err(error) => Err(error),
            }
        };
        look.before(post).await
    }

    /// A membership has no id and no content: it is there or not. The groups of a consumer are asked for first, but for a group that this
    /// run has made, in which nobody was before.
    async fn add_member(
        &self,
        entity: &Entity,
        (group, consumer): (&str, &str),
        attempts: &Attempts,
    ) -> Result<Sent, http::Error> {
        if !self.is_new_group(group) && self.is_member(group, consumer).await? {
            return Ok(Sent::Done(Receipt::Shared));
        }
        let collection = format!("consumer_groups/{group}/consumers");
        let body = Map::from_iter([("consumer".to_owned(), Value::from(consumer))]);
        let posted = self
            .client
            .create_entity(self.control_plane, &collection, &[], &body, attempts)
            .await;
        match posted {
            Ok(_) => Ok(Sent::Done(written(entity, &entity.body))),
            Err(error) if matches!(error.failure(), Failure::Conflict { .. }) => {
                match self.is_member(group, consumer).await? {
                    true => Ok(found_at_create(entity, entity, attempts)),
                    false => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    async fn is_member(&self, group: &str, consumer: &str) -> Result<bool, http::Error> {
        let path = format!("consumers/{consumer}/consumer_groups");
        let groups = self.client.list_entities(self.control_plane, &path).await?;
        Ok(groups
            .iter()
            .any(|listed| listed.word("id").as_deref() == Some(group)))
    }
}

/// The body with the id in it, where a POST of the kind takes one.
fn with_id(entity: &Entity) -> Map<String, Value> {
    let mut body = entity.body.clone();
    if entity.kind.is_created_with_id() {
        body.insert("id".to_owned(), Value::from(&*entity.id));
    }
    body
}

/// The id that an answer names, where it is not the one that was asked for.
fn other_id(entity: &Entity, answer: &Map<String, Value>) -> Option<String> {
    let id = answer.get(entity.kind.id_field)?.as_str()?;
    (id != &*entity.id).then(|| id.to_owned())
}

/// True when the target refused the request for what it says.
fn is_refusal(error: &http::Error) -> bool {
    matches!(error.failure(), Failure::Rejected(_) | Failure::Conflict { .. })
        && !error.is_missing_reference()
}

/// True for a refusal that names the id, or a field that is unique.
fn names_what_is_taken(entity: &Entity, error: &http::Error) -> bool {
    if matches!(error.failure(), Failure::Conflict { .. }) {
        return true;
    }
    if !matches!(error.status(), Some(400 | 409)) {
        return false;
    }
    let kind = entity.kind;
    let is_unique = |field: &str| {
        let mut unique = kind.unique.iter().flat_map(|fields| fields.iter());
        field == "id" || field == kind.id_field || unique.any(|unique| *unique == field)
    };
    let fields = error.field_errors();
    let texts = fields
        .iter()
        .flat_map(|error| error.messages.iter().map(String::as_str));
    fields.iter().any(|error| is_unique(&error.field))
        || texts.chain(error.detail()).any(|text| text.contains(&*entity.id))
}
