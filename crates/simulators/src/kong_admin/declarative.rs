//! Filling the state from a declarative file, decK's or Kong's own (`_format_version` 1.1, 2.1, 3.0), as a gateway does.
//!
//! Written from Kong's schemas of 3.9.1 (fields, defaults, references) and the recorded `POST /config` (ids). Covered: lists
//! at the top and nested, references by id or name, defaults of entities and plugins, `url`, members of consumer groups.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::kinds::{KINDS, Kind};
use super::schemas;

type Body = Map<String, Value>;

/// The namespace of ids that Kong derives.
const ENTITIES: Uuid = Uuid::from_u128(0xfd02_801f_0957_4a15_a55a_c8d9_606f_30b5);

/// An entry with the names of what it refers to.
struct Entry {
    kind: &'static Kind,
    body: Body,
    /// Foreign field and position of the entry around it.
    inside: Option<(&'static str, usize)>,
}

/// The dump that the file stands for, in the form of [`super::KongAdmin::load`].
pub(super) fn dump(text: &str) -> anyhow::Result<Value> {
    let file: Body = serde_saphyr::from_str(text).context("the file is no YAML record")?;
    let mut entries = Vec::new();
    let mut members = Vec::new();
    for (list, items) in file {
        match list.as_str() {
            "_format_version" => {
                let version = items.as_str().map_or_else(|| items.to_string(), str::to_owned);
                ensure!(
                    matches!(version.as_str(), "1.1" | "2.1" | "3.0"),
                    "_format_version {version}"
                );
            }
            name if name.starts_with('_') => {}
            "consumer_group_consumers" => members.extend(lines(items)?.into_iter().map(|item| (item, None))),
            name => {
                let kind = by_schema(name).with_context(|| format!("no kind {name}"))?;
                for item in lines(items)? {
                    take_apart(kind, item, None, &mut entries, &mut members)?;
                }
            }
        }
    }
    assemble(entries, members)
}

fn lines(items: Value) -> anyhow::Result<Vec<Value>> {
    match items {
        Value::Array(items) => Ok(items),
        Value::Null => Ok(Vec::new()),
        _ => bail!("a list is expected"),
    }
}

fn by_schema(name: &str) -> Option<&'static Kind> {
    let name = if name == "vaults" { "sm_vaults" } else { name };
    KINDS.iter().find(|kind| kind.schema == name)
}

type Members = Vec<(Value, Option<(&'static str, usize)>)>;

fn take_apart(
    kind: &'static Kind,
    item: Value,
    inside: Option<(&'static str, usize)>,
    entries: &mut Vec<Entry>,
    members: &mut Members,
) -> anyhow::Result<()> {
    let body = match item {
        Value::Object(body) => body,
        Value::String(name) if kind.list == "snis" => Map::from_iter([("name".to_owned(), json!(name))]),
        _ => bail!("{}: an entry is no record", kind.schema),
    };
    let own = entries.len();
    entries.push(Entry {
        kind,
        body: Map::new(),
        inside,
    });
    let mut kept = Map::new();
    for (field, value) in body {
        let below = by_schema(&field).and_then(|child| {
            let foreign = child.foreign.iter().find(|foreign| foreign.kind == kind.list)?;
            Some((child, foreign.field))
        });
        match (kind.list, field.as_str(), below) {
            ("consumer_groups", "consumers", _) => {
                let named = |item| (json!({"consumer": item}), Some(("consumer_group", own)));
                members.extend(lines(value)?.into_iter().map(named));
            }
            ("consumers", "groups", _) => {
                let named = |item| (json!({"consumer_group": item}), Some(("consumer", own)));
                members.extend(lines(value)?.into_iter().map(named));
            }
            (_, _, Some((child, foreign))) => {
                for item in lines(value)? {
                    take_apart(child, item, Some((foreign, own)), entries, members)?;
                }
            }
            _ => {
                kept.insert(field, value);
            }
        }
    }
    entries[own].body = kept;
    Ok(())
}

/// Ids by kind and name.
type Known = BTreeMap<(&'static str, String), String>;

fn assemble(entries: Vec<Entry>, members: Members) -> anyhow::Result<Value> {
    let mut known = Known::new();
    let mut ids: BTreeMap<usize, String> = BTreeMap::new();
    let mut lists: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut waiting: Vec<(usize, Entry)> = entries.into_iter().enumerate().collect();
    // Whatever refers to something not known yet waits for the next round.
    while !waiting.is_empty() {
        let before = waiting.len();
        let mut later = Vec::new();
        for (position, mut entry) in waiting {
            if !resolve(&mut entry, &ids, &known) {
                later.push((position, entry));
                continue;
            }
            let id = finish(&mut entry);
            for name in ["name", "username"]
                .iter()
                .filter_map(|field| entry.body.get(*field)?.as_str())
            {
                known.insert((entry.kind.list, name.to_owned()), id.clone());
            }
            ids.insert(position, id);
            lists
                .entry(path(&entry))
                .or_default()
                .push(Value::Object(entry.body));
        }
        ensure!(
            later.len() < before,
            "{} entries refer to what the file does not define",
            later.len()
        );
        waiting = later;
    }
    for (member, inside) in members {
        let end = |field: &'static str, kind: &'static str| match inside {
            Some((around, position)) if around == field => ids.get(&position).cloned(),
            _ => id_of(kind, &member[field], &known),
        };
        let group = end("consumer_group", "consumer_groups").context("a member of an unknown group")?;
        let consumer = end("consumer", "consumers").context("a member that is no consumer")?;
        lists
            .entry(format!("/consumer_groups/{group}/consumers"))
            .or_default()
            .push(json!({"id": consumer}));
    }
    Ok(json!(lists))
}

fn path(entry: &Entry) -> String {
    match entry
        .body
        .get("upstream")
        .and_then(|upstream| upstream["id"].as_str())
    {
        Some(upstream) if entry.kind.list == "targets" => format!("/upstreams/{upstream}/targets"),
        _ => format!("/{}", entry.kind.list),
    }
}

/// Puts ids into the foreign fields; false when one is not known yet.
fn resolve(entry: &mut Entry, ids: &BTreeMap<usize, String>, known: &Known) -> bool {
    for foreign in entry.kind.foreign {
        let id = match (entry.inside, entry.body.get(foreign.field)) {
            (Some((field, position)), _) if field == foreign.field => ids.get(&position).cloned(),
            (_, None | Some(Value::Null)) => continue,
            (_, Some(value)) => id_of(foreign.kind, value, known),
        };
        let Some(id) = id else { return false };
        entry.body.insert(foreign.field.to_owned(), json!({"id": id}));
    }
    true
}

fn id_of(kind: &'static str, value: &Value, known: &Known) -> Option<String> {
    let named = ["id", "name", "username"]
        .iter()
        .find_map(|field| value.get(*field)?.as_str());
    let name = named.or_else(|| value.as_str())?;
    let as_id = || Uuid::parse_str(name).ok().map(|id| id.to_string());
    known.get(&(kind, name.to_owned())).cloned().or_else(as_id)
}

/// Fills id and defaults, and answers the id.
fn finish(entry: &mut Entry) -> String {
    let given = entry
        .body
        .get("id")
        .and_then(Value::as_str)
        .map(str::to_lowercase);
    let id = given.unwrap_or_else(|| derive(entry.kind, &entry.body));
    entry.body.insert("id".to_owned(), json!(id));
    if entry.kind.list == "services"
        && let Some(Value::String(address)) = entry.body.remove("url")
    {
        spread(&address, &mut entry.body);
    }
    if let Some(schema) = schemas::named("entities", entry.kind.schema) {
        fill(&schema, &mut entry.body);
    }
    let plugin = entry.body.get("name").and_then(Value::as_str).unwrap_or_default();
    if entry.kind.list == "plugins"
        && let Some(schema) = schemas::named("plugins", plugin)
    {
        // The general schema of plugins has left a missing configuration null.
        if entry.body.get("config").is_none_or(Value::is_null) {
            entry.body.insert("config".to_owned(), json!({}));
        }
        fill(&schema, &mut entry.body);
    }
    id
}

/// The id that Kong derives from a name or, for kinds with a cache key, from its parts (recorded `POST /config`).
fn derive(kind: &Kind, body: &Body) -> String {
    let part = |field: &str| match body.get(field) {
        Some(Value::Object(reference)) => reference.get("id").and_then(Value::as_str).unwrap_or_default(),
        Some(value) => value.as_str().unwrap_or_default(),
        None => "",
    };
    let star = |fields: &[&str]| {
        let parts: Vec<&str> = fields.iter().map(|field| part(field)).collect();
        format!("{}:*:{}", kind.schema, parts.join(":"))
    };
    let name = match kind.list {
        "targets" => star(&["upstream", "target"]),
        "acls" => star(&["consumer", "group"]),
        // The place of the group is not recorded: open-source Kong has none.
        "plugins" if part("consumer_group").is_empty() => star(&["name", "route", "service", "consumer"]),
        "plugins" => star(&["name", "route", "service", "consumer", "consumer_group"]),
        _ => match kind.key.map(part) {
            Some(name) if !name.is_empty() => name.to_owned(),
            _ => Value::Object(body.clone()).to_string(),
        },
    };
    let table = Uuid::new_v5(&ENTITIES, kind.schema.as_bytes());
    Uuid::new_v5(&table, name.as_bytes()).to_string()
}

fn spread(address: &str, body: &mut Body) {
    let (protocol, rest) = address.split_once("://").unwrap_or(("http", address));
    let (authority, path) = rest
        .split_once('/')
        .map_or((rest, None), |(host, path)| (host, Some(format!("/{path}"))));
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    let usual = if protocol == "https" { 443 } else { 80 };
    body.insert("protocol".to_owned(), json!(protocol));
    body.insert("host".to_owned(), json!(host));
    body.insert("port".to_owned(), json!(port.parse::<u16>().unwrap_or(usual)));
    body.insert("path".to_owned(), json!(path));
}

/// Every field of the schema is answered: with its default, as a filled record, or null.
fn fill(schema: &Value, body: &mut Body) {
    let fields = schema["fields"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_object);
    for (name, field) in fields.flatten() {
        let record = field["type"] == "record";
        if !body.contains_key(name) {
            let own = field.get("default").cloned().unwrap_or_default();
            let required = record && field["required"] == true;
            body.insert(
                name.clone(),
                if required && own.is_null() { json!({}) } else { own },
            );
        }
        if let (true, Some(Value::Object(inner))) = (record, body.get_mut(name)) {
            fill(field, inner);
        }
    }
}
