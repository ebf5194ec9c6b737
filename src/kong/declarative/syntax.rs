//! Text to a JSON record, and the settings at its top.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{DEFAULT_WORKSPACE, Error, Format};

/// Settings of a file: the keys that begin with an underscore.
#[derive(Debug)]
pub struct Header {
    pub format: Format,
    /// `_info.select_tags`: tags that all entities have, and that decK leaves out of each.
    pub select_tags: Vec<String>,
    /// `_info.defaults`: by singular kind, for example `service`.
    pub defaults: Map<String, Value>,
    /// `_transform: false`: passwords are hashes already.
    pub hashed: bool,
    /// `_plugin_configs`: configurations that plugins name in `_config`.
    pub plugin_configs: Map<String, Value>,
    /// Names of settings that have no effect here.
    pub ignored: Vec<String>,
}

/// Reads YAML, or JSON when the text begins with a brace.
pub fn read(text: &str) -> Result<Map<String, Value>, Error> {
    let value = if text.trim_start().starts_with('{') {
        serde_json::from_str::<Unique>(text).map_err(|error| json_error(&error))?
    } else {
        // A file of a hundred thousand entities has some millions of nodes; aliases stay bounded.
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! { max_events: 40_000_000, max_nodes: 20_000_000, max_total_scalar_bytes: 1 << 30 },
        };
        serde_saphyr::from_str_with_options::<Unique>(text, options).map_err(|error| yaml_error(&error))?
    };
    match value.0 {
        Value::Object(root) => Ok(root),
        _ => Err(Error::NoRecord),
    }
}

/// The parsers' own texts quote the file, so only the place and a fixed text are kept.
fn json_error(error: &serde_json::Error) -> Error {
    let problem = if error.is_data() { TWICE } else { "no valid JSON" };
    let place = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Error::Syntax {
        language: "JSON",
        line: place(error.line()),
        column: place(error.column()),
        problem,
    }
}

fn yaml_error(error: &serde_saphyr::Error) -> Error {
    let (line, column) = error
        .location()
        .map_or((0, 0), |location| (location.line(), location.column()));
    let problem = match error.without_snippet() {
        serde_saphyr::Error::DuplicateMappingKey { .. } => TWICE,
        serde_saphyr::Error::MultipleDocuments { .. } => {
            "a second document begins there; a declarative file is one"
        }
        _ => "no valid YAML",
    };
    Error::Syntax {
        language: "YAML",
        line,
        column,
        problem,
    }
}

const TWICE: &str = "a key stands twice in one record; remove one";

/// Takes the settings out of the record.
pub fn take_header(root: &mut Map<String, Value>, workspace: &str) -> Result<Header, Error> {
    let format = take_format(root)?;
    if let Some(Value::String(found)) = root.remove("_workspace")
        && found != workspace
        && !(found.is_empty() && workspace == DEFAULT_WORKSPACE)
    {
        return Err(Error::Workspace {
            found,
            wanted: workspace.to_owned(),
        });
    }
    let mut info = take_record(root, "_info");
    let select_tags = match info.remove("select_tags") {
        Some(Value::Array(tags)) => tags.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let defaults = take_record(&mut info, "defaults");
    let plugin_configs = take_record(root, "_plugin_configs");
    let hashed = root.remove("_transform") == Some(Value::Bool(false));
    for comment in ["_comment", "_ignore"] {
        root.remove(comment);
    }
    let mut ignored: Vec<String> = info.keys().map(|key| format!("_info.{key}")).collect();
    let rest: Vec<String> = root.keys().filter(|key| key.starts_with('_')).cloned().collect();
    for key in rest {
        root.remove(&key);
        ignored.push(key);
    }
    Ok(Header {
        format,
        select_tags,
        defaults,
        hashed,
        plugin_configs,
        ignored,
    })
}

fn take_format(root: &mut Map<String, Value>) -> Result<Format, Error> {
    let found = match root.remove("_format_version") {
        Some(Value::String(text)) => text,
        // Without quotes it is a number.
        Some(Value::Number(number)) => number.to_string(),
        _ => "missing".to_owned(),
    };
    match found.as_str() {
        "1.1" => Ok(Format::V1_1),
        "2.1" => Ok(Format::V2_1),
        "3.0" | "3" => Ok(Format::V3_0),
        _ => Err(Error::Format {
            found: found.chars().take(20).collect(),
        }),
    }
}

fn take_record(root: &mut Map<String, Value>, key: &str) -> Map<String, Value> {
    match root.remove(key) {
        Some(Value::Object(record)) => record,
        _ => Map::new(),
    }
}

/// A JSON value in which no key stands twice.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Self)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Unique(item)) = access.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some((key, Unique(value))) = access.next_entry::<String, Unique>()? {
            if fields.insert(key, value).is_some() {
                return Err(A::Error::custom("duplicate key"));
            }
        }
        Ok(Value::Object(fields))
    }
}
