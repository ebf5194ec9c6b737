//! How a server misbehaves: latency, a rate limit, faults.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};

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
}

/// A token bucket: holds one second's worth of requests, and refills evenly.
///
/// Parsed from `PER_SECOND[;retry-after=SECONDS]`, such as `20` or `5;retry-after=1`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimit {
    /// Requests per second; also the size of the bucket (at least one).
    pub per_second: f64,
    /// Seconds told in the `Retry-After` header of a 429; `None` leaves the header out, as Konnect often does.
    pub retry_after: Option<u32>,
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
            Some(Some(("retry-after", seconds))) => Some(
                seconds
                    .parse()
                    .map_err(|_| anyhow!("rate limit `{text}`: `{seconds}` is not a number of seconds"))?,
            ),
            Some(_) => bail!("rate limit `{text}`: the only option is `retry-after=SECONDS`"),
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
