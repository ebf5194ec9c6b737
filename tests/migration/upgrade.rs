//! What a former version left behind is taken over as it is.

use anyhow::Result;
use gateway_migration_operator::api::workspace_migration::{Checkpoint, WorkspaceMigration};
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::orders::entity_writes;
use super::support::{Seen, World};
use super::sync::service;

const NAME: &str = "inventory";

fn checkpoint(seen: &Seen) -> Option<&Checkpoint> {
    seen.0.status.as_ref()?.checkpoint.as_ref()
}

/// A status without a checkpoint is one of a version that knew none.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_a_former_version_completed_is_not_written_again() -> Result<()> {
    let mut world = World::start("upgrade").await?;
    world.create(world.migration(NAME, "Apply")).await?;
    let completed = world
        .migration_until(NAME, "completed", |seen| seen.is_completed())
        .await?;
    let written = entity_writes(&world);
    world.stop_operator().await?;
    let forget = json!({"status": {"checkpoint": null}});
    let api = world.api::<WorkspaceMigration>();
    let left = api
        .patch_status(NAME, &PatchParams::default(), &Patch::Merge(forget))
        .await?;
    assert!(checkpoint(&Seen(left)).is_none());

    world.bed.kong.put(NAME, "services", service("new"))?;
    world.start_operator()?;
    let seen = world
        .migration_until(NAME, "drifted", |seen| {
            seen.is("Drifted", "True", "SourceChanged")
        })
        .await?;
    assert_eq!(checkpoint(&seen), checkpoint(&completed));
    assert_eq!(entity_writes(&world), written);
    world.stop().await
}
