//! `spec.rollback: true`.

use anyhow::{Context as _, Result};
use gateway_migration_operator::api::workspace_migration::Phase;
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::{again, contents, overwriting, phase, sample, used_by_others, would};
use crate::orders::entity_writes;
use crate::support::{Seen, World};

fn is_rolled_back(seen: &Seen) -> bool {
    seen.is("RolledBack", "True", "RolledBack") && seen.is("Ready", "True", "RolledBack")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_brings_the_target_back_and_what_comes_after_it_works() -> Result<()> {
    let world = World::start("rollback").await?;
    let id = used_by_others(&world).await?;
    let before = contents(&world, &id)?;
    world.create(overwriting(&world)).await?;
    for round in 0..2 {
        let seen = world
            .migration_until("inventory", "completed", Seen::is_completed)
            .await?;
        assert!(
            seen.is("RollbackReady", "True", "CanRollBack"),
            "{}",
            seen.message("RollbackReady")
        );
        let expected = would(&seen).context("what undoing would do")?;
        assert_eq!((expected.restore, expected.recreate, expected.kept), (2, 0, 0));
        assert!(expected.delete > 40, "{expected:?}");
        assert_ne!(contents(&world, &id)?, before);

        let written = entity_writes(&world);
        world.change("inventory", json!({"rollback": true})).await?;
        let seen = world
            .migration_until("inventory", "rolled back", is_rolled_back)
            .await?;
        assert_eq!(contents(&world, &id)?, before, "round {round}");
        assert_eq!(entity_writes(&world) - written, expected.delete + 2);
        assert_eq!(phase(&seen), Some(Phase::RolledBack));
        assert!(seen.is("Applied", "False", "RolledBack") && seen.condition("RollbackReady").is_none());
        let message = seen.message("RolledBack");
        assert!(
            message.contains("2 restored") && message.contains("Set spec.rollback to false"),
            "{message}"
        );
        let status = seen.0.status.context("status")?;
        assert!(status.started_at.is_none() && status.completed_at.is_none());
        let entry = status.history.first().context("history")?;
        assert_eq!(
            (entry.outcome.as_str(), entry.plan_hash.as_ref()),
            ("RolledBack", Some(&expected.hash))
        );

        // While it is true nothing is applied or synced.
        let written = entity_writes(&world);
        world.change("inventory", json!({"mode": "Sync"})).await?;
        let seen = world
            .migration_until("inventory", "still rolled back", is_rolled_back)
            .await?;
        assert_eq!((entity_writes(&world), seen.condition("InSync")), (written, None));
        world
            .change("inventory", json!({"rollback": false, "mode": "Apply"}))
            .await?;
    }
    world
        .migration_until("inventory", "completed after two rollbacks", Seen::is_completed)
        .await?;
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_since_and_what_others_use_stays_and_is_named_before_the_first_write() -> Result<()> {
    let world = World::start("rollback-changed").await?;
    let id = world.control_plane_id("inventory").await?;
    world.create(world.migration("inventory", "Apply")).await?;
    world
        .migration_until("inventory", "completed", Seen::is_completed)
        .await?;
    let (upstream, labels) = (
        sample("/upstreams", "labels-pool").or_else(|_| first("/upstreams"))?,
        sample("/services", "labels")?,
    );
    let path = format!("upstreams/{}", upstream["id"].as_str().context("an id")?);
    let changed = json!({"name": upstream["name"], "slots": 4242});
    world.bed.konnect.replace(&id, &path, &changed)?;
    let route = json!({"name": "of-another", "paths": ["/of-another"], "service": {"id": labels["id"]}});
    let route = world.bed.konnect.seed(&id, "routes", &route)?;
    world.look_again("inventory").await?;
    let seen = world
        .migration_until("inventory", "told", |seen| {
            // A look between the two changes sees the first alone.
            seen.is("RollbackReady", "False", "RollbackIncomplete")
                && would(seen).is_some_and(|would| would.kept > 1)
        })
        .await?;
    // The upstream, the service that the foreign route is of, and what that service needs: its certificate, and the upstream that it
    // calls by name, with its two targets.
    let expected = would(&seen).context("what undoing would do")?;
    assert_eq!(expected.kept, 6, "{}", seen.message("RollbackReady"));
    assert!(seen.message("RollbackReady").contains("UndoChanged undoes"));

    // Nothing is undone before somebody has approved it, and what stays is named by then.
    let written = entity_writes(&world);
    world
        .change(
            "inventory",
            json!({"rollback": true, "approval": {"policy": "Required"}}),
        )
        .await?;
    let seen = world
        .migration_until("inventory", "awaiting approval", |seen| {
            seen.is("Approved", "False", "AwaitingApproval") && seen.is("Ready", "False", "AwaitingApproval")
        })
        .await?;
    assert_eq!(entity_writes(&world), written);
    assert_eq!(
        seen.findings(),
        ["rollback-changed-since", "rollback-still-referenced"]
    );
    assert!(seen.message("Approved").contains(&expected.hash));
    world
        .change("inventory", json!({"approval": {"planHash": expected.hash}}))
        .await?;
    let seen = world
        .migration_until("inventory", "rolled back", is_rolled_back)
        .await?;
    assert!(seen.message("RolledBack").contains("6 stay"));
    let left = contents(&world, &id)?;
    assert_eq!(left.len(), 7, "{:?}", left.keys());

    // When told, what changed is undone too; when nobody uses the rest any more, that goes with it.
    let route = route["id"].as_str().context("an id")?;
    world.bed.konnect.remove(&id, &format!("routes/{route}"))?;
    world
        .change(
            "inventory",
            json!({"rollbackPolicy": "UndoChanged", "approval": {"policy": "Automatic"}}),
        )
        .await?;
    world
        .migration_until("inventory", "rolled back", |seen| {
            is_rolled_back(seen) && seen.condition("RollbackReady").is_none()
        })
        .await?;
    assert!(contents(&world, &id)?.is_empty());
    world.stop().await
}

fn first(list: &str) -> Result<Value> {
    let source: Value = serde_json::from_str(simulators::kong_admin::INVENTORY)?;
    source[list][0]
        .as_object()
        .map(|first| json!(first))
        .context("an entity")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_konnect_refuses_to_undo_is_named_and_tried_again() -> Result<()> {
    let world = World::start("rollback-refused").await?;
    let id = world.control_plane_id("inventory").await?;
    world.create(world.migration("inventory", "Apply")).await?;
    world
        .migration_until("inventory", "completed", Seen::is_completed)
        .await?;
    let refuse = r#"DELETE /routes/=400;body={"code":3,"message":"validation error","details":[]}"#;
    let behaviour = simulators::server::Behaviour::with_faults(&[refuse])?;
    world.bed.konnect_server.set_behaviour(behaviour);
    world.change("inventory", json!({"rollback": true})).await?;
    let seen = world
        .migration_until("inventory", "refused", |seen| {
            seen.is("RolledBack", "False", "PartiallyRolledBack")
        })
        .await?;
    assert!(seen.condition("Stalled").is_some());
    assert_eq!(seen.findings().first(), Some(&"rollback-refused"));
    // What a refused route refers to is not deleted under it.
    assert!(!world.bed.konnect.entities(&id, "services").is_empty());
    assert!(world.bed.konnect.entities(&id, "consumers").is_empty());
    world.bed.konnect_server.set_behaviour(Default::default());
    again(&world, "inventory", 4).await?;
    world
        .migration_until("inventory", "rolled back", is_rolled_back)
        .await?;
    assert!(contents(&world, &id)?.is_empty());
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_without_its_ledger_undoes_nothing_and_says_why() -> Result<()> {
    let world = World::start("rollback-blind").await?;
    let id = world.control_plane_id("inventory").await?;
    world.create(world.migration("inventory", "Apply")).await?;
    let seen = world
        .migration_until("inventory", "completed", Seen::is_completed)
        .await?;
    let backup = seen.0.status.as_ref().and_then(|status| status.backup.clone());
    let ledger = backup.and_then(|backup| backup.ledger_ref).context("a ledger")?;
    let secrets = world.api::<k8s_openapi::api::core::v1::Secret>();
    secrets.delete(&ledger.name, &Default::default()).await?;
    let held = contents(&world, &id)?;
    world.change("inventory", json!({"rollback": true})).await?;
    let seen = world
        .migration_until("inventory", "refused", |seen| {
            seen.is("Ready", "False", "LedgerUnreadable")
        })
        .await?;
    assert!(seen.message("Ready").contains(&ledger.name));
    assert_eq!(contents(&world, &id)?, held);
    assert!(!seen.0.finalizers().is_empty());
    world.stop().await
}
