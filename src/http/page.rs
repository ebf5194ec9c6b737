//! Walking pages without going round in circles.

use std::collections::HashSet;

use serde_json::{Map, Value};
use url::Url;

/// Page size asked for: the largest both Kong and Konnect's core entities take.
pub(crate) const SIZE: &str = "1000";

/// One page of a list, and where the next one starts.
#[derive(Debug, PartialEq)]
pub(crate) struct Page {
    pub items: Vec<Map<String, Value>>,
    pub offset: Option<String>,
}

impl Page {
    /// Reads a list page.
    ///
    /// Items stand in `data` (`items` in Konnect's older endpoints). The next offset stands in `offset`, or only in the query
    /// of `next`; on the last page they are absent, null or empty, depending on the server. An empty list may come as `{}`,
    /// which Lua does not tell from `[]`.
    ///
    /// Returns what is wrong with another shape.
    pub(crate) fn read(body: Value) -> Result<Self, &'static str> {
        let Value::Object(mut body) = body else {
            return Err("a list was expected, but it is no JSON object");
        };
        let offset = cursor(&body);
        let items = match body.remove("data").or_else(|| body.remove("items")) {
            Some(Value::Array(items)) => items,
            Some(Value::Object(empty)) if empty.is_empty() => Vec::new(),
            Some(_) => return Err("a list was expected, but `data` is none"),
            None => return Err("a list was expected, but `data` is missing"),
        };
        let items = items.into_iter().map(|item| match item {
            Value::Object(entity) => Ok(entity),
            _ => Err("the list holds something that is no object"),
        });
        Ok(Self {
            items: items.collect::<Result<_, _>>()?,
            offset,
        })
    }
}

fn cursor(body: &Map<String, Value>) -> Option<String> {
    let offset = match body.get("offset") {
        Some(Value::String(offset)) => Some(offset.clone()),
        Some(Value::Number(offset)) => Some(offset.to_string()),
        _ => None,
    };
    offset
        .filter(|offset| !offset.is_empty())
        .or_else(|| offset_of(body.get("next")?.as_str()?))
}

/// The `offset` in the query of a path or URL.
fn offset_of(next: &str) -> Option<String> {
    let (_, query) = next.split_once('?')?;
    let url = Url::parse(&format!("http://next/?{query}")).ok()?;
    let (_, offset) = url.query_pairs().find(|(name, _)| name == "offset")?;
    Some(offset.into_owned()).filter(|offset| !offset.is_empty())
}

/// The offsets already followed. A server that repeats one would be read for ever.
#[derive(Debug, Default)]
pub(crate) struct Offsets {
    seen: HashSet<String>,
}

impl Offsets {
    /// Remembers `offset`; false when it was there before.
    pub(crate) fn is_new(&mut self, offset: &str) -> bool {
        self.seen.insert(offset.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn offset(body: Value) -> Option<String> {
        Page::read(body).unwrap().offset
    }

    #[test]
    fn the_end_may_be_absent_null_or_empty() {
        assert_eq!(offset(json!({"data": []})), None);
        assert_eq!(offset(json!({"data": [], "next": null})), None);
        assert_eq!(offset(json!({"data": [], "next": "", "offset": ""})), None);
        assert_eq!(offset(json!({"data": [], "offset": null})), None);
    }

    #[test]
    fn the_offset_is_taken_from_either_place() {
        assert_eq!(
            offset(json!({"data": [], "offset": "abc", "next": "/x?offset=abc"})),
            Some("abc".into())
        );
        assert_eq!(
            offset(json!({"data": [], "next": "/x?size=1&offset=a%3Db"})),
            Some("a=b".into())
        );
        assert_eq!(offset(json!({"data": [], "offset": 12})), Some("12".into()));
    }

    #[test]
    fn an_empty_lua_table_is_an_empty_list() {
        assert_eq!(
            Page::read(json!({"data": {}})).unwrap().items,
            Vec::<Map<String, Value>>::new()
        );
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

    #[test]
    fn a_repeated_offset_is_noticed() {
        let mut offsets = Offsets::default();
        assert!(offsets.is_new("a") && offsets.is_new("b") && !offsets.is_new("a"));
    }
}
