//! `spec.prune`: what the source has no more goes from the target, and nothing else does.

use std::cmp::Ordering;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::orders::entity_writes;
use super::support::{Seen, World};
use super::sync::{following, is_in_sync};

/// A migration that follows its source, and what it drops.
fn pruning(world: &World) -> Value {
    let mut migration = following(world, "inventory");
    migration["spec"]["prune"] = json!(true);
    migration
}

/// The ids of a list of the control plane.
fn ids(world: &World, control_plane: &str, list: &str) -> Vec<String> {
    let entities = world.bed.konnect.entities(control_plane, list).into_iter();
    let id = |entity: Value| Some(entity["id"].as_str()?.to_owned());
    entities.filter_map(id).collect()
}

/// The plan's counts: to create, to update, to delete.
fn counts(seen: &Seen) -> Option<(u64, u64, u64)> {
    let plan = seen.0.status.as_ref()?.plan.as_ref()?;
    Some((plan.create, plan.update, plan.delete))
}

/// A consumer of the source that has credentials, and what goes with it in a control plane.
fn loaded_consumer(world: &World, control_plane: &str) -> Result<String> {
    let keys = world.bed.konnect.entities(control_plane, "key-auths");
    let id = keys
        .first()
        .and_then(|key| key["consumer"]["id"].as_str())
        .context("a key")?;
    Ok(id.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn in_sync_the_target_loses_what_the_source_loses_and_then_rests() -> Result<()> {
    let world = World::start("prune-sync").await?;
    world.create(pruning(&world)).await?;
    world.migration_until("inventory", "in sync", is_in_sync).await?;
    let control_plane = world.control_plane_id("inventory").await?;
    let consumer = loaded_consumer(&world, &control_plane)?;
    let before = entity_writes(&world);
    assert!(world.bed.kong.delete("inventory", "consumers", &consumer));
    let gone = |world: &World| {
        !ids(world, &control_plane, "consumers").contains(&consumer)
            && world
                .bed
                .konnect
                .entities(&control_plane, "key-auths")
                .iter()
                .all(|key| key["consumer"]["id"] != *consumer)
    };
    let seen = world
        .migration_until("inventory", "without the consumer", |seen| {
            is_in_sync(seen) && gone(&world) && counts(seen) == Some((0, 0, 0))
        })
        .await?;
    assert!(seen.is("Verified", "True", "Verified"));
    let deletes = entity_writes(&world) - before;
    assert!(deletes > 1, "{deletes} deletes");
    // In two passes, where the first one read a list before and one after the change.
    let entries = seen.0.status.as_ref().map(|status| &status.history);
    let summary = entries.and_then(|history| Some(&history.first()?.summary));
    let told = "that the source has no more are deleted";
    assert!(summary.is_some_and(|text| text.contains(told)), "{summary:?}");
    world.look_again("inventory").await?;
    world
        .migration_until("inventory", "looked at again", is_in_sync)
        .await?;
    assert_eq!(entity_writes(&world), before + deletes, "a further pass wrote");
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrow_token_deletes_nothing_and_says_so() -> Result<()> {
    let world = World::start("prune-narrow").await?;
    world.create(pruning(&world)).await?;
    world.migration_until("inventory", "in sync", is_in_sync).await?;
    let control_plane = world.control_plane_id("inventory").await?;
    let plugin = ids(&world, &control_plane, "plugins")
        .first()
        .cloned()
        .context("a plugin")?;
    world.bed.kong.forbid("/inventory/oauth2");
    let before = entity_writes(&world);
    assert!(world.bed.kong.delete("inventory", "plugins", &plugin));
    let seen = world
        .migration_until("inventory", "withheld", |seen| {
            seen.findings().contains(&"prune-source-unread")
        })
        .await?;
    assert_eq!(counts(&seen), Some((0, 0, 0)));
    assert_eq!(entity_writes(&world), before);
    assert!(ids(&world, &control_plane, "plugins").contains(&plugin));
    world.bed.kong.allow_all();
    world
        .migration_until("inventory", "pruned", |seen| {
            is_in_sync(seen) && !ids(&world, &control_plane, "plugins").contains(&plugin)
        })
        .await?;
    assert_eq!(entity_writes(&world), before + 1);
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_loses_everything_deletes_nothing() -> Result<()> {
    let world = World::start("prune-empty").await?;
    world.create(pruning(&world)).await?;
    world.migration_until("inventory", "in sync", is_in_sync).await?;
    let (before, control_plane) = (entity_writes(&world), world.control_plane_id("inventory").await?);
    let clear = || {
        world.bed.kong.clear("inventory");
        Ok(())
    };
    world.meanwhile("inventory", clear).await?;
    world
        .migration_until("inventory", "withheld", |seen| {
            seen.findings().contains(&"prune-source-empty")
                && seen.is("PruneWithheld", "True", "SourceIncomplete")
        })
        .await?;
    assert_eq!(entity_writes(&world), before);
    assert!(!ids(&world, &control_plane, "services").is_empty());
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_limit_is_kept_until_the_user_raises_it() -> Result<()> {
    let world = World::start("prune-limit").await?;
    world.create(pruning(&world)).await?;
    world.migration_until("inventory", "in sync", is_in_sync).await?;
    let (before, control_plane) = (entity_writes(&world), world.control_plane_id("inventory").await?);
    let lists = ["routes", "services", "consumers"];
    let lose = || {
        for list in lists {
            for id in ids(&world, &control_plane, list) {
                world.bed.kong.delete("inventory", list, &id);
            }
        }
        Ok(())
    };
    world.meanwhile("inventory", lose).await?;
    let seen = world
        .migration_until("inventory", "withheld", |seen| {
            seen.is("PruneWithheld", "True", "PruneLimitExceeded")
                && seen.is("InSync", "False", "PruneWithheld")
        })
        .await?;
    let message = seen.message("PruneWithheld");
    assert!(
        message.contains("of the 51 entities") && message.contains("allows 15 (30%, and 10 in any case)"),
        "{message}"
    );
    assert_eq!(
        (counts(&seen), entity_writes(&world)),
        (Some((0, 0, 0)), before),
        "{message}"
    );
    world.change("inventory", json!({"pruneLimit": "100%"})).await?;
    world
        .migration_until("inventory", "pruned", |seen| {
            is_in_sync(seen) && seen.condition("PruneWithheld").is_none() && counts(seen) == Some((0, 0, 0))
        })
        .await?;
    assert!(
        lists
            .iter()
            .all(|list| ids(&world, &control_plane, list).is_empty())
    );
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_prune_it_is_told_and_with_it_mode_apply_deletes_with_the_next_change() -> Result<()> {
    let world = World::start("prune-apply").await?;
    world.create(world.migration("inventory", "Apply")).await?;
    world
        .migration_until("inventory", "completed", |seen| seen.is_completed())
        .await?;
    let control_plane = world.control_plane_id("inventory").await?;
    let plugin = ids(&world, &control_plane, "plugins")
        .first()
        .cloned()
        .context("a plugin")?;
    assert!(world.bed.kong.delete("inventory", "plugins", &plugin));
    world.look_again("inventory").await?;
    let seen = world
        .migration_until("inventory", "told", |seen| {
            seen.finding_count("gone-from-source") == Some(1)
        })
        .await?;
    assert!(seen.is_completed());
    // Somebody else's has never been in the source either.
    let theirs = json!({"name": "theirs", "host": "theirs.example.com"});
    let theirs = world.bed.konnect.seed(&control_plane, "services", &theirs)?;
    world.change("inventory", json!({"prune": true})).await?;
    let seen = world
        .migration_until("inventory", "pruned", |seen| {
            seen.is_completed() && !ids(&world, &control_plane, "plugins").contains(&plugin)
        })
        .await?;
    assert!(
        seen.message("Ready")
            .contains("1 that the source has no more is deleted"),
        "{}",
        seen.message("Ready")
    );
    let theirs = theirs["id"].as_str().context("an id")?.to_owned();
    assert!(ids(&world, &control_plane, "services").contains(&theirs));
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_waits_for_its_approval() -> Result<()> {
    let world = World::start("prune-approval").await?;
    let mut migration = world.migration("inventory", "Apply");
    migration["spec"]["prune"] = json!(true);
    world.create(migration).await?;
    world
        .migration_until("inventory", "completed", |seen| seen.is_completed())
        .await?;
    let control_plane = world.control_plane_id("inventory").await?;
    let plugin = ids(&world, &control_plane, "plugins")
        .first()
        .cloned()
        .context("a plugin")?;
    assert!(world.bed.kong.delete("inventory", "plugins", &plugin));
    let before = entity_writes(&world);
    world
        .change("inventory", json!({"approval": {"policy": "Required"}}))
        .await?;
    let seen = world
        .migration_until("inventory", "waiting", |seen| {
            seen.is("Approved", "False", "AwaitingApproval") && counts(seen) == Some((0, 0, 1))
        })
        .await?;
    assert_eq!(entity_writes(&world), before);
    assert!(seen.message("Approved").contains("1 to delete"));
    let plan = seen.0.status.as_ref().and_then(|status| status.plan.as_ref());
    let hash = &plan.context("a plan")?.hash;
    world
        .change(
            "inventory",
            json!({"approval": {"policy": "Required", "planHash": hash}}),
        )
        .await?;
    world
        .migration_until("inventory", "pruned", |seen| {
            seen.is_completed() && !ids(&world, &control_plane, "plugins").contains(&plugin)
        })
        .await?;
    assert_eq!(entity_writes(&world), before + 1);
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_changes_while_it_is_paged_keeps_what_lives() -> Result<()> {
    let kong = simulators::kong_admin::Options {
        most_per_page: 2,
        ..Default::default()
    };
    let mut world = World::prepare_from(kong, "prune-paged").await?;
    world.control_plane("inventory").await?;
    world.start_operator()?;
    world.create(pruning(&world)).await?;
    world.migration_until("inventory", "in sync", is_in_sync).await?;
    let control_plane = world.control_plane_id("inventory").await?;
    // Three targets, two on a page, the newest first; a page begins at a count, so that the last one slips when the first one goes.
    let sample: Value = serde_json::from_str(simulators::kong_admin::INVENTORY)?;
    let upstream = "1e54ae0d-f9d8-4e21-8522-0d8a625f60e4";
    let list = sample[format!("/upstreams/{upstream}/targets")]
        .as_array()
        .context("targets")?;
    let newest = list
        .iter()
        .max_by(|a, b| {
            a["created_at"]
                .as_f64()
                .partial_cmp(&b["created_at"].as_f64())
                .unwrap_or(Ordering::Equal)
        })
        .and_then(|target| target["id"].as_str())
        .context("a target")?
        .to_owned();
    let before = entity_writes(&world);
    let gone = newest.clone();
    world
        .bed
        .kong
        .after(&format!("/inventory/upstreams/{upstream}/targets"), move |kong| {
            kong.delete("inventory", "targets", &gone);
        });
    world
        .migration_until("inventory", "without the newest target", |seen| {
            is_in_sync(seen) && !targets(&world, &control_plane, upstream).contains(&newest)
        })
        .await?;
    assert_eq!(targets(&world, &control_plane, upstream).len(), list.len() - 1);
    assert_eq!(entity_writes(&world), before + 1, "something else was written");
    world.stop().await
}

/// Ids of an upstream's targets in a control plane.
fn targets(world: &World, control_plane: &str, upstream: &str) -> Vec<String> {
    let all = world.bed.konnect.entities(control_plane, "targets").into_iter();
    let own = all.filter(|target| target["upstream"]["id"] == upstream);
    own.filter_map(|target| Some(target["id"].as_str()?.to_owned()))
        .collect()
}
