//! More migrations than there is room for: some work, the others say whom they wait for, and all come to their end.

use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use gateway_migration_operator::api::workspace_migration::WorkspaceMigration;
use kube::api::{DeleteParams, ListParams};
use serde_json::json;
use simulators::server::Behaviour;

use super::support::{Seen, World};

/// Migrations of one workspace into control planes of their own.
const MIGRATIONS: usize = 12;

async fn many(name: &str, memory: Option<u64>, at_once: u16) -> Result<World> {
    let mut world = World::prepare(name).await?;
    (world.memory_budget, world.at_once) = (memory, at_once);
    for number in 0..MIGRATIONS {
        world.control_plane(&format!("cp-{number}")).await?;
    }
    world.start_operator()?;
    for number in 0..MIGRATIONS {
        world.control_plane_id(&format!("cp-{number}")).await?;
    }
    world.bed.konnect_server.set_behaviour(Behaviour {
        latency: Duration::from_millis(20),
        ..Behaviour::default()
    });
    for number in 0..MIGRATIONS {
        let mut migration = world.migration("inventory", "Apply");
        migration["metadata"]["name"] = json!(format!("m-{number}"));
        migration["spec"]["target"]["controlPlaneRef"]["name"] = json!(format!("cp-{number}"));
        world.create(migration).await?;
    }
    Ok(world)
}

/// Waits for all, and says how many were seen at work at once.
async fn all_completed(world: &World) -> Result<usize> {
    let api = world.api::<WorkspaceMigration>();
    let mut most = 0;
    for _ in 0..1200 {
        let all: Vec<Seen> = api
            .list(&ListParams::default())
            .await?
            .into_iter()
            .map(Seen)
            .collect();
        most = most.max(
            all.iter()
                .filter(|seen| seen.is("Applied", "Unknown", "Applying"))
                .count(),
        );
        if all.iter().all(Seen::is_completed) {
            return Ok(most);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("not all of {MIGRATIONS} completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_take_turns_and_say_whom_they_wait_for() -> Result<()> {
    let world = many("queue", None, 2).await?;
    let queued = stream::iter(0..MIGRATIONS)
        .map(|number| {
            let (world, name) = (&world, format!("m-{number}"));
            async move {
                let told = |seen: &Seen| seen.is("Ready", "False", "Queued") || seen.is_completed();
                let seen = world.migration_until(&name, "queued or completed", told).await?;
                Ok::<_, anyhow::Error>(seen.is("Ready", "False", "Queued").then_some(seen))
            }
        })
        .buffer_unordered(MIGRATIONS)
        .try_collect::<Vec<_>>()
        .await?;
    let queued: Vec<_> = queued.into_iter().flatten().collect();
    assert!(
        queued.len() >= MIGRATIONS - 4,
        "only {} had to wait",
        queued.len()
    );
    let last = queued.last().context("one that waits")?;
    let waiting = last
        .0
        .status
        .as_ref()
        .and_then(|status| status.progress.as_ref()?.waiting_for.clone());
    let waiting = waiting.context("whom it waits for")?;
    assert!(
        waiting.starts_with(&format!("migration {}/m-", world.namespace)),
        "{waiting}"
    );
    assert_eq!(last.condition("Stalled"), None);
    // One that waits is deleted, and nobody behind it waits for it.
    let gone = last.0.metadata.name.clone().context("a name")?;
    world
        .api::<WorkspaceMigration>()
        .delete(&gone, &DeleteParams::default())
        .await?;
    let most = all_completed(&world).await?;
    assert!(most <= 2, "{most} were at work at once");
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_budget_for_one_lets_one_work_at_a_time() -> Result<()> {
    // Too small for any two: an unread source counts as 10,000 entities.
    let world = many("budget", Some(1 << 20), 8).await?;
    let most = all_completed(&world).await?;
    assert!(most <= 1, "{most} were at work at once");
    world.stop().await
}
