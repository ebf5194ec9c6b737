//! What deleting the object does in Konnect.

use std::collections::BTreeSet;

use anyhow::Result;
use gateway_migration_operator::api::{
    konnect_api_auth_configuration::KonnectAPIAuthConfiguration as Auth,
    konnect_gateway_control_plane::KonnectGatewayControlPlane as ControlPlane,
};
use serde_json::{Value, json};

use super::{NAME, apply_annotated, conditions, has, id_of, programmed, until_programmed, with_foreign};
use crate::world::{World, condition};

const POLICY: &str = "gatewaymigration.dev/deletion-policy";
const FORCE: &str = "gatewaymigration.dev/force-delete";

/// A control plane that holds one service.
async fn filled() -> Result<(World, String)> {
    let (world, object) = programmed(json!({"name": "inventory"})).await?;
    let id = id_of(&object)?;
    world.konnect.seed(
        &id,
        "services",
        &json!({"name": "stock", "host": "stock.example.com"}),
    )?;
    Ok((world, id))
}

/// A control plane that was taken over.
async fn adopted() -> Result<(World, String)> {
    let (world, id) = with_foreign(json!({"name": "inventory"})).await?;
    let annotations = json!({"gatewaymigration.dev/adopt": "name"});
    apply_annotated(&world, json!({"name": "inventory"}), annotations).await?;
    until_programmed(&world).await?;
    Ok((world, id))
}

async fn annotate(world: &World, annotations: Value) -> Result<()> {
    world.annotate::<ControlPlane>(NAME, annotations).await
}

async fn until_blocked(world: &World) -> Result<String> {
    let object = world
        .until(NAME, "blocked", has("Ready", "False", "DeletionBlocked"))
        .await?;
    Ok(condition(conditions(&object), "Ready").2.to_owned())
}

#[tokio::test]
async fn what_was_made_here_and_is_empty_is_deleted() {
    let (world, _) = programmed(json!({"name": "inventory"})).await.unwrap();
    world.delete::<ControlPlane>(NAME).await.unwrap();
    world.until_gone::<ControlPlane>(NAME).await.unwrap();
    assert!(world.konnect.control_planes().is_empty());
    world.event(NAME, "Deleted").await.unwrap();
}

#[tokio::test]
async fn what_holds_entities_is_kept_until_somebody_chooses() {
    let (world, id) = filled().await.unwrap();
    world.delete::<ControlPlane>(NAME).await.unwrap();
    let message = until_blocked(&world).await.unwrap();
    for part in [id.as_str(), "still holds entities (services)", POLICY] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
    assert_eq!(world.konnect.control_planes().len(), 1);
    annotate(&world, json!({POLICY: "Delete"})).await.unwrap();
    world.until_gone::<ControlPlane>(NAME).await.unwrap();
    assert!(world.konnect.control_planes().is_empty());
}

#[tokio::test]
async fn a_full_control_plane_costs_one_small_call_for_each_list_and_not_its_pages() {
    let (world, id) = filled().await.unwrap();
    for number in 0..1200 {
        let service = json!({"name": format!("s{number}"), "host": "stock.example.com"});
        world.konnect.seed(&id, "services", &service).unwrap();
    }
    world.server.reset_stats();
    world.delete::<ControlPlane>(NAME).await.unwrap();
    until_blocked(&world).await.unwrap();
    let calls = world.server.stats().by_route;
    let lists = calls
        .iter()
        .filter(|(route, _)| route.contains("/core-entities/"));
    let counts: BTreeSet<_> = lists.map(|(_, count)| *count).collect();
    assert_eq!(counts.len(), 1, "one call for each list in every look: {calls:?}");
}

#[tokio::test]
async fn retain_leaves_it_and_says_so() {
    let (world, id) = filled().await.unwrap();
    annotate(&world, json!({POLICY: "Retain"})).await.unwrap();
    world.delete::<ControlPlane>(NAME).await.unwrap();
    world.until_gone::<ControlPlane>(NAME).await.unwrap();
    assert_eq!(world.konnect.entities(&id, "services").len(), 1);
    assert!(world.event(NAME, "Retained").await.unwrap().contains(&id));
}

#[tokio::test]
async fn what_was_adopted_is_kept_until_somebody_chooses() {
    let (world, _) = adopted().await.unwrap();
    world.delete::<ControlPlane>(NAME).await.unwrap();
    assert!(until_blocked(&world).await.unwrap().contains("adopted"));
    assert_eq!(world.konnect.control_planes().len(), 1);
    annotate(&world, json!({POLICY: "Delete"})).await.unwrap();
    world.until_gone::<ControlPlane>(NAME).await.unwrap();
    assert!(world.konnect.control_planes().is_empty());
}

#[tokio::test]
async fn without_a_token_deletion_says_what_to_mend_and_can_be_forced() {
    let (world, object) = programmed(json!({"name": "inventory"})).await.unwrap();
    let id = id_of(&object).unwrap();
    world.delete::<Auth>("konnect").await.unwrap();
    world.until_gone::<Auth>("konnect").await.unwrap();
    world.delete::<ControlPlane>(NAME).await.unwrap();
    let message = until_blocked(&world).await.unwrap();
    for part in [id.as_str(), "does not exist", FORCE] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
    annotate(&world, json!({FORCE: "true"})).await.unwrap();
    world.until_gone::<ControlPlane>(NAME).await.unwrap();
    assert_eq!(world.konnect.control_planes().len(), 1);
    assert!(world.event(NAME, "Retained").await.unwrap().contains(&id));
}

#[tokio::test]
async fn what_somebody_deleted_in_konnect_does_not_hold_up_the_object() {
    let (world, object) = programmed(json!({"name": "inventory"})).await.unwrap();
    world.delete_in_konnect(&id_of(&object).unwrap()).await.unwrap();
    world.delete::<ControlPlane>(NAME).await.unwrap();
    world.until_gone::<ControlPlane>(NAME).await.unwrap();
}

#[tokio::test]
async fn an_outage_delays_deletion_and_no_more() {
    let (world, _) = programmed(json!({"name": "inventory"})).await.unwrap();
    world.faults(&["DELETE /v2/control-planes=503;times=2"]).unwrap();
    world.delete::<ControlPlane>(NAME).await.unwrap();
    world.until_gone::<ControlPlane>(NAME).await.unwrap();
    assert!(world.konnect.control_planes().is_empty());
}
