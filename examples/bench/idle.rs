//! The memory of the operator when all its migrations have been done: the real binary, a real API server.

use std::time::Duration;

use gateway_migration_operator::api::workspace_migration::{Phase as MigrationPhase, WorkspaceMigration};
use tokio::time::sleep;

use super::cases::{Case, Phase};
use super::installation::Installation;
use super::record::Record;

/// How long all migrations may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long the operator is left alone before it is measured, for each migration.
const SETTLE: Duration = Duration::from_millis(200);

/// Migrates a small workspace as often as the case has units, each time into a control plane of its own.
pub async fn measure(case: &Case) -> anyhow::Result<Record> {
    let small = Case {
        units: 1,
        phase: Phase::FirstMigration,
        ..*case
    };
    let mut installation = Installation::start(&small, case.units, "Apply", &[]).await?;
    let all_done = |migrations: &[WorkspaceMigration]| done(migrations) == case.units;
    installation
        .watch(Duration::from_millis(500), PATIENCE, all_done)
        .await?;
    eprintln!("  {} migrations are done", case.units);
    sleep(SETTLE * u32::try_from(case.units)?).await;
    let memory = installation.memory()?;
    eprintln!(
        "  idle {} KiB, at most {} KiB while it worked",
        memory.now, memory.peak
    );
    Ok(Record {
        peak_rss_kib: memory.now,
        ..Record::empty(case, case.units)
    })
}

/// Those that are completed.
fn done(migrations: &[WorkspaceMigration]) -> usize {
    let phase = |migration: &WorkspaceMigration| migration.status.as_ref()?.phase;
    migrations
        .iter()
        .filter(|migration| phase(migration) == Some(MigrationPhase::Completed))
        .count()
}
