//! Acts of somebody else between the requests of a client.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use axum::http::{Method, Uri};
use regex::Regex;

/// On which side of a request an act lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// The request has arrived, and nothing was done for it yet.
    Before,
    /// The simulator has done its work, and nothing was answered yet.
    After,
}

/// A request beside which an act takes place.
#[derive(Debug, Clone)]
pub struct Beside {
    /// Its method.
    pub method: Method,
    /// Its path with its query.
    pub path: String,
    /// The first request that matches is number 1.
    pub number: u64,
}

type What = dyn Fn(&Beside) + Send + Sync;

/// What somebody else does, just before or just after requests that match.
///
/// Only requests that reach the simulator count: not those that a fault or a rate limit answers in its place.
pub struct Act {
    moment: Moment,
    method: Option<Method>,
    path: Regex,
    only: Option<u64>,
    seen: AtomicU64,
    what: Box<What>,
}

impl fmt::Debug for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Act({:?} {:?} {})", self.moment, self.method, self.path)
    }
}

impl Act {
    /// Before every request that matches `[METHOD ]PATH`; the path is a regular expression, searched in the path with its query.
    ///
    /// # Errors
    /// When method or path cannot be read.
    pub fn before(requests: &str, what: impl Fn(&Beside) + Send + Sync + 'static) -> anyhow::Result<Self> {
        Self::new(Moment::Before, requests, Box::new(what))
    }

    /// The same after the simulator's work for the request, and before its answer goes out.
    ///
    /// # Errors
    /// As [`Act::before`].
    pub fn after(requests: &str, what: impl Fn(&Beside) + Send + Sync + 'static) -> anyhow::Result<Self> {
        Self::new(Moment::After, requests, Box::new(what))
    }

    fn new(moment: Moment, requests: &str, what: Box<What>) -> anyhow::Result<Self> {
        let (method, path) = match requests.split_once(' ') {
            Some((method, path)) => (Some(method.parse().context("bad method")?), path),
            None => (None, requests),
        };
        Ok(Self {
            moment,
            method,
            path: Regex::new(path).with_context(|| format!("`{path}` is not a regular expression"))?,
            only: None,
            seen: AtomicU64::new(0),
            what,
        })
    }

    /// Beside the request of this number alone; the first is 1.
    #[must_use]
    pub fn only(mut self, number: u64) -> Self {
        self.only = Some(number);
        self
    }

    /// Counts the request when it matches, and acts when it is one of those.
    pub(super) fn take_place(&self, moment: Moment, method: &Method, uri: &Uri) {
        let path = uri.path_and_query().map_or(uri.path(), |full| full.as_str());
        let matches = self.moment == moment
            && self.method.as_ref().is_none_or(|expected| expected == method)
            && self.path.is_match(path);
        if !matches {
            return;
        }
        let number = self.seen.fetch_add(1, Ordering::Relaxed) + 1;
        if self.only.is_none_or(|only| only == number) {
            (self.what)(&Beside {
                method: method.clone(),
                path: path.to_owned(),
                number,
            });
        }
    }
}
