//! Make, change, adopt.

use gateway_migration_operator::{
    api::konnect_gateway_control_plane::KonnectGatewayControlPlane as ControlPlane,
    k8s::conditions::kstatus::{Kstatus, verdict},
};
use kube::ResourceExt;
use serde_json::json;

use super::{
    CREATE, NAME, apply, apply_annotated, apply_auth, conditions, has, id_of, look_again, programmed,
    until_programmed, with_foreign,
};
use crate::world::{TOKEN, World, condition, is};

const FOREIGN_ID: &str = "8a4a2b32-0b0e-4b4c-9d6a-0c1a6f1e2d3c";

#[tokio::test]
async fn a_control_plane_is_made_with_marks_and_its_endpoints_show_at_once() {
    let (world, object) = programmed(json!({"name": "inventory", "labels": {"team": "stock"}}))
        .await
        .unwrap();
    let [made] = world.konnect.control_planes().try_into().unwrap();
    assert_eq!(made["id"], id_of(&object).unwrap());
    assert_eq!(made["labels"]["k8s-uid"], object.uid().unwrap());
    assert_eq!(made["labels"]["k8s-name"], NAME);
    assert_eq!(made["labels"]["k8s-namespace"], world.namespace);
    assert_eq!(made["labels"]["managed-by"], "gateway-migration-operator");
    assert_eq!(made["labels"]["team"], "stock");
    assert!(
        object
            .finalizers()
            .contains(&"gateway.konghq.com/konnect-cleanup".to_owned())
    );
    for (type_, reason) in [
        ("Programmed", "Programmed"),
        ("APIAuthResolvedRef", "ResolvedRef"),
        ("APIAuthValid", "Valid"),
    ] {
        assert!(is(conditions(&object), type_, "True", reason), "{type_}");
    }
    assert_eq!(verdict(conditions(&object)), Kstatus::Current);
    let status = object.status.unwrap();
    assert_eq!(
        status.organization_id.as_deref(),
        Some("5ca26716-02f7-4430-9117-1d1a7a2695e7")
    );
    assert_eq!(status.server_url.as_deref(), Some("https://us.api.konghq.com"));
    assert_eq!(status.cluster_type.as_deref(), Some("CLUSTER_TYPE_CONTROL_PLANE"));
    let endpoints = status.konnect_endpoints.unwrap();
    assert_eq!(made["config"]["control_plane_endpoint"], endpoints.control_plane);
    assert_eq!(made["config"]["telemetry_endpoint"], endpoints.telemetry);
    world.event(NAME, "Created").await.unwrap();
}

#[tokio::test]
async fn at_steady_state_nothing_is_written_also_after_a_restart() {
    let (mut world, object) = programmed(json!({
        "name": "inventory", "description": "stock", "labels": {"team": "stock"},
        "proxy_urls": [{"host": "api.example.com", "port": 443, "protocol": "https"}],
    }))
    .await
    .unwrap();
    world.server.reset_stats();
    for _ in 0..3 {
        look_again(&world).await.unwrap();
    }
    world.stop_operator().await.unwrap();
    world.start_operator(|_| {});
    look_again(&world).await.unwrap();
    // From the inline to the nested form with equal values is no change.
    let nested = json!({"createControlPlaneRequest": {
        "name": "inventory", "description": "stock", "labels": {"team": "stock"},
        "proxy_urls": [{"host": "api.example.com", "port": 443, "protocol": "https"}],
    }});
    apply(&world, nested).await.unwrap();
    let again = world
        .until(NAME, "seen in the nested form", |object: &ControlPlane| {
            let seen = condition_generation(object);
            object.metadata.generation > Some(1) && seen == object.metadata.generation
        })
        .await
        .unwrap();
    assert_eq!(
        world.server.stats().writes,
        0,
        "{:?}",
        world.server.stats().by_route
    );
    assert_eq!(id_of(&again).unwrap(), id_of(&object).unwrap());
}

fn condition_generation(object: &ControlPlane) -> Option<i64> {
    let ready = conditions(object)
        .iter()
        .find(|condition| condition.type_ == "Ready" && condition.status == "True")?;
    ready.observed_generation
}

#[tokio::test]
async fn a_change_of_the_manifest_is_one_patch() {
    let (world, _) = programmed(json!({"name": "inventory", "description": "old", "labels": {"team": "a"}}))
        .await
        .unwrap();
    world.server.reset_stats();
    apply(&world, json!({"name": "renamed", "labels": {"tier": "b"}}))
        .await
        .unwrap();
    world.event(NAME, "Updated").await.unwrap();
    let [current] = world.konnect.control_planes().try_into().unwrap();
    assert_eq!(current["name"], "renamed");
    assert_eq!(current["description"], "");
    assert_eq!(current["labels"]["tier"], "b");
    assert!(current["labels"].get("team").is_none());
    assert!(current["labels"].get("k8s-uid").is_some());
    assert_eq!(world.server.stats().writes, 1);
}

#[tokio::test]
async fn a_taken_name_shows_the_other_s_id_and_can_be_adopted() {
    let (world, id) = with_foreign(json!({"name": "inventory", "description": "theirs"}))
        .await
        .unwrap();
    apply(&world, json!({"name": "inventory"})).await.unwrap();
    let object = world
        .until(NAME, "refused", has("Ready", "False", "NameTaken"))
        .await
        .unwrap();
    assert!(is(conditions(&object), "Programmed", "False", "NameTaken"));
    let message = condition(conditions(&object), "Programmed").2;
    assert!(
        message.contains(&id) && message.contains("gatewaymigration.dev/adopt"),
        "{message}"
    );
    assert_eq!(verdict(conditions(&object)), Kstatus::Failed);
    assert_eq!(world.server.stats().writes, 0);

    world
        .annotate::<ControlPlane>(NAME, json!({"gatewaymigration.dev/adopt": "name"}))
        .await
        .unwrap();
    let object = until_programmed(&world).await.unwrap();
    assert_eq!(id_of(&object).unwrap(), id);
    let [current] = world.konnect.control_planes().try_into().unwrap();
    assert_eq!(current["description"], "theirs");
    assert_eq!(world.server.stats().writes, 0);
    world.event(NAME, "Adopted").await.unwrap();
}

#[tokio::test]
async fn adoption_by_id_takes_over_the_name_too() {
    let (world, id) = with_foreign(json!({"name": "old-name"})).await.unwrap();
    let annotations = json!({"gatewaymigration.dev/adopt": id});
    apply_annotated(&world, json!({"name": "inventory"}), annotations)
        .await
        .unwrap();
    let object = until_programmed(&world).await.unwrap();
    assert_eq!(id_of(&object).unwrap(), id);
    assert_eq!(world.konnect.control_planes()[0]["name"], "inventory");
}

#[tokio::test]
async fn what_cannot_be_adopted_is_named() {
    let (world, group) =
        with_foreign(json!({"name": "group", "cluster_type": "CLUSTER_TYPE_CONTROL_PLANE_GROUP"}))
            .await
            .unwrap();
    let annotations = json!({"gatewaymigration.dev/adopt": FOREIGN_ID});
    apply_annotated(&world, json!({"name": "inventory"}), annotations)
        .await
        .unwrap();
    let object = world
        .until(NAME, "refused", has("Programmed", "False", "FailedToAdopt"))
        .await
        .unwrap();
    assert!(
        condition(conditions(&object), "Programmed")
            .2
            .contains("does not exist")
    );
    world
        .annotate::<ControlPlane>(NAME, json!({"gatewaymigration.dev/adopt": group}))
        .await
        .unwrap();
    world
        .until(NAME, "refused for its type", |object: &ControlPlane| {
            condition(conditions(object), "Programmed")
                .2
                .contains("CLUSTER_TYPE_CONTROL_PLANE_GROUP")
        })
        .await
        .unwrap();
    assert_eq!(world.server.stats().writes, 0);
}

#[tokio::test]
async fn one_control_plane_has_one_owner() {
    let (world, object) = programmed(json!({"name": "inventory"})).await.unwrap();
    let id = id_of(&object).unwrap();
    let other = json!({
        "metadata": {"annotations": {"gatewaymigration.dev/adopt": id}},
        "spec": {"name": "second", "konnect": {"authRef": {"name": "konnect"}}},
    });
    world.apply::<ControlPlane>("second", other).await.unwrap();
    let second = world
        .until("second", "refused", has("Programmed", "False", "FailedToAdopt"))
        .await
        .unwrap();
    let message = condition(conditions(&second), "Programmed").2;
    assert!(
        message.contains(&format!("{}/{NAME}", world.namespace)),
        "{message}"
    );
}

#[tokio::test]
async fn what_comes_later_is_named_and_konnect_is_not_called() {
    let world = World::start().await.unwrap();
    apply_auth(&world, TOKEN).await.unwrap();
    for (name, spec) in [
        (
            "mirror",
            json!({"source": "Mirror", "mirror": {"konnect": {"id": FOREIGN_ID}}}),
        ),
        (
            "group",
            json!({"name": "group", "cluster_type": "CLUSTER_TYPE_CONTROL_PLANE_GROUP"}),
        ),
        (
            "kic",
            json!({"name": "kic", "cluster_type": "CLUSTER_TYPE_K8S_INGRESS_CONTROLLER"}),
        ),
        ("cloud", json!({"name": "cloud", "cloud_gateway": true})),
    ] {
        let mut spec = spec;
        spec["konnect"] = json!({"authRef": {"name": "konnect"}});
        world
            .apply::<ControlPlane>(name, json!({"spec": spec}))
            .await
            .unwrap();
        let object = world
            .until(name, "refused", has("Ready", "False", "NotImplemented"))
            .await
            .unwrap();
        assert!(
            is(conditions(&object), "Programmed", "False", "NotImplemented"),
            "{name}"
        );
        assert_eq!(verdict(conditions(&object)), Kstatus::Failed, "{name}");
        assert!(object.finalizers().is_empty(), "{name}");
    }
    let asked = world.server.stats().by_route;
    assert!(asked.is_empty(), "{asked:?}");
}

#[tokio::test]
async fn a_missing_and_a_late_auth_configuration_are_waited_for() {
    let world = World::start().await.unwrap();
    apply(&world, json!({"name": "inventory"})).await.unwrap();
    let object = world
        .until(NAME, "waiting", has("Ready", "False", "RefNotFound"))
        .await
        .unwrap();
    assert!(is(
        conditions(&object),
        "APIAuthResolvedRef",
        "False",
        "RefNotFound"
    ));
    assert!(is(
        conditions(&object),
        "Programmed",
        "False",
        "ConditionWithStatusFalseExists"
    ));
    assert_eq!(verdict(conditions(&object)), Kstatus::InProgress);

    apply_auth(&world, "kpat_wrong").await.unwrap();
    let object = world
        .until(
            NAME,
            "without valid token",
            has("APIAuthValid", "False", "Invalid"),
        )
        .await
        .unwrap();
    assert!(is(
        conditions(&object),
        "APIAuthResolvedRef",
        "True",
        "ResolvedRef"
    ));

    apply_auth(&world, TOKEN).await.unwrap();
    until_programmed(&world).await.unwrap();
}

#[tokio::test]
async fn read_only_touches_neither_the_objects_nor_konnect() {
    use gateway_migration_operator::{
        api::konnect_api_auth_configuration::KonnectAPIAuthConfiguration, config::KonnectKinds,
    };
    let mut world = World::without_operator().await.unwrap();
    world.start_operator(|config| config.konnect_kinds = KonnectKinds::ReadOnly);
    apply_auth(&world, TOKEN).await.unwrap();
    apply(&world, json!({"name": "inventory"})).await.unwrap();
    // An operator of its own shows that time enough has passed: it acts on objects that came later.
    let witness = World::start().await.unwrap();
    apply_auth(&witness, TOKEN).await.unwrap();
    apply(&witness, json!({"name": "inventory"})).await.unwrap();
    until_programmed(&witness).await.unwrap();
    let object = world.api::<ControlPlane>().get(NAME).await.unwrap();
    assert!(object.finalizers().is_empty());
    assert!(
        object
            .status
            .is_none_or(|status| status.conditions.iter().all(|found| found.reason == "Pending"))
    );
    let auth = world
        .api::<KonnectAPIAuthConfiguration>()
        .get("konnect")
        .await
        .unwrap();
    assert!(
        auth.status
            .is_none_or(|status| status.conditions.iter().all(|found| found.reason == "Pending"))
    );
    assert_eq!(world.server.stats().total + world.global.stats().total, 0);
    assert_eq!(witness.server.stats().by_route.get(CREATE), Some(&1));
}
