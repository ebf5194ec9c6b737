//! A large workspace: the plan is the same to the byte each time it is made.

#[path = "workload/mod.rs"]
mod workload;

use std::thread;

use gateway_migration_operator::kong::model::{KongVersion, Snapshot};
use gateway_migration_operator::kong::plan::document::{PlanEnds, plan_report};
use gateway_migration_operator::kong::plan::{
    Catalogue, Circumstances, PlanInput, Planned, Policy, build_plan,
};
use gateway_migration_operator::migration::plan::Action;
use gateway_migration_operator::migration::report::Secrets;

fn plan(source: &Snapshot, target: &Snapshot) -> Planned {
    build_plan(&PlanInput {
        notes: &[],
        source,
        target,
        ledger: &Default::default(),
        version: KongVersion::parse("3.9.1"),
        policy: &Policy::default(),
        catalogue: Catalogue::bundled(),
        circumstances: &Circumstances::default(),
    })
}

#[test]
fn eleven_thousand_entities_plan_to_the_same_bytes_ten_times() -> anyhow::Result<()> {
    let source = workload::snapshot(1000)?;
    assert_eq!(source.len(), 11_010);
    let bytes = || {
        let planned = plan(&source, &Snapshot::default());
        serde_json::to_vec(&plan_report(&planned, PlanEnds::default(), Secrets::Masked))
    };
    let (first, bytes) = (&bytes()?, &bytes);
    // On two threads, so that nothing of a thread can leak into a plan.
    let equal = thread::scope(|scope| {
        let makers: Vec<_> = [4, 5]
            .map(|times| scope.spawn(move || (0..times).all(|_| bytes().is_ok_and(|again| again == *first))))
            .into_iter()
            .collect();
        makers
            .into_iter()
            .all(|maker| maker.join().is_ok_and(|equal| equal))
    });
    assert!(equal);
    let planned = plan(&source, &Snapshot::default());
    assert_eq!(planned.plan.count(Action::Create), 11_010);
    let target = planned
        .desired
        .values()
        .map(|desired| desired.entity.unpack())
        .collect();
    let again = plan(&source, &target);
    assert_eq!(again.plan.count(Action::Unchanged), 11_010);
    assert_eq!(again.plan.hash, planned.plan.hash);
    Ok(())
}
