//! A verification has an age: looks renew it, and one that is too old is not claimed to hold.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use gateway_migration_operator::api::workspace_migration::WorkspaceMigration;
use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use simulators::server::Behaviour;

use super::orders::entity_writes;
use super::support::{Seen, World};
use super::sync::service;

const NAME: &str = "inventory";

fn checked_at(seen: &Seen) -> Option<Timestamp> {
    let verification = seen.0.status.as_ref()?.verification.as_ref()?;
    Some(verification.checked_at.as_ref()?.0)
}

/// Does something again and again until the migration is in a state: a pass that is under way may undo what was done to its status.
async fn repeat_until(
    world: &World,
    what: &str,
    is: impl Fn(&Seen) -> bool,
    act: impl AsyncFn(u32) -> Result<()>,
) -> Result<Seen> {
    let api = world.api::<WorkspaceMigration>();
    for turn in 0..300 {
        let seen = Seen(api.get(NAME).await?);
        if is(&seen) {
            return Ok(seen);
        }
        act(turn).await?;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    bail!("{NAME} is not {what}")
}

/// Makes the operator look again.
async fn look(world: &World, turn: u32) -> Result<()> {
    let patch = Patch::Merge(json!({"metadata": {"annotations": {"example.com/look": turn.to_string()}}}));
    let api = world.api::<WorkspaceMigration>();
    api.patch(NAME, &PatchParams::default(), &patch).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_verification_is_renewed_by_a_look_and_doubted_without_one() -> Result<()> {
    let world = World::start("age").await?;
    world.create(world.migration(NAME, "Apply")).await?;
    let seen = world
        .migration_until(NAME, "completed", |seen| seen.is_completed())
        .await?;
    let (first, written) = (checked_at(&seen), entity_writes(&world));
    let renewed = |seen: &Seen| checked_at(seen) > first;
    let seen = repeat_until(&world, "compared again", renewed, async |turn| {
        look(&world, turn).await
    })
    .await?;
    assert!(seen.is_completed() && seen.is("Verified", "True", "Verified"));
    seen.assert_digests_equal(51)?;

    // The source is away for longer than three looks, and comes back changed.
    world
        .bed
        .kong_server
        .set_behaviour(Behaviour::with_faults(&["/=drop"])?);
    let old: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    let grow_old = Patch::Merge(json!({"status": {"verification": {"checkedAt": old.to_string()}}}));
    let api = world.api::<WorkspaceMigration>();
    let stale = |seen: &Seen| seen.is("Verified", "Unknown", "VerificationStale");
    let seen = repeat_until(&world, "stale", stale, async |turn| {
        api.patch_status(NAME, &PatchParams::default(), &grow_old).await?;
        look(&world, turn).await
    })
    .await?;
    assert_eq!(checked_at(&seen), Some(old));
    assert!(
        seen.message("Verified").contains("2026-01-01T00:00:00Z"),
        "{}",
        seen.message("Verified")
    );
    let new = service("new");
    world.bed.kong.put(NAME, "services", new.clone())?;
    world.bed.kong_server.set_behaviour(Behaviour::default());
    let seen = world
        .migration_until(NAME, "drifted", |seen| {
            seen.is("Drifted", "True", "SourceChanged") && seen.is_completed()
        })
        .await?;
    assert_eq!(checked_at(&seen), Some(old));
    assert!(seen.is("Verified", "Unknown", "VerificationStale"));

    let id = new["id"].as_str().context("id")?;
    assert!(world.bed.kong.delete(NAME, "services", id));
    let verified = |seen: &Seen| seen.is("Verified", "True", "Verified") && checked_at(seen) > Some(old);
    repeat_until(&world, "verified again", verified, async |turn| {
        look(&world, turn).await
    })
    .await?;
    assert_eq!(entity_writes(&world), written);
    world.stop().await
}
