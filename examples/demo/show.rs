//! The whole show, for people.

use std::process::ExitCode;
use std::time::Duration;

use crate::follow::Follower;
use crate::guide;
use crate::report::{describe, summary};
use crate::runs::{Run, begin, complaints, finish, touch_all};
use crate::screen::Screen;
use crate::stage::{NAMESPACE, SAMPLES, Stage};

const SCREEN: Screen = Screen::Output;

/// Shows everything, with a Konnect that takes `latency` to answer. Returns what still runs, and whether all was right.
///
/// # Errors
/// When a part does not start, or an object does not get ready.
pub async fn show(latency: Duration) -> anyhow::Result<(Stage, ExitCode)> {
    let mut stage = Stage::set_up(SCREEN, latency).await?;
    stage.prepare().await?;
    let mut follower = Follower::new(&stage.client, NAMESPACE, SCREEN);

    SCREEN.heading(&format!("Migrating: kubectl apply -f {SAMPLES}"));
    let begun = begin(&stage);
    let wanted = stage.apply_samples(|_| true).await?;
    let first = finish(&mut stage, &mut follower, &wanted, begun).await?;
    show_run(&first, "Summary");

    SCREEN.heading(
        "Once more: spec.throttle.maxInFlight of all three is changed, so the operator applies again",
    );
    let begun = begin(&stage);
    let wanted = touch_all(&stage, &first).await?;
    let second = finish(&mut stage, &mut follower, &wanted, begun).await?;
    show_run(&second, "Summary of the second run");

    show_findings(&first);
    let complaints = complaints(&stage.operator, &first, &second);
    show_verdict(&stage, &first, &complaints);
    let code = if complaints.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    };
    Ok((stage, code))
}

/// Keeps everything up, and says how to look further. Returns only when the operator ends.
///
/// # Errors
/// When the operator ends.
pub async fn stay(stage: &mut Stage) -> anyhow::Result<()> {
    SCREEN.line(guide::further(stage));
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stage.operator.ensure_running()?;
    }
}

fn show_findings(run: &Run) {
    SCREEN.heading("Findings");
    for account in &run.accounts {
        SCREEN.line(format!("  {}", account.workspace));
        for finding in account.findings() {
            SCREEN.line(describe(finding));
        }
    }
}

fn show_run(run: &Run, heading: &str) {
    SCREEN.heading(heading);
    SCREEN.line(summary(&run.accounts));
    let (kong, konnect) = (&run.kong, &run.konnect);
    SCREEN.line(format!(
        "Requests in all, as the servers counted them: Kong {}, Konnect {} (peak in flight {}).",
        kong.total, konnect.total, konnect.peak_in_flight
    ));
}

fn show_verdict(stage: &Stage, first: &Run, complaints: &[String]) {
    SCREEN.heading("Outcome");
    for account in &first.accounts {
        let left = account.stay_behind();
        let named = if left == 0 {
            String::new()
        } else {
            format!(", {left} stay behind and are named")
        };
        let entities = account.holding.entities;
        SCREEN.line(format!(
            "  {}: {entities} of {entities} accounted for: {} moved{named}",
            account.workspace,
            entities - left
        ));
    }
    if let Some(peak) = stage.operator.peak_memory() {
        SCREEN.line(format!(
            "  Peak memory of the operator: {:.1} MiB",
            mebibytes(peak)
        ));
    }
    if complaints.is_empty() {
        SCREEN.line("  Source and target digests are equal, and the second run wrote nothing.");
    }
    for complaint in complaints {
        SCREEN.line(format!("  WRONG: {complaint}"));
    }
}

/// KiB as MiB.
pub fn mebibytes(kibibytes: u64) -> f64 {
    let tenths = kibibytes.saturating_mul(10) / 1024;
    f64::from(u32::try_from(tenths).unwrap_or(u32::MAX)) / 10.0
}
