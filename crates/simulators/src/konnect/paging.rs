//! The two ways of paging that the simulator serves: `size`/`offset` of core entities, `page[size]`/`page[number]` of
//! control planes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::errors::{Detail, Failure};

/// Query parameters, decoded; the last of equals counts.
#[derive(Debug, Default, Clone)]
pub struct Query(BTreeMap<String, String>);

impl Query {
    /// Reads the part of a URL after `?`.
    pub fn parse(query: Option<&str>) -> Self {
        let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Self(
            pairs
                .map(|(key, value)| (key.into_owned(), value.into_owned()))
                .collect(),
        )
    }

    /// The value of a parameter; an empty value counts as absent (`allowEmptyValue`).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Whether a parameter is `true`.
    pub fn flag(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    /// All parameters.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

/// The part of a list of core entities that a query asks for.
#[derive(Debug)]
pub struct Part {
    size: usize,
    /// Id of the last entity of the page before; empty for the first page, and where pages go by position.
    pub after: String,
    /// Entities before the page, where pages go by position.
    before: usize,
}

/// Begins an offset that is a position; no id begins so.
const POSITION: char = '#';

impl Part {
    /// Reads `size` and `offset`.
    pub fn of(query: &Query) -> Result<Self, Failure> {
        let size = match query.get("size") {
            None => 100,
            Some(text) => text
                .parse()
                .ok()
                .filter(|size| (1..=1000).contains(size))
                .ok_or_else(|| {
                    Failure::validation(vec![Detail::field("size", "must be between 1 and 1000")])
                })?,
        };
        let offset = query.get("offset").map(decode_offset).transpose()?;
        let offset = offset.unwrap_or_default();
        let position = offset
            .strip_prefix(POSITION)
            .and_then(|digits| digits.parse().ok());
        Ok(Self {
            size,
            before: position.unwrap_or(0),
            after: if position.is_some() { String::new() } else { offset },
        })
    }
}

/// One page of core entities, given in order of id: `{data, next, offset}`; `offset` is absent on the last page. What stands before the
/// page may be left out.
pub fn entity_page<'a>(
    path: &str,
    query: &Query,
    (part, by_position): (&Part, bool),
    entities: impl Iterator<Item = &'a Value>,
) -> (Vec<&'a Value>, Value) {
    let follows = |entity: &&Value| entity["id"].as_str().is_some_and(|id| id > part.after.as_str());
    let mut rest = entities.filter(follows).skip(part.before);
    let page: Vec<_> = rest.by_ref().take(part.size).collect();
    let mut envelope = json!({"next": null});
    if let (Some(_), Some(last)) = (rest.next(), page.last()) {
        let offset = match by_position {
            true => encode_offset(&format!("{POSITION}{}", part.before + page.len())),
            false => encode_offset(last["id"].as_str().unwrap_or_default()),
        };
        let mut next = url::form_urlencoded::Serializer::new(String::new());
        next.append_pair("offset", &offset);
        for (name, value) in query.iter().filter(|(name, _)| *name != "offset") {
            next.append_pair(name, value);
        }
        envelope = json!({"next": format!("{path}?{}", next.finish()), "offset": offset});
    }
    (page, envelope)
}

/// Offsets are opaque to clients: the hexadecimal digits of the last id's bytes.
fn encode_offset(id: &str) -> String {
    id.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn decode_offset(offset: &str) -> Result<String, Failure> {
    let digits: Vec<_> = offset.chars().collect();
    let bytes: Option<Vec<u8>> = digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).ok())
        .collect();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| Failure::validation(vec![Detail::field("offset", "invalid offset")]))
}

/// One page of control planes: `{data, meta: {page: {number, size, total}}}`.
pub fn numbered_page(query: &Query, all: Vec<Value>) -> Result<Value, Failure> {
    let size = positive(query, "page[size]", 10)?;
    let number = positive(query, "page[number]", 1)?;
    let total = all.len();
    let data: Vec<_> = all.into_iter().skip(size * (number - 1)).take(size).collect();
    Ok(json!({"data": data, "meta": {"page": {"number": number, "size": size, "total": total}}}))
}

fn positive(query: &Query, name: &str, default: usize) -> Result<usize, Failure> {
    use super::validator::{Rule, Violation};
    let Some(text) = query.get(name) else {
        return Ok(default);
    };
    text.parse()
        .ok()
        .filter(|value| (1..=1000).contains(value))
        .ok_or_else(|| {
            let message = "must be a whole number between 1 and 1000".to_owned();
            let violation = Violation {
                field: name.to_owned(),
                rule: Rule::Type("integer".to_owned()),
                message,
            };
            Failure::invalid_parameters("query", vec![violation])
        })
}

/// The `tags` filter: a comma means and, a slash means or, five tags at most, never both.
#[derive(Debug)]
pub struct TagFilter {
    wanted: Vec<String>,
    any: bool,
}

impl TagFilter {
    /// Reads the filter of a query, if there is one.
    pub fn of(query: &Query) -> Result<Option<Self>, Failure> {
        let Some(filter) = query.get("tags") else {
            return Ok(None);
        };
        let refuse = |reason: &str| Failure::validation(vec![Detail::field("tags", reason)]);
        if filter.contains(',') && filter.contains('/') {
            return Err(refuse("',' and '/' cannot be combined"));
        }
        let wanted: Vec<_> = filter.split([',', '/']).map(str::to_owned).collect();
        if wanted.len() > 5 {
            return Err(refuse("at most 5 tags are allowed"));
        }
        Ok(Some(Self {
            wanted,
            any: filter.contains('/'),
        }))
    }

    /// Whether an entity has the tags.
    pub fn admits(&self, entity: &Value) -> bool {
        let own = entity["tags"].as_array();
        let has = |tag: &String| own.is_some_and(|tags| tags.iter().any(|own| own == tag));
        if self.any {
            self.wanted.iter().any(has)
        } else {
            self.wanted.iter().all(has)
        }
    }
}
