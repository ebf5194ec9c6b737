//! What somebody else changes in the target while it follows the source: told by class, left or corrected.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use gateway_migration_operator::api::workspace_migration::DriftStatus;
use k8s_openapi::api::core::v1::Event;
use kube::api::ListParams;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::orders::entity_writes;
use super::support::{Seen, World};
use super::sync::{following, is_in_sync, service};

/// The sample workspace.
const NAME: &str = "inventory";

/// An entity of the sample, by list and by name or user name.
fn sample(list: &str, name: &str) -> Result<Value> {
    let dump: Value = serde_json::from_str(simulators::kong_admin::INVENTORY)?;
    let entities = dump[format!("/{list}")].as_array().context("a list")?;
    let named = |entity: &&Value| [&entity["name"], &entity["username"]].contains(&&json!(name));
    entities.iter().find(named).cloned().context("no such entity")
}

fn id(entity: &Value) -> Result<&str> {
    entity["id"].as_str().context("id")
}

/// A migration that follows its source and has come to be equal.
async fn in_sync(name: &str, drift: &str) -> Result<(World, String)> {
    let world = World::start(name).await?;
    let mut migration = following(&world, NAME);
    migration["spec"]["sync"]["drift"] = json!(drift);
    world.create(migration).await?;
    world.migration_until(NAME, "in sync", is_in_sync).await?;
    let control_plane = world.control_plane_id(NAME).await?;
    Ok((world, control_plane))
}

/// Somebody gives a service of the target another host.
fn change_in_target(world: &World, control_plane: &str, name: &str) -> Result<()> {
    let service = sample("services", name)?;
    let theirs = json!({"name": name, "host": "theirs.example.com"});
    let path = format!("services/{}", id(&service)?);
    world.bed.konnect.replace(control_plane, &path, &theirs)
}

/// The source gives a service another host.
fn change_in_source(world: &World, name: &str) -> Result<()> {
    let mut service = sample("services", name)?;
    service["host"] = json!("moved.example.com");
    Ok(world.bed.kong.put(NAME, "services", service)?)
}

/// The host that the target's copy of a service has.
fn host(world: &World, control_plane: &str, name: &str) -> Option<String> {
    let services = world.bed.konnect.entities(control_plane, "services");
    let found = services.into_iter().find(|service| service["name"] == name)?;
    found["host"].as_str().map(str::to_owned)
}

fn vaults(world: &World, control_plane: &str) -> usize {
    world.bed.konnect.entities(control_plane, "vaults").len()
}

fn drift(seen: &Seen) -> Option<DriftStatus> {
    seen.0.status.as_ref()?.sync.as_ref()?.drift
}

/// One difference of each class.
fn make_every_class(world: &World, control_plane: &str) -> Result<()> {
    for name in ["labels", "stock"] {
        change_in_target(world, control_plane, name)?;
    }
    for name in ["locations", "stock"] {
        change_in_source(world, name)?;
    }
    world.bed.kong.put(NAME, "services", service("new"))?;
    let vault = sample("vaults", "env")?;
    world
        .bed
        .konnect
        .remove(control_plane, &format!("vaults/{}", id(&vault)?))?;
    let dump: Value = serde_json::from_str(simulators::kong_admin::INVENTORY)?;
    ensure!(world.bed.kong.delete(NAME, "acls", id(&dump["/acls"][0])?));
    Ok(())
}

const EVERY_CLASS: DriftStatus = DriftStatus {
    changed_in_source: 1,
    changed_in_target: 1,
    changed_in_both: 1,
    missing_in_target: 2,
    removed_from_target: 1,
    missing_in_source: 1,
};

/// The events of a reason; they follow the status that they are about.
pub async fn events(world: &World, reason: &str) -> Result<Vec<String>> {
    events_until(world, reason, 1).await
}

/// The same, once there are as many.
async fn events_until(world: &World, reason: &str, count: usize) -> Result<Vec<String>> {
    for _ in 0..300 {
        let all = world.api::<Event>().list(&ListParams::default()).await?;
        let told = all
            .items
            .into_iter()
            .filter(|event| event.reason.as_deref() == Some(reason));
        let told: Vec<_> = told.filter_map(|event| event.message).collect();
        if told.len() >= count {
            return Ok(told);
        }
        sleep(Duration::from_millis(100)).await;
    }
    bail!("fewer than {count} events of the reason {reason}")
}

#[tokio::test(flavor = "multi_thread")]
async fn report_tells_every_class_leaves_the_target_and_syncs_the_rest() -> Result<()> {
    let (world, control_plane) = in_sync("drift-report", "Report").await?;
    world
        .meanwhile(NAME, || make_every_class(&world, &control_plane))
        .await?;
    let seen = world
        .migration_until(NAME, "told of every class", |seen| {
            drift(seen) == Some(EVERY_CLASS) && seen.is("InSync", "False", "TargetChanged")
        })
        .await?;
    assert!(seen.is("Ready", "True", "TargetChanged") && seen.is("Drifted", "True", "TargetChanged"));
    let message = seen.message("InSync");
    assert!(
        [
            "3 entities",
            "labels",
            "stock",
            "env",
            "spec.sync.drift to Correct"
        ]
        .iter()
        .all(|part| message.contains(part)),
        "{message}"
    );
    let host = |name| host(&world, &control_plane, name);
    assert_eq!(host("labels").as_deref(), Some("theirs.example.com"));
    assert_eq!(host("stock").as_deref(), Some("theirs.example.com"));
    assert_eq!(host("locations").as_deref(), Some("moved.example.com"));
    assert!(host("new").is_some());
    assert_eq!(vaults(&world, &control_plane), 0);
    assert_eq!(
        (
            seen.finding_count("drift-left"),
            seen.finding_count("drift-removed")
        ),
        (Some(2), Some(1))
    );

    // What is left stays known, and costs no write.
    let (written, left) = (
        entity_writes(&world),
        DriftStatus {
            changed_in_source: 0,
            missing_in_target: 1,
            ..EVERY_CLASS
        },
    );
    world
        .migration_until(NAME, "looked at again", |seen| drift(seen) == Some(left))
        .await?;
    assert_eq!(entity_writes(&world), written);
    assert_eq!(events(&world, "Drifted").await?.len(), 1);

    // Another change of the source is synced beside it, by itself.
    let mut route = sample("routes", "reports")?;
    route["tags"] = json!(["changed"]);
    world.bed.kong.put(NAME, "routes", route)?;
    world
        .migration_until(NAME, "one more written", |_| entity_writes(&world) == written + 1)
        .await?;
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn correct_puts_the_sources_content_back_and_says_so() -> Result<()> {
    let (world, control_plane) = in_sync("drift-correct", "Correct").await?;
    world
        .meanwhile(NAME, || make_every_class(&world, &control_plane))
        .await?;
    world
        .migration_until(NAME, "told of every class", |seen| {
            drift(seen) == Some(EVERY_CLASS)
        })
        .await?;
    let seen = world
        .migration_until(NAME, "in sync", |seen| {
            is_in_sync(seen) && seen.0.metadata.generation == Some(3)
        })
        .await?;
    assert!(seen.is("Verified", "True", "Verified") && seen.condition("Drifted").is_none());
    let host = |name| host(&world, &control_plane, name);
    assert_eq!(
        host("labels"),
        sample("services", "labels")?["host"].as_str().map(str::to_owned)
    );
    assert_eq!(host("stock").as_deref(), Some("moved.example.com"));
    assert_eq!(vaults(&world, &control_plane), 1);
    let told = events(&world, "DriftCorrected").await?;
    assert!(
        told.len() == 1
            && ["labels", "stock", "env"]
                .iter()
                .all(|name| told[0].contains(name)),
        "{told:?}"
    );
    let ledger = world.ledger(&seen).await?;
    let labels = ledger.get("services", id(&sample("services", "labels")?)?);
    let kept = labels
        .and_then(|entry| entry.corrected.as_ref())
        .context("what was there")?;
    assert_eq!(kept["host"], "theirs.example.com");

    // What is corrected next is told by its own names, however soon it comes.
    change_in_target(&world, &control_plane, "locations")?;
    world
        .migration_until(NAME, "corrected once more", |_| {
            host("locations").as_deref() == Some("moved.example.com")
        })
        .await?;
    let told = events_until(&world, "DriftCorrected", 2).await?;
    let second = told
        .iter()
        .find(|told| told.contains("locations"))
        .context("a second event")?;
    assert!(!second.contains("labels"), "{second}");
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_removed_entity_waits_and_is_named() -> Result<()> {
    let (world, control_plane) = in_sync("drift-removed", "Report").await?;
    let consumer = sample("consumers", "auditor@example.com")?;
    let key = json!({
        "id": "0d3b4f0a-1b46-4f9e-9a44-2f0a6c8f5b12", "key": "a-new-key-of-the-auditor", "consumer": {"id": id(&consumer)?},
    });
    world
        .meanwhile(NAME, || {
            let path = format!("consumers/{}", id(&consumer)?);
            world.bed.konnect.remove(&control_plane, &path)?;
            world.bed.kong.put(NAME, "key-auths", key)?;
            change_in_source(&world, "locations")
        })
        .await?;
    let seen = world
        .migration_until(NAME, "waiting", |seen| {
            seen.is("InSync", "False", "PartiallyApplied")
        })
        .await?;
    assert_eq!(seen.finding_count("blocked-by-drift"), Some(1));
    // With the consumer went its password and its membership.
    assert!(seen.finding_count("drift-removed") >= Some(3));
    assert_eq!(
        host(&world, &control_plane, "locations").as_deref(),
        Some("moved.example.com")
    );
    world.change(NAME, json!({"sync": {"drift": "Correct"}})).await?;
    let seen = world
        .migration_until(NAME, "in sync", |seen| {
            is_in_sync(seen) && seen.0.metadata.generation == Some(4)
        })
        .await?;
    assert!(seen.condition("Drifted").is_none());
    world.stop().await
}
