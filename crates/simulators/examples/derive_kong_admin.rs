//! Derives the compact data of the Kong Admin simulator from a folder of recorded exchanges.
//!
//! Usage: `cargo run -p simulators --example derive_kong_admin -- <recordings>`, where the folder holds
//! `exchanges/index.json`, one file per exchange and `full-dump.json`. Written are, below
//! `crates/simulators/data/kong-admin-3.9.1`:
//!
//! | file | content |
//! |---|---|
//! | `exchanges.jsonl` | per exchange: seq, group, method, path, status, body, and `at`, the second it happened in |
//! | `full-dump.json` | the mixed configuration of 128 entities |
//! | `schemas.json` | entity, plugin and vault schemas by name, without descriptions |
//! | `node.json` | what `GET /` says of the node, without process numbers |

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

fn main() -> Result<()> {
    let Some(recordings) = std::env::args_os().nth(1).map(PathBuf::from) else {
        bail!("usage: derive_kong_admin <folder of recordings>");
    };
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/kong-admin-3.9.1");
    fs::create_dir_all(&target)?;

    let exchanges = read_exchanges(&recordings.join("exchanges"))?;
    let times = times(&exchanges);
    let mut lines = String::new();
    for (exchange, at) in exchanges.iter().zip(times) {
        lines.push_str(&build_line(exchange, at).to_string());
        lines.push('\n');
    }
    fs::write(target.join("exchanges.jsonl"), lines)?;

    let dump = read_json(&recordings.join("full-dump.json"))?;
    fs::write(target.join("full-dump.json"), build_dump(&dump)?)?;
    write_pretty(&target.join("schemas.json"), &build_schemas(&exchanges))?;
    write_pretty(&target.join("node.json"), &build_node(&exchanges)?)
}

fn read_exchanges(folder: &Path) -> Result<Vec<Value>> {
    let index = read_json(&folder.join("index.json"))?;
    let index = index.as_array().context("index.json is not a list")?;
    index
        .iter()
        .map(|entry| {
            let file = entry["file"].as_str().context("an index entry has no file")?;
            read_json(&folder.join(file))
        })
        .collect()
}

fn read_json(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("parsing {}", path.display()))
}

fn write_pretty(path: &Path, value: &Value) -> Result<()> {
    // Compact: schemas are data for a machine, and indentation would triple them.
    fs::write(path, format!("{value}\n")).with_context(|| format!("writing {}", path.display()))
}

fn build_line(exchange: &Value, at: i64) -> Value {
    let body = match &exchange["response"]["body"] {
        // HTML error pages and the text of /metrics.
        Value::String(_) => Value::Null,
        other => other.clone(),
    };
    let path = path_of(exchange);
    let body = if is_schema(path) {
        without_descriptions(&body)
    } else {
        body
    };
    json!({
        "seq": exchange["seq"],
        "group": exchange["group"],
        "method": exchange["request"]["method"],
        "path": path,
        "status": exchange["response"]["status"],
        "at": at,
        "body": body,
    })
}

fn path_of(exchange: &Value) -> &str {
    exchange["request"]["path"].as_str().unwrap_or_default()
}

fn is_schema(path: &str) -> bool {
    path.starts_with("/schemas/") || path.starts_with("/plugins/schema/")
}

/// When each exchange happened: the second that the next write's answer names, because a GET itself says nothing.
fn times(exchanges: &[Value]) -> Vec<i64> {
    let mut times = Vec::with_capacity(exchanges.len());
    let mut next = i64::MAX;
    for exchange in exchanges.iter().rev() {
        if let Some(stamp) = write_stamp(exchange) {
            next = next.min(stamp);
        }
        times.push(next);
    }
    times.reverse();
    let last = times
        .iter()
        .copied()
        .filter(|t| *t != i64::MAX)
        .max()
        .unwrap_or_default();
    times.into_iter().map(|t| t.min(last)).collect()
}

/// The timestamp that Kong itself set while answering a write. Credentials carry no `updated_at`.
fn write_stamp(exchange: &Value) -> Option<i64> {
    if exchange["request"]["method"] == "GET" {
        return None;
    }
    let body = &exchange["response"]["body"];
    let stamp = body["updated_at"]
        .as_f64()
        .or_else(|| body["created_at"].as_f64())?;
    // Whole seconds are what is wanted.
    Some(stamp.floor() as i64)
}

/// One line per entity, so that a change of the data reads well in a diff.
fn build_dump(dump: &Value) -> Result<String> {
    let dump = dump.as_object().context("full-dump.json is not an object")?;
    let lists: Vec<String> = dump
        .iter()
        .map(|(path, entities)| {
            let entities: Vec<String> = entities
                .as_array()
                .into_iter()
                .flatten()
                .map(|entity| format!("    {entity}"))
                .collect();
            format!(
                "  {}: [\n{}\n  ]",
                Value::from(path.as_str()),
                entities.join(",\n")
            )
        })
        .collect();
    Ok(format!("{{\n{}\n}}\n", lists.join(",\n")))
}

fn build_schemas(exchanges: &[Value]) -> Value {
    let (mut entities, mut plugins, mut vaults) = (Map::new(), Map::new(), Map::new());
    for exchange in exchanges {
        let answered = exchange["request"]["method"] == "GET" && exchange["response"]["status"] == 200;
        let Some(name) = path_of(exchange).strip_prefix("/schemas/").filter(|_| answered) else {
            continue;
        };
        let schema = without_descriptions(&exchange["response"]["body"]);
        match name.split_once('/') {
            Some(("plugins", plugin)) => plugins.insert(plugin.to_owned(), schema),
            Some(("vaults", vault)) => vaults.insert(vault.to_owned(), schema),
            _ => entities.insert(name.to_owned(), schema),
        };
    }
    json!({ "entities": entities, "plugins": plugins, "vaults": vaults })
}

/// A schema without its prose. A *field* that is named `description` stays: its value is an object, a keyword's a string.
fn without_descriptions(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(key, value)| !(key.as_str() == "description" && value.is_string()))
            .map(|(key, value)| (key.clone(), without_descriptions(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(without_descriptions).collect(),
        other => other.clone(),
    }
}

fn build_node(exchanges: &[Value]) -> Result<Value> {
    let root = exchanges
        .iter()
        .find(|exchange| exchange["request"]["method"] == "GET" && path_of(exchange) == "/")
        .context("no GET / among the exchanges")?;
    let mut node = root["response"]["body"]
        .as_object()
        .context("GET / answered no object")?
        .clone();
    for volatile in ["pids", "timers"] {
        node.remove(volatile);
    }
    Ok(node.into())
}
