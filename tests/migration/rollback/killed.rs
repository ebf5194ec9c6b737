//! The operator is killed in the middle of a rollback, and another goes on; somebody changes their mind in the middle of it.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;
use simulators::server::{Behaviour, Write};
use simulators::workload;

use super::contents;
use crate::process::Operator;
use crate::support::{Seen, World};

/// Name of the workspace, its control plane and its migration.
const NAME: &str = "generated";
/// Units of it, of 11 entities each.
const UNITS: usize = 40;

fn deletes(world: &World) -> Vec<Write> {
    let writes = world.bed.konnect_server.writes().into_iter();
    writes
        .filter(|write| write.target.starts_with("DELETE ") && write.target.contains("/core-entities/"))
        .collect()
}

fn slowly(world: &World, latency: u64) {
    world.bed.konnect_server.set_behaviour(Behaviour {
        latency: Duration::from_millis(latency),
        ..Behaviour::default()
    });
}

/// A generated workspace that is migrated by an operator of its own process.
async fn migrated(name: &str) -> Result<(World, Operator, String)> {
    let world = World::prepare(name).await?;
    world.bed.kong.clear("default");
    world.bed.kong.load(NAME, &workload::dump(UNITS)?)?;
    world.control_plane(NAME).await?;
    world.create(world.migration(NAME, "Apply")).await?;
    let operator = Operator::start(&world)?;
    world
        .migration_until(NAME, "completed", Seen::is_completed)
        .await
        .with_context(|| operator.end_of_log())?;
    let id = world.control_plane_id(NAME).await?;
    Ok((world, operator, id))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_killed_in_the_middle_of_a_rollback_goes_on_with_what_is_left() -> Result<()> {
    let (world, mut first, id) = migrated("rollback-killed").await?;
    let all = contents(&world, &id)?.len();
    slowly(&world, 10);
    world.change(NAME, json!({"rollback": true})).await?;
    let begun = world
        .migration_until(NAME, "half undone", |_| deletes(&world).len() > all / 3)
        .await?;
    assert!(begun.is("RolledBack", "False", "RollingBack"));
    first.kill()?;
    let in_flight = world.bed.konnect_server.stats().in_flight;
    slowly(&world, 0);
    // What it left in the sockets is still read by the server.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let done = deletes(&world).len();
    let left = contents(&world, &id)?.len();
    assert!(left > 0, "it was killed too late to prove anything");
    let second = Operator::start(&world)?;
    world
        .migration_until(NAME, "rolled back", |seen| seen.is("Ready", "True", "RolledBack"))
        .await
        .with_context(|| second.end_of_log())?;
    assert!(contents(&world, &id)?.is_empty());
    // Memberships are no entities of their own in `contents`.
    let members = UNITS;
    let rest = deletes(&world).len() - done;
    assert!(
        rest <= left + members + usize::try_from(in_flight)?,
        "{rest} deletes for {left} remaining entities"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_that_is_called_off_in_the_middle_makes_again_what_it_undid() -> Result<()> {
    let (world, operator, id) = migrated("rollback-off").await?;
    let before = contents(&world, &id)?;
    slowly(&world, 10);
    world.change(NAME, json!({"rollback": true})).await?;
    world
        .migration_until(NAME, "half undone", |_| deletes(&world).len() > before.len() / 3)
        .await?;
    world.change(NAME, json!({"suspend": true})).await?;
    let seen = world
        .migration_until(NAME, "suspended", |seen| seen.is("Ready", "False", "Suspended"))
        .await?;
    assert!(
        seen.message("Ready").contains("are undone"),
        "{}",
        seen.message("Ready")
    );
    let done: BTreeSet<_> = deletes(&world).into_iter().map(|write| write.target).collect();
    slowly(&world, 0);
    world
        .change(NAME, json!({"rollback": false, "suspend": false}))
        .await?;
    let seen = world
        .migration_until(NAME, "completed", Seen::is_completed)
        .await
        .with_context(|| operator.end_of_log())?;
    assert_eq!(contents(&world, &id)?, before);
    let after: BTreeSet<_> = deletes(&world).into_iter().map(|write| write.target).collect();
    assert_eq!(
        done, after,
        "something was deleted after the rollback was called off"
    );
    assert!(seen.condition("RolledBack").is_none());
    Ok(())
}
