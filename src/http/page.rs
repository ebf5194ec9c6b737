//! Walking pages without going round in circles.

use std::collections::HashSet;

use serde_json::{Map, Value};
use url::Url;

use super::call::Call;
use super::{Error, Transport};

/// Page size asked for: the largest both Kong and Konnect's core entities take.
const SIZE: &str = "1000";

/// The query for the page at an offset, as Kong and Konnect's core entities take it.
pub(crate) fn query(offset: Option<&str>) -> impl Iterator<Item = (&str, &str)> {
    [("size", SIZE)]
        .into_iter()
        .chain(offset.map(|offset| ("offset", offset)))
}

/// One page of a list, and where the next one starts.
#[derive(Debug, PartialEq)]
struct Page {
    items: Vec<Map<String, Value>>,
    cursor: Option<String>,
}

impl Page {
    /// Reads a list page, or says what is wrong with it.
    ///
    /// Items stand in `data`, in Konnect's older endpoints in `items`. An empty list may come as null, and as `{}` from
    /// Kong: Lua does not tell it from `[]`.
    fn read(body: Value) -> Result<Self, &'static str> {
        let Value::Object(mut body) = body else {
            return Err("a list was expected, but it is no JSON object");
        };
        let cursor = cursor(&body);
        let items = match body.remove("data").or_else(|| body.remove("items")) {
            Some(Value::Array(items)) => items,
            Some(Value::Null) => Vec::new(),
            Some(Value::Object(empty)) if empty.is_empty() => Vec::new(),
            Some(_) => return Err("a list was expected, but `data` is none"),
            // The older endpoints leave out an empty `items`, but not the page's figures.
            None if body.get("page").is_some_and(Value::is_object) => Vec::new(),
            None => return Err("a list was expected, but `data` is missing"),
        };
        let items = items.into_iter().map(|item| match item {
            Value::Object(entity) => Ok(entity),
            _ => Err("the list holds something that is no object"),
        });
        Ok(Self {
            items: items.collect::<Result<_, _>>()?,
            cursor,
        })
    }
}

/// Where the next page starts: `offset`, or the query of `next`; in Konnect's older endpoints `next_cursor`, in `page` or
/// beside it, or `page.next`. On the last page all are absent, null or empty.
fn cursor(body: &Map<String, Value>) -> Option<String> {
    let page = body.get("page").and_then(Value::as_object);
    let word = |value: Option<&Value>| match value {
        Some(Value::String(word)) if !word.is_empty() => Some(word.clone()),
        // Kong's offset in the targets of an upstream.
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    word(body.get("offset"))
        .or_else(|| {
            word(body.get("next_cursor")).filter(|_| body.get("has_next_page") != Some(&Value::Bool(false)))
        })
        .or_else(|| word(page?.get("next_cursor")))
        .or_else(|| cursor_of(body.get("next")?.as_str()?))
        .or_else(|| cursor_of(page?.get("next")?.as_str()?))
}

/// The cursor in the query of a path or URL.
fn cursor_of(next: &str) -> Option<String> {
    let (_, query) = next.split_once('?')?;
    let url = Url::parse(&format!("http://next/?{query}")).ok()?;
    let named = |name: &str| matches!(name, "offset" | "page[after]" | "page.next_cursor" | "cursor");
    let (_, cursor) = url.query_pairs().find(|(name, _)| named(name))?;
    Some(cursor.into_owned()).filter(|cursor| !cursor.is_empty())
}

/// All items of a list. `call_at` makes the call for the page at a cursor; `None` is the first.
///
/// # Errors
/// Any failed page fails the whole: a list that is cut short must not look complete. A cursor that comes twice, which
/// would be followed for ever, is [`Failure::Garbage`](super::Failure::Garbage).
pub(crate) async fn fetch_all<'c>(
    transport: &Transport,
    call_at: impl Fn(Option<&str>) -> Call<'c>,
) -> Result<Vec<Map<String, Value>>, Error> {
    let mut items = Vec::new();
    let mut seen = HashSet::new();
    let mut cursor: Option<String> = None;
    loop {
        let call = call_at(cursor.as_deref());
        let reply = transport.send(&call).await?;
        let status = Some(reply.status);
        let page = Page::read(reply.body).map_err(|wrong| call.garbage(status, wrong))?;
        items.extend(page.items);
        match page.cursor {
            None => return Ok(items),
            Some(next) if seen.insert(next.clone()) => cursor = Some(next),
            Some(_) => return Err(call.garbage(status, "a page leads back to an earlier one")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cursor(body: Value) -> Option<String> {
        Page::read(body).unwrap().cursor
    }

    #[test]
    fn the_end_may_be_absent_null_or_empty() {
        assert_eq!(cursor(json!({"data": []})), None);
        assert_eq!(cursor(json!({"data": [], "next": null})), None);
        assert_eq!(cursor(json!({"data": [], "next": "", "offset": ""})), None);
        assert_eq!(cursor(json!({"data": [], "offset": null})), None);
        assert_eq!(
            cursor(json!({"items": [], "page": {"next_cursor": "", "total_count": 0}})),
            None
        );
        assert_eq!(
            cursor(json!({"items": [], "next_cursor": "abc", "has_next_page": false})),
            None
        );
    }

    #[test]
    fn the_cursor_is_taken_from_every_place_known() {
        for body in [
            json!({"data": [], "offset": "a=b", "next": "/x?offset=c"}),
            json!({"data": [], "next": "/x?size=1&offset=a%3Db"}),
            json!({"items": [], "page": {"next_cursor": "a=b"}}),
            json!({"items": [], "page": {"next": "https://h/x?page%5Bafter%5D=a%3Db"}}),
            json!({"items": [], "next_cursor": "a=b", "has_next_page": true}),
        ] {
            assert_eq!(cursor(body.clone()), Some("a=b".into()), "{body}");
        }
        assert_eq!(cursor(json!({"data": [], "offset": 12})), Some("12".into()));
    }

    #[test]
    fn empty_lists_come_in_several_forms() {
        for body in [
            json!({"data": []}),
            json!({"data": {}}),
            json!({"data": null}),
            json!({"page": {"total_count": 0}}),
        ] {
            assert!(Page::read(body.clone()).unwrap().items.is_empty(), "{body}");
        }
    }

    #[test]
    fn other_shapes_are_named() {
        for body in [
            json!([]),
            json!({}),
            json!({"data": 1}),
            json!({"data": ["x"]}),
            json!(null),
        ] {
            assert!(Page::read(body.clone()).is_err(), "{body}");
        }
    }
}
