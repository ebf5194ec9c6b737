//! A thousand migrations at once under a memory budget: all are planned, in turn, and those that wait say for whom.

use std::time::Duration;

use anyhow::ensure;
use gateway_migration_operator::api::workspace_migration::{Phase as MigrationPhase, WorkspaceMigration};
use tokio::time::sleep;

use super::cases::{Case, Phase};
use super::entities;
use super::installation::Installation;
use super::measure::requests;
use super::record::{Record, Spread};

/// Units of the workspace that all of them read: 551 entities.
const WORKSPACE: usize = 50;
/// What the entities of all migrations at work may hold, in MiB: `--memory-budget`.
const BUDGET: &str = "64";
/// More than the memory allows at a time.
const PLACES: &str = "32";
/// How long all may take.
const PATIENCE: Duration = Duration::from_secs(900);
/// Between two looks at all of them.
const LOOK: Duration = Duration::from_secs(2);
/// How long the operator is left alone before it is measured once more.
const SETTLE: Duration = Duration::from_secs(20);

/// What was seen of all migrations in all looks.
#[derive(Debug, Default)]
struct Seen {
    planned: usize,
    /// The most that said at a time whom they wait for.
    waiting: usize,
}

/// Plans a workspace as often as the case has units, each time for a control plane of its own.
pub async fn measure(case: &Case) -> anyhow::Result<Record> {
    let workspace = Case {
        units: WORKSPACE,
        phase: Phase::FirstMigration,
        ..*case
    };
    let flags = ["--memory-budget", BUDGET, "--max-concurrent-migrations", PLACES];
    let mut installation = Installation::start(&workspace, case.units, "Plan", &flags).await?;
    let mut seen = Seen::default();
    let took = installation
        .watch(LOOK, PATIENCE, |migrations| {
            seen.look(migrations);
            seen.planned == case.units
        })
        .await?;
    ensure!(
        seen.waiting > 0 || case.units < 10,
        "nobody said whom it waits for"
    );
    let worked = installation.memory()?;
    let [kong, konnect] = installation.servers.stats().await?;
    sleep(SETTLE).await;
    let idle = installation.memory()?;
    eprintln!(
        "  {} planned in {:.0} s; up to {} said whom they wait for; at most {} KiB, idle {} KiB",
        seen.planned,
        took.as_secs_f64(),
        seen.waiting,
        worked.peak,
        idle.now
    );
    Ok(Record {
        wall_ms: Spread::once(took),
        requests: requests(&[&kong, &konnect]),
        peak_in_flight: kong.peak_in_flight.max(konnect.peak_in_flight),
        connections: kong.connections + konnect.connections,
        peak_rss_kib: worked.peak,
        ..Record::empty(case, case.units * entities(WORKSPACE))
    })
}

impl Seen {
    fn look(&mut self, migrations: &[WorkspaceMigration]) {
        let status = |migration: &WorkspaceMigration| migration.status.clone().unwrap_or_default();
        let (mut planned, mut waiting) = (0, 0);
        for status in migrations.iter().map(status) {
            let waits_for = status.progress.and_then(|progress| progress.waiting_for);
            planned += usize::from(status.phase == Some(MigrationPhase::Planned));
            waiting += usize::from(waits_for.is_some_and(|words| words.starts_with("migration ")));
        }
        self.planned = planned;
        self.waiting = self.waiting.max(waiting);
    }
}
