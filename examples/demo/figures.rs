//! Figures of one workspace, for programs: one line of JSON.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;

use crate::follow::Follower;
use crate::runs::{begin, complaints, finish, touch_all};
use crate::screen::Screen;
use crate::stage::{NAMESPACE, Stage};

/// What the migration of the workspace `default` needs.
const FILES: [&str; 4] = [
    "kong-namespace.yaml",
    "konnect-api-auth-configuration.yaml",
    "konnect-gateway-control-plane.yaml",
    "workspace-default.yaml",
];

/// Migrates the workspace `default`, twice, and prints what it took: times in seconds from the manifest's
/// arrival in the API server to Ready, requests as the servers counted them, the operator's peak memory in KiB.
///
/// # Errors
/// When a part does not start, or an object does not get ready.
pub async fn print(latency: Duration) -> anyhow::Result<(Stage, ExitCode)> {
    let screen = Screen::Error;
    let mut stage = Stage::set_up(screen, latency).await?;
    stage.prepare().await?;
    let mut follower = Follower::new(&stage.client, NAMESPACE, screen);
    let begun = begin(&stage);
    let wanted = stage.apply_samples(|file| FILES.contains(&file)).await?;
    let first = finish(&mut stage, &mut follower, &wanted, begun).await?;
    let begun = begin(&stage);
    let wanted = touch_all(&stage, &first).await?;
    let second = finish(&mut stage, &mut follower, &wanted, begun).await?;
    let complaints = complaints(&stage.operator, &first, &second);
    for complaint in &complaints {
        screen.line(format!("WRONG: {complaint}"));
    }
    let runs = [&first, &second].map(|run| {
        let took: f64 = run
            .accounts
            .iter()
            .map(|account| account.took.as_secs_f64())
            .sum();
        json!({
            "seconds": (took * 1000.0).round() / 1000.0,
            "kongRequests": run.kong.total,
            "konnectRequests": run.konnect.total,
            "konnectWrites": run.konnect.writes,
            "konnectPeakInFlight": run.konnect.peak_in_flight,
            "konnectConnections": run.konnect.connections,
        })
    });
    let figures = json!({
        "entities": first.accounts.iter().map(|account| account.holding.entities).sum::<u64>(),
        "konnectLatencySeconds": latency.as_secs_f64(),
        "stayBehind": first.accounts.iter().map(|account| account.stay_behind()).sum::<u64>(),
        "first": runs[0],
        "second": runs[1],
        "operatorPeakKiB": stage.operator.peak_memory(),
        "build": if cfg!(debug_assertions) { "debug" } else { "release" },
    });
    println!("{figures}");
    let code = if complaints.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    };
    Ok((stage, code))
}
