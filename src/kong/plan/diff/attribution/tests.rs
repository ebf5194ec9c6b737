//! Each class of drift, and what each policy makes of it.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::DriftClass;
use crate::kong::model::entity_kinds::named;
use crate::kong::model::{Entity, Gap, GapCause, KongVersion, Snapshot};
use crate::kong::plan::catalogue::Catalogue;
use crate::kong::plan::diff::build_plan;
use crate::kong::plan::document::Planned;
use crate::kong::plan::input::{Circumstances, ConflictPolicy, Conflicts, DriftPolicy, PlanInput, Policy};
use crate::kong::plan::ledger::Ledger;
use crate::kong::plan::ledger::format::LedgerEnds;
use crate::kong::plan::test_support::{entity, snapshot};
use crate::migration::plan::Action;
use crate::migration::subject::EntityKey;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// Both sides, and what was written so far.
#[derive(Default)]
struct DriftWorld {
    source: Snapshot,
    target: Snapshot,
    ledger: Ledger,
    conflicts: ConflictPolicy,
}

impl DriftWorld {
    /// Both sides with these entities, written by the migration.
    fn migrated(entities: &[(&'static str, Value)]) -> Self {
        let mut world = Self {
            source: snapshot(entities),
            ..Self::default()
        };
        world.run(DriftPolicy::Report);
        world
    }

    fn plan(&self, drift: DriftPolicy) -> Planned {
        build_plan(&PlanInput {
            notes: &[],
            source: &self.source,
            target: &self.target,
            ledger: &self.ledger,
            version: KongVersion::parse("3.9.1"),
            policy: &Policy {
                drift,
                conflicts: Conflicts {
                    default: self.conflicts,
                    ..Conflicts::default()
                },
                ..Policy::default()
            },
            catalogue: Catalogue::bundled(),
            circumstances: &Circumstances::default(),
        })
    }

    /// A whole run; returns what it planned.
    fn run(&mut self, drift: DriftPolicy) -> Planned {
        let planned = self.plan(drift);
        self.ledger.intend(&planned, &self.target, NOW);
        for operation in &planned.plan.operations {
            if matches!(operation.action, Action::Create | Action::Update) {
                let entity = planned.desired[&operation.subject.key].entity.clone();
                self.target.insert_packed(entity);
            }
        }
        self.ledger.settle(&planned, &self.target, NOW);
        planned
    }

    fn host(&self, id: &str) -> Option<String> {
        let held = self.target.get(&EntityKey::new("services", id.to_owned()))?;
        held.body["host"].as_str().map(str::to_owned)
    }
}

fn service(id: &str, host: &str) -> Entity {
    entity("services", json!({"id": id, "name": id, "host": host}))
}

/// A snapshot without an entity.
fn without(side: &Snapshot, kind: &str, id: &str) -> Snapshot {
    let mut rest = Snapshot::default();
    for entity in side
        .iter()
        .filter(|entity| entity.kind.name != kind || *entity.id != *id)
    {
        rest.insert(entity);
    }
    rest
}

fn services(hosts: &[(&str, &str)]) -> Vec<(&'static str, Value)> {
    let body = |(id, host): &(&str, &str)| ("services", json!({"id": id, "name": id, "host": host}));
    hosts.iter().map(body).collect()
}

fn action(planned: &Planned, id: &str) -> Action {
    let mut operations = planned.plan.operations.iter();
    operations
        .find(|operation| *operation.subject.key.id == *id)
        .unwrap()
        .action
}

/// Findings about drift, with the ids of their subjects.
fn findings(planned: &Planned) -> Vec<(&str, &str)> {
    let all = planned.plan.findings.iter();
    let told = all.map(|finding| (finding.id.as_str(), &*finding.subject.key.id));
    told.filter(|(rule, _)| rule.contains("drift")).collect()
}

#[test]
fn every_class_is_told_apart() {
    let ids = ["both", "gone", "left", "removed", "source", "target", "same"];
    let mut world = DriftWorld::migrated(&services(&ids.map(|id| (id, "a"))));
    for id in ["source", "both"] {
        world.source.insert(service(id, "b"));
    }
    for id in ["target", "both"] {
        world.target.insert(service(id, "theirs"));
    }
    world.source.insert(service("new", "a"));
    world.source = without(&world.source, "services", "left");
    world.target = without(&world.target, "services", "removed");
    world.source = without(&world.source, "services", "gone");
    world.target = without(&world.target, "services", "gone");
    for drift in [DriftPolicy::AsConflict, DriftPolicy::Report, DriftPolicy::Correct] {
        let drift = world.plan(drift).drift;
        assert_eq!(
            drift.summary(),
            "1 changed in the source, 1 changed in the target, 1 changed on both sides, 1 new in the source, \
             1 removed from the target, 1 gone from the source"
        );
        assert_eq!(drift.by_another_hand(), 3);
    }
}

#[test]
fn what_a_foreign_hand_made_before_is_no_drift() {
    let mut world = DriftWorld {
        source: snapshot(&services(&[("s", "a")])),
        target: snapshot(&services(&[("s", "theirs"), ("t", "theirs")])),
        ..DriftWorld::default()
    };
    let planned = world.run(DriftPolicy::Report);
    assert_eq!(
        (planned.drift.summary().as_str(), action(&planned, "s")),
        ("", Action::Blocked)
    );
}

#[test]
fn report_leaves_what_somebody_changed_and_syncs_the_rest() {
    let mut world = DriftWorld::migrated(&services(&[("s", "a"), ("t", "a")]));
    world.target.insert(service("s", "theirs"));
    world.source.insert(service("t", "b"));
    let planned = world.run(DriftPolicy::Report);
    assert_eq!(findings(&planned), [("drift-left", "s")]);
    assert_eq!(planned.plan.blocking().count(), 0);
    assert_eq!(
        (action(&planned, "s"), action(&planned, "t")),
        (Action::Skipped, Action::Update)
    );
    assert_eq!(planned.drift.left.len(), 1);
    assert_eq!(
        (world.host("s").as_deref(), world.host("t").as_deref()),
        (Some("theirs"), Some("b"))
    );
    // Also when the conflict policy would overwrite what the migration did not write.
    world.conflicts = ConflictPolicy::Overwrite;
    assert_eq!(action(&world.plan(DriftPolicy::Report), "s"), Action::Skipped);
}

#[test]
fn report_does_not_make_again_what_somebody_removed_and_names_what_waits_for_it() {
    let route = |id: &str| {
        (
            "routes",
            json!({"id": id, "protocols": ["http"], "paths": [format!("/{id}")], "service": {"id": "s"}}),
        )
    };
    let mut entities = services(&[("s", "a"), ("t", "a")]);
    entities.push(route("r"));
    let mut world = DriftWorld::migrated(&entities);
    world.target = without(&without(&world.target, "services", "s"), "routes", "r");
    let (kind, body) = route("new");
    world.source.insert(entity(kind, body));
    for _ in 0..3 {
        let planned = world.run(DriftPolicy::Report);
        assert_eq!(
            findings(&planned),
            [
                ("blocked-by-drift", "new"),
                ("drift-removed", "r"),
                ("drift-removed", "s")
            ]
        );
        assert_eq!(planned.plan.blocking().count(), 0);
        let actions = ["s", "r", "new", "t"].map(|id| action(&planned, id));
        assert_eq!(
            actions,
            [
                Action::Skipped,
                Action::Skipped,
                Action::Blocked,
                Action::Unchanged
            ]
        );
        assert_eq!(planned.drift.count(DriftClass::NewInSource), 0);
    }
    let planned = world.run(DriftPolicy::Correct);
    assert_eq!(planned.plan.count(Action::Create), 3);
    assert_eq!(
        findings(&planned),
        [("drift-corrected", "r"), ("drift-corrected", "s")]
    );
    assert_eq!(world.plan(DriftPolicy::Report).plan.count(Action::Unchanged), 4);
}

#[test]
fn correct_puts_the_sources_content_back_and_keeps_what_was_there() {
    let mut world = DriftWorld::migrated(&services(&[("s", "a")]));
    world.target.insert(service("s", "theirs"));
    let planned = world.run(DriftPolicy::Correct);
    assert_eq!(findings(&planned), [("drift-corrected", "s")]);
    assert_eq!(world.host("s").as_deref(), Some("a"));
    let kept = world
        .ledger
        .get("services", "s")
        .unwrap()
        .corrected
        .as_ref()
        .unwrap();
    assert_eq!(kept["host"], "theirs");
    let quiet = world.run(DriftPolicy::Correct);
    assert_eq!(
        (quiet.plan.writes(), quiet.drift),
        (0, crate::kong::plan::drift::Drift::default())
    );
}

#[test]
fn a_correction_that_is_interrupted_goes_on_under_the_same_hash() {
    let mut world = DriftWorld::migrated(&services(&[("s", "a"), ("t", "a")]));
    world.target.insert(service("s", "theirs"));
    world.target = without(&world.target, "services", "t");
    let first = world.plan(DriftPolicy::Correct);
    assert!(world.ledger.intend(&first, &world.target, NOW));
    assert_eq!(world.plan(DriftPolicy::Correct).plan.hash, first.plan.hash);
    world.target.insert(service("s", "a"));
    assert_eq!(world.plan(DriftPolicy::Correct).plan.hash, first.plan.hash);
}

#[test]
fn what_came_to_be_equal_by_other_hands_follows_its_source_again() {
    let mut world = DriftWorld::migrated(&services(&[("s", "a")]));
    world.target.insert(service("s", "b"));
    world.source.insert(service("s", "b"));
    let equal = world.plan(DriftPolicy::Report);
    assert_eq!(action(&equal, "s"), Action::Unchanged);
    assert!(world.ledger.settle(&equal, &world.target, NOW));
    assert!(!world.ledger.settle(&equal, &world.target, NOW));
    world.source.insert(service("s", "c"));
    let planned = world.run(DriftPolicy::Report);
    assert_eq!(
        (
            action(&planned, "s"),
            planned.drift.count(DriftClass::ChangedInSource)
        ),
        (Action::Update, 1)
    );
}

#[test]
fn what_was_pruned_and_made_again_by_somebody_is_no_drift() {
    let mut world = DriftWorld::migrated(&services(&[("s", "a")]));
    world.source = Snapshot::default();
    assert_eq!(
        world
            .plan(DriftPolicy::Report)
            .drift
            .count(DriftClass::MissingInSource),
        1
    );
    const ENDS: LedgerEnds<'_> = LedgerEnds {
        workspace: "sales",
        control_plane: "cp",
    };
    let mut document = Vec::new();
    world.ledger.write_to(ENDS, &mut document).unwrap();
    let pruned = String::from_utf8(document)
        .unwrap()
        .replace(r#""at":"#, r#""deleted":{},"at":"#);
    world.ledger = Ledger::read_from(ENDS, pruned.as_bytes()).unwrap();
    assert!(world.ledger.get("services", "s").unwrap().is_deleted());
    assert_eq!(
        world
            .plan(DriftPolicy::Report)
            .drift
            .count(DriftClass::MissingInSource),
        0
    );
}

#[test]
fn what_is_gone_from_both_sides_is_forgotten() {
    let mut world = DriftWorld::migrated(&services(&[("s", "a"), ("t", "a")]));
    world.target = without(&world.target, "services", "s");
    world.run(DriftPolicy::Report);
    assert_eq!(world.ledger.len(), 2);
    world.source = without(&world.source, "services", "s");
    world.run(DriftPolicy::Report);
    assert_eq!(world.ledger.len(), 1);
}

#[test]
fn what_was_adopted_under_another_id_keeps_it_when_it_is_made_again() {
    let mut world = DriftWorld {
        source: snapshot(&services(&[("s", "a")])),
        target: snapshot(&[("services", json!({"id": "other", "name": "s", "host": "a"}))]),
        conflicts: ConflictPolicy::Adopt,
        ..DriftWorld::default()
    };
    world.run(DriftPolicy::Report);
    world.target = Snapshot::default();
    assert_eq!(
        findings(&world.run(DriftPolicy::Report)),
        [("drift-removed", "s")]
    );
    world.run(DriftPolicy::Correct);
    assert_eq!(world.host("other").as_deref(), Some("a"));

    // Somebody made it again under an id of their own: that one is the copy from now on.
    world.target = snapshot(&[("services", json!({"id": "third", "name": "s", "host": "a"}))]);
    world.run(DriftPolicy::AsConflict);
    assert_eq!(action(&world.plan(DriftPolicy::Report), "s"), Action::Unchanged);
    assert_eq!(world.ledger.len(), 1);
}

#[test]
fn what_names_a_removed_entity_does_not_halt_the_rest() {
    let plugin = json!({"id": "p", "name": "key-auth", "config": {"anonymous": "c"}});
    let mut world = DriftWorld::migrated(&[
        ("consumers", json!({"id": "c", "username": "c"})),
        ("plugins", plugin),
    ]);
    world.target = without(&world.target, "consumers", "c");
    let planned = world.run(DriftPolicy::Report);
    assert_eq!(
        findings(&planned),
        [("drift-removed", "c"), ("drift-removed-named", "p")]
    );
    assert_eq!(planned.plan.blocking().count(), 0);
}

#[test]
fn a_name_that_a_changed_entity_holds_does_not_halt_the_rest() {
    let mut world = DriftWorld::migrated(&services(&[("s", "a"), ("t", "a")]));
    let renamed = json!({"id": "s", "name": "wanted", "host": "a"});
    world.target.insert(entity("services", renamed));
    world.source.insert(service("wanted", "a"));
    world.source.insert(service("t", "b"));
    let planned = world.run(DriftPolicy::Report);
    assert_eq!(
        findings(&planned),
        [("blocked-by-drift", "wanted"), ("drift-left", "s")]
    );
    assert_eq!(planned.plan.blocking().count(), 0);
    assert_eq!(world.host("t").as_deref(), Some("b"));
    let planned = world.run(DriftPolicy::Correct);
    assert_eq!(
        (action(&planned, "s"), action(&planned, "wanted")),
        (Action::Update, Action::Create)
    );
}

#[test]
fn what_was_not_read_is_not_gone_from_the_source() {
    let mut world = DriftWorld::migrated(&services(&[("a", "a"), ("b", "a")]));
    // The token may not read services any more.
    world.source = Snapshot::default();
    world.source.gaps.push(Gap {
        kind: named("services").unwrap(),
        cause: GapCause::Forbidden,
    });
    let planned = world.plan(DriftPolicy::Report);
    assert_eq!(planned.drift.count(DriftClass::MissingInSource), 0);
}

#[test]
fn what_the_source_has_under_another_id_is_not_gone_from_it() {
    let mut world = DriftWorld::migrated(&services(&[("a", "a")]));
    world.conflicts = ConflictPolicy::Overwrite;
    // Deleted and made again by the same name: its counterpart is adopted.
    world.source = snapshot(&[("services", json!({"id": "b", "name": "a", "host": "a"}))]);
    let planned = world.plan(DriftPolicy::Report);
    assert_eq!(planned.drift.count(DriftClass::MissingInSource), 0);
}
