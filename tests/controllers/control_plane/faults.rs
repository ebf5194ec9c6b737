//! Konnect misbehaves, or loses a control plane.

use gateway_migration_operator::{
    api::konnect_api_auth_configuration::KonnectAPIAuthConfiguration as Auth,
    api::konnect_gateway_control_plane::KonnectGatewayControlPlane as ControlPlane,
    k8s::conditions::kstatus::{Kstatus, verdict},
};
use kube::api::{Patch, PatchParams};
use serde_json::json;
use simulators::konnect::TokenState;

use super::{
    CREATE, LIST, NAME, apply, apply_auth, conditions, has, id_of, look_again, programmed, until_programmed,
};
use crate::world::{SERVER, TOKEN, World, condition, is};

#[tokio::test]
async fn a_create_whose_answer_is_lost_makes_one_control_plane() {
    for fault in [
        "POST /v2/control-planes=drop;after;times=1",
        "POST /v2/control-planes=503;after;times=1",
    ] {
        let mut world = World::without_operator().await.unwrap();
        world.faults(&[fault]).unwrap();
        world.start_operator(|_| {});
        apply_auth(&world, TOKEN).await.unwrap();
        apply(&world, json!({"name": "inventory"})).await.unwrap();
        let object = until_programmed(&world).await.unwrap();
        let [made] = world.konnect.control_planes().try_into().unwrap();
        assert_eq!(made["id"], id_of(&object).unwrap(), "{fault}");
        assert_eq!(world.server.stats().by_route.get(CREATE), Some(&1), "{fault}");
    }
}

#[tokio::test]
async fn an_operator_that_dies_after_the_create_call_finds_its_control_plane_again() {
    let mut world = World::without_operator().await.unwrap();
    world.faults(&["POST /v2/control-planes=hang;after"]).unwrap();
    world.start_operator(|_| {});
    apply_auth(&world, TOKEN).await.unwrap();
    apply(&world, json!({"name": "inventory"})).await.unwrap();
    world.until_asked(CREATE, 1).await.unwrap();
    world.until_made().await.unwrap();
    world.kill_operator();
    let object = world.api::<ControlPlane>().get(NAME).await.unwrap();
    assert!(id_of(&object).is_err(), "the id must not be in status yet");
    world.faults(&[]).unwrap();
    world.start_operator(|_| {});
    let object = until_programmed(&world).await.unwrap();
    let [made] = world.konnect.control_planes().try_into().unwrap();
    assert_eq!(made["id"], id_of(&object).unwrap());
}

#[tokio::test]
async fn a_status_that_was_lost_is_found_again_by_the_uid() {
    let (mut world, object) = programmed(json!({"name": "inventory"})).await.unwrap();
    let id = id_of(&object).unwrap();
    world.stop_operator().await.unwrap();
    let lost = json!({"status": null});
    let api = world.api::<ControlPlane>();
    api.patch_status(NAME, &PatchParams::default(), &Patch::Merge(&lost))
        .await
        .unwrap();
    world.server.reset_stats();
    world.start_operator(|_| {});
    let object = until_programmed(&world).await.unwrap();
    assert_eq!(id_of(&object).unwrap(), id);
    assert_eq!(world.server.stats().writes, 0);
    assert!(world.server.stats().by_route.contains_key(LIST));
}

#[tokio::test]
async fn a_dead_konnect_is_retried_until_it_answers() {
    for fault in [
        "/v2/=503;times=2",
        "/v2/=drop;times=2",
        "/v2/=garbage;times=2",
        "/v2/=429;times=1;retry-after=1",
    ] {
        let mut world = World::without_operator().await.unwrap();
        world.faults(&["/v2/=503"]).unwrap();
        world.start_operator(|_| {});
        apply_auth(&world, TOKEN).await.unwrap();
        apply(&world, json!({"name": "inventory"})).await.unwrap();
        let object = world
            .until(NAME, "retrying", has("Ready", "False", "KonnectUnreachable"))
            .await
            .unwrap();
        assert!(
            is(conditions(&object), "Programmed", "False", "KonnectAPIOpFailed"),
            "{fault}"
        );
        assert!(
            is(conditions(&object), "Reconciling", "True", "ProgressingWithRetry"),
            "{fault}"
        );
        assert_eq!(verdict(conditions(&object)), Kstatus::InProgress, "{fault}");
        world.faults(&[fault]).unwrap();
        until_programmed(&world).await.unwrap();
        assert_eq!(world.konnect.control_planes().len(), 1, "{fault}");
    }
}

#[tokio::test]
async fn a_refused_manifest_stalls_with_konnect_s_own_words() {
    let mut world = World::without_operator().await.unwrap();
    let body = r#"{"status":400,"title":"Bad Request","detail":"Invalid Parameters","invalid_parameters":[{"field":"name","reason":"is not liked"}]}"#;
    world
        .faults(&[&format!("POST /v2/control-planes=400;body={body}")])
        .unwrap();
    world.start_operator(|_| {});
    apply_auth(&world, TOKEN).await.unwrap();
    apply(&world, json!({"name": "inventory"})).await.unwrap();
    let object = world
        .until(NAME, "refused", has("Programmed", "False", "FailedToCreate"))
        .await
        .unwrap();
    assert!(
        condition(conditions(&object), "Programmed")
            .2
            .contains("is not liked")
    );
    assert_eq!(verdict(conditions(&object)), Kstatus::Failed);
    assert!(world.konnect.control_planes().is_empty());
}

#[tokio::test]
async fn a_vanished_control_plane_is_told_and_not_made_again() {
    let (world, object) = programmed(json!({"name": "inventory"})).await.unwrap();
    let id = id_of(&object).unwrap();
    world.delete_in_konnect(&id).await.unwrap();
    world.server.reset_stats();
    look_again(&world).await.unwrap();
    let object = world
        .until(NAME, "gone", has("Ready", "False", "Gone"))
        .await
        .unwrap();
    assert!(is(conditions(&object), "Programmed", "False", "Gone"));
    assert_eq!(verdict(conditions(&object)), Kstatus::Failed);
    assert!(world.event(NAME, "ControlPlaneGone").await.unwrap().contains(&id));
    look_again(&world).await.unwrap();
    assert_eq!(world.server.stats().writes, 0);
    assert!(world.konnect.control_planes().is_empty());
}

#[tokio::test]
async fn a_new_token_in_the_secret_is_used_at_once() {
    let world = World::start().await.unwrap();
    world.put_secret("token", "token", TOKEN).await.unwrap();
    let spec = json!({"spec": {"type": "secretRef", "secretRef": {"name": "token"}, "serverURL": SERVER}});
    world.apply::<Auth>("konnect", spec).await.unwrap();
    apply(&world, json!({"name": "inventory"})).await.unwrap();
    until_programmed(&world).await.unwrap();
    world.konnect.revoke_token(TOKEN);
    look_again(&world).await.unwrap();
    world
        .until(NAME, "refused", has("APIAuthValid", "False", "Invalid"))
        .await
        .unwrap();
    world.konnect.set_token("kpat_new", TokenState::Active);
    world.put_secret("token", "token", "kpat_new").await.unwrap();
    until_programmed(&world).await.unwrap();
}
