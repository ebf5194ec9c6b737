//! Derives the planner's data files from the published documents: facts only, no prose.
//!
//! `cargo run --example derive_plan_data -- FOLDER` reads `FOLDER/openapi/konnect-control-planes-config-v2.json`,
//! `FOLDER/data/konnect-plugin-support.json`, `FOLDER/data/konnect-dp-version-limits.json`, `FOLDER/data/plugin-schemas/` and writes
//! `src/kong/plan/data/*.json`. What each file holds and where it comes from is in `src/kong/plan/data/README.md`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

/// Kind (and variant) and the schema that describes its body.
const ENTITY_SCHEMAS: &[(&str, &str)] = &[
    ("acls", "ACL"),
    ("basic-auths", "BasicAuth"),
    ("ca_certificates", "CACertificate"),
    ("certificates", "Certificate"),
    ("consumer_groups", "ConsumerGroup"),
    ("consumers", "Consumer"),
    ("degraphql_routes", "Degraphql_route"),
    ("graphql_costs", "GraphQLCostDecoration"),
    ("hmac-auths", "HMACAuth"),
    ("jwts", "JWT"),
    ("key-auths", "KeyAuth"),
    ("key-sets", "KeySet"),
    ("keys", "Key"),
    ("mtls-auths", "MTLSAuth"),
    ("partials:embeddings", "PartialEmbeddings"),
    ("partials:model", "PartialModel"),
    ("partials:redis-ce", "PartialRedisCe"),
    ("partials:redis-ee", "PartialRedisEe"),
    ("partials:vectordb", "PartialVectordb"),
    ("plugins", "Plugin"),
    ("routes", "RouteJson"),
    ("routes:expression", "RouteExpression"),
    ("services", "Service"),
    ("snis", "SNI"),
    ("targets", "Target"),
    ("upstreams", "Upstream"),
    ("vaults", "Vault"),
];

fn main() -> Result<()> {
    let folder = PathBuf::from(
        std::env::args()
            .nth(1)
            .context("give the folder that holds openapi/ and data/")?,
    );
    let out = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kong/plan/data");
    let document = read(&folder.join("openapi/konnect-control-planes-config-v2.json"))?;
    write(&out.join("konnect-entities.json"), &entities(&document)?)?;
    write(&out.join("konnect-paths.json"), &paths(&document)?)?;
    write(
        &out.join("konnect-plugins.json"),
        &plugins(&read(&folder.join("data/konnect-plugin-support.json"))?),
    )?;
    let schemas = folder.join("data/plugin-schemas");
    write(
        &out.join("plugin-drift.json"),
        &drift(&read(&schemas.join("drift-to-3.15.json"))?),
    )?;
    write(&out.join("plugin-secrets.json"), &secrets(&schemas.join("3.15"))?)?;
    write(&out.join("plugin-shapes.json"), &shapes(&schemas.join("3.15"))?)?;
    let support = read(&folder.join("data/konnect-plugin-support.json"))?;
    write(
        &out.join("plugin-defaults-refused.json"),
        &refused_defaults(&support),
    )?;
    let limits = read(&folder.join("data/konnect-dp-version-limits.json"))?;
    write(&out.join("data-plane-limits.json"), &data_planes(&limits))
}

fn read(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("parsing {}", path.display()))
}

/// One line per top-level key, so that a change of the documents reads well as a diff.
fn write(path: &Path, value: &Value) -> Result<()> {
    let lines: Vec<String> = value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{}:{value}", json!(key)))
        .collect();
    fs::write(path, format!("{{\n{}\n}}\n", lines.join(",\n")))
        .with_context(|| format!("writing {}", path.display()))
}

fn entities(document: &Value) -> Result<Value> {
    let mut kinds = Map::new();
    for (kind, schema) in ENTITY_SCHEMAS {
        let schema = &document["components"]["schemas"][schema];
        anyhow::ensure!(schema.is_object(), "{kind}: no such schema");
        kinds.insert((*kind).to_owned(), field(document, schema));
    }
    let schema = &document["components"]["requestBodies"]["create-plugin-schemas"]["content"]["application/json"]
        ["schema"];
    anyhow::ensure!(schema.is_object(), "no body for plugin schemas");
    kinds.insert("plugin-schemas".to_owned(), field(document, schema));
    Ok(Value::Object(kinds))
}

/// Below `core-entities`, with `{}` for an id: `creates`: what is created by POST, and whether the body has an id; `reads`: where a single
/// one is read; `lists`.
fn paths(document: &Value) -> Result<Value> {
    let mut creates = BTreeMap::new();
    let (mut reads, mut lists) = (Vec::new(), Vec::new());
    for (path, operations) in document["paths"].as_object().into_iter().flatten() {
        let Some((_, below)) = path.split_once("/core-entities/") else {
            continue;
        };
        let segments = below
            .split('/')
            .map(|part| if part.starts_with('{') { "{}" } else { part });
        let below = segments.collect::<Vec<_>>().join("/");
        let body = &operations["post"]["requestBody"];
        if !body.is_null() && !below.starts_with("schemas/") {
            let schema = &resolved(document, body)["content"]["application/json"]["schema"];
            creates.insert(below.clone(), has_property(document, schema, "id"));
        }
        if !operations["get"].is_null() && !below.starts_with("schemas/") {
            let kept = if below.ends_with("{}") {
                &mut reads
            } else {
                &mut lists
            };
            kept.push(below);
        }
    }
    anyhow::ensure!(!creates.is_empty(), "nothing is created");
    Ok(json!({"creates": creates, "reads": reads, "lists": lists}))
}

/// What a reference stands for.
fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    match value["$ref"].as_str() {
        Some(reference) => document
            .pointer(reference.trim_start_matches('#'))
            .unwrap_or(&Value::Null),
        None => value,
    }
}

/// Whether a schema, or one of those it is made of, has a property.
fn has_property(document: &Value, schema: &Value, name: &str) -> bool {
    let schema = resolved(document, schema);
    let parts = ["allOf", "oneOf", "anyOf"].into_iter();
    let mut parts = parts.flat_map(|word| schema[word].as_array().into_iter().flatten());
    schema["properties"].get(name).is_some() || parts.any(|part| has_property(document, part, name))
}

/// `null`: null is accepted; `fields`: known fields of an object; `open`: others are accepted too; `items`: of a list; `default`.
fn field(document: &Value, schema: &Value) -> Value {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => document
            .pointer(reference.trim_start_matches('#'))
            .unwrap_or(&Value::Null),
        None => schema,
    };
    let mut node = Map::new();
    if schema["nullable"] == json!(true) {
        node.insert("null".into(), json!(true));
    }
    if let Some(properties) = schema["properties"].as_object() {
        let fields = properties
            .iter()
            .map(|(name, schema)| (name.clone(), field(document, schema)))
            .collect();
        node.insert("fields".into(), Value::Object(fields));
    }
    if schema["items"].is_object() {
        node.insert("items".into(), field(document, &schema["items"]));
    }
    let object = schema["type"] == json!("object");
    if object && schema["additionalProperties"] != json!(false) && schema["properties"].is_null() {
        node.insert("open".into(), json!(true));
    }
    Value::Object(node)
}

fn plugins(support: &Value) -> Value {
    let mut plugins = BTreeMap::new();
    for plugin in support["plugins"].as_array().into_iter().flatten() {
        let refused: Vec<Value> = plugin["unsupported_config"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|rule| {
                rule["deployments"]
                    .as_array()
                    .is_some_and(|d| d.contains(&json!("hybrid")))
            })
            .map(|rule| {
                json!({"field": rule["field"], "values": rule["values"], "reason": rule["reason"],
                    "instead": rule.get("allowed_instead").cloned().unwrap_or(json!([]))})
            })
            .collect();
        let Some(name) = plugin["slug"].as_str() else {
            continue;
        };
        plugins.insert(
            name.to_owned(),
            json!({"konnect": plugin["konnect"], "refused": refused}),
        );
    }
    json!(plugins)
}

/// What a value of a new field must be to leave the traffic as it was: nothing, off, empty.
fn neutral(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => matches!(text.as_str(), "" | "off" | "none"),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

/// By version and plugin: `new` fields whose default is not neutral, and `changed` defaults with the old value.
fn drift(drift: &Value) -> Value {
    let mut versions = Map::new();
    for (version, facts) in drift["from"].as_object().into_iter().flatten() {
        let mut plugins: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
        for (plugin, fields) in facts["fields_new"].as_object().into_iter().flatten() {
            for (path, fact) in fields.as_object().into_iter().flatten() {
                if let Some(default) = fact.get("default").filter(|d| !neutral(d)) {
                    let entry = plugins
                        .entry(plugin.clone())
                        .or_default()
                        .entry("new")
                        .or_insert_with(|| json!({}));
                    entry[path] = default.clone();
                }
            }
        }
        for (plugin, fields) in facts["default_changed"].as_object().into_iter().flatten() {
            for (path, fact) in fields.as_object().into_iter().flatten() {
                let entry = plugins
                    .entry(plugin.clone())
                    .or_default()
                    .entry("changed")
                    .or_insert_with(|| json!({}));
                entry[path] = fact["old"].clone();
            }
        }
        versions.insert(version.clone(), json!(plugins));
    }
    Value::Object(versions)
}

/// By plugin: paths of the configuration fields that the 3.15 schemas mark as encrypted.
fn secrets(folder: &Path) -> Result<Value> {
    let mut plugins = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(stem) = path.file_stem().and_then(|s| s.to_str()) else {
            continue;
        };
        let mut paths = Vec::new();
        encrypted(&read(&path)?["properties"]["config"], "config", &mut paths);
        paths.sort();
        if !paths.is_empty() {
            plugins.insert(slug(stem), paths);
        }
    }
    Ok(json!(plugins))
}

fn encrypted(schema: &Value, path: &str, found: &mut Vec<String>) {
    if schema["x-encrypted"] == json!(true) {
        found.push(path.to_owned());
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        encrypted(property, &format!("{path}.{name}"), found);
    }
    if schema["items"].is_object() {
        encrypted(&schema["items"], &format!("{path}[]"), found);
    }
    if schema["additionalProperties"].is_object() {
        encrypted(&schema["additionalProperties"], &format!("{path}{{}}"), found);
    }
}

/// `RateLimitingAdvanced` is `rate-limiting-advanced`; two files break the rule.
fn slug(stem: &str) -> String {
    match stem {
        "ACL" | "Acl" => "acl".into(),
        "AiA2AProxy" | "AiA2aProxy" => "ai-a2a-proxy".into(),
        _ => stem
            .chars()
            .enumerate()
            .fold(String::new(), |mut slug, (at, letter)| {
                if at > 0 && letter.is_ascii_uppercase() {
                    slug.push('-');
                }
                slug.push(letter.to_ascii_lowercase());
                slug
            }),
    }
}

/// By plugin: scopes and protocols the 3.15 schema allows, and the names of its configuration fields.
fn shapes(folder: &Path) -> Result<Value> {
    let mut plugins = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(stem) = path.file_stem().and_then(|s| s.to_str()) else {
            continue;
        };
        let schema = read(&path)?;
        let properties = &schema["properties"];
        let scopes: Vec<_> = ["service", "route", "consumer", "consumer_group"]
            .into_iter()
            .filter(|scope| properties[*scope].is_object())
            .collect();
        plugins.insert(
            slug(stem),
            json!({"scopes": scopes, "protocols": properties["protocols"]["items"]["enum"],
                "config": shape(&properties["config"])}),
        );
    }
    Ok(json!(plugins))
}

/// 0: a value; an object: a record by field, `*` for any field; a list of one: a list of records.
fn shape(schema: &Value) -> Value {
    if let Some(properties) = schema["properties"].as_object() {
        return properties
            .iter()
            .map(|(name, schema)| (name.clone(), shape(schema)))
            .collect();
    }
    if schema["items"].is_object() {
        return match shape(&schema["items"]) {
            Value::Number(leaf) => json!(leaf),
            record => json!([record]),
        };
    }
    match schema["additionalProperties"].is_object() {
        true => json!({"*": shape(&schema["additionalProperties"])}),
        false => json!(0),
    }
}

/// By plugin: the field whose default in the 3.15 schema does not work on a data plane.
fn refused_defaults(support: &Value) -> Value {
    let mut plugins = BTreeMap::new();
    for plugin in support["plugins"].as_array().into_iter().flatten() {
        let rules = plugin["unsupported_config"].as_array();
        for rule in rules
            .into_iter()
            .flatten()
            .filter(|rule| rule["default_is_unsupported"] == json!(true))
        {
            if let (Some(name), Some(field)) = (plugin["slug"].as_str(), rule["field"].as_str()) {
                let fields = plugins.entry(name.to_owned()).or_insert_with(BTreeMap::new);
                fields.insert(field.to_owned(), rule["schema_default"].clone());
            }
        }
    }
    json!(plugins)
}

/// End of full support, after which Konnect sends a data plane nothing (`app/_data/support/gateway.yml` of the documentation).
const FULL_SUPPORT: &[(&str, &str)] = &[
    ("3.4", "2026-08-31"),
    ("3.10", "2028-03-31"),
    ("3.11", "2026-07-03"),
    ("3.12", "2026-10-01"),
    ("3.13", "2026-12-18"),
    ("3.14", "2029-04-07"),
    ("3.15", "2027-07-02"),
];

/// What a data plane must be to run a plugin (`since`) or to know a field (`fields`), and until when a version is served.
fn data_planes(limits: &Value) -> Value {
    let mut plugins: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for limit in limits["limits"].as_array().into_iter().flatten() {
        let Some(version) = limit["min_version"].as_str().and_then(minor) else {
            continue;
        };
        let kind = limit["kind"].as_str().unwrap_or_default();
        let names = limit["plugins"].as_array().into_iter().flatten();
        for name in names.filter_map(Value::as_str) {
            let entry = plugins.entry(name.to_owned()).or_default();
            match kind {
                "plugin_unavailable" => {
                    entry.insert("since".into(), json!(version));
                }
                "config_fields_unsupported" => {
                    let fields = entry.entry("fields").or_insert_with(|| json!({}));
                    for field in limit["fields"].as_array().into_iter().flatten() {
                        let plain = field.as_str().filter(|f| !f.contains(['=', '[', '*', ' ']));
                        if let Some(field) = plain {
                            fields[field] = json!(version);
                        }
                    }
                }
                _ => {}
            }
        }
    }
    plugins.retain(|_, facts| {
        let fields = facts.get("fields").and_then(Value::as_object);
        facts.contains_key("since") || fields.is_some_and(|fields| !fields.is_empty())
    });
    json!({"plugins": plugins, "full_support": BTreeMap::from_iter(FULL_SUPPORT.iter().copied())})
}

/// `3.14.0.0` is `3.14`.
fn minor(version: &str) -> Option<String> {
    let mut parts = version.split('.');
    Some(format!("{}.{}", parts.next()?, parts.next()?))
}
