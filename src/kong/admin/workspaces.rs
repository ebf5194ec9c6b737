//! Workspaces of Kong Enterprise.

use serde::Deserialize;

use super::Client;
use crate::http;

/// One workspace.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Workspace {
    /// A UUID.
    pub id: String,
    /// Unique in the installation; the first path segment of its API.
    pub name: String,
    /// Free text.
    #[serde(default)]
    pub comment: Option<String>,
}

impl Client {
    /// All workspaces; `None` for open source, which has none. What is not in a workspace there counts as `default`.
    ///
    /// # Errors
    /// [`Failure::Forbidden`](crate::http::Failure::Forbidden) for a token that may not list them: ask with
    /// [`Client::workspace`] for the one needed.
    pub async fn workspaces(&self) -> Result<Option<Vec<Workspace>>, http::Error> {
        let found = match self.list_pages(None, "workspaces").await {
            Ok(found) => found,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let found = found.iter().map(|workspace| workspace.parse());
        found.collect::<Result<_, _>>().map(Some).map_err(|_| {
            self.call(None, "workspaces", [])
                .garbage(None, "a workspace without `id` or `name`")
        })
    }

    /// One workspace by name; `None` when there is none, or no workspaces at all.
    ///
    /// # Errors
    /// Any failure but 404.
    pub async fn workspace(&self, name: &str) -> Result<Option<Workspace>, http::Error> {
        let mut call = self.call(None, &format!("workspaces/{name}"), []);
        call.route = "/workspaces/{id}".to_owned();
        match self.send(&call).await {
            Ok(reply) => reply.parse(&call).map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
