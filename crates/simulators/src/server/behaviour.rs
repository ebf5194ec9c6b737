//! How a server misbehaves: latency, a rate limit, faults.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use axum::http::HeaderValue;
use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::fault::Fault;

/// Everything about a server's manners that a test or a user may choose. The default is a perfect server.
#[derive(Debug, Clone, Default)]
pub struct Behaviour {
    /// Waited before every answer.
    pub latency: Duration,
    /// Requests above it are answered 429 and do not reach the simulator.
    pub rate_limit: Option<RateLimit>,
    /// Tried in order; the first that matches and is not spent decides.
    pub faults: Vec<Fault>,
}

impl Behaviour {
    /// A server that is perfect but for these faults, each written as for `--fault` (see [`Fault`]).
    ///
    /// # Errors
    /// When one of them cannot be parsed.
    pub fn with_faults(faults: &[&str]) -> anyhow::Result<Self> {
        let faults = faults
            .iter()
            .map(|fault| fault.parse())
            .collect::<Result<_, _>>()?;
        Ok(Self {
            faults,
            ..Self::default()
        })
    }

    /// Reads `{"latency": "20ms", "rateLimit": "200;retry-after=1", "faults": ["PUT /routes=503;times=2"]}`, every value as on the
    /// command line and each of them optional.
    pub(super) fn from_json(text: &[u8]) -> anyhow::Result<Self> {
        let written: Written = serde_json::from_slice(text).context("the behaviour cannot be read")?;
        let faults: Vec<&str> = written.faults.iter().map(String::as_str).collect();
        Ok(Self {
            latency: written
                .latency
                .map_or(Ok(Duration::ZERO), |text| parse_duration(&text))?,
            rate_limit: written.rate_limit.map(|text| text.parse()).transpose()?,
            ..Self::with_faults(&faults)?
        })
    }
}

/// A behaviour as it is sent over HTTP.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    latency: Option<String>,
    rate_limit: Option<String>,
    #[serde(default)]
    faults: Vec<String>,
}

/// A time as it is written for a person: `50ms`, `1s`.
///
/// # Errors
/// When it is none, or negative.
pub fn parse_duration(text: &str) -> anyhow::Result<Duration> {
    let duration: SignedDuration = text
        .parse()
        .with_context(|| format!("`{text}` is no time such as 50ms or 1s"))?;
    Ok(duration.try_into()?)
}

/// When a client may come again, in one of the two forms of the header `Retry-After`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// A number of seconds.
    Seconds(u32),
    /// The date of the moment so many seconds from now.
    Date(u32),
}

impl RetryAfter {
    /// True for the name of an option that [`RetryAfter::parse`] knows.
    pub(super) fn is_option(name: &str) -> bool {
        matches!(name, "retry-after" | "retry-after-date")
    }

    pub(super) fn parse(option: &str, seconds: &str) -> anyhow::Result<Self> {
        let seconds = seconds
            .parse()
            .with_context(|| format!("{option}: `{seconds}` is not a number of seconds"))?;
        Ok(match option {
            "retry-after-date" => Self::Date(seconds),
            _ => Self::Seconds(seconds),
        })
    }

    /// Value of the header; none for a date that no calendar has.
    pub(super) fn header(self) -> Option<HeaderValue> {
        match self {
            Self::Seconds(seconds) => Some(seconds.into()),
            Self::Date(seconds) => {
                let moment = Timestamp::now()
                    .checked_add(SignedDuration::from_secs(seconds.into()))
                    .ok()?;
                let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&moment).ok()?;
                HeaderValue::from_str(&date).ok()
            }
        }
    }
}

/// A token bucket: holds one second's worth of requests, and refills evenly.
///
/// Parsed from `PER_SECOND[;retry-after=SECONDS]` or `PER_SECOND[;retry-after-date=SECONDS]`, such as `20` or `5;retry-after=1`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimit {
    /// Requests per second; also the size of the bucket (at least one).
    pub per_second: f64,
    /// What the `Retry-After` header of a 429 tells; `None` leaves the header out, as Konnect often does.
    pub retry_after: Option<RetryAfter>,
}

impl FromStr for RateLimit {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (rate, options) = text
            .split_once(';')
            .map_or((text, None), |(rate, rest)| (rate, Some(rest)));
        let per_second: f64 = rate
            .trim()
            .parse()
            .map_err(|_| anyhow!("rate limit `{text}`: `{rate}` is not a number of requests per second"))?;
        if !per_second.is_finite() || per_second <= 0.0 {
            bail!("rate limit `{text}`: the number of requests per second must be above 0");
        }
        let retry_after = match options.map(|options| options.trim().split_once('=')) {
            None => None,
            Some(Some((header, seconds))) if RetryAfter::is_option(header) => {
                Some(RetryAfter::parse(header, seconds).with_context(|| format!("rate limit `{text}`"))?)
            }
            Some(_) => bail!(
                "rate limit `{text}`: the only options are `retry-after=SECONDS` and `retry-after-date=SECONDS`"
            ),
        };
        Ok(Self {
            per_second,
            retry_after,
        })
    }
}

/// The filling of one [`RateLimit`].
#[derive(Debug)]
pub(super) struct Bucket {
    limit: RateLimit,
    level: Mutex<(f64, Instant)>,
}

impl Bucket {
    /// A full bucket.
    pub(super) fn new(limit: RateLimit) -> Self {
        Self {
            limit,
            level: Mutex::new((limit.per_second.max(1.0), Instant::now())),
        }
    }

    /// Takes a token, or returns the limit that forbids it.
    pub(super) fn take(&self) -> Result<(), RateLimit> {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let refilled = level.0 + now.duration_since(level.1).as_secs_f64() * self.limit.per_second;
        *level = (refilled.min(self.limit.per_second.max(1.0)), now);
        if level.0 < 1.0 {
            return Err(self.limit);
        }
        level.0 -= 1.0;
        Ok(())
    }
}
