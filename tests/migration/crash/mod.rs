//! The operator is killed (SIGKILL) at random moments of a migration of 2,004 entities, and another takes over.

mod deletes;
mod kill_point;
mod run;
mod table;

use std::env;

use anyhow::{Context as _, Result, ensure};
use fastrand::Rng;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use kill_point::Phase;
use run::Report;

/// Migrations at the same time.
const AT_A_TIME: usize = 3;

/// The seed of all random choices: `SEED`, or a new one. Printed, so that a failure can be had again.
fn seed() -> Result<u64> {
    let seed = match env::var("SEED") {
        Ok(text) => text.parse().context("SEED is no number")?,
        Err(_) => fastrand::u64(..),
    };
    println!("SEED={seed}");
    Ok(seed)
}

/// Runs that each have a seed of their own; the phases take turns. `told` hears of all that have ended so far, whenever one has.
async fn runs(seed: u64, count: usize, told: impl Fn(&[Report]) -> Result<()>) -> Result<()> {
    let mut rng = Rng::with_seed(seed);
    let runs: Vec<_> = (0..count)
        .map(|number| run::run(Phase::ALL[number % Phase::ALL.len()], rng.u64(..)))
        .collect();
    let mut runs = stream::iter(runs).buffered(AT_A_TIME);
    let mut reports = Vec::new();
    while let Some(report) = runs.try_next().await? {
        println!("{report:?}");
        reports.push(report);
        told(&reports)?;
    }
    ensure!(reports.len() == count, "{} of {count} runs", reports.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_killed_at_any_moment_loses_and_doubles_nothing() -> Result<()> {
    runs(seed()?, 5, |_| Ok(())).await
}

/// `make soak`: as many runs as `RUNS` says, and their table in docs/reliability.md, which grows while it runs.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a quarter of an hour; make soak runs it"]
async fn soak() -> Result<()> {
    let count = env::var("RUNS").map_or(Ok(100), |text| text.parse().context("RUNS is no number"))?;
    let seed = seed()?;
    runs(seed, count, |reports| table::write(seed, reports)).await
}
