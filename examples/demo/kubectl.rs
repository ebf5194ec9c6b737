//! kubectl, as a user types it.

use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use simulators::cluster::Cluster;
use tokio::io::AsyncWriteExt as _;

/// Runs kubectl as the administrator, in the project's folder, and returns its standard output.
///
/// # Errors
/// When it fails, with what it said.
pub async fn kubectl(cluster: &Cluster, arguments: &[&str]) -> anyhow::Result<String> {
    kubectl_with(cluster, arguments, "").await
}

/// [`kubectl`] with text on its standard input.
///
/// # Errors
/// As [`kubectl`].
pub async fn kubectl_with(cluster: &Cluster, arguments: &[&str], input: &str) -> anyhow::Result<String> {
    let mut child = tokio::process::Command::from(in_project(cluster.kubectl(arguments)?))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("cannot start kubectl")?;
    if let Some(mut stdin) = child.stdin.take() {
        // kubectl may end without reading; its own message then says why.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let output = child.wait_with_output().await?;
    ensure!(
        output.status.success(),
        "kubectl {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8(output.stdout)?)
}

fn in_project(mut command: Command) -> Command {
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}
