//! The operator is killed (SIGKILL) while it deletes: what the source has no more (`prune`), or all that it created (`DeleteMigrated`).
//! Somebody else has entities of their own in the control plane, and some of them use what was migrated.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use fastrand::Rng;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use gateway_migration_operator::api::workspace_migration::WorkspaceMigration;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, ListParams};
use serde_json::{Value, json};
use simulators::server::{Behaviour, Write};
use simulators::workload;
use tokio::time::{sleep, timeout};

use super::run::{NAME, contents, settled, target_contents};
use super::seed;
use crate::process::Operator;
use crate::support::{Seen, World};

/// Units of the workspace, of 11 entities each, and those that the source keeps.
const UNITS: usize = 40;
const KEPT: usize = 12;
/// Runs of each sort.
const RUNS: usize = 3;
/// Pause of Konnect before each answer while the operator is to be killed.
const LATENCY: Duration = Duration::from_millis(10);
/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// What the source has no more.
    Prune,
    /// All that was created, with the object.
    Migrated,
}

fn deletes(world: &World) -> Vec<Write> {
    let writes = world.bed.konnect_server.writes().into_iter();
    writes
        .filter(|write| write.target.starts_with("DELETE ") && write.target.contains("/core-entities/"))
        .collect()
}

/// The part of an entity list that has this suffix in its name: the last unit.
fn of_last_unit(dump: &Value, list: &str, name: &str) -> Result<Value> {
    let entities = dump[list].as_array().context("no such list")?;
    let found = entities
        .iter()
        .find(|entity| entity["name"] == name || entity["username"] == name);
    found.cloned().with_context(|| format!("no {name}"))
}

/// Entities of somebody else: some alone, a route of a migrated service, and a plugin that names a migrated consumer. Returns what
/// of the migrated ones stays because of them: the service with the upstream that it names, the target of that, and the consumer.
fn foreign(world: &World, control_plane: &str, dump: &Value) -> Result<BTreeSet<String>> {
    let (konnect, last) = (&world.bed.konnect, UNITS - 1);
    let alone = json!({"name": "theirs", "host": "theirs.example.com"});
    konnect.seed(control_plane, "services", &alone)?;
    konnect.seed(control_plane, "consumers", &json!({"username": "theirs"}))?;
    let service = of_last_unit(dump, "/services", &format!("service-{last}"))?;
    let route = json!({"name": "theirs", "paths": ["/theirs"], "service": {"id": service["id"]}});
    konnect.seed(control_plane, "routes", &route)?;
    let consumer = of_last_unit(dump, "/consumers", &format!("consumer-{last}"))?;
    let plugin = json!({"name": "key-auth", "config": {"anonymous": consumer["username"]}});
    konnect.seed(control_plane, "plugins", &plugin)?;
    let upstream = of_last_unit(dump, "/upstreams", &format!("upstream-{last}"))?;
    let id = |entity: &Value| entity["id"].as_str().map(str::to_owned).context("an id");
    let targets = format!("/upstreams/{}/targets", id(&upstream)?);
    Ok([
        format!("services/{}", id(&service)?),
        format!("consumers/{}", id(&consumer)?),
        format!("upstreams/{}", id(&upstream)?),
        format!("targets/{}", id(&dump[targets][0])?),
    ]
    .into())
}

/// Migrates, adds what is somebody else's, and begins to delete. Returns what has to be left at the end.
async fn begun(world: &World, operator: &Operator, what: What) -> Result<BTreeSet<String>> {
    let mut migration = world.migration(NAME, "Apply");
    migration["spec"]["deletionPolicy"] = json!("DeleteMigrated");
    world.create(migration).await?;
    world
        .migration_until(NAME, "completed", Seen::is_completed)
        .await
        .with_context(|| operator.end_of_log())?;
    let dump = workload::dump(UNITS)?;
    let used = foreign(world, &world.control_plane_id(NAME).await?, &dump)?;
    let all = target_contents(&world.bed.konnect)?;
    let kept = workload::dump(KEPT)?;
    let lost: BTreeSet<_> = match what {
        What::Prune => contents(&dump)?.difference(&contents(&kept)?).cloned().collect(),
        What::Migrated => contents(&dump)?,
    };
    let left = all.difference(&lost).chain(&used).cloned().collect();
    world.bed.konnect_server.set_behaviour(Behaviour {
        latency: LATENCY,
        ..Behaviour::default()
    });
    match what {
        What::Prune => {
            world.bed.kong.clear(NAME);
            world.bed.kong.load(NAME, &kept)?;
            let spec = json!({"prune": true, "pruneLimit": "100%"});
            world.change(NAME, spec).await?;
        }
        What::Migrated => {
            let api = world.api::<WorkspaceMigration>();
            api.delete(NAME, &DeleteParams::default()).await?;
        }
    }
    Ok(left)
}

async fn run(what: What, seed: u64) -> Result<()> {
    let world = World::prepare("crash-deletes").await?;
    world.bed.kong.clear("default");
    world.bed.kong.load(NAME, &workload::dump(UNITS)?)?;
    world.control_plane(NAME).await?;
    let units = match what {
        What::Prune => UNITS - KEPT,
        What::Migrated => UNITS,
    };
    let number = Rng::with_seed(seed).usize(1..=units * 11 - 8);
    println!("{what:?}, seed {seed}: killed after {number} deletes");
    killed_and_resumed(&world, what, number)
        .await
        .with_context(|| format!("{what:?}, seed {seed}: killed after {number} deletes"))
}

async fn killed_and_resumed(world: &World, what: What, number: usize) -> Result<()> {
    let mut first = Operator::start(world)?;
    let expected = begun(world, &first, what).await?;
    let reached = timeout(PATIENCE, async {
        while deletes(world).len() < number {
            sleep(Duration::from_millis(1)).await;
        }
    });
    let reached = reached.await;
    first.kill()?;
    reached.with_context(|| format!("not reached; the operator says:\n{}", first.end_of_log()))?;
    world.bed.konnect_server.set_behaviour(Behaviour::default());
    settled(world).await;
    let done = deletes(world);
    // Nobody heard the answers of those.
    let open = done.iter().filter(|write| write.status.is_none()).count().max(50);

    let second = Operator::start(world)?;
    ended(world, what).await.with_context(|| second.end_of_log())?;
    let found = target_contents(&world.bed.konnect)?;
    let lost: Vec<_> = expected.difference(&found).take(3).collect();
    let over: Vec<_> = found.difference(&expected).take(3).collect();
    ensure!(
        lost.is_empty() && over.is_empty(),
        "lost {lost:?}, left over {over:?}"
    );
    let all = deletes(world);
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for write in &all {
        *times.entry(&write.target).or_default() += 1;
    }
    let twice = times.values().filter(|times| **times > 1).count();
    ensure!(twice <= open, "{twice} entities were deleted twice");
    let refused: Vec<_> = all
        .iter()
        .skip(done.len())
        .filter(|write| write.status.is_some_and(|status| status >= 400 && status != 404))
        .collect();
    ensure!(refused.is_empty(), "refused: {refused:?}");
    nothing_is_left(world, what).await
}

/// Waits for the end of what the first one has begun.
async fn ended(world: &World, what: What) -> Result<()> {
    if what == What::Prune {
        world
            .migration_within(PATIENCE, NAME, "completed", Seen::is_completed)
            .await?;
        return Ok(());
    }
    let api = world.api::<WorkspaceMigration>();
    let gone = async {
        while api.get_opt(NAME).await?.is_some() {
            sleep(Duration::from_millis(50)).await;
        }
        anyhow::Ok(())
    };
    timeout(PATIENCE, gone).await.context("the object does not go")?
}

/// A further pass writes nothing; a migration that has gone leaves no Secret behind.
async fn nothing_is_left(world: &World, what: What) -> Result<()> {
    if what == What::Prune {
        return world.rests(NAME).await;
    }
    for purpose in ["backup", "ledger"] {
        let label = ListParams::default().labels(&format!("gatewaymigration.dev/artefact={purpose}"));
        let secrets = world.api::<Secret>().list_metadata(&label).await?;
        ensure!(secrets.items.is_empty(), "a {purpose} is left");
    }
    Ok(())
}

/// Runs of one sort, at moments drawn by a seed that is printed.
async fn runs(what: What) -> Result<()> {
    let mut rng = Rng::with_seed(seed()?);
    let runs: Vec<_> = (0..RUNS).map(|_| run(what, rng.u64(..))).collect();
    stream::iter(runs).buffered(2).try_collect().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_killed_while_it_prunes_deletes_the_rest_and_nothing_else() -> Result<()> {
    runs(What::Prune).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_killed_while_it_deletes_what_was_migrated_deletes_the_rest_and_lets_go() -> Result<()> {
    runs(What::Migrated).await
}
