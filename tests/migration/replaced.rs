//! The control plane is another one than before: what was saved of the former one.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use gateway_migration_operator::api::konnect_gateway_control_plane::KonnectGatewayControlPlane;
use gateway_migration_operator::api::workspace_migration::WorkspaceMigration;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::events::v1::Event;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::json;

use super::orders::{ALL, begin_slowly, entity_writes};
use super::support::{Seen, World};

/// A finalizer of somebody else.
const HOLD: &str = "example.com/hold";

/// Names of the Secrets with backups and ledgers, in order.
async fn saved(world: &World) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for purpose in ["backup", "ledger"] {
        let label = ListParams::default().labels(&format!("gatewaymigration.dev/artefact={purpose}"));
        let listed = world.api::<Secret>().list_metadata(&label).await?;
        names.extend(listed.iter().map(kube::ResourceExt::name_any));
    }
    Ok(names)
}

async fn completed(world: &World) -> Result<Seen> {
    world
        .migration_until("inventory", "completed", Seen::is_completed)
        .await
}

/// Removes the control plane behind everybody's back, and applies its object anew.
async fn replace(world: &World) -> Result<()> {
    let id = world.control_plane_id("inventory").await?;
    world.bed.konnect.remove_control_plane(&id)?;
    world.look_again("inventory").await?;
    world
        .migration_until("inventory", "without target", |seen| {
            seen.is("TargetReady", "False", "Gone")
        })
        .await?;
    world.replace_control_plane("inventory").await?;
    let fresh = world.control_plane_id("inventory").await?;
    world
        .migration_until("inventory", "at the new one", |seen| {
            let target = seen.0.status.as_ref().and_then(|status| status.target.as_ref());
            target.and_then(|target| target.control_plane_id.as_ref()) == Some(&fresh)
        })
        .await?;
    Ok(())
}

async fn delete(world: &World, name: &str) -> Result<()> {
    let api = world.api::<WorkspaceMigration>();
    api.delete(name, &DeleteParams::default()).await?;
    let gone = |object: Option<&WorkspaceMigration>| object.is_none();
    let gone = kube::runtime::wait::await_condition(api.clone(), name, gone);
    match tokio::time::timeout(Duration::from_secs(60), gone).await {
        Ok(gone) => gone?,
        Err(_) => bail!("it does not go: {:?}", api.get(name).await?.status),
    };
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_saved_of_a_control_plane_that_is_gone_stays_until_its_migration_goes() -> Result<()> {
    let world = World::start("replaced").await?;
    // What a former migration of the same name was told to retain stays when the present one goes.
    let mut retained = None;
    for (retain, left) in [(true, 4), (false, 2)] {
        let mut migration = world.migration("inventory", "Apply");
        migration["spec"]["retainBackup"] = json!(retain);
        if let Some(ledger) = &retained {
            // It is another object, and goes on with what the former one has written because a person says so.
            migration["metadata"]["annotations"] = json!({"gatewaymigration.dev/adopt-ledger": ledger});
        }
        world.create(migration).await?;
        let seen = completed(&world).await?;
        let before = seen
            .0
            .status
            .and_then(|status| status.backup)
            .context("a backup")?;
        replace(&world).await?;
        world
            .change("inventory", json!({"throttle": {"maxInFlight": 3}}))
            .await?;
        let seen = world
            .migration_until("inventory", "completed anew", |seen| {
                seen.is_completed() && seen.0.metadata.generation == Some(2)
            })
            .await?;
        let backup = seen
            .0
            .status
            .and_then(|status| status.backup)
            .context("a backup")?;
        let [earlier] = &backup.earlier[..] else {
            bail!("one earlier control plane: {backup:?}");
        };
        assert_eq!(
            (&earlier.artefact_ref, &earlier.ledger_ref),
            (&before.artefact_ref, &before.ledger_ref)
        );
        assert_ne!(backup.ledger_ref, before.ledger_ref);
        retained = backup.ledger_ref.map(|ledger| ledger.name);
        let events = world.api::<Event>().list(&ListParams::default()).await?;
        let told = events.iter().any(|event| {
            event.reason.as_deref() == Some("ControlPlaneReplaced")
                && before
                    .ledger_ref
                    .iter()
                    .all(|ledger| event.note.iter().any(|note| note.contains(&ledger.name)))
        });
        assert!(
            told,
            "{:?}",
            events.iter().map(|event| &event.note).collect::<Vec<_>>()
        );
        delete(&world, "inventory").await?;
        let names = saved(&world).await?;
        assert_eq!(names.len(), left, "{names:?}");
    }
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_whose_control_plane_was_replaced_has_nothing_to_delete_in_the_new_one() -> Result<()> {
    let world = World::start("replaced-delete").await?;
    let mut migration = world.migration("inventory", "Apply");
    migration["spec"]["deletionPolicy"] = json!("DeleteMigrated");
    world.create(migration).await?;
    completed(&world).await?;
    replace(&world).await?;
    delete(&world, "inventory").await?;
    assert_eq!(saved(&world).await?, Vec::<String>::new());
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_into_a_control_plane_whose_object_is_being_deleted() -> Result<()> {
    let world = World::start("target-goes").await?;
    world.control_plane_id("inventory").await?;
    let control_planes = world.api::<KonnectGatewayControlPlane>();
    let mut finalizers = control_planes.get("inventory").await?.finalizers().to_vec();
    finalizers.push(HOLD.to_owned());
    let hold = json!({"metadata": {"finalizers": finalizers}});
    control_planes
        .patch("inventory", &PatchParams::default(), &Patch::Merge(&hold))
        .await?;
    control_planes
        .delete("inventory", &DeleteParams::default())
        .await?;
    let writes = entity_writes(&world);
    world.create(world.migration("inventory", "Apply")).await?;
    let seen = world
        .migration_until("inventory", "without target", |seen| {
            seen.is("TargetReady", "False", "ControlPlaneDeleting")
        })
        .await?;
    assert!(seen.is("Ready", "False", "ControlPlaneDeleting"));
    let message = seen.message("TargetReady");
    assert!(
        message.contains("is being deleted") && message.contains("apply it again"),
        "{message}"
    );
    assert_eq!(entity_writes(&world), writes);
    let held_by_others = |object: Option<&KonnectGatewayControlPlane>| {
        object.is_some_and(|object| object.finalizers() == [HOLD])
    };
    kube::runtime::wait::await_condition(control_planes.clone(), "inventory", held_by_others).await?;
    let let_go = json!({"metadata": {"finalizers": null}});
    control_planes
        .patch("inventory", &PatchParams::default(), &Patch::Merge(&let_go))
        .await?;
    kube::runtime::wait::await_condition(
        control_planes.clone(),
        "inventory",
        |object: Option<&KonnectGatewayControlPlane>| object.is_none(),
    )
    .await?;
    // The next step that the message names.
    world.control_plane("inventory").await?;
    completed(&world).await?;
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_ends_between_two_writes_when_the_object_of_its_control_plane_is_deleted() -> Result<()> {
    let world = World::start("target-goes-later").await?;
    begin_slowly(&world).await?;
    let control_planes = world.api::<KonnectGatewayControlPlane>();
    control_planes.delete("default", &DeleteParams::default()).await?;
    world
        .migration_until("default", "ended", |seen| {
            seen.is("TargetReady", "False", "ControlPlaneDeleting")
        })
        .await?;
    let written = entity_writes(&world);
    assert!(written < ALL, "it was deleted too late to prove anything");
    // The way out that the message names, which goes on although the control plane is on its way out.
    world
        .change("default", json!({"deletionPolicy": "DeleteMigrated"}))
        .await?;
    let id = world.control_plane_id("default").await?;
    delete(&world, "default").await?;
    assert!(world.bed.konnect.entities(&id, "services").is_empty());
    world.stop().await
}
