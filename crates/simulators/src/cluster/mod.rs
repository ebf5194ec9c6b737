//! A real Kubernetes control plane for tests and demos: etcd, kube-apiserver and kube-controller-manager on free
//! loopback ports, with RBAC on.
//!
//! The binaries come from `KUBEBUILDER_ASSETS` where it has them, else from the user's cache folder, into which the Go
//! toolchain builds them once (see [`Binaries`]). Nothing outlives the process that started a cluster, not even when
//! that process is killed.

mod access;
mod binaries;
mod build;
mod ports;
mod probe;
mod servers;
mod watchdog;

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tempfile::TempDir;

pub use access::Access;
pub use binaries::{Binaries, KUBERNETES_VERSION};

use probe::Probe;
use servers::Servers;

/// How long a control plane may take until it serves. Measured: 3 s on two busy cores.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// Attempts to start; a port that was free may be taken by another process before a server binds it.
const START_ATTEMPTS: u32 = 3;

/// Where the API server says that it serves.
const READY: &str = "/readyz";

/// A running control plane. Stops, and deletes all its files, on drop.
#[derive(Debug)]
pub struct Cluster {
    probe: Probe,
    url: String,
    ca_pem: String,
    admin: Access,
    operator: Access,
    // Declared in the order of dropping: the servers end before their folder goes.
    servers: Servers,
    folder: TempDir,
}

impl Cluster {
    /// Starts a control plane and waits until it serves, blocking the thread (3 s, or minutes when binaries must be built first).
    ///
    /// # Errors
    /// When a binary cannot be had, or a server ends or does not get ready; with the last lines of its log.
    pub fn start() -> anyhow::Result<Self> {
        let binaries = Binaries::ensure()?;
        let mut attempt = 1;
        loop {
            match Self::start_once(&binaries) {
                Err(error)
                    if attempt < START_ATTEMPTS
                        && format!("{error:#}").contains("address already in use") =>
                {
                    attempt += 1;
                }
                started => return started,
            }
        }
    }

    /// [`Cluster::start`] for async code.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub async fn start_async() -> anyhow::Result<Self> {
        tokio::task::spawn_blocking(Self::start).await?
    }

    /// The one control plane of this process, started by the first caller; it ends with the process.
    ///
    /// # Errors
    /// As [`Cluster::start`]; the same error for every caller.
    pub fn shared() -> anyhow::Result<&'static Self> {
        static SHARED: OnceLock<Result<Cluster, String>> = OnceLock::new();
        SHARED
            .get_or_init(|| Self::start().map_err(|error| format!("{error:#}")))
            .as_ref()
            .map_err(|message| anyhow!("{message}"))
    }

    /// [`Cluster::shared`] for async code.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub async fn shared_async() -> anyhow::Result<&'static Self> {
        tokio::task::spawn_blocking(Self::shared).await?
    }

    fn start_once(binaries: &Binaries) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("control-plane-")
            .tempdir()
            .context("no temporary folder")?;
        let mut servers = Servers::new(folder.path())?;
        let started = servers.start(binaries, folder.path())?;
        let probe = Probe::new(&started)?;
        // The account is made by the controller manager: with it, all three servers work.
        for path in [READY, "/api/v1/namespaces/default/serviceaccounts/default"] {
            servers.wait_until(START_TIMEOUT, path, || probe.answers_ok(path))?;
        }
        Ok(Self {
            probe,
            url: started.url,
            ca_pem: started.ca_pem,
            admin: started.admin,
            operator: started.operator,
            servers,
            folder,
        })
    }

    /// URL of the API server, such as `https://127.0.0.1:41234`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Certificate of the authority that signed the API server's certificate, in PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Bearer token of the administrator.
    pub fn token(&self) -> &str {
        self.admin.token()
    }

    /// Kubeconfig (YAML text) of the administrator, a member of `system:masters`.
    pub fn kubeconfig(&self) -> &str {
        self.admin.kubeconfig()
    }

    /// A file with [`Cluster::kubeconfig`].
    pub fn kubeconfig_path(&self) -> &Path {
        self.admin.kubeconfig_path()
    }

    /// A second identity, user `operator` in group `operators`, that may do only what RBAC objects grant it.
    pub fn operator(&self) -> &Access {
        &self.operator
    }

    /// `kubectl` with these arguments, as the administrator: from PATH, else built once.
    ///
    /// # Errors
    /// When there is no kubectl on PATH and none can be built.
    pub fn kubectl(&self, arguments: &[impl AsRef<OsStr>]) -> anyhow::Result<Command> {
        self.admin.kubectl(arguments)
    }

    /// Starts a process that ends when this cluster does, also when the holder of the cluster is killed.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(&mut self, command: &mut Command) -> anyhow::Result<Child> {
        self.servers.spawn_other(command)
    }

    /// Kills the API server, as a node does that fails. Everything stored stays.
    ///
    /// # Errors
    /// When it does not run.
    pub fn stop_api_server(&mut self) -> anyhow::Result<()> {
        self.servers.stop_api_server()
    }

    /// Starts the API server again and waits until it serves, blocking the thread.
    ///
    /// # Errors
    /// When it ends or does not get ready.
    pub fn start_api_server(&mut self) -> anyhow::Result<()> {
        self.servers.start_api_server()?;
        self.servers
            .wait_until(START_TIMEOUT, READY, || self.probe.answers_ok(READY))
    }

    /// The folder of data, certificates and logs (`etcd.log`, ...); deleted at the end.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Process ids of the three servers.
    pub fn process_ids(&self) -> Vec<u32> {
        self.servers.process_ids()
    }
}
