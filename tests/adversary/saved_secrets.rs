//! 7: Secrets that are not ours and have the names of ours, or some of their marks, are neither used nor deleted.

use std::time::Duration;

use anyhow::{Context as _, Result};
use gateway_migration_operator::api::workspace_migration::WorkspaceMigration;
use gateway_migration_operator::k8s::artefacts::{self, Artefact, PackedDocument};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::events::v1::Event;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams};
use serde_json::json;

use crate::support::{Seen, World};

const NAME: &str = "inventory";

/// A completed migration, and the names of its backup and ledger.
async fn completed(name: &str) -> Result<(World, [String; 2])> {
    let world = World::start(name).await?;
    world.create(world.migration(NAME, "Apply")).await?;
    world
        .migration_until(NAME, "completed", Seen::is_completed)
        .await?;
    let control_plane = world.control_plane_id(NAME).await?;
    let names = ["backup", "ledger"].map(|purpose| Artefact::lasting(purpose, &control_plane).name(NAME));
    Ok((world, names))
}

async fn delete(world: &World) -> Result<()> {
    let api = world.api::<WorkspaceMigration>();
    api.delete(NAME, &DeleteParams::default()).await?;
    let gone = async {
        while api.get_opt(NAME).await?.is_some() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(Duration::from_secs(60), gone).await?
}

async fn is_there(world: &World, name: &str) -> Result<bool> {
    Ok(world.api::<Secret>().get_opt(name).await?.is_some())
}

/// What an event says of Secrets that stay.
async fn left(world: &World) -> Result<String> {
    let events = world.api::<Event>().list(&ListParams::default()).await?;
    let told = events
        .items
        .into_iter()
        .filter(|event| event.reason.as_deref() == Some("SecretsLeft"));
    Ok(told.filter_map(|event| event.note).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn n07_secrets_that_are_named_like_chunks_stay_and_are_named() -> Result<()> {
    let (world, [backup, ledger]) = completed("n07-names").await?;
    let theirs = [
        format!("{ledger}.1"),
        format!("{ledger}.2"),
        format!("{ledger}.b1"),
        format!("{backup}.1"),
    ];
    for name in &theirs {
        world.secret(name, &[("password", "theirs")]).await?;
    }
    delete(&world).await?;
    let told = left(&world).await?;
    for name in &theirs {
        assert!(is_there(&world, name).await?, "{name}");
        assert!(told.contains(name), "{told}");
    }
    assert!(!is_there(&world, &ledger).await? && !is_there(&world, &backup).await?);
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn n07_a_row_that_somebody_adds_to_the_index_deletes_nothing() -> Result<()> {
    let (world, [_, ledger]) = completed("n07-rows").await?;
    world.secret("victim", &[("password", "theirs")]).await?;
    let secrets = world.api::<Secret>();
    let uid = secrets.get("victim").await?.uid().context("a UID")?;
    let forged =
        json!({"metadata": {"annotations": {"gatewaymigration.dev/index": format!("victim={uid}")}}});
    secrets
        .patch(&ledger, &PatchParams::default(), &Patch::Merge(&forged))
        .await?;
    delete(&world).await?;
    assert!(is_there(&world, "victim").await?);
    assert!(left(&world).await?.contains("victim"));
    assert!(!is_there(&world, &ledger).await?);
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn n07_a_ledger_without_its_marks_is_not_deleted() -> Result<()> {
    let (world, [backup, ledger]) = completed("n07-marks").await?;
    let secrets = world.api::<Secret>();
    // One lost its label, the other is said to be of another object.
    for (name, marks) in [
        (
            &backup,
            json!({"labels": {"gatewaymigration.dev/artefact": null}}),
        ),
        (
            &ledger,
            json!({"annotations": {"gatewaymigration.dev/migration-uid": "another"}}),
        ),
    ] {
        let patch = Patch::Merge(json!({"metadata": marks}));
        secrets.patch(name, &PatchParams::default(), &patch).await?;
    }
    delete(&world).await?;
    let told = left(&world).await?;
    for name in [&backup, &ledger] {
        assert!(
            is_there(&world, name).await? && told.contains(name.as_str()),
            "{name}: {told}"
        );
    }
    world.stop().await
}

/// A document of several chunks, which does not compress.
fn large() -> Result<PackedDocument> {
    let text = (0..60_000_u32).flat_map(|number| {
        uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, &number.to_be_bytes())
            .to_string()
            .into_bytes()
    });
    let text: Vec<u8> = text.collect();
    Ok(PackedDocument::write(|out| out.write_all(&text))?)
}

#[tokio::test(flavor = "multi_thread")]
async fn n07_a_copy_in_the_place_of_a_chunk_is_not_deleted() -> Result<()> {
    let world = World::prepare("n07-copy").await?;
    world.create(world.migration(NAME, "Plan")).await?;
    let owner = world.api::<WorkspaceMigration>().get(NAME).await?;
    let artefact = Artefact::lasting("backup", "0b3b7a3e-5c1f-4f0e-9a53-0d4c9a0c1c11");
    let name = artefacts::store_packed(&world.client, &owner, &artefact, &large()?).await?;
    let (secrets, part) = (world.api::<Secret>(), format!("{name}.1"));
    let chunk = secrets.get(&part).await?;
    secrets.delete(&part, &DeleteParams::default()).await?;
    // With all marks, and another UID.
    let copy = Secret {
        metadata: ObjectMeta {
            name: Some(part.clone()),
            labels: chunk.metadata.labels,
            annotations: chunk.metadata.annotations,
            ..ObjectMeta::default()
        },
        ..chunk
    };
    secrets.create(&Default::default(), &copy).await?;
    let staying = artefacts::remove(&world.client, &owner, &artefact).await?;
    assert!(staying.iter().eq([&part]), "{staying:?}");
    assert!(is_there(&world, &part).await? && !is_there(&world, &name).await?);
    secrets.delete(&part, &DeleteParams::default()).await?;

    // Untouched, all of it goes; and so does what a former version stored, once its digest fits.
    for former in [false, true] {
        artefacts::store_packed(&world.client, &owner, &artefact, &large()?).await?;
        let label = ListParams::default().labels("gatewaymigration.dev/artefact=backup");
        let stored = secrets.list_metadata(&label).await?.items;
        assert!(stored.len() > 1);
        if former {
            let marks =
                json!({"gatewaymigration.dev/migration-uid": null, "gatewaymigration.dev/index": null});
            let patch = Patch::Merge(json!({"metadata": {"annotations": marks}}));
            for chunk in &stored {
                secrets
                    .patch(&chunk.name_any(), &PatchParams::default(), &patch)
                    .await?;
            }
        }
        assert!(
            artefacts::remove(&world.client, &owner, &artefact)
                .await?
                .is_empty()
        );
        assert!(secrets.list_metadata(&label).await?.items.is_empty());
    }
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn n07_an_object_that_was_made_again_does_not_inherit() -> Result<()> {
    let (world, [_, ledger]) = completed("n07-again").await?;
    world.change(NAME, json!({"retainBackup": true})).await?;
    delete(&world).await?;
    world.create(world.migration(NAME, "Apply")).await?;
    let seen = world
        .migration_until(NAME, "stopped", |seen| {
            seen.is("BackedUp", "False", "LedgerUnreadable")
        })
        .await?;
    assert!(
        seen.message("Ready")
            .contains(&format!("gatewaymigration.dev/adopt-ledger={ledger}"))
    );
    let before = world.writes();
    // Nor does it take away what is not its own.
    delete(&world).await?;
    assert!(is_there(&world, &ledger).await?);
    assert_eq!(world.writes(), before);
    world.stop().await
}
