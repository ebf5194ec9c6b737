//! The operator as it is deployed: the real binary, a real API server, and both simulators.

use std::fs::File;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use gateway_migration_operator::api::crd;
use gateway_migration_operator::api::workspace_migration::WorkspaceMigration;
use kube::api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::GroupVersionKind;
use kube::runtime::wait::{await_condition, conditions::is_crd_established};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};
use simulators::cluster::Cluster;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use super::cases::Case;
use super::run::{GENERATED, KONNECT_TOKEN, memory};
use super::servers::{Servers, beside};

const NAMESPACE: &str = "default";

/// All that runs; it ends on drop.
pub struct Installation {
    client: Client,
    operator: Child,
    /// The simulators.
    pub servers: Servers,
    _cluster: Cluster,
}

/// The operator's memory in KiB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Held now.
    pub now: u64,
    /// The most it ever held.
    pub peak: u64,
}

impl Installation {
    /// Starts the servers of a case and installs `count` migrations in a mode, each into a control plane of its own, then the operator
    /// with these flags.
    pub async fn start(case: &Case, count: usize, mode: &str, flags: &[&str]) -> anyhow::Result<Self> {
        let servers = Servers::start(case).await?;
        let cluster = Cluster::start_async().await?;
        let client = connect(&cluster).await?;
        install(&client).await?;
        for object in objects(&servers, count, mode)? {
            apply(&client, &object).await?;
        }
        let operator = spawn(&cluster, &servers, flags)?;
        Ok(Self {
            client,
            operator,
            servers,
            _cluster: cluster,
        })
    }

    /// Shows all migrations to `look` once in a while until it returns true.
    pub async fn watch(
        &mut self,
        pause: Duration,
        patience: Duration,
        mut look: impl FnMut(&[WorkspaceMigration]) -> bool,
    ) -> anyhow::Result<Duration> {
        let api: Api<WorkspaceMigration> = Api::namespaced(self.client.clone(), NAMESPACE);
        let begun = Instant::now();
        loop {
            if look(&api.list(&ListParams::default()).await?.items) {
                return Ok(begun.elapsed());
            }
            ensure!(self.operator.try_wait()?.is_none(), "the operator has ended");
            ensure!(begun.elapsed() < patience, "not all migrations are done");
            sleep(pause).await;
        }
    }

    /// What the operator holds.
    pub fn memory(&self) -> anyhow::Result<Memory> {
        let process = self.operator.id().context("the operator has ended")?.to_string();
        let line = |name| memory(&process, name).context("the operator's memory is not known");
        Ok(Memory {
            now: line("VmRSS")?,
            peak: line("VmHWM")?,
        })
    }
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

fn objects(servers: &Servers, count: usize, mode: &str) -> anyhow::Result<Vec<Value>> {
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
                "mode": mode,
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

fn spawn(cluster: &Cluster, servers: &Servers, flags: &[&str]) -> anyhow::Result<Child> {
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
    command.args(
        servers
            .konnect
            .global_url
            .iter()
            .flat_map(|url| ["--konnect-global", url]),
    );
    command.arg("--ca-file").arg(&servers.ca);
    // Both simulators stand on this machine.
    command.args(["--allow-hosts", "127.0.0.0/8"]);
    command.args(flags);
    command.env("KUBECONFIG", cluster.kubeconfig_path());
    command.stdout(Stdio::null()).stderr(log).kill_on_drop(true);
    command
        .spawn()
        .context("the operator does not start; build it with: cargo build --bins")
}
