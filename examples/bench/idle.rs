//! The memory of the operator when all its migrations have been done: the real binary, a real API server.

use std::collections::BTreeMap;
use std::fs::File;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use gateway_migration_operator::api::crd;
use gateway_migration_operator::api::workspace_migration::{Phase as MigrationPhase, WorkspaceMigration};
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::GroupVersionKind;
use kube::runtime::wait::{await_condition, conditions::is_crd_established};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};
use simulators::cluster::Cluster;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use super::cases::{Case, Phase};
use super::record::{Record, Spread};
use super::run::{GENERATED, KONNECT_TOKEN, memory};
use super::servers::{Servers, beside};

const NAMESPACE: &str = "default";
/// How long all migrations may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long the operator is left alone before it is measured, for each migration.
const SETTLE: Duration = Duration::from_millis(200);

/// Migrates a small workspace as often as the case has units, each time into a control plane of its own.
pub async fn measure(case: &Case) -> anyhow::Result<Record> {
    let small = Case {
        units: 1,
        phase: Phase::FirstMigration,
        ..*case
    };
    let servers = Servers::start(&small).await?;
    let cluster = Cluster::start_async().await?;
    let client = connect(&cluster).await?;
    install(&client).await?;
    for object in objects(&servers, case.units)? {
        apply(&client, &object).await?;
    }
    let mut operator = start(&cluster, &servers)?;
    let finished = finish(&client, case.units, &mut operator).await?;
    eprintln!("  {finished} migrations are done");
    sleep(SETTLE * u32::try_from(case.units)?).await;
    let process = operator.id().context("the operator has ended")?.to_string();
    let idle = memory(&process, "VmRSS").context("the operator's memory is not known")?;
    let peak = memory(&process, "VmHWM").unwrap_or_default();
    eprintln!("  idle {idle} KiB, at most {peak} KiB while it worked");
    operator.kill().await?;
    Ok(Record {
        case: case.name.to_owned(),
        entities: case.units,
        runs: 1,
        wall_ms: Spread {
            min: 0,
            median: 0,
            max: 0,
        },
        requests: BTreeMap::new(),
        peak_in_flight: 0,
        connections: 0,
        peak_rss_kib: idle,
        floor_ms: 0,
    })
}

async fn connect(cluster: &Cluster) -> anyhow::Result<Client> {
    let kubeconfig = Kubeconfig::from_yaml(cluster.kubeconfig())?;
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

async fn install(client: &Client) -> anyhow::Result<()> {
    let api = Api::all(client.clone());
    for definition in crd::all()? {
        let name = definition.name_any();
        let params = PatchParams::apply("bench").force();
        api.patch(&name, &params, &Patch::Apply(&definition)).await?;
        await_condition(api.clone(), &name, is_crd_established()).await?;
    }
    Ok(())
}

fn objects(servers: &Servers, count: usize) -> anyhow::Result<Vec<Value>> {
    let mut objects = vec![
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "ca"},
            "stringData": {"ca.crt": std::fs::read_to_string(&servers.ca)?}}),
        json!({"apiVersion": "konnect.konghq.com/v1alpha1", "kind": "KonnectAPIAuthConfiguration", "metadata": {"name": "konnect"},
            "spec": {"type": "token", "token": KONNECT_TOKEN, "serverURL": "us.api.konghq.com"}}),
    ];
    for number in 0..count {
        let name = format!("migration-{number}");
        objects.push(json!({
            "apiVersion": "konnect.konghq.com/v1alpha2", "kind": "KonnectGatewayControlPlane", "metadata": {"name": name},
            "spec": {"createControlPlaneRequest": {"name": name}, "konnect": {"authRef": {"name": "konnect"}}},
        }));
        objects.push(json!({
            "apiVersion": "gatewaymigration.dev/v1alpha1", "kind": "WorkspaceMigration", "metadata": {"name": name},
            "spec": {
                "source": {
                    "adminAPI": {"url": servers.kong.url, "tls": {"caSecretRef": {"name": "ca", "key": "ca.crt"}}},
                    "workspace": GENERATED,
                },
                "target": {"controlPlaneRef": {"name": name}},
                "mode": "Apply",
            },
        }));
    }
    Ok(objects)
}

async fn apply(client: &Client, object: &Value) -> anyhow::Result<()> {
    let object: DynamicObject = serde_json::from_value(object.clone())?;
    let types = object.types.clone().context("an object without kind")?;
    let resource = ApiResource::from_gvk(&GroupVersionKind::try_from(&types)?);
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), NAMESPACE, &resource);
    let params = PatchParams::apply("bench").force();
    api.patch(&object.name_any(), &params, &Patch::Apply(&object))
        .await?;
    Ok(())
}

fn start(cluster: &Cluster, servers: &Servers) -> anyhow::Result<Child> {
    let log = File::create(cluster.folder().join("operator.log"))?;
    let mut command = Command::new(beside("gateway-migration-operator")?);
    command.args([
        "run",
        "--admin-addr",
        "127.0.0.1:0",
        "--log",
        "warn",
        "--konnect-endpoint",
    ]);
    command.arg(format!("us.api.konghq.com={}", servers.konnect.url));
    command.arg("--ca-file").arg(&servers.ca);
    command.env("KUBECONFIG", cluster.kubeconfig_path());
    command.stdout(Stdio::null()).stderr(log).kill_on_drop(true);
    command
        .spawn()
        .context("the operator does not start; build it with: cargo build --bins")
}

/// Waits until all are done.
async fn finish(client: &Client, count: usize, operator: &mut Child) -> anyhow::Result<usize> {
    let api: Api<WorkspaceMigration> = Api::namespaced(client.clone(), NAMESPACE);
    let begun = Instant::now();
    loop {
        let migrations = api.list(&kube::api::ListParams::default()).await?.items;
        let done = migrations
            .iter()
            .filter_map(|migration| migration.status.as_ref()?.phase)
            .filter(|phase| *phase == MigrationPhase::Completed)
            .count();
        if done == count {
            return Ok(done);
        }
        ensure!(operator.try_wait()?.is_none(), "the operator has ended");
        ensure!(
            begun.elapsed() < PATIENCE,
            "only {done} of {count} migrations are done"
        );
        sleep(Duration::from_millis(500)).await;
    }
}
