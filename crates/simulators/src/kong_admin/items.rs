//! Single entities, and what lies below them.

use serde_json::{Value, json};
use uuid::Uuid;

use super::collections::{self, present};
use super::groups;
use super::kinds::Kind;
use super::reply::Reply;
use super::request::Request;
use super::state::{Row, as_uuid};

/// `GET /{kind}/{key}`.
pub(super) fn get(request: &Request<'_>, kind: &'static Kind, key: &str) -> Result<Reply, Reply> {
    let row = find(request, kind, key)?;
    if kind.list == "consumer_groups" {
        return groups::consumer_group(request, row);
    }
    present(request, kind, row)
        .map(Reply::ok)
        .ok_or_else(Reply::not_found)
}

/// The row behind `/{kind}/{key}`, or the 400 or 404 that Kong answers in its place.
pub(super) fn find<'a>(request: &Request<'a>, kind: &'static Kind, key: &str) -> Result<&'a Row, Reply> {
    let (state, workspace) = (request.state, request.workspace);
    let row = match state.find(workspace, kind, key) {
        Some(row) => row,
        None if as_uuid(key).is_some() || kind.key.is_some() => return Err(Reply::not_found()),
        None if kind.list == "certificates" => certificate_of(request, kind, key)?,
        None => return Err(Reply::invalid_primary_key()),
    };
    if row.read(request.now).is_none() {
        return Err(Reply::not_found());
    }
    Ok(row)
}

/// A certificate may be named by an SNI (sequence 540, 541).
fn certificate_of<'a>(request: &Request<'a>, kind: &'static Kind, name: &str) -> Result<&'a Row, Reply> {
    let (state, workspace) = (request.state, request.workspace);
    Kind::by_list("snis")
        .and_then(|snis| state.find(workspace, snis, name))
        .and_then(|sni| sni.reference("certificate"))
        .and_then(|id| state.find(workspace, kind, id))
        .ok_or_else(|| Reply::message(404, "SNI not found"))
}

/// `GET /{kind}/{key}/{segment}`: a list of children, or the entity that a foreign key names.
pub(super) fn below(
    request: &Request<'_>,
    kind: &'static Kind,
    key: &str,
    segment: &str,
) -> Result<Reply, Reply> {
    match (kind.list, segment) {
        // Kong answers 404 there whatever the SNI (sequence 568).
        ("snis", "certificate") => return Err(Reply::not_found()),
        ("consumer_groups", "consumers") if request.is_enterprise() => {
            return groups::members(request, kind, key);
        }
        ("consumers", "consumer_groups") if request.is_enterprise() => {
            return groups::of_consumer(request, kind, key);
        }
        ("partials", "links") if request.is_enterprise() => return groups::links(request, kind, key),
        _ => {}
    }
    if let Some((child, foreign)) = Kind::nested(kind, segment) {
        let parent = find(request, kind, key)?;
        return collections::children(request, (child, foreign), parent.field("id").unwrap_or_default());
    }
    let foreign = kind
        .foreign
        .iter()
        .find(|foreign| foreign.field == segment)
        .ok_or_else(Reply::not_found)?;
    let target = request.kind(foreign.kind).ok_or_else(Reply::not_found)?;
    let row = find(request, kind, key)?;
    let named = row
        .reference(foreign.field)
        .and_then(|id| request.state.find(request.workspace, target, id));
    let mut body = named
        .and_then(|row| row.read(request.now))
        .ok_or_else(Reply::not_found)?;
    if target.list == "certificates" {
        // Read through a foreign key, a certificate's SNIs are null whatever they are (sequence 575).
        body.insert("snis".to_owned(), Value::Null);
    }
    Ok(Reply::ok(body))
}

/// `GET /{kind}/{key}/{segment}/{child}`.
pub(super) fn nested(
    request: &Request<'_>,
    kind: &'static Kind,
    key: &str,
    (segment, child): (&str, &str),
) -> Result<Reply, Reply> {
    let (child_kind, foreign) = Kind::nested(kind, segment).ok_or_else(Reply::not_found)?;
    let parent = find(request, kind, key)?.field("id").unwrap_or_default();
    if (child_kind.list, child) == ("targets", "all") {
        return collections::all_targets(request, (child_kind, foreign), parent);
    }
    let row = request
        .state
        .find_below(request.workspace, (child_kind, foreign), parent, child);
    match row.and_then(|row| present(request, child_kind, row)) {
        Some(body) => Ok(Reply::ok(body)),
        // This answer alone says its request's id (sequence 457).
        None if child_kind.list == "acls" => {
            let request_id = Uuid::new_v4().simple().to_string();
            Err(Reply::error(
                404,
                json!({ "message": "Not found", "request_id": request_id }),
            ))
        }
        None => Err(Reply::not_found()),
    }
}
