//! What moves as another kind, and what does not.

use super::super::entity_kinds::{KEY_AUTH_ENC, OVERRIDES};
use super::*;

fn snapshot(rows: &[(&str, Value)]) -> Snapshot {
    let mut snapshot: Snapshot = rows
        .iter()
        .map(|(kind, body)| {
            Entity::from_body(named(kind).unwrap(), body.as_object().unwrap().clone()).unwrap()
        })
        .collect();
    recast(&mut snapshot);
    snapshot
}

fn keys(snapshot: &Snapshot) -> Vec<String> {
    snapshot.keys().map(ToString::to_string).collect()
}

fn base(config: Value) -> Value {
    json!({"id": "base", "name": RATE_LIMITING, "enabled": true, "route": {"id": "r"}, "config": config})
}

#[test]
fn an_encrypted_key_that_can_be_read_moves_as_a_plain_one() {
    let snapshot = snapshot(&[
        (
            KEY_AUTH_ENC,
            json!({"id": "a", "key": "k", "key_ident": "1a2b3", "consumer": {"id": "c"}, "ttl": 5}),
        ),
        (KEY_AUTH_ENC, json!({"id": "b", "key": null})),
    ]);
    assert_eq!(keys(&snapshot), ["key-auths/a", "key-auths-enc/b"]);
    let moved = &snapshot.iter().next().unwrap().body;
    assert_eq!(
        *moved,
        *json!({"id": "a", "key": "k", "consumer": {"id": "c"}, "ttl": 5})
            .as_object()
            .unwrap()
    );
    assert_eq!(snapshot.recast.len(), 1);
    assert_eq!(snapshot.recast[0].from.to_string(), "key-auths-enc/a");
}

#[test]
fn an_override_becomes_a_plugin_of_the_group_in_the_scope_of_the_one_that_enforces_it() {
    let rows = [
        ("consumer_groups", json!({"id": "g", "name": "gold"})),
        (
            "plugins",
            base(
                json!({"limit": [5], "window_size": [60], "strategy": "local", "namespace": "n",
            "enforce_consumer_groups": true, "consumer_groups": ["gold"]}),
            ),
        ),
        (
            OVERRIDES,
            json!({"id": "o", "name": RATE_LIMITING, "consumer_group": {"id": "g"}, "config": {"limit": [50]}}),
        ),
    ];
    let first = snapshot(&rows);
    let made = first
        .iter()
        .find(|e| e.body.contains_key("consumer_group"))
        .unwrap();
    assert_eq!(made.kind.name, "plugins");
    assert_eq!(made.body["route"], json!({"id": "r"}));
    assert_eq!(
        made.body["config"],
        json!({"limit": [50], "window_size": [60], "strategy": "local", "namespace": made.id})
    );
    assert_eq!(
        keys(&first),
        keys(&snapshot(&rows)),
        "derived ids are always the same"
    );
}

#[test]
fn an_override_that_nothing_enforces_stays() {
    let entity =
        json!({"id": "o", "name": RATE_LIMITING, "consumer_group": {"id": "g"}, "config": {"limit": [50]}});
    for config in [
        json!({}),
        json!({"enforce_consumer_groups": false, "consumer_groups": ["g"]}),
        json!({"enforce_consumer_groups": true, "consumer_groups": ["another"]}),
    ] {
        let left = snapshot(&[("plugins", base(config)), (OVERRIDES, entity.clone())]);
        assert_eq!(keys(&left), ["consumer_group_overrides/o", "plugins/base"]);
        assert!(left.recast.is_empty());
    }
}

#[test]
fn a_plugin_of_the_group_that_newer_versions_show_again_is_no_override() {
    let plugin = json!({"id": "p", "name": RATE_LIMITING, "consumer_group": {"id": "g"}, "config": {}});
    let read = snapshot(&[("plugins", plugin.clone()), (OVERRIDES, plugin)]);
    assert_eq!(keys(&read), ["plugins/p"]);
}

#[test]
fn an_override_among_the_plugins_of_a_group_in_a_file_is_one_while_a_plugin_chooses_by_the_group() {
    let rows = |config: Value| {
        [
            ("consumer_groups", json!({"id": "g", "name": "gold"})),
            (
                "plugins",
                base(
                    json!({"limit": [5], "strategy": "redis", "enforce_consumer_groups": true, "consumer_groups": ["gold"]}),
                ),
            ),
            (
                "plugins",
                json!({"id": "o", "name": RATE_LIMITING, "consumer_group": {"id": "g"}, "config": config}),
            ),
        ]
    };
    let made = snapshot(&rows(json!({"limit": [50], "window_type": "sliding"})));
    let id = group_plugin_id("g", "base");
    assert_eq!(*made.recast[0].to.id, id);
    let made = made.get(&made.recast[0].to).unwrap().body;
    assert_eq!(made["config"]["strategy"], "redis");
    assert_eq!(made["config"]["limit"], json!([50]));
    // With more than limits it is a plugin of its own.
    let own = snapshot(&rows(json!({"limit": [50], "strategy": "local"})));
    assert!(own.recast.is_empty());
    assert_eq!(keys(&own), ["consumer_groups/g", "plugins/base", "plugins/o"]);
}
