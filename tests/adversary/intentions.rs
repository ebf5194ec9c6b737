//! 1: what a run only intended is nobody's. Somebody makes entities under the ids of a migration that was interrupted between the record of
//! what it would write and the writes.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use gateway_migration_operator::api::workspace_migration::WorkspaceMigration;
use kube::api::DeleteParams;
use serde_json::{Value, json};
use simulators::server::Behaviour;

use crate::support::{Seen, World};

const NAME: &str = "default";

/// Begins to migrate the default workspace slowly, and returns the id of its control plane once the first few entities are written.
async fn begin(name: &str, decisions: Value) -> Result<(World, String)> {
    let world = World::start(name).await?;
    let id = world.control_plane_id(NAME).await?;
    world.bed.konnect_server.set_behaviour(Behaviour {
        latency: Duration::from_millis(50),
        ..Behaviour::default()
    });
    let mut migration = world.migration(NAME, "Apply");
    migration["spec"]["throttle"] = json!({"maxInFlight": 1});
    if let (Some(spec), Some(decisions)) = (migration["spec"].as_object_mut(), decisions.as_object()) {
        spec.extend(decisions.clone());
    }
    world.create(migration).await?;
    let before = world.writes();
    world
        .migration_until(NAME, "writing", |_| world.writes() > before + 3)
        .await?;
    Ok((world, id))
}

/// The services of the workspace that the control plane does not have yet, as the source has them.
fn unwritten(world: &World, control_plane: &str) -> Result<Vec<Value>> {
    let dump = simulators::bed::Bed::WORKSPACES
        .iter()
        .find(|(name, _)| *name == NAME)
        .context("the workspace")?;
    let lists: serde_json::Map<String, Value> = serde_json::from_str(dump.1)?;
    let services = lists
        .iter()
        .find(|(path, _)| path.trim_matches('/') == "services")
        .context("its services")?;
    let there = world.bed.konnect.entities(control_plane, "services");
    let mut services = services.1.as_array().cloned().unwrap_or_default();
    services.retain(|service| there.iter().all(|other| other["id"] != service["id"]));
    ensure!(
        !services.is_empty(),
        "it was interrupted too late to prove anything"
    );
    Ok(services)
}

/// Somebody makes services of these ids by hand.
fn make_by_hand(world: &World, control_plane: &str, services: &[Value]) -> Result<Vec<Value>> {
    let made = services.iter().map(|service| {
        let body = json!({"id": service["id"], "host": "by-hand.example.com"});
        world.bed.konnect.seed(control_plane, "services", &body)
    });
    made.collect()
}

/// What the control plane holds under the ids of these.
fn held(world: &World, control_plane: &str, services: &[Value]) -> Vec<Value> {
    let there = world.bed.konnect.entities(control_plane, "services");
    let mut held = Vec::new();
    for service in services {
        held.extend(there.iter().find(|other| other["id"] == service["id"]).cloned());
    }
    held
}

async fn suspend(world: &World) -> Result<()> {
    world.change(NAME, json!({"suspend": true})).await?;
    world
        .migration_until(NAME, "suspended", |seen| seen.is("Ready", "False", "Suspended"))
        .await?;
    Ok(())
}

/// Takes the migration to its end, with what was made by hand left out.
async fn go_on(world: &World) -> Result<Seen> {
    world.bed.konnect_server.set_behaviour(Behaviour::default());
    world
        .change(NAME, json!({"suspend": false, "throttle": {"maxInFlight": 8}}))
        .await?;
    let has_ended = |seen: &Seen| {
        let ready = seen.condition("Ready").map(|(_, reason)| reason);
        matches!(ready, Some("Completed" | "PartiallyApplied"))
    };
    world.migration_until(NAME, "at its end", has_ended).await
}

async fn roll_back(world: &World) -> Result<()> {
    world.change(NAME, json!({"rollback": true})).await?;
    world
        .migration_until(NAME, "rolled back", |seen| {
            seen.condition("RolledBack")
                .is_some_and(|(status, _)| status == "True")
        })
        .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn n01_what_was_made_by_hand_while_a_run_was_suspended_is_neither_overwritten_nor_undone() -> Result<()>
{
    let (world, id) = begin("n01-suspended", json!({})).await?;
    suspend(&world).await?;
    let services = unwritten(&world, &id)?;
    let theirs = make_by_hand(&world, &id, &services)?;
    let seen = go_on(&world).await?;
    let told = seen.finding_count("target-differs");
    assert_eq!(told, Some(theirs.len() as u64), "{:?}", seen.findings());
    assert_eq!(held(&world, &id, &services), theirs);
    roll_back(&world).await?;
    // All that it wrote is gone, and nothing else.
    assert_eq!(world.bed.konnect.entities(&id, "services"), theirs);
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn n01_what_was_made_by_hand_while_the_operator_was_stopped_outlives_the_migration() -> Result<()> {
    let (mut world, id) = begin("n01-stopped", json!({"deletionPolicy": "DeleteMigrated"})).await?;
    world.stop_operator().await?;
    let services = unwritten(&world, &id)?;
    let theirs = make_by_hand(&world, &id, &services)?;
    world.bed.konnect_server.set_behaviour(Behaviour::default());
    // Deleted before another run has looked at it.
    let api = world.api::<WorkspaceMigration>();
    api.delete(NAME, &DeleteParams::default()).await?;
    world.start_operator()?;
    let gone = async {
        while api.get_opt(NAME).await?.is_some() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(Duration::from_secs(60), gone).await??;
    assert_eq!(world.bed.konnect.entities(&id, "services"), theirs);
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn n01_what_somebody_made_equal_to_the_source_is_shared_and_stays() -> Result<()> {
    let (world, id) = begin("n01-equal", json!({})).await?;
    suspend(&world).await?;
    let services = unwritten(&world, &id)?;
    // Those that refer to nothing, which may not be there yet.
    let mut services = services;
    services
        .retain(|service| service["client_certificate"].is_null() && service["ca_certificates"].is_null());
    for service in &services {
        let mut body = service.as_object().cloned().context("a service")?;
        body.retain(|field, value| !value.is_null() && !field.ends_with("ed_at") && field != "ws_id");
        world.bed.konnect.seed(&id, "services", &Value::Object(body))?;
    }
    let theirs = held(&world, &id, &services);
    ensure!(!theirs.is_empty(), "there is something to share");
    let seen = go_on(&world).await?;
    assert_eq!(seen.finding_count("target-differs"), None);
    roll_back(&world).await?;
    assert_eq!(
        held(&world, &id, &services),
        theirs,
        "it was never written by this migration"
    );
    world.stop().await
}
