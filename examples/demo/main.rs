//! `make demo`: three workspaces of a Kong become three Konnect control planes, driven by manifests, before your eyes.
//!
//! Real: the Kubernetes API server, the operator (the built binary, with the rights of `config/rbac` and no more), TLS,
//! kubectl. Simulated: Kong and Konnect, as their own documents and recordings describe them.

mod account;
mod build;
mod figures;
mod follow;
mod guide;
mod kubectl;
mod operator;
mod recorded;
mod report;
mod runs;
mod screen;
mod show;
mod sight;
mod stage;
mod table;

use std::io::{IsTerminal as _, stdin, stdout};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use stage::Stage;

/// Exit code of a program that Ctrl-C ended, by convention.
const INTERRUPTED: u8 = 130;

/// Migrate three workspaces to a simulated Konnect, in a real API server, and show the outcome.
///
/// On a terminal everything stays up until Ctrl-C. The exit code is 0 when every entity is accounted for.
#[derive(Debug, Parser)]
#[command(name = "demo")]
struct Arguments {
    /// Migrate the workspace `default` alone, and print one line of JSON with figures.
    #[arg(long)]
    figures: bool,
    /// Milliseconds that the simulated Konnect takes to answer; 50, and with --figures 0, when left out.
    #[arg(long, value_name = "NUMBER")]
    latency: Option<u64>,
    /// End when done, also on a terminal.
    #[arg(long)]
    once: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Runtime::new().context("cannot start threads")?;
    let code = runtime.block_on(run(&arguments));
    // A thread may still wait for a server to start; the watchdog of the cluster ends that server.
    runtime.shutdown_timeout(Duration::from_millis(200));
    Ok(code.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    }))
}

/// Whatever ends this, what it started ends with it.
async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (mut stage, code) = tokio::select! {
        shown = perform(arguments) => shown?,
        stopped = stop_requested() => return stopped.map(|()| ExitCode::from(INTERRUPTED)),
    };
    let somebody_watches = stdin().is_terminal() && stdout().is_terminal();
    if somebody_watches && !arguments.figures && !arguments.once {
        tokio::select! {
            ended = show::stay(&mut stage) => ended?,
            stopped = stop_requested() => stopped?,
        }
    }
    let Stage { operator, .. } = stage;
    operator.stop().await?;
    Ok(code)
}

async fn perform(arguments: &Arguments) -> anyhow::Result<(Stage, ExitCode)> {
    let latency = |default| Duration::from_millis(arguments.latency.unwrap_or(default));
    if arguments.figures {
        figures::print(latency(0)).await
    } else {
        show::show(latency(50)).await
    }
}

/// Returns on Ctrl-C or SIGTERM.
async fn stop_requested() -> anyhow::Result<()> {
    let mut terminated = signal(SignalKind::terminate()).context("cannot watch for SIGTERM")?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot watch for Ctrl-C"),
        _ = terminated.recv() => Ok(()),
    }
}
