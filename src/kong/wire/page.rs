//! The forms in which Kong and Konnect cut lists into pages.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use url::Url;

use crate::http::call::Call;
use crate::http::object_text::ObjectText;
use crate::http::page::Page;
use crate::http::{self, Error, Transport};

/// Page size asked for: the largest both Kong and Konnect's core entities take.
const SIZE: &str = "1000";

/// The query for the page at an offset, as Kong and Konnect's core entities take it.
pub(in crate::kong) fn query(offset: Option<&str>) -> impl Iterator<Item = (&str, &str)> {
    [("size", SIZE)]
        .into_iter()
        .chain(offset.map(|offset| ("offset", offset)))
}

/// All items of a list. `call_at` makes the call for the page at a cursor; `None` is the first.
///
/// # Errors
/// As [`http::page::fetch_all`].
pub(in crate::kong) async fn fetch_all<'c>(
    transport: &Transport,
    call_at: impl Fn(Option<&str>) -> Call<'c>,
) -> Result<Vec<ObjectText>, Error> {
    http::page::fetch_all(transport, read, call_at).await
}

/// The fields of a page. Items stay text: a thousand of them as values would take ten times the space.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields<'t> {
    #[serde(borrow, deserialize_with = "present")]
    data: Option<&'t RawValue>,
    #[serde(borrow, deserialize_with = "present")]
    items: Option<&'t RawValue>,
    page: Value,
    offset: Value,
    next: Value,
    next_cursor: Value,
    has_next_page: Value,
}

/// A field that is there, be it null.
fn present<'t, D: Deserializer<'t>>(field: D) -> Result<Option<&'t RawValue>, D::Error> {
    <&RawValue>::deserialize(field).map(Some)
}

/// Reads a list page, or says what is wrong with it.
///
/// Items stand in `data`, in Konnect's older endpoints in `items`. An empty list may come as null, and as `{}` from
/// Kong: Lua does not tell it from `[]`.
fn read(text: &str) -> Result<Page, &'static str> {
    // serde would read the fields from an array, too.
    let fields = Some(text)
        .filter(|text| text.starts_with('{'))
        .and_then(|text| serde_json::from_str::<Fields<'_>>(text).ok())
        .ok_or("a list was expected, but it is no JSON object")?;
    let list = match fields.data.or(fields.items).map(RawValue::get) {
        Some("null") => "[]",
        Some(list) if list.starts_with('[') => list,
        Some(list) if is_empty_object(list) => "[]",
        Some(_) => return Err("a list was expected, but `data` is none"),
        // The older endpoints leave out an empty `items`, but not the page's figures.
        None if fields.page.is_object() => "[]",
        None => return Err("a list was expected, but `data` is missing"),
    };
    let items: Vec<&RawValue> = serde_json::from_str(list).map_err(|_| "`data` cannot be read")?;
    let items = items
        .into_iter()
        .map(|item| ObjectText::check(item.get()).ok_or("the list holds something that is no object"));
    Ok(Page {
        items: items.collect::<Result<_, _>>()?,
        cursor: cursor(&fields),
    })
}

fn is_empty_object(text: &str) -> bool {
    serde_json::from_str::<Map<String, Value>>(text).is_ok_and(|fields| fields.is_empty())
}

/// Where the next page starts: `offset`, or the query of `next`; in Konnect's older endpoints `next_cursor`, in `page` or
/// beside it, or `page.next`. On the last page all are absent, null or empty.
fn cursor(body: &Fields<'_>) -> Option<String> {
    let word = |value: &Value| match value {
        Value::String(word) if !word.is_empty() => Some(word.clone()),
        // Kong's offset in the targets of an upstream.
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    word(&body.offset)
        .or_else(|| word(&body.next_cursor).filter(|_| body.has_next_page != Value::Bool(false)))
        .or_else(|| word(body.page.get("next_cursor")?))
        .or_else(|| cursor_of(body.next.as_str()?))
        .or_else(|| cursor_of(body.page.get("next")?.as_str()?))
}

/// The cursor in the query of a path or URL.
fn cursor_of(next: &str) -> Option<String> {
    let (_, query) = next.split_once('?')?;
    let url = Url::parse(&format!("http://next/?{query}")).ok()?;
    let named = |name: &str| matches!(name, "offset" | "page[after]" | "page.next_cursor" | "cursor");
    let (_, cursor) = url.query_pairs().find(|(name, _)| named(name))?;
    Some(cursor.into_owned()).filter(|cursor| !cursor.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cursor(body: Value) -> Option<String> {
        read(&body.to_string()).unwrap().cursor
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
            assert!(read(&body.to_string()).unwrap().items.is_empty(), "{body}");
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
            assert!(read(&body.to_string()).is_err(), "{body}");
        }
    }
}
