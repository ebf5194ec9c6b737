//! What happens to a request before (and instead of) the simulator's own answer.

use std::convert::Infallible;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Method, Request, Response, StatusCode};
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::behaviour::{Behaviour, Bucket};
use super::fault::{ArmedFault, Fault, Outcome};
use super::stats::{Recorder, Stats};

/// Paths of the server itself, outside of counting, latency and faults.
const STATS_PATH: &str = "/_simulator/stats";
const RESET_PATH: &str = "/_simulator/reset";

/// What a [`super::Running`] handle and the connections share.
#[derive(Debug)]
pub(super) struct Controls {
    active: RwLock<Arc<Active>>,
    recorder: Recorder,
}

/// A [`Behaviour`] with its counters.
#[derive(Debug)]
struct Active {
    latency: Duration,
    bucket: Option<Bucket>,
    faults: Vec<ArmedFault>,
}

impl From<Behaviour> for Active {
    fn from(behaviour: Behaviour) -> Self {
        Self {
            latency: behaviour.latency,
            bucket: behaviour.rate_limit.map(Bucket::new),
            faults: behaviour.faults.into_iter().map(ArmedFault::new).collect(),
        }
    }
}

impl Controls {
    pub(super) fn new(behaviour: Behaviour) -> Self {
        Self {
            active: RwLock::new(Arc::new(behaviour.into())),
            recorder: Recorder::default(),
        }
    }

    pub(super) fn set_behaviour(&self, behaviour: Behaviour) {
        *self.active.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(behaviour.into());
    }

    pub(super) fn stats(&self) -> Stats {
        self.recorder.stats()
    }

    pub(super) fn reset_stats(&self) {
        self.recorder.reset();
    }

    fn active(&self) -> Arc<Active> {
        self.active.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The simulator behind its gate.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    router: Router,
    controls: Arc<Controls>,
}

impl Gate {
    pub(super) fn new(router: Router, controls: Arc<Controls>) -> Self {
        Self { router, controls }
    }

    pub(super) fn count_connection(&self) {
        self.controls.recorder.count_connection();
    }

    /// Answers one request; `hang_up` cuts the connection that it came on.
    pub(super) async fn answer(
        self,
        request: Request<Incoming>,
        hang_up: CancellationToken,
    ) -> Result<Response<Body>, Infallible> {
        if let Some(response) = self.answer_own(request.method(), request.uri().path()) {
            return Ok(response);
        }
        let in_flight = self
            .controls
            .recorder
            .begin(request.method(), request.uri().path());
        let response = self.simulate(request, hang_up).await;
        in_flight.answered(response.status());
        Ok(response)
    }

    /// The server's own endpoints.
    fn answer_own(&self, method: &Method, path: &str) -> Option<Response<Body>> {
        match (method, path) {
            (&Method::GET, STATS_PATH) => Some(axum::Json(self.controls.stats()).into_response()),
            (&Method::POST, RESET_PATH) => {
                self.controls.reset_stats();
                Some(StatusCode::NO_CONTENT.into_response())
            }
            _ => None,
        }
    }

    async fn simulate(self, request: Request<Incoming>, hang_up: CancellationToken) -> Response<Body> {
        let active = self.controls.active();
        if !active.latency.is_zero() {
            tokio::time::sleep(active.latency).await;
        }
        if let Some(Err(limit)) = active.bucket.as_ref().map(Bucket::take) {
            let body = json!({"message": "API rate limit exceeded"}).to_string();
            return respond(StatusCode::TOO_MANY_REQUESTS, body, limit.retry_after);
        }
        let fault = active
            .faults
            .iter()
            .find_map(|armed| armed.strikes(request.method(), request.uri()));
        let response = match fault {
            Some(fault) if !fault.after => return fail(fault, &hang_up).await,
            _ => self.router.oneshot(request.map(Body::new)).await.into_response(),
        };
        match fault {
            Some(fault) => fail(fault, &hang_up).await,
            None => response,
        }
    }
}

/// The fault's answer; for a cut or silent connection this never returns.
async fn fail(fault: &Fault, hang_up: &CancellationToken) -> Response<Body> {
    match fault.outcome {
        Outcome::Status(status) => {
            let default = || json!({"message": "fault injected by the simulator"}).to_string();
            respond(
                status,
                fault.body.clone().unwrap_or_else(default),
                fault.retry_after,
            )
        }
        Outcome::Garbage => {
            let body = fault
                .body
                .clone()
                .unwrap_or_else(|| "<html>{\"data\": [".to_owned());
            respond(StatusCode::OK, body, fault.retry_after)
        }
        Outcome::DropConnection => {
            hang_up.cancel();
            std::future::pending().await
        }
        Outcome::Hang => std::future::pending().await,
    }
}

fn respond(status: StatusCode, body: String, retry_after: Option<u32>) -> Response<Body> {
    let mut response = (status, body).into_response();
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}
