//! The plan in Secrets, and the commands that read it.

use std::process::Output;

use anyhow::{Context as _, Result, ensure};
use gateway_migration_operator::api::workspace_migration::WorkspaceMigration;
use gateway_migration_operator::k8s::artefacts::{self, ArtefactError};
use gateway_migration_operator::kong::plan::document::PlanEnds;
use gateway_migration_operator::migration::render::json;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, ListParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use simulators::bed::Bed;

use super::support::{World, kubeconfig};

/// Runs `plan` of the binary as a person with this cluster's kubeconfig.
async fn plan(args: &[&str]) -> Result<Output> {
    run("plan", args).await
}

async fn run(command: &str, args: &[&str]) -> Result<Output> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("kubeconfig");
    std::fs::write(&file, kubeconfig().await?)?;
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_gateway-migration-operator"))
        .arg(command)
        .args(args)
        .env_clear()
        .env("KUBECONFIG", &file)
        .output()
        .await?;
    Ok(output)
}

async fn printed(args: &[&str]) -> Result<String> {
    printed_by("plan", args).await
}

async fn printed_by(command: &str, args: &[&str]) -> Result<String> {
    let output = run(command, args).await?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// All key-auth keys of a workspace: what no stored plan may hold.
fn keys(workspace: &str) -> Result<Vec<String>> {
    let (_, dump) = Bed::WORKSPACES
        .iter()
        .find(|(name, _)| *name == workspace)
        .context("no such workspace")?;
    let lists: std::collections::BTreeMap<String, Vec<serde_json::Value>> = serde_json::from_str(dump)?;
    let found = lists
        .iter()
        .filter(|(path, _)| path.trim_matches('/') == "key-auths")
        .flat_map(|(_, list)| list)
        .filter_map(|credential| Some(credential["key"].as_str()?.to_owned()));
    Ok(found.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plan_is_stored_once_owned_without_secrets_and_read_by_the_command_line() -> Result<()> {
    let world = World::start("stored").await?;
    world.create(world.migration("inventory", "Plan")).await?;
    let seen = world
        .migration_until("inventory", "a stored plan", |seen| {
            let plan = seen.0.status.as_ref().and_then(|status| status.plan.as_ref());
            plan.is_some_and(|plan| plan.artefact_ref.is_some())
        })
        .await?;
    let status = seen.0.status.as_ref().and_then(|status| status.plan.as_ref());
    let status = status.context("a plan")?;
    let name = status
        .artefact_ref
        .as_ref()
        .map(|artefact| artefact.name.clone())
        .context("a name")?;
    assert_eq!(name, "inventory-plan");
    let secrets: Api<Secret> = world.api();
    let secret = secrets.get(&name).await?;
    assert_eq!(secret.owner_references()[0].uid, seen.0.uid().context("a uid")?);

    let document = artefacts::load(&world.client, &world.namespace, &name).await?;
    let report = json::read::<PlanEnds>(&document)?;
    assert_eq!(report.plan.hash, status.hash);
    assert!(!report.entities.is_empty());
    let text = String::from_utf8(document)?;
    let keys = keys("inventory")?;
    assert!(!keys.is_empty() && keys.iter().all(|key| !text.contains(key)));

    let full = format!("{}/inventory", world.namespace);
    let shown = printed(&["show", &full]).await?;
    assert!(
        shown.contains(&status.hash) && shown.contains(&status.summary),
        "{shown}"
    );
    assert!(printed(&["diff", &full]).await?.contains("+ services/"));
    let exported = printed(&["export", &full]).await?;
    assert!(
        exported.contains("_format_version: ") && exported.contains("${{ env "),
        "{exported}"
    );
    let missing = plan(&["show", &format!("{}/absent", world.namespace)]).await?;
    assert_eq!(missing.status.code(), Some(1));

    // The next pass finds the same plan, and leaves the Secret alone.
    world
        .change("inventory", json!({"throttle": {"maxInFlight": 3}}))
        .await?;
    world
        .migration_until("inventory", "planned again", |seen| {
            seen.0.metadata.generation == Some(2) && seen.is("Ready", "True", "Planned")
        })
        .await?;
    let again = secrets.get(&name).await?;
    assert_eq!(again.resource_version(), secret.resource_version());
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rollback_would_do_is_stored_without_secrets_and_shown_before_its_first_write() -> Result<()> {
    let world = World::start("stored-rollback").await?;
    let full = format!("{}/inventory", world.namespace);
    world.create(world.migration("inventory", "Plan")).await?;
    world
        .migration_until("inventory", "planned", |seen| seen.is("Ready", "True", "Planned"))
        .await?;
    let none = run("rollback", &["show", &full]).await?;
    let told = String::from_utf8(none.stderr)?;
    assert!(
        none.status.code() == Some(1) && told.contains("nothing to undo"),
        "{told}"
    );

    world.change("inventory", json!({"mode": "Apply"})).await?;
    let seen = world
        .migration_until("inventory", "completed", |seen| seen.is_completed())
        .await?;
    let status = seen.0.status.as_ref().and_then(|status| status.rollback.as_ref());
    let status = status.context("a rollback")?;
    let name = status.artefact_ref.as_ref().map(|artefact| &artefact.name);
    assert_eq!(name.context("a name")?, "inventory-rollback");
    let text = printed_by("rollback", &["show", &full, "--full"]).await?;
    assert!(
        text.contains(&status.hash) && text.contains("this migration created it (delete)"),
        "{text}"
    );
    assert_eq!(text.matches("(delete)").count() as u64, status.delete);
    assert!(keys("inventory")?.iter().all(|key| !text.contains(key)));

    // Asked for, and not approved yet: the very same steps.
    let writes = world.writes();
    let ask = json!({"rollback": true, "approval": {"policy": "Required"}});
    world.change("inventory", ask).await?;
    world
        .migration_until("inventory", "awaiting approval", |seen| {
            seen.is("Ready", "False", "AwaitingApproval")
        })
        .await?;
    let asked = printed_by("rollback", &["show", &full, "--full"]).await?;
    assert_eq!((asked, world.writes()), (text, writes));
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_shrinks_without_leftovers_and_damage_is_noticed() -> Result<()> {
    let world = World::prepare("artefact").await?;
    world.create(world.migration("default", "Plan")).await?;
    let owner = world.api::<WorkspaceMigration>().get("default").await?;
    let secrets: Api<Secret> = world.api();
    let count = async || -> Result<usize> {
        let label = ListParams::default().labels("gatewaymigration.dev/artefact=plan");
        Ok(secrets.list_metadata(&label).await?.items.len())
    };
    // Digests of numbers: what does not compress.
    let large: Vec<u8> = (0..60_000_u32).flat_map(|n| uuid(n).into_bytes()).collect();
    let name = artefacts::store(&world.client, &owner, "plan", &large).await?;
    assert!(count().await? > 1);
    assert_eq!(
        artefacts::load(&world.client, &world.namespace, &name).await?,
        large
    );
    artefacts::store(&world.client, &owner, "plan", b"small").await?;
    assert_eq!(count().await?, 1);
    assert_eq!(
        artefacts::load(&world.client, &world.namespace, &name).await?,
        b"small"
    );

    let damage = json!({"metadata": {"annotations": {"gatewaymigration.dev/digest": "sha256:0"}}});
    secrets
        .patch(&name, &Default::default(), &kube::api::Patch::Merge(&damage))
        .await?;
    let damaged = artefacts::load(&world.client, &world.namespace, &name).await;
    assert!(
        matches!(damaged, Err(ArtefactError::Damaged { .. })),
        "{damaged:?}"
    );

    secrets.delete(&name, &DeleteParams::default()).await?;
    world.secret(&name, &[("mine", "mine")]).await?;
    let taken = artefacts::store(&world.client, &owner, "plan", b"small").await;
    assert!(matches!(taken, Err(ArtefactError::Taken { .. })), "{taken:?}");
    let missing = artefacts::load(&world.client, &world.namespace, &name).await;
    assert!(
        matches!(missing, Err(ArtefactError::Missing { .. })),
        "{missing:?}"
    );
    world.stop().await
}

fn uuid(number: u32) -> String {
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, &number.to_be_bytes()).to_string()
}
