//! What data planes of the source's version cannot run: Konnect strips it on the way to them, or stops the push.

use serde_json::Value;

use super::super::added::neutral;
use super::facts::{Facts, text, texts};
use super::verdict::EntityVerdict;
use crate::kong::model::{Entity, KongVersion, json};
use crate::migration::finding::rules;

rules! {
    DATA_PLANE_TOO_OLD: Warning, waivable, "data-plane-too-old",
        "Data planes of the source's version do not know the plugin, so Konnect does not send it to them.",
        "Run new data planes of the version named, or a later one.",
        "A file of 3.9 with the plugin ai-aws-guardrails of 3.11.";
    DATA_PLANE_FIELD_TOO_NEW: Warning, waivable, "data-plane-field-too-new",
        "Data planes of the source's version do not know a field that is set, so Konnect leaves it out for them.",
        "Run new data planes of the version named, or a later one.",
        "A file of 3.9 with openid-connect and token_exchange of 3.14.";
    WEBSOCKET_BLOCKS_PUSH: Error, waivable, "websocket-blocks-configuration",
        "The plugin names the protocol ws or wss, with which Konnect sends data planes before 3.14 no configuration at all (P407, D518, D528).",
        "Run new data planes of 3.14 or later and waive this, or take ws and wss out of the plugin's protocols.",
        "An acl plugin of 3.9 with protocols = [http, ws].";
    CONDITION_NEEDS_NEW_DATA_PLANES: Warning, waivable, "condition-needs-new-data-planes",
        "The plugin has a condition, which data planes before 3.15 do not evaluate.",
        "Run new data planes of 3.15 or later.",
        "A plugin with condition = http.method == \"GET\".";
}

const V3_14: KongVersion = KongVersion { major: 3, minor: 14 };
const V3_15: KongVersion = KongVersion { major: 3, minor: 15 };
/// Plugins whose protocols ws and wss block the push (`app/_data/version_errors_konnect.yml`).
const BLOCKED_BY_WEBSOCKET: &[&str] = &["acl", "mtls-auth", "openid-connect"];

/// Judges a plugin against data planes of the source's version.
pub fn check(plugin: &Entity, facts: &Facts<'_>, verdict: &mut EntityVerdict) {
    let (true, Some(version)) = (plugin.kind.name == "plugins", facts.version()) else {
        return;
    };
    let name = text(plugin, "name").unwrap_or_default();
    let newer = |since: &String| KongVersion::parse(since).is_some_and(|since| since > version);
    if let Some(limits) = facts.catalogue().data_plane_limits(name) {
        if let Some(since) = limits.since.as_ref().filter(|since| newer(since)) {
            let observed = format!("plugin {name} needs {since}, the source is {version}");
            verdict.tell(&DATA_PLANE_TOO_OLD, plugin, observed);
        }
        for (field, since) in limits.fields.iter().filter(|(_, since)| newer(since)) {
            if json::get(&plugin.body, field).is_some_and(|value| !neutral(value)) {
                let observed = format!("plugin {name}: {field} needs {since}, the source is {version}");
                verdict.tell_at(&DATA_PLANE_FIELD_TOO_NEW, plugin, field, observed);
            }
        }
    }
    let websocket = texts(plugin, "protocols").find(|protocol| matches!(*protocol, "ws" | "wss"));
    if let Some(protocol) = websocket.filter(|_| version < V3_14 && BLOCKED_BY_WEBSOCKET.contains(&name)) {
        let observed = format!("plugin {name}: protocol {protocol}, the source is {version}");
        verdict.tell_at(&WEBSOCKET_BLOCKS_PUSH, plugin, "protocols", observed);
    }
    let condition = plugin
        .body
        .get("condition")
        .is_some_and(|c| !matches!(c, Value::Null));
    if condition && version < V3_15 {
        verdict.tell_at(
            &CONDITION_NEEDS_NEW_DATA_PLANES,
            plugin,
            "condition",
            format!("the source is {version}"),
        );
    }
}
