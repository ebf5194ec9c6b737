//! The way of a migration when nothing fails, and what stands in its way before the first write.

use std::time::Duration;

use anyhow::{Context as _, Result};
use gateway_migration_operator::api::workspace_migration::WorkspaceMigration;
use kube::api::DeleteParams;
use serde_json::json;
use simulators::bed::Bed;
use simulators::server::Behaviour;

use super::support::World;

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_nobody_accepted_forbids_every_write() -> Result<()> {
    let world = World::start("waivers").await?;
    world.control_plane_id("default").await?;
    let mut migration = world.migration("default", "Apply");
    let waivers = migration["spec"]["waivers"].take();
    migration["spec"]["waivers"] = json!([]);
    world.create(migration).await?;
    let seen = world
        .migration_until("default", "blocked", |seen| {
            seen.is("PreflightPassed", "False", "BlockingFindings")
        })
        .await?;
    let message = seen.message("PreflightPassed");
    assert!(
        message.starts_with("5 findings forbid the writes.") && message.contains("spec.waivers"),
        "{message}"
    );
    let status = seen.0.status.as_ref().context("status")?;
    assert!(status.started_at.is_none());
    world.change("default", json!({"waivers": waivers})).await?;
    let seen = world
        .migration_until("default", "completed", |seen| seen.is_completed())
        .await?;
    assert!(seen.is("PreflightPassed", "True", "NoBlockingFindings"));
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn mode_plan_tells_and_writes_nothing() -> Result<()> {
    let world = World::start("plan").await?;
    world.control_plane_id("default").await?;
    world.create(world.migration("default", "Plan")).await?;
    let seen = world
        .migration_until("default", "planned", |seen| seen.is("Ready", "True", "Planned"))
        .await?;
    let status = seen.0.status.as_ref().context("status")?;
    let plan = status.plan.as_ref().context("plan")?;
    assert_eq!((plan.create, plan.unchanged, plan.blocked), (123, 0, 0));
    assert!(plan.hash.starts_with("sha256:"));
    assert_eq!(status.source.as_ref().map(|source| source.entities), Some(128));
    assert!(
        seen.is("Applied", "False", "PlanOnly") && seen.is("PreflightPassed", "True", "NoBlockingFindings")
    );
    assert_eq!(
        status.findings.as_ref().map(|findings| findings.summary.as_str()),
        Some("W13 I9, 5 waived")
    );
    let written: u64 = world
        .bed
        .konnect_server
        .stats()
        .by_route
        .iter()
        .filter(|(route, _)| route.contains("core-entities"))
        .filter(|(route, _)| !route.starts_with("GET"))
        .map(|(_, count)| count)
        .sum();
    assert_eq!(written, 0);
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn three_workspaces_become_three_control_planes_and_a_second_run_writes_nothing() -> Result<()> {
    let world = World::start("apply").await?;
    for (workspace, _) in Bed::WORKSPACES {
        world.create(world.migration(workspace, "Apply")).await?;
    }
    for (workspace, _) in Bed::WORKSPACES {
        let seen = world
            .migration_until(workspace, "completed", |seen| seen.is_completed())
            .await?;
        for (condition, reason) in [
            ("SourceReady", "SourceReachable"),
            ("TargetReady", "ControlPlaneReady"),
            ("PlanReady", "Planned"),
            ("PreflightPassed", "NoBlockingFindings"),
            ("Approved", "ApprovedAutomatically"),
            ("BackedUp", "BackedUp"),
            ("Applied", "Applied"),
            ("Verified", "Verified"),
        ] {
            assert!(
                seen.is(condition, "True", reason),
                "{workspace}: {condition} is {:?}",
                seen.condition(condition)
            );
        }
        assert_eq!(
            (seen.condition("Stalled"), seen.condition("Reconciling")),
            (None, None)
        );
        let status = seen.0.status.context("status")?;
        let digest = status.verification.and_then(|verification| verification.digest);
        assert_eq!(
            status.source.and_then(|source| source.digest),
            digest,
            "{workspace}"
        );
        assert!(status.started_at.is_some() && status.completed_at.is_some());
    }
    let before = world.writes();
    for (workspace, _) in Bed::WORKSPACES {
        world
            .change(workspace, json!({"throttle": {"maxInFlight": 4}}))
            .await?;
        world
            .migration_until(workspace, "completed again", |seen| seen.is_completed())
            .await?;
    }
    assert_eq!(world.writes(), before);
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_completed_migration_tells_of_drift_and_writes_nothing() -> Result<()> {
    let world = World::start("drift").await?;
    world.create(world.migration("inventory", "Apply")).await?;
    world
        .migration_until("inventory", "completed", |seen| seen.is_completed())
        .await?;
    let before = world.writes();
    let new = json!({"id": "7d5b1f0a-7b46-4f9e-9a44-2f0a6c8f5b11", "host": "new.example.com", "name": "new", "port": 80, "protocol": "http"});
    world.bed.kong.put("inventory", "services", new)?;
    // An event of any kind wakes the controller; here the token Secret is touched.
    world
        .secret("kong-admin", &[("token", Bed::KONG_TOKEN), ("note", "touched")])
        .await?;
    let seen = world
        .migration_until("inventory", "drifted", |seen| {
            seen.is("Drifted", "True", "SourceChanged")
        })
        .await?;
    assert!(seen.is_completed());
    assert_eq!(world.writes(), before);
    world
        .change("inventory", json!({"throttle": {"maxInFlight": 3}}))
        .await?;
    world
        .migration_until("inventory", "applied again", |seen| {
            seen.is_completed() && seen.condition("Drifted").is_none()
        })
        .await?;
    assert_eq!(world.writes(), before + 1);

    let id = world.control_plane_id("inventory").await?;
    world
        .bed
        .konnect
        .remove(&id, "services/7d5b1f0a-7b46-4f9e-9a44-2f0a6c8f5b11")?;
    world
        .secret("kong-admin", &[("token", Bed::KONG_TOKEN), ("note", "once more")])
        .await?;
    let seen = world
        .migration_until("inventory", "drifted on the other side", |seen| {
            seen.is("Drifted", "True", "TargetChanged")
        })
        .await?;
    assert!(seen.is_completed());
    assert_eq!(world.writes(), before + 1);
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_migration_leaves_the_target_alone() -> Result<()> {
    let world = World::start("delete").await?;
    world.create(world.migration("inventory", "Apply")).await?;
    world
        .migration_until("inventory", "completed", |seen| seen.is_completed())
        .await?;
    let (before, id) = (world.writes(), world.control_plane_id("inventory").await?);
    let api = world.api::<WorkspaceMigration>();
    api.delete("inventory", &DeleteParams::default()).await?;
    kube::runtime::wait::await_condition(api, "inventory", |object: Option<&WorkspaceMigration>| {
        object.is_none()
    })
    .await?;
    assert_eq!(world.writes(), before);
    assert!(!world.bed.konnect.entities(&id, "services").is_empty());
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_waits_for_its_control_plane() -> Result<()> {
    let mut world = World::prepare("waits").await?;
    world.start_operator()?;
    world.create(world.migration("inventory", "Apply")).await?;
    let seen = world
        .migration_until("inventory", "waiting", |seen| {
            seen.is("TargetReady", "False", "ControlPlaneNotFound")
        })
        .await?;
    assert!(seen.is("Ready", "False", "ControlPlaneNotFound") && seen.condition("Reconciling").is_some());
    assert!(seen.message("Ready").contains("create it"));
    world.control_plane("inventory").await?;
    world
        .migration_until("inventory", "completed", |seen| seen.is_completed())
        .await?;
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_may_not_be_read_stops_the_migration_before_the_first_write() -> Result<()> {
    let world = World::start("forbidden").await?;
    world.bed.kong.forbid("/inventory/consumers");
    world.create(world.migration("inventory", "Apply")).await?;
    let seen = world
        .migration_until("inventory", "halted", |seen| {
            seen.is("PreflightPassed", "False", "BlockingFindings")
        })
        .await?;
    assert!(seen.is("Ready", "False", "BlockingFindings") && seen.condition("Stalled").is_some());
    assert_eq!(seen.findings().first(), Some(&"kind-unreadable"));
    let id = world.control_plane_id("inventory").await?;
    assert!(world.bed.konnect.entities(&id, "services").is_empty());
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_needs_approval_waits_for_its_hash_and_refuses_a_stale_one() -> Result<()> {
    let world = World::start("approval").await?;
    let mut migration = world.migration("inventory", "Apply");
    migration["spec"]["approval"] = json!({"policy": "Required"});
    world.create(migration).await?;
    let waits = |reason| move |seen: &super::support::Seen| seen.is("Approved", "False", reason);
    let seen = world
        .migration_until("inventory", "waiting", waits("AwaitingApproval"))
        .await?;
    assert!(seen.is("Ready", "False", "AwaitingApproval") && seen.condition("Stalled").is_none());
    let hash = seen
        .0
        .status
        .as_ref()
        .and_then(|status| status.plan.as_ref())
        .map(|plan| plan.hash.clone());
    let hash = hash.context("a hash")?;
    assert!(seen.message("Ready").contains(&hash));
    let id = world.control_plane_id("inventory").await?;
    assert!(world.bed.konnect.entities(&id, "services").is_empty());

    // The source changes before somebody approves what was shown.
    let new = json!({"id": "0f1f5a52-6a3e-4b53-8f0e-3b1c2f1d7a10", "host": "late.example.com", "name": "late", "port": 80, "protocol": "http"});
    world.bed.kong.put("inventory", "services", new)?;
    world
        .change("inventory", json!({"approval": {"planHash": hash}}))
        .await?;
    let seen = world
        .migration_until("inventory", "stale", |seen| {
            seen.message("Approved").contains("of another plan")
        })
        .await?;
    assert!(world.bed.konnect.entities(&id, "services").is_empty());
    let next = seen
        .0
        .status
        .as_ref()
        .and_then(|status| status.plan.as_ref())
        .map(|plan| plan.hash.clone());
    world
        .change("inventory", json!({"approval": {"planHash": next}}))
        .await?;
    let seen = world
        .migration_until("inventory", "completed", |seen| seen.is_completed())
        .await?;
    assert!(seen.is("Approved", "True", "Approved"));
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_selection_moves_its_part_and_a_transform_changes_it() -> Result<()> {
    let world = World::start("policy").await?;
    let mut migration = world.migration("inventory", "Apply");
    migration["spec"]["source"]["select"] = json!({"kinds": ["routes"]});
    migration["spec"]["transforms"] = json!([
        {"select": {"kind": "routes"}, "patch": [{"op": "add", "path": "/tags", "value": ["moved"]}], "reason": "marked"}
    ]);
    // The services come with their routes, the upstreams that they name do not.
    migration["spec"]["waivers"] = json!([{"id": "named-entity-left-behind", "reason": "known to the test"}]);
    world.create(migration).await?;
    world
        .migration_until("inventory", "completed", |seen| seen.is_completed())
        .await?;
    let id = world.control_plane_id("inventory").await?;
    let routes = world.bed.konnect.entities(&id, "routes");
    assert!(!routes.is_empty() && routes.iter().all(|route| route["tags"] == json!(["moved"])));
    assert!(!world.bed.konnect.entities(&id, "services").is_empty());
    assert!(world.bed.konnect.entities(&id, "consumers").is_empty());

    world
        .change(
            "inventory",
            json!({"conflictPolicyPerKind": [{"kind": "service", "policy": "Skip"}]}),
        )
        .await?;
    let seen = world
        .migration_until("inventory", "refused", |seen| {
            seen.is("Ready", "False", "InvalidSpec")
        })
        .await?;
    assert!(seen.message("Ready").contains("no entity kind"));
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn while_both_sides_are_read_nothing_says_any_more_that_the_control_plane_is_missing() -> Result<()> {
    let mut world = World::prepare("target-comes").await?;
    world.start_operator()?;
    world.create(world.migration("inventory", "Apply")).await?;
    world
        .migration_until("inventory", "without target", |seen| {
            seen.is("Ready", "False", "ControlPlaneNotFound")
        })
        .await?;
    // Long enough for a look.
    world.bed.kong_server.set_behaviour(Behaviour {
        latency: Duration::from_millis(500),
        ..Behaviour::default()
    });
    world.control_plane("inventory").await?;
    let seen = world
        .migration_until("inventory", "reading", |seen| {
            seen.message("Ready") == "Reading source and target."
        })
        .await?;
    assert!(
        seen.is("TargetReady", "Unknown", "Pending"),
        "{:?}",
        seen.condition("TargetReady")
    );
    world
        .migration_until("inventory", "completed", |seen| seen.is_completed())
        .await?;
    world.stop().await
}
