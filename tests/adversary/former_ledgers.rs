//! 1: ledgers that a former version stored, which kept no fingerprint of what it was about to write, are taken over: what is settled as it
//! is, and what was under way as nobody's until the plan, a policy or a person says otherwise.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use gateway_migration_operator::api::annotations::CLAIM;
use gateway_migration_operator::api::workspace_migration::WorkspaceMigration;
use gateway_migration_operator::k8s::artefacts::{self, Artefact, PackedDocument};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::events::v1::Event;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{Seen, World, kubeconfig};

const NAME: &str = "inventory";

/// Annotation that says whose a saved document is.
const UID: &str = "gatewaymigration.dev/migration-uid";

const SETTLED: &str = include_str!("data/former/settled.jsonl");
const HALF_WRITTEN: &str = include_str!("data/former/half-written.jsonl");
const INTENDED: &str = include_str!("data/former/intended.jsonl");

fn id(number: u8) -> String {
    format!("5c000000-0000-4000-8000-00000000000{number}")
}

/// As the former ledgers know it.
fn service(number: u8, host: &str) -> Value {
    json!({
        "id": id(number), "name": format!("service-{number}"), "host": host, "port": 80, "protocol": "http", "enabled": true,
        "retries": 5, "connect_timeout": 60_000, "read_timeout": 60_000, "write_timeout": 60_000,
    })
}

type Services<'a> = &'a [(u8, &'a str)];

/// A migration that a former version had completed, but for what its ledger says of these services. The operator is not started.
async fn taken_over(
    name: &str,
    former: &str,
    decisions: Value,
    (source, target): (Services<'_>, Services<'_>),
) -> Result<(World, String)> {
    let mut world = World::start(name).await?;
    world.create(world.migration(NAME, "Apply")).await?;
    let seen = world
        .migration_until(NAME, "completed", Seen::is_completed)
        .await?;
    world.stop_operator().await?;
    let control_plane = world.control_plane_id(NAME).await?;
    for (number, host) in source {
        world.bed.kong.put(NAME, "services", service(*number, host))?;
    }
    for (number, host) in target {
        world
            .bed
            .konnect
            .seed(&control_plane, "services", &service(*number, host))?;
    }
    let mut document = Vec::new();
    let ends = gateway_migration_operator::kong::plan::ledger::format::LedgerEnds {
        workspace: NAME,
        control_plane: &control_plane,
    };
    world.ledger(&seen).await?.write_to(ends, &mut document)?;
    let head = former.lines().next().context("a head")?;
    let head = head
        .replace("WORKSPACE", NAME)
        .replace("CONTROL-PLANE", &control_plane);
    let document = String::from_utf8(document)?;
    let lines = document.lines().chain(former.lines().skip(1)).skip(1);
    let text = std::iter::once(head.as_str())
        .chain(lines)
        .collect::<Vec<_>>()
        .join("\n");
    let packed = PackedDocument::write(|out| out.write_all(text.as_bytes()))?;
    let artefact = Artefact::lasting("ledger", &control_plane);
    let name = artefacts::store_packed(&world.client, &seen.0, &artefact, &packed).await?;
    // A former version did not write down whose it is.
    let marks = json!({"metadata": {"annotations": {UID: null, "gatewaymigration.dev/index": null}}});
    world
        .api::<Secret>()
        .patch(&name, &PatchParams::default(), &Patch::Merge(&marks))
        .await?;
    world.change(NAME, decisions).await?;
    Ok((world, control_plane))
}

/// What the control plane holds of the services that the ledgers are about.
fn held(world: &World, control_plane: &str) -> Vec<(u8, String)> {
    let services = world.bed.konnect.entities(control_plane, "services");
    let mut held: Vec<_> = (1..=5)
        .filter_map(|number| {
            let found = services.iter().find(|service| service["id"] == id(number))?;
            Some((number, found["host"].as_str().unwrap_or_default().to_owned()))
        })
        .collect();
    held.sort();
    held
}

fn as_held(services: Services<'_>) -> Vec<(u8, String)> {
    services
        .iter()
        .map(|(number, host)| (*number, (*host).to_owned()))
        .collect()
}

async fn settled_ledger_rests(name: &str, former: &str) -> Result<()> {
    let services: Services<'_> = &[(1, "one"), (2, "two"), (3, "three")];
    let decisions = json!({"prune": true});
    let (mut world, control_plane) = taken_over(name, former, decisions, (services, services)).await?;
    let before = world.writes();
    world.start_operator()?;
    world
        .migration_until(NAME, "completed", Seen::is_completed)
        .await?;
    world.rests(NAME).await?;
    assert_eq!(world.writes(), before, "nothing is written");
    assert_eq!(held(&world, &control_plane), as_held(services));
    let object = world.api::<WorkspaceMigration>().get(NAME).await?;
    let name = Artefact::lasting("ledger", &control_plane).name(NAME);
    let ledger = world.api::<Secret>().get(&name).await?;
    assert_eq!(
        ledger.annotations().get(UID),
        object.uid().as_ref(),
        "it is known whose the ledger is"
    );
    // Whose each of them is, is known as before.
    world.change(NAME, json!({"rollback": true})).await?;
    world
        .migration_until(NAME, "rolled back", |seen| {
            seen.condition("RolledBack")
                .is_some_and(|(status, _)| status == "True")
        })
        .await?;
    assert_eq!(
        held(&world, &control_plane),
        as_held(&[(1, "one"), (2, "theirs")])
    );
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn n01_a_settled_ledger_of_a_former_version_is_taken_over_with_no_write_and_no_delete() -> Result<()> {
    settled_ledger_rests("n01-former", SETTLED).await
}

#[tokio::test(flavor = "multi_thread")]
async fn n01_a_ledger_of_the_first_format_is_taken_over_too() -> Result<()> {
    let without_deletes = SETTLED.lines().filter(|line| !line.contains("\"deleted\""));
    let first = without_deletes.collect::<Vec<_>>().join("\n");
    settled_ledger_rests("n01-first-format", &first.replace("ledger/v2", "ledger/v1")).await
}

/// Claims entities as a person does.
async fn claim(world: &World, numbers: &[u8]) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("kubeconfig");
    std::fs::write(&file, kubeconfig().await?)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_gateway-migration-operator"));
    command.args(["ledger", "claim", NAME, "-n", &world.namespace]);
    for number in numbers {
        command.arg("--subject").arg(format!("services/{}", id(*number)));
    }
    let output = command
        .env_clear()
        .env("KUBECONFIG", &file)
        .stdin(Stdio::null())
        .output()
        .await?;
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{text}");
    Ok(())
}

/// Notes of the events of a reason.
async fn told(world: &World, reason: &str) -> Result<Vec<String>> {
    let events = world.api::<Event>().list(&ListParams::default()).await?;
    let told = events
        .items
        .into_iter()
        .filter(|event| event.reason.as_deref() == Some(reason));
    Ok(told.filter_map(|event| event.note).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn n01_what_a_former_version_left_half_written_is_nobodys_until_a_person_claims_it() -> Result<()> {
    let source: Services<'_> = &[(1, "one-more"), (2, "two-more"), (5, "five")];
    // 1 was written, 3 was not deleted yet; who wrote 2 and 5, nothing tells.
    let target: Services<'_> = &[(1, "one-more"), (2, "someones"), (3, "three"), (5, "someones")];
    let decisions = json!({"prune": true, "sync": null});
    let (mut world, control_plane) =
        taken_over("n01-half-written", HALF_WRITTEN, decisions, (source, target)).await?;
    let before = world.writes();
    world.start_operator()?;
    let seen = world
        .migration_until(NAME, "blocked", |seen| {
            seen.finding_count("ownership-unknown") == Some(2)
        })
        .await?;
    assert!(
        seen.message("Ready").contains("ledger claim"),
        "{}",
        seen.message("Ready")
    );
    assert_eq!(world.writes(), before);
    assert_eq!(held(&world, &control_plane), as_held(target));

    claim(&world, &[2, 5]).await?;
    world
        .migration_until(NAME, "completed", Seen::is_completed)
        .await?;
    assert_eq!(
        held(&world, &control_plane),
        as_held(source),
        "they follow the source"
    );
    let claimed = told(&world, "OwnershipClaimed").await?;
    assert!(
        claimed
            .iter()
            .any(|note| note.contains(&id(2)) && note.contains(&id(5))),
        "{claimed:?}"
    );
    let object = world.api::<WorkspaceMigration>().get(NAME).await?;
    assert!(!object.annotations().contains_key(CLAIM), "a claim is heard once");

    // What is known cannot be claimed.
    claim(&world, &[4]).await?;
    world.look_again(NAME).await?;
    let refused = async {
        while told(&world, "ClaimRefused").await?.is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(Duration::from_secs(60), refused).await??;
    assert_eq!(told(&world, "OwnershipClaimed").await?.len(), claimed.len());
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn n01_what_a_former_version_only_intended_is_not_deleted_with_its_object() -> Result<()> {
    let source: Services<'_> = &[(1, "one"), (2, "two"), (3, "three")];
    let target: Services<'_> = &[(1, "someones"), (2, "someones")];
    let decisions = json!({"deletionPolicy": "DeleteMigrated"});
    let (mut world, control_plane) =
        taken_over("n01-intended", INTENDED, decisions, (source, target)).await?;
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
    assert_eq!(held(&world, &control_plane), as_held(target));
    let deleted = told(&world, "MigratedDeleted").await?;
    assert!(
        deleted
            .iter()
            .any(|note| note.contains("rollback-ownership-unknown")),
        "{deleted:?}"
    );
    world.stop().await
}
