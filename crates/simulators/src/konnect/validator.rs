//! Checks a JSON value against a schema of the published documents and fills in documented defaults.
//!
//! `nullable: true` admits null whatever OpenAPI version the document declares; without it null is refused.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

/// A label value as the documents restrict it; the only pattern in the derived documents.
static LABEL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[a-z0-9A-Z]([a-z0-9A-Z\-._]*[a-z0-9A-Z]+)?$").ok());

/// What a value broke.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// A required property is absent.
    Required,
    /// A closed object has a property that the document does not name.
    Unknown,
    /// The JSON type differs; the documented type.
    Type(String),
    /// The value is none of the documented choices.
    Choice(Vec<Value>),
    /// Below a documented minimum; the keyword and the bound.
    Below(&'static str, f64),
    /// Above a documented maximum; the keyword and the bound.
    Above(&'static str, f64),
    /// A text does not have the documented form.
    Pattern,
    /// None of the documented alternatives fits.
    Alternative,
}

/// One broken rule at one field.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    /// Dotted path from the body's root, empty for the body itself.
    pub field: String,
    /// The rule.
    pub rule: Rule,
    /// The sentence that the service would answer with.
    pub message: String,
}

/// How strictly a schema is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// As an OpenAPI document: null only where `nullable`, objects closed only where the document closes them.
    Document,
    /// As a gateway's plugin schema: null means unset, records are closed, vault references stand for any value.
    PluginConfig,
}

/// Checks values against schemas that may refer to each other.
#[derive(Debug, Clone, Copy)]
pub struct Validator<'a> {
    schemas: Option<&'a Map<String, Value>>,
    reading: Reading,
}

impl<'a> Validator<'a> {
    /// A validator for schemas that may use `$ref` into `schemas`.
    pub fn new(schemas: &'a Map<String, Value>) -> Self {
        Self {
            schemas: Some(schemas),
            reading: Reading::Document,
        }
    }

    /// A validator for plugin configurations, which refer to nothing.
    pub fn plugin_config() -> Self {
        Self {
            schemas: None,
            reading: Reading::PluginConfig,
        }
    }

    /// Every violation of `schema` by `value`, in document order.
    pub fn violations(&self, schema: &Value, value: &Value) -> Vec<Violation> {
        let mut found = Vec::new();
        self.check(schema, value, "", &mut found);
        found
    }

    /// The schema itself, with references resolved and the alternative that fits `value` chosen.
    pub fn resolve<'s>(&self, schema: &'s Value, value: &Value) -> &'s Value
    where
        'a: 's,
    {
        let mut schema = schema;
        loop {
            schema = if let Some(target) = self.reference(schema) {
                target
            } else if let Some(branches) = schema["oneOf"].as_array().filter(|b| !b.is_empty()) {
                self.alternative(schema, branches, value)
            } else {
                return schema;
            };
        }
    }

    fn reference<'s>(&self, schema: &Value) -> Option<&'s Value>
    where
        'a: 's,
    {
        let name = schema["$ref"].as_str()?.rsplit('/').next()?;
        self.schemas?.get(name)
    }

    /// The branch that the discriminator names, else the one with the fewest violations (the first of equals).
    fn alternative<'s>(&self, schema: &Value, branches: &'s [Value], value: &Value) -> &'s Value
    where
        'a: 's,
    {
        let discriminator = schema["discriminator"]["propertyName"].as_str();
        let score = |branch: &Value| {
            let branch = self.resolve(branch, value);
            let named = discriminator.is_some_and(|property| {
                let choices = branch["properties"][property]["enum"].as_array();
                choices.is_some_and(|choices| choices.contains(&value[property]))
            });
            (!named, self.violations(branch, value).len())
        };
        branches
            .iter()
            .min_by_key(|branch| score(branch))
            .unwrap_or(&Value::Null)
    }

    fn check(&self, schema: &Value, value: &Value, at: &str, found: &mut Vec<Violation>) {
        let schema = self.resolve(schema, value);
        if value.is_null() && (schema["nullable"] == true || self.reading == Reading::PluginConfig) {
            return;
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.check(part, value, at, found);
        }
        found.extend(self.alternatives_violation(schema, value, at));
        if self.reading == Reading::PluginConfig
            && (schema["x-any"] == true || is_vault_reference(schema, value))
        {
            return;
        }
        if let Some(violation) = type_violation(schema, value, at) {
            found.push(violation);
            return;
        }
        check_scalar(schema, value, at, found);
        match value {
            Value::Object(map) => self.check_object(schema, map, at, found),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.check(&schema["items"], item, &join(at, &index.to_string()), found);
                }
            }
            _ => {}
        }
    }

    /// A violation when none of `anyOf` fits; the document uses it for sets of required properties only.
    fn alternatives_violation(&self, schema: &Value, value: &Value, at: &str) -> Option<Violation> {
        let branches = schema["anyOf"].as_array()?;
        if branches
            .iter()
            .any(|branch| self.violations(branch, value).is_empty())
        {
            return None;
        }
        let sets = branches
            .iter()
            .filter_map(|branch| branch["required"].as_array())
            .map(|names| {
                let names: Vec<_> = names.iter().filter_map(Value::as_str).collect();
                names.join(" and ")
            });
        let message = format!("required: {}", sets.collect::<Vec<_>>().join(", or "));
        Some(Violation {
            field: at.to_owned(),
            rule: Rule::Alternative,
            message,
        })
    }

    fn check_object(&self, schema: &Value, map: &Map<String, Value>, at: &str, found: &mut Vec<Violation>) {
        for name in schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            let unset = self.reading == Reading::PluginConfig && map.get(name).is_some_and(Value::is_null);
            if !map.contains_key(name) || unset {
                let message = "required field missing".to_owned();
                found.push(Violation {
                    field: join(at, name),
                    rule: Rule::Required,
                    message,
                });
            }
        }
        let properties = schema["properties"].as_object();
        for (name, value) in map {
            let field = join(at, name);
            if let Some(property) = properties.and_then(|p| p.get(name)) {
                self.check(property, value, &field, found);
                continue;
            }
            match &schema["additionalProperties"] {
                Value::Object(_) => self.check(&schema["additionalProperties"], value, &field, found),
                Value::Bool(true) => {}
                Value::Null if self.reading == Reading::Document || properties.is_none() => {}
                _ => {
                    let message = "unknown field".to_owned();
                    found.push(Violation {
                        field,
                        rule: Rule::Unknown,
                        message,
                    });
                }
            }
        }
    }

    /// Adds the documented default of every absent property, at every depth that is present.
    pub fn fill_defaults(&self, schema: &Value, value: &mut Value) {
        let schema = self.resolve(schema, value);
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.fill_defaults(part, value);
        }
        match value {
            Value::Object(map) => {
                for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                    if let Some(present) = map.get_mut(name) {
                        self.fill_defaults(property, present);
                    } else if let Some(default) = self.default_of(property) {
                        map.insert(name.clone(), default);
                    }
                }
            }
            Value::Array(items) => items
                .iter_mut()
                .for_each(|item| self.fill_defaults(&schema["items"], item)),
            _ => {}
        }
    }

    fn default_of(&self, property: &Value) -> Option<Value> {
        let property = self.resolve(property, &Value::Null);
        property.get("default").cloned()
    }
}

/// The dotted path of `name` below `at`.
pub fn join(at: &str, name: &str) -> String {
    if at.is_empty() {
        name.to_owned()
    } else {
        format!("{at}.{name}")
    }
}

fn is_vault_reference(schema: &Value, value: &Value) -> bool {
    schema["x-referenceable"] == true && value.as_str().is_some_and(|text| text.starts_with("{vault://"))
}

fn type_violation(schema: &Value, value: &Value, at: &str) -> Option<Violation> {
    let wanted = schema["type"].as_str()?;
    let fits = match wanted {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => true,
    };
    let article = if wanted.starts_with(['a', 'i', 'o']) {
        "an"
    } else {
        "a"
    };
    let message = format!("expected {article} {wanted}");
    (!fits).then(|| Violation {
        field: at.to_owned(),
        rule: Rule::Type(wanted.to_owned()),
        message,
    })
}

/// Checks choices, bounds, lengths and forms of a value whose type fits.
fn check_scalar(schema: &Value, value: &Value, at: &str, found: &mut Vec<Violation>) {
    let mut report = |rule: Rule, message: String| {
        let field = at.to_owned();
        found.push(Violation { field, rule, message });
    };
    if let Some(choices) = schema["enum"].as_array()
        && !choices.contains(value)
    {
        let names = choices
            .iter()
            .map(|c| c.as_str().map_or(c.to_string(), str::to_owned));
        let names = names.collect::<Vec<_>>().join(", ");
        report(Rule::Choice(choices.clone()), format!("expected one of: {names}"));
    }
    if let Some(number) = value.as_f64() {
        if let Some(bound) = schema["minimum"].as_f64().filter(|bound| number < *bound) {
            report(
                Rule::Below("min", bound),
                format!("value should be at least {bound}"),
            );
        }
        if let Some(bound) = schema["maximum"].as_f64().filter(|bound| number > *bound) {
            report(
                Rule::Above("max", bound),
                format!("value should be at most {bound}"),
            );
        }
    }
    if let Some(length) = Length::of(schema, value) {
        let size = length.size as f64;
        if let Some(bound) = schema[length.least].as_f64().filter(|bound| size < *bound) {
            let rule = Rule::Below(
                if value.is_string() {
                    "min_length"
                } else {
                    "min_items"
                },
                bound,
            );
            report(rule, format!("length must be at least {bound}"));
        }
        if let Some(bound) = schema[length.most].as_f64().filter(|bound| size > *bound) {
            let rule = Rule::Above(
                if value.is_string() {
                    "max_length"
                } else {
                    "max_items"
                },
                bound,
            );
            report(rule, format!("length must be at most {bound}"));
        }
    }
    if let (Some(_), Value::String(text), Some(label)) = (schema.get("pattern"), value, LABEL.as_ref())
        && !label.is_match(text)
    {
        let message = "must begin and end with a letter or digit and hold only these, '-', '.' and '_'";
        report(Rule::Pattern, message.to_owned());
    }
}

/// The size of a value and the keywords that bound it.
struct Length {
    size: usize,
    least: &'static str,
    most: &'static str,
}

impl Length {
    fn of(schema: &Value, value: &Value) -> Option<Self> {
        let (size, least, most) = match value {
            Value::String(text) => (text.chars().count(), "minLength", "maxLength"),
            // The published route schemas say `minLength` of an array where they mean its items.
            Value::Array(items) if schema.get("minLength").is_some() => {
                (items.len(), "minLength", "maxItems")
            }
            Value::Array(items) => (items.len(), "minItems", "maxItems"),
            Value::Object(map) => (map.len(), "minProperties", "maxProperties"),
            _ => return None,
        };
        Some(Self { size, least, most })
    }
}
