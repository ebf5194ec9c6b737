//! `/tags` and `/tags/{tag}`: every tag of every entity, ordered by the entity's id.

use serde_json::{Value, json};

use super::collections::tags_of;
use super::kinds::KINDS;
use super::paging::{Page, cut, encode_offset, offset};
use super::reply::Reply;
use super::request::Request;

/// One tag at one entity.
struct Tagged<'a> {
    id: &'a str,
    /// Place among the entity's tags, from 1.
    place: u64,
    schema: &'static str,
    tag: &'a str,
}

impl Tagged<'_> {
    fn body(&self) -> Value {
        json!({ "tag": self.tag, "entity_name": self.schema, "entity_id": self.id })
    }
}

/// `GET /tags`; a tag filter does not apply here (sequence 767).
pub(super) fn all(request: &Request<'_>) -> Result<Reply, Reply> {
    let size = request.page_size()?;
    let behind = offset(&request.query)?;
    let rows = tagged(request)
        .into_iter()
        .filter(|row| {
            behind
                .as_ref()
                .is_none_or(|key| (row.id, row.place) > position(key))
        })
        .map(|row| (encode_offset(&json!([row.id, row.place])), row.body()));
    let (rows, last) = cut(rows, size);
    Ok(Page {
        path: "/tags",
        size,
        nested: false,
        tags: None,
    }
    .reply(rows, last))
}

/// `GET /tags/{tag}`.
pub(super) fn one(request: &Request<'_>, tag: &str) -> Result<Reply, Reply> {
    if tag.contains([',', '/']) {
        let message = format!(
            "invalid tag '{tag}': expected printable ascii (except `,` and `/`) or valid utf-8 sequences"
        );
        return Err(Reply::error(
            400,
            json!({ "name": "invalid unique tag", "message": message, "code": 10 }),
        ));
    }
    let size = request.page_size()?;
    let behind = offset(&request.query)?;
    let rows = tagged(request)
        .into_iter()
        .filter(|row| row.tag == tag && behind.as_ref().is_none_or(|key| row.id > position(key).0))
        .map(|row| (encode_offset(&json!([row.id])), row.body()));
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

fn position(key: &Value) -> (&str, u64) {
    let id = key.get(0).and_then(Value::as_str).unwrap_or_default();
    (id, key.get(1).and_then(Value::as_u64).unwrap_or_default())
}

fn tagged<'a>(request: &Request<'a>) -> Vec<Tagged<'a>> {
    let mut rows = Vec::new();
    for kind in KINDS {
        for (id, row) in request.state.table(request.workspace, kind) {
            let tags = tags_of(row).into_iter().zip(1..);
            rows.extend(tags.map(|(tag, place)| Tagged {
                id,
                place,
                schema: kind.schema,
                tag,
            }));
        }
    }
    rows.sort_by_key(|row| (row.id, row.place));
    rows
}
