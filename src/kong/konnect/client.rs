//! The way every Konnect call takes: URL, token, budget, error reading.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use secrecy::SecretString;
use serde_json::value::RawValue;
use url::Url;

use super::identity::identity_server;
use super::{KONNECT, Posting, ServerUrl};
use crate::http::call::{Call, Reply};
use crate::http::object_text::ObjectText;
use crate::http::{self, Budget, InvalidToken, Transport, token};
use crate::kong::model::id::{is_id, name_in_place_of_an_id};
use crate::kong::wire::page;

/// One token at one region's Konnect. Cheap to clone; how many calls run at the same time is bounded by the budget.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    transport: Transport,
    server_url: ServerUrl,
    identity_server: ServerUrl,
    authorization: HeaderValue,
    budget: Arc<Budget>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("konnect::Client")
            .field("server_url", &self.inner.server_url)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Calls nothing yet. White space around the token is dropped.
    ///
    /// # Errors
    /// A token that no header can carry.
    pub fn new(
        transport: &Transport,
        server_url: &ServerUrl,
        token: &SecretString,
        budget: Arc<Budget>,
    ) -> Result<Self, InvalidToken> {
        let authorization = token::header_value("Bearer ", token)?;
        let inner = Inner {
            transport: transport.clone(),
            server_url: server_url.clone(),
            identity_server: identity_server(server_url, transport.endpoints()),
            authorization,
            budget,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The server of the identity API.
    pub fn identity_server(&self) -> &ServerUrl {
        &self.inner.identity_server
    }

    /// Whether this server may be called at all; the identity API, which checks the token, may be another one.
    ///
    /// # Errors
    /// [`Failure::HostNotAllowed`](crate::http::Failure::HostNotAllowed).
    pub fn require_allowed(&self) -> Result<(), http::Error> {
        let call = self.call(Method::GET, self.url("v2/control-planes", []));
        self.transport().require_allowed(&call)
    }

    /// What a POST does with an id in this control plane, as far as it has shown by now to any client in this process.
    pub fn posting(&self, control_plane: &str) -> Arc<Posting> {
        let about = format!("POST to {} in {control_plane}", self.inner.server_url);
        self.inner.transport.memory().about(about)
    }

    /// The budget that this client's calls are taken from.
    pub fn budget(&self) -> &Arc<Budget> {
        &self.inner.budget
    }

    /// The same token at the same server, with calls taken from another budget: a migration's share of the organisation's.
    #[must_use]
    pub fn with_budget(&self, budget: Arc<Budget>) -> Self {
        let inner = Inner {
            transport: self.inner.transport.clone(),
            server_url: self.inner.server_url.clone(),
            identity_server: self.inner.identity_server.clone(),
            authorization: self.inner.authorization.clone(),
            budget,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The URL of a path such as `v2/control-planes`, with a query; segments are encoded. The path is looked at as it was made: a URL leaves
    /// out what is empty, `.` and `..`.
    pub(super) fn url<'q>(
        &self,
        path: &str,
        query: impl IntoIterator<Item = (&'q str, &'q str)>,
    ) -> CheckedUrl {
        let mut url = self.inner.server_url.join(path.split('/'));
        let mut query = query.into_iter().peekable();
        if query.peek().is_some() {
            url.query_pairs_mut().extend_pairs(query);
        }
        CheckedUrl {
            url,
            name_for_id: name_for_id(path),
        }
    }

    /// The one way to a call: whatever its path was made of, it is not sent with a name in the place of an id.
    pub(super) fn call(&self, method: Method, at: impl Into<CheckedUrl>) -> Call<'_> {
        let CheckedUrl { url, name_for_id } = at.into();
        Call::new(&KONNECT, method, url)
            .authorization(Some((AUTHORIZATION, self.inner.authorization.clone())))
            .budget(&self.inner.budget)
            .name_for_id(name_for_id)
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.inner.transport
    }

    pub(super) async fn send(&self, call: &Call<'_>) -> Result<Reply, http::Error> {
        self.inner.transport.send(call).await
    }

    /// Sends a call whose answer is one object, without its wrapper: `{"item": …}` in the older endpoints,
    /// `{"consumer_group": …}` when one group is read.
    pub(super) async fn send_for_object(&self, call: &Call<'_>) -> Result<Reply, http::Error> {
        let mut reply = self.send(call).await?;
        let inner = serde_json::from_str::<BTreeMap<Cow<'_, str>, &RawValue>>(reply.body.get())
            .ok()
            .filter(|fields| !fields.contains_key("id"))
            .and_then(|fields| {
                fields
                    .get("item")
                    .or_else(|| fields.get("consumer_group"))
                    .copied()
            })
            .filter(|inner| inner.get().starts_with('{'))
            .map(ToOwned::to_owned);
        reply.body = inner.unwrap_or(reply.body);
        Ok(reply)
    }

    /// Sends a DELETE. 404 is a success: what is already gone needs no deleting.
    pub(super) async fn send_delete(&self, url: CheckedUrl) -> Result<(), http::Error> {
        self.send_delete_call(&self.call(Method::DELETE, url)).await
    }

    /// The same of a call that is made already.
    pub(super) async fn send_delete_call(&self, call: &Call<'_>) -> Result<(), http::Error> {
        match self.send(call).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// All items of one of the older list endpoints, such as data plane certificates.
    pub(super) async fn list_items(&self, path: &str) -> Result<Vec<ObjectText>, http::Error> {
        page::fetch_all(self.transport(), |cursor| {
            self.call(
                Method::GET,
                self.url(path, cursor.map(|cursor| ("page[after]", cursor))),
            )
        })
        .await
    }
}

/// A URL, and what stands in it where an id is due and is none.
pub(super) struct CheckedUrl {
    url: Url,
    name_for_id: Option<String>,
}

/// One that was made of fixed words.
impl From<Url> for CheckedUrl {
    fn from(url: Url) -> Self {
        Self {
            url,
            name_for_id: None,
        }
    }
}

/// What stands in a path for the id of a control plane, or of something in it, and is none.
fn name_for_id(path: &str) -> Option<String> {
    let path = path.strip_prefix("v2/control-planes/")?;
    let (control_plane, below) = path.split_once('/').unwrap_or((path, ""));
    if !is_id(control_plane) {
        return Some(control_plane.to_owned());
    }
    let below = below.strip_prefix("core-entities/").unwrap_or(below);
    name_in_place_of_an_id(below).map(str::to_owned)
}
