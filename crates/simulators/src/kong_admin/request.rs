//! From a path to the answer: workspace prefix, access, then the resource.

use std::borrow::Cow;

use axum::extract::Request as HttpRequest;
use axum::http::Method;
use percent_encoding::percent_decode_str;

use super::access::{self, Forbidden};
use super::kinds::{FILTER_CHAINS, KEYRING, Kind};
use super::paging::escape;
use super::query::Query;
use super::reply::Reply;
use super::state::{DEFAULT_WORKSPACE, State};
use super::{Edition, Options, collections, groups, items, node, schemas, tags};

/// One request, resolved as far as the workspace.
pub(super) struct Request<'a> {
    pub state: &'a State,
    pub options: &'a Options,
    pub workspace: &'a str,
    /// Decoded segments below the workspace.
    pub segments: &'a [String],
    pub query: Query,
    /// Unix milliseconds.
    pub now: i64,
}

impl Request<'_> {
    pub fn is_enterprise(&self) -> bool {
        self.options.edition == Edition::Enterprise
    }

    /// The page size that is asked for, and not more than this Kong gives.
    pub fn page_size(&self) -> Result<usize, Reply> {
        Ok(self.query.size()?.min(self.options.most_per_page))
    }

    /// The kind with this list segment, if this edition has it.
    pub fn kind(&self, list: &str) -> Option<&'static Kind> {
        Kind::by_list(list).filter(|kind| self.has(kind))
    }

    /// Whether a Kong of this edition and version has the kind.
    fn has(&self, kind: &Kind) -> bool {
        (self.is_enterprise() || !kind.enterprise) && kind.in_version(self.options.version())
    }

    /// The path of this list as links repeat it: without a workspace, segments escaped.
    pub fn link(&self) -> String {
        self.segments
            .iter()
            .map(|segment| format!("/{}", escape(segment).replace('/', "%2F")))
            .collect()
    }
}

/// First segments that are the Admin API's own and therefore no workspace.
const OWN: &[&str] = &[
    "workspaces",
    "kong",
    "status",
    "config",
    "clustering",
    "rbac",
    "graphql-rate-limiting-advanced",
    "schemas",
    "tags",
    "endpoints",
];

pub(super) fn answer(state: &State, options: &Options, forbidden: &[Forbidden], http: &HttpRequest) -> Reply {
    let read = || -> Result<Reply, Reply> {
        access::check_token(options.token.as_deref(), http.headers())?;
        let segments = segments(http.uri().path()).ok_or_else(Reply::not_found)?;
        let (workspace, segments) = split_workspace(state, options, &segments)?;
        access::check_path(forbidden, &workspace, segments)?;
        let request = Request {
            state,
            options,
            workspace: &workspace,
            segments,
            query: Query::parse(http.uri().query()),
            now: options.clock.now(),
        };
        dispatch(&request)
    };
    let reply = read().unwrap_or_else(|refusal| refusal);
    match *http.method() {
        Method::GET => reply,
        Method::HEAD => Reply { body: None, ..reply },
        _ if matches!(reply.status, 401 | 403 | 404) => reply,
        Method::OPTIONS => Reply {
            status: 204,
            body: None,
            allow: Some("GET, HEAD, OPTIONS"),
        },
        _ => Reply::method_not_allowed(),
    }
}

/// Decoded segments of a path; one trailing slash is allowed, an empty segment is no path that Kong knows.
fn segments(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix('/')?;
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Some(Vec::new());
    }
    path.split('/')
        .map(|segment| {
            let decoded = percent_decode_str(segment).decode_utf8().ok()?;
            (!decoded.is_empty()).then(|| decoded.into_owned())
        })
        .collect()
}

fn split_workspace<'a>(
    state: &State,
    options: &Options,
    segments: &'a [String],
) -> Result<(Cow<'a, str>, &'a [String]), Reply> {
    let in_default = (Cow::Borrowed(DEFAULT_WORKSPACE), segments);
    let Some((first, rest)) = segments.split_first() else {
        return Ok(in_default);
    };
    let own = OWN.contains(&first.as_str()) || Kind::by_list(first).is_some();
    if own || options.edition == Edition::OpenSource {
        return Ok(in_default);
    }
    if state.workspaces.contains_key(first) {
        return Ok((Cow::Borrowed(first), rest));
    }
    match state.workspaces.iter().find(|(_, held)| held.id == *first) {
        Some((name, _)) => Ok((Cow::Owned(name.clone()), rest)),
        None if rest.is_empty() => Err(Reply::not_found()),
        None => Err(Reply::message(404, &format!("Workspace '{first}' not found"))),
    }
}

/// A path that is only there in another mode of Kong (sequence 9-13).
fn unavailable(when: &str) -> Reply {
    Reply::message(400, &format!("this endpoint is only available when {when}"))
}

fn dispatch(request: &Request<'_>) -> Result<Reply, Reply> {
    let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        [] => Ok(node::root(request)),
        ["kong"] if request.is_enterprise() => Ok(node::root(request)),
        ["status"] => node::status(request),
        ["status", "dns"] => Err(Reply::message(501, "not implemented with the legacy DNS client")),
        ["config"] => Err(unavailable("Kong is configured to not use a database")),
        ["clustering", "status" | "data-planes"] => Err(unavailable(
            "Kong is configured to run as Control Plane for the cluster",
        )),
        [FILTER_CHAINS, ..] if !request.options.wasm => Err(unavailable("wasm is enabled")),
        [KEYRING] => groups::keyring(request),
        ["workspaces", rest @ ..] if request.is_enterprise() => groups::workspaces(request, rest),
        ["plugins", "enabled"] => Ok(node::enabled_plugins(request)),
        ["plugins", "schema", name] => schemas::plugin_config(request, name),
        ["schemas", rest @ ..] => schemas::schema(request, rest),
        ["tags"] => tags::all(request),
        ["tags", tag] => tags::one(request, tag),
        // Targets exist below their upstream only (sequence 50, 534).
        ["targets", ..] => Err(Reply::not_found()),
        path => {
            let (kind, rest) = Kind::leading(path)
                .filter(|(kind, _)| request.has(kind))
                .ok_or_else(Reply::not_found)?;
            match rest {
                [] => collections::list(request, kind),
                [key] => items::get(request, kind, key),
                [key, segment] => items::below(request, kind, key, segment),
                [key, segment, child] => items::nested(request, kind, key, (segment, child)),
                _ => Err(Reply::not_found()),
            }
        }
    }
}
