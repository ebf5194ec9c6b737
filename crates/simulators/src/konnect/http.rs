//! The routes of the API.

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State};
use axum::http::{Method, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use serde_json::{Value, json};

use super::core_entities::{self, Call};
use super::errors::Failure;
use super::paging::Query;
use super::validator::{Rule, Violation};
use super::{Konnect, Side, auth, control_planes, data_planes, side};

/// The status and body of a successful answer; null for no body.
type Answer = Result<(StatusCode, Value), Failure>;

/// Every path that the simulator serves; those of the other side are answered as unknown.
pub fn router(konnect: Konnect, side: Side) -> Router {
    let control_plane = "/v2/control-planes/{cp}";
    let below = |path: &str| format!("{control_plane}/{path}");
    Router::new()
        .route("/v3/organizations/me", get(organisation))
        .route(
            "/v2/control-planes",
            get(list_control_planes).post(create_control_plane),
        )
        .route(control_plane, any(one_control_plane))
        .route(&below("dp-client-certificates"), any(certificates))
        .route(&below("dp-client-certificates/{id}"), any(one_certificate))
        .route(&below("nodes"), get(nodes))
        .route(&below("expected-config-hash"), get(expected_hash))
        .route(&below("core-entities/{*path}"), any(entities))
        .fallback(no_route)
        .layer(from_fn_with_state(konnect.clone(), auth::require_token))
        .layer(from_fn_with_state(side, side::refuse_other_side))
        .layer(DefaultBodyLimit::disable())
        .with_state(konnect)
}

/// The edge's answer to a path that no API of the host has.
pub(super) async fn no_route() -> Failure {
    Failure::Edge(StatusCode::NOT_FOUND, "no Route matched with those values")
}

fn respond(answer: Answer) -> Response {
    match answer {
        Ok((status, Value::Null)) => status.into_response(),
        Ok((status, body)) => (status, Json(body)).into_response(),
        Err(failure) => failure.into_response(),
    }
}

fn ok(result: Result<Value, Failure>) -> Answer {
    result.map(|body| (StatusCode::OK, body))
}

fn created(result: Result<Value, Failure>) -> Answer {
    result.map(|body| (StatusCode::CREATED, body))
}

fn no_content(result: Result<(), Failure>) -> Answer {
    result.map(|()| (StatusCode::NO_CONTENT, Value::Null))
}

fn no_such_method() -> Answer {
    Err(Failure::Edge(
        StatusCode::METHOD_NOT_ALLOWED,
        "Method not allowed",
    ))
}

async fn organisation(State(konnect): State<Konnect>) -> Response {
    let organisation = konnect.lock().options.organisation.clone();
    respond(Ok((
        StatusCode::OK,
        json!({
            "id": organisation.id,
            "name": organisation.name,
            "owner_id": organisation.id,
            "login_path": "",
            "state": "active",
            "retention_period_days": 90,
            "created_at": "2023-01-23T17:22:52.150Z",
            "updated_at": "2023-01-23T17:22:52.150Z",
        }),
    )))
}

async fn list_control_planes(State(konnect): State<Konnect>, RawQuery(query): RawQuery) -> Response {
    respond(ok(control_planes::list(
        &konnect.lock(),
        &Query::parse(query.as_deref()),
    )))
}

async fn create_control_plane(State(konnect): State<Konnect>, body: Bytes) -> Response {
    respond(parse(&body).and_then(|body| created(control_planes::create(&mut konnect.lock(), &body))))
}

async fn one_control_plane(
    State(konnect): State<Konnect>,
    Path(id): Path<String>,
    method: Method,
    body: Bytes,
) -> Response {
    let mut state = konnect.lock();
    respond(match method.as_str() {
        "GET" => ok(control_planes::read(&state, &id)),
        "PATCH" => parse(&body).and_then(|body| ok(control_planes::update(&mut state, &id, &body))),
        "DELETE" => no_content(control_planes::delete(&mut state, &id)),
        _ => no_such_method(),
    })
}

async fn certificates(
    State(konnect): State<Konnect>,
    Path(id): Path<String>,
    method: Method,
    body: Bytes,
) -> Response {
    let mut state = konnect.lock();
    respond(match method.as_str() {
        "GET" => ok(data_planes::list_certificates(&mut state, &id)),
        "POST" => {
            parse(&body).and_then(|body| created(data_planes::create_certificate(&mut state, &id, &body)))
        }
        _ => no_such_method(),
    })
}

async fn one_certificate(
    State(konnect): State<Konnect>,
    Path((id, certificate)): Path<(String, String)>,
    method: Method,
    body: Bytes,
) -> Response {
    let mut state = konnect.lock();
    respond(match method.as_str() {
        "GET" => ok(data_planes::read_certificate(&mut state, &id, &certificate)),
        "PUT" => parse(&body).and_then(|body| {
            ok(data_planes::replace_certificate(
                &mut state,
                &id,
                &certificate,
                &body,
            ))
        }),
        "DELETE" => no_content(data_planes::delete_certificate(&mut state, &id, &certificate)),
        _ => no_such_method(),
    })
}

async fn nodes(State(konnect): State<Konnect>, Path(id): Path<String>) -> Response {
    respond(ok(data_planes::list_nodes(&mut konnect.lock(), &id)))
}

async fn expected_hash(State(konnect): State<Konnect>, Path(id): Path<String>) -> Response {
    respond(ok(data_planes::expected_hash(&mut konnect.lock(), &id)))
}

async fn entities(
    State(konnect): State<Konnect>,
    Path((id, path)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    method: Method,
    body: Bytes,
) -> Response {
    let query = Query::parse(query.as_deref());
    let call = Call {
        control_plane: &id,
        method: method.as_str(),
        path: &path,
        query,
        body: &body,
    };
    respond(core_entities::answer(&mut konnect.lock(), &call))
}

fn parse(body: &Bytes) -> Result<Value, Failure> {
    serde_json::from_slice(body).map_err(|_| {
        let message = "the body is not JSON".to_owned();
        let violation = Violation {
            field: String::new(),
            rule: Rule::Type("object".to_owned()),
            message,
        };
        Failure::invalid_parameters("body", vec![violation])
    })
}
