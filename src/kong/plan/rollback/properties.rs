//! Undoing a migration brings the target back to what it was, whatever source, target and policy.

use std::collections::BTreeSet;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::kong::model::Packed;
use crate::kong::plan::canonical::canonical;
use crate::kong::plan::document::Planned;
use crate::kong::plan::input::Policy;
use crate::kong::plan::properties::{applied, plan_after, policy, snapshot};
use crate::kong::plan::unique::Taken;
use crate::migration::plan::{Action, Operation};

/// A target as a server would let it come about: no reference dangles, and no unique value is held twice.
fn consistent(target: &Snapshot) -> Snapshot {
    let mut built = Snapshot::default();
    let mut entities: Vec<Entity> = target.iter().filter(|entity| entity.kind.movable()).collect();
    entities.sort_by_key(|entity| (entity.kind.level, entity.key()));
    for entity in entities {
        let whole = entity.references().iter().all(|key| built.contains(key));
        if whole && Taken::by(&built).clash(&entity).is_none() && !judge::lacks_secret(&entity) {
            built.insert(&entity);
        }
    }
    built
}

/// One run with its ledger.
fn migrate(
    source: &Snapshot,
    target: &Snapshot,
    policy: &Policy,
    ledger: &mut Ledger,
) -> (Planned, Snapshot) {
    let planned = plan_after(source, target, policy, ledger);
    ledger.intend(&planned, target, Timestamp::UNIX_EPOCH);
    let mut after = applied(&planned, target);
    // What is unchanged is not written.
    let unchanged = planned
        .plan
        .operations
        .iter()
        .filter(|o| o.action == Action::Unchanged);
    for key in unchanged.map(Operation::target_key) {
        after.insert(target.get(&key).unwrap());
    }
    ledger.settle(&planned, &after, Timestamp::UNIX_EPOCH);
    (planned, after)
}

fn rollback(ledger: &Ledger, target: &Snapshot) -> Rollback {
    build_rollback(&RollbackInput {
        ledger,
        target,
        extent: Extent::Everything,
        changed: ChangedSince::Keep,
    })
}

/// Carries out the first `count` steps, and checks at each that a server would take it.
fn undone(rollback: &Rollback, ledger: &Ledger, target: &Snapshot, count: usize) -> Snapshot {
    let mut after = target.clone();
    for step in rollback.steps.iter().take(count) {
        let key = &step.subject.key;
        match step.undo {
            Undo::Delete => {
                let users = after.iter().find(|user| user.references().contains(key));
                assert!(users.is_none(), "{users:?} refers to {key}");
                assert!(after.remove(key).is_some());
            }
            Undo::Restore | Undo::Recreate => {
                let entity = before(ledger, key).unwrap();
                assert_eq!(after.contains(key), step.undo == Undo::Restore);
                let dangling = entity
                    .references()
                    .into_iter()
                    .find(|needed| !after.contains(needed));
                assert_eq!(dangling, None, "of {key}");
                after.insert(&entity);
            }
        }
    }
    after
}

fn contents(snapshot: &Snapshot) -> BTreeMap<EntityKey, Value> {
    let content = |entity: &Packed| (entity.key(), canonical(entity.kind, &entity.unpack().body));
    snapshot.packed().map(content).collect()
}

fn kept(rollback: &Rollback) -> BTreeSet<EntityKey> {
    rollback
        .findings
        .iter()
        .map(|finding| finding.subject.key.clone())
        .collect()
}

proptest! {
    #[test]
    fn a_migration_that_is_undone_leaves_the_target_as_it_was(source in snapshot(), target in snapshot(), policy in policy()) {
        let target = consistent(&target);
        let mut ledger = Ledger::default();
        let (_, after) = migrate(&source, &target, &policy, &mut ledger);
        let plan = rollback(&ledger, &after);
        prop_assert_eq!(plan.kept, 0, "{:?}", plan.findings);
        let back = undone(&plan, &ledger, &after, usize::MAX);
        prop_assert_eq!(contents(&back), contents(&target));
        let again = rollback(&ledger, &back);
        prop_assert!(again.is_done() && again.settled().count() == ledger.len());
    }

    #[test]
    fn so_do_two_migrations_of_a_source_that_changed_between_them(first in snapshot(), second in snapshot(), target in snapshot(), policy in policy()) {
        let target = consistent(&target);
        let mut ledger = Ledger::default();
        let (_, between) = migrate(&first, &target, &policy, &mut ledger);
        let (_, after) = migrate(&second, &between, &policy, &mut ledger);
        let plan = rollback(&ledger, &after);
        let back = undone(&plan, &ledger, &after, usize::MAX);
        let (back, target) = (contents(&back), contents(&target));
        let named = kept(&plan);
        for key in back.keys().chain(target.keys()) {
            prop_assert!(back.get(key) == target.get(key) || named.contains(key), "{key} is not as it was, and not named");
        }
    }

    #[test]
    fn a_rollback_that_is_interrupted_goes_on_with_what_is_left(source in snapshot(), target in snapshot(), policy in policy(), done in 0..12usize) {
        let target = consistent(&target);
        let mut ledger = Ledger::default();
        let (_, after) = migrate(&source, &target, &policy, &mut ledger);
        let plan = rollback(&ledger, &after);
        let halfway = undone(&plan, &ledger, &after, done);
        let rest = rollback(&ledger, &halfway);
        prop_assert_eq!(rest.steps.as_slice(), &plan.steps[done.min(plan.steps.len())..]);
        let back = undone(&rest, &ledger, &halfway, usize::MAX);
        prop_assert_eq!(contents(&back), contents(&target));
    }

    #[test]
    fn whatever_others_did_since_stays_or_is_named(source in snapshot(), target in snapshot(), theirs in snapshot(), policy in policy()) {
        let target = consistent(&target);
        let mut ledger = Ledger::default();
        let (_, after) = migrate(&source, &target, &policy, &mut ledger);
        let mut meanwhile = after.clone();
        for entity in theirs.iter().filter(|entity| entity.kind.movable()) {
            let fits = entity.references().iter().all(|key| meanwhile.contains(key));
            if fits {
                meanwhile.insert(&entity);
            }
        }
        let plan = rollback(&ledger, &meanwhile);
        let back = contents(&undone(&plan, &ledger, &meanwhile, usize::MAX));
        let (then, now, original) = (contents(&after), contents(&meanwhile), contents(&target));
        let named = kept(&plan);
        for (key, content) in &now {
            if then.get(key) != Some(content) {
                prop_assert_eq!(back.get(key), Some(content), "{} was theirs", key);
            } else if back.get(key) != original.get(key) {
                prop_assert!(named.contains(key), "{key} is not as it was, and not named");
            }
        }
    }

    #[test]
    fn the_same_inputs_give_the_same_steps_and_hash(source in snapshot(), target in snapshot(), policy in policy()) {
        let mut ledger = Ledger::default();
        let (_, after) = migrate(&source, &target, &policy, &mut ledger);
        prop_assert_eq!(rollback(&ledger, &after), rollback(&ledger.clone(), &after.clone()));
    }
}
