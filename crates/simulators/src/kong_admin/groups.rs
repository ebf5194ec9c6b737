//! What only Kong Enterprise has: workspaces, members of consumer groups, links of partials.

use serde_json::{Map, Value, json};

use super::collections::{keyed, nested_page, present};
use super::items::find;
use super::kinds::{KEYRING, KINDS, Kind};
use super::paging::{Page, cut, encode_offset, offset};
use super::reply::Reply;
use super::request::Request;
use super::state::{Row, Workspace};

/// `GET /workspaces`, `/workspaces/{name}` and `/workspaces/{name}/meta`.
pub(super) fn workspaces(request: &Request<'_>, rest: &[&str]) -> Result<Reply, Reply> {
    match rest {
        [] => list_workspaces(request),
        [key] => find_workspace(request, key).map(|(name, held)| Reply::ok(workspace_body(name, held))),
        [key, "meta"] => find_workspace(request, key)
            .map(|(name, _)| Reply::ok(json!({ "counts": counts(request, name) }))),
        _ => Err(Reply::not_found()),
    }
}

fn list_workspaces(request: &Request<'_>) -> Result<Reply, Reply> {
    let size = request.page_size()?;
    let behind = behind(request)?;
    let mut held: Vec<(&String, &Workspace)> = request.state.workspaces.iter().collect();
    held.sort_by(|(_, a), (_, b)| a.id.cmp(&b.id));
    let rows = held
        .into_iter()
        .filter(|(_, held)| Some(&held.id) > behind.as_ref())
        .map(|(name, held)| (encode_offset(&json!([held.id])), workspace_body(name, held)));
    let (rows, last) = cut(rows, size);
    Ok(Page {
        path: "/workspaces",
        size,
        nested: false,
        tags: None,
    }
    .reply(rows, last))
}

fn find_workspace<'a>(request: &Request<'a>, key: &str) -> Result<(&'a str, &'a Workspace), Reply> {
    let mut held = request.state.workspaces.iter();
    held.find(|(name, held)| name.as_str() == key || held.id == key)
        .map(|(name, held)| (name.as_str(), held))
        .ok_or_else(Reply::not_found)
}

fn workspace_body(name: &str, held: &Workspace) -> Value {
    json!({
        "id": held.id, "name": name, "comment": null,
        "config": { "portal": false, "meta": null },
        "meta": { "color": null, "thumbnail": null },
        "created_at": held.created_at, "updated_at": held.created_at,
    })
}

fn counts(request: &Request<'_>, workspace: &str) -> Map<String, Value> {
    let kinds = KINDS.iter().filter(|kind| !kind.global);
    kinds
        .map(|kind| {
            (
                kind.schema.to_owned(),
                json!(request.state.table(workspace, kind).len()),
            )
        })
        .collect()
}

/// A consumer group as read singly: wrapped, with all its members in one answer, and the overrides it has.
pub(super) fn consumer_group(request: &Request<'_>, group: &Row) -> Result<Reply, Reply> {
    let body = group.read(request.now).ok_or_else(Reply::not_found)?;
    let consumers = Kind::by_list("consumers").ok_or_else(Reply::not_found)?;
    let members: Vec<Value> = member_rows(request, group, consumers)
        .filter_map(|row| present(request, consumers, row))
        .collect();
    let mut wrapped = json!({ "consumer_group": body, "consumers": members });
    let held = request.state.workspaces.get(request.workspace);
    let overrides = held
        .zip(group.field("id"))
        .and_then(|(held, id)| held.overrides.get(id));
    if let Some(overrides) = overrides {
        wrapped["plugins"] = json!(overrides);
    }
    Ok(Reply::ok(wrapped))
}

/// `GET /keyring`: 404 where nothing is encrypted.
pub(super) fn keyring(request: &Request<'_>) -> Result<Reply, Reply> {
    let kind = request.kind(KEYRING).ok_or_else(Reply::not_found)?;
    let ids: Vec<&String> = request.state.table(request.workspace, kind).keys().collect();
    match ids.last() {
        Some(active) => Ok(Reply::ok(json!({ "active": active, "ids": ids }))),
        None => Err(Reply::not_found()),
    }
}

/// `GET /consumer_groups/{key}/consumers`.
pub(super) fn members(request: &Request<'_>, kind: &'static Kind, key: &str) -> Result<Reply, Reply> {
    let group = find(request, kind, key)?;
    let consumers = Kind::by_list("consumers").ok_or_else(Reply::not_found)?;
    let behind = behind(request)?;
    let rows = member_rows(request, group, consumers).filter(move |row| row.field("id") > behind.as_deref());
    nested_page(request, keyed(request, consumers, rows))
}

fn member_rows<'a>(
    request: &Request<'a>,
    group: &Row,
    consumers: &'static Kind,
) -> impl Iterator<Item = &'a Row> + use<'a> {
    let (state, workspace) = (request.state, request.workspace);
    let held = state.workspaces.get(workspace);
    let members = held
        .zip(group.field("id"))
        .and_then(|(held, id)| held.members.get(id));
    members
        .into_iter()
        .flatten()
        .filter_map(move |id| state.find(workspace, consumers, id))
}

/// `GET /consumers/{key}/consumer_groups`.
pub(super) fn of_consumer(request: &Request<'_>, kind: &'static Kind, key: &str) -> Result<Reply, Reply> {
    let consumer = find(request, kind, key)?.field("id").unwrap_or_default();
    let groups = Kind::by_list("consumer_groups").ok_or_else(Reply::not_found)?;
    let behind = behind(request)?;
    let members = request
        .state
        .workspaces
        .get(request.workspace)
        .map(|held| &held.members);
    let rows = members
        .into_iter()
        .flatten()
        .filter(|(_, consumers)| consumers.contains(consumer))
        .filter_map(|(id, _)| request.state.find(request.workspace, groups, id))
        .filter(move |row| row.field("id") > behind.as_deref());
    nested_page(request, keyed(request, groups, rows))
}

/// `GET /partials/{key}/links`: the plugins that use a partial.
pub(super) fn links(request: &Request<'_>, kind: &'static Kind, key: &str) -> Result<Reply, Reply> {
    let partial = find(request, kind, key)?.field("id").unwrap_or_default();
    let plugins = Kind::by_list("plugins").ok_or_else(Reply::not_found)?;
    let rows = request.state.table(request.workspace, plugins).values();
    let uses_it = |row: &&Row| {
        let partials = row.body.get("partials").and_then(Value::as_array);
        partials.is_some_and(|links| links.iter().any(|link| link["id"] == partial))
    };
    let linked: Vec<Value> = rows
        .filter(uses_it)
        .map(|row| {
            let (id, name) = (row.field("id"), row.field("name"));
            json!({ "id": id, "name": name, "instance_name": row.field("instance_name") })
        })
        .collect();
    Ok(Reply::ok(
        json!({ "count": linked.len(), "data": linked, "next": null }),
    ))
}

/// The id that the asked page follows.
fn behind(request: &Request<'_>) -> Result<Option<String>, Reply> {
    let key = offset(&request.query)?;
    Ok(key
        .as_ref()
        .and_then(|key| key.get(0))
        .and_then(Value::as_str)
        .map(str::to_owned))
}
