//! What somebody decides while a migration is under way: suspend, delete, change a limit, stop at the first refusal.

use std::time::Duration;

use anyhow::{Context as _, Result};
use gateway_migration_operator::api::workspace_migration::{Phase, WorkspaceMigration};
use kube::api::DeleteParams;
use serde_json::json;
use simulators::server::Behaviour;

use super::support::{Seen, World};

/// Entities that the default workspace moves.
pub const ALL: u64 = 123;

/// Writes of entities that Konnect has received.
pub fn entity_writes(world: &World) -> u64 {
    let stats = world.bed.konnect_server.stats();
    let below = stats.by_parent.iter();
    below
        .filter(|(parent, _)| parent.ends_with("/core-entities"))
        .map(|(_, below)| below.writes)
        .sum()
}

/// Writes one by one, each with a delay, so that somebody can step in; returns when the first few are through.
pub async fn begin_slowly(world: &World) -> Result<()> {
    world.control_plane_id("default").await?;
    world.bed.konnect_server.set_behaviour(Behaviour {
        latency: Duration::from_millis(50),
        ..Behaviour::default()
    });
    let mut migration = world.migration("default", "Apply");
    migration["spec"]["throttle"] = json!({"maxInFlight": 1});
    world.create(migration).await?;
    world
        .migration_until("default", "writing", |_| entity_writes(world) > 3)
        .await?;
    Ok(())
}

fn phase(seen: &Seen) -> Option<Phase> {
    seen.0.status.as_ref()?.phase
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_migration_is_suspended_between_two_writes_and_goes_on_from_there() -> Result<()> {
    let world = World::start("suspend").await?;
    begin_slowly(&world).await?;
    world.change("default", json!({"suspend": true})).await?;
    let seen = world
        .migration_until("default", "suspended", |seen| {
            seen.is("Ready", "False", "Suspended")
        })
        .await?;
    assert_eq!(phase(&seen), Some(Phase::Paused));
    assert!(
        seen.is("Applied", "False", "Suspended"),
        "{:?}",
        seen.condition("Applied")
    );
    assert_eq!(
        (seen.condition("Stalled"), seen.condition("Reconciling")),
        (None, None)
    );
    let waiting = seen
        .0
        .status
        .as_ref()
        .and_then(|status| status.progress.as_ref()?.waiting_for.clone());
    assert_eq!(waiting.as_deref(), Some("spec.suspend to be false"));
    let written = entity_writes(&world);
    assert!(written < ALL, "it was suspended too late to prove anything");
    // What its turn has not come to is work that is left, and nothing found.
    assert_eq!(seen.finding_count("not-tried"), None);
    // Another pass, and still nothing is written.
    world
        .change("default", json!({"throttle": {"maxInFlight": 8}}))
        .await?;
    world
        .migration_until("default", "still suspended", |seen| {
            seen.is("Ready", "False", "Suspended")
        })
        .await?;
    assert_eq!(entity_writes(&world), written);
    world.change("default", json!({"suspend": false})).await?;
    let seen = world
        .migration_until("default", "completed", |seen| seen.is_completed())
        .await?;
    // The first create is sent twice, to see what a POST does with what is there.
    assert_eq!(entity_writes(&world), ALL + 1);
    assert_eq!(
        seen.0.status.and_then(|status| status.progress?.waiting_for),
        None
    );
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_pause_that_konnect_asks_for_holds_up_neither_suspending_nor_deleting() -> Result<()> {
    // The longest wait of one call is 90 s, beyond which the pass ends by itself; both are longer than this test waits.
    for seconds in [80, 600] {
        let world = World::start("suspend-throttled").await?;
        begin_slowly(&world).await?;
        let storm = Behaviour::with_faults(&[&format!("core-entities=429;retry-after={seconds}")])?;
        world.bed.konnect_server.set_behaviour(storm);
        let limited = |seen: &Seen| {
            let progress = seen.0.status.as_ref().and_then(|status| status.progress.as_ref());
            let waiting = progress.and_then(|progress| progress.waiting_for.as_deref());
            waiting.is_some_and(|waiting| waiting.starts_with("rate limited until"))
        };
        world
            .migration_until("default", "rate limited", |seen| seconds > 90 || limited(seen))
            .await?;
        world.change("default", json!({"suspend": true})).await?;
        let seen = world
            .migration_until("default", "suspended", |seen| {
                seen.is("Ready", "False", "Suspended")
            })
            .await?;
        assert!(
            seen.is("Applied", "False", "Suspended"),
            "{:?}",
            seen.condition("Applied")
        );
        world.change("default", json!({"suspend": false})).await?;
        let api = world.api::<WorkspaceMigration>();
        api.delete("default", &DeleteParams::default()).await?;
        let gone = |object: Option<&WorkspaceMigration>| object.is_none();
        kube::runtime::wait::await_condition(api, "default", gone).await?;
        world.stop().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_migration_does_not_begin() -> Result<()> {
    let world = World::start("suspended").await?;
    world.control_plane_id("inventory").await?;
    let mut migration = world.migration("inventory", "Apply");
    migration["spec"]["suspend"] = json!(true);
    world.create(migration).await?;
    let seen = world
        .migration_until("inventory", "suspended", |seen| {
            seen.is("Ready", "False", "Suspended")
        })
        .await?;
    assert!(seen.condition("SourceReady").is_none() && seen.condition("Applied").is_none());
    assert_eq!(
        (entity_writes(&world), world.bed.kong_server.stats().total),
        (0, 0)
    );
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_running_migration_ends_it_between_two_writes() -> Result<()> {
    let world = World::start("cancel").await?;
    begin_slowly(&world).await?;
    let api = world.api::<WorkspaceMigration>();
    api.delete("default", &DeleteParams::default()).await?;
    let gone = |object: Option<&WorkspaceMigration>| object.is_none();
    kube::runtime::wait::await_condition(api, "default", gone).await?;
    let written = entity_writes(&world);
    assert!(written < ALL, "it was deleted too late to prove anything");
    // The object went only after the last write had its answer.
    let stats = world.bed.konnect_server.stats();
    assert_eq!((stats.in_flight, stats.unanswered), (0, 0));
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_changes_while_the_migration_runs() -> Result<()> {
    let world = World::start("throttle").await?;
    begin_slowly(&world).await?;
    world.bed.konnect_server.reset_stats();
    world
        .change("default", json!({"throttle": {"maxInFlight": 8}}))
        .await?;
    let seen = world
        .migration_until("default", "faster", |_| {
            world.bed.konnect_server.stats().peak_in_flight > 4
        })
        .await?;
    let history = seen.0.status.context("status")?.history;
    assert!(
        history.is_empty(),
        "the run that had begun with the old limit ended: {history:?}"
    );
    world
        .migration_until("default", "completed", |seen| seen.is_completed())
        .await?;
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_policy_stop_writes_nothing_after_the_first_refusal() -> Result<()> {
    let world = World::start("stop").await?;
    let id = world.control_plane_id("default").await?;
    let refuse = r#"POST /services$=400;times=1;body={"code":3,"message":"validation error","details":[]}"#;
    world
        .bed
        .konnect_server
        .set_behaviour(Behaviour::with_faults(&[refuse])?);
    let mut migration = world.migration("default", "Apply");
    migration["spec"]["failurePolicy"] = json!("Stop");
    migration["spec"]["throttle"] = json!({"maxInFlight": 1});
    world.create(migration).await?;
    let seen = world
        .migration_until("default", "stopped", |seen| {
            seen.is("Applied", "False", "StoppedAtRefusal")
        })
        .await?;
    assert_eq!(phase(&seen), Some(Phase::Failed));
    let message = seen.message("Ready");
    assert!(
        message.contains("Konnect refused services/")
            && (message.contains("depend on it: routes/") || message.contains("depends on it: routes/")),
        "{message}"
    );
    assert_eq!(seen.finding_count("refused-by-target"), Some(1));
    let (dependents, rest) = (
        seen.finding_count("blocked-by-dependency"),
        seen.finding_count("not-tried"),
    );
    let sent = entity_writes(&world);
    // The first create is sent twice, to see what a POST does with what is there.
    assert_eq!(sent + dependents.unwrap_or(0) + rest.unwrap_or(0), ALL + 1);
    assert!(world.bed.konnect.entities(&id, "routes").is_empty());
    // The target's mind changed: a change of the spec tries what is left, and only that.
    world
        .change("default", json!({"throttle": {"maxInFlight": 8}}))
        .await?;
    world
        .migration_until("default", "completed", |seen| seen.is_completed())
        .await?;
    assert_eq!(entity_writes(&world), ALL + 2);
    world.stop().await
}
