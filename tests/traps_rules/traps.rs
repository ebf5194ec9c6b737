//! The traps of a migration that rules and translation answer, with source data as a gateway returns it.

use anyhow::{Context, Result};
use gateway_migration_operator::kong::model::entity_kinds::ENTITY_KINDS;
use gateway_migration_operator::kong::model::recast::group_plugin_id;
use gateway_migration_operator::kong::plan::Planned;
use gateway_migration_operator::migration::plan::Action;
use gateway_migration_operator::migration::subject::EntityKey;
use serde_json::{Value, json};

use super::scenario::Scenario;

fn plan(source: Value) -> Result<Planned> {
    Scenario::of(source)?.plan()
}

fn key(kind: &str, id: &str) -> EntityKey {
    EntityKey::new(kind.to_owned(), id)
}

fn action(planned: &Planned, kind: &str, id: &str) -> Result<Action> {
    let key = key(kind, id);
    let found = planned
        .plan
        .operations
        .iter()
        .find(|operation| operation.subject.key == key);
    Ok(found.with_context(|| format!("{key} has no fate"))?.action)
}

fn body(planned: &Planned, kind: &str, id: &str) -> Result<Value> {
    let desired = planned.desired.get(&key(kind, id)).context("not written")?;
    Ok(Value::Object(desired.body()))
}

fn ids(planned: &Planned) -> Vec<&str> {
    planned
        .plan
        .findings
        .iter()
        .map(|finding| finding.id.as_str())
        .collect()
}

#[test]
fn trap_05_an_unknown_field_of_any_kind_is_carried_or_named() -> Result<()> {
    for kind in ENTITY_KINDS
        .iter()
        .filter(|kind| kind.movable() && !kind.presence.given && kind.name != "consumer_group_members")
    {
        let mut entity =
            json!({"id": "x", "username": "u", "name": "cors", "type": "redis-ce", "surprise": 7});
        let mut source = json!({});
        for parent in kind.foreign_keys.iter().take(1) {
            entity[parent.field] = json!({"id": "parent"});
            source[parent.kind] =
                json!([{"id": "parent", "username": "parent", "name": "parent", "host": "a.example"}]);
        }
        if kind.name == "vaults" {
            entity["name"] = json!("env");
        }
        if kind.name == "consumers" {
            entity["type"] = json!(0);
        }
        source[kind.name] = json!([entity]);
        let planned = plan(source)?;
        let named = planned
            .plan
            .findings
            .iter()
            .any(|f| f.subject.key == key(kind.name, "x") && f.field.as_deref() == Some("surprise"));
        let carried = body(&planned, kind.name, "x").is_ok_and(|body| body["surprise"] == json!(7));
        assert!(named || carried, "{kind} loses a field: {:?}", ids(&planned));
    }
    Ok(())
}

#[test]
fn trap_05_an_unknown_field_inside_a_plugins_configuration_is_named() -> Result<()> {
    let config = json!({"origins": ["*"], "surprise": 7, "nothing": null});
    let planned = plan(json!({"plugins": [{"id": "p", "name": "cors", "config": config}]}))?;
    assert_eq!(
        body(&planned, "plugins", "p")?["config"],
        json!({"origins": ["*"]})
    );
    assert!(
        planned
            .plan
            .findings
            .iter()
            .any(|f| f.field.as_deref() == Some("config.surprise"))
    );
    Ok(())
}

#[test]
fn trap_06_no_newer_default_takes_effect_without_a_finding() -> Result<()> {
    let plugin = json!({"id": "p", "name": "http-log", "config": {"http_endpoint": "https://x"}});
    let mut world = Scenario::of(json!({"plugins": [plugin.clone()]}))?;
    assert!(ids(&world.plan()?).contains(&"target-adds-field"));
    let mut filled = plugin;
    filled["config"]["ssl_verify"] = json!(true);
    world.target = serde_json::from_value(json!({"plugins": [filled]}))?;
    let planned = world.plan()?;
    assert_eq!(action(&planned, "plugins", "p")?, Action::Unchanged);
    assert!(ids(&planned).contains(&"target-adds-field"));
    Ok(())
}

#[test]
fn trap_10_null_and_absent_are_equal_and_an_empty_text_is_not() -> Result<()> {
    let fate = |source: Value, target: Value| -> Result<Action> {
        let mut world = Scenario::of(json!({"services": [source]}))?;
        world.target = serde_json::from_value(json!({"services": [target]}))?;
        action(&world.plan()?, "services", "s")
    };
    let service = |path: Value| json!({"id": "s", "host": "a.example", "path": path});
    let absent = json!({"id": "s", "host": "a.example"});
    assert_eq!(fate(service(Value::Null), absent.clone())?, Action::Unchanged);
    assert_eq!(fate(service(json!("")), service(Value::Null))?, Action::Blocked);
    assert_eq!(
        fate(service(Value::Null), service(json!("/v1")))?,
        Action::Blocked
    );
    Ok(())
}

#[test]
fn trap_11_deprecated_fields_become_their_successors() -> Result<()> {
    let plugin = |name: &str, config: Value| -> Result<Value> {
        let planned = plan(json!({"plugins": [{"id": "p", "name": name, "config": config}]}))?;
        Ok(body(&planned, "plugins", "p")?["config"].clone())
    };
    let both = json!({"policy": "redis", "redis_host": "r", "redis": {"host": "r"}});
    assert_eq!(
        plugin("rate-limiting", both)?,
        json!({"policy": "redis", "redis": {"host": "r"}})
    );
    let session = json!({"session_redis_host": "r", "session_redis_port": 6379});
    assert_eq!(
        plugin("openid-connect", session)?,
        json!({"redis": {"host": "r", "port": 6379}})
    );
    let nodes = json!({"strategy": "redis", "redis": {"cluster_addresses": ["n:7000"]}});
    let nodes = plugin("proxy-cache-advanced", nodes)?;
    assert_eq!(
        nodes["redis"],
        json!({"cluster_nodes": [{"ip": "n", "port": 7000}]})
    );
    Ok(())
}

#[test]
fn trap_14_names_inside_configurations_are_resolved_and_written_first() -> Result<()> {
    let planned = plan(json!({
        "plugins": [{"id": "p", "name": "key-auth", "config": {"anonymous": "guest"}}],
        "consumers": [{"id": "c", "username": "guest"}],
        "services": [{"id": "s", "host": "pool"}],
        "upstreams": [{"id": "u", "name": "pool"}],
        "targets": [{"id": "t", "target": "a.example:80", "upstream": {"id": "u"}}],
    }))?;
    let wave = |kind: &str| {
        planned
            .plan
            .operations
            .iter()
            .find(|o| o.subject.key.kind == kind)
            .map(|o| o.wave)
    };
    assert!(wave("consumers") < wave("plugins"));
    let told = ids(&planned);
    assert!(
        !told.contains(&"named-consumer-unknown") && !told.contains(&"host-is-short-name"),
        "{told:?}"
    );
    Ok(())
}

#[test]
fn trap_14_a_name_of_something_left_behind_is_told() -> Result<()> {
    let planned = plan(json!({
        "services": [{"id": "s", "host": "pool"}],
        "upstreams": [{"id": "u", "name": "pool", "tags": ["k8s-name:pool"]}],
    }))?;
    assert_eq!(action(&planned, "services", "s")?, Action::Create);
    assert!(ids(&planned).contains(&"named-entity-left-behind"));
    Ok(())
}

#[test]
fn trap_15_an_expression_route_keeps_its_form_and_names_the_router() -> Result<()> {
    let route = json!({"id": "r", "protocols": ["http"], "expression": "http.path == \"/\"", "priority": 10});
    let planned = plan(json!({"routes": [route]}))?;
    let body = body(&planned, "routes", "r")?;
    assert_eq!(
        (&body["expression"], &body["priority"]),
        (&json!("http.path == \"/\""), &json!(10))
    );
    assert!(ids(&planned).contains(&"expression-route-needs-flavor"));
    Ok(())
}

#[test]
fn trap_16_legacy_consumer_groups_become_plugins_of_the_groups() -> Result<()> {
    let config = json!({"limit": [5], "window_size": [60], "strategy": "local", "enforce_consumer_groups": true, "consumer_groups": ["gold", "lost"]});
    let world = json!({
        "plugins": [{"id": "p", "name": "rate-limiting-advanced", "config": config}],
        "consumer_groups": [{"id": "g", "name": "gold"}],
        "consumer_group_overrides": [{"id": "o", "name": "rate-limiting-advanced", "consumer_group": {"id": "g"}, "config": {"limit": [50]}}],
    });
    let planned = plan(world.clone())?;
    let told = ids(&planned);
    assert!(!told.contains(&"legacy-consumer-groups"));
    for (id, count) in [
        ("group-limits-moved", 1),
        ("consumer-group-unknown", 1),
        ("moved-as-another-kind", 1),
    ] {
        assert_eq!(told.iter().filter(|told| **told == id).count(), count, "{id}");
    }
    let base = body(&planned, "plugins", "p")?;
    assert_eq!(base["config"]["enforce_consumer_groups"], false);
    assert_eq!(base["config"]["consumer_groups"], json!(["gold", "lost"]));
    let made = body(&planned, "plugins", &group_plugin_id("g", "p"))?;
    assert_eq!(made["consumer_group"], json!({"id": "g"}));
    assert_eq!(made["config"]["limit"], json!([50]));
    assert_eq!(made["config"]["window_size"], json!([60]));

    // What could not be read is not taken for nothing.
    let mut unread = Scenario::of(world)?;
    unread.source.remove("consumer_group_overrides");
    unread.forbidden = vec!["consumer_group_overrides".to_owned()];
    assert!(ids(&unread.plan()?).contains(&"legacy-consumer-groups"));
    Ok(())
}

#[test]
fn trap_17_what_others_manage_is_left_alone_on_both_sides() -> Result<()> {
    let mut world = Scenario::of(json!({
        "services": [{"id": "s", "host": "a.example", "tags": ["k8s-name:a", "managed-by-ingress-controller"]}],
        "plugins": [{"id": "p", "name": "cors", "config": {"credentials": true}}],
    }))?;
    world.target = serde_json::from_value(
        json!({"plugins": [{"id": "p", "name": "cors", "config": {"credentials": false}, "tags": ["konnect-managed-plugin"]}]}),
    )?;
    let planned = world.plan()?;
    assert_eq!(action(&planned, "services", "s")?, Action::StaysBehind);
    assert_eq!(action(&planned, "plugins", "p")?, Action::StaysBehind);
    assert!(planned.desired.is_empty());
    Ok(())
}

#[test]
fn trap_18_an_expired_certificate_is_an_error_at_its_date_and_not_before() -> Result<()> {
    let text = include_str!("cases/certificates.yaml");
    assert!(text.contains("certificate-expired"));
    let cases: Value = serde_saphyr::from_str(text)?;
    let mut world: Scenario = serde_json::from_value(cases["certificate-expired"]["raised"].clone())?;
    let blocks = |world: &Scenario| -> Result<bool> { Ok(world.plan()?.plan.blocking().next().is_some()) };
    assert!(blocks(&world)?);
    world.now = None;
    assert!(!blocks(&world)?);
    Ok(())
}

#[test]
fn trap_20_long_lists_names_and_paths_are_warned_of_and_carried_whole() -> Result<()> {
    let hosts: Vec<_> = (0..17).map(|n| format!("h{n}.example")).collect();
    let tags: Vec<_> = (0..21).map(|n| format!("t{n}")).collect();
    let path = format!("/{}", "a".repeat(1_024));
    let route = json!({"id": "r", "name": "маршрут", "protocols": ["http"], "hosts": hosts, "tags": tags, "paths": [path]});
    let planned = plan(json!({"routes": [route]}))?;
    let told = ids(&planned);
    for id in [
        "route-list-too-long",
        "too-many-tags",
        "route-path-too-long",
        "name-characters",
    ] {
        assert!(told.contains(&id), "{id}: {told:?}");
    }
    assert_eq!(
        body(&planned, "routes", "r")?["hosts"].as_array().map(Vec::len),
        Some(17)
    );
    Ok(())
}
