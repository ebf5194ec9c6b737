//! The presets of `spec.transforms`, from a source that cannot move without them.

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::presets;
use crate::support::{Seen, World};

#[tokio::test]
async fn every_preset_is_written_and_verified_and_a_second_run_writes_nothing() -> Result<()> {
    let mut world = World::prepare_from(presets::kong(), "presets").await?;
    presets::fill(&world.bed)?;
    world.control_plane(presets::WORKSPACE).await?;
    world.start_operator()?;
    let mut manifest = world.migration(presets::WORKSPACE, "Apply");
    manifest["spec"]["waivers"] = json!([]);
    world.create(manifest).await?;
    let blocked = world
        .migration_until("shop", "blocked without the presets", |seen| {
            seen.is("PreflightPassed", "False", "BlockingFindings")
        })
        .await?;
    assert_eq!(blocked.finding_count("plugin-value-unsupported"), Some(2));
    assert!(
        blocked.findings().contains(&"regex-path-needs-tilde"),
        "{:?}",
        blocked.findings()
    );

    world
        .change("shop", json!({"transforms": presets::transforms()}))
        .await?;
    let done = world
        .migration_until("shop", "completed", Seen::is_completed)
        .await?;
    assert_eq!(done.finding_count("transformed"), Some(5));
    assert_eq!(done.finding_count("plugin-value-unsupported"), None);
    let status = done.0.status.as_ref().context("a status")?;
    let entities = status.source.as_ref().context("a source")?.entities;
    done.assert_digests_equal(entities)?;
    let control_plane = world.control_plane_id(presets::WORKSPACE).await?;
    presets::ensure_moved(&world.bed, &control_plane)?;

    let written = world.writes();
    world
        .change("shop", json!({"throttle": {"maxInFlight": 3}}))
        .await?;
    world
        .migration_until("shop", "completed again", Seen::is_completed)
        .await?;
    assert_eq!(world.writes(), written, "the second run wrote");
    world.stop().await
}
