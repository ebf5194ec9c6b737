//! Dispatch below `/v2/control-planes/{id}/core-entities`.

use axum::http::StatusCode;
use serde_json::Value;

use super::document::{ENTITIES, Unmatched};
use super::entities::{self, Write};
use super::errors::{Detail, Failure};
use super::kinds;
use super::members::Membership;
use super::paging::Query;
use super::state::State;
use super::{plugin_schemas, schemas};

/// A request below `core-entities`.
#[derive(Debug)]
pub struct Call<'a> {
    /// Id of the control plane.
    pub control_plane: &'a str,
    /// GET, POST, PUT or DELETE.
    pub method: &'a str,
    /// The path after `core-entities/`.
    pub path: &'a str,
    /// The query.
    pub query: Query,
    /// The body as sent.
    pub body: &'a [u8],
}

/// The status and body that answer a call; null for no body.
pub fn answer(state: &mut State, call: &Call<'_>) -> Result<(StatusCode, Value), Failure> {
    let documented = format!("/core-entities/{}", call.path);
    let operation = ENTITIES
        .operation(call.method, &documented)
        .map_err(|unmatched| match unmatched {
            Unmatched::Path => Failure::entity_not_found(),
            Unmatched::Method => {
                Failure::Entity(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed", Vec::new())
            }
        })?;
    refuse_read_only(state, call)?;
    let segments: Vec<_> = call
        .path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    let body = if matches!(call.method, "POST" | "PUT") {
        parse(call.body)?
    } else {
        Value::Null
    };
    match segments.as_slice() {
        ["plugin-schemas", rest @ ..] => plugin_schemas::answer(state, call, rest.first().copied(), &body),
        ["schemas", rest @ ..] => schemas::answer(state.control_plane(call.control_plane)?, rest, &body),
        ["partials", id, "links"] => schemas::partial_links(state.control_plane(call.control_plane)?, id),
        _ => match Membership::parse(&segments) {
            Some(membership) => membership_answer(state, call, &membership, &body),
            None => entity_answer(state, call, &segments, (&operation["request"], &body)),
        },
    }
}

fn membership_answer(
    state: &mut State,
    call: &Call<'_>,
    membership: &Membership<'_>,
    body: &Value,
) -> Result<(StatusCode, Value), Failure> {
    if call.method == "GET" {
        let (control_plane, lag) = state.lister(call.control_plane)?;
        let page = membership.list(control_plane, lag, &full_path(call), &call.query)?;
        return Ok((StatusCode::OK, page));
    }
    membership.write(state.control_plane(call.control_plane)?, call.method, body)
}

fn entity_answer(
    state: &mut State,
    call: &Call<'_>,
    segments: &[&str],
    (schema, body): (&Value, &Value),
) -> Result<(StatusCode, Value), Failure> {
    let address = kinds::address(segments).ok_or_else(Failure::entity_not_found)?;
    if call.method == "GET" && address.id.is_none() {
        let (control_plane, lag) = state.lister(call.control_plane)?;
        let page = entities::list(control_plane, lag, &full_path(call), &address, &call.query)?;
        return Ok((StatusCode::OK, page));
    }
    let missing_target_is_404 = state.options.target_put_missing_is_404;
    let post_with_id = state.options.post_with_id;
    let (control_plane, counters) = state.writer(call.control_plane)?;
    let write = Write {
        address: &address,
        schema,
        body,
        query: &call.query,
    };
    match (call.method, &address.id) {
        ("GET", _) => Ok((
            StatusCode::OK,
            entities::read(control_plane, &address, &call.query)?,
        )),
        ("POST", _) => Ok((
            StatusCode::CREATED,
            entities::create(control_plane, counters, &write, post_with_id)?,
        )),
        ("PUT", _) => {
            if missing_target_is_404 {
                entities::refuse_missing_target(control_plane, &address)?;
            }
            Ok((
                StatusCode::OK,
                entities::replace(control_plane, counters, &write)?,
            ))
        }
        _ => entities::delete(control_plane, &address).map(|()| (StatusCode::NO_CONTENT, Value::Null)),
    }
}

/// Ingress controller clusters and groups take no entities: the first mirror a cluster, the second their members.
fn refuse_read_only(state: &mut State, call: &Call<'_>) -> Result<(), Failure> {
    let control_plane = state.control_plane(call.control_plane)?;
    let message = match control_plane.cluster_type() {
        _ if call.method == "GET" || call.path.ends_with("/validate") => return Ok(()),
        "CLUSTER_TYPE_K8S_INGRESS_CONTROLLER" => "operation not permitted on KIC cluster",
        "CLUSTER_TYPE_CONTROL_PLANE_GROUP" => "operation not permitted on control plane group",
        _ => return Ok(()),
    };
    Err(Failure::Entity(StatusCode::FORBIDDEN, message, Vec::new()))
}

fn full_path(call: &Call<'_>) -> String {
    format!(
        "/v2/control-planes/{}/core-entities/{}",
        call.control_plane, call.path
    )
}

fn parse(body: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(body)
        .map_err(|_| Failure::validation(vec![Detail::entity("the body is not JSON")]))
}
