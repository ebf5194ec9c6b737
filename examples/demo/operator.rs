//! The operator as a process of its own, with the rights of its ServiceAccount.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::json;
use simulators::bed::Bed;
use simulators::cluster::Cluster;
use tokio::time::sleep;

use crate::kubectl::kubectl;

/// The ServiceAccount of `config/rbac`.
pub const ACCOUNT: &str = "gateway-migration-operator";
/// Its namespace, and that of the operator's Lease.
pub const NAMESPACE: &str = "gateway-migration-system";

/// How long the operator may take to be ready, or to end.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);
/// Lines of the log shown when something goes wrong.
const LOG_LINES: usize = 10;

/// The running operator; killed on drop.
pub struct Operator {
    child: Child,
    admin: SocketAddr,
    log: PathBuf,
}

impl Operator {
    /// Starts the binary against the cluster and both servers of the bed.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn start(binary: &Path, cluster: &mut Cluster, bed: &Bed) -> anyhow::Result<Self> {
        let kubeconfig = write_kubeconfig(cluster).await?;
        let ca_file = cluster.folder().join("simulators-ca.crt");
        fs::write(&ca_file, &bed.ca_pem).context("cannot write the CA file")?;
        let log = cluster.folder().join("operator.log");
        let output = File::create(&log).context("cannot write the operator's log")?;
        let admin = free_address()?;
        let mut command = Command::new(binary);
        command
            .arg("run")
            .args(
                bed.konnect_endpoints()
                    .map(|endpoint| format!("--konnect-endpoint={endpoint}")),
            )
            // The samples name the Admin API by its address in a cluster.
            .arg(format!(
                "--konnect-endpoint=kong-admin.kong.svc={}",
                bed.kong_server.url()
            ))
            .arg("--ca-file")
            .arg(ca_file)
            .arg("--leader-elect")
            .arg(format!("--admin-addr={admin}"))
            // A watch that is refused is told at this level.
            .arg("--log=info,gateway_migration_operator=debug")
            .env("KUBECONFIG", kubeconfig)
            .env_remove("POD_NAMESPACE")
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let child = cluster.spawn(&mut command)?;
        Ok(Self { child, admin, log })
    }

    /// Waits until `/readyz` says so.
    ///
    /// # Errors
    /// When the operator ends, or waits for something too long; the message says for what.
    pub async fn ready(&mut self) -> anyhow::Result<()> {
        let url = format!("http://{}/readyz", self.admin);
        let deadline = Instant::now() + PATIENCE;
        let mut waiting = String::new();
        while Instant::now() < deadline {
            self.ensure_running()?;
            if let Ok(answer) = reqwest::get(&url).await {
                if answer.status().is_success() {
                    return Ok(());
                }
                waiting = answer.text().await.unwrap_or_default();
            }
            sleep(POLL).await;
        }
        bail!(
            "the operator is not ready: {}\n{}",
            waiting.trim(),
            self.log_end()
        )
    }

    /// Fails when the operator has ended.
    ///
    /// # Errors
    /// With its exit code and the end of its log.
    pub fn ensure_running(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("the operator ended ({status})\n{}", self.log_end()),
            None => Ok(()),
        }
    }

    /// Most memory it ever held, in KiB; known on Linux only.
    pub fn peak_memory(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        peak_of(&status)
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Address of /metrics.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// File with the operator's log.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The last lines of the log that tell of trouble, for messages.
    pub fn log_end(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let quiet = |line: &&str| !line.contains(" DEBUG ") && !line.contains(" INFO ");
        let lines: Vec<_> = log.lines().filter(quiet).collect();
        let end = lines
            .get(lines.len().saturating_sub(LOG_LINES)..)
            .unwrap_or_default();
        format!("--- end of the operator's log:\n{}", end.join("\n"))
    }

    /// What the API server refused the operator: rights that `config/rbac` lacks. Not all of it stops a migration.
    pub fn refusals(&self) -> BTreeSet<String> {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        refusals_in(&log)
    }

    /// Asks it to end as Kubernetes does, and waits until it has.
    ///
    /// # Errors
    /// When it does not end in time, or says that something was wrong.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.ensure_running()?;
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        ensure!(
            asked.is_ok_and(|status| status.success()),
            "cannot send SIGTERM to the operator"
        );
        let status = self.wait().await?;
        ensure!(
            status.success(),
            "the operator ended with {status}\n{}",
            self.log_end()
        );
        Ok(())
    }

    async fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            sleep(POLL).await;
        }
        bail!("the operator does not end after SIGTERM\n{}", self.log_end())
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes a kubeconfig with a token of the operator's ServiceAccount.
async fn write_kubeconfig(cluster: &Cluster) -> anyhow::Result<PathBuf> {
    let token = kubectl(
        cluster,
        &["create", "token", ACCOUNT, "-n", NAMESPACE, "--duration=24h"],
    )
    .await?;
    let ca_file = cluster.folder().join("operator-account-ca.crt");
    fs::write(&ca_file, cluster.ca_pem()).context("cannot write the cluster's CA")?;
    // JSON is YAML.
    let kubeconfig = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "demo", "cluster": {"server": cluster.url(), "certificate-authority": ca_file}}],
        "users": [{"name": ACCOUNT, "user": {"token": token.trim()}}],
        "contexts": [{"name": "demo", "context": {"cluster": "demo", "user": ACCOUNT, "namespace": NAMESPACE}}],
        "current-context": "demo",
    });
    let path = cluster.folder().join("operator-account.kubeconfig");
    fs::write(&path, kubeconfig.to_string()).context("cannot write a kubeconfig")?;
    Ok(path)
}

/// A loopback address that nobody uses at the moment.
fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?)
}

/// `VmHWM` of a `/proc/<pid>/status`, in KiB.
fn peak_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// The distinct refusals of the API server in a log: `cannot list resource "secrets" in API group ""`.
fn refusals_in(log: &str) -> BTreeSet<String> {
    const GROUP: &str = "in API group \"";
    let refusal = |line: &str| {
        let (_, refused) = line.split_once(" is forbidden: ")?;
        // The same text may stand in a quoted one.
        let refused = refused.replace('\\', "");
        let refused = refused.get(refused.find("cannot ")?..)?;
        let group = refused.find(GROUP)? + GROUP.len();
        let end = group + refused.get(group..)?.find('"')?;
        Some(refused.get(..=end)?.to_owned())
    };
    log.lines().filter_map(refusal).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_once() {
        let plain = r#"Api: secrets "a" is forbidden: User "u" cannot list resource "secrets" in API group "" in the namespace "kong""#;
        let quoted = plain.replace('"', r#"\""#);
        let log = format!("INFO started\n{plain}\n{quoted}\n{plain}: {quoted}\n");
        let found: Vec<_> = refusals_in(&log).into_iter().collect();
        assert_eq!(found, [r#"cannot list resource "secrets" in API group """#]);
    }

    #[test]
    fn the_peak_is_read_from_proc() {
        assert_eq!(
            peak_of("VmPeak:\t 99 kB\nVmHWM:\t   41234 kB\nVmRSS:\t 1 kB\n"),
            Some(41234)
        );
        assert_eq!(peak_of("Name: x\n"), None);
    }
}
