//! A migration object that is made again, or that lost its status: it finds its entities by their ids, and verifies.

use anyhow::{Context as _, Result};
use gateway_migration_operator::api::workspace_migration::WorkspaceMigration;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use super::orders::entity_writes;
use super::support::World;

async fn migrated(name: &str) -> Result<World> {
    let world = World::start(name).await?;
    world.create(world.migration("default", "Apply")).await?;
    world
        .migration_until("default", "completed", |seen| seen.is_completed())
        .await?;
    world.bed.konnect_server.reset_stats();
    Ok(world)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_deleted_and_applied_again_verifies_and_writes_nothing() -> Result<()> {
    let world = migrated("again").await?;
    let api = world.api::<WorkspaceMigration>();
    api.delete("default", &DeleteParams::default()).await?;
    let gone = |object: Option<&WorkspaceMigration>| object.is_none();
    kube::runtime::wait::await_condition(api, "default", gone).await?;
    world.create(world.migration("default", "Apply")).await?;
    let seen = world
        .migration_until("default", "completed again", |seen| seen.is_completed())
        .await?;
    assert_eq!(entity_writes(&world), 0);
    let status = seen.0.status.context("status")?;
    assert_eq!(
        status
            .verification
            .map(|verified| (verified.matched, verified.mismatched, verified.missing)),
        Some((123, 0, 0))
    );
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_restored_without_its_status_verifies_and_writes_nothing() -> Result<()> {
    let world = migrated("restored").await?;
    let api = world.api::<WorkspaceMigration>();
    let empty = Patch::Merge(json!({"status": null}));
    api.patch_status("default", &PatchParams::default(), &empty)
        .await?;
    world
        .change("default", json!({"throttle": {"maxInFlight": 5}}))
        .await?;
    world
        .migration_until("default", "completed again", |seen| seen.is_completed())
        .await?;
    assert_eq!(entity_writes(&world), 0);
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_is_not_complete_while_something_is_missing() -> Result<()> {
    let world = World::start("unrepaired").await?;
    world.control_plane_id("default").await?;
    let lost = "POST /plugins$=200;times=1;body={}";
    world
        .bed
        .konnect_server
        .set_behaviour(simulators::server::Behaviour::with_faults(&[lost])?);
    world.create(world.migration("default", "Apply")).await?;
    let seen = world
        .migration_until("default", "different", |seen| {
            seen.is("Ready", "False", "Mismatch")
        })
        .await?;
    assert!(seen.is("Verified", "False", "Mismatch"));
    let verified = seen
        .0
        .status
        .and_then(|status| status.verification)
        .context("verification")?;
    assert_eq!((verified.matched, verified.missing), (122, 1));
    assert_eq!(verified.kinds.iter().map(|kind| kind.matched).sum::<u64>(), 122);
    assert!(
        verified
            .kinds
            .iter()
            .all(|kind| kind.digest.starts_with("sha256:"))
    );
    world.stop().await
}
