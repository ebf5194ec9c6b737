//! Mode Sync: the target follows the source until told otherwise, and costs nothing while nothing changes.

use anyhow::{Context as _, Result, ensure};
use gateway_migration_operator::api::workspace_migration::{Phase, SyncStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};
use simulators::server::Stats;

use super::orders::entity_writes;
use super::support::{Seen, World};

/// A service that the samples do not have.
pub fn service(name: &str) -> Value {
    json!({
        "id": "7d5b1f0a-7b46-4f9e-9a44-2f0a6c8f5b11", "name": name, "host": format!("{name}.example.com"), "port": 80,
        "protocol": "http",
    })
}

/// The manifest of a migration that follows its source.
pub fn following(world: &World, workspace: &str) -> Value {
    let mut migration = world.migration(workspace, "Sync");
    migration["spec"]["sync"] = json!({"interval": "5s"});
    migration
}

pub fn is_in_sync(seen: &Seen) -> bool {
    seen.is("Ready", "True", "InSync") && seen.is("InSync", "True", "InSync")
}

/// When both sides were last found equal.
fn checked_at(seen: &Seen) -> Option<Time> {
    let status = seen.0.status.as_ref()?;
    status.verification.as_ref()?.checked_at.clone()
}

fn sync(seen: &Seen) -> Option<&SyncStatus> {
    seen.0.status.as_ref()?.sync.as_ref()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_new_in_the_source_comes_to_the_target_by_itself() -> Result<()> {
    let world = World::start("sync").await?;
    world.create(following(&world, "inventory")).await?;
    let seen = world.migration_until("inventory", "in sync", is_in_sync).await?;
    assert_eq!(
        seen.0.status.as_ref().and_then(|status| status.phase),
        Some(Phase::Syncing)
    );
    assert!(seen.is("Verified", "True", "Verified") && seen.is("Applied", "True", "Applied"));
    assert_eq!(sync(&seen).and_then(|sync| sync.last_source_change.clone()), None);
    let (before, id) = (entity_writes(&world), world.control_plane_id("inventory").await?);
    world.bed.kong.put("inventory", "services", service("new"))?;
    let seen = world
        .migration_until("inventory", "in sync with the change", |seen| {
            is_in_sync(seen) && sync(seen).is_some_and(|sync| sync.last_source_change.is_some())
        })
        .await?;
    assert_eq!(entity_writes(&world), before + 1);
    let services = world.bed.konnect.entities(&id, "services");
    assert!(services.iter().any(|service| service["name"] == "new"));
    let sync = sync(&seen).context("sync")?;
    assert!(
        sync.last_applied >= sync.last_source_change && sync.lag.is_some(),
        "{sync:?}"
    );
    world.stop().await
}

/// Fails when a look has read more than each list once, and as often what lies below upstreams and groups.
fn assert_reads_are_pages(stats: &Stats, lists_begin: &str, parents: u64, looks: u64) -> Result<()> {
    let (mut lists, mut below) = (0, 0);
    for (route, count) in &stats.by_route {
        ensure!(route.starts_with("GET "), "{route} at steady state");
        let Some((_, list)) = route.split_once(lists_begin) else {
            continue;
        };
        if list.contains("{id}") {
            below += count;
            continue;
        }
        lists += 1;
        ensure!(*count <= looks, "{route} was read {count} times in {looks} looks");
    }
    ensure!(lists > 10, "only {lists} lists");
    ensure!(
        below <= looks * parents,
        "{below} reads for {parents} lists below a parent in {looks} looks"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nothing_changes_nothing_is_written_and_only_the_pages_are_read() -> Result<()> {
    let world = World::start("steady").await?;
    world.create(following(&world, "inventory")).await?;
    let mut seen = world.migration_until("inventory", "in sync", is_in_sync).await?;
    for look in 0..3 {
        let last = checked_at(&seen);
        seen = world
            .migration_until("inventory", "found equal again", |seen| checked_at(seen) > last)
            .await?;
        // A look has just ended, and the next one is an interval away.
        if look == 0 {
            world.bed.kong_server.reset_stats();
            world.bed.konnect_server.reset_stats();
        }
    }
    let (source, target) = (world.bed.kong_server.stats(), world.bed.konnect_server.stats());
    let looks = source.by_route.get("GET /").copied().unwrap_or(0);
    ensure!(looks >= 2, "{looks} looks");
    // Two upstreams with targets and two groups with members, which in the source may have overrides too.
    assert_reads_are_pages(&source, "/inventory/", 2 + 2 + 2, looks)?;
    assert_reads_are_pages(&target, "/core-entities/", 2 + 2, looks)?;
    assert_eq!((world.writes(), entity_writes(&world)), (0, 0));
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_does_not_answer_leaves_it_unknown_whether_the_target_follows() -> Result<()> {
    let world = World::start("sync-outage").await?;
    world.create(following(&world, "inventory")).await?;
    world.migration_until("inventory", "in sync", is_in_sync).await?;
    world
        .bed
        .kong_server
        .set_behaviour(simulators::server::Behaviour::with_faults(&["/=drop"])?);
    world
        .migration_until("inventory", "unknown", |seen| {
            seen.is("InSync", "Unknown", "SourceUnreachable")
        })
        .await?;
    world
        .bed
        .kong_server
        .set_behaviour(simulators::server::Behaviour::default());
    world
        .migration_until("inventory", "in sync again", |seen| {
            is_in_sync(seen) && seen.is("Verified", "True", "Verified")
        })
        .await?;
    // Another mode says nothing of following.
    world.change("inventory", json!({"mode": "Apply"})).await?;
    let seen = world
        .migration_until("inventory", "completed", |seen| seen.is_completed())
        .await?;
    assert!(seen.condition("InSync").is_none() && sync(&seen).is_none());
    world.stop().await
}
