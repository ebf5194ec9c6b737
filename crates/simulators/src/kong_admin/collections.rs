//! Lists: of a kind, and of the children of an entity.

use std::cmp::Reverse;
use std::ops::Bound;

use serde_json::{Map, Value, json};

use super::kinds::{Foreign, Kind};
use super::paging::{Page, cut, encode_offset, numeric_offset, offset};
use super::reply::Reply;
use super::request::Request;
use super::state::Row;

/// `GET /{kind}`.
pub(super) fn list(request: &Request<'_>, kind: &'static Kind) -> Result<Reply, Reply> {
    if let ("consumers", Some(custom_id)) = (kind.list, request.query.get("custom_id")) {
        return by_custom_id(request, kind, custom_id);
    }
    let size = request.page_size()?;
    let tags = request.query.tags()?;
    let rows =
        after(request, kind)?.filter(|row| tags.as_ref().is_none_or(|filter| filter.admits(&tags_of(row))));
    let (rows, last) = cut(keyed(request, kind, rows), size);
    let link = request.link();
    let page = Page {
        path: &link,
        size,
        nested: false,
        tags: tags.as_ref(),
    };
    Ok(page.reply(rows, last))
}

/// `GET /{parent}/{key}/{kind}`, where `parent` is the id of the entity found.
pub(super) fn children(
    request: &Request<'_>,
    child: (&'static Kind, &'static Foreign),
    parent: &str,
) -> Result<Reply, Reply> {
    if child.0.list == "targets" {
        return targets(request, child, parent);
    }
    listed_below(request, child, parent)
}

/// A page of the rows below an entity, by id.
fn listed_below(
    request: &Request<'_>,
    child: (&'static Kind, &'static Foreign),
    parent: &str,
) -> Result<Reply, Reply> {
    let first = Begin::of(request)?;
    let rows = request.state.referring(request.workspace, child, parent);
    let rows = rows.filter(|row| row.field("id").is_some_and(|id| first.admits(id)));
    nested_page(request, keyed(request, child.0, rows))
}

/// A page of a list below an entity, from rows with their offsets. Tag filters do not apply there (sequence 757).
pub(super) fn nested_page(
    request: &Request<'_>,
    rows: impl Iterator<Item = (String, Value)>,
) -> Result<Reply, Reply> {
    let size = request.page_size()?;
    let (rows, last) = cut(rows, size);
    let link = request.link();
    Ok(Page {
        path: &link,
        size,
        nested: true,
        tags: None,
    }
    .reply(rows, last))
}

/// `GET /upstreams/{key}/targets/all`: by id, unlike the list without `all` (sequence 512).
pub(super) fn all_targets(
    request: &Request<'_>,
    child: (&'static Kind, &'static Foreign),
    upstream: &str,
) -> Result<Reply, Reply> {
    listed_below(request, child, upstream)
}

/// Targets come newest first, and their offset counts them (sequence 511-516).
fn targets(
    request: &Request<'_>,
    child: (&'static Kind, &'static Foreign),
    upstream: &str,
) -> Result<Reply, Reply> {
    let skipped = numeric_offset(&request.query)?;
    let mut rows: Vec<&Row> = request
        .state
        .referring(request.workspace, child, upstream)
        .collect();
    rows.sort_by_key(|row| Reverse((milliseconds(row), row.arrival)));
    let rows = rows.into_iter().enumerate().skip(skipped);
    nested_page(
        request,
        rows.filter_map(|(place, row)| Some(((place + 1).to_string(), present(request, child.0, row)?))),
    )
}

/// `created_at` of a target, which has a fraction of a second.
fn milliseconds(row: &Row) -> i64 {
    let seconds = row
        .body
        .get("created_at")
        .and_then(Value::as_f64)
        .unwrap_or_default();
    (seconds * 1000.0).round() as i64
}

/// Rows of a kind by id, from behind the request's offset on.
pub(super) fn after<'a>(
    request: &Request<'a>,
    kind: &'static Kind,
) -> Result<Box<dyn Iterator<Item = &'a Row> + 'a>, Reply> {
    let table = request.state.table(request.workspace, kind);
    Ok(match Begin::of(request)? {
        Begin::First => Box::new(table.values()),
        Begin::Behind(id) => {
            let behind = (Bound::Excluded(id), Bound::Unbounded);
            Box::new(table.range(behind).map(|(_, row)| row))
        }
        Begin::Nowhere => Box::new(std::iter::empty()),
    })
}

/// Where a page begins.
enum Begin {
    First,
    /// Behind the row of this id.
    Behind(String),
    /// The offset is JSON without the key of a row: nothing follows it (sequence 278).
    Nowhere,
}

impl Begin {
    fn of(request: &Request<'_>) -> Result<Self, Reply> {
        let Some(key) = offset(&request.query)? else {
            return Ok(Self::First);
        };
        let id = key.get(0).and_then(Value::as_str);
        Ok(id.map_or(Self::Nowhere, |id| Self::Behind(id.to_ascii_lowercase())))
    }

    fn admits(&self, id: &str) -> bool {
        match self {
            Self::First => true,
            Self::Behind(last) => id > last.as_str(),
            Self::Nowhere => false,
        }
    }
}

/// Rows with the offset that follows each, as they are answered; expired ones are left out.
pub(super) fn keyed<'a>(
    request: &'a Request<'_>,
    kind: &'static Kind,
    rows: impl Iterator<Item = &'a Row> + 'a,
) -> impl Iterator<Item = (String, Value)> + 'a {
    rows.filter_map(move |row| {
        let offset = encode_offset(&json!([row.field("id")?]));
        Some((offset, present(request, kind, row)?))
    })
}

/// A row as lists and single reads of its own kind show it.
pub(super) fn present(request: &Request<'_>, kind: &Kind, row: &Row) -> Option<Value> {
    let mut body = row.read(request.now)?;
    if kind.list == "certificates" {
        let names = sni_names(request, &body);
        body.insert("snis".to_owned(), names);
    }
    Some(body.into())
}

fn sni_names(request: &Request<'_>, certificate: &Map<String, Value>) -> Value {
    let id = certificate.get("id").and_then(Value::as_str);
    let Some(kind) = Kind::by_list("snis") else {
        return Value::Null;
    };
    let snis = request.state.table(request.workspace, kind).values();
    let mut names: Vec<&str> = snis
        .filter(|sni| sni.reference("certificate") == id)
        .filter_map(|sni| sni.field("name"))
        .collect();
    names.sort_unstable();
    json!(names)
}

/// The tags of an entity; none and null are the same here.
pub(super) fn tags_of(row: &Row) -> Vec<&str> {
    row.body
        .get("tags")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

fn by_custom_id(request: &Request<'_>, kind: &'static Kind, custom_id: &str) -> Result<Reply, Reply> {
    if custom_id.is_empty() {
        return Err(Reply::message(400, "custom_id must be an unempty string"));
    }
    let rows = request.state.table(request.workspace, kind).values();
    let found: Vec<Value> = rows
        .filter(|row| row.field("custom_id") == Some(custom_id))
        .filter_map(|row| present(request, kind, row))
        .collect();
    Ok(Reply::ok(json!({ "data": found, "next": null })))
}
