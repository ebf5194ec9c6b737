//! The operator as users run it: the binary.

use std::convert::Infallible;
use std::env;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use simulators::cluster::Cluster;

use super::support::{ALLOWED_HOSTS, World};

/// How a replica is started, where it differs from a single one.
#[derive(Default, Clone)]
pub struct Replica {
    /// Name in the Lease; without one there is no election.
    pub identity: Option<&'static str>,
    /// What it logs; without, everything.
    pub log: Option<&'static str>,
    /// Where it finds the region of Konnect; without one, at the world's.
    pub konnect: Option<String>,
}

impl Replica {
    /// One of several, by its name in the Lease.
    pub const fn named(identity: &'static str) -> Self {
        Self {
            identity: Some(identity),
            log: Some("info"),
            konnect: None,
        }
    }
}

/// Times of the election among replicas under test: a dead leader is replaced after eight seconds.
const ELECTION: [&str; 7] = [
    "--leader-elect",
    "--leader-elect-lease-duration",
    "8s",
    "--leader-elect-renew-deadline",
    "6s",
    "--leader-elect-retry-period",
    "500ms",
];

/// The operator as its own process, with all that it says in a file. Dropping it kills it: whatever it is doing ends there.
pub struct Operator {
    process: Child,
    log: PathBuf,
}

impl Operator {
    /// Starts it for one world.
    pub fn start(world: &World) -> Result<Self> {
        Self::start_as(world, &Replica::default())
    }

    /// Starts it as one of several replicas. `OPERATOR` names another binary than the one under test, such as a release build.
    pub fn start_as(world: &World, replica: &Replica) -> Result<Self> {
        Self::start_in(Cluster::shared()?, world, replica)
    }

    /// The same for a world in another cluster than the shared one.
    pub fn start_in(cluster: &Cluster, world: &World, replica: &Replica) -> Result<Self> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let ca_file = cluster.folder().join(format!("{}.crt", world.namespace));
        fs::write(&ca_file, &world.bed.ca_pem)?;
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let log = cluster.folder().join(format!("{}-{number}.log", world.namespace));
        let binary = env::var_os("OPERATOR");
        let binary = binary.unwrap_or_else(|| env!("CARGO_BIN_EXE_gateway-migration-operator").into());
        let konnect = replica.konnect.clone();
        let konnect = konnect.unwrap_or_else(|| world.bed.konnect_server.url());
        let mut command = Command::new(binary);
        command
            .args([
                "run",
                "--admin-addr",
                "127.0.0.1:0",
                "--log",
                replica.log.unwrap_or("debug"),
                "--log-format",
                "json",
            ])
            .args(["--namespace", &world.namespace, "--konnect-endpoint"])
            .arg(format!("us.api.konghq.com={konnect}"))
            .args(["--konnect-global", &world.bed.konnect_global.url()])
            .args(["--allow-hosts", ALLOWED_HOSTS])
            .arg("--ca-file")
            .arg(&ca_file)
            .env("KUBECONFIG", cluster.kubeconfig_path())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?);
        if let Some(identity) = replica.identity {
            command.args(ELECTION).args(["--identity", identity]);
            command.args(["--leader-elect-namespace", &world.namespace]);
        }
        let process = command.spawn()?;
        Ok(Self { process, log })
    }

    /// Kills it (SIGKILL): whatever it is doing ends there.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Sends a signal by its name, such as `TERM`.
    pub fn signal(&self, name: &str) -> Result<()> {
        let id = self.process.id().to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status()?;
        ensure!(status.success(), "kill -s {name} {id}: {status}");
        Ok(())
    }

    /// How it ended; none while it runs.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.process.try_wait()?)
    }

    /// Starts it anew whenever it ends by itself, as Kubernetes does: a replica that could not renew its Lease in time ends. Returns
    /// only when that fails.
    pub async fn keep_running(&mut self, world: &World, replica: &Replica) -> Result<Infallible> {
        loop {
            if let Some(status) = self.ended()? {
                println!("an operator ended by itself ({status}):\n{}", self.end_of_log());
                *self = Self::start_as(world, replica)?;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What it has logged so far.
    pub fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(&self.log)?)
    }

    /// Waits until it has looked at everything that a replica needs before it can lead.
    pub async fn until_standby(&self) -> Result<()> {
        let address = loop {
            if let Some(address) = self.admin_address()? {
                break address;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let ready = format!("http://{address}/readyz");
        while !reqwest::get(&ready)
            .await
            .is_ok_and(|answer| answer.status().is_success())
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// The address of its admin port, once it is in the log.
    fn admin_address(&self) -> Result<Option<String>> {
        let log = self.log()?;
        let mut lines = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|line| line["message"] == "admin port");
        Ok(lines.find_map(|line| Some(line["address"].as_str()?.to_owned())))
    }

    /// The last lines of its log, for the message of a test that fails.
    pub fn end_of_log(&self) -> String {
        let log = self.log().unwrap_or_default();
        let lines: Vec<_> = log.lines().rev().take(15).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// The metrics, from the port that the log names.
    pub async fn metrics(&self) -> Result<String> {
        let address = self.admin_address()?.context("no admin port in the log")?;
        let answer = reqwest::get(format!("http://{address}/metrics")).await?;
        Ok(answer.error_for_status()?.text().await?)
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
