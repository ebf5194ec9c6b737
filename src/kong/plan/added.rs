//! Fields that only the target has: harmless, or another behaviour than the source version's.

use serde_json::{Map, Value};

use super::catalogue::{Catalogue, DefaultChanges};
use super::mask;
use super::path::Path;
use super::planner_rules::TARGET_ADDS_FIELD;
use crate::kong::model::{Entity, KongVersion, json};
use crate::migration::finding::Finding;
use crate::migration::subject::Subject;

/// New fields of a plugin whose filled-in value keeps the old behaviour, with the reason.
const KEEPS_BEHAVIOUR: &[(&str, &str)] = &[
    // CORS headers were always returned without an Origin header before the switch existed (changelog of 3.10).
    ("cors", "config.allow_origin_absent"),
];

/// What the target will fill in for a plugin that is yet to be written, as the published defaults say.
#[must_use]
pub fn preview(
    subject: &Subject,
    entity: &Entity,
    version: KongVersion,
    catalogue: &Catalogue,
) -> Vec<Finding> {
    let Some((name, changes)) = default_changes(entity, version, catalogue) else {
        return Vec::new();
    };
    let body = &entity.body;
    changes
        .new
        .iter()
        .filter(|(path, _)| {
            !path.contains("[]") && json::get(body, path).is_none() && parent_is_set(body, path)
        })
        .filter(|(path, _)| !KEEPS_BEHAVIOUR.contains(&(name, path.as_str())))
        .map(|(path, value)| finding(subject, entity, path, value))
        .collect()
}

/// What the target has filled in.
#[must_use]
pub fn observe(
    subject: &Subject,
    entity: &Entity,
    actual: &Map<String, Value>,
    version: KongVersion,
    catalogue: &Catalogue,
) -> Vec<Finding> {
    let mut paths = Vec::new();
    added_paths(&entity.body, actual, None, &mut paths);
    let changes = default_changes(entity, version, catalogue);
    let keeps_behaviour = |path: &str| match changes {
        Some((name, _)) => KEEPS_BEHAVIOUR.contains(&(name, path)),
        None => entity.kind.added_quietly.contains(&path),
    };
    paths
        .into_iter()
        .filter(|(path, value)| {
            let known = |(_, changes): (_, &DefaultChanges)| changes.changed.get(path) == Some(*value);
            let server_made = entity.kind.read_only.contains(&path.as_str());
            !server_made && !changes.is_some_and(known) && !keeps_behaviour(path)
        })
        .map(|(path, value)| finding(subject, entity, &path, value))
        .collect()
}

fn default_changes<'a>(
    entity: &'a Entity,
    version: KongVersion,
    catalogue: &'a Catalogue,
) -> Option<(&'a str, &'a DefaultChanges)> {
    let name = entity.kind.plugin_name(&entity.body)?;
    Some((name, catalogue.default_changes(version, name)?))
}

/// A new field matters where the record around it is in use; a whole new record comes with a switch that is off.
fn parent_is_set(body: &Map<String, Value>, path: &str) -> bool {
    path.rsplit_once('.')
        .is_none_or(|(parent, _)| json::get(body, parent).is_some_and(Value::is_object))
}

/// Leaves that the target has beside fields the source has, and that say something.
fn added_paths<'a>(
    body: &Map<String, Value>,
    actual: &'a Map<String, Value>,
    at: Option<&Path<'_>>,
    found: &mut Vec<(String, &'a Value)>,
) {
    for (name, value) in actual {
        let path = Path::below(at, name);
        match (body.get(name), value) {
            (Some(Value::Object(ours)), Value::Object(theirs)) => {
                added_paths(ours, theirs, Some(&path), found);
            }
            (Some(_), _) | (None, Value::Object(_)) => {}
            (None, _) if neutral(value) => {}
            (None, _) => found.push((path.to_string(), value)),
        }
    }
}

/// Nothing, off, empty: leaves the traffic as it was before the field existed.
pub(super) fn neutral(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => matches!(text.as_str(), "" | "off" | "none"),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

fn finding(subject: &Subject, entity: &Entity, path: &str, value: &Value) -> Finding {
    let plugin = entity.kind.plugin_name(&entity.body);
    let shown = mask::shown(entity.kind, plugin, path, value);
    Finding::new(&TARGET_ADDS_FIELD, subject.clone(), format!("{path} = {shown}")).at(path)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::test_support::entity;
    use super::*;

    const V3_9: KongVersion = KongVersion { major: 3, minor: 9 };

    fn fields(findings: &[Finding]) -> Vec<&str> {
        findings.iter().filter_map(|f| f.field.as_deref()).collect()
    }

    #[test]
    fn a_switched_on_check_is_foreseen_and_seen() {
        let plugin = entity(
            "plugins",
            json!({"id": "p", "name": "http-log", "config": {"http_endpoint": "https://x"}}),
        );
        let previewed = preview(&plugin.subject(), &plugin, V3_9, Catalogue::bundled());
        assert_eq!(fields(&previewed), ["config.ssl_verify"]);
        assert_eq!(previewed[0].observed, "config.ssl_verify = true");
        let actual = json!({"id": "p", "name": "http-log", "config": {"http_endpoint": "https://x", "ssl_verify": true, "client_certificate": null}});
        let seen = observe(
            &plugin.subject(),
            &plugin,
            actual.as_object().unwrap(),
            V3_9,
            Catalogue::bundled(),
        );
        assert_eq!(seen, previewed);
    }

    #[test]
    fn a_new_record_with_its_switch_off_is_harmless() {
        let plugin = entity(
            "plugins",
            json!({"id": "p", "name": "basic-auth", "config": {"hide_credentials": false}}),
        );
        assert!(preview(&plugin.subject(), &plugin, V3_9, Catalogue::bundled()).is_empty());
        let actual = json!({"name": "basic-auth", "config": {"hide_credentials": false, "principals": {"enabled": false, "error_on_miss": true}}});
        assert!(
            observe(
                &plugin.subject(),
                &plugin,
                actual.as_object().unwrap(),
                V3_9,
                Catalogue::bundled()
            )
            .is_empty()
        );
    }

    #[test]
    fn a_default_that_the_source_version_shares_is_no_news() {
        let plugin = entity("plugins", json!({"id": "p", "name": "key-auth", "config": {}}));
        let see = |value: bool| {
            let actual = json!({"config": {"hide_credentials": value}});
            observe(
                &plugin.subject(),
                &plugin,
                actual.as_object().unwrap(),
                V3_9,
                Catalogue::bundled(),
            )
            .len()
        };
        assert_eq!((see(false), see(true)), (0, 1));
    }

    #[test]
    fn the_path_of_a_cookie_that_is_not_set_is_harmless() {
        let upstream = entity("upstreams", json!({"id": "u", "name": "n"}));
        let actual = json!({"id": "u", "name": "n", "sticky_sessions_cookie": null, "sticky_sessions_cookie_path": "/"});
        let seen = observe(
            &upstream.subject(),
            &upstream,
            actual.as_object().unwrap(),
            V3_9,
            Catalogue::bundled(),
        );
        assert!(seen.is_empty());
    }

    #[test]
    fn core_entities_are_seen_too() {
        let service = entity("services", json!({"id": "s", "host": "h"}));
        let actual = json!({"id": "s", "host": "h", "created_at": 1, "tls_sans": null, "tls_verify": true});
        assert_eq!(
            fields(&observe(
                &service.subject(),
                &service,
                actual.as_object().unwrap(),
                V3_9,
                Catalogue::bundled()
            )),
            ["tls_verify"]
        );
    }
}
