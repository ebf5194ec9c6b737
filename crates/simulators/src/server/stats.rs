//! What a server counts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Counts since the start or the last reset. Requests below `/_simulator` are not counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Requests received.
    pub total: u64,
    /// Requests received with POST, PUT, PATCH or DELETE, whatever was answered.
    pub writes: u64,
    /// Requests by method and path, UUIDs replaced: `PUT /v2/control-planes/{id}/core-entities/routes/{id}`.
    pub by_route: BTreeMap<String, u64>,
    /// The same for what lies below one parent, by the path up to what follows its UUID:
    /// `/v2/control-planes/6f1d9f2e-2a1b-4a7e-9c0a-3c3f2b1a0d4e/core-entities`.
    pub by_parent: BTreeMap<String, Below>,
    /// Answers by status code.
    pub by_status: BTreeMap<u16, u64>,
    /// Requests that got no answer: cut by a fault, or given up by the client.
    pub unanswered: u64,
    /// Requests being handled now.
    pub in_flight: u64,
    /// The most requests that were ever handled at the same time.
    pub peak_in_flight: u64,
    /// Connections accepted.
    pub connections: u64,
}

/// Requests below one parent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Below {
    /// As [`Stats::total`].
    pub total: u64,
    /// As [`Stats::writes`].
    pub writes: u64,
}

/// One write that a server received.
#[derive(Debug, Clone)]
pub struct Write {
    /// Method and path, ids included: `PUT /v2/control-planes/6f1d9f2e-…/core-entities/routes/0d1ffb4e-…`.
    pub target: String,
    /// When it arrived.
    pub began: Instant,
    /// What was answered; none when nothing was, or is yet.
    pub status: Option<u16>,
}

/// Shared counters of one server.
#[derive(Debug, Clone, Default)]
pub(super) struct Recorder(Arc<Mutex<Records>>);

#[derive(Debug, Default)]
struct Records {
    stats: Stats,
    writes: Vec<Write>,
    /// How often the writes were forgotten: a request in flight must not be taken for a later one.
    resets: u64,
}

impl Recorder {
    pub(super) fn stats(&self) -> Stats {
        self.lock().stats.clone()
    }

    pub(super) fn writes(&self) -> Vec<Write> {
        self.lock().writes.clone()
    }

    pub(super) fn reset(&self) {
        let mut records = self.lock();
        let in_flight = records.stats.in_flight;
        records.stats = Stats {
            in_flight,
            peak_in_flight: in_flight,
            ..Stats::default()
        };
        records.writes.clear();
        records.resets += 1;
    }

    pub(super) fn count_connection(&self) {
        self.lock().stats.connections += 1;
    }

    /// Counts a request as received and in flight until the returned value is dropped.
    pub(super) fn begin(&self, method: &Method, path: &str) -> InFlight {
        let mut records = self.lock();
        let is_write = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(method);
        let place = is_write.then(|| {
            records.writes.push(Write {
                target: format!("{method} {path}"),
                began: Instant::now(),
                status: None,
            });
            (records.resets, records.writes.len() - 1)
        });
        let write = u64::from(is_write);
        let stats = &mut records.stats;
        stats.total += 1;
        stats.writes += write;
        if let Some(parent) = parent_of(path) {
            let below = stats.by_parent.entry(parent).or_default();
            below.total += 1;
            below.writes += write;
        }
        *stats
            .by_route
            .entry(format!("{method} {}", route_of(path)))
            .or_default() += 1;
        stats.in_flight += 1;
        stats.peak_in_flight = stats.peak_in_flight.max(stats.in_flight);
        drop(records);
        InFlight {
            recorder: self.clone(),
            answered: None,
            write: place,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Records> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request in flight; counted as unanswered unless [`InFlight::answered`] was called.
pub(super) struct InFlight {
    recorder: Recorder,
    answered: Option<StatusCode>,
    /// Number of resets before it, and its place among the writes since.
    write: Option<(u64, usize)>,
}

impl InFlight {
    pub(super) fn answered(mut self, status: StatusCode) {
        self.answered = Some(status);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut records = self.recorder.lock();
        if let Some((resets, place)) = self.write
            && resets == records.resets
            && let Some(write) = records.writes.get_mut(place)
        {
            write.status = self.answered.map(|status| status.as_u16());
        }
        let stats = &mut records.stats;
        stats.in_flight = stats.in_flight.saturating_sub(1);
        match self.answered {
            Some(status) => *stats.by_status.entry(status.as_u16()).or_default() += 1,
            None => stats.unanswered += 1,
        }
    }
}

/// `path` with every hyphenated UUID replaced by `{id}`.
fn route_of(path: &str) -> String {
    path.split('/')
        .map(|segment| if is_id(segment) { "{id}" } else { segment })
        .collect::<Vec<_>>()
        .join("/")
}

/// `path` up to the segment after its first hyphenated UUID; none when nothing follows one.
fn parent_of(path: &str) -> Option<String> {
    let segments: Vec<_> = path.split('/').collect();
    let id = segments.iter().position(|segment| is_id(segment))?;
    Some(segments.get(..id + 2)?.join("/"))
}

fn is_id(segment: &str) -> bool {
    segment.len() == 36 && Uuid::try_parse(segment).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_keep_names_and_lose_ids() {
        let path = "/v2/control-planes/6f1d9f2e-2a1b-4a7e-9c0a-3c3f2b1a0d4e/core-entities/routes/my-route";
        assert_eq!(
            route_of(path),
            "/v2/control-planes/{id}/core-entities/routes/my-route"
        );
    }

    #[test]
    fn what_lies_below_a_parent_is_counted_apart() {
        let recorder = Recorder::default();
        let plane = "/v2/control-planes/6f1d9f2e-2a1b-4a7e-9c0a-3c3f2b1a0d4e";
        let route = format!("{plane}/core-entities/routes/0d1ffb4e-3a5f-4c37-8a52-1f2d4d3c9a10");
        for (method, path) in [
            (&Method::PUT, route.as_str()),
            (&Method::GET, &format!("{plane}/core-entities/routes")),
            (&Method::GET, plane),
            (&Method::POST, "/v2/control-planes"),
        ] {
            recorder.begin(method, path).answered(StatusCode::OK);
        }
        let expected = Below { total: 2, writes: 1 };
        assert_eq!(
            recorder.stats().by_parent,
            BTreeMap::from([(format!("{plane}/core-entities"), expected)])
        );
    }

    #[test]
    fn a_reset_keeps_what_is_in_flight() {
        let recorder = Recorder::default();
        let first = recorder.begin(&Method::PUT, "/services/a");
        recorder.begin(&Method::GET, "/services").answered(StatusCode::OK);
        assert_eq!(recorder.stats().peak_in_flight, 2);
        recorder.reset();
        assert_eq!(
            recorder.stats(),
            Stats {
                in_flight: 1,
                peak_in_flight: 1,
                ..Stats::default()
            }
        );
        drop(first);
        assert_eq!((recorder.stats().in_flight, recorder.stats().unanswered), (0, 1));
    }
}
