//! When a user wants a command to end.

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

/// Returns on Ctrl-C or SIGTERM.
pub(crate) async fn until_stopped() -> anyhow::Result<()> {
    let mut terminated = signal(SignalKind::terminate()).context("cannot watch for SIGTERM")?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot watch for Ctrl-C"),
        _ = terminated.recv() => Ok(()),
    }
}
