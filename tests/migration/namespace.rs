//! Deletion of a namespace with everything in it ends by itself, and says what it leaves behind.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use gateway_migration_operator::api::workspace_migration::WorkspaceMigration;
use gateway_migration_operator::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::{DeleteParams, ListParams};
use serde_json::json;
use simulators::server::Behaviour;

use crate::support::{Seen, World};

const NAME: &str = "inventory";

/// The machine's clock, ten minutes ahead.
#[derive(Debug)]
struct Ahead;

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_mins(10)
    }
}

/// A migration that is done, and would delete what it made.
async fn completed(world: &World) -> Result<()> {
    let mut migration = world.migration(NAME, "Apply");
    migration["spec"]["deletionPolicy"] = json!("DeleteMigrated");
    world.create(migration).await?;
    world
        .migration_until(NAME, "completed", Seen::is_completed)
        .await?;
    Ok(())
}

async fn delete_namespace(world: &World) -> Result<()> {
    let api: Api<Namespace> = Api::all(world.client.clone());
    api.delete(&world.namespace, &DeleteParams::default()).await?;
    let gone = async {
        while api.get_opt(&world.namespace).await?.is_some() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::Ok(())
    };
    match tokio::time::timeout(Duration::from_secs(90), gone).await {
        Ok(gone) => gone,
        Err(_) => bail!("it does not go: {:?}", api.get(&world.namespace).await?.status),
    }
}

/// What was said about the namespace where it can be read afterwards.
async fn told(world: &World) -> Result<Vec<String>> {
    let events = Api::<Event>::namespaced(world.client.clone(), "default");
    let about = events
        .list(&ListParams::default())
        .await?
        .items
        .into_iter()
        .filter(|event| {
            let of = event
                .regarding
                .as_ref()
                .and_then(|regarding| regarding.name.as_deref());
            event.reason.as_deref() == Some("LeftBehind") && of == Some(&world.namespace)
        });
    Ok(about.filter_map(|event| event.note).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_whose_token_goes_first_ends_and_says_what_stays_in_konnect() -> Result<()> {
    let world = World::start("namespace-token").await?;
    completed(&world).await?;
    // As the namespace controller may do it: Secrets before the objects that need them.
    let secrets = world.api::<Secret>();
    secrets.delete("konnect-token", &DeleteParams::default()).await?;
    delete_namespace(&world).await?;
    let told = told(&world).await?;
    let of = |kind: &str| told.iter().any(|note| note.starts_with(kind));
    ensure!(
        of("WorkspaceMigration") && of("KonnectGatewayControlPlane"),
        "{told:?}"
    );
    ensure!(
        told.iter().all(|note| !note.contains("this namespace")),
        "it speaks of what is gone: {told:?}"
    );
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_whose_konnect_does_not_answer_ends_after_a_while() -> Result<()> {
    let mut world = World::prepare("namespace-konnect").await?;
    world.control_plane(NAME).await?;
    world.start_operator_with(|config| config.clock = Arc::new(Ahead))?;
    completed(&world).await?;
    for server in [&world.bed.konnect_server, &world.bed.konnect_global] {
        server.set_behaviour(Behaviour::with_faults(&["/=503"])?);
    }
    delete_namespace(&world).await?;
    let told = told(&world).await?;
    ensure!(!told.is_empty(), "nothing is told");
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_can_be_cleaned_up_for_is() -> Result<()> {
    let world = World::start("namespace-clean").await?;
    completed(&world).await?;
    let id = world.control_plane_id(NAME).await?;
    let api = world.api::<WorkspaceMigration>();
    api.delete(NAME, &DeleteParams::default()).await?;
    while api.get_opt(NAME).await?.is_some() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    ensure!(world.bed.konnect.entities(&id, "services").is_empty());
    delete_namespace(&world).await?;
    let told = told(&world).await?;
    ensure!(
        told.iter().all(|note| !note.starts_with("WorkspaceMigration")),
        "{told:?}"
    );
    world.stop().await
}
