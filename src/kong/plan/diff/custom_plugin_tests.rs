//! Schemas of custom plugins in a plan.

use serde_json::{Value, json};

use super::super::catalogue::Catalogue;
use super::super::input::{Circumstances, ConflictPolicy, Conflicts, Exclusion, IdPolicy, Policy, Selection};
use super::super::test_support::snapshot;
use super::*;
use crate::kong::model::Snapshot;

const SCHEMA: &str = "return { name = 'our-own', fields = {} }";

fn policy(schema: &str) -> Policy {
    Policy {
        custom_plugins: vec![CustomPlugin {
            name: "our-own".into(),
            schema: schema.into(),
            files: Vec::new(),
        }],
        ..Policy::default()
    }
}

fn plan(policy: &Policy, held: Option<&str>) -> Planned {
    let plugin = ("plugins", json!({"id": "p", "name": "our-own", "config": {}}));
    let bundled = ("plugins", json!({"id": "q", "name": "cors", "config": {}}));
    let target: Vec<(&str, Value)> = held
        .map(|text| {
            let body = json!({"name": "our-own", "lua_schema": text, "created_at": 1});
            ("plugin-schemas", body)
        })
        .into_iter()
        .collect();
    build_plan(&PlanInput {
        notes: &[],
        source: &snapshot(&[plugin, bundled]),
        target: &snapshot(&target),
        ledger: &Default::default(),
        version: KongVersion::parse("3.9.1"),
        policy,
        catalogue: Catalogue::bundled(),
        circumstances: &Circumstances::default(),
    })
}

fn outline(planned: &Planned) -> Vec<(String, Action)> {
    let operations = planned.plan.operations.iter();
    operations
        .map(|operation| (operation.subject.key.to_string(), operation.action))
        .collect()
}

fn has(planned: &Planned, finding: &str) -> bool {
    planned.plan.findings.iter().any(|found| found.id == finding)
}

#[test]
fn a_schema_goes_before_its_plugin_and_is_part_of_the_hash() {
    let planned = plan(&policy(SCHEMA), None);
    assert_eq!(
        outline(&planned),
        [
            ("plugin-schemas/our-own".to_owned(), Action::Create),
            ("plugins/p".to_owned(), Action::Create),
            ("plugins/q".to_owned(), Action::Create)
        ]
    );
    assert!(planned.plan.operations[0].wave < planned.plan.operations[1].wave);
    let schema = planned.desired.values().next().unwrap();
    assert_eq!(
        Value::Object(schema.body().clone()),
        json!({"lua_schema": SCHEMA})
    );
    assert!(!has(&planned, "custom-plugin-schema-missing") && has(&planned, "custom-plugin-on-nodes"));
    let other = plan(&policy(&SCHEMA.replace("{}", "{ }")), None);
    assert_ne!(planned.plan.hash, other.plan.hash);
}

#[test]
fn an_equal_schema_is_not_written_again_and_the_approval_holds() {
    let planned = plan(&policy(SCHEMA), Some(SCHEMA));
    assert_eq!(outline(&planned)[0].1, Action::Unchanged);
    assert_eq!(planned.plan.hash, plan(&policy(SCHEMA), None).plan.hash);
}

#[test]
fn a_schema_that_konnect_would_refuse_keeps_its_plugins_back_even_where_there_is_an_older_one() {
    let refused = SCHEMA.replace("return", "local x = require 'x' return");
    for held in [None, Some(SCHEMA)] {
        let planned = plan(&policy(&refused), held);
        assert_eq!(
            outline(&planned),
            [
                ("plugin-schemas/our-own".to_owned(), Action::StaysBehind),
                ("plugins/p".to_owned(), Action::Blocked),
                ("plugins/q".to_owned(), Action::Create)
            ]
        );
        assert!(has(&planned, "custom-plugin-schema-requires") && has(&planned, "blocked-by-dependency"));
    }
}

#[test]
fn a_schema_that_no_plugin_needs_is_not_uploaded() {
    let mut policy = policy(SCHEMA);
    policy.select = Selection {
        exclude: vec![Exclusion {
            kind: "plugins".into(),
            name: Some("our-own".into()),
        }],
        ..Selection::default()
    };
    let planned = plan(&policy, None);
    assert_eq!(outline(&planned)[0].1, Action::NotSelected);
    assert!(has(&planned, "custom-plugin-schema-unused"));
    policy.select = Selection {
        kinds: vec!["plugins".into()],
        ..Selection::default()
    };
    assert_eq!(
        outline(&plan(&policy, None))[0].1,
        Action::Create,
        "a selection takes what is needed along"
    );
}

#[test]
fn another_schema_in_the_control_plane_follows_the_conflict_policy() {
    let mut policy = policy(SCHEMA);
    policy.conflicts = Conflicts {
        by_kind: [("plugin-schemas".to_owned(), ConflictPolicy::Skip)].into(),
        ..Conflicts::default()
    };
    let planned = plan(&policy, Some("return { name = 'our-own', fields = { 1 } }"));
    assert_eq!(
        outline(&planned)[..2],
        [
            ("plugin-schemas/our-own".to_owned(), Action::Skipped),
            ("plugins/p".to_owned(), Action::Create)
        ],
        "the plugin takes the schema that is there"
    );
    let changes = &planned.plan.operations[0].changes;
    assert_eq!(changes[0].field, "lua_schema");
}

#[test]
fn a_derived_id_is_none_for_what_is_known_by_its_name() {
    let mut policy = policy(SCHEMA);
    policy.ids = IdPolicy::Derive {
        control_plane: "11111111-1111-4111-8111-111111111111".into(),
    };
    let planned = plan(&policy, None);
    assert_eq!(planned.plan.operations[0].target_id, None);
    assert!(planned.plan.operations[1].target_id.is_some());
}

#[test]
fn names_of_kongs_own_plugins_are_taken_and_those_of_partners_are_not() {
    for (name, taken) in [
        ("cors", true),
        ("vault-auth", true),
        ("application-registration", true),
        ("moesif", false),
        ("our-own", false),
    ] {
        let source = snapshot(&[("plugins", json!({"id": "p", "name": name, "config": {}}))]);
        let schema = CustomPlugin {
            name: name.into(),
            schema: format!("return {{ name = '{name}', fields = {{}} }}"),
            files: Vec::new(),
        };
        let planned = build_plan(&PlanInput {
            notes: &[],
            source: &source,
            target: &Snapshot::default(),
            ledger: &Default::default(),
            version: KongVersion::parse("3.9.1"),
            policy: &Policy {
                custom_plugins: vec![schema],
                ..Policy::default()
            },
            catalogue: Catalogue::bundled(),
            circumstances: &Circumstances::default(),
        });
        assert_eq!(has(&planned, "custom-plugin-name-bundled"), taken, "{name}");
    }
}
