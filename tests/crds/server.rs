//! The API server of these tests, with the definitions installed.

use std::{
    process::Command,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use anyhow::{Context as _, anyhow, ensure};
use kube::{
    Api, Client, Config,
    api::{ApiResource, DynamicObject},
    config::{KubeConfigOptions, Kubeconfig},
};
use simulators::cluster::Cluster;

/// The namespace of the objects that tests make; the samples have their own.
pub const NAMESPACE: &str = "cases";

/// The shared cluster with the definitions of `config/crd` and the namespace of the samples.
pub fn cluster() -> anyhow::Result<&'static Cluster> {
    static INSTALLED: OnceLock<Result<(), String>> = OnceLock::new();
    let cluster = Cluster::shared()?;
    INSTALLED
        .get_or_init(|| install(cluster).map_err(|error| format!("{error:#}")))
        .as_ref()
        .map_err(|message| anyhow!("{message}"))?;
    Ok(cluster)
}

fn install(cluster: &Cluster) -> anyhow::Result<()> {
    output_of(cluster.kubectl(&["apply", "--server-side", "-k", "config/crd"])?)?;
    output_of(cluster.kubectl(&["wait", "--for=condition=Established", "crd", "--all"])?)?;
    output_of(cluster.kubectl(&["create", "namespace", NAMESPACE])?)?;
    Ok(())
}

/// Standard output of a command that must succeed.
pub fn output_of(mut command: Command) -> anyhow::Result<String> {
    let output = command.output().context("cannot start kubectl")?;
    ensure!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// Standard output of kubectl with these arguments.
pub fn kubectl(arguments: &[&str]) -> anyhow::Result<String> {
    output_of(cluster()?.kubectl(arguments)?)
}

/// A client of the shared cluster.
pub async fn client() -> anyhow::Result<Client> {
    let cluster = tokio::task::spawn_blocking(cluster).await??;
    let kubeconfig = Kubeconfig::from_yaml(cluster.kubeconfig())?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

/// Objects of a kind, as JSON, at one of its versions.
pub fn objects(client: &Client, resource: &ApiResource) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), NAMESPACE, resource)
}

/// A name that no other object of this process has.
pub fn unique_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("case-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
