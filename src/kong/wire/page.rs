//! The forms in which Kong and Konnect cut lists into pages.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value};
use url::Url;

use crate::http::call::Call;
use crate::http::object_text::ObjectText;
use crate::http::page::Page;
use crate::http::{self, Transport};

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
) -> Result<Vec<ObjectText>, http::Error> {
    http::page::fetch_all(transport, read, call_at).await
}

/// The fields of a page. Its items stay text: a thousand of them as values would take ten times the space.
struct Fields<'t> {
    list: Option<&'t RawValue>,
    /// All else: what says whether more follows, and what is of no interest.
    others: Map<String, Value>,
}

impl<'t> Fields<'t> {
    fn parse(text: &'t str) -> Option<Self> {
        let mut fields: BTreeMap<Cow<'t, str>, &'t RawValue> = serde_json::from_str(text).ok()?;
        let (data, items) = (fields.remove("data"), fields.remove("items"));
        let parsed = fields
            .into_iter()
            .map(|(name, value)| Some((name.into_owned(), serde_json::from_str(value.get()).ok()?)));
        Some(Self {
            list: data.or(items),
            others: parsed.collect::<Option<_>>()?,
        })
    }

    fn page(&self, field: &str) -> Option<&Value> {
        self.others.get("page")?.get(field)
    }
}

/// Reads a list page, or says what is wrong with it.
///
/// Items stand in `data`, in Konnect's older endpoints in `items`. An empty list may come as null, and as `{}` from
/// Kong: Lua does not tell it from `[]`.
pub(in crate::kong) fn read(text: &str) -> Result<Page, &'static str> {
    let fields = Fields::parse(text).ok_or("a list was expected, but it is no JSON object")?;
    let list = match fields.list.map(RawValue::get) {
        Some("null") => "[]",
        Some(list) if list.starts_with('[') => list,
        Some(list) if is_empty_object(list) => "[]",
        Some(_) => return Err("a list was expected, but `data` is none"),
        // The older endpoints leave out an empty `items`, but not the page's figures.
        None if fields.others.get("page").is_some_and(Value::is_object) => "[]",
        None => return Err("a list was expected, but `data` is missing"),
    };
    let items: Vec<&RawValue> = serde_json::from_str(list).map_err(|_| "`data` cannot be read")?;
    let items = items
        .into_iter()
        .map(|item| ObjectText::check(item.get()).ok_or("the list holds something that is no object"));
    Ok(Page {
        items: items.collect::<Result<_, _>>()?,
        cursor: cursor(&fields)?,
    })
}

fn is_empty_object(text: &str) -> bool {
    serde_json::from_str::<Map<String, Value>>(text).is_ok_and(|fields| fields.is_empty())
}

/// Where the next page starts: `offset`, or the query of `next`; in Konnect's older endpoints `next_cursor`, in `page` or
/// beside it, or `page.next`. On the last page all are absent, null, zero or empty, or
/// `has_next_page` is false.
///
/// # Errors
/// When something says that more follows and none of these says where: a list that is taken for complete by mistake looks as if the rest had
/// been deleted.
fn cursor(body: &Fields<'_>) -> Result<Option<String>, &'static str> {
    let of = |name: &str| body.others.get(name);
    let in_page = |name: &str| body.page(name);
    if of("has_next_page") == Some(&Value::Bool(false)) {
        return Ok(None);
    }
    let known = word(of("offset"))
        .or_else(|| word(of("next_cursor")))
        .or_else(|| word(in_page("next_cursor")))
        .or_else(|| cursor_of(of("next")?.as_str()?))
        .or_else(|| cursor_of(in_page("next")?.as_str()?));
    if known.is_none() && says_more(&body.others) {
        return Err("it says that more follows, but not where in a way that is known");
    }
    Ok(known)
}

fn word(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(word) if !word.is_empty() => Some(word.clone()),
        // Kong's offset in the targets of an upstream; zero would be the first page again.
        Value::Number(number) if number.as_f64() != Some(0.0) => Some(number.to_string()),
        _ => None,
    }
}

/// Whether a field that by its name tells of more pages holds anything, at any depth: `next`, `nextPageToken`, `links.next`, `has_more`,
/// `continue`, ...
fn says_more(fields: &Map<String, Value>) -> bool {
    fields.iter().any(|(name, value)| {
        let name = name.to_ascii_lowercase();
        // The way back, and an echo of the cursor that was asked for, say nothing of what follows.
        let tells = !name.starts_with("prev")
            && name != "cursor"
            && (name == "offset"
                || ["next", "more", "cursor", "continu"]
                    .iter()
                    .any(|word| name.contains(word)));
        match value {
            Value::Object(inner) => says_more(inner) || tells && !inner.is_empty(),
            _ => tells && holds_something(value),
        }
    })
}

/// False for what stands for nothing: null, false, zero, and what is empty.
fn holds_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
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
    fn a_continuation_that_is_not_understood_is_no_end() {
        for body in [
            json!({"data": [], "next": "/routes?page=2"}),
            json!({"data": [], "next": "/routes"}),
            json!({"data": [], "next": "https://h/routes?offset="}),
            json!({"data": [], "next": 2}),
            json!({"data": [], "next": {"href": "/routes?offset=a"}}),
            json!({"data": [], "offset": {"at": "a"}}),
            json!({"data": [], "offset": ["a"]}),
            json!({"data": [], "links": {"next": "/routes?page=2"}}),
            json!({"data": [], "_links": {"next": {"href": "/routes?page=2"}}}),
            json!({"data": [], "meta": {"page": {"next": "/routes?page%5Bafter%5D=a"}}}),
            json!({"data": [], "has_more": true}),
            json!({"data": [], "hasMore": true}),
            json!({"data": [], "nextPageToken": "a"}),
            json!({"data": [], "continuation_token": "a"}),
            json!({"data": [], "continue": "a"}),
            json!({"items": [], "has_next_page": true}),
            json!({"items": [], "page": {"next": "https://h/x?page=2"}}),
            json!({"items": [], "page": {"next_cursor": {"after": "a"}}}),
            json!({"items": [], "page": {"cursors": {"after": "a"}}}),
        ] {
            let wrong = read(&body.to_string()).err();
            assert!(
                wrong.is_some_and(|wrong| wrong.contains("more follows")),
                "{body}"
            );
        }
    }

    #[test]
    fn what_says_that_nothing_follows_is_an_end() {
        for body in [
            json!({"data": [], "links": {"next": null, "prev": "/routes?page=1"}}),
            json!({"data": [], "has_more": false, "next": null}),
            json!({"data": [], "next": "", "page": {"next": null, "total_count": 3}}),
            json!({"data": [], "meta": {"page": {"next": null, "number": 1, "size": 10, "total": 3}}}),
            json!({"data": [], "nextPageToken": ""}),
            json!({"data": [], "cursor": "asked for", "offset": 0}),
            json!({"items": [], "page": {"prev_cursor": "a", "next_cursor": null}, "previous_cursor": "a"}),
            json!({"items": [], "has_next_page": false, "next_cursor": "a"}),
        ] {
            assert_eq!(cursor(body.clone()), None, "{body}");
        }
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
