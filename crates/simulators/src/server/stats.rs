//! What a server counts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// Shared counters of one server.
#[derive(Debug, Clone, Default)]
pub(super) struct Recorder(Arc<Mutex<Stats>>);

impl Recorder {
    pub(super) fn stats(&self) -> Stats {
        self.lock().clone()
    }

    pub(super) fn reset(&self) {
        let mut stats = self.lock();
        let in_flight = stats.in_flight;
        *stats = Stats {
            in_flight,
            peak_in_flight: in_flight,
            ..Stats::default()
        };
    }

    pub(super) fn count_connection(&self) {
        self.lock().connections += 1;
    }

    /// Counts a request as received and in flight until the returned value is dropped.
    pub(super) fn begin(&self, method: &Method, path: &str) -> InFlight {
        let mut stats = self.lock();
        stats.total += 1;
        if [Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(method) {
            stats.writes += 1;
        }
        *stats
            .by_route
            .entry(format!("{method} {}", route_of(path)))
            .or_default() += 1;
        stats.in_flight += 1;
        stats.peak_in_flight = stats.peak_in_flight.max(stats.in_flight);
        drop(stats);
        InFlight {
            recorder: self.clone(),
            answered: None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Stats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request in flight; counted as unanswered unless [`InFlight::answered`] was called.
pub(super) struct InFlight {
    recorder: Recorder,
    answered: Option<StatusCode>,
}

impl InFlight {
    pub(super) fn answered(mut self, status: StatusCode) {
        self.answered = Some(status);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut stats = self.recorder.lock();
        stats.in_flight = stats.in_flight.saturating_sub(1);
        match self.answered {
            Some(status) => *stats.by_status.entry(status.as_u16()).or_default() += 1,
            None => stats.unanswered += 1,
        }
    }
}

/// `path` with every hyphenated UUID replaced by `{id}`.
fn route_of(path: &str) -> String {
    let is_id = |segment: &str| segment.len() == 36 && Uuid::try_parse(segment).is_ok();
    path.split('/')
        .map(|segment| if is_id(segment) { "{id}" } else { segment })
        .collect::<Vec<_>>()
        .join("/")
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
