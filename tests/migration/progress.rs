//! What status says while a migration writes: how fast, until when, and what holds it up.

use std::time::Duration;

use anyhow::{Context as _, Result};
use gateway_migration_operator::api::workspace_migration::ProgressStatus;
use simulators::server::Behaviour;

use super::support::{Seen, World};

fn progress(seen: &Seen) -> Option<&ProgressStatus> {
    seen.0.status.as_ref()?.progress.as_ref()
}

#[tokio::test(flavor = "multi_thread")]
async fn rate_and_end_are_told_while_it_writes_and_the_end_goes_when_it_is_done() -> Result<()> {
    let world = World::start("progress").await?;
    world.control_plane_id("default").await?;
    world.bed.konnect_server.set_behaviour(Behaviour {
        latency: Duration::from_millis(50),
        ..Behaviour::default()
    });
    let mut migration = world.migration("default", "Apply");
    migration["spec"]["throttle"] = serde_json::json!({"maxInFlight": 1});
    world.create(migration).await?;
    let seen = world
        .migration_until("default", "under way with an end", |seen| {
            progress(seen).is_some_and(|progress| progress.eta.is_some())
        })
        .await?;
    let shown = progress(&seen).context("progress")?;
    let rate: f64 = shown.rate.as_deref().context("rate")?.parse()?;
    assert!(rate > 0.0 && rate <= 20.0, "one at a time, 50 ms each: {rate}");
    assert_eq!(shown.waiting_for, None);
    world.bed.konnect_server.set_behaviour(Behaviour::default());
    let seen = world
        .migration_until("default", "completed", |seen| seen.is_completed())
        .await?;
    let shown = progress(&seen).context("progress")?;
    assert_eq!(
        (shown.eta.as_ref(), shown.waiting_for.as_ref(), shown.in_flight),
        (None, None, 0)
    );
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_is_told_with_the_time_when_it_ends() -> Result<()> {
    let world = World::start("limited").await?;
    world.control_plane_id("inventory").await?;
    let limited = ["POST core-entities=429;times=1;retry-after=4;skip=5"];
    world
        .bed
        .konnect_server
        .set_behaviour(Behaviour::with_faults(&limited)?);
    world.create(world.migration("inventory", "Apply")).await?;
    let seen = world
        .migration_until("inventory", "rate limited", |seen| {
            progress(seen).is_some_and(|progress| progress.waiting_for.is_some())
        })
        .await?;
    let shown = progress(&seen).context("progress")?;
    let why = shown.waiting_for.as_deref().unwrap_or_default();
    assert!(
        why.starts_with("rate limited until ") && why.ends_with(" UTC"),
        "{why}"
    );
    assert_eq!(shown.eta, None);
    world
        .migration_until("inventory", "completed", |seen| seen.is_completed())
        .await?;
    world.stop().await
}
