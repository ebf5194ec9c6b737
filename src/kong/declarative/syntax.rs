//! Text to a JSON record, and the settings at its top.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::measure::{Exceeded, Measure};
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
pub fn read(text: &str, measure: &Measure) -> Result<Map<String, Value>, Error> {
    let told = |error| match measure.is_exceeded() {
        true => Error::too_large(text, measure),
        false => error,
    };
    let value = if text.trim_start().starts_with('{') {
        read_json(text, measure).map_err(|error| told(json_error(&error)))?
    } else {
        read_yaml(text, measure).map_err(|error| match expands(&error) {
            true => Error::too_large(text, measure),
            false => told(yaml_error(&error)),
        })?
    };
    match value {
        Value::Object(root) => Ok(root),
        _ => Err(Error::NoRecord),
    }
}

fn read_json(text: &str, measure: &Measure) -> Result<Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Unique(measure).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// What is made of the text is measured; these bounds are for what the parser itself keeps. A file of a hundred thousand entities has some
/// millions of nodes.
fn read_yaml(text: &str, measure: &Measure) -> Result<Value, serde_saphyr::Error> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 40_000_000,
            max_nodes: 20_000_000,
            max_total_scalar_bytes: 1 << 30,
            max_recorded_anchor_events: 100_000 + text.len() / 4,
            max_recorded_anchor_bytes: (8 << 20) + text.len(),
        },
    };
    serde_saphyr::with_deserializer_from_str_with_options(text, options, |deserializer| {
        Unique(measure).deserialize(deserializer)
    })
}

/// Whether a bound of the parser was met, all of which are there for what stands for more than it is.
fn expands(error: &serde_saphyr::Error) -> bool {
    let mut error = error.without_snippet();
    while let serde_saphyr::Error::AliasError { error: inner, .. } = error {
        error = inner.without_snippet();
    }
    matches!(
        error,
        serde_saphyr::Error::Budget { .. }
            | serde_saphyr::Error::AliasReplayCounterOverflow { .. }
            | serde_saphyr::Error::AliasReplayLimitExceeded { .. }
            | serde_saphyr::Error::AliasExpansionLimitExceeded { .. }
            | serde_saphyr::Error::AliasReplayStackDepthExceeded { .. }
    )
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

/// Makes a JSON value in which no key stands twice, and which is no larger than its measure.
#[derive(Clone, Copy)]
struct Unique<'m>(&'m Measure);

impl<'de> DeserializeSeed<'de> for Unique<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// The text does not matter: the measure tells that it was exceeded.
fn exceeded<E: serde::de::Error>(_: Exceeded) -> E {
    E::custom("too large")
}

impl<'de> Visitor<'de> for Unique<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        self.0.take_value().map_err(exceeded)?;
        Ok(Value::Null)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Value, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Value, E> {
        self.0.take_value().map_err(exceeded)?;
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        self.0.take_value().map_err(exceeded)?;
        Ok(value.into())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        self.0.take_value().map_err(exceeded)?;
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        self.0.take_value().map_err(exceeded)?;
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.0.take_text(value).map_err(exceeded)?;
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        self.0.take_value().map_err(exceeded)?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            if fields.is_empty() {
                self.0.take_record().map_err(exceeded)?;
            }
            self.0.take_text(&key).map_err(exceeded)?;
            let value = access.next_value_seed(self)?;
            if fields.insert(key, value).is_some() {
                return Err(A::Error::custom("duplicate key"));
            }
        }
        Ok(Value::Object(fields))
    }
}
