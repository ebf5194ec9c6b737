//! Writes that did not come to what was written: found by the verification, and repaired once if that is asked for.

use anyhow::{Context as _, Result};
use gateway_migration_operator::api::workspace_migration::VerificationStatus;
use gateway_migration_operator::kong::plan::ledger::Origin;
use serde_json::{Value, json};
use simulators::server::Behaviour;

use super::drift::events;
use super::orders::entity_writes;
use super::support::{Seen, World};

const NAME: &str = "inventory";
/// Entities of the sample workspace.
const ALL: u64 = 51;

/// Begins a migration into a Konnect that misbehaves.
async fn begin(name: &str, repair: &str, faults: &[&str]) -> Result<World> {
    let world = World::start(name).await?;
    world.control_plane_id(NAME).await?;
    world
        .bed
        .konnect_server
        .set_behaviour(Behaviour::with_faults(faults)?);
    let mut migration = world.migration(NAME, "Apply");
    migration["spec"]["verification"] = json!({"repair": repair});
    world.create(migration).await?;
    Ok(world)
}

fn verification(seen: &Seen) -> Result<&VerificationStatus> {
    let status = seen.0.status.as_ref().context("a status")?;
    status.verification.as_ref().context("a verification")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_otherwise_or_not_at_all_is_written_once_more() -> Result<()> {
    let otherwise = r#"POST /services$=altered;times=1;body={"retries": 1}"#;
    let not_at_all = "POST /plugins$=200;times=1;body={}";
    let world = begin("repair", "Once", &[otherwise, not_at_all]).await?;
    let seen = world
        .migration_until(NAME, "completed", |seen| seen.is_completed())
        .await?;
    seen.assert_digests_equal(ALL)?;
    // The first create is sent twice, to see what a POST does with what is there.
    assert_eq!(entity_writes(&world), ALL + 1 + 2);
    assert_eq!(verification(&seen)?.repaired, 2);
    assert!(
        seen.message("Verified")
            .contains("2 of them were written once more"),
        "{}",
        seen.message("Verified")
    );
    let history = seen.0.status.as_ref().map_or(&[][..], |status| &status.history);
    assert!(
        history.len() == 1 && history[0].summary.contains("written once more"),
        "{history:?}"
    );
    assert_eq!(events(&world, "Repaired").await?.len(), 1);
    // All of it is known as made by this migration, for a rollback.
    let ledger = world.ledger(&seen).await?;
    let created = ledger
        .iter()
        .filter(|(.., entry)| entry.origin == Origin::Created && entry.is_settled());
    assert_eq!(u64::try_from(created.count())?, ALL);
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stays_wrong_is_written_once_more_and_never_called_complete() -> Result<()> {
    let made = r#"POST /services$=altered;body={"retries": 1}"#;
    let written = r#"PUT /services/=altered;body={"retries": 1}"#;
    let world = begin("repair-fails", "Once", &[made, written]).await?;
    let seen = world
        .migration_until(NAME, "different", |seen| seen.is("Ready", "False", "Mismatch"))
        .await?;
    let services: Value = serde_json::from_str(simulators::kong_admin::INVENTORY)?;
    let services = u64::try_from(services["/services"].as_array().map_or(0, Vec::len))?;
    assert_eq!(entity_writes(&world), ALL + 1 + services);
    let verified = verification(&seen)?;
    assert_eq!((verified.mismatched, verified.repaired), (services, services));
    assert!(seen.is("Verified", "False", "Mismatch") && seen.findings().contains(&"differs-after-write"));
    let status = seen.0.status.as_ref().context("a status")?;
    assert!(status.completed_at.is_none());
    world.stop().await
}
