//! What a user has before the first command.

use std::path::PathBuf;
use std::process::{Output, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use simulators::bed::Bed;
use tempfile::TempDir;
use tokio::process::Command;

/// Both simulators, a control plane for each workspace, and the files that flags name.
pub struct Terminal {
    pub bed: Bed,
    folder: TempDir,
    pub control_plane: String,
}

impl Terminal {
    pub async fn start() -> Result<Self> {
        Self::start_with(Bed::start().await?).await
    }

    /// The same with a bed of the caller's choice.
    pub async fn start_with(bed: Bed) -> Result<Self> {
        let folder = TempDir::new()?;
        std::fs::write(folder.path().join("ca.pem"), &bed.ca_pem)?;
        std::fs::write(folder.path().join("konnect"), format!("{}\n", Bed::KONNECT_TOKEN))?;
        std::fs::write(folder.path().join("wrong"), "kpat_wrong")?;
        let client = reqwest::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(bed.ca_pem.as_bytes())?])
            .build()?;
        let created: Value = client
            .post(format!("{}/v2/control-planes", bed.konnect_server.url()))
            .bearer_auth(Bed::KONNECT_TOKEN)
            .json(&serde_json::json!({"name": "shop"}))
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?;
        let control_plane = created["id"].as_str().context("an id")?.to_owned();
        bed.konnect_server.reset_stats();
        Ok(Self {
            bed,
            folder,
            control_plane,
        })
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command with the flags that all need; the Admin API token comes from the environment.
    pub fn command(&self, command: &str, workspace: &str) -> Command {
        self.command_with(command, workspace, "konnect", &self.bed.kong_server.url())
    }

    pub fn command_with(&self, command: &str, workspace: &str, token: &str, admin_url: &str) -> Command {
        let mut process = self.bare_with(command, token);
        process
            .args(["--admin-url", admin_url, "--workspace", workspace])
            .args(
                [
                    "entity-not-movable",
                    "plugin-unsupported",
                    "plugin-value-unsupported",
                ]
                .map(|id| format!("--waive={id}=a sample")),
            );
        process
    }

    /// A command that knows its target and no source.
    pub fn bare(&self, command: &str) -> Command {
        self.bare_with(command, "konnect")
    }

    /// A command that knows nothing but the Admin API's token, in its environment.
    pub fn unaimed(&self, command: &str) -> Command {
        let mut process = Command::new(env!("CARGO_BIN_EXE_gateway-migration-operator"));
        process
            .arg(command)
            .env_clear()
            .env("KONG_ADMIN_TOKEN", Bed::KONG_TOKEN)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        process
    }

    fn bare_with(&self, command: &str, token: &str) -> Command {
        let mut process = self.unaimed(command);
        process
            .args(["--konnect-url", &self.bed.konnect_server.url()])
            .args(["--control-plane", "shop"])
            .arg("--ca-file")
            .arg(self.file("ca.pem"))
            .arg("--konnect-token-file")
            .arg(self.file(token));
        process
    }

    /// The number of creations that `apply` tells of.
    pub fn written(&self, applied: &Output) -> Result<u64> {
        let text = stdout(applied);
        Ok(text.split(' ').next().unwrap_or_default().parse()?)
    }

    pub fn writes(&self) -> u64 {
        self.bed.konnect_server.stats().writes
    }
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Checks the exit status; shows both streams when it is another.
pub fn ended(output: &Output, status: i32) -> Result<()> {
    ensure!(
        output.status.code() == Some(status),
        "{}\n{}\n{}",
        output.status,
        stdout(output),
        stderr(output)
    );
    Ok(())
}
