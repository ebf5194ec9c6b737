//! Faults: which requests go wrong, how, and how often.

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use axum::http::{Method, StatusCode, Uri};
use regex::Regex;

use super::behaviour::{RetryAfter, parse_duration};

/// How long a slow body takes that names no time.
const SLOW: Duration = Duration::from_secs(10);

/// One fault.
///
/// Parsed from `[METHOD ]PATH=OUTCOME[;OPTION...]`:
/// - `PATH` is a regular expression, searched in the path and in the path with its query;
/// - `OUTCOME` is a status code or one of the words at [`Outcome`];
/// - options are `skip=N` (the first N matching requests pass), `times=N` (only N requests fail), `retry-after=SECONDS` and
///   `retry-after-date=SECONDS` (the header, as a number or as the date of that moment), `over=DURATION` (how long a slow body takes),
///   `after` (the simulator does its work first, then the answer is lost), `with=TEXT` (only requests whose body has the text) and, as the
///   last one, `body=TEXT`.
///
/// `PUT /routes=503;times=2;skip=3;retry-after=1` lets three writes of routes pass and fails the next two.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Only requests of this method; `None` matches all.
    pub method: Option<Method>,
    /// Searched (not anchored) in the path, then in the path with its query.
    pub path: Regex,
    /// What happens instead of the answer.
    pub outcome: Outcome,
    /// Only requests with this text in their body; `None` matches all.
    pub with: Option<String>,
    /// Body of the answer; `None` takes a short JSON message.
    pub body: Option<String>,
    /// What a `Retry-After` header tells.
    pub retry_after: Option<RetryAfter>,
    /// Matching requests that pass before the first failure.
    pub skip: u64,
    /// Requests that fail before the fault is spent; `None` never ends.
    pub times: Option<u64>,
    /// The simulator handles the request first, so that a write took place although its answer is lost.
    pub after: bool,
    /// How long a slow body takes.
    pub over: Duration,
}

/// What a fault does to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// An answer with this status.
    Status(StatusCode),
    /// `drop`: the connection is closed without an answer, with every request on it.
    DropConnection,
    /// `reset`: the same by a TCP reset.
    Reset,
    /// `reset-body`: the answer begins, and in the middle of its body the connection is reset.
    ResetBody,
    /// `hang`: no answer; the connection stays open.
    Hang,
    /// `garbage`: 200 with `application/json` and a body that is not JSON.
    Garbage,
    /// `truncated`: the answer is complete as HTTP goes, but half of its body is missing.
    Truncated,
    /// `slow`: the answer's body comes in pieces.
    Slow,
    /// `lost-cursor`: the simulator is asked for a page by a cursor that it never gave out, and answers as the product does.
    LostCursor,
    /// `altered`: the simulator gets the fields of `body=` over those of the request, and answers as if they had been sent.
    Altered,
}

impl Outcome {
    /// True when the outcome is made of the simulator's own answer.
    pub(super) fn needs_answer(self) -> bool {
        matches!(
            self,
            Self::ResetBody | Self::Truncated | Self::Slow | Self::LostCursor | Self::Altered
        )
    }
}

impl Fault {
    /// A fault for every request of every method whose path `path` (a regular expression) matches.
    ///
    /// # Errors
    /// When `path` is not a regular expression.
    pub fn new(path: &str, outcome: Outcome) -> anyhow::Result<Self> {
        Ok(Self {
            method: None,
            path: Regex::new(path).with_context(|| format!("`{path}` is not a regular expression"))?,
            outcome,
            with: None,
            body: None,
            retry_after: None,
            skip: 0,
            times: None,
            after: false,
            over: SLOW,
        })
    }

    fn matches(&self, method: &Method, uri: &Uri, body: &[u8]) -> bool {
        let has = |text: &str| {
            body.windows(text.len().max(1))
                .any(|part| part == text.as_bytes())
        };
        self.with.as_deref().is_none_or(has)
            && self.method.as_ref().is_none_or(|expected| expected == method)
            && (self.path.is_match(uri.path())
                || uri
                    .path_and_query()
                    .is_some_and(|full| self.path.is_match(full.as_str())))
    }

    fn set_option(&mut self, option: &str) -> anyhow::Result<()> {
        match option.trim().split_once('=') {
            Some(("skip", count)) => self.skip = count.parse().context("skip")?,
            Some(("times", count)) => self.times = Some(count.parse().context("times")?),
            Some(("with", text)) => self.with = Some(text.to_owned()),
            Some(("over", time)) => self.over = parse_duration(time).context("over")?,
            Some((header, seconds)) if RetryAfter::is_option(header) => {
                self.retry_after = Some(RetryAfter::parse(header, seconds)?);
            }
            None if option.trim() == "after" => self.after = true,
            _ => {
                bail!(
                    "unknown option `{option}`; use skip=N, times=N, retry-after=SECONDS, retry-after-date=SECONDS, \
                     over=DURATION, after, with=TEXT, body=TEXT"
                )
            }
        }
        Ok(())
    }
}

impl FromStr for Outcome {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "drop" => Self::DropConnection,
            "reset" => Self::Reset,
            "reset-body" => Self::ResetBody,
            "hang" => Self::Hang,
            "garbage" => Self::Garbage,
            "truncated" => Self::Truncated,
            "slow" => Self::Slow,
            "lost-cursor" => Self::LostCursor,
            "altered" => Self::Altered,
            code => Self::Status(code.parse().ok().with_context(|| {
                format!(
                    "`{code}` is no outcome; use a status code, `drop`, `reset`, `reset-body`, `hang`, `garbage`, `truncated`, \
                     `slow`, `lost-cursor` or `altered`"
                )
            })?),
        })
    }
}

impl FromStr for Fault {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // One message with all causes: clap shows no more than that.
        parse(text).map_err(|error| anyhow!("fault `{text}`: {error:#}"))
    }
}

fn parse(text: &str) -> anyhow::Result<Fault> {
    let (head, mut options) = text.split_once(';').unwrap_or((text, ""));
    let (target, outcome) = head.rsplit_once('=').context("expected [METHOD ]PATH=OUTCOME")?;
    let (method, path) = match target.trim().split_once(' ') {
        Some((method, path)) => (Some(method.parse().context("bad method")?), path.trim()),
        None => (None, target.trim()),
    };
    let mut fault = Fault {
        method,
        ..Fault::new(path, outcome.trim().parse()?)?
    };
    while !options.is_empty() {
        if let Some(body) = options.strip_prefix("body=") {
            fault.body = Some(body.to_owned());
            break;
        }
        let (option, rest) = options.split_once(';').unwrap_or((options, ""));
        fault.set_option(option)?;
        options = rest;
    }
    Ok(fault)
}

/// A fault with the number of matching requests that it has seen.
#[derive(Debug)]
pub(super) struct ArmedFault {
    fault: Fault,
    seen: AtomicU64,
}

impl ArmedFault {
    pub(super) fn new(fault: Fault) -> Self {
        Self {
            fault,
            seen: AtomicU64::new(0),
        }
    }

    /// True when the body of a request decides.
    pub(super) fn asks_for_body(&self) -> bool {
        self.fault.with.is_some()
    }

    /// The fault, when this request is one of those that must fail. Counts the request when it matches.
    pub(super) fn strikes(&self, method: &Method, uri: &Uri, body: &[u8]) -> Option<&Fault> {
        if !self.fault.matches(method, uri, body) {
            return None;
        }
        let seen = self.seen.fetch_add(1, Ordering::Relaxed);
        let end = self
            .fault
            .times
            .map_or(u64::MAX, |times| self.fault.skip.saturating_add(times));
        (self.fault.skip..end).contains(&seen).then_some(&self.fault)
    }
}
