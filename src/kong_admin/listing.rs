//! All entities of a list path.

use std::fmt;

use serde_json::{Map, Value};

use super::Client;
use crate::http::{Error, Failure, page};

/// What a list path holds, and whether it can be known at all. `Debug` only counts: entities hold secrets.
#[derive(Clone, PartialEq)]
pub enum Listing {
    /// All entities, maybe none.
    Present(Vec<Map<String, Value>>),
    /// 404: this Kong does not have the kind (open source, an older version), or the parent is gone.
    Absent,
    /// 403: the token may not read it. What is there is unknown, which is not the same as nothing.
    Forbidden,
}

impl fmt::Debug for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present(entities) => write!(f, "Present({} entities)", entities.len()),
            Self::Absent => f.write_str("Absent"),
            Self::Forbidden => f.write_str("Forbidden"),
        }
    }
}

impl Listing {
    /// The entities, none when there are none to be had. `None` when they may not be read.
    pub fn into_entities(self) -> Option<Vec<Map<String, Value>>> {
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
    pub async fn list(&self, workspace: Option<&str>, path: &str) -> Result<Listing, Error> {
        match self.list_pages(workspace, path).await {
            Ok(entities) => Ok(Listing::Present(entities)),
            Err(error) => match error.failure() {
                Failure::NotFound if !is_missing_workspace(&error) => Ok(Listing::Absent),
                Failure::Forbidden => Ok(Listing::Forbidden),
                _ => Err(error),
            },
        }
    }

    pub(super) async fn list_pages(
        &self,
        workspace: Option<&str>,
        path: &str,
    ) -> Result<Vec<Map<String, Value>>, Error> {
        // Kong's `next` drops the size on nested lists, so the query is made here.
        page::fetch_all(self.transport(), |offset| {
            self.call(workspace, path, page::query(offset))
        })
        .await
    }
}

/// Kong Enterprise answers `Workspace 'x' not found` below a prefix that is no workspace.
fn is_missing_workspace(error: &Error) -> bool {
    error
        .detail()
        .is_some_and(|detail| detail.starts_with("Workspace "))
}
