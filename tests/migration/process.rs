//! The operator as users run it: the binary.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use serde_json::Value;
use simulators::cluster::Cluster;

use super::support::World;

/// The operator as its own process, with all that it says in a file. Dropping it kills it: whatever it is doing ends there.
pub struct Operator {
    process: Child,
    log: PathBuf,
}

impl Operator {
    /// Starts it for one world.
    pub fn start(world: &World) -> Result<Self> {
        let cluster = Cluster::shared()?;
        let ca_file = cluster.folder().join(format!("{}.crt", world.namespace));
        fs::write(&ca_file, &world.bed.ca_pem)?;
        let log = cluster.folder().join(format!("{}.log", world.namespace));
        let process = Command::new(env!("CARGO_BIN_EXE_gateway-migration-operator"))
            .args([
                "run",
                "--admin-addr",
                "127.0.0.1:0",
                "--log",
                "debug",
                "--log-format",
                "json",
            ])
            .args(["--namespace", &world.namespace, "--konnect-endpoint"])
            .arg(format!("us.api.konghq.com={}", world.bed.konnect_server.url()))
            .arg("--ca-file")
            .arg(&ca_file)
            .env("KUBECONFIG", cluster.kubeconfig_path())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()?;
        Ok(Self { process, log })
    }

    /// What it has logged so far.
    pub fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(&self.log)?)
    }

    /// The metrics, from the port that the log names.
    pub async fn metrics(&self) -> Result<String> {
        let log = self.log()?;
        let lines = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let address = lines
            .filter(|line| line["message"] == "admin port")
            .find_map(|line| Some(line["address"].as_str()?.to_owned()))
            .context("no admin port in the log")?;
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
