//! `failurePolicy: RollbackOnFailure`.

use anyhow::{Context as _, Result};
use gateway_migration_operator::api::workspace_migration::Phase;
use serde_json::json;
use simulators::server::Behaviour;

use super::{again, contents, overwriting, phase, used_by_others};
use crate::orders::entity_writes;
use crate::support::{Seen, World};

const REFUSE: &str =
    r#"POST /plugins$=400;skip=2;times=1;body={"code":3,"message":"validation error","details":[]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_undoes_what_was_written_and_the_same_spec_is_not_tried_again() -> Result<()> {
    let world = World::start("undo-on-failure").await?;
    let id = used_by_others(&world).await?;
    let before = contents(&world, &id)?;
    let refuse = Behaviour::with_faults(&[REFUSE])?;
    world.bed.konnect_server.set_behaviour(refuse);
    let mut migration = overwriting(&world);
    migration["spec"]["failurePolicy"] = json!("RollbackOnFailure");
    world.create(migration).await?;
    let seen = world
        .migration_until("inventory", "undone", |seen| {
            seen.is("Ready", "False", "RolledBackOnFailure")
        })
        .await?;
    assert_eq!(contents(&world, &id)?, before);
    assert_eq!(phase(&seen), Some(Phase::RolledBack));
    assert!(seen.is("RolledBack", "True", "RolledBackOnFailure") && seen.condition("Stalled").is_some());
    let message = seen.message("Ready");
    assert!(
        message.contains("Konnect refused plugins/") && message.contains("change the spec"),
        "{message}"
    );
    assert!(
        seen.findings().contains(&"refused-by-target"),
        "{:?}",
        seen.findings()
    );
    let history = seen.0.status.as_ref().context("status")?.history.clone();
    assert_eq!(
        history.first().map(|entry| entry.outcome.as_str()),
        Some("RolledBackOnFailure")
    );

    // Nothing is tried again by itself.
    let written = entity_writes(&world);
    world.look_again("inventory").await?;
    world
        .secret(
            "kong-admin",
            &[("token", simulators::bed::Bed::KONG_TOKEN), ("note", "touched")],
        )
        .await?;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(entity_writes(&world), written);

    // Konnect takes it by now, and the spec changes.
    again(&world, "inventory", 4).await?;
    let seen = world
        .migration_until("inventory", "completed", Seen::is_completed)
        .await?;
    assert!(seen.condition("RolledBack").is_none());
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn after_completion_a_refusal_undoes_nothing() -> Result<()> {
    let world = World::start("undo-not-after").await?;
    let mut migration = world.migration("inventory", "Apply");
    migration["spec"]["failurePolicy"] = json!("RollbackOnFailure");
    world.create(migration).await?;
    world
        .migration_until("inventory", "completed", Seen::is_completed)
        .await?;
    let id = world.control_plane_id("inventory").await?;
    let mut service = super::sample("/services", "labels")?;
    service["host"] = json!("moved.example.com");
    world.bed.kong.put("inventory", "services", service)?;
    let refuse = r#"PUT /services/=400;times=1;body={"code":3,"message":"validation error","details":[]}"#;
    world
        .bed
        .konnect_server
        .set_behaviour(Behaviour::with_faults(&[refuse])?);
    let held = contents(&world, &id)?;
    again(&world, "inventory", 4).await?;
    let seen = world
        .migration_until("inventory", "refused", |seen| {
            seen.is("Applied", "False", "PartiallyApplied") || seen.is("Applied", "False", "StoppedAtRefusal")
        })
        .await?;
    assert_eq!(contents(&world, &id)?, held);
    assert!(seen.condition("RolledBack").is_none());
    world.stop().await
}
