//! The way every Admin API call takes: URL, workspace, token, error reading.

use std::fmt;
use std::sync::Arc;

use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};
use secrecy::SecretString;
use url::Url;

use super::ADMIN_API;
use crate::http::call::{Call, Reply};
use crate::http::{self, InvalidToken, Transport, route, token};
use crate::kong::model::id::name_in_place_of_an_id;

const KONG_ADMIN_TOKEN: HeaderName = HeaderName::from_static("kong-admin-token");

/// One Admin API with one token. Cheap to clone; how many calls run at the same time is left to the caller.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    transport: Transport,
    base: Url,
    token: Option<HeaderValue>,
}

/// Why no calls can be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidClient {
    /// The URL is none, or not http or https, or carries user information, a query or a fragment.
    #[error("the Admin API URL is not usable: {0}; write it as https://kong-admin.kong.svc:8444")]
    Url(String),
    /// No header can carry the token.
    #[error(transparent)]
    Token(#[from] InvalidToken),
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("admin::Client")
            .field("base", &self.inner.base.as_str())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Calls nothing yet. `url` may carry a path, such as a proxy's prefix. White space around the token is dropped.
    ///
    /// # Errors
    /// An unusable URL or token.
    pub fn new(
        transport: &Transport,
        url: &str,
        token: Option<&SecretString>,
    ) -> Result<Self, InvalidClient> {
        let base = parse_base(url)?;
        let token = token.map(|token| token::header_value("", token)).transpose()?;
        Ok(Self {
            inner: Arc::new(Inner {
                transport: transport.clone(),
                base,
                token,
            }),
        })
    }

    /// A GET of `path` in a workspace; `None` for open source, and for paths outside workspaces.
    pub(super) fn call<'q>(
        &self,
        workspace: Option<&str>,
        path: &str,
        query: impl IntoIterator<Item = (&'q str, &'q str)>,
    ) -> Call<'_> {
        let mut url = self.inner.base.clone();
        // Fails for URLs that cannot be a base only, which `parse_base` refuses.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments
                .pop_if_empty()
                .extend(workspace)
                .extend(path.split('/').filter(|segment| !segment.is_empty()));
        }
        let mut query = query.into_iter().peekable();
        if query.peek().is_some() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut call = Call::new(&ADMIN_API, Method::GET, url)
            .authorization(self.inner.token.clone().map(|token| (KONG_ADMIN_TOKEN, token)));
        let prefix = if workspace.is_some() { "/{workspace}" } else { "" };
        call.name_for_id = name_in_place_of_an_id(path).map(str::to_owned);
        call.route = format!("{prefix}/{}", route::template(path.trim_matches('/')));
        call
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.inner.transport
    }

    pub(super) async fn send(&self, call: &Call<'_>) -> Result<Reply, http::Error> {
        self.inner.transport.send(call).await
    }
}

fn parse_base(text: &str) -> Result<Url, InvalidClient> {
    let wrong = |reason: &str| InvalidClient::Url(reason.to_owned());
    let url = Url::parse(text.trim()).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong("it must start with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("it must not carry a user or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it must not carry `?` or `#`"));
    }
    Ok(url)
}
