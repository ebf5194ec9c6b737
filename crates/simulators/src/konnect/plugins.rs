//! Plugins: known names, scopes, protocols, and configurations checked and defaulted by the 3.15 plugin schemas.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::errors::{Detail, Failure};
use super::rules::Context;
use super::validator::{Validator, join};
use super::{aliases, partials, support};
use axum::http::StatusCode;

static DATA: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../data/konnect/plugins.json")).unwrap_or_default()
});

/// The reference properties by which a plugin is scoped.
const SCOPES: [&str; 4] = ["service", "route", "consumer", "consumer_group"];

/// A bundled plugin: `{config, protocols, scopes, partials}`.
pub fn definition(name: &str) -> Option<&'static Value> {
    DATA["plugins"].get(name)
}

/// Deprecated field names of a bundled plugin.
pub fn deprecated(name: &str) -> &'static [Value] {
    DATA["aliases"][name].as_array().map_or(&[], Vec::as_slice)
}

/// 404: neither bundled nor uploaded.
pub fn no_schema(name: &str) -> Failure {
    Failure::Entity(
        StatusCode::NOT_FOUND,
        "not found",
        vec![Detail::field("name", no_schema_text(name))],
    )
}

fn no_schema_text(name: &str) -> String {
    format!("no plugin-schema for '{name}'")
}

/// The protocols of the plugin's own schema, where the body names none; the general document knows only one default.
pub fn default_protocols(plugin: &mut Map<String, Value>) {
    let name = plugin.get("name").and_then(Value::as_str).unwrap_or_default();
    let default = definition(name).and_then(|definition| definition["protocols"].get("default"));
    if let Some(default) = default {
        plugin.entry("protocols").or_insert_with(|| default.clone());
    }
}

/// Checks a plugin and completes its configuration.
pub fn complete(context: &Context<'_>, plugin: &mut Value, details: &mut Vec<Detail>) {
    let name = plugin["name"].as_str().unwrap_or_default().to_owned();
    if plugin["config"].is_null() {
        plugin["config"] = json!({});
    }
    let Some(definition) = definition(&name) else {
        if !context.control_plane.plugin_schemas.contains_key(&name) {
            details.push(Detail::field("name", no_schema_text(&name)));
        }
        return;
    };
    if support::is_unavailable(&name) {
        details.push(Detail::field(
            "name",
            format!("plugin '{name}' is not available in Konnect"),
        ));
        return;
    }
    check_scopes(definition, plugin, details);
    for violation in Validator::plugin_config().violations(&definition["protocols"], &plugin["protocols"]) {
        details.push(Detail::field(
            join("protocols", &violation.field),
            violation.message,
        ));
    }
    aliases::translate(&name, &mut plugin["config"], details);
    let linked = partials::link(context.control_plane, definition, plugin, details);
    let config = &mut plugin["config"];
    for violation in Validator::plugin_config().violations(&definition["config"], config) {
        details.push(Detail::field(join("config", &violation.field), violation.message));
    }
    fill(&definition["config"], config, "config", &linked);
    details.extend(support::refused_values(
        &name,
        plugin,
        context.control_plane.deployment(),
    ));
}

fn check_scopes(definition: &Value, plugin: &Value, details: &mut Vec<Detail>) {
    let allowed = definition["scopes"].as_array().map_or(&[][..], Vec::as_slice);
    for scope in SCOPES.iter().filter(|scope| !plugin[**scope].is_null()) {
        if !allowed.iter().any(|name| name == scope) {
            details.push(Detail::field(*scope, "value must be null"));
        }
    }
}

/// Completes a record: absent fields get their default or null, as a gateway stores them.
///
/// An absent record is made of the defaults within. Where a partial is linked its fields come from there.
fn fill(schema: &Value, value: &mut Value, at: &str, linked: &[String]) {
    match value {
        Value::Object(map) => {
            for (name, field) in schema["properties"].as_object().into_iter().flatten() {
                let path = join(at, name);
                if linked.contains(&path) {
                    map.entry(name.clone()).or_insert(Value::Null);
                    continue;
                }
                let present = map.entry(name.clone()).or_insert_with(|| default_of(field, name));
                fill(field, present, &path, linked);
            }
            if let Some(field) = schema
                .get("additionalProperties")
                .filter(|field| field.is_object())
            {
                let named = |name: &str| schema["properties"].get(name).is_some();
                map.iter_mut()
                    .filter(|(name, _)| !named(name))
                    .for_each(|(_, v)| fill(field, v, at, linked));
            }
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| fill(&schema["items"], item, at, linked)),
        _ => {}
    }
}

fn default_of(field: &Value, name: &str) -> Value {
    if let Some(default) = field.get("default") {
        return default.clone();
    }
    // Cloud authentication is the one optional record with defaults of its own: unset, it stays null.
    if field["properties"].is_object() && name != "cloud_authentication" {
        let mut record = json!({});
        fill(field, &mut record, "", &[]);
        if has_value(&record) {
            return record;
        }
    }
    Value::Null
}

fn has_value(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.values().any(has_value),
        other => !other.is_null(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::konnect::validator::Rule;

    #[test]
    fn the_defaults_of_every_plugin_satisfy_its_own_schema() {
        let plugins = DATA["plugins"].as_object().unwrap();
        assert_eq!(plugins.len(), 114);
        for (name, definition) in plugins {
            let mut config = json!({});
            fill(&definition["config"], &mut config, "config", &[]);
            let mut found = Validator::plugin_config().violations(&definition["config"], &config);
            found.retain(|violation| violation.rule != Rule::Required);
            assert_eq!(found, [], "{name}");
            let filled = config.clone();
            fill(&definition["config"], &mut config, "config", &[]);
            assert_eq!(config, filled, "{name}");
        }
    }
}
