//! Derives the documents that the Konnect simulator validates against.
//!
//! Usage: `cargo run -p simulators --example derive_konnect -- <folder>`, where the folder holds `openapi/`, `data/` and
//! `fixtures/` with the published documents. Only facts are kept: descriptions, titles and examples are dropped.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

/// Schema keywords that carry prose or hints for code generators.
const PROSE: [&str; 4] = ["description", "example", "examples", "title"];

/// Session and tracing aliases whose recorded schema names no replacement; from the plugins' sources at 3.9.1.
const RENAMED: [(&str, &str, &str); 7] = [
    ("opentelemetry", "endpoint", "traces_endpoint"),
    ("session", "cookie_discard", "stale_ttl"),
    ("session", "cookie_httponly", "cookie_http_only"),
    ("session", "cookie_idletime", "idling_timeout"),
    ("session", "cookie_lifetime", "rolling_timeout"),
    ("session", "cookie_persistent", "remember"),
    ("session", "cookie_samesite", "cookie_same_site"),
];

fn main() -> Result<()> {
    let source = PathBuf::from(
        std::env::args()
            .nth(1)
            .context("give the folder with openapi/ and data/")?,
    );
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/konnect");
    fs::create_dir_all(&target)?;

    let entities = build_document(
        &read(&source.join("openapi/konnect-control-planes-config-v2.json"))?,
        "/control-planes/{controlPlaneId}",
        |path| !path.contains("/config-stores"),
    )?;
    write(&target.join("entities.json"), &entities)?;

    let control_planes = build_document(
        &read(&source.join("openapi/konnect-control-planes-v2.json"))?,
        "",
        |path| !path.contains("/group-"),
    )?;
    write(&target.join("control-planes.json"), &control_planes)?;

    let plugins = build_plugins(&source)?;
    write(&target.join("plugins.json"), &plugins)?;
    let support = build_support(&read(&source.join("data/konnect-plugin-support.json"))?)?;
    write(&target.join("plugin-support.json"), &support)
}

fn read(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))
}

/// Writes one line per member of the second level, so that a change shows as a small diff.
fn write(path: &Path, value: &Value) -> Result<()> {
    let groups = value.as_object().context("a derived file is an object")?;
    let mut lines = Vec::new();
    for (name, group) in groups {
        let members = group
            .as_object()
            .with_context(|| format!("{name} is not an object"))?;
        let members: Vec<_> = members
            .iter()
            .map(|(key, value)| format!("{}:{value}", json!(key)))
            .collect();
        lines.push(format!("{}:{{\n{}\n}}", json!(name), members.join(",\n")));
    }
    fs::write(path, format!("{{{}}}\n", lines.join(",\n")))?;
    println!("{}", path.display());
    Ok(())
}

/// Paths with their request bodies and documented query parameters, and every schema reachable from them.
fn build_document(document: &Value, prefix: &str, keep: impl Fn(&str) -> bool) -> Result<Value> {
    let mut paths = Map::new();
    for (path, item) in document["paths"]
        .as_object()
        .context("no paths")?
        .iter()
        .filter(|(p, _)| keep(p))
    {
        let mut operations = Map::new();
        for method in ["get", "post", "put", "patch", "delete"] {
            if let Some(operation) = item.get(method) {
                operations.insert(method.to_owned(), build_operation(document, item, operation)?);
            }
        }
        paths.insert(
            path.strip_prefix(prefix).unwrap_or(path).to_owned(),
            Value::Object(operations),
        );
    }
    let mut schemas = Map::new();
    let mut wanted = references(&Value::Object(paths.clone()));
    while let Some(name) = wanted.pop_first() {
        if !schemas.contains_key(&name) {
            let schema = strip(&document["components"]["schemas"][&name]);
            wanted.extend(references(&schema));
            schemas.insert(name, schema);
        }
    }
    Ok(json!({"paths": paths, "schemas": schemas}))
}

fn build_operation(document: &Value, item: &Value, operation: &Value) -> Result<Value> {
    let mut kept = Map::new();
    if let Some(body) = operation.get("requestBody") {
        let body = resolve(document, body)?;
        kept.insert(
            "request".to_owned(),
            strip(&body["content"]["application/json"]["schema"]),
        );
    }
    for status in ["200", "201"] {
        let Some(response) = operation["responses"].get(status) else {
            continue;
        };
        let response = resolve(document, response)?;
        if let Some(schema) = response.pointer("/content/application~1json/schema") {
            kept.insert("response".to_owned(), strip(schema));
        }
    }
    let mut query = BTreeSet::new();
    for parameter in [item, operation]
        .iter()
        .filter_map(|p| p["parameters"].as_array())
        .flatten()
    {
        let parameter = resolve(document, parameter)?;
        if parameter["in"] == "query" {
            query.insert(parameter["name"].as_str().unwrap_or_default().to_owned());
        }
    }
    if !query.is_empty() {
        kept.insert("query".to_owned(), json!(query));
    }
    Ok(Value::Object(kept))
}

fn resolve<'a>(document: &'a Value, value: &'a Value) -> Result<&'a Value> {
    match value["$ref"].as_str() {
        None => Ok(value),
        Some(reference) => document
            .pointer(reference.trim_start_matches('#'))
            .with_context(|| format!("{reference} leads nowhere")),
    }
}

fn references(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Object(map) => {
            let own = map
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|r| r.rsplit('/').next());
            own.map(str::to_owned)
                .into_iter()
                .chain(map.values().flat_map(references))
                .collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => BTreeSet::new(),
    }
}

/// A schema without prose. Below `properties` the keys are property names and all stay, `description` too.
fn strip(schema: &Value) -> Value {
    let Value::Object(map) = schema else {
        return schema.clone();
    };
    let mut kept = Map::new();
    for (key, value) in map {
        let value = match (key.as_str(), value) {
            (k, _) if PROSE.contains(&k) => continue,
            (k, _) if k.starts_with("x-") && !matches!(k, "x-foreign" | "x-referenceable") => {
                if k == "x-speakeasy-type-override" {
                    kept.insert("x-any".to_owned(), json!(true));
                }
                continue;
            }
            ("properties", Value::Object(properties)) => properties
                .iter()
                .map(|(name, schema)| (name.clone(), strip(schema)))
                .collect(),
            ("oneOf" | "anyOf" | "allOf", Value::Array(branches)) => branches.iter().map(strip).collect(),
            ("default" | "enum" | "required", value) => value.clone(),
            (_, value) => strip(value),
        };
        kept.insert(key.clone(), value);
    }
    Value::Object(kept)
}

fn build_plugins(source: &Path) -> Result<Value> {
    let mut plugins = Map::new();
    for entry in fs::read_dir(source.join("data/plugin-schemas/3.15"))? {
        let path = entry?.path();
        let stem = path
            .file_stem()
            .and_then(|s| s.to_str())
            .context("a schema file has a name")?;
        let schema = read(&path)?;
        let properties = schema["properties"]
            .as_object()
            .context("a plugin schema has properties")?;
        let scopes: Vec<_> = ["service", "route", "consumer", "consumer_group"]
            .into_iter()
            .filter(|scope| properties.contains_key(*scope))
            .collect();
        let plugin = json!({
            "config": strip(&properties["config"]),
            "protocols": strip(&properties["protocols"]),
            "scopes": scopes,
            "partials": schema.get("x-supported-partials").cloned().unwrap_or(json!([])),
        });
        plugins.insert(plugin_name(stem), plugin);
    }
    let aliases = build_aliases(&source.join("fixtures/kong-admin/3.9.1/exchanges"))?;
    Ok(json!({"plugins": plugins, "aliases": aliases}))
}

/// `RateLimitingAdvanced` is `rate-limiting-advanced`; two files do not follow the rule.
fn plugin_name(stem: &str) -> String {
    match stem {
        "ACL" => return "acl".to_owned(),
        "AiA2AProxy" => return "ai-a2a-proxy".to_owned(),
        _ => {}
    }
    let mut name = String::new();
    for letter in stem.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// Deprecated field names that gateways up to 3.9 accept and return, from the recorded schemas of a 3.9.1 node.
fn build_aliases(exchanges: &Path) -> Result<Value> {
    let mut aliases = Map::new();
    for entry in fs::read_dir(exchanges)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let Some((_, plugin)) = name.trim_end_matches(".json").split_once("-plugin-schema-") else {
            continue;
        };
        let mut found = Vec::new();
        collect_aliases(
            plugin,
            &read(&path)?["response"]["body"]["fields"],
            &mut Vec::new(),
            &mut found,
        )?;
        if !found.is_empty() {
            aliases.insert(plugin.to_owned(), Value::Array(found));
        }
    }
    if aliases.is_empty() {
        bail!("no recorded plugin schema names an alias");
    }
    Ok(Value::Object(aliases))
}

fn collect_aliases(plugin: &str, fields: &Value, at: &mut Vec<String>, found: &mut Vec<Value>) -> Result<()> {
    for field in fields.as_array().into_iter().flatten() {
        for (name, schema) in field.as_object().into_iter().flatten() {
            at.push(name.clone());
            for alias in schema["shorthand_fields"].as_array().into_iter().flatten() {
                let (alias, definition) = alias
                    .as_object()
                    .and_then(|a| a.iter().next())
                    .context("an alias has a name")?;
                let renamed = RENAMED
                    .iter()
                    .find(|r| r.0 == plugin && r.1 == alias)
                    .map(|r| json!([r.2]));
                let replaced = definition
                    .pointer("/deprecation/replaced_with/0/path")
                    .cloned()
                    .or(renamed);
                found.push(json!({
                    "record": &at[1..], "name": alias, "type": definition["type"], "replaced_by": replaced,
                }));
            }
            collect_aliases(plugin, &schema["fields"], at, found)?;
            at.pop();
        }
    }
    Ok(())
}

/// Per bundled plugin: the verdict for Konnect and the configuration values that a data plane cannot run.
fn build_support(data: &Value) -> Result<Value> {
    let mut support = Map::new();
    for plugin in data["plugins"].as_array().context("no plugins")? {
        let refused: Vec<_> = plugin["unsupported_config"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|u| json!({"field": u["field"], "values": u["values"], "deployments": u["deployments"]}))
            .collect();
        let slug = plugin["slug"].as_str().context("a plugin has a slug")?;
        if plugin["bundled"] == true || plugin["konnect"] == "unsupported" {
            support.insert(
                slug.to_owned(),
                json!({"verdict": plugin["konnect"], "refused": refused}),
            );
        }
    }
    Ok(json!({"plugins": support}))
}
