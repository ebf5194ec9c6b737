//! Both simulators, each a process of its own, with the same generated workspace.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use simulators::server::Stats;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::cases::Case;

/// The running servers; they end on drop.
pub struct Servers {
    /// The Admin API.
    pub kong: Server,
    /// Konnect.
    pub konnect: Server,
    /// File with the authorities of both.
    pub ca: PathBuf,
    client: reqwest::Client,
    _folder: TempDir,
}

/// One server.
pub struct Server {
    /// Where it listens; Konnect's region.
    pub url: String,
    /// Konnect's global host.
    pub global_url: Option<String>,
    _process: Child,
}

impl Servers {
    /// Starts both for a case. Konnect holds the same entities when the case needs them there.
    pub async fn start(case: &Case) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let latency = format!("{}ms", case.latency_ms);
        let units = case.units.to_string();
        let kong_ca = folder.path().join("kong.pem");
        let konnect_ca = folder.path().join("konnect.pem");
        let kong = ["kong-admin", "--workload", &units, "--latency", &latency];
        let mut konnect = vec!["konnect", "--latency", &latency];
        if case.phase.begins_full() {
            konnect.extend(["--workload", &units]);
        }
        let limit = case.limit.map(|limit| limit.to_string());
        konnect.extend(limit.iter().flat_map(|limit| ["--rate-limit", limit]));
        let (kong, konnect) = tokio::try_join!(
            Server::start(&kong, &kong_ca),
            Server::start(&konnect, &konnect_ca)
        )?;
        let both = std::fs::read_to_string(&kong_ca)? + &std::fs::read_to_string(&konnect_ca)?;
        let ca = folder.path().join("both.pem");
        std::fs::write(&ca, &both)?;
        let client = reqwest::Client::builder()
            .tls_certs_merge(reqwest::Certificate::from_pem_bundle(both.as_bytes())?)
            .no_proxy()
            .build()?;
        Ok(Self {
            kong,
            konnect,
            ca,
            client,
            _folder: folder,
        })
    }

    /// Begins to count anew.
    pub async fn reset(&self) -> anyhow::Result<()> {
        for server in [&self.kong, &self.konnect] {
            let answer = self
                .client
                .post(format!("{}/_simulator/reset", server.url))
                .send()
                .await?;
            ensure!(answer.status().is_success(), "the counters are not reset");
        }
        Ok(())
    }

    /// What the Admin API and Konnect have counted.
    pub async fn stats(&self) -> anyhow::Result<[Stats; 2]> {
        Ok([
            self.fetch_stats(&self.kong).await?,
            self.fetch_stats(&self.konnect).await?,
        ])
    }

    async fn fetch_stats(&self, server: &Server) -> anyhow::Result<Stats> {
        let answer = self
            .client
            .get(format!("{}/_simulator/stats", server.url))
            .send()
            .await?;
        Ok(answer.error_for_status()?.json().await?)
    }
}

impl Server {
    async fn start(arguments: &[&str], ca: &Path) -> anyhow::Result<Self> {
        let mut process = Command::new(beside("simulators")?)
            .args(arguments)
            .arg("--tls")
            .arg("--ca-out")
            .arg(ca)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("the simulators do not start; build them with: cargo build --bins -p simulators")?;
        let output = process.stdout.take().context("no output of the simulator")?;
        let mut lines = BufReader::new(output).lines();
        let url = lines.next_line().await?;
        let url = url.context("the simulator ended before it listened")?;
        let global_url = match arguments.first() {
            Some(&"konnect") => lines.next_line().await?,
            _ => None,
        };
        Ok(Self {
            url,
            global_url,
            _process: process,
        })
    }
}

/// A binary of the same build as this program.
pub fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let own = env::current_exe()?;
    let folder = own
        .parent()
        .and_then(Path::parent)
        .context("this program does not lie in a target folder")?;
    Ok(folder.join(format!("{name}{}", env::consts::EXE_SUFFIX)))
}
