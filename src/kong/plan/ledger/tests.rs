//! What the ledger knows after each turn that a run can take.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::kong::model::{KongVersion, Snapshot};
use crate::kong::plan::catalogue::Catalogue;
use crate::kong::plan::diff::build_plan;
use crate::kong::plan::document::Planned;
use crate::kong::plan::input::{Circumstances, ConflictPolicy, Conflicts, PlanInput, Policy};
use crate::kong::plan::test_support::snapshot;
use crate::migration::plan::Action;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn plan(source: &Snapshot, target: &Snapshot, ledger: &Ledger, conflicts: ConflictPolicy) -> Planned {
    build_plan(&PlanInput {
        notes: &[],
        source,
        target,
        ledger,
        version: KongVersion::parse("3.9.1"),
        policy: &Policy {
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

fn service(host: &str) -> Snapshot {
    snapshot(&[("services", json!({"id": "s", "host": host}))])
}

fn action(planned: &Planned) -> Action {
    planned.plan.operations[0].action
}

/// A whole run: plan, intend, write all, settle.
fn run(source: &Snapshot, target: &mut Snapshot, ledger: &mut Ledger, conflicts: ConflictPolicy) -> Planned {
    let planned = plan(source, target, ledger, conflicts);
    ledger.intend(&planned, target, NOW);
    for desired in planned.desired.values() {
        target.insert_packed(desired.entity.clone());
    }
    ledger.settle(&planned, target, NOW);
    planned
}

fn entry(ledger: &Ledger) -> Option<&Entry> {
    ledger.get("services", "s")
}

#[test]
fn what_was_created_follows_its_source() {
    let (mut target, mut ledger) = (Snapshot::default(), Ledger::default());
    run(&service("a"), &mut target, &mut ledger, ConflictPolicy::Fail);
    assert_eq!(entry(&ledger).unwrap().origin, Origin::Created);
    let planned = run(&service("b"), &mut target, &mut ledger, ConflictPolicy::Fail);
    assert_eq!(action(&planned), Action::Update);
    assert_eq!(
        planned.plan.operations[0].reason,
        "the source changed: differs in host"
    );
    assert_eq!(entry(&ledger).unwrap().origin, Origin::Created);
    let held = target.iter().next().unwrap();
    assert_eq!(held.body["host"], "b");
    assert!(!ledger.clone().intend(
        &plan(&service("b"), &target, &ledger, ConflictPolicy::Fail),
        &target,
        NOW
    ));
}

#[test]
fn what_somebody_changed_in_the_target_is_left_to_the_conflict_policy() {
    let (mut target, mut ledger) = (Snapshot::default(), Ledger::default());
    run(&service("a"), &mut target, &mut ledger, ConflictPolicy::Fail);
    let changed = service("theirs");
    let with = |conflicts| plan(&service("a"), &changed, &ledger, conflicts);
    let blocked = with(ConflictPolicy::Fail);
    assert_eq!(action(&blocked), Action::Blocked);
    assert!(
        blocked
            .plan
            .findings
            .iter()
            .any(|finding| finding.id == "target-changed")
    );
    assert_eq!(action(&with(ConflictPolicy::Overwrite)), Action::Update);
    assert_eq!(action(&with(ConflictPolicy::Skip)), Action::Skipped);
}

#[test]
fn a_field_that_konnect_adds_later_is_nobodys_change() {
    let (mut target, mut ledger) = (Snapshot::default(), Ledger::default());
    run(&service("a"), &mut target, &mut ledger, ConflictPolicy::Fail);
    let grown = snapshot(&[("services", json!({"id": "s", "host": "a", "brand_new": true}))]);
    let planned = plan(&service("b"), &grown, &ledger, ConflictPolicy::Fail);
    assert_eq!(action(&planned), Action::Update);
}

#[test]
fn a_foreign_entity_is_overwritten_only_when_told_and_keeps_its_before_image() {
    let mut ledger = Ledger::default();
    let mut target = service("theirs");
    let blocked = plan(&service("a"), &target, &ledger, ConflictPolicy::Fail);
    assert_eq!(action(&blocked), Action::Blocked);
    let planned = run(&service("a"), &mut target, &mut ledger, ConflictPolicy::Overwrite);
    assert_eq!(
        planned.plan.operations[0].reason,
        "overwrites what the target has: differs in host"
    );
    run(&service("b"), &mut target, &mut ledger, ConflictPolicy::Fail);
    let Origin::Overwritten {
        before,
        adopted: false,
    } = &entry(&ledger).unwrap().origin
    else {
        panic!("{ledger:?}");
    };
    assert_eq!(before["host"], "theirs");
}

#[test]
fn an_equal_entity_is_adopted_and_saved_before_it_follows_its_source() {
    let mut ledger = Ledger::default();
    let mut target = service("a");
    run(&service("a"), &mut target, &mut ledger, ConflictPolicy::Fail);
    assert_eq!(entry(&ledger).unwrap().origin, Origin::Adopted);
    run(&service("b"), &mut target, &mut ledger, ConflictPolicy::Fail);
    assert!(
        matches!(&entry(&ledger).unwrap().origin, Origin::Overwritten { before, adopted: true } if before["host"] == "a")
    );
}

#[test]
fn a_run_that_dies_after_any_write_goes_on_under_the_same_hash() {
    let (mut target, mut ledger) = (service("a"), Ledger::default());
    target.insert(crate::kong::plan::test_support::entity(
        "services",
        json!({"id": "t", "host": "theirs"}),
    ));
    run(&service("a"), &mut target, &mut ledger, ConflictPolicy::Fail);
    let source = snapshot(&[
        ("services", json!({"id": "s", "host": "b"})),
        ("services", json!({"id": "t", "host": "ours"})),
        ("services", json!({"id": "u", "host": "new"})),
    ]);
    let first = plan(&source, &target, &ledger, ConflictPolicy::Overwrite);
    assert_eq!(
        (first.plan.count(Action::Update), first.plan.count(Action::Create)),
        (2, 1)
    );
    assert!(ledger.intend(&first, &target, NOW));
    for desired in first.desired.values() {
        target.insert_packed(desired.entity.clone());
        let next = plan(&source, &target, &ledger, ConflictPolicy::Overwrite);
        assert_eq!(next.plan.hash, first.plan.hash, "after {}", desired.entity.key());
        assert!(!ledger.intend(&next, &target, NOW), "nothing new is intended");
    }
    assert!(ledger.settle(&first, &target, NOW));
    assert!(
        ledger
            .iter()
            .all(|(_, _, entry)| entry.pending == Pending::Nothing)
    );
}

#[test]
fn an_approval_does_not_reach_to_a_target_that_changed_since() {
    let hash = |target| {
        plan(
            &service("a"),
            &service(target),
            &Ledger::default(),
            ConflictPolicy::Overwrite,
        )
        .plan
        .hash
    };
    assert_ne!(hash("theirs"), hash("theirs too"));
    assert_ne!(
        hash("theirs"),
        plan(
            &service("a"),
            &Snapshot::default(),
            &Ledger::default(),
            ConflictPolicy::Overwrite
        )
        .plan
        .hash
    );
}

#[test]
fn what_was_refused_is_not_taken_into_possession() {
    let theirs = service("theirs");
    let mut ledger = Ledger::default();
    let planned = plan(&service("a"), &theirs, &ledger, ConflictPolicy::Overwrite);
    ledger.intend(&planned, &theirs, NOW);
    ledger.settle(&planned, &theirs, NOW);
    assert!(ledger.is_empty(), "{ledger:?}");

    let planned = plan(&service("a"), &Snapshot::default(), &ledger, ConflictPolicy::Fail);
    ledger.intend(&planned, &Snapshot::default(), NOW);
    assert_eq!(ledger.len(), 1);
    ledger.settle(&planned, &Snapshot::default(), NOW);
    assert!(ledger.is_empty(), "{ledger:?}");

    // What had been adopted stays adopted.
    let mut target = service("a");
    run(&service("a"), &mut target, &mut ledger, ConflictPolicy::Fail);
    let planned = plan(&service("b"), &target, &ledger, ConflictPolicy::Fail);
    ledger.intend(&planned, &target, NOW);
    ledger.settle(&planned, &target, NOW);
    assert_eq!(entry(&ledger).unwrap().origin, Origin::Adopted);
}

#[test]
fn an_entity_that_was_found_under_another_id_is_found_again() {
    let source = snapshot(&[("services", json!({"id": "s", "name": "api", "host": "a"}))]);
    let mut target = snapshot(&[("services", json!({"id": "other", "name": "api", "host": "a"}))]);
    let mut ledger = Ledger::default();
    run(&source, &mut target, &mut ledger, ConflictPolicy::Adopt);
    let renamed = snapshot(&[("services", json!({"id": "s", "name": "api2", "host": "a"}))]);
    let planned = plan(&renamed, &target, &ledger, ConflictPolicy::Fail);
    assert_eq!(action(&planned), Action::Update);
    assert_eq!(planned.plan.operations[0].target_id.as_deref(), Some("other"));
}

#[test]
fn a_renamed_entity_gives_its_name_free() {
    let old = snapshot(&[("services", json!({"id": "s", "name": "cart", "host": "h"}))]);
    let (mut target, mut ledger) = (Snapshot::default(), Ledger::default());
    run(&old, &mut target, &mut ledger, ConflictPolicy::Fail);
    let source = snapshot(&[
        ("services", json!({"id": "s", "name": "basket", "host": "h"})),
        ("services", json!({"id": "n", "name": "cart", "host": "h"})),
    ]);
    for conflicts in [
        ConflictPolicy::Fail,
        ConflictPolicy::Overwrite,
        ConflictPolicy::Adopt,
    ] {
        let planned = plan(&source, &target, &ledger, conflicts);
        let actions: Vec<_> = planned.plan.operations.iter().map(|o| o.action).collect();
        assert_eq!(actions, [Action::Create, Action::Update], "{conflicts:?}");
    }
    let lost = plan(&source, &target, &Ledger::default(), ConflictPolicy::Fail);
    assert!(
        lost.plan
            .findings
            .iter()
            .any(|finding| finding.id == "name-waits-for-update")
    );
}

fn origin() -> impl Strategy<Value = Origin> {
    let before = || prop::collection::btree_map("[a-z]{1,5}", "[a-zé\"\\\\\n]{0,5}", 0..4);
    prop_oneof![
        Just(Origin::Created),
        Just(Origin::Adopted),
        (before(), any::<bool>()).prop_map(|(before, adopted)| Origin::Overwritten {
            before: Box::new(before.into_iter().map(|(k, v)| (k, json!(v))).collect()),
            adopted,
        }),
    ]
}

/// Bodies of which outlines are kept.
fn kinds_of_bodies() -> Vec<(&'static EntityKind, Map<String, Value>)> {
    let body = |kind, body: Value| (named(kind).unwrap(), body.as_object().unwrap().clone());
    vec![
        body("services", json!({"host": "h", "tags": ["b", "a"]})),
        body(
            "routes",
            json!({"sources": [{"ip": "10.0.0.2"}, {"ip": "10.0.0.1", "port": 1}]}),
        ),
        body(
            "plugins",
            json!({"name": "cors", "config": {"methods": ["GET"], "more": {"a": null}}}),
        ),
    ]
}

fn ledger() -> impl Strategy<Value = Ledger> {
    let print = any::<[u8; 16]>().prop_map(ContentFingerprint);
    let seen = prop::option::of((print.clone(), print).prop_map(|(whole, spoken)| Seen { whole, spoken }));
    let pending = prop_oneof![
        Just(Pending::Nothing),
        Just(Pending::Write),
        Just(Pending::Delete)
    ];
    let intended = prop::option::of((0..kinds_of_bodies().len()).prop_map(|number| {
        let (kind, body) = &kinds_of_bodies()[number];
        Intended::of(kind, body)
    }));
    let begun = prop::option::of(any::<[u8; 16]>().prop_map(ContentFingerprint));
    let deleted = prop::option::of(prop::collection::btree_map("[a-z]{1,5}", "[a-zé\"]{0,5}", 0..4));
    let entry = (
        prop::option::of("[a-z]{1,4}"),
        origin(),
        seen,
        pending,
        (intended, begun),
        deleted,
        prop::option::of("[a-z]{1,4}"),
        any::<i64>(),
    )
        .prop_map(
            |(source, origin, seen, pending, (intended, begun), deleted, corrected, at)| Entry {
                source: source.map(String::into_boxed_str),
                origin,
                seen,
                pending,
                intended,
                begun,
                corrected: corrected.map(|host| Box::new(Map::from_iter([("host".to_owned(), json!(host))]))),
                deleted: deleted.map(|body| Box::new(body.into_iter().map(|(k, v)| (k, json!(v))).collect())),
                at,
            },
        );
    let kinds = crate::kong::model::entity_kinds::ENTITY_KINDS;
    prop::collection::vec((0..kinds.len(), "[a-z/]{1,6}", entry), 0..20).prop_map(move |rows| {
        let mut ledger = Ledger::default();
        for (kind, id, entry) in rows {
            ledger.insert(&kinds[kind], &id, entry);
        }
        ledger
    })
}

fn ends<'a>(workspace: &'a str, control_plane: &'a str) -> format::LedgerEnds<'a> {
    format::LedgerEnds {
        workspace,
        control_plane,
    }
}

proptest! {
    #[test]
    fn a_ledger_is_read_as_it_was_written(ledger in ledger()) {
        let mut document = Vec::new();
        ledger.write_to(ends("sales", "cp"), &mut document).unwrap();
        prop_assert_eq!(Ledger::read_from(ends("sales", "cp"), document.as_slice()).unwrap(), ledger);
        prop_assert!(matches!(
            Ledger::read_from(ends("sales", "another"), document.as_slice()),
            Err(format::LedgerError::ControlPlane(_))
        ));
        prop_assert!(matches!(
            Ledger::read_from(ends("another", "cp"), document.as_slice()),
            Err(format::LedgerError::Workspace(other)) if other == "sales"
        ));
    }
}

#[test]
fn what_is_no_ledger_is_refused_without_showing_it() {
    let read = |text: &str| {
        Ledger::read_from(ends("sales", "cp"), text.as_bytes())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(read(""), "line 1: there is none");
    let head = r#"{"format":"gatewaymigration.dev/ledger/v1","controlPlane":"cp"}"#;
    assert_eq!(read(&format!("{head}\n{{\"hunter2\"")), "line 2: it is no entry");
    assert!(read(&head.replace("v1", "v9")).contains("ledger/v9"));
    let old = format!("{head}\n{{\"kind\":\"services\",\"id\":\"s\",\"origin\":\"created\",\"at\":1}}");
    assert_eq!(
        Ledger::read_from(ends("sales", "cp"), old.as_bytes())
            .unwrap()
            .len(),
        1
    );
}

/// A line as commit 55a6ea2 reads it: fields that it does not know are nothing to it, and those that it knows have the values that it knows.
#[derive(serde::Deserialize)]
struct FormerLine {
    kind: String,
    id: String,
    source: Option<String>,
    origin: String,
    before: Option<Map<String, Value>>,
    seen: Option<String>,
    pending: Option<String>,
    corrected: Option<Map<String, Value>>,
    deleted: Option<Map<String, Value>>,
    at: i64,
}

proptest! {
    #[test]
    fn the_former_version_reads_what_is_written_now(ledger in ledger()) {
        let mut document = Vec::new();
        ledger.write_to(ends("sales", "cp"), &mut document).unwrap();
        let text = String::from_utf8(document).unwrap();
        let mut lines = text.lines();
        let head: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
        prop_assert_eq!(&head["format"], "gatewaymigration.dev/ledger/v2");
        let mut entries = ledger.iter();
        for line in lines {
            let line: FormerLine = serde_json::from_str(line).unwrap();
            let (kind, id, entry) = entries.next().unwrap();
            prop_assert_eq!((line.kind.as_str(), line.id.as_str(), line.at), (kind.name, id, entry.at));
            prop_assert_eq!(line.source.as_deref(), entry.source.as_deref());
            let has_before = matches!(line.origin.as_str(), "overwritten" | "adopted-overwritten");
            prop_assert!(has_before || matches!(line.origin.as_str(), "created" | "adopted"));
            prop_assert_eq!(has_before, line.before.is_some());
            prop_assert!(line.seen.is_none_or(|seen| seen.len() == 64));
            prop_assert!(matches!(line.pending.as_deref(), None | Some("write" | "delete")));
            prop_assert_eq!(line.corrected.is_some(), entry.corrected.is_some());
            prop_assert_eq!(line.deleted.is_some(), entry.deleted.is_some());
        }
        prop_assert!(entries.next().is_none());
    }
}
