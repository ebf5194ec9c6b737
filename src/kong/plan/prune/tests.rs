//! What is deleted, what is not, and what is said of it.

mod limit;
mod named;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::kong::model::entity_kinds::named;
use crate::kong::model::{Gap, GapCause, KongVersion, Snapshot};
use crate::kong::plan::catalogue::Catalogue;
use crate::kong::plan::diff::build_plan;
use crate::kong::plan::document::{InSource, PlanEnds, Planned, plan_report};
use crate::kong::plan::input::{
    Circumstances, ConflictPolicy, Conflicts, CustomPlugin, Exclusion, IdPolicy, Policy, PruneLimit,
    Selection,
};
use crate::kong::plan::ledger::Ledger;
use crate::kong::plan::ledger::Pending;
use crate::kong::plan::render::{deck, text};
use crate::kong::plan::rollback::{RollbackInput, build_rollback};
use crate::kong::plan::test_support::{entity, snapshot};
use crate::migration::plan::Action;
use crate::migration::render::terminal::Style;
use crate::migration::render::{diff, json};
use crate::migration::report::Secrets;
use crate::migration::rollback::{ChangedSince, Extent};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// Two sides, a ledger, and what the user decides.
#[derive(Clone, Default)]
struct PruneWorld {
    source: Snapshot,
    target: Snapshot,
    ledger: Ledger,
    policy: Policy,
}

impl PruneWorld {
    /// Everything of the source is migrated.
    fn migrated(source: &[(&str, Value)]) -> Self {
        Self::migrated_under(source, Policy::default())
    }

    fn migrated_under(source: &[(&str, Value)], policy: Policy) -> Self {
        let mut world = Self {
            source: snapshot(source),
            policy: Policy {
                prune: true,
                ..policy
            },
            ..Self::default()
        };
        world.run();
        world
    }

    fn plan(&self) -> Planned {
        build_plan(&PlanInput {
            source: &self.source,
            notes: &[],
            target: &self.target,
            ledger: &self.ledger,
            version: KongVersion::parse("3.9.1"),
            policy: &self.policy,
            catalogue: Catalogue::bundled(),
            circumstances: &Circumstances::default(),
        })
    }

    fn run(&mut self) -> Planned {
        let planned = self.plan();
        self.ledger.intend(&planned, &self.target, NOW);
        for key in planned.deletions.keys() {
            self.target.remove(key);
        }
        for desired in planned.desired.values() {
            self.target.insert_packed(desired.entity.clone());
        }
        self.ledger.settle(&planned, &self.target, NOW);
        planned
    }

    /// The source loses an entity.
    fn lose(&mut self, kind: &str, id: &str) {
        self.source.remove(&named(kind).unwrap().key(id));
    }

    fn deleted(&self) -> Vec<String> {
        let planned = self.plan();
        let operations = planned.plan.operations.iter();
        let deletes = operations.filter(|operation| operation.action == Action::Delete);
        let keys: Vec<_> = deletes
            .map(|operation| operation.subject.key.to_string())
            .collect();
        assert_eq!(keys.len(), planned.deletions.len());
        assert_eq!(planned.plan.count(Action::Delete), keys.len());
        keys
    }

    fn found(&self, rule: &Rule) -> Vec<String> {
        let findings = self.plan().plan.findings;
        let of = findings.iter().filter(|finding| finding.id == rule.id);
        of.map(|finding| finding.subject.key.to_string()).collect()
    }
}

fn shop() -> PruneWorld {
    PruneWorld::migrated(&[
        ("services", json!({"id": "s", "name": "cart", "host": "h"})),
        (
            "routes",
            json!({"id": "r", "paths": ["/r"], "service": {"id": "s"}}),
        ),
        ("services", json!({"id": "t", "name": "stock", "host": "h"})),
    ])
}

#[test]
fn what_the_source_lost_is_deleted_from_the_top_down_and_only_once() {
    let mut world = shop();
    assert!(world.deleted().is_empty());
    world.lose("services", "s");
    world.lose("routes", "r");
    assert_eq!(world.deleted(), ["routes/r", "services/s"]);
    assert_eq!(world.plan().plan.writes(), 2);
    world.run();
    assert_eq!(world.target.len(), 1);
    assert!(world.deleted().is_empty());
    assert_eq!(world.plan().plan.writes(), 0);
}

#[test]
fn without_prune_it_is_told_and_stays() {
    let mut world = shop();
    world.lose("routes", "r");
    world.policy.prune = false;
    assert!(world.deleted().is_empty());
    assert_eq!(world.found(&GONE_FROM_SOURCE), ["routes/r"]);
    // A kind that could not be read is not gone.
    let mut unread = world.clone();
    unread.source.gaps.push(Gap {
        kind: named("routes").unwrap(),
        cause: GapCause::Forbidden,
    });
    assert!(unread.found(&GONE_FROM_SOURCE).is_empty());
    world.policy.prune = true;
    assert!(world.found(&GONE_FROM_SOURCE).is_empty());
}

#[test]
fn nothing_is_deleted_while_any_kind_is_unread() {
    for cause in [GapCause::Forbidden, GapCause::Failed("500".into())] {
        let mut world = shop();
        world.lose("routes", "r");
        world.source.gaps.push(Gap {
            kind: named("rbac_users").unwrap(),
            cause,
        });
        assert!(world.deleted().is_empty());
        assert_eq!(world.found(&PRUNE_SOURCE_UNREAD), ["rbac_users/*"]);
    }
}

#[test]
fn a_kind_that_the_source_lists_no_more_keeps_its_entities_and_those_below_it() {
    let mut world = PruneWorld::migrated(&[
        ("consumer_groups", json!({"id": "g", "name": "gold"})),
        ("consumers", json!({"id": "c", "username": "u"})),
        (
            "consumer_group_members",
            json!({"consumer_group": {"id": "g"}, "consumer": {"id": "c"}}),
        ),
        ("services", json!({"id": "s", "host": "h"})),
        ("services", json!({"id": "t", "host": "h"})),
    ]);
    for (kind, id) in [
        ("consumer_groups", "g"),
        ("consumer_group_members", "g/c"),
        ("services", "s"),
    ] {
        world.lose(kind, id);
    }
    world.source.gaps.push(Gap {
        kind: named("consumer_groups").unwrap(),
        cause: GapCause::Absent,
    });
    assert_eq!(world.deleted(), ["services/s"]);
    assert_eq!(
        world.found(&PRUNE_KIND_ABSENT),
        ["consumer_group_members/g/c", "consumer_groups/g"]
    );
}

#[test]
fn a_source_that_lists_nothing_deletes_nothing() {
    let mut world = shop();
    world.source = Snapshot::default();
    assert!(world.deleted().is_empty());
    assert_eq!(world.found(&PRUNE_SOURCE_EMPTY), ["workspaces/*"]);
    // Of another workspace as well.
    let shared = json!({"id": "a", "cert": "c"});
    world.source.insert(entity("ca_certificates", shared));
    assert!(world.deleted().is_empty());
}

#[test]
fn what_somebody_changed_in_the_target_is_deleted_only_when_the_source_has_the_last_word() {
    let mut world = shop();
    world.lose("services", "t");
    let theirs = json!({"id": "t", "name": "stock", "host": "theirs"});
    world.target.insert(entity("services", theirs));
    assert!(world.deleted().is_empty());
    assert_eq!(world.found(&PRUNE_TARGET_CHANGED), ["services/t"]);
    let services = [("services".to_owned(), ConflictPolicy::Overwrite)];
    let mut managed = world.clone();
    world.policy.conflicts = Conflicts {
        by_kind: services.into(),
        ..Conflicts::default()
    };
    assert_eq!(world.deleted(), ["services/t"]);
    // What Konnect manages is nobody's to delete.
    managed.policy = world.policy.clone();
    let theirs = json!({"id": "t", "name": "stock", "host": "h", "tags": ["konnect-managed"]});
    managed.target.insert(entity("services", theirs));
    assert!(managed.deleted().is_empty());
}

#[test]
fn what_was_there_before_is_left_alone_and_named() {
    let there = json!({"id": "s", "host": "h"});
    let mut world = PruneWorld {
        source: snapshot(&[
            ("services", there.clone()),
            ("services", json!({"id": "o", "host": "ours"})),
        ]),
        target: snapshot(&[
            ("services", there),
            ("services", json!({"id": "o", "host": "theirs"})),
        ]),
        policy: Policy {
            prune: true,
            conflicts: Conflicts {
                default: ConflictPolicy::Overwrite,
                ..Conflicts::default()
            },
            ..Policy::default()
        },
        ..PruneWorld::default()
    };
    world.run();
    world.source = snapshot(&[("services", json!({"id": "new", "host": "h"}))]);
    assert!(world.deleted().is_empty());
    assert_eq!(world.found(&PRUNE_NOT_CREATED), ["services/o", "services/s"]);
}

#[test]
fn what_a_foreign_entity_refers_to_stays_and_with_it_what_it_refers_to() {
    let mut world = PruneWorld::migrated(&[
        ("certificates", json!({"id": "x", "cert": "c", "key": "k"})),
        (
            "services",
            json!({"id": "s", "host": "h", "client_certificate": {"id": "x"}}),
        ),
        ("consumers", json!({"id": "c", "username": "u"})),
        ("consumers", json!({"id": "d", "username": "v"})),
    ]);
    for (kind, id) in [("certificates", "x"), ("services", "s"), ("consumers", "c")] {
        world.lose(kind, id);
    }
    let theirs = json!({"id": "theirs", "paths": ["/t"], "service": {"id": "s"}});
    world.target.insert(entity("routes", theirs));
    // A delete of its consumer would take it along.
    let key = json!({"id": "k", "key": "hunter2", "consumer": {"id": "c"}});
    world.target.insert(entity("key-auths", key));
    assert!(world.deleted().is_empty());
    assert_eq!(
        world.found(&PRUNE_STILL_REFERENCED),
        ["certificates/x", "consumers/c", "services/s"]
    );
}

#[test]
fn what_the_run_points_elsewhere_is_waited_for() {
    let mut world = shop();
    world.lose("services", "s");
    let moved = json!({"id": "r", "paths": ["/r"], "service": {"id": "t"}});
    world.source.insert(entity("routes", moved));
    let planned = world.plan();
    let deletion = planned.deletions.values().next().unwrap();
    assert_eq!(deletion.subject.key.to_string(), "services/s");
    let released: Vec<_> = deletion.released_by.iter().map(ToString::to_string).collect();
    assert_eq!(
        (released, deletion.makes_room),
        (vec!["routes/r".to_owned()], false)
    );
}

#[test]
fn a_name_that_moved_to_a_new_entity_goes_in_one_pass_with_what_hangs_on_it() {
    let mut world = shop();
    world.lose("services", "s");
    world.lose("routes", "r");
    let (service, route) = (
        json!({"id": "n", "name": "cart", "host": "h"}),
        json!({"id": "q", "paths": ["/r"], "service": {"id": "n"}}),
    );
    world.source.insert(entity("services", service));
    world.source.insert(entity("routes", route));
    let planned = world.plan();
    assert_eq!(planned.plan.count(Action::Create), 2);
    assert_eq!(world.deleted(), ["routes/r", "services/s"]);
    assert!(planned.deletions.values().all(|deletion| deletion.makes_room));
    world.run();
    assert_eq!(world.plan().plan.writes(), 0);
    assert_eq!(world.target.len(), 3);
}

#[test]
fn a_name_that_moved_to_an_older_entity_goes_in_one_pass() {
    let mut world = shop();
    world.lose("services", "s");
    world.lose("routes", "r");
    let renamed = json!({"id": "t", "name": "cart", "host": "h"});
    world.source.insert(entity("services", renamed));
    let planned = world.plan();
    assert_eq!(planned.plan.count(Action::Update), 1);
    assert!(planned.deletions.values().all(|deletion| deletion.makes_room));
}

#[test]
fn a_holder_that_something_needs_makes_no_room() {
    let mut world = shop();
    world.lose("services", "s");
    let service = json!({"id": "n", "name": "cart", "host": "h"});
    let moved = json!({"id": "r", "paths": ["/r"], "service": {"id": "n"}});
    world.source.insert(entity("services", service));
    world.source.insert(entity("routes", moved));
    assert!(world.deleted().is_empty());
    let findings = world.plan().plan.findings;
    assert!(
        findings.iter().any(|finding| finding.id == "name-taken"),
        "{findings:?}"
    );
}

#[test]
fn what_the_selection_leaves_out_is_not_deleted_but_told() {
    let mut world = shop();
    world.policy.select = Selection {
        exclude: vec![Exclusion {
            kind: "services".into(),
            name: Some("stock".into()),
        }],
        ..Selection::default()
    };
    assert!(world.deleted().is_empty());
    assert_eq!(world.found(&PRUNE_DESELECTED), ["services/t"]);
}

#[test]
fn entities_under_other_ids_are_known_by_those_of_the_source() {
    let derived = Policy {
        ids: IdPolicy::Derive {
            control_plane: "cp".into(),
        },
        ..Policy::default()
    };
    let mut world = PruneWorld::migrated_under(
        &[
            ("consumer_groups", json!({"id": "g", "name": "gold"})),
            ("consumers", json!({"id": "c", "username": "u"})),
            (
                "consumer_group_members",
                json!({"consumer_group": {"id": "g"}, "consumer": {"id": "c"}}),
            ),
            ("upstreams", json!({"id": "u", "name": "u"})),
            (
                "targets",
                json!({"id": "t", "target": "a:1", "upstream": {"id": "u"}}),
            ),
        ],
        derived,
    );
    assert!(world.deleted().is_empty());
    for (kind, id) in [("consumer_group_members", "g/c"), ("targets", "t")] {
        world.lose(kind, id);
    }
    let there: Vec<_> = world
        .plan()
        .deletions
        .into_values()
        .map(|deletion| deletion.source.unwrap())
        .collect();
    let place = |id: &str, parent: &str| InSource {
        id: id.into(),
        parent: Some(parent.into()),
    };
    assert_eq!(there, [place("c", "g"), place("t", "u")]);
}

#[test]
fn a_schema_goes_with_its_last_plugin() {
    let given = CustomPlugin {
        name: "our-own".into(),
        schema: "return { name = 'our-own', fields = {} }".into(),
        files: Vec::new(),
    };
    let with_schema = Policy {
        custom_plugins: vec![given],
        ..Policy::default()
    };
    let mut world = PruneWorld::migrated_under(
        &[
            ("plugins", json!({"id": "p", "name": "our-own", "config": {}})),
            ("services", json!({"id": "s", "host": "h"})),
        ],
        with_schema,
    );
    assert_eq!(world.target.len(), 3);
    world.lose("plugins", "p");
    world.policy.custom_plugins.clear();
    assert_eq!(world.deleted(), ["plugins/p", "plugin-schemas/our-own"]);
}

#[test]
fn a_run_that_dies_after_any_delete_goes_on_under_the_same_hash() {
    let mut world = shop();
    world.lose("services", "s");
    world.lose("routes", "r");
    let planned = world.plan();
    assert!(world.ledger.intend(&planned, &world.target, NOW));
    for operation in planned
        .plan
        .operations
        .iter()
        .filter(|one| one.action == Action::Delete)
    {
        world.target.remove(&operation.subject.key);
        let next = world.plan();
        assert_eq!(next.plan.hash, planned.plan.hash, "after {}", operation.subject);
        assert!(
            !world.ledger.intend(&next, &world.target, NOW),
            "nothing new is intended"
        );
    }
    assert!(world.ledger.settle(&planned, &world.target, NOW));
    let entry = world.ledger.get("services", "s").unwrap();
    assert!(entry.is_deleted());
    assert_eq!(entry.deleted.as_ref().unwrap()["name"], "cart");
}

#[test]
fn an_approval_of_a_delete_does_not_reach_to_another_content() {
    let mut world = shop();
    world.lose("services", "t");
    world.policy.conflicts.default = ConflictPolicy::Overwrite;
    let before = world.plan().plan.hash;
    let theirs = json!({"id": "t", "name": "stock", "host": "theirs"});
    world.target.insert(entity("services", theirs));
    assert_ne!(world.plan().plan.hash, before);
}

#[test]
fn a_delete_that_did_not_happen_leaves_the_ledger_as_it_was() {
    let mut world = shop();
    let before = world.ledger.clone();
    world.lose("services", "t");
    let planned = world.plan();
    world.ledger.intend(&planned, &world.target, NOW);
    assert_eq!(
        world.ledger.get("services", "t").unwrap().pending,
        Pending::Delete
    );
    world.ledger.settle(&planned, &world.target, NOW);
    assert_eq!(world.ledger, before);
}

#[test]
fn what_comes_back_is_the_migrations_again_and_what_another_makes_is_not() {
    let mut world = shop();
    world.lose("services", "t");
    world.run();
    let again = entity("services", json!({"id": "t", "name": "stock", "host": "again"}));
    // The source has it again.
    let mut ours = world.clone();
    ours.source.insert(again.clone());
    assert_eq!(ours.plan().plan.count(Action::Create), 1);
    ours.run();
    let entry = ours.ledger.get("services", "t").unwrap();
    assert_eq!((&entry.origin, &entry.deleted), (&Origin::Created, &None));
    // Somebody else has made it.
    world.target.insert(again);
    assert!(world.deleted().is_empty());
    let undone = build_rollback(&RollbackInput {
        ledger: &world.ledger,
        target: &world.target,
        extent: Extent::Everything,
        changed: ChangedSince::Undo,
    });
    let undone: Vec<_> = undone
        .steps
        .iter()
        .map(|step| step.subject.key.to_string())
        .collect();
    assert_eq!(undone, ["routes/r", "services/s"]);
    world.run();
    assert_eq!(world.ledger.get("services", "t"), None);
}

#[test]
fn of_what_was_deleted_only_so_much_is_kept() {
    let mut world = shop();
    let many: Vec<_> = (0..Ledger::MOST_DELETED + 5)
        .map(|number| {
            entity(
                "consumers",
                json!({"id": format!("c{number}"), "username": format!("u{number}")}),
            )
        })
        .collect();
    for consumer in &many {
        world.source.insert(consumer);
    }
    world.run();
    world.policy.prune_limit = PruneLimit::Percent(100);
    for consumer in &many {
        world.source.remove(&consumer.key());
    }
    world.run();
    let kept = world.ledger.iter().filter(|(_, _, entry)| entry.is_deleted());
    assert_eq!(kept.count(), Ledger::MOST_DELETED);
}

#[test]
fn every_form_of_a_plan_shows_what_goes() {
    let mut world = shop();
    world.lose("services", "t");
    let planned = world.plan();
    assert!(
        planned.plan.summary().contains("1 to delete"),
        "{}",
        planned.plan.summary()
    );
    let report = plan_report(&planned, PlanEnds::default(), Secrets::Masked);
    let style = Style {
        colour: false,
        full: false,
    };
    let shown = [
        (
            text::terminal(&report, style),
            "  - stock t: the source has it no more (delete)",
        ),
        (
            diff::render(&report),
            "- services/stock (t) (the source has it no more)",
        ),
        (
            text::markdown(&report),
            "| delete | services | stock | `t` | the source has it no more |",
        ),
        (json::render(&report).unwrap(), "\"Delete\": 1"),
    ];
    for (text, line) in shown {
        assert!(text.contains(line), "{line}\nis not in\n{text}");
    }
    let deck = deck::render(&report).unwrap();
    assert!(!deck.contains("stock"), "{deck}");
}
