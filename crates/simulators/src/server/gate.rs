//! What happens to a request before (and instead of) the simulator's own answer.

use std::convert::Infallible;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use serde_json::json;
use tower::ServiceExt as _;

use super::behaviour::{Behaviour, Bucket, RetryAfter};
use super::fault::{ArmedFault, Fault, Outcome};
use super::line::Line;
use super::second_writer::{Act, Moment};
use super::spoil;
use super::stats::{Recorder, Stats, Write};

/// Paths of the server itself, outside of counting, latency and faults.
const STATS_PATH: &str = "/_simulator/stats";
const RESET_PATH: &str = "/_simulator/reset";
const BEHAVIOUR_PATH: &str = "/_simulator/behaviour";

/// What a [`super::Running`] handle and the connections share.
#[derive(Debug)]
pub(super) struct Controls {
    active: RwLock<Arc<Active>>,
    acts: RwLock<Vec<Arc<Act>>>,
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
            acts: RwLock::default(),
            recorder: Recorder::default(),
        }
    }

    pub(super) fn set_behaviour(&self, behaviour: Behaviour) {
        *self.active.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(behaviour.into());
    }

    pub(super) fn add_act(&self, act: Act) {
        let mut acts = self.acts.write().unwrap_or_else(PoisonError::into_inner);
        acts.push(Arc::new(act));
    }

    pub(super) fn forget_acts(&self) {
        self.acts.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Lets somebody else act beside a request. An act may send requests of its own, so nothing is locked meanwhile.
    fn act(&self, moment: Moment, method: &Method, uri: &Uri) {
        let acts = self.acts.read().unwrap_or_else(PoisonError::into_inner).clone();
        for act in acts {
            act.take_place(moment, method, uri);
        }
    }

    pub(super) fn stats(&self) -> Stats {
        self.recorder.stats()
    }

    pub(super) fn writes(&self) -> Vec<Write> {
        self.recorder.writes()
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

    /// Answers one request that came on `line`.
    pub(super) async fn answer(
        self,
        request: Request<Incoming>,
        line: Line,
    ) -> Result<Response<Body>, Infallible> {
        if request.uri().path().starts_with("/_simulator/") {
            return Ok(self.answer_own(request).await);
        }
        let in_flight = self
            .controls
            .recorder
            .begin(request.method(), request.uri().path());
        let response = self.simulate(request, &line).await;
        in_flight.answered(response.status());
        Ok(response)
    }

    /// The server's own endpoints.
    async fn answer_own(&self, request: Request<Incoming>) -> Response<Body> {
        match (request.method(), request.uri().path()) {
            (&Method::GET, STATS_PATH) => axum::Json(self.controls.stats()).into_response(),
            (&Method::POST, RESET_PATH) => {
                self.controls.reset_stats();
                StatusCode::NO_CONTENT.into_response()
            }
            (&Method::PUT, BEHAVIOUR_PATH) => self.change_behaviour(request).await,
            _ => StatusCode::NOT_FOUND.into_response(),
        }
    }

    async fn change_behaviour(&self, request: Request<Incoming>) -> Response<Body> {
        let body = axum::body::to_bytes(Body::new(request.into_body()), usize::MAX).await;
        let told = body
            .map_err(anyhow::Error::from)
            .and_then(|text| Behaviour::from_json(&text));
        match told {
            Ok(behaviour) => {
                self.controls.set_behaviour(behaviour);
                StatusCode::NO_CONTENT.into_response()
            }
            Err(error) => (StatusCode::BAD_REQUEST, format!("{error:#}\n")).into_response(),
        }
    }

    async fn simulate(self, request: Request<Incoming>, line: &Line) -> Response<Body> {
        let mut request = request.map(Body::new);
        let active = self.controls.active();
        if !active.latency.is_zero() {
            tokio::time::sleep(active.latency).await;
        }
        if let Some(Err(limit)) = active.bucket.as_ref().map(Bucket::take) {
            let body = json!({"message": "API rate limit exceeded"}).to_string();
            return respond(StatusCode::TOO_MANY_REQUESTS, body, limit.retry_after);
        }
        let mut body = Bytes::new();
        if active.faults.iter().any(ArmedFault::asks_for_body) {
            (request, body) = spoil::read(request).await;
        }
        let fault = active
            .faults
            .iter()
            .find_map(|armed| armed.strikes(request.method(), request.uri(), &body));
        let Some(fault) = fault else {
            return self.pass(request).await;
        };
        if fault.outcome == Outcome::LostCursor
            && let Some(spoilt) = spoil::lose_cursor(request.uri())
        {
            *request.uri_mut() = spoilt;
        }
        if fault.outcome == Outcome::Altered {
            request = spoil::altered(request, fault.body.as_deref().unwrap_or_default()).await;
        }
        let answer = if fault.after || fault.outcome.needs_answer() {
            Some(self.pass(request).await)
        } else {
            None
        };
        fail(fault, answer, line).await
    }

    /// The simulator's own answer, and what somebody else does on both sides of it.
    async fn pass(self, request: Request<Body>) -> Response<Body> {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        self.controls.act(Moment::Before, &method, &uri);
        let answer = self.router.oneshot(request).await.into_response();
        self.controls.act(Moment::After, &method, &uri);
        answer
    }
}

/// What the fault makes of the simulator's answer; for a cut or silent connection this never returns.
async fn fail(fault: &Fault, answer: Option<Response<Body>>, line: &Line) -> Response<Body> {
    let answer = answer.unwrap_or_default();
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
        Outcome::LostCursor | Outcome::Altered => answer,
        Outcome::Truncated => spoil::truncated(answer).await,
        Outcome::Slow => spoil::slowly(answer, fault.over).await,
        Outcome::ResetBody => spoil::reset_in_body(answer, line).await,
        Outcome::DropConnection => {
            line.hang_up();
            std::future::pending().await
        }
        Outcome::Reset => {
            line.reset();
            std::future::pending().await
        }
        Outcome::Hang => std::future::pending().await,
    }
}

fn respond(status: StatusCode, body: String, retry_after: Option<RetryAfter>) -> Response<Body> {
    let mut response = (status, body).into_response();
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    if let Some(value) = retry_after.and_then(RetryAfter::header) {
        response.headers_mut().insert(RETRY_AFTER, value);
    }
    response
}
