//! Plugins: whether Konnect runs them, with these values.

use serde_json::Value;

use super::super::catalogue::{PluginSupport, RefusedValue};
use super::super::mask;
use super::facts::{Facts, text};
use super::verdict::EntityVerdict;
use crate::kong::model::{Entity, json};
use crate::migration::finding::{Finding, rules};

rules! {
    PLUGIN_UNSUPPORTED: Error, waivable, "plugin-unsupported",
        "Konnect does not run this plugin; it stays behind.",
        "Replace the plugin before the cut-over, or remove it from the source.",
        "The plugin oauth2.";
    PLUGIN_VALUE_UNSUPPORTED: Error, waivable, "plugin-value-unsupported",
        "Konnect data planes cannot run this plugin with this value; the plugin stays behind.",
        "Change the value in the source to one that works; for rate limits, a preset in spec.transforms does it on the way (RateLimitingToLocal, RateLimitingToRedis).",
        "A rate-limiting plugin with policy = cluster.";
    PLUGIN_DEFAULT_UNSUPPORTED: Error, waivable, "plugin-default-unsupported",
        "A field is not set, and its default does not work on Konnect data planes; the plugin stays behind.",
        "Set the field in the source to a value that works; for rate limits, the preset RateLimitingToRedis in spec.transforms does it on the way.",
        "An acme plugin without storage: the default is shm.";
    PLUGIN_SUPPORT_UNCERTAIN: Warning, waivable, "plugin-support-uncertain",
        "Kong's documents disagree on whether Konnect runs this plugin.",
        "Try it on one data plane before the cut-over.",
        "The plugin statsd-advanced.";
    PLUGIN_NOT_EVERYWHERE: Info, waivable, "plugin-not-on-every-deployment",
        "The plugin runs on self-hosted data planes, but not on every kind of cloud gateway.",
        "Nothing to do for self-hosted data planes.",
        "The plugin file-log.";
    CUSTOM_PLUGIN_SCHEMA_MISSING: Error, waivable, "custom-plugin-schema-missing",
        "Neither the control plane nor spec.customPlugins has a schema for this custom plugin; the plugin stays behind.",
        "Put the plugin's schema.lua into a ConfigMap and name it in spec.customPlugins (command line: --custom-plugin), and install the plugin on the data planes.",
        "A plugin our-own that nobody gives a schema for.";
    CUSTOM_PLUGIN_WITH_PARTIAL: Error, waivable, "custom-plugin-with-partial",
        "Custom plugins cannot use partials in Konnect; the plugin stays behind.",
        "Write the partial's values into the plugin's configuration.",
        "A custom plugin with partials = [{id: …}].";
    CUSTOM_PLUGIN_NAME: Error, waivable, "custom-plugin-name",
        "Konnect takes letters, digits and hyphens in names of custom plugins only.",
        "Rename the plugin, in its files and in the source.",
        "The custom plugin our_own.";
    CUSTOM_PLUGIN_ON_NODES: Info, waivable, "custom-plugin-on-nodes",
        "The plugin's code is on the nodes, not in the configuration.",
        "Install it on the new data planes and name it in their plugins setting.",
        "A custom plugin whose schema is uploaded.";
    PLUGIN_RUNS_LUA: Warning, waivable, "plugin-runs-lua",
        "The plugin runs Lua out of its configuration; data planes from 3.14 on allow less of it by default (untrusted_lua = strict).",
        "Copy the untrusted_lua settings from the old nodes, and try the code on one data plane.",
        "A pre-function plugin.";
    PLUGIN_NEEDS_NODE_FILE: Info, waivable, "plugin-needs-node-file",
        "The plugin reads or writes a file on the node.",
        "Make the path available and writable on the new data planes.",
        "A file-log plugin with path = /var/log/kong.log.";
    PARTIAL_TYPE_UNSUPPORTED: Error, waivable, "partial-type-unsupported",
        "Konnect has no partials of this type; the partial stays behind.",
        "Write its values into the plugins that use it.",
        "A partial of type memcached.";
}

/// Plugins that run Lua out of their configuration.
const LUA: &[&str] = &["pre-function", "post-function", "exit-transformer"];
/// Fields that name a file on the node.
const FILES: &[(&str, &str)] = &[
    ("file-log", "config.path"),
    ("grpc-gateway", "config.proto"),
    ("grpc-web", "config.proto"),
];
/// Types of partials in Konnect's published document.
const PARTIALS: &[&str] = &["redis-ce", "redis-ee", "vectordb", "embeddings", "model"];

/// Judges a plugin by name and configuration, and a partial by type.
pub fn check(entity: &Entity, facts: &Facts<'_>, verdict: &mut EntityVerdict) {
    match entity.kind.name {
        "plugins" => {
            let name = text(entity, "name").unwrap_or_default();
            let support = facts
                .catalogue()
                .plugin(name)
                .filter(|support| support.konnect != "custom_upload" && !brings_schema(name, facts));
            match support {
                Some(support) => check_bundled(entity, name, support, facts, verdict),
                None => check_custom(entity, name, facts, verdict),
            }
        }
        "partials" => {
            let kind = text(entity, "type").unwrap_or_default();
            if !PARTIALS.contains(&kind) {
                let observed = format!("type = {kind}");
                verdict.keep_back(
                    Finding::new(&PARTIAL_TYPE_UNSUPPORTED, entity.subject(), observed).at("type"),
                );
            }
        }
        _ => {}
    }
}

/// Letters, digits and hyphens.
pub(super) fn is_plugin_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

fn is_given(name: &str, facts: &Facts<'_>) -> bool {
    let mut given = facts.input.policy.custom_plugins.iter();
    given.any(|plugin| plugin.name == name)
}

/// True for a plugin that Konnect does not bring, and the user does. The name of one that it brings cannot be taken.
fn brings_schema(name: &str, facts: &Facts<'_>) -> bool {
    is_given(name, facts) && facts.catalogue().shape(name).is_none()
}

fn check_custom(plugin: &Entity, name: &str, facts: &Facts<'_>, verdict: &mut EntityVerdict) {
    let observed = format!("custom plugin {name}");
    if !is_plugin_name(name) {
        verdict.tell_at(&CUSTOM_PLUGIN_NAME, plugin, "name", observed.clone());
    }
    let partials = plugin
        .body
        .get("partials")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    let held = || {
        plugin
            .plugin_schema()
            .is_some_and(|schema| facts.input.target.contains(&schema))
    };
    if !is_given(name, facts) && !held() {
        verdict.keep_back(Finding::new(
            &CUSTOM_PLUGIN_SCHEMA_MISSING,
            plugin.subject(),
            observed,
        ));
    } else if partials > 0 {
        let finding = Finding::new(&CUSTOM_PLUGIN_WITH_PARTIAL, plugin.subject(), observed);
        verdict.keep_back(finding.at("partials"));
    } else {
        verdict.tell(&CUSTOM_PLUGIN_ON_NODES, plugin, observed);
    }
}

fn check_bundled(
    plugin: &Entity,
    name: &str,
    support: &PluginSupport,
    facts: &Facts<'_>,
    verdict: &mut EntityVerdict,
) {
    let observed = format!("plugin {name}");
    match support.konnect.as_str() {
        "unsupported" | "konnect_only" | "konnect_internal" => {
            return verdict.keep_back(Finding::new(&PLUGIN_UNSUPPORTED, plugin.subject(), observed));
        }
        "uncertain" => verdict.tell(&PLUGIN_SUPPORT_UNCERTAIN, plugin, observed),
        "supported_on_some_deployments" => verdict.tell(&PLUGIN_NOT_EVERYWHERE, plugin, observed),
        _ => {}
    }
    for finding in support
        .refused
        .iter()
        .flat_map(|rule| refusals(plugin, name, rule))
    {
        verdict.keep_back(finding);
    }
    for (field, default) in facts.catalogue().refused_defaults(name) {
        if json::get(&plugin.body, field).is_none() {
            let observed = format!("plugin {name}: {field} is not set, the default is {default}");
            let finding = Finding::new(&PLUGIN_DEFAULT_UNSUPPORTED, plugin.subject(), observed);
            verdict.keep_back(finding.at(field.clone()));
        }
    }
    if LUA.contains(&name) {
        verdict.tell(&PLUGIN_RUNS_LUA, plugin, format!("plugin {name}"));
    }
    for (_, field) in FILES.iter().filter(|(of, _)| *of == name) {
        if let Some(Value::String(path)) = json::get(&plugin.body, field) {
            verdict.tell_at(
                &PLUGIN_NEEDS_NODE_FILE,
                plugin,
                field,
                format!("plugin {name}: {field} = {path}"),
            );
        }
    }
}

/// A finding for each value at the rule's field that the rule refuses.
fn refusals(entity: &Entity, plugin: &str, rule: &RefusedValue) -> Vec<Finding> {
    // Secrets of Konnect's own config store; a self-managed source has no such vault.
    if rule.field.ends_with('*') {
        return Vec::new();
    }
    json::select(&entity.body, &rule.field)
        .into_iter()
        .filter(|value| rule.values.iter().any(|pattern| matches(pattern, value)))
        .map(|value| {
            let shown = mask::shown(entity.kind, Some(plugin), &rule.field, value);
            let instead = if rule.instead.is_empty() {
                String::new()
            } else {
                format!(" Works: {}.", rule.instead.join(", "))
            };
            let observed = format!(
                "plugin {plugin}: {} = {shown}. {}{instead}",
                rule.field, rule.reason
            );
            Finding::new(&PLUGIN_VALUE_UNSUPPORTED, entity.subject(), observed).at(rule.field.clone())
        })
        .collect()
}

fn matches(pattern: &str, value: &Value) -> bool {
    match pattern {
        "*" => !value.is_null(),
        "<name of a key set>" => value.as_str().is_some_and(|name| !name.contains("://")),
        literal => value.as_str() == Some(literal),
    }
}
