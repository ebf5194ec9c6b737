//! Prints how long a plan takes and how much memory it needs, for 11,010 and 110,100 entities: `cargo run --release --example plan_bench`.
//! Peak memory is that of the process so far (`VmHWM` of Linux), the generated source included.

#[path = "../tests/workload/mod.rs"]
mod workload;

use std::time::Instant;

use gateway_migration_operator::kong::model::{KongVersion, Snapshot};
use gateway_migration_operator::kong::plan::{Catalogue, Circumstances, PlanInput, Policy, build_plan};

fn main() -> anyhow::Result<()> {
    for units in [1_000, 10_000] {
        let source = workload::snapshot(units)?;
        let before = peak_kib();
        let plan = |target: &Snapshot| {
            let begun = Instant::now();
            let planned = build_plan(&PlanInput {
                notes: &[],
                source: &source,
                target,
                ledger: &Default::default(),
                version: KongVersion::parse("3.9.1"),
                policy: &Policy::default(),
                catalogue: Catalogue::bundled(),
                circumstances: &Circumstances::default(),
            });
            (planned, begun.elapsed())
        };
        let (first, fresh) = plan(&Snapshot::default());
        let after = peak_kib();
        let target = first
            .desired
            .values()
            .map(|desired| desired.entity.unpack())
            .collect();
        let (_, steady) = plan(&target);
        println!(
            "{} entities: first plan {} ms, steady plan {} ms, peak memory {} KiB with the source, {} KiB with the plan",
            source.len(),
            fresh.as_millis(),
            steady.as_millis(),
            before.unwrap_or_default(),
            after.unwrap_or_default(),
        );
    }
    Ok(())
}

/// Peak resident memory of this process; none outside Linux.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
