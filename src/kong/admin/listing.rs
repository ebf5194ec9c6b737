//! All entities of a list path.

use std::fmt;

use serde_json::{Map, Value};

use super::Client;
use crate::http::object_text::ObjectText;
use crate::http::{self, Failure};
use crate::kong::wire::page;

/// What a list path holds, and whether it can be known at all. `Debug` only counts: entities hold secrets.
#[derive(Clone, PartialEq)]
pub enum ListOutcome {
    /// All entities, maybe none.
    Present(Vec<ObjectText>),
    /// This Kong does not have the kind (404: open source, an older version; 400: switched off), or the parent is gone.
    Absent,
    /// 403: the token may not read it. What is there is unknown, which is not the same as nothing.
    Forbidden,
}

impl fmt::Debug for ListOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present(entities) => write!(f, "Present({} entities)", entities.len()),
            Self::Absent => f.write_str("Absent"),
            Self::Forbidden => f.write_str("Forbidden"),
        }
    }
}

impl ListOutcome {
    /// The entities, none when there are none to be had. `None` when they may not be read.
    pub fn into_entities(self) -> Option<Vec<ObjectText>> {
        match self {
            Self::Present(entities) => Some(entities),
            Self::Absent => Some(Vec::new()),
            Self::Forbidden => None,
        }
    }
}

impl Client {
    /// All entities of a list path such as `services` or `upstreams/{id}/targets`, 1,000 at a time.
    ///
    /// # Errors
    /// Any failure but 404 and 403; a workspace that does not exist is
    /// [`Failure::NotFound`], not an absent kind. Any failed page fails the whole; pages
    /// that repeat are [`Failure::Garbage`].
    pub async fn list(&self, workspace: Option<&str>, path: &str) -> Result<ListOutcome, http::Error> {
        self.list_pages(workspace, path)
            .await
            .map(ListOutcome::Present)
            .or_else(unlisted)
    }

    /// The list in a field of one object, such as `plugins` of `consumer_groups/{id}`; without the object's members, where it
    /// has any. Entries that are no objects stand as `{"id": entry}`. A field that is missing, null or an empty object is an empty list.
    ///
    /// # Errors
    /// As [`Client::list`]; and a field that holds anything else, which is [`Failure::Garbage`].
    pub async fn list_within(
        &self,
        workspace: Option<&str>,
        path: &str,
        field: &str,
    ) -> Result<ListOutcome, http::Error> {
        // Members come unpaged with their group, and are listed elsewhere; older versions ignore the query.
        let call = self.call(workspace, path, [("list_consumers", "false")]);
        let parsed = match self.send(&call).await {
            Ok(reply) => reply.parse::<Map<String, Value>>(&call),
            Err(error) => return unlisted(error),
        };
        let entries = match parsed?.remove(field) {
            Some(Value::Array(entries)) => entries,
            None | Some(Value::Null) => Vec::new(),
            // Kong: an empty table may come as `{}`.
            Some(Value::Object(fields)) if fields.is_empty() => Vec::new(),
            Some(_) => return Err(call.garbage(None, "a field that should hold a list holds none")),
        };
        let entity = |entry| match entry {
            Value::Object(entity) => ObjectText::of(&entity),
            other => ObjectText::of(&Map::from_iter([("id".to_owned(), other)])),
        };
        Ok(ListOutcome::Present(entries.into_iter().map(entity).collect()))
    }

    /// Whether the gateway has the entity at a path such as `services/{id}`; none when it does not say: the token may not read it, or
    /// this version has no such path.
    ///
    /// # Errors
    /// Any other failure, and a 404 that is not about the entity: of a workspace that does not exist, or of no Admin API.
    pub async fn has(&self, workspace: Option<&str>, path: &str) -> Result<Option<bool>, http::Error> {
        match self.send(&self.call(workspace, path, [])).await {
            Ok(_) => Ok(Some(true)),
            Err(error) => match error.failure() {
                Failure::NotFound if !is_missing_workspace(&error) => Ok(Some(false)),
                Failure::Forbidden | Failure::Rejected(_) => Ok(None),
                _ => Err(error),
            },
        }
    }

    pub(super) async fn list_pages(
        &self,
        workspace: Option<&str>,
        path: &str,
    ) -> Result<Vec<ObjectText>, http::Error> {
        // Kong's `next` drops the size on nested lists, so the query is made here.
        page::fetch_all(self.transport(), |offset| {
            self.call(workspace, path, page::query(offset))
        })
        .await
    }
}

/// What a failed list means, where it means something.
fn unlisted(error: http::Error) -> Result<ListOutcome, http::Error> {
    match error.failure() {
        Failure::NotFound if !is_missing_workspace(&error) => Ok(ListOutcome::Absent),
        Failure::Rejected(_) if is_switched_off(&error) => Ok(ListOutcome::Absent),
        Failure::Forbidden => Ok(ListOutcome::Forbidden),
        _ => Err(error),
    }
}

/// Kong answers 400 with this message for a feature that is off, such as filter chains without wasm (3.9.1, recorded).
fn is_switched_off(error: &http::Error) -> bool {
    error
        .detail()
        .is_some_and(|detail| detail.starts_with("this endpoint is only available when"))
}

/// Kong Enterprise answers `Workspace 'x' not found` below a prefix that is no workspace.
fn is_missing_workspace(error: &http::Error) -> bool {
    error
        .detail()
        .is_some_and(|detail| detail.starts_with("Workspace "))
}
