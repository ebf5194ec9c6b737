//! Every kind of entity that a gateway can have moves, or is named.

use anyhow::Result;
use serde_json::{Value, json};
use simulators::kong_admin::Edition;
use simulators::server::{Behaviour, Fault};

use super::support::{
    WORKSPACE, apply, asked, bed_with, found, gateway, held, id, like, migration, move_all, plan, sample,
};

/// Entities of Enterprise that move, on a service and a consumer.
fn enterprise() -> Result<Value> {
    let authority = sample("default", "/ca_certificates")?.remove(0);
    Ok(json!({
        "/services": [like("sales", "/services", json!({"id": id(1), "name": "graph"}))?],
        "/consumers": [like("sales", "/consumers", json!({"id": id(2), "username": "machine", "custom_id": null}))?],
        "/mtls-auths": [{"id": id(3), "consumer": {"id": id(2)}, "subject_name": "CN=machine",
            "ca_certificate": {"id": authority["id"]}, "created_at": 1_751_385_996, "tags": null}],
        "/degraphql_routes": [{"id": id(4), "service": {"id": id(1)}, "uri": "/me", "query": "{ me { name } }",
            "methods": ["GET"], "created_at": 1_751_385_996, "updated_at": 1_751_385_996}],
        "/graphql-rate-limiting-advanced/costs": [{"id": id(5), "service": {"id": id(1)}, "type_path": "Query.me",
            "add_constant": 2, "add_arguments": [], "mul_constant": 1, "mul_arguments": ["first"], "created_at": 1_751_385_996}],
        "/key-auths-enc": [
            {"id": id(6), "consumer": {"id": id(2)}, "key": "readable", "key_ident": "1a2b3", "ttl": null, "tags": null},
            {"id": id(7), "consumer": {"id": id(2)}, "key": null, "key_ident": "4c5d6", "ttl": null, "tags": null},
        ],
    }))
}

#[tokio::test]
async fn credentials_and_graphql_entities_of_enterprise_move_below_their_owners() -> Result<()> {
    let bed = bed_with(&enterprise()?).await?;
    let migration = migration(&bed, WORKSPACE).await?;
    let planned = move_all(&bed, &migration).await?;
    assert_eq!(
        held(&bed, &migration, "mtls-auths", &id(3))["subject_name"],
        "CN=machine"
    );
    assert_eq!(held(&bed, &migration, "degraphql_routes", &id(4))["uri"], "/me");
    let costs = "graphql-rate-limiting-advanced/costs";
    assert_eq!(
        held(&bed, &migration, costs, &id(5))["mul_arguments"],
        json!(["first"])
    );
    assert_eq!(held(&bed, &migration, "key-auths", &id(6))["key"], "readable");
    assert_eq!(
        found(&planned, "moved-as-another-kind"),
        [format!("key-auths-enc/{}", id(6))]
    );
    assert_eq!(
        found(&planned, "entity-not-movable"),
        [format!("key-auths-enc/{}", id(7))]
    );
    Ok(())
}

#[tokio::test]
async fn an_override_of_a_consumer_group_moves_as_a_plugin_of_the_group() -> Result<()> {
    let mut base = like("sales", "/plugins", json!({}))?;
    for plugin in sample("sales", "/plugins")? {
        if plugin["name"] == "rate-limiting-advanced" {
            base = plugin;
        }
    }
    for (field, value) in [
        ("id", json!(id(1))),
        ("consumer_group", Value::Null),
        ("partials", Value::Null),
        ("instance_name", Value::Null),
        ("service", Value::Null),
        ("route", Value::Null),
        ("consumer", Value::Null),
        ("tags", Value::Null),
    ] {
        base[field] = value;
    }
    base["config"]["strategy"] = json!("local");
    base["config"]["sync_rate"] = json!(-1);
    base["config"]["enforce_consumer_groups"] = json!(true);
    base["config"]["consumer_groups"] = json!(["gold"]);
    let overriding = |limit: u32| {
        json!([{"id": id(3), "name": "rate-limiting-advanced", "created_at": 1_751_385_996,
        "config": {"limit": [limit], "window_size": [60], "window_type": "sliding", "retry_after_jitter_max": 0}}])
    };
    let group = |number: usize, name: &str| {
        like(
            "sales",
            "/consumer_groups",
            json!({"id": id(number), "name": name}),
        )
    };
    let bed = bed_with(&json!({
        "/consumer_groups": [group(2, "gold")?, group(4, "idle")?], "/plugins": [base],
        format!("/consumer_groups/{}/overrides/plugins/rate-limiting-advanced", id(2)): overriding(500),
        format!("/consumer_groups/{}/overrides/plugins/rate-limiting-advanced", id(4)): [
            {"plugin": "rate-limiting-advanced", "group": "idle", "config": {"limit": [1], "window_size": [60]}}],
    }))
    .await?;
    let migration = migration(&bed, WORKSPACE).await?;
    let planned = plan(&migration).await?;
    assert_eq!(
        found(&planned, "moved-as-another-kind"),
        [format!("consumer_group_overrides/{}", id(3))]
    );
    let idle = format!("consumer_group_overrides/{}/rate-limiting-advanced", id(4));
    assert!(found(&planned, "entity-not-movable").contains(&idle));
    apply(&migration, &planned).await;
    let plugins = bed.konnect.entities(&migration.control_plane, "plugins");
    let of_group: Vec<_> = plugins
        .iter()
        .filter(|plugin| plugin["consumer_group"]["id"] == json!(id(2)))
        .collect();
    assert_eq!(of_group.len(), 1);
    assert_eq!(of_group[0]["config"]["limit"], json!([500]));
    assert_eq!(of_group[0]["config"]["strategy"], "local");
    Ok(())
}

#[tokio::test]
async fn what_is_no_configuration_is_counted_and_what_has_no_counterpart_is_named() -> Result<()> {
    let named = |numbers: std::ops::Range<usize>| -> Vec<Value> {
        numbers.map(|number| json!({"id": id(number), "name": format!("n{number}"), "email": format!("n{number}@example.com")})).collect()
    };
    let roles = named(10..12);
    let bed = bed_with(&json!({
        "/rbac/users": named(1..4), "/rbac/roles": roles,
        format!("/rbac/roles/{}/endpoints", id(10)): [{"id": id(20), "role": {"id": id(10)}, "endpoint": "*", "actions": ["read"]}],
        "/admins": named(30..32), "/groups": named(32..33), "/licenses": named(33..34), "/event-hooks": named(34..36),
        "/keyring": [{"id": "LaW1urRQ"}, {"id": "Xa2"}], "/developers": named(40..47), "/applications": named(47..48),
        format!("/applications/{}/application_instances", id(47)): [{"id": id(49), "application": {"id": id(47)}, "status": 0}],
        "/files": named(50..55), "/oauth2": [{"id": id(60), "name": "app", "client_id": "c", "client_secret": "s"}],
    }))
    .await?;
    let migration = migration(&bed, WORKSPACE).await?;
    let planned = plan(&migration).await?;
    let counts: Vec<_> = planned
        .plan
        .findings
        .iter()
        .filter(|finding| finding.id == "kind-not-moved")
        .filter_map(|finding| finding.observed.split(':').next())
        .collect();
    assert_eq!(
        counts,
        [
            "2 admins",
            "1 application_instances",
            "1 applications",
            "7 developers",
            "2 event-hooks",
            "5 files",
            "1 groups",
            "2 keyring",
            "1 licenses",
            "1 rbac_role_endpoints",
            "2 rbac_roles",
            "3 rbac_users",
        ]
    );
    assert_eq!(
        found(&planned, "entity-not-movable"),
        [format!("oauth2/{}", id(60))]
    );
    Ok(())
}

#[tokio::test]
async fn absent_forbidden_and_failed_kinds_are_told_apart() -> Result<()> {
    let bed = bed_with(&json!({})).await?;
    bed.kong.forbid("/trap/developers");
    let broken: Fault = "GET /event-hooks=500".parse()?;
    bed.kong_server.set_behaviour(Behaviour {
        faults: vec![broken],
        ..Behaviour::default()
    });
    let migration = migration(&bed, WORKSPACE).await?;
    let planned = plan(&migration).await?;
    assert_eq!(found(&planned, "unmovable-kind-unreadable"), ["developers/*"]);
    assert_eq!(found(&planned, "unmovable-kind-failed"), ["event-hooks/*"]);
    assert!(planned.plan.critical().is_none());

    let broken: Fault = "GET .*/consumers=500".parse()?;
    bed.kong_server.set_behaviour(Behaviour {
        faults: vec![broken],
        ..Behaviour::default()
    });
    assert!(
        migration.observe_source().await.is_err(),
        "a kind that moves stops the run"
    );
    Ok(())
}

#[tokio::test]
async fn a_gateway_of_2_8_is_asked_for_what_it_has() -> Result<()> {
    let bed = gateway("2.8.4.5-enterprise-edition", Edition::Enterprise, false).await?;
    let vault = like(
        "sales",
        "/vaults",
        json!({"id": id(1), "prefix": "old-env", "name": "env", "config": {"prefix": "OLD_"}}),
    )?;
    let mut plugin = like(
        "sales",
        "/plugins",
        json!({
            "id": id(2), "name": "cors", "config": {"origins": ["*"]}, "run_on": "first", "enabled": true, "protocols": ["http"],
            "service": null, "route": null, "consumer": null, "partials": null,
        }),
    )?;
    if let Some(fields) = plugin.as_object_mut() {
        for newer in [
            "consumer_group",
            "instance_name",
            "ordering",
            "partials",
            "updated_at",
        ] {
            fields.remove(newer);
        }
    }
    bed.kong
        .load(WORKSPACE, &json!({"/vaults-beta": [vault], "/plugins": [plugin]}))?;
    let migration = migration(&bed, WORKSPACE).await?;
    let planned = move_all(&bed, &migration).await?;
    assert!(found(&planned, "field-not-in-target").is_empty());
    assert_eq!(held(&bed, &migration, "vaults", &id(1))["prefix"], "old-env");
    assert!(asked(&bed, "/vaults-beta") && asked(&bed, "/consumer_groups"));
    for newer in ["/keys", "/key-sets", "/filter-chains", "/cloned-plugins"] {
        assert!(!asked(&bed, newer), "{newer}");
    }
    Ok(())
}

#[tokio::test]
async fn an_open_source_gateway_is_not_asked_for_enterprise_kinds() -> Result<()> {
    let bed = gateway("3.9.1", Edition::OpenSource, true).await?;
    bed.kong.load("default", &json!({"/filter-chains": [
        {"id": id(1), "name": "chain", "enabled": true, "route": null, "service": null, "filters": [{"name": "f"}], "tags": null}]}))?;
    let migration = migration(&bed, "default").await?;
    let planned = plan(&migration).await?;
    assert!(found(&planned, "entity-not-movable").contains(&format!("filter-chains/{}", id(1))));
    for enterprise in [
        "/consumer_groups",
        "/partials",
        "/rbac",
        "/licenses",
        "/mtls-auths",
        "/developers",
    ] {
        assert!(!asked(&bed, enterprise), "{enterprise}");
    }
    Ok(())
}
