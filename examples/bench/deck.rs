//! decK's figures: of this session where a `deck` is on PATH and can do the same, else as measured before.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::process::Command;

use super::cases::{Case, Phase};
use super::servers::Servers;

/// Times a read of the same workspace. `None` when there is no `deck`, or the case is more than a read: decK finds control planes by
/// a list that is not part of the public API, which the simulated Konnect does not have.
pub async fn measure(case: &Case, servers: &Servers) -> anyhow::Result<Option<Duration>> {
    if case.phase != Phase::SourceRead || Command::new("deck").arg("version").output().await.is_err() {
        return Ok(None);
    }
    let folder = tempfile::tempdir()?;
    let begun = Instant::now();
    let output = Command::new("deck")
        .args([
            "gateway",
            "dump",
            "--yes",
            "--analytics=false",
            "--workspace",
            super::run::GENERATED,
        ])
        .args(["--kong-addr", &servers.kong.url, "--ca-cert-file"])
        .arg(&servers.ca)
        .arg("--output-file")
        .arg(folder.path().join("dump.yaml"))
        .env("HOME", folder.path())
        .output()
        .await
        .context("deck does not run")?;
    if !output.status.success() {
        eprintln!("  deck failed: {}", String::from_utf8_lossy(&output.stderr));
        return Ok(None);
    }
    Ok(Some(begun.elapsed()))
}
