//! What cannot move, told before the first write.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::catalogue::{Catalogue, RefusedValue};
use super::finding::{
    CUSTOM_PLUGIN_SCHEMA_MISSING, ENTITY_NOT_MOVABLE, Finding, PLUGIN_SUPPORT_UNCERTAIN, PLUGIN_UNSUPPORTED,
    PLUGIN_VALUE_UNSUPPORTED,
};
use super::mask;
use crate::domain::entity_kind::Write;
use crate::domain::{Entity, json};

/// The verdict on one entity.
#[derive(Debug, Default)]
pub struct Verdict {
    /// False: it stays behind, and the findings say why.
    pub moves: bool,
    /// Reasons and warnings.
    pub findings: Vec<Finding>,
}

/// Judges one entity by kind and, for a plugin, by name and configuration.
///
/// `uploaded` holds the names of custom plugins whose schema the control plane has.
#[must_use]
pub fn judge(entity: &Entity, uploaded: &BTreeSet<String>, catalogue: &Catalogue) -> Verdict {
    if let Write::Impossible(reason) | Write::Counted(reason) = entity.kind.write {
        return stays(vec![Finding::new(&ENTITY_NOT_MOVABLE, entity.subject(), reason)]);
    }
    if entity.kind.name != "plugins" {
        return Verdict {
            moves: true,
            findings: Vec::new(),
        };
    }
    let name = entity
        .body
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let support = catalogue
        .plugin(name)
        .filter(|support| support.konnect != "custom_upload");
    let Some(support) = support else {
        if uploaded.contains(name) {
            return Verdict {
                moves: true,
                findings: Vec::new(),
            };
        }
        let observed = format!("custom plugin {name}");
        return stays(vec![Finding::new(
            &CUSTOM_PLUGIN_SCHEMA_MISSING,
            entity.subject(),
            observed,
        )]);
    };
    match support.konnect.as_str() {
        "unsupported" | "konnect_only" | "konnect_internal" => {
            return stays(vec![Finding::new(
                &PLUGIN_UNSUPPORTED,
                entity.subject(),
                format!("plugin {name}"),
            )]);
        }
        _ => {}
    }
    let refused: Vec<_> = support
        .refused
        .iter()
        .flat_map(|rule| refusals(entity, name, rule))
        .collect();
    if !refused.is_empty() {
        return stays(refused);
    }
    let uncertain = support.konnect == "uncertain";
    let doubt = || {
        Finding::new(
            &PLUGIN_SUPPORT_UNCERTAIN,
            entity.subject(),
            format!("plugin {name}"),
        )
    };
    Verdict {
        moves: true,
        findings: uncertain.then(doubt).into_iter().collect(),
    }
}

fn stays(findings: Vec<Finding>) -> Verdict {
    Verdict {
        moves: false,
        findings,
    }
}

/// A finding for each value at the rule's field that the rule refuses.
fn refusals(entity: &Entity, plugin: &str, rule: &RefusedValue) -> Vec<Finding> {
    // Secrets of Konnect's own config store; a self-managed source has no such vault.
    if rule.field.ends_with('*') {
        return Vec::new();
    }
    let body = Value::Object(entity.body.clone());
    json::select(&body, &rule.field)
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

/// Names of the plugins whose schema a control plane has, out of its list of uploaded schemas.
#[must_use]
pub fn uploaded_names(schemas: &[Map<String, Value>]) -> BTreeSet<String> {
    schemas
        .iter()
        .filter_map(|schema| schema.get("name")?.as_str().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::test_support::entity;
    use super::*;

    fn ids(kind: &str, body: Value) -> (bool, Vec<String>) {
        let verdict = judge(
            &entity(kind, body),
            &BTreeSet::from(["uploaded".to_owned()]),
            Catalogue::bundled(),
        );
        (
            verdict.moves,
            verdict.findings.into_iter().map(|f| f.id).collect(),
        )
    }

    fn plugin(name: &str, config: Value) -> (bool, Vec<String>) {
        ids("plugins", json!({"id": "p", "name": name, "config": config}))
    }

    #[test]
    fn what_konnect_cannot_hold_stays_behind() {
        assert_eq!(
            ids("oauth2", json!({"id": "o"})),
            (false, vec!["entity-not-movable".into()])
        );
        assert_eq!(
            plugin("oauth2", json!({})),
            (false, vec!["plugin-unsupported".into()])
        );
        assert_eq!(
            plugin("our-own", json!({})),
            (false, vec!["custom-plugin-schema-missing".into()])
        );
        assert_eq!(plugin("uploaded", json!({})), (true, vec![]));
    }

    #[test]
    fn values_without_a_database_stay_behind() {
        assert_eq!(
            plugin("session", json!({"storage": "kong"})),
            (false, vec!["plugin-value-unsupported".into()])
        );
        assert_eq!(plugin("session", json!({"storage": "cookie"})), (true, vec![]));
        assert_eq!(
            plugin("rate-limiting", json!({"policy": "cluster"})),
            (false, vec!["plugin-value-unsupported".into()])
        );
        assert_eq!(
            plugin("rate-limiting", json!({"policy": "local"})),
            (true, vec![])
        );
        assert!(!plugin("jwt-signer", json!({"access_token_keyset": "kong"})).0);
    }

    #[test]
    fn doubt_is_said() {
        assert_eq!(
            plugin("statsd-advanced", json!({})),
            (true, vec!["plugin-support-uncertain".into()])
        );
    }
}
