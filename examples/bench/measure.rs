//! Several runs of one case, and what the servers saw.

use std::collections::BTreeMap;
use std::env;
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use simulators::server::Stats;
use tokio::process::Command;

use super::cases::{Case, Phase};
use super::record::{Record, Spread};
use super::run::Finished;
use super::servers::Servers;
use super::{deck, entities};

/// Runs a case so many times.
pub async fn measure(case: &Case, runs: usize) -> anyhow::Result<Record> {
    let mut servers = Servers::start(case).await?;
    let (mut walls, mut memory, mut seen) = (Vec::new(), 0, None);
    for number in 0..runs {
        // A server with a limit begins each run with a full bucket.
        if case.limit.is_some() && number > 0 {
            tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        }
        if case.phase.changes_what_is_there() && number > 0 {
            servers = Servers::start(case).await?;
        }
        servers.reset().await?;
        let finished = run(case, &servers, number).await?;
        eprintln!("  {:.0} ms, {} KiB", finished.wall_ms, finished.peak_rss_kib);
        walls.push(finished.wall_ms);
        memory = memory.max(finished.peak_rss_kib);
        seen = Some(servers.stats().await?);
    }
    if let Some(took) = deck::measure(case, &servers).await? {
        eprintln!("  deck, in this session: {} ms", took.as_millis());
    }
    let [kong, konnect] = seen.context("no run")?;
    let writes = konnect.writes.saturating_sub(refused(&konnect));
    Ok(Record {
        case: case.name.to_owned(),
        entities: entities(case.units),
        runs,
        wall_ms: Spread::of(&mut walls).context("no run")?,
        requests: requests(&[&kong, &konnect]),
        peak_in_flight: kong.peak_in_flight.max(konnect.peak_in_flight),
        connections: kong.connections + konnect.connections,
        peak_rss_kib: memory,
        floor_ms: case.floor_ms(kong.total + konnect.total, writes),
    })
}

async fn run(case: &Case, servers: &Servers, number: usize) -> anyhow::Result<Finished> {
    let phase = clap::ValueEnum::to_possible_value(&case.phase).context("a phase without name")?;
    let output = Command::new(env::current_exe()?)
        .args(["run", "--phase", phase.get_name()])
        .args(["--kong", &servers.kong.url, "--konnect", &servers.konnect.url])
        .arg("--ca")
        .arg(&servers.ca)
        .args(["--control-plane", &format!("run-{number}")])
        .stderr(Stdio::inherit())
        .output()
        .await?;
    ensure!(output.status.success(), "a run failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn refused(stats: &Stats) -> u64 {
    stats.by_status.get(&429).copied().unwrap_or_default()
}

/// Requests to all servers by method.
pub fn requests(stats: &[&Stats]) -> BTreeMap<String, u64> {
    let mut sum = BTreeMap::new();
    for (route, count) in stats.iter().flat_map(|stats| &stats.by_route) {
        let method = route.split(' ').next().unwrap_or_default();
        *sum.entry(method.to_owned()).or_default() += count;
    }
    sum
}

/// Pages, and one list per upstream and per consumer group, of both sides, of the kinds that the workload has: what is needed at
/// least when nothing is known beforehand.
pub fn expected_reads(case: &Case) -> Option<u64> {
    let pages = |count: usize| count.div_ceil(1_000).max(1) as u64;
    let (units, groups) = (case.units, case.units.div_ceil(100));
    let side: u64 = [units, 2 * units, 2 * units, units, units, units, units, groups]
        .into_iter()
        .map(pages)
        .sum();
    let below = units as u64 + groups as u64;
    (case.phase == Phase::SteadyState).then_some(2 * (side + below))
}
