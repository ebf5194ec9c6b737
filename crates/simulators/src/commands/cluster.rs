//! `simulators cluster`

use clap::Args;
use simulators::cluster::{Binaries, Cluster};

use super::until_stopped::until_stopped;

/// Run a real Kubernetes control plane (etcd, kube-apiserver, kube-controller-manager) until Ctrl-C.
///
/// Prints one line that sets KUBECONFIG for an administrator. The binaries come from KUBEBUILDER_ASSETS; those
/// missing there are built once with Go into the user's cache folder.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  simulators cluster
  KUBEBUILDER_ASSETS=\"$(setup-envtest use -p path)\" simulators cluster
  simulators cluster --build-only     # in CI, before the tests")]
pub(crate) struct Arguments {
    /// Only make sure that all binaries are there, and print where.
    #[arg(long)]
    build_only: bool,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    if arguments.build_only {
        return tokio::task::spawn_blocking(build).await?;
    }
    let cluster = Cluster::start_async().await?;
    println!("export KUBECONFIG={}", cluster.kubeconfig_path().display());
    until_stopped().await
}

fn build() -> anyhow::Result<()> {
    let binaries = Binaries::ensure()?;
    for binary in [
        &binaries.etcd,
        &binaries.api_server,
        &binaries.controller_manager,
        &Binaries::ensure_kubectl()?,
    ] {
        println!("{}", binary.display());
    }
    Ok(())
}
