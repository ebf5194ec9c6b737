//! What the planner decides, case by case.

use serde_json::json;

use super::*;
use crate::kong::model::{Gap, GapCause, Snapshot, entity_kinds};
use crate::kong::plan::catalogue::Catalogue;
use crate::kong::plan::input::{
    Change, Circumstances, ConflictPolicy, Conflicts, Exclusion, IdPolicy, Policy, Selection, Transform,
};
use crate::kong::plan::ledger::Ledger;
use crate::kong::plan::planner_rules::RULES;
use crate::kong::plan::preflight::references::NAMED_ENTITY_LEFT_BEHIND;
use crate::kong::plan::preset::Preset;
use crate::kong::plan::test_support::snapshot;

fn plan(source: &Snapshot, target: &Snapshot) -> Planned {
    build_plan(&PlanInput {
        notes: &[],
        source,
        target,
        ledger: &Ledger::default(),
        version: KongVersion::parse("3.9.1"),
        policy: &Policy::default(),
        catalogue: Catalogue::bundled(),
        circumstances: &Circumstances::default(),
    })
}

fn fates(planned: &Planned) -> Vec<(String, Action)> {
    planned
        .plan
        .operations
        .iter()
        .map(|o| (o.subject.key.to_string(), o.action))
        .collect()
}

/// Ids of the planner's own findings; those of preflight have their own tests.
fn finding_ids(planned: &Planned) -> Vec<&str> {
    planned
        .plan
        .findings
        .iter()
        .filter(|finding| RULES.iter().any(|rule| rule.id == finding.id))
        .map(|f| f.id.as_str())
        .collect()
}

#[test]
fn parents_come_before_children() {
    let source = snapshot(&[
        (
            "plugins",
            json!({"id": "p", "name": "cors", "route": {"id": "r"}, "config": {}}),
        ),
        ("routes", json!({"id": "r", "service": {"id": "s"}})),
        ("services", json!({"id": "s", "host": "h"})),
    ]);
    let planned = plan(&source, &Snapshot::default());
    let order: Vec<_> = fates(&planned).into_iter().map(|(key, _)| key).collect();
    assert_eq!(order, ["services/s", "routes/r", "plugins/p"]);
    assert_eq!(planned.plan.count(Action::Create), 3);
}

#[test]
fn an_equal_entity_in_the_target_is_left_alone() {
    let source = snapshot(&[("services", json!({"id": "s", "host": "h"}))]);
    let target = snapshot(&[("services", json!({"id": "s", "host": "h", "tls_sans": null}))]);
    assert_eq!(
        fates(&plan(&source, &target)),
        [("services/s".into(), Action::Unchanged)]
    );
}

#[test]
fn a_differing_entity_that_is_not_ours_is_left_and_its_children_go_on() {
    let source = snapshot(&[
        ("services", json!({"id": "s", "host": "new"})),
        ("routes", json!({"id": "r", "service": {"id": "s"}})),
    ]);
    let target = snapshot(&[("services", json!({"id": "s", "host": "old"}))]);
    let planned = plan(&source, &target);
    assert_eq!(
        fates(&planned),
        [
            ("services/s".into(), Action::Blocked),
            ("routes/r".into(), Action::Create)
        ]
    );
    assert_eq!(finding_ids(&planned), ["target-differs"]);
    assert_eq!(planned.plan.operations[0].changes[0].field, "host");
    assert!(
        !planned
            .desired
            .contains_key(&planned.plan.operations[0].subject.key)
    );
}

#[test]
fn a_name_held_by_a_foreign_entity_blocks_it_and_what_depends_on_it() {
    let source = snapshot(&[
        ("services", json!({"id": "s", "name": "api", "host": "h"})),
        ("services", json!({"id": "t", "name": "other", "host": "h"})),
        ("routes", json!({"id": "r", "service": {"id": "s"}})),
    ]);
    let target = snapshot(&[("services", json!({"id": "foreign", "name": "api", "host": "h"}))]);
    let planned = plan(&source, &target);
    let blocked = |key: &str| (key.to_owned(), Action::Blocked);
    assert_eq!(
        fates(&planned),
        [
            blocked("services/s"),
            ("services/t".into(), Action::Create),
            blocked("routes/r")
        ]
    );
    assert_eq!(finding_ids(&planned), ["blocked-by-dependency", "name-taken"]);
    assert!(planned.plan.findings[1].observed.contains("services/foreign"));
}

#[test]
fn a_plugin_is_unique_by_name_and_whole_scope() {
    let source = snapshot(&[
        (
            "plugins",
            json!({"id": "a", "name": "cors", "config": {}, "service": null}),
        ),
        (
            "plugins",
            json!({"id": "b", "name": "cors", "config": {}, "service": {"id": "s"}}),
        ),
        ("services", json!({"id": "s", "host": "h"})),
    ]);
    let target = snapshot(&[("plugins", json!({"id": "foreign", "name": "cors", "config": {}}))]);
    let planned = plan(&source, &target);
    assert_eq!(
        fates(&planned)[1..],
        [
            ("plugins/a".into(), Action::Blocked),
            ("plugins/b".into(), Action::Create)
        ]
    );
}

#[test]
fn a_secret_that_clashes_is_not_shown() {
    let consumer = ("consumers", json!({"id": "c", "username": "u"}));
    let source = snapshot(&[
        consumer.clone(),
        (
            "key-auths",
            json!({"id": "k", "key": "canary", "consumer": {"id": "c"}}),
        ),
    ]);
    let target = snapshot(&[
        consumer,
        (
            "key-auths",
            json!({"id": "x", "key": "canary", "consumer": {"id": "c"}}),
        ),
    ]);
    let planned = plan(&source, &target);
    assert_eq!(finding_ids(&planned), ["name-taken"]);
    assert!(!serde_json::to_string(&planned.plan).unwrap().contains("canary"));
}

#[test]
fn a_dangling_reference_is_named() {
    let source = snapshot(&[("routes", json!({"id": "r", "service": {"id": "gone"}}))]);
    assert_eq!(
        finding_ids(&plan(&source, &Snapshot::default())),
        ["reference-missing"]
    );
}

#[test]
fn a_plugin_that_stays_behind_takes_nothing_with_it() {
    let source = snapshot(&[
        (
            "plugins",
            json!({"id": "o", "name": "oauth2", "config": {}, "service": {"id": "s"}}),
        ),
        ("services", json!({"id": "s", "host": "h"})),
    ]);
    let planned = plan(&source, &Snapshot::default());
    assert_eq!(
        fates(&planned),
        [
            ("services/s".into(), Action::Create),
            ("plugins/o".into(), Action::StaysBehind)
        ]
    );
}

#[test]
fn a_forbidden_kind_is_critical_and_an_absent_one_is_nothing() {
    let gap = |cause| Gap {
        kind: entity_kinds::named("partials").unwrap(),
        cause,
    };
    let forbidden = Snapshot {
        gaps: vec![gap(GapCause::Forbidden)],
        ..Snapshot::default()
    };
    assert_eq!(
        plan(&forbidden, &Snapshot::default()).plan.critical().unwrap().id,
        "kind-unreadable"
    );
    let absent = Snapshot {
        gaps: vec![gap(GapCause::Absent)],
        ..Snapshot::default()
    };
    assert!(finding_ids(&plan(&absent, &Snapshot::default())).is_empty());
}

#[test]
fn the_hash_moves_with_either_side_and_with_secrets() {
    let consumer = ("consumers", json!({"id": "c", "username": "u"}));
    let key = |key: &str| {
        (
            "key-auths",
            json!({"id": "k", "key": key, "consumer": {"id": "c"}}),
        )
    };
    let hash = |source: &Snapshot, target: &Snapshot| plan(source, target).plan.hash;
    let one = snapshot(&[consumer.clone(), key("one")]);
    let two = snapshot(&[consumer.clone(), key("two")]);
    let foreign = snapshot(&[("services", json!({"id": "x", "host": "h"}))]);
    assert_eq!(hash(&one, &Snapshot::default()), hash(&one, &Snapshot::default()));
    assert_ne!(hash(&one, &Snapshot::default()), hash(&two, &Snapshot::default()));
    assert_ne!(hash(&one, &Snapshot::default()), hash(&one, &foreign));
}

fn plan_with(source: &Snapshot, target: &Snapshot, policy: &Policy) -> Planned {
    build_plan(&PlanInput {
        notes: &[],
        source,
        target,
        ledger: &Ledger::default(),
        version: KongVersion::parse("3.9.1"),
        policy,
        catalogue: Catalogue::bundled(),
        circumstances: &Circumstances::default(),
    })
}

fn conflicts(default: ConflictPolicy) -> Policy {
    Policy {
        conflicts: Conflicts {
            default,
            ..Conflicts::default()
        },
        ..Policy::default()
    }
}

/// A service that the target has under another id, and a route that refers to it.
fn clashing(host: &str) -> (Snapshot, Snapshot) {
    let source = snapshot(&[
        ("services", json!({"id": "s", "name": "api", "host": "h"})),
        ("routes", json!({"id": "r", "service": {"id": "s"}})),
    ]);
    (
        source,
        snapshot(&[("services", json!({"id": "foreign", "name": "api", "host": host}))]),
    )
}

#[test]
fn an_equal_entity_is_adopted_and_references_follow() {
    let (source, target) = clashing("h");
    let planned = plan_with(&source, &target, &conflicts(ConflictPolicy::Adopt));
    assert_eq!(
        fates(&planned),
        [
            ("services/s".into(), Action::Unchanged),
            ("routes/r".into(), Action::Create)
        ]
    );
    assert_eq!(planned.plan.operations[0].target_id.as_deref(), Some("foreign"));
    let route = planned
        .desired
        .values()
        .find(|desired| desired.entity.kind.name == "routes")
        .unwrap();
    assert_eq!(route.body()["service"], json!({"id": "foreign"}));
}

#[test]
fn what_differs_is_not_adopted_and_overwritten_only_when_told() {
    let (source, target) = clashing("other");
    let adopt = plan_with(&source, &target, &conflicts(ConflictPolicy::Adopt));
    assert_eq!(finding_ids(&adopt), ["adopt-differs", "blocked-by-dependency"]);
    let overwrite = plan_with(&source, &target, &conflicts(ConflictPolicy::Overwrite));
    assert_eq!(
        fates(&overwrite),
        [
            ("services/s".into(), Action::Update),
            ("routes/r".into(), Action::Create)
        ]
    );
    assert_eq!(finding_ids(&overwrite), ["target-overwritten"]);
}

#[test]
fn a_skipped_entity_takes_its_dependants_with_it() {
    let (source, target) = clashing("other");
    let planned = plan_with(&source, &target, &conflicts(ConflictPolicy::Skip));
    assert_eq!(
        fates(&planned),
        [
            ("services/s".into(), Action::Skipped),
            ("routes/r".into(), Action::Blocked)
        ]
    );
    assert_eq!(
        finding_ids(&planned),
        ["blocked-by-dependency", "skipped-by-policy"]
    );
}

#[test]
fn derived_ids_carry_references_but_no_passwords() {
    let source = snapshot(&[
        ("consumers", json!({"id": "c", "username": "u"})),
        ("acls", json!({"id": "a", "group": "g", "consumer": {"id": "c"}})),
        (
            "basic-auths",
            json!({"id": "b", "username": "u", "password": "hash", "consumer": {"id": "c"}}),
        ),
    ]);
    let policy = Policy {
        ids: IdPolicy::Derive {
            control_plane: "cp".into(),
        },
        ..Policy::default()
    };
    let planned = plan_with(&source, &Snapshot::default(), &policy);
    assert_eq!(
        fates(&planned),
        [
            ("consumers/c".into(), Action::Create),
            ("acls/a".into(), Action::Create),
            ("basic-auths/b".into(), Action::StaysBehind)
        ]
    );
    assert_eq!(finding_ids(&planned), ["password-not-movable"]);
    let entity = |kind: &str| {
        planned
            .desired
            .values()
            .find(|desired| desired.entity.kind.name == kind)
            .unwrap()
    };
    assert_eq!(
        entity("acls").body()["consumer"]["id"],
        json!(&*entity("consumers").entity.id)
    );
    assert_ne!(&*entity("consumers").entity.id, "c");
}

#[test]
fn an_excluded_dependency_is_named() {
    let source = snapshot(&[
        ("services", json!({"id": "s", "name": "api", "host": "h"})),
        ("routes", json!({"id": "r", "service": {"id": "s"}})),
    ]);
    let exclude = vec![Exclusion {
        kind: "services".into(),
        name: Some("api".into()),
    }];
    let policy = Policy {
        select: Selection {
            exclude,
            ..Selection::default()
        },
        ..Policy::default()
    };
    let planned = plan_with(&source, &Snapshot::default(), &policy);
    assert_eq!(
        fates(&planned),
        [
            ("services/s".into(), Action::NotSelected),
            ("routes/r".into(), Action::Blocked)
        ]
    );
    assert_eq!(finding_ids(&planned), ["dependency-excluded"]);
}

#[test]
fn an_excluded_name_is_told_unless_a_transform_replaces_it() {
    let source = snapshot(&[
        ("consumers", json!({"id": "c", "username": "guest"})),
        (
            "plugins",
            json!({"id": "p", "name": "key-auth", "config": {"anonymous": "guest", "key_names": ["k"]}}),
        ),
    ]);
    let mut policy = Policy {
        select: Selection {
            kinds: vec!["plugins".into()],
            exclude: vec![Exclusion {
                kind: "consumers".into(),
                name: Some("guest".into()),
            }],
            ..Selection::default()
        },
        ..Policy::default()
    };
    let told = |policy: &Policy| {
        let planned = plan_with(&source, &Snapshot::default(), policy);
        let found = planned.plan.findings.into_iter();
        found
            .filter(|finding| finding.id == NAMED_ENTITY_LEFT_BEHIND.id)
            .map(|finding| finding.observed)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        told(&policy),
        ["config.anonymous names consumers/c, which is not moved"]
    );
    let nobody = json!([{"op": "remove", "path": "/config/anonymous"}]);
    policy.transforms = vec![Transform {
        kind: "plugins".into(),
        name: None,
        tags: Vec::new(),
        change: Change::Patch(serde_json::from_value(nobody).unwrap()),
        reason: "nobody comes unnamed".into(),
    }];
    assert!(told(&policy).is_empty());
}

#[test]
fn a_transform_makes_an_unsupported_value_movable() {
    let source = snapshot(&[(
        "plugins",
        json!({"id": "p", "name": "rate-limiting", "config": {"policy": "cluster", "minute": 5}}),
    )]);
    let transform = |kind: &str| Transform {
        kind: kind.into(),
        name: Some("rate-limiting".into()),
        tags: Vec::new(),
        change: Change::Patch(
            serde_json::from_value(json!([{"op": "replace", "path": "/config/policy", "value": "local"}]))
                .unwrap(),
        ),
        reason: "counters per node are fine".into(),
    };
    let policy = Policy {
        transforms: vec![transform("plugins"), transform("routes")],
        ..Policy::default()
    };
    let planned = plan_with(&source, &Snapshot::default(), &policy);
    assert_eq!(fates(&planned), [("plugins/p".into(), Action::Create)]);
    assert_eq!(finding_ids(&planned), ["transform-unused", "transformed"]);
    let desired = planned.desired.values().next().unwrap();
    assert_eq!(desired.body()["config"]["policy"], json!("local"));
}

#[test]
fn a_host_that_was_the_name_of_an_upstream_is_not_moved_in_silence() {
    let source = snapshot(&[
        (
            "services",
            json!({"id": "s", "name": "api", "host": "pool.example.com"}),
        ),
        (
            "services",
            json!({"id": "t", "name": "other", "host": "plain.example.com"}),
        ),
        ("upstreams", json!({"id": "u", "name": "pool.example.com"})),
    ]);
    let policy = Policy {
        transforms: vec![Transform {
            kind: "services".into(),
            name: None,
            tags: Vec::new(),
            change: Change::Preset(Preset::HostSuffix {
                from: "example.com".into(),
                to: "example.net".into(),
            }),
            reason: "the new domain".into(),
        }],
        ..Policy::default()
    };
    let planned = plan_with(&source, &Snapshot::default(), &policy);
    let mut told = planned.plan.findings.iter();
    let finding = told.find(|finding| finding.id == "transform-drops-name").unwrap();
    assert_eq!(&*finding.subject.key.id, "s");
    assert_eq!(finding.observed, "host named upstreams/u before the transforms");
    assert!(told.all(|finding| finding.id != "transform-drops-name"));
}
