//! The entities inside a control plane (control-planes-config v2), generic over their kind.
//!
//! Paths are relative to `core-entities` and made of plain words and ids: `services`, `services/{id}`,
//! `upstreams/{id}/targets/{id}`. Segments are encoded here; a segment must not hold `/`.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Client;
use super::client::CheckedUrl;
use crate::http;
use crate::http::call::Call;
use crate::http::object_text::ObjectText;
use crate::http::repeat::BeforeRepeat;
use crate::kong::wire::page;

/// What a data plane reports once it holds the newest configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ExpectedConfigHash {
    /// Moves with each write to the control plane.
    pub expected_hash: String,
    /// Unix seconds.
    #[serde(default)]
    pub updated_at: Option<i64>,
}

impl Client {
    /// All entities of a list path, 1,000 at a time. A write at the same time may or may not be seen.
    ///
    /// # Errors
    /// Any failed page fails the whole; pages that repeat are [`Failure::Garbage`](crate::http::Failure::Garbage).
    pub async fn list_entities(
        &self,
        control_plane: &str,
        path: &str,
    ) -> Result<Vec<ObjectText>, http::Error> {
        page::fetch_all(self.transport(), |offset| {
            self.call(
                Method::GET,
                self.entity_url(control_plane, path, page::query(offset)),
            )
        })
        .await
    }

    /// Whether a list holds anything: one call, and an answer of one entity at most, however long the list is.
    ///
    /// # Errors
    /// Any failure, a 404 too; and an answer that is no list.
    pub async fn holds_any(&self, control_plane: &str, path: &str) -> Result<bool, http::Error> {
        let call = self.call(Method::GET, self.entity_url(control_plane, path, [("size", "1")]));
        let reply = self.send(&call).await?;
        let page = page::read(reply.body.get()).map_err(|wrong| call.garbage(Some(reply.status), wrong))?;
        // An empty page that another one follows is not the end of a list.
        Ok(!page.items.is_empty() || page.cursor.is_some())
    }

    /// One entity; `None` for 404, which may also mean that the control plane is gone.
    ///
    /// # Errors
    /// Any failure but 404.
    pub async fn get_entity(
        &self,
        control_plane: &str,
        path: &str,
    ) -> Result<Option<Map<String, Value>>, http::Error> {
        let call = self.call(Method::GET, self.entity_url(control_plane, path, []));
        match self.entity(&call).await {
            Ok(entity) => Ok(Some(entity)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates or replaces the entity `id` of `collection` (`services`, `upstreams/{id}/targets`), and returns it as
    /// Konnect now holds it. What `entity` leaves out gets Konnect's default. `query` is for switches such as
    /// `skip_hash=true`.
    ///
    /// # Errors
    /// [`Failure::Conflict`](crate::http::Failure::Conflict) when a unique value is taken,
    /// [`Failure::Rejected`](crate::http::Failure::Rejected) with the fields that are refused.
    pub async fn put_entity(
        &self,
        control_plane: &str,
        collection: &str,
        id: &str,
        query: &[(&str, &str)],
        entity: &Map<String, Value>,
    ) -> Result<Map<String, Value>, http::Error> {
        let path = format!("{collection}/{id}");
        let call = self.entity_call(Method::PUT, control_plane, &path, query, entity);
        self.entity(&call).await
    }

    /// The same; `asked` decides before each repeat whether what is there may still be written over.
    ///
    /// # Errors
    /// As [`Client::put_entity`].
    pub async fn put_entity_while(
        &self,
        control_plane: &str,
        path: &str,
        query: &[(&str, &str)],
        entity: &Map<String, Value>,
        asked: &dyn BeforeRepeat,
    ) -> Result<Map<String, Value>, http::Error> {
        let call = self
            .entity_call(Method::PUT, control_plane, path, query, entity)
            .asking_before_repeat(asked);
        self.entity(&call).await
    }

    /// Creates an entity in `collection` by one POST, which is repeated only when Konnect surely did not act.
    ///
    /// # Errors
    /// As [`Client::put_entity`].
    pub async fn post_entity(
        &self,
        control_plane: &str,
        collection: &str,
        query: &[(&str, &str)],
        entity: &Map<String, Value>,
    ) -> Result<Map<String, Value>, http::Error> {
        let call = self.entity_call(Method::POST, control_plane, collection, query, entity);
        self.entity(&call).await
    }

    /// Creates an entity in `collection` by a POST that is repeated as a PUT would be: `entity` has its id, or is unique in another way, so
    /// that a repeat whose first attempt was carried out ends in a conflict and not in a second entity. `asked` hears of every attempt that
    /// failed.
    ///
    /// # Errors
    /// As [`Client::put_entity`].
    pub async fn create_entity(
        &self,
        control_plane: &str,
        collection: &str,
        query: &[(&str, &str)],
        entity: &Map<String, Value>,
        asked: &dyn BeforeRepeat,
    ) -> Result<Map<String, Value>, http::Error> {
        let call = self
            .entity_call(Method::POST, control_plane, collection, query, entity)
            .repeatable()
            .asking_before_repeat(asked);
        self.entity(&call).await
    }

    /// Deletes an entity. One that is already gone is a success.
    ///
    /// # Errors
    /// Any failure but 404.
    pub async fn delete_entity(&self, control_plane: &str, path: &str) -> Result<(), http::Error> {
        self.send_delete(self.entity_url(control_plane, path, [])).await
    }

    /// The same; `asked` decides before each repeat whether what is there may still be deleted.
    ///
    /// # Errors
    /// Any failure but 404.
    pub async fn delete_entity_while(
        &self,
        control_plane: &str,
        path: &str,
        asked: &dyn BeforeRepeat,
    ) -> Result<(), http::Error> {
        let url = self.entity_url(control_plane, path, []);
        let call = self.call(Method::DELETE, url).asking_before_repeat(asked);
        self.send_delete_call(&call).await
    }

    /// Asks whether Konnect would take `entity`, without writing it. `kind` is the list name, such as `plugins`.
    /// References and unique values are not checked.
    ///
    /// # Errors
    /// [`Failure::Rejected`](crate::http::Failure::Rejected) with the fields that are refused.
    pub async fn validate_entity(
        &self,
        control_plane: &str,
        kind: &str,
        entity: &Map<String, Value>,
    ) -> Result<(), http::Error> {
        let url = self.entity_url(control_plane, &format!("schemas/{kind}/validate"), []);
        let call = self
            .call(Method::POST, url)
            .body(Some(Value::Object(entity.clone())))
            .repeatable();
        self.send(&call).await.map(|_| ())
    }

    /// The hash that connected data planes must report to be up to date.
    ///
    /// # Errors
    /// [`Failure::NotFound`](crate::http::Failure::NotFound) when the control plane is gone.
    pub async fn expected_config_hash(&self, control_plane: &str) -> Result<ExpectedConfigHash, http::Error> {
        let path = format!("v2/control-planes/{control_plane}/expected-config-hash");
        let call = self.call(Method::GET, self.url(&path, []));
        self.send_for_object(&call).await?.parse(&call)
    }

    fn entity_call<'c>(
        &'c self,
        method: Method,
        control_plane: &str,
        path: &str,
        query: &[(&str, &str)],
        entity: &Map<String, Value>,
    ) -> Call<'c> {
        let url = self.entity_url(control_plane, path, query.iter().copied());
        self.call(method, url).body(Some(Value::Object(entity.clone())))
    }

    fn entity_url<'q>(
        &self,
        control_plane: &str,
        path: &str,
        query: impl IntoIterator<Item = (&'q str, &'q str)>,
    ) -> CheckedUrl {
        let path = path.trim_start_matches('/');
        self.url(
            &format!("v2/control-planes/{control_plane}/core-entities/{path}"),
            query,
        )
    }

    async fn entity(&self, call: &Call<'_>) -> Result<Map<String, Value>, http::Error> {
        self.send_for_object(call).await?.parse(call)
    }
}
