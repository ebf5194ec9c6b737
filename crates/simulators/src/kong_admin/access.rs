//! The admin token, and paths that a narrow token may not read.

use axum::http::HeaderMap;

use super::reply::Reply;
use super::state::DEFAULT_WORKSPACE;

/// A path pattern that answers 403, split into segments.
#[derive(Debug)]
pub(super) struct Forbidden(Vec<String>);

impl Forbidden {
    pub fn new(path: &str) -> Self {
        Self(
            path.split('/')
                .filter(|segment| !segment.is_empty())
                .map(str::to_owned)
                .collect(),
        )
    }

    /// Whether the path, given as workspace and the segments in it, is the pattern's or lies below it.
    fn covers(&self, workspace: &str, segments: &[String]) -> bool {
        let below = || segments.iter().map(String::as_str);
        self.leads(std::iter::once(workspace).chain(below()))
            || (workspace == DEFAULT_WORKSPACE && self.leads(below()))
    }

    fn leads<'a>(&self, mut path: impl Iterator<Item = &'a str>) -> bool {
        self.0.iter().all(|wanted| {
            path.next()
                .is_some_and(|segment| wanted == "*" || wanted == segment)
        })
    }
}

/// Checks the token of a request; 401 as Kong Enterprise answers it.
pub(super) fn check_token(expected: Option<&str>, headers: &HeaderMap) -> Result<(), Reply> {
    let Some(expected) = expected else { return Ok(()) };
    match headers.get("kong-admin-token").map(|token| token.as_bytes()) {
        None => Err(Reply::message(
            401,
            "Invalid credentials. Token or User credentials required",
        )),
        Some(token) if token == expected.as_bytes() => Ok(()),
        Some(_) => Err(Reply::message(401, "Invalid RBAC credentials")),
    }
}

/// Checks that no pattern covers the path; 403 as Kong Enterprise answers it.
pub(super) fn check_path(forbidden: &[Forbidden], workspace: &str, segments: &[String]) -> Result<(), Reply> {
    if forbidden
        .iter()
        .any(|pattern| pattern.covers(workspace, segments))
    {
        return Err(Reply::message(
            403,
            "migrator, you do not have permissions to read this resource",
        ));
    }
    Ok(())
}
