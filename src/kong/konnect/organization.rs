//! Whose token it is.

use reqwest::Method;
use serde::Deserialize;

use super::Client;
use crate::http;

/// The organisation that a token belongs to (identity v3, `MeOrganization`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Organization {
    /// A UUID.
    pub id: String,
    /// As shown in Konnect.
    #[serde(default)]
    pub name: String,
    /// `active`, `inactive`, `deleting` or `deleted`; absent in some answers.
    #[serde(default)]
    pub state: Option<String>,
}

impl Client {
    /// `GET /v3/organizations/me` at the identity API's host: the check whether a token is accepted.
    ///
    /// # Errors
    /// [`Failure::Unauthorized`](crate::http::Failure::Unauthorized) for a token that is not;
    /// [`Failure::NotFound`](crate::http::Failure::NotFound) where the host does not serve the identity API.
    pub async fn organization(&self) -> Result<Organization, http::Error> {
        let url = self.identity_server().join(["v3", "organizations", "me"]);
        let call = self.call(Method::GET, url);
        self.send(&call).await?.parse(&call)
    }
}
