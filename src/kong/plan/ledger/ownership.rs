//! Whose an entity is, after runs that ended anywhere and with somebody else writing to the same target.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::kong::model::{Entity, KongVersion, Snapshot};
use crate::kong::plan::catalogue::Catalogue;
use crate::kong::plan::diff::build_plan;
use crate::kong::plan::document::Planned;
use crate::kong::plan::input::{Circumstances, ConflictPolicy, Conflicts, PlanInput, Policy};
use crate::kong::plan::rollback::{RollbackInput, build_rollback};
use crate::kong::plan::test_support::entity;
use crate::migration::plan::Action;
use crate::migration::rollback::{ChangedSince, Extent, Rollback, Undo};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// A target with its ledger, between runs.
#[derive(Clone, Default)]
struct World {
    target: Snapshot,
    ledger: Ledger,
}

fn service(id: &str, host: &str) -> Entity {
    entity("services", json!({"id": id, "host": host, "retries": 5}))
}

/// As the target returns it: with more than was sent.
fn returned(id: &str, host: &str) -> Entity {
    entity(
        "services",
        json!({"id": id, "host": host, "retries": 5, "read_timeout": 60_000}),
    )
}

fn source(services: &[(&str, &str)]) -> Snapshot {
    services.iter().map(|(id, host)| service(id, host)).collect()
}

fn filled(entity: &Entity) -> Entity {
    let mut entity = entity.clone();
    entity.body.insert("read_timeout".to_owned(), json!(60_000));
    entity
}

impl World {
    fn holding(services: &[(&str, &str)]) -> Self {
        Self {
            target: services.iter().map(|(id, host)| returned(id, host)).collect(),
            ledger: Ledger::default(),
        }
    }

    fn plan(&self, source: &Snapshot, conflicts: ConflictPolicy) -> Planned {
        build_plan(&PlanInput {
            notes: &[],
            source,
            target: &self.target,
            ledger: &self.ledger,
            version: KongVersion::parse("3.9.1"),
            policy: &Policy {
                prune: true,
                conflicts: Conflicts {
                    default: conflicts,
                    ..Conflicts::default()
                },
                ..Policy::default()
            },
            catalogue: Catalogue::bundled(),
            circumstances: &Circumstances::default(),
        })
    }

    /// What a run keeps before it writes.
    fn begin(&mut self, source: &Snapshot, conflicts: ConflictPolicy) -> Planned {
        let planned = self.plan(source, conflicts);
        self.ledger.intend(&planned, &self.target, NOW);
        planned
    }

    /// Carries out one operation; its receipt.
    fn send(&mut self, planned: &Planned, number: usize) -> Option<(EntityKey, Receipt)> {
        let operation = &planned.plan.operations[number];
        let key = operation.target_key();
        match operation.action {
            Action::Create | Action::Update => {
                let desired = planned.desired[&operation.subject.key].entity.unpack();
                let held = filled(&desired);
                self.target.insert(&held);
                let seen = Seen::of(held.kind, &desired.body, &held.body);
                Some((key, Receipt::Written(seen)))
            }
            Action::Delete => {
                self.target.remove(&key);
                Some((key, Receipt::Deleted))
            }
            _ => None,
        }
    }

    fn run(&mut self, source: &Snapshot) -> Planned {
        let planned = self.begin(source, ConflictPolicy::Fail);
        for number in 0..planned.plan.operations.len() {
            self.send(&planned, number);
        }
        self.ledger.settle(&planned, &self.target, NOW);
        planned
    }

    fn rollback(&self, changed: ChangedSince, extent: Extent) -> Rollback {
        build_rollback(&RollbackInput {
            ledger: &self.ledger,
            target: &self.target,
            extent,
            changed,
        })
    }

    /// Stored and loaded.
    fn restarted(mut self) -> Self {
        let ends = format::LedgerEnds {
            workspace: "w",
            control_plane: "c",
        };
        let mut document = Vec::new();
        self.ledger.write_to(ends, &mut document).unwrap();
        self.ledger = Ledger::read_from(ends, document.as_slice()).unwrap();
        self
    }

    /// The same as a former version left it: without what it did not know.
    fn of_a_former_version(mut self) -> Self {
        for entries in self.ledger.kinds.values_mut() {
            for entry in entries.values_mut() {
                // It kept what an update starts from in place of what was left.
                if entry.pending == Pending::Write && entry.seen.is_none() {
                    entry.seen = entry.begun.map(|whole| Seen { whole, spoken: whole });
                }
                (entry.intended, entry.begun) = (None, None);
            }
        }
        self.restarted()
    }

    fn standing(&self, id: &str) -> Option<Standing> {
        let actual = self.target.get(&EntityKey::new("services", id))?;
        let entry = self.ledger.get("services", id);
        Some(entry.map_or(Standing::Foreign, |entry| entry.standing(&actual)))
    }
}

fn actions(planned: &Planned) -> BTreeMap<String, Action> {
    let operations = planned.plan.operations.iter();
    operations
        .map(|operation| (operation.target_key().id.to_string(), operation.action))
        .collect()
}

fn rules(planned: &Planned) -> Vec<&str> {
    let findings = planned.plan.findings.iter();
    findings.map(|finding| finding.id.as_str()).collect()
}

#[test]
fn an_intention_takes_nothing_into_possession() {
    // What is found under the id of a service that was to be created with host "a", and whose it is.
    for (found, standing, action) in [
        (None, None, Action::Create),
        (Some("a"), Some(Standing::Ours), Action::Unchanged),
        (Some("theirs"), Some(Standing::Foreign), Action::Blocked),
    ] {
        let mut world = World::default();
        let wanted = source(&[("s", "a")]);
        world.begin(&wanted, ConflictPolicy::Fail);
        if let Some(host) = found {
            world.target.insert(returned("s", host));
        }
        let world = world.restarted();
        assert_eq!(world.standing("s"), standing, "{found:?}");
        let planned = world.plan(&wanted, ConflictPolicy::Fail);
        assert_eq!(actions(&planned)["s"], action, "{found:?}");
        let blocked = action == Action::Blocked;
        assert_eq!(rules(&planned).contains(&"target-differs"), blocked, "{found:?}");
        // Undone is what is ours, whatever the policy.
        for changed in [ChangedSince::Keep, ChangedSince::Undo] {
            let rollback = world.rollback(changed, Extent::Created);
            assert_eq!(rollback.steps.len(), usize::from(found == Some("a")), "{found:?}");
            let told = rollback.findings.iter().map(|finding| finding.id.as_str());
            let expected = blocked.then_some("rollback-leaves-foreign");
            assert!(told.eq(expected), "{found:?}");
        }
        // Nor is it pruned, when the source has it no more.
        for conflicts in [ConflictPolicy::Fail, ConflictPolicy::Overwrite] {
            let pruned = world.plan(&source(&[("other", "a")]), conflicts);
            assert_eq!(
                pruned.deletions.len(),
                usize::from(found == Some("a")),
                "{found:?}"
            );
        }
    }
}

#[test]
fn the_plan_of_today_proves_nothing_about_a_run_of_yesterday() {
    let mut world = World::default();
    world.begin(&source(&[("s", "a")]), ConflictPolicy::Fail);
    // The source changes, and somebody makes what it says now by hand.
    world.target.insert(returned("s", "b"));
    let wanted = source(&[("s", "b")]);
    let planned = world.plan(&wanted, ConflictPolicy::Fail);
    assert_eq!(actions(&planned)["s"], Action::Unchanged);
    world.ledger.settle(&planned, &world.target, NOW);
    assert_eq!(world.ledger.get("services", "s").unwrap().origin, Origin::Adopted);
    assert!(
        world
            .rollback(ChangedSince::Undo, Extent::Everything)
            .steps
            .is_empty()
    );
}

#[test]
fn what_was_written_before_the_source_changed_is_ours_and_follows() {
    let mut world = World::default();
    let planned = world.begin(&source(&[("s", "a")]), ConflictPolicy::Fail);
    world.send(&planned, 0);
    let mut world = world.restarted();
    let planned = world.begin(&source(&[("s", "b")]), ConflictPolicy::Fail);
    assert_eq!(actions(&planned)["s"], Action::Update);
    // And again: it is not known whether the second write was carried out.
    for host in ["a", "b"] {
        world.target.insert(returned("s", host));
        assert_eq!(world.standing("s"), Some(Standing::Ours), "{host}");
    }
    world.target.insert(returned("s", "theirs"));
    assert_eq!(world.standing("s"), Some(Standing::Changed));
    assert_eq!(world.ledger.get("services", "s").unwrap().origin, Origin::Created);
}

#[test]
fn an_early_end_keeps_what_the_answers_told() {
    let mut world = World::holding(&[("over", "theirs"), ("equal", "x")]);
    let wanted = source(&[("lost", "x"), ("made", "x"), ("never", "x"), ("over", "x")]);
    let planned = world.begin(&wanted, ConflictPolicy::Overwrite);
    let place = |id: &str| {
        let mut operations = planned.plan.operations.iter();
        operations
            .position(|operation| &*operation.subject.key.id == id)
            .unwrap()
    };
    let mut receipts = Receipts::from_iter(world.send(&planned, place("made")));
    let (lost, _) = world.send(&planned, place("lost")).unwrap();
    receipts.insert(lost, Receipt::Open);
    assert!(world.ledger.confirm(&planned, &receipts, NOW));
    assert!(
        !world.ledger.confirm(&planned, &receipts, NOW),
        "it is known already"
    );
    let mut world = world.restarted();
    // Never sent: neither the creation nor the overwriting is intended any more.
    assert!(world.ledger.get("services", "never").is_none());
    assert!(world.ledger.get("services", "over").is_none());
    // Somebody makes what was never sent, equal to the source or not: it is theirs.
    world.target.insert(returned("never", "x"));
    let planned = world.plan(&wanted, ConflictPolicy::Fail);
    assert_eq!(actions(&planned)["never"], Action::Unchanged);
    assert_eq!(actions(&planned)["over"], Action::Blocked);
    world.ledger.settle(&planned, &world.target, NOW);
    let origin = |id: &str| &world.ledger.get("services", id).unwrap().origin;
    assert_eq!([origin("made"), origin("lost")], [&Origin::Created; 2]);
    assert_eq!(origin("never"), &Origin::Adopted);
}

#[test]
fn what_an_answer_confirmed_stays_ours_when_somebody_changes_it() {
    let mut world = World::default();
    let wanted = source(&[("s", "a")]);
    let planned = world.begin(&wanted, ConflictPolicy::Fail);
    let receipts = Receipts::from_iter(world.send(&planned, 0));
    world.ledger.confirm(&planned, &receipts, NOW);
    world.target.insert(returned("s", "theirs"));
    assert_eq!(world.standing("s"), Some(Standing::Changed));
    let planned = world.plan(&wanted, ConflictPolicy::Fail);
    assert_eq!(rules(&planned).first(), Some(&"target-changed"));
    // A list that shows it in another form than the answer did does not make it another's.
    let mut shown = returned("s", "a");
    shown.body.insert("brand_new".to_owned(), json!(true));
    world.target.insert(&shown);
    assert_eq!(world.standing("s"), Some(Standing::Ours));
}

#[test]
fn a_delete_that_was_answered_makes_no_claim_to_what_comes_after() {
    let mut world = World::default();
    world.run(&source(&[("gone", "a"), ("kept", "a")]));
    let planned = world.begin(&source(&[("kept", "a")]), ConflictPolicy::Fail);
    let number = planned
        .plan
        .operations
        .iter()
        .position(|one| one.action == Action::Delete);
    let receipts = Receipts::from_iter(world.send(&planned, number.unwrap()));
    let hash = world
        .plan(&source(&[("kept", "a")]), ConflictPolicy::Fail)
        .plan
        .hash;
    assert_eq!(hash, planned.plan.hash);
    world.ledger.confirm(&planned, &receipts, NOW);
    let after = world
        .plan(&source(&[("kept", "a")]), ConflictPolicy::Fail)
        .plan
        .hash;
    assert_eq!(
        after, planned.plan.hash,
        "an approval holds for the rest of its run"
    );
    world.target.insert(returned("gone", "a"));
    assert_eq!(world.standing("gone"), Some(Standing::Foreign));
    let again = world.plan(&source(&[("kept", "a")]), ConflictPolicy::Overwrite);
    assert!(again.deletions.is_empty());
}

/// What a former version intended, and what the target holds now.
fn interrupted_former(found: &str) -> World {
    let mut world = World::default();
    world.begin(&source(&[("s", "a")]), ConflictPolicy::Fail);
    world.target.insert(returned("s", found));
    world.of_a_former_version()
}

#[test]
fn what_a_former_version_intended_is_ours_only_as_the_present_plan_would_write_it() {
    let mut world = interrupted_former("a");
    let wanted = source(&[("s", "a")]);
    let planned = world.plan(&wanted, ConflictPolicy::Fail);
    assert_eq!(actions(&planned)["s"], Action::Unchanged);
    world.ledger.settle(&planned, &world.target, NOW);
    assert_eq!(world.ledger.get("services", "s").unwrap().origin, Origin::Created);

    let world = interrupted_former("theirs");
    assert_eq!(world.standing("s"), Some(Standing::Unknown));
    let planned = world.plan(&wanted, ConflictPolicy::Fail);
    assert_eq!(actions(&planned)["s"], Action::Blocked);
    let finding = planned
        .plan
        .findings
        .iter()
        .find(|one| one.id == "ownership-unknown");
    assert!(
        finding.unwrap().observed.contains("services/s"),
        "it says what to claim"
    );
    // Not deleted either, whatever is asked for.
    let gone = world.plan(&source(&[("other", "a")]), ConflictPolicy::Overwrite);
    assert!(gone.deletions.is_empty());
    assert!(rules(&gone).contains(&"prune-ownership-unknown"));
    for changed in [ChangedSince::Keep, ChangedSince::Undo] {
        let rollback = world.rollback(changed, Extent::Everything);
        assert!(rollback.steps.is_empty() && rollback.kept == 1);
        assert_eq!(rollback.findings[0].id, "rollback-ownership-unknown");
    }
}

#[test]
fn both_ways_out_of_an_unknown_owner_lead_out() {
    let wanted = source(&[("s", "b")]);
    // By policy: it is overwritten as somebody else's, and can be had again.
    let mut world = interrupted_former("theirs");
    let planned = world.begin(&wanted, ConflictPolicy::Overwrite);
    assert!(rules(&planned).contains(&"target-overwritten"));
    world.send(&planned, 0);
    world.ledger.settle(&planned, &world.target, NOW);
    let rollback = world.rollback(ChangedSince::Keep, Extent::Everything);
    assert_eq!(
        rollback.steps.iter().map(|step| step.undo).collect::<Vec<_>>(),
        [Undo::Restore]
    );
    // By claim: it follows the source, and is undone.
    let mut world = interrupted_former("theirs");
    let key = EntityKey::new("services", "s");
    assert_eq!(world.ledger.claim(&key, &world.target, NOW), Ok(true));
    assert_eq!(
        world.ledger.claim(&key, &world.target, NOW),
        Ok(false),
        "heard twice"
    );
    let mut world = world.restarted();
    let planned = world.begin(&wanted, ConflictPolicy::Fail);
    assert_eq!(actions(&planned)["s"], Action::Update);
    let rollback = world.rollback(ChangedSince::Keep, Extent::Created);
    assert_eq!(
        rollback.steps.iter().map(|step| step.undo).collect::<Vec<_>>(),
        [Undo::Delete]
    );
}

#[test]
fn a_claim_takes_nothing_from_anybody() {
    let key = |id: &str| EntityKey::new("services", id);
    let mut world = World::holding(&[("foreign", "x")]);
    world.begin(&source(&[("absent", "a"), ("other", "a")]), ConflictPolicy::Fail);
    world.target.insert(returned("other", "theirs"));
    let World { target, ledger } = &mut world;
    for (id, refusal) in [
        ("foreign", ClaimRefusal::NotIntended),
        ("absent", ClaimRefusal::NotThere),
        ("other", ClaimRefusal::Foreign),
    ] {
        assert_eq!(ledger.claim(&key(id), target, NOW), Err(refusal));
    }
}

#[test]
fn a_former_version_that_had_overwritten_nothing_yet_owns_nothing() {
    let mut world = World::holding(&[("s", "theirs")]);
    world.begin(&source(&[("s", "a")]), ConflictPolicy::Overwrite);
    let world = world.of_a_former_version();
    assert_eq!(world.standing("s"), Some(Standing::Foreign));
    let planned = world.plan(&source(&[("s", "a")]), ConflictPolicy::Fail);
    assert_eq!(actions(&planned)["s"], Action::Blocked);
}

/// What becomes of one request.
#[derive(Clone, Copy, Debug)]
enum Sent {
    Answered,
    Lost,
    Never,
}

fn sent() -> impl Strategy<Value = Sent> {
    prop_oneof![Just(Sent::Answered), Just(Sent::Lost), Just(Sent::Never)]
}

fn services() -> impl Strategy<Value = BTreeMap<&'static str, &'static str>> {
    let id = prop::sample::select(vec!["a", "b", "c", "d"]);
    prop::collection::btree_map(id, prop::sample::select(vec!["1", "2"]), 0..4)
}

fn as_source(services: &BTreeMap<&'static str, &'static str>) -> Snapshot {
    // One that always stays, so that the source is not empty.
    let stays = [service("stays", "0")];
    services
        .iter()
        .map(|(id, host)| service(id, host))
        .chain(stays)
        .collect()
}

proptest! {
    /// Runs that end anywhere, killed or stopped, with a stranger who writes between them: what the stranger made is never deleted or
    /// overwritten by a policy that does not say so, and what the migration wrote and nobody touched can always be undone.
    #[test]
    fn nothing_of_a_stranger_is_ever_touched(
        runs in prop::collection::vec(
            (services(), prop::collection::vec(sent(), 12), any::<bool>(), services(), any::<bool>()),
            1..5,
        ),
        former in any::<bool>(),
    ) {
        let mut world = World::default();
        for (wanted, requests, is_killed, strangers, comes_to_its_end) in runs {
            let wanted = as_source(&wanted);
            let planned = world.begin(&wanted, ConflictPolicy::Fail);
            for operation in &planned.plan.operations {
                let Some(actual) = world.target.get(&operation.target_key()) else { continue };
                let is_theirs = actual.body["host"] == "theirs";
                prop_assert!(
                    !is_theirs || !matches!(operation.action, Action::Update | Action::Delete),
                    "{operation:?} of {:?}", world.ledger
                );
            }
            world = world.restarted();
            let mut receipts = Receipts::new();
            for number in 0..planned.plan.operations.len() {
                match if comes_to_its_end { Sent::Answered } else { requests[number % requests.len()] } {
                    Sent::Answered => receipts.extend(world.send(&planned, number)),
                    Sent::Lost => {
                        receipts.extend(world.send(&planned, number).map(|(key, _)| (key, Receipt::Open)));
                    }
                    Sent::Never => {}
                }
            }
            if !is_killed {
                world.ledger.confirm(&planned, &receipts, NOW);
            }
            if comes_to_its_end {
                world.ledger.settle(&planned, &world.target, NOW);
            } else if former {
                world = world.of_a_former_version();
            }
            // What nobody else touched, and what the ledger knows of it, can be undone.
            let rollback = world.rollback(ChangedSince::Keep, Extent::Created);
            if comes_to_its_end && !former {
                for (kind, id, entry) in world.ledger.iter() {
                    let key = kind.key(id);
                    let host = world.target.get(&key).map(|held| held.body["host"].clone());
                    let ours = entry.origin == Origin::Created && host.is_some_and(|host| host != "theirs");
                    let is_undone = rollback.steps.iter().any(|step| step.subject.key == key);
                    prop_assert!(!ours || is_undone, "{key} {entry:?}");
                }
            }
            for (id, _) in strangers {
                world.target.insert(returned(id, "theirs"));
            }
            for changed in [ChangedSince::Keep, ChangedSince::Undo] {
                for step in world.rollback(changed, Extent::Everything).steps {
                    let actual = world.target.get(&step.subject.key);
                    let is_theirs = actual.is_some_and(|actual| actual.body["host"] == "theirs");
                    let entry = world.ledger.get("services", &step.subject.key.id);
                    // With UndoChanged a person asks for what somebody changed of ours.
                    let is_asked_for = changed == ChangedSince::Undo && entry.is_some_and(|entry| entry.seen.is_some());
                    prop_assert!(!is_theirs || is_asked_for, "{step:?} {entry:?}");
                }
            }
        }
    }
}

#[test]
fn an_outline_is_stored_once() {
    let mut world = World::default();
    world.begin(
        &source(&[("a", "1"), ("b", "2"), ("c", "3")]),
        ConflictPolicy::Fail,
    );
    let ends = format::LedgerEnds {
        workspace: "w",
        control_plane: "c",
    };
    let mut document = Vec::new();
    world.ledger.write_to(ends, &mut document).unwrap();
    let text = String::from_utf8(document).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[1]["outline"], json!({"host": 1, "retries": 1}));
    assert_eq!(
        [&lines[2]["outline"], &lines[3]["outline"]],
        [&json!(0), &json!(0)]
    );
    assert_eq!(world.clone().restarted().ledger, world.ledger);
    let broken = text.replace("\"outline\":0", "\"outline\":7");
    assert!(Ledger::read_from(ends, broken.as_bytes()).is_err());
}
