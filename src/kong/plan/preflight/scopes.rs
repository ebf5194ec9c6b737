//! Where a plugin stands: its scope, its protocols, its order among others.

use serde_json::Value;

use super::facts::{Facts, text, texts};
use super::verdict::EntityVerdict;
use crate::kong::model::Entity;
use crate::kong::model::entity::reference;
use crate::migration::finding::rules;

rules! {
    PLUGIN_SCOPE_UNSUPPORTED: Error, waivable, "plugin-scope-unsupported",
        "The plugin's newest schema does not allow this scope, so Konnect refuses it.",
        "Put the plugin on a scope that its page names.",
        "A kafka-consume plugin on a service, possible up to 3.11.";
    PLUGIN_PROTOCOL_UNSUPPORTED: Error, waivable, "plugin-protocol-unsupported",
        "The plugin's newest schema does not allow this protocol, so Konnect refuses it.",
        "Take the protocol out of the plugin's protocols.",
        "A cors plugin with protocols = [tcp].";
    ORDERING_MOVES: Info, waivable, "plugin-ordering-moves",
        "The plugin's order relative to others moves with it; it only works on plugins that are not scoped to consumers.",
        "Compare the order of execution on one data plane.",
        "A plugin with ordering.before.access = [key-auth].";
    ORDERING_NAMES_ABSENT: Warning, waivable, "plugin-ordering-names-absent",
        "The plugin is ordered relative to one that the workspace does not use.",
        "Check the name; another workspace's plugins are not in this control plane.",
        "A plugin with ordering.before.access = [key-auth], and no key-auth.";
}

const SCOPES: &[&str] = &["service", "route", "consumer", "consumer_group"];

/// Judges a bundled plugin against its schema, and any plugin's ordering.
pub fn check(plugin: &Entity, facts: &Facts<'_>, verdict: &mut EntityVerdict) {
    if plugin.kind.name != "plugins" {
        return;
    }
    let name = text(plugin, "name").unwrap_or_default();
    if let Some(shape) = facts.catalogue().shape(name) {
        let set = SCOPES
            .iter()
            .filter(|scope| reference(&plugin.body, scope).is_some());
        for scope in set.filter(|scope| !shape.scopes.contains(**scope)) {
            verdict.tell_at(
                &PLUGIN_SCOPE_UNSUPPORTED,
                plugin,
                scope,
                format!("plugin {name} on a {scope}"),
            );
        }
        let refused = |protocol: &&str| {
            shape
                .protocols
                .as_ref()
                .is_some_and(|allowed| !allowed.contains(*protocol))
        };
        if let Some(protocol) = texts(plugin, "protocols").find(refused) {
            let observed = format!("plugin {name}: protocol {protocol}");
            verdict.tell_at(&PLUGIN_PROTOCOL_UNSUPPORTED, plugin, "protocols", observed);
        }
    }
    check_ordering(plugin, facts, verdict);
}

fn check_ordering(plugin: &Entity, facts: &Facts<'_>, verdict: &mut EntityVerdict) {
    let mut named = Vec::new();
    collect_names(plugin.body.get("ordering").unwrap_or(&Value::Null), &mut named);
    if named.is_empty() {
        return;
    }
    verdict.tell_at(
        &ORDERING_MOVES,
        plugin,
        "ordering",
        format!("relative to {}", named.join(", ")),
    );
    for absent in named.iter().filter(|name| !facts.uses_plugin(name)) {
        verdict.tell_at(
            &ORDERING_NAMES_ABSENT,
            plugin,
            "ordering",
            format!("plugin {absent} is not used"),
        );
    }
}

/// Plugin names in `{"before": {"access": […]}, "after": {…}}`.
fn collect_names<'e>(value: &'e Value, names: &mut Vec<&'e str>) {
    match value {
        Value::Object(fields) => fields.values().for_each(|value| collect_names(value, names)),
        Value::Array(items) => names.extend(items.iter().filter_map(Value::as_str)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
