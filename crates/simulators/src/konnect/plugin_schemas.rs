//! Uploaded schemas of custom plugins: `{"item": {name, lua_schema, created_at, updated_at}}`.

use std::sync::LazyLock;

use axum::http::StatusCode;
use regex::Regex;
use serde_json::{Value, json};

use super::core_entities::Call;
use super::errors::Failure;
use super::plugins;
use super::state::{ControlPlane, State};

/// Answers a path below `plugin-schemas`; `name` is absent for the list.
pub fn answer(
    state: &mut State,
    call: &Call<'_>,
    name: Option<&str>,
    body: &Value,
) -> Result<(StatusCode, Value), Failure> {
    let missing = || Failure::Legacy(StatusCode::NOT_FOUND, "plugin-schema not found".to_owned());
    if let ("GET", None) = (call.method, name) {
        return list(state, call);
    }
    let (control_plane, counters) = state.writer(call.control_plane)?;
    let stored = &mut control_plane.plugin_schemas;
    match (call.method, name) {
        ("GET", Some(name)) => {
            let item = stored.get(name).ok_or_else(missing)?;
            Ok((StatusCode::OK, json!({"item": item})))
        }
        ("DELETE", Some(name)) => {
            let used = control_plane.of("plugins").any(|plugin| plugin["name"] == name);
            if used {
                return Err(refused(
                    "plugin schema is currently in use, please delete existing plugins using it",
                ));
            }
            control_plane.plugin_schemas.remove(name).ok_or_else(missing)?;
            Ok((StatusCode::NO_CONTENT, Value::Null))
        }
        (_, name) => upload(control_plane, counters.tick(), name, body),
    }
}

fn list(state: &mut State, call: &Call<'_>) -> Result<(StatusCode, Value), Failure> {
    const LIST: &str = "plugin-schemas";
    let (control_plane, lag) = state.lister(call.control_plane)?;
    let stored = &control_plane.plugin_schemas;
    let left_out: Vec<_> = stored
        .keys()
        .filter(|name| lag.leaves_out(LIST, name))
        .cloned()
        .collect();
    let shown = stored.iter().filter(|(name, _)| !left_out.contains(name));
    let items: Vec<_> = shown.map(|(_, item)| item).collect();
    lag.count(LIST, &left_out);
    let page = json!({"items": items, "page": {"total_count": items.len()}});
    Ok((StatusCode::OK, page))
}

/// Stores an uploaded schema; `name` is the one to replace, absent for a new one.
fn upload(
    control_plane: &mut ControlPlane,
    now: u64,
    name: Option<&str>,
    body: &Value,
) -> Result<(StatusCode, Value), Failure> {
    let source = body["lua_schema"]
        .as_str()
        .ok_or_else(|| refused("lua_schema: required field missing"))?;
    let own = plugin_name(source)?;
    if name.is_some_and(|name| name != own) {
        return Err(refused("the plugin's name cannot be changed"));
    }
    let old = control_plane.plugin_schemas.get(&own);
    if name.is_none() && old.is_some() {
        let message = format!("plugin schema '{own}' already exists");
        return Err(Failure::Legacy(StatusCode::CONFLICT, message));
    }
    let created = old.map_or(json!(now), |old| old["created_at"].clone());
    let item = json!({"name": own, "lua_schema": source, "created_at": created, "updated_at": now});
    control_plane.plugin_schemas.insert(own, item.clone());
    control_plane.revision += 1;
    let status = if name.is_none() {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, json!({"item": item})))
}

fn refused(message: &str) -> Failure {
    Failure::Legacy(StatusCode::BAD_REQUEST, message.to_owned())
}

/// Comments to the end of the line.
static COMMENT: Pattern = LazyLock::new(|| Regex::new(r"--[^\n]*").ok());
/// A use of `require`, with the module where it is named.
static REQUIRE: Pattern = LazyLock::new(|| Regex::new(r#"\brequire\b\s*\(?\s*(?:["']([^"']*)["'])?"#).ok());
/// The name, written out in the schema's table.
static NAME: Pattern = LazyLock::new(|| {
    Regex::new(r#"(?m)^\s*(?:local\s+\w+\s*=\s*|return\s*\{\s*|\{?\s*)?name\s*=\s*["']([a-zA-Z0-9-]+)["']"#)
        .ok()
});

type Pattern = LazyLock<Option<Regex>>;

/// The literal `name` of a Lua schema; code that requires another module than `typedefs` is refused.
fn plugin_name(source: &str) -> Result<String, Failure> {
    let source = COMMENT.as_ref().map_or_else(
        || source.to_owned(),
        |comment| comment.replace_all(source, "").into_owned(),
    );
    let mut modules = REQUIRE.iter().flat_map(|require| require.captures_iter(&source));
    if modules.any(|found| found.get(1).map(|module| module.as_str()) != Some("kong.db.schema.typedefs")) {
        return Err(refused("invalid plugin schema: 'require' is not allowed"));
    }
    let name = NAME
        .as_ref()
        .and_then(|pattern| pattern.captures(&source).map(|found| found[1].to_owned()))
        .ok_or_else(|| refused("invalid plugin schema: name must be a literal"))?;
    if plugins::definition(&name).is_some() {
        return Err(refused(
            "unique constraint failed: schema name already in use by a bundled plugin",
        ));
    }
    Ok(name)
}
