//! The published documents, reduced to the facts that a server checks, and the operations they name.
//!
//! Made by `examples/derive_konnect.rs`.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::validator::{Validator, Violation};

/// `control-planes-config` 3.15.0: everything below one control plane.
pub static ENTITIES: LazyLock<Document> =
    LazyLock::new(|| Document::parse(include_str!("../../data/konnect/entities.json")));

/// `control-planes` 2.0.2.
pub static CONTROL_PLANES: LazyLock<Document> =
    LazyLock::new(|| Document::parse(include_str!("../../data/konnect/control-planes.json")));

/// One document: its paths with operations, and its schemas.
#[derive(Debug)]
pub struct Document {
    paths: Vec<(Vec<String>, Map<String, Value>)>,
    schemas: Map<String, Value>,
}

/// Why a request matches no operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmatched {
    /// The document has no such path.
    Path,
    /// The document has the path, without the method.
    Method,
}

impl Document {
    fn parse(text: &str) -> Self {
        let object = |value: &Value| value.as_object().cloned().unwrap_or_default();
        let document: Value = serde_json::from_str(text).unwrap_or_default();
        let paths = object(&document["paths"])
            .iter()
            .map(|(path, operations)| (split(path), object(operations)))
            .collect();
        Self {
            paths,
            schemas: object(&document["schemas"]),
        }
    }

    /// The operation for `method` at `path`; a literal segment wins over a parameter.
    pub fn operation(&self, method: &str, path: &str) -> Result<&Value, Unmatched> {
        let segments = split(path);
        let fits = |template: &&(Vec<String>, Map<String, Value>)| {
            template.0.len() == segments.len()
                && template
                    .0
                    .iter()
                    .zip(&segments)
                    .all(|(t, s)| t.starts_with('{') || t == s)
        };
        let parameters = |t: &[String]| t.iter().filter(|s| s.starts_with('{')).count();
        let mut fitting: Vec<_> = self.paths.iter().filter(fits).collect();
        fitting.sort_by_key(|template| parameters(&template.0));
        if fitting.is_empty() {
            return Err(Unmatched::Path);
        }
        let method = method.to_lowercase();
        fitting
            .iter()
            .find_map(|(_, operations)| operations.get(&method))
            .ok_or(Unmatched::Method)
    }

    /// A schema by name; null when the document has none.
    pub fn schema(&self, name: &str) -> &Value {
        self.schemas.get(name).unwrap_or(&Value::Null)
    }

    /// A validator that knows this document's schemas.
    pub fn validator(&self) -> Validator<'_> {
        Validator::new(&self.schemas)
    }

    /// Every violation of `schema` by `value`.
    pub fn violations(&self, schema: &Value, value: &Value) -> Vec<Violation> {
        self.validator().violations(schema, value)
    }
}

fn split(path: &str) -> Vec<String> {
    path.split('/')
        .filter(|segment| !segment.is_empty())
        .map(str::to_owned)
        .collect()
}
