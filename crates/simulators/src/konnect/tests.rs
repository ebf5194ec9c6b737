//! Answers against the published responses, and the validator's reading of the document.

use serde_json::{Value, json};

use super::core_entities::{self, Call};
use super::document::{CONTROL_PLANES, ENTITIES};
use super::kinds::KINDS;
use super::paging::Query;
use super::validator::{Rule, Validator, Violation};
use super::{Konnect, Options};

fn violations(schema: Value, value: Value) -> Vec<(String, Rule)> {
    let found = ENTITIES.violations(&schema, &value);
    found
        .into_iter()
        .map(|Violation { field, rule, .. }| (field, rule))
        .collect()
}

#[test]
fn null_is_admitted_only_where_the_document_says_nullable() {
    let schema = json!({"type": "object", "properties": {
        "a": {"type": "string", "nullable": true}, "b": {"type": "string"},
        "c": {"type": "array", "items": {"type": "string"}},
    }});
    assert_eq!(violations(schema.clone(), json!({"a": null})), []);
    let refused = vec![
        ("b".to_owned(), Rule::Type("string".into())),
        ("c.0".into(), Rule::Type("string".into())),
    ];
    assert_eq!(violations(schema, json!({"b": null, "c": [null]})), refused);
}

#[test]
fn a_whole_number_is_an_integer_however_it_is_written() {
    let schema = json!({"type": "integer", "minimum": 1, "maximum": 2});
    assert_eq!(violations(schema.clone(), json!(1.0)), []);
    assert_eq!(
        violations(schema.clone(), json!(1.5)),
        [(String::new(), Rule::Type("integer".into()))]
    );
    assert_eq!(
        violations(schema.clone(), json!(0)),
        [(String::new(), Rule::Below("min", 1.0))]
    );
    assert_eq!(
        violations(schema, json!(3)),
        [(String::new(), Rule::Above("max", 2.0))]
    );
}

#[test]
fn a_vault_property_named_description_survived_the_derivation() {
    assert_eq!(
        ENTITIES.schema("Vault")["properties"]["description"]["type"],
        "string"
    );
    assert_eq!(
        CONTROL_PLANES.schema("ControlPlane")["properties"]["description"]["type"],
        "string"
    );
    assert_eq!(ENTITIES.schema("Vault").get("description"), None);
}

#[test]
fn plugin_configs_take_null_and_vault_references_but_no_unknown_field() {
    let schema = json!({"type": "object", "properties": {
        "size": {"type": "integer"}, "key": {"type": "string", "enum": ["a"], "x-referenceable": true},
    }});
    let check = |value: Value| Validator::plugin_config().violations(&schema, &value).len();
    assert_eq!(check(json!({"size": null, "key": "{vault://env/key}"})), 0);
    assert_eq!(check(json!({"size": "x"})), 1);
    assert_eq!(check(json!({"other": null})), 1);
    assert_eq!(check(json!({"key": "b"})), 1);
}

#[test]
fn every_kind_is_in_the_document() {
    for kind in KINDS {
        assert!(
            ENTITIES.schema(kind.schema).is_object(),
            "{} has no schema {}",
            kind.path,
            kind.schema
        );
        let list = format!("/core-entities/{}", kind.path);
        assert!(ENTITIES.operation("GET", &list).is_ok(), "{list}");
        for nested in kind.nested {
            let path = format!("/core-entities/{}/id/{}/id", nested.parent, nested.segment);
            assert!(ENTITIES.operation("PUT", &path).is_ok(), "{path}");
        }
    }
}

/// A control plane that holds one entity of most kinds.
fn furnished() -> anyhow::Result<(Konnect, String)> {
    let konnect = Konnect::new(Options::default());
    let created = konnect.seed_control_plane(&json!({"name": "test"}))?;
    let id = created["id"].as_str().unwrap_or_default().to_owned();
    for (path, body) in [
        ("services", json!({"host": "a", "name": "s", "tags": ["t"]})),
        ("services/s/routes", json!({"paths": ["/"], "name": "r"})),
        ("upstreams", json!({"name": "u"})),
        ("upstreams/u/targets", json!({"target": "a:1"})),
        ("consumers", json!({"username": "c"})),
        ("consumers/c/key-auth", json!({})),
        (
            "consumers/c/basic-auth",
            json!({"username": "a", "password": "b"}),
        ),
        ("consumers/c/hmac-auth", json!({"username": "a"})),
        ("consumers/c/jwt", json!({})),
        ("consumers/c/acls", json!({"group": "a"})),
        ("consumer_groups", json!({"name": "g"})),
        ("consumer_groups/g/consumers", json!({"consumer": "c"})),
        (
            "certificates",
            json!({"cert": "{vault://v/c}", "key": "{vault://v/k}"}),
        ),
        ("key-sets", json!({"name": "k"})),
        ("key-sets/k/keys", json!({"kid": "k", "jwk": "{\"kid\":\"k\"}"})),
        ("vaults", json!({"name": "env", "prefix": "v"})),
        ("partials", json!({"name": "p", "type": "redis-ce", "config": {}})),
        ("plugins", json!({"name": "cors"})),
        (
            "services/s/degraphql/routes",
            json!({"uri": "/a", "query": "{a}"}),
        ),
        (
            "services/s/graphql-rate-limiting-advanced/costs",
            json!({"type_path": "a.b"}),
        ),
    ] {
        konnect.seed(&id, path, &body)?;
    }
    Ok((konnect, id))
}

#[test]
fn answers_fit_the_published_responses() -> anyhow::Result<()> {
    let (konnect, id) = furnished()?;
    let mut checked = 0;
    for kind in KINDS {
        let first = konnect
            .entities(&id, kind.path)
            .first()
            .and_then(|e| e["id"].as_str().map(str::to_owned));
        let one = first.map(|first| format!("{}/{first}", kind.path));
        for path in [Some(kind.path.to_owned()), one].into_iter().flatten() {
            // Single targets are served below their upstream only.
            let Ok(operation) = ENTITIES.operation("GET", &format!("/core-entities/{path}")) else {
                continue;
            };
            let query = Query::default();
            let call = Call {
                control_plane: &id,
                method: "GET",
                path: &path,
                query,
                body: &[],
            };
            let (_, mut answer) =
                core_entities::answer(&mut konnect.lock(), &call).map_err(|f| anyhow::anyhow!("{f:?}"))?;
            // The schema says string, its description says that the last page has null.
            if let Some(map) = answer
                .as_object_mut()
                .filter(|map| map.get("next").is_some_and(Value::is_null))
            {
                map.remove("next");
            }
            let schema = &operation["response"];
            assert!(schema.is_object(), "{path} has no response");
            assert_eq!(ENTITIES.violations(schema, &answer), [], "{path}: {answer}");
            checked += 1;
        }
    }
    assert!(checked > 35, "{checked}");
    for record in konnect.control_planes() {
        assert_eq!(
            CONTROL_PLANES.violations(CONTROL_PLANES.schema("ControlPlane"), &record),
            []
        );
    }
    Ok(())
}
