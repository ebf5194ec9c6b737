//! Backup, ledger and the updates that they make possible.

use anyhow::{Context as _, Result};
use gateway_migration_operator::api::workspace_migration::WorkspaceMigration;
use gateway_migration_operator::k8s::artefacts;
use gateway_migration_operator::kong::plan::backup;
use k8s_openapi::api::core::v1::{ResourceQuota, Secret};
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams, PostParams};
use serde_json::{Value, json};
use simulators::bed::Bed;

use super::support::{Seen, World, kubeconfig};

/// A service of the sample workspace `inventory`.
fn service() -> Result<Value> {
    let source: Value = serde_json::from_str(simulators::kong_admin::INVENTORY)?;
    Ok(source["/services"][0].clone())
}

/// The host that the target's copy of a service has.
fn host(world: &World, control_plane: &str, id: &Value) -> Option<String> {
    let held = world.bed.konnect.entities(control_plane, "services");
    let found = held.into_iter().find(|held| held["id"] == *id)?;
    found["host"].as_str().map(str::to_owned)
}

/// Puts another version of the service into the target, before anybody migrates.
async fn seed_other_version(world: &World) -> Result<(String, Value)> {
    let id = world.control_plane_id("inventory").await?;
    let service = service()?;
    let other = json!({"id": service["id"], "name": service["name"], "host": "theirs.example.com"});
    world.bed.konnect.seed(&id, "services", &other)?;
    Ok((id, service))
}

fn names(seen: &Seen) -> Result<(String, String)> {
    let backup = seen.0.status.as_ref().and_then(|status| status.backup.clone());
    let backup = backup.context("a backup in status")?;
    let name = |reference: Option<gateway_migration_operator::api::refs::LocalRef>| reference.map(|r| r.name);
    Ok((
        name(backup.artefact_ref).context("a backup")?,
        name(backup.ledger_ref).context("a ledger")?,
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entity_that_differs_is_left_unless_told_and_then_saved_before_it_is_overwritten() -> Result<()> {
    let world = World::start("differs").await?;
    let (id, service) = seed_other_version(&world).await?;
    world.create(world.migration("inventory", "Apply")).await?;
    let seen = world
        .migration_until("inventory", "partly applied", |seen| {
            seen.is("Applied", "False", "PartiallyApplied")
        })
        .await?;
    assert!(seen.is("BackedUp", "True", "BackedUp") && seen.condition("Stalled").is_some());
    assert!(seen.findings().contains(&"target-differs"));
    assert_eq!(
        host(&world, &id, &service["id"]).as_deref(),
        Some("theirs.example.com")
    );

    world
        .change("inventory", json!({"conflictPolicy": "Overwrite"}))
        .await?;
    let seen = world
        .migration_until("inventory", "completed", |seen| seen.is_completed())
        .await?;
    assert_eq!(
        host(&world, &id, &service["id"]).as_deref(),
        service["host"].as_str()
    );
    let (backup_name, _) = names(&seen)?;
    let document = artefacts::load(&world.client, &world.namespace, &backup_name).await?;
    let (head, entities) = backup::read(document.as_slice())?;
    assert_eq!((head.control_plane.as_str(), entities.len()), (id.as_str(), 1));
    assert_eq!(entities[0].body["host"], "theirs.example.com");
    let told = seen.message("BackedUp");
    let at = told
        .split("as it was at ")
        .nth(1)
        .and_then(|rest| rest.split(';').next());
    let at = at.context("a time")?;
    assert!(at.len() == "2026-11-21T15:36:27Z".len(), "{told}");
    assert!(!head.taken_at.to_string().contains('.'), "{}", head.taken_at);
    let ledger = world.ledger(&seen).await?;
    let verified = seen
        .0
        .status
        .and_then(|status| status.verification)
        .context("verified")?;
    assert_eq!(u64::try_from(ledger.len())?, verified.matched);
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_follows_its_source_and_the_backup_is_taken_once() -> Result<()> {
    let world = World::start("follows").await?;
    world.create(world.migration("inventory", "Apply")).await?;
    let seen = world
        .migration_until("inventory", "completed", |seen| seen.is_completed())
        .await?;
    let (id, (backup_name, _)) = (world.control_plane_id("inventory").await?, names(&seen)?);
    let before = world.api::<Secret>().get(&backup_name).await?;
    let mut service = service()?;
    service["host"] = json!("moved.example.com");
    world.bed.kong.put("inventory", "services", service.clone())?;
    let writes = world.writes();
    world
        .change("inventory", json!({"throttle": {"maxInFlight": 3}}))
        .await?;
    world
        .migration_until("inventory", "applied again", |seen| {
            seen.is_completed() && seen.0.metadata.generation == Some(2)
        })
        .await?;
    assert_eq!(
        host(&world, &id, &service["id"]).as_deref(),
        Some("moved.example.com")
    );
    assert_eq!(world.writes(), writes + 1);
    let after = world.api::<Secret>().get(&backup_name).await?;
    assert_eq!(before.resource_version(), after.resource_version());

    // What somebody else changes in the target is not ours to overwrite.
    let path = format!("services/{}", service["id"].as_str().context("id")?);
    let theirs = json!({"name": service["name"], "host": "theirs.example.com"});
    world.bed.konnect.replace(&id, &path, &theirs)?;
    world
        .change("inventory", json!({"throttle": {"maxInFlight": 4}}))
        .await?;
    let seen = world
        .migration_until("inventory", "blocked", |seen| {
            seen.is("PreflightPassed", "False", "BlockingFindings")
        })
        .await?;
    assert_eq!(seen.findings().first(), Some(&"target-changed"));
    assert_eq!(
        host(&world, &id, &service["id"]).as_deref(),
        Some("theirs.example.com")
    );
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_backup_nothing_is_written() -> Result<()> {
    let world = World::start("quota").await?;
    let id = world.control_plane_id("inventory").await?;
    let secrets = world.api::<Secret>();
    let quota: ResourceQuota = serde_json::from_value(json!({
        "metadata": {"name": "full"},
        "spec": {"hard": {"count/secrets": "0"}},
        "status": {"hard": {"count/secrets": "0"}, "used": {"count/secrets": "0"}},
    }))?;
    let quotas = world.api::<ResourceQuota>();
    quotas.create(&PostParams::default(), &quota).await?;
    kube::runtime::wait::await_condition(quotas.clone(), "full", |quota: Option<&ResourceQuota>| {
        quota
            .and_then(|quota| quota.status.as_ref()?.hard.as_ref())
            .is_some()
    })
    .await?;
    world.create(world.migration("inventory", "Apply")).await?;
    let seen = world
        .migration_until("inventory", "refused", |seen| {
            seen.is("BackedUp", "False", "BackupRefused")
        })
        .await?;
    let message = seen.message("BackedUp");
    assert!(
        message.starts_with("Nothing is written.")
            && message.contains("quota")
            && message.contains("leave room"),
        "{message}"
    );
    assert!(
        seen.0
            .status
            .as_ref()
            .is_some_and(|status| status.started_at.is_none())
    );
    assert!(world.bed.konnect.entities(&id, "services").is_empty());

    quotas.delete("full", &DeleteParams::default()).await?;
    world
        .change("inventory", json!({"throttle": {"maxInFlight": 3}}))
        .await?;
    world
        .migration_until("inventory", "completed", |seen| seen.is_completed())
        .await?;
    let label = ListParams::default().labels("gatewaymigration.dev/artefact");
    // Plan, backup, ledger, and what a rollback would do.
    assert_eq!(secrets.list_metadata(&label).await?.items.len(), 4);
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn backup_and_ledger_go_with_their_migration_or_stay_when_told() -> Result<()> {
    let world = World::start("retain").await?;
    let secrets = world.api::<Secret>();
    let api = world.api::<WorkspaceMigration>();
    let mut saved = None;
    for (retain, kept) in [(true, 2), (false, 0)] {
        let mut migration = world.migration("inventory", "Apply");
        migration["spec"]["retainBackup"] = json!(retain);
        world.create(migration).await?;
        let writes = world.writes();
        if let Some((_, ledger)) = &saved {
            // What another object of this name has left is not its own, until a person says so.
            let seen = world
                .migration_until("inventory", "stopped", |seen| {
                    seen.is("BackedUp", "False", "LedgerUnreadable")
                })
                .await?;
            let told = seen.message("Ready");
            let adopt = format!("gatewaymigration.dev/adopt-ledger={ledger}");
            assert!(told.contains(&adopt), "{told}");
            let patch = json!({"metadata": {"annotations": {"gatewaymigration.dev/adopt-ledger": ledger}}});
            api.patch("inventory", &Default::default(), &kube::api::Patch::Merge(&patch))
                .await?;
        }
        let seen = world
            .migration_until("inventory", "completed", |seen| seen.is_completed())
            .await?;
        saved.get_or_insert(names(&seen)?);
        if !retain {
            // The second object knows what the first one wrote, and writes nothing.
            assert_eq!(world.writes(), writes);
            let (_, ledger) = names(&seen)?;
            let document = artefacts::load(&world.client, &world.namespace, &ledger).await?;
            assert!(String::from_utf8(document)?.contains("\"created\""));
        }
        api.delete("inventory", &DeleteParams::default()).await?;
        kube::runtime::wait::await_condition(
            api.clone(),
            "inventory",
            |object: Option<&WorkspaceMigration>| object.is_none(),
        )
        .await?;
        let mut left = 0;
        for purpose in ["backup", "ledger"] {
            let label = ListParams::default().labels(&format!("gatewaymigration.dev/artefact={purpose}"));
            left += secrets.list_metadata(&label).await?.items.len();
        }
        assert_eq!(left, kept);
    }
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_cannot_be_read_stops_the_migration_and_one_that_is_gone_is_told() -> Result<()> {
    let world = World::start("ledger").await?;
    world.create(world.migration("inventory", "Apply")).await?;
    let seen = world
        .migration_until("inventory", "completed", |seen| seen.is_completed())
        .await?;
    let (_, ledger) = names(&seen)?;
    let secrets = world.api::<Secret>();
    let damage = json!({"metadata": {"annotations": {"gatewaymigration.dev/digest": "sha256:0"}}});
    secrets
        .patch(&ledger, &Default::default(), &kube::api::Patch::Merge(&damage))
        .await?;
    world
        .change("inventory", json!({"throttle": {"maxInFlight": 3}}))
        .await?;
    let seen = world
        .migration_until("inventory", "stopped", |seen| {
            seen.is("BackedUp", "False", "LedgerUnreadable")
        })
        .await?;
    assert!(seen.is("Ready", "False", "LedgerUnreadable") && seen.condition("Stalled").is_some());
    assert!(
        seen.message("Ready").contains("or delete them"),
        "{}",
        seen.message("Ready")
    );
    secrets.delete(&ledger, &DeleteParams::default()).await?;
    world
        .secret("kong-admin", &[("token", Bed::KONG_TOKEN), ("note", "touched")])
        .await?;
    world
        .change("inventory", json!({"throttle": {"maxInFlight": 4}}))
        .await?;
    let seen = world
        .migration_until("inventory", "completed again", |seen| seen.is_completed())
        .await?;
    assert_eq!(names(&seen)?.1, ledger);
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_backup_is_exported_to_a_new_file_that_nobody_else_can_read() -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let world = World::start("export").await?;
    let (id, service) = seed_other_version(&world).await?;
    let mut migration = world.migration("inventory", "Apply");
    migration["spec"]["conflictPolicy"] = json!("Overwrite");
    world.create(migration).await?;
    world
        .migration_until("inventory", "completed", |seen| seen.is_completed())
        .await?;
    let folder = tempfile::tempdir()?;
    let (config, file) = (folder.path().join("kubeconfig"), folder.path().join("kong.yaml"));
    std::fs::write(&config, kubeconfig().await?)?;
    let export = |args: &[&str]| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_gateway-migration-operator"));
        command
            .args(["backup", "export", "inventory", "-n", &world.namespace])
            .args(args)
            .env_clear()
            .env("KUBECONFIG", &config);
        async move { command.output().await }
    };
    let path = file.display().to_string();
    let done = export(&["--file", &path]).await?;
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(done.stdout.is_empty());
    assert_eq!(std::fs::metadata(&file)?.permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&file)?;
    assert!(
        text.starts_with(&format!("# Control plane inventory ({id}) as it was at ")),
        "{text}"
    );
    let held = gateway_migration_operator::kong::declarative::parse(&text, "default")?.snapshot;
    let saved = held.iter().next().context("a service")?;
    assert_eq!(
        (&*saved.id, &saved.body["host"]),
        (
            service["id"].as_str().context("id")?,
            &json!("theirs.example.com")
        )
    );

    // A file that is there is left alone, and without a place there is no export.
    let again = export(&["--file", &path]).await?;
    assert!(!again.status.success() && std::fs::read_to_string(&file)? == text);
    assert!(!export(&[]).await?.status.success());
    let shown = export(&["--output", "json", "--stdout"]).await?;
    let shown: Value = serde_json::from_slice(&shown.stdout)?;
    assert_eq!(shown["entities"][0]["body"]["host"], "theirs.example.com");
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_exported_when_nothing_but_its_secrets_is_left() -> Result<()> {
    let world = World::start("export-alone").await?;
    let mut migration = world.migration("inventory", "Apply");
    migration["spec"]["retainBackup"] = json!(true);
    world.create(migration).await?;
    let seen = world
        .migration_until("inventory", "completed", |seen| seen.is_completed())
        .await?;
    let (backup, _) = names(&seen)?;
    let api = world.api::<WorkspaceMigration>();
    api.delete("inventory", &DeleteParams::default()).await?;
    let gone = |object: Option<&WorkspaceMigration>| object.is_none();
    kube::runtime::wait::await_condition(api, "inventory", gone).await?;
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("kubeconfig");
    std::fs::write(&config, kubeconfig().await?)?;
    let export = |name: &str, args: &[&str]| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_gateway-migration-operator"));
        command
            .args(["backup", "export", name, "-n", &world.namespace, "--stdout"])
            .args(args)
            .env_clear()
            .env("KUBECONFIG", &config);
        async move { command.output().await }
    };
    let alone = export("inventory", &[]).await?;
    let text = String::from_utf8(alone.stdout)?;
    assert!(text.contains("control_plane_name: inventory"), "{text}");

    // The same of another control plane: somebody has to choose.
    let secrets = world.api::<Secret>();
    let mut other = secrets.get(&backup).await?;
    other.metadata = kube::api::ObjectMeta {
        name: Some("inventory-backup-ffffffff".to_owned()),
        labels: other.metadata.labels,
        annotations: other.metadata.annotations,
        ..Default::default()
    };
    secrets.create(&Default::default(), &other).await?;
    let several = export("inventory", &[]).await?;
    let told = String::from_utf8(several.stderr)?;
    assert!(
        told.contains(&backup) && told.contains("inventory-backup-ffffffff") && told.contains("--secret"),
        "{told}"
    );
    let chosen = export("inventory", &["--secret", &backup]).await?;
    assert_eq!(String::from_utf8(chosen.stdout)?, text);
    let nothing = export("nobody", &[]).await?;
    let told = String::from_utf8(nothing.stderr)?;
    assert!(
        !nothing.status.success() && told.contains("no Secret with a backup"),
        "{told}"
    );
    world.stop().await
}
