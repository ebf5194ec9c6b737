//! The whole show, for people.

use std::process::ExitCode;

use crate::account::{Run as Which, describe, summary};
use crate::follow::Follower;
use crate::guide;
use crate::runs::{Run, begin, finish, touch_all};
use crate::screen::Screen;
use crate::stage::{NAMESPACE, SAMPLES, Stage};

const SCREEN: Screen = Screen::Output;

/// Shows everything; stays up until interrupted when `stay` says so.
///
/// # Errors
/// When a part does not start, or an object does not get ready.
pub async fn show(stay: bool) -> anyhow::Result<ExitCode> {
    let mut stage = Stage::set_up(SCREEN).await?;
    stage.prepare().await?;
    let mut follower = Follower::new(&stage.client, NAMESPACE, SCREEN);

    SCREEN.heading(&format!("Migrating: kubectl apply -f {SAMPLES}"));
    begin(&stage);
    let wanted = stage.apply_samples(|_| true).await?;
    let first = finish(&mut stage, &mut follower, &wanted).await?;
    show_findings(&first);
    show_run(&first, "Summary");

    SCREEN.heading("Once more: spec.throttle.maxInFlight of all three is changed, so the operator applies again");
    begin(&stage);
    let wanted = touch_all(&stage, &first).await?;
    let second = finish(&mut stage, &mut follower, &wanted).await?;
    show_run(&second, "Summary of the second run");

    let complaints = complaints(&first, &second);
    show_verdict(&stage, &first, &complaints);
    if stay {
        SCREEN.line(guide::further(&stage));
        // Ctrl-C ends the program from outside.
        loop {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            stage.operator.ensure_running()?;
        }
    }
    let Stage { operator, .. } = stage;
    operator.stop().await?;
    Ok(if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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

/// What is wrong with either run.
pub fn complaints(first: &Run, second: &Run) -> Vec<String> {
    let of = |run: &Run, which| run.accounts.iter().flat_map(move |account| account.complaints(which)).collect::<Vec<_>>();
    let mut all = of(first, Which::First);
    all.extend(of(second, Which::Second));
    if second.konnect.writes > 0 {
        all.push(format!("the second run wrote: {:?}", second.konnect.by_route));
    }
    all
}

fn show_verdict(stage: &Stage, first: &Run, complaints: &[String]) {
    SCREEN.heading("Outcome");
    for account in &first.accounts {
        let left = account.stay_behind();
        let named = if left == 0 { String::new() } else { format!(", {left} stay behind and are named") };
        let entities = account.expected;
        SCREEN.line(format!("  {}: {entities} of {entities} accounted for: {} moved{named}", account.workspace, entities - left));
    }
    if let Some(peak) = stage.operator.peak_memory() {
        SCREEN.line(format!("  Peak memory of the operator: {:.1} MiB", mebibytes(peak)));
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
