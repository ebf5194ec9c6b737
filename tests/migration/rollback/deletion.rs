//! `deletionPolicy: DeleteMigrated`.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use gateway_migration_operator::api::workspace_migration::WorkspaceMigration;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::events::v1::Event;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use simulators::server::Behaviour;

use super::{contents, overwriting, sample, used_by_others};
use crate::support::{Seen, World};

async fn complete(world: &World) -> Result<()> {
    let mut migration = overwriting(world);
    migration["spec"]["deletionPolicy"] = json!("DeleteMigrated");
    world.create(migration).await?;
    world
        .migration_until("inventory", "completed", Seen::is_completed)
        .await?;
    Ok(())
}

async fn until_gone(world: &World) -> Result<()> {
    let api = world.api::<WorkspaceMigration>();
    let gone = async {
        while api.get_opt("inventory").await?.is_some() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        anyhow::Ok(())
    };
    match tokio::time::timeout(Duration::from_secs(60), gone).await {
        Ok(gone) => gone,
        Err(_) => bail!("it does not go: {:?}", api.get("inventory").await?.status),
    }
}

async fn artefacts(world: &World) -> Result<usize> {
    let mut left = 0;
    for purpose in ["backup", "ledger"] {
        let label = ListParams::default().labels(&format!("gatewaymigration.dev/artefact={purpose}"));
        left += world.api::<Secret>().list_metadata(&label).await?.items.len();
    }
    Ok(left)
}

#[tokio::test(flavor = "multi_thread")]
async fn deletion_deletes_what_was_created_and_says_what_stays() -> Result<()> {
    let world = World::start("delete-migrated").await?;
    let id = used_by_others(&world).await?;
    let theirs = contents(&world, &id)?;
    complete(&world).await?;
    // Somebody changes one of the created entities.
    let vault: Value = serde_json::from_str(simulators::kong_admin::INVENTORY)?;
    let vault = vault["/vaults"][0].clone();
    let path = format!("vaults/{}", vault["id"].as_str().context("an id")?);
    let changed = json!({"name": "env", "prefix": vault["prefix"], "description": "changed", "config": {"prefix": "OTHER_"}});
    world.bed.konnect.replace(&id, &path, &changed)?;
    world
        .api::<WorkspaceMigration>()
        .delete("inventory", &DeleteParams::default())
        .await?;
    until_gone(&world).await?;

    let left = contents(&world, &id)?;
    let mut expected: Vec<_> = theirs.keys().cloned().collect();
    expected.push(path);
    // An overwritten service needs its certificate, and calls an upstream by name.
    expected.push("certificates/88501063-b24b-4a98-8ad6-c918d11913c6".to_owned());
    let upstream = "upstreams/ea1f4c47-6364-4d55-acae-637c8e8e416a";
    expected.push(upstream.to_owned());
    let source: Value = serde_json::from_str(simulators::kong_admin::INVENTORY)?;
    for target in source[format!("/{upstream}/targets")]
        .as_array()
        .context("targets")?
    {
        expected.push(format!("targets/{}", target["id"].as_str().context("an id")?));
    }
    expected.sort();
    assert_eq!(left.keys().cloned().collect::<Vec<_>>(), expected);
    // Overwritten, and left so.
    let labels = sample("/services", "labels")?;
    let service = &left[&format!("services/{}", labels["id"].as_str().context("an id")?)];
    assert_eq!(service["host"], labels["host"]);
    assert_eq!(artefacts(&world).await?, 0);
    let events = world.api::<Event>().list(&ListParams::default()).await?;
    let note = events
        .into_iter()
        .find(|event| event.reason.as_deref() == Some("MigratedDeleted"))
        .and_then(|event| event.note)
        .context("an event")?;
    assert!(
        note.contains("2 stay (deletion-leaves-overwritten)")
            && note.contains("1 stays (rollback-changed-since): vaults/")
            && note.contains("4 stay (rollback-still-referenced): certificates/"),
        "{note}"
    );
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn while_konnect_does_not_answer_the_object_stays_and_says_how_to_let_go() -> Result<()> {
    let world = World::start("delete-unreachable").await?;
    let id = world.control_plane_id("inventory").await?;
    complete(&world).await?;
    let held = contents(&world, &id)?;
    let down = Behaviour::with_faults(&["core-entities=503"])?;
    world.bed.konnect_server.set_behaviour(down);
    let api = world.api::<WorkspaceMigration>();
    api.delete("inventory", &DeleteParams::default()).await?;
    let seen = world
        .migration_until("inventory", "blocked", |seen| {
            seen.is("Ready", "False", "DeletionBlocked")
        })
        .await?;
    let message = seen.message("Ready");
    assert!(
        message.contains("Orphan") && message.contains("force-delete"),
        "{message}"
    );
    assert_eq!(
        (contents(&world, &id)?, artefacts(&world).await?),
        (held.clone(), 2)
    );
    // The way out that the message names.
    world
        .change("inventory", json!({"deletionPolicy": "Orphan"}))
        .await?;
    until_gone(&world).await?;
    assert_eq!((contents(&world, &id)?, artefacts(&world).await?), (held, 0));
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_lets_go_while_konnect_asks_for_a_long_pause_does_not_wait_for_its_end() -> Result<()> {
    for release in [
        json!({"spec": {"deletionPolicy": "Orphan"}}),
        json!({"metadata": {"annotations": {"gatewaymigration.dev/force-delete": "true"}}}),
    ] {
        let world = World::start("delete-let-go").await?;
        let id = world.control_plane_id("inventory").await?;
        complete(&world).await?;
        let held = contents(&world, &id)?;
        // Longer than this test waits, and short enough for a call to wait for it.
        let storm = Behaviour::with_faults(&["DELETE core-entities=429;retry-after=80"])?;
        world.bed.konnect_server.set_behaviour(storm);
        let api = world.api::<WorkspaceMigration>();
        api.delete("inventory", &DeleteParams::default()).await?;
        world
            .migration_until("inventory", "rate limited", |seen| {
                let progress = seen.0.status.as_ref().and_then(|status| status.progress.as_ref());
                let waiting = progress.and_then(|progress| progress.waiting_for.as_deref());
                waiting.is_some_and(|waiting| waiting.starts_with("rate limited until"))
            })
            .await?;
        api.patch("inventory", &PatchParams::default(), &Patch::Merge(&release))
            .await?;
        until_gone(&world).await?;
        assert_eq!(contents(&world, &id)?, held);
        world.stop().await?;
    }
    Ok(())
}
