//! What a rollback does to each sort of entity.

use jiff::Timestamp;

use super::*;
use crate::kong::model::KongVersion;
use crate::kong::plan::diff::build_plan;
use crate::kong::plan::input::{Circumstances, ConflictPolicy, Conflicts, PlanInput, Policy};
use crate::kong::plan::test_support::{entity, snapshot};

/// A target after a migration, and its ledger.
struct Migrated {
    target: Snapshot,
    ledger: Ledger,
}

fn migrated(source: &Snapshot, target: &Snapshot) -> Migrated {
    let mut migrated = Migrated {
        target: target.clone(),
        ledger: Ledger::default(),
    };
    migrated.run(source);
    migrated
}

impl Migrated {
    fn run(&mut self, source: &Snapshot) {
        let planned = build_plan(&PlanInput {
            notes: &[],
            source,
            target: &self.target,
            ledger: &self.ledger,
            version: KongVersion::parse("3.9.1"),
            policy: &Policy {
                conflicts: Conflicts {
                    default: ConflictPolicy::Overwrite,
                    ..Conflicts::default()
                },
                ..Policy::default()
            },
            catalogue: Catalogue::bundled(),
            circumstances: &Circumstances::default(),
        });
        self.ledger.intend(&planned, &self.target, Timestamp::UNIX_EPOCH);
        for desired in planned.desired.values() {
            self.target.insert_packed(desired.entity.clone());
        }
        self.ledger.settle(&planned, &self.target, Timestamp::UNIX_EPOCH);
    }

    fn put(&mut self, kind: &str, body: Value) {
        self.target.insert(entity(kind, body));
    }

    fn rollback(&self) -> Rollback {
        self.rollback_with(Extent::Everything, ChangedSince::Keep)
    }

    fn rollback_with(&self, extent: Extent, changed: ChangedSince) -> Rollback {
        build_rollback(&RollbackInput {
            ledger: &self.ledger,
            target: &self.target,
            extent,
            changed,
        })
    }
}

fn steps(rollback: &Rollback) -> Vec<String> {
    let shown = |step: &RollbackStep| format!("{:?} {}", step.undo, step.subject.key);
    rollback.steps.iter().map(shown).collect()
}

fn findings(rollback: &Rollback) -> Vec<String> {
    let shown = |finding: &Finding| format!("{} {}", finding.id, finding.subject.key);
    rollback.findings.iter().map(shown).collect()
}

fn service(host: &str) -> (&'static str, Value) {
    ("services", json!({"id": "s", "name": "cart", "host": host}))
}

const ROUTE: &str = "routes";

fn route(id: &str) -> (&'static str, Value) {
    (ROUTE, json!({"id": id, "service": {"id": "s"}}))
}

#[test]
fn what_was_created_is_deleted_downwards_and_what_was_overwritten_is_restored() {
    let source = snapshot(&[
        service("h"),
        route("r"),
        ("upstreams", json!({"id": "u", "name": "ours"})),
        ("consumers", json!({"id": "c", "username": "u"})),
    ]);
    let theirs = snapshot(&[("upstreams", json!({"id": "u", "name": "theirs"}))]);
    let rollback = migrated(&source, &theirs).rollback();
    assert_eq!(
        steps(&rollback),
        [
            "Delete routes/r",
            "Delete services/s",
            "Restore upstreams/u",
            "Delete consumers/c"
        ]
    );
    assert_eq!(rollback.summary(), "3 to delete, 1 to restore");
    assert!(rollback.findings.is_empty() && rollback.settled().count() == 0);
}

#[test]
fn what_was_adopted_stays_and_is_named() {
    let side = snapshot(&[service("h")]);
    let rollback = migrated(&side, &side).rollback();
    assert!(rollback.is_done() && rollback.kept == 0);
    assert_eq!(findings(&rollback), ["rollback-leaves-adopted services/s"]);
    assert_eq!(rollback.left.len(), 1);
    assert_eq!(rollback.summary(), "nothing to undo");
}

#[test]
fn what_changed_since_stays_unless_told() {
    let mut migrated = migrated(&snapshot(&[service("h"), route("r")]), &Snapshot::default());
    migrated.put("services", service("theirs").1);
    let rollback = migrated.rollback();
    assert_eq!(steps(&rollback), ["Delete routes/r"]);
    assert_eq!(findings(&rollback), ["rollback-changed-since services/s"]);
    let told = migrated.rollback_with(Extent::Everything, ChangedSince::Undo);
    assert_eq!(steps(&told), ["Delete routes/r", "Delete services/s"]);
    assert_ne!(told.hash, rollback.hash);
}

#[test]
fn what_something_foreign_refers_to_stays_and_so_does_what_that_refers_to() {
    let source = snapshot(&[
        ("certificates", json!({"id": "x", "cert": "c", "key": "k"})),
        (
            "services",
            json!({"id": "s", "host": "h", "client_certificate": {"id": "x"}}),
        ),
        (
            "plugin-schemas",
            json!({"id": "our-own", "name": "our-own", "lua_schema": "return {}"}),
        ),
    ]);
    let mut migrated = migrated(&source, &Snapshot::default());
    migrated.put(ROUTE, route("theirs").1);
    let rollback = migrated.rollback();
    assert!(
        steps(&rollback)
            .iter()
            .all(|step| !step.contains("services/s") && !step.contains("certificates/x"))
    );
    assert_eq!(
        findings(&rollback),
        [
            "rollback-still-referenced certificates/x",
            "rollback-still-referenced services/s"
        ]
    );
    assert!(
        rollback.findings[1]
            .observed
            .contains("routes/theirs refers to it")
    );
    assert_eq!(rollback.kept, 2);
}

#[test]
fn what_something_foreign_names_stays_too() {
    let source = snapshot(&[
        ("consumers", json!({"id": "c", "username": "anonymous"})),
        ("upstreams", json!({"id": "u", "name": "pool"})),
        (
            "targets",
            json!({"id": "t", "target": "a:1", "upstream": {"id": "u"}}),
        ),
        ("upstreams", json!({"id": "w", "name": "not-named"})),
        (
            "targets",
            json!({"id": "z", "target": "a:1", "upstream": {"id": "w"}}),
        ),
        ("vaults", json!({"id": "v", "name": "env", "prefix": "our-env"})),
        ("consumer_groups", json!({"id": "g", "name": "gold"})),
    ]);
    let mut migrated = migrated(&source, &Snapshot::default());
    migrated.put(
        "plugins",
        json!({"id": "p", "name": "key-auth", "config": {"anonymous": "anonymous"}}),
    );
    migrated.put("services", json!({"id": "t", "host": "pool"}));
    migrated.put(
        "plugins",
        json!({"id": "q", "name": "our-own", "config": {"key": "{vault://our-env/key}"}}),
    );
    let rollback = migrated.rollback();
    let gone = [
        "Delete targets/z",
        "Delete upstreams/w",
        "Delete consumer_groups/g",
    ];
    assert_eq!(steps(&rollback), gone);
    let stays = [
        "rollback-still-referenced consumers/c",
        "rollback-still-referenced targets/t",
        "rollback-still-referenced upstreams/u",
        "rollback-still-referenced vaults/v",
    ];
    assert_eq!(findings(&rollback), stays);
    assert_eq!(
        rollback.findings[1].observed,
        "services/t names upstreams/u, of which it is a part"
    );
    // Also when it stays for another reason.
    migrated.put("upstreams", json!({"id": "u", "name": "pool", "slots": 10}));
    let rollback = migrated.rollback();
    assert_eq!(
        (steps(&rollback).as_slice(), rollback.kept),
        (&gone.map(String::from)[..], 4)
    );
}

#[test]
fn what_a_named_entity_did_not_have_before_goes() {
    let upstream = ("upstreams", json!({"id": "u", "name": "pool"}));
    let target = (
        "targets",
        json!({"id": "t", "target": "a:1", "upstream": {"id": "u"}}),
    );
    let mut migrated = migrated(&snapshot(&[upstream.clone(), target]), &snapshot(&[upstream]));
    migrated.put("services", json!({"id": "t", "host": "pool"}));
    assert_eq!(steps(&migrated.rollback()), ["Delete targets/t"]);
}

#[test]
fn what_was_overwritten_and_is_gone_is_made_again_unless_its_reference_is_gone_too() {
    let theirs = snapshot(&[
        service("theirs"),
        (
            ROUTE,
            json!({"id": "r", "service": {"id": "s"}, "paths": ["/theirs"]}),
        ),
    ]);
    let source = snapshot(&[
        service("ours"),
        (ROUTE, json!({"id": "r", "service": null, "paths": ["/ours"]})),
    ]);
    let mut migrated = migrated(&source, &theirs);
    migrated.target.remove(&EntityKey::new("services", "s"));
    migrated.target.remove(&EntityKey::new(ROUTE, "r"));
    assert_eq!(
        steps(&migrated.rollback()),
        ["Recreate services/s", "Recreate routes/r"]
    );
    migrated.ledger.forget(&EntityKey::new("services", "s"));
    let rollback = migrated.rollback();
    assert!(rollback.is_done());
    assert_eq!(findings(&rollback), ["rollback-reference-gone routes/r"]);
}

#[test]
fn a_name_that_somebody_else_took_is_not_fought_over() {
    let theirs = snapshot(&[("services", json!({"id": "s", "name": "old", "host": "h"}))]);
    let mut migrated = migrated(&snapshot(&[service("h")]), &theirs);
    assert_eq!(steps(&migrated.rollback()), ["Restore services/s"]);
    migrated.put("services", json!({"id": "n", "name": "old", "host": "h"}));
    let rollback = migrated.rollback();
    assert_eq!(findings(&rollback), ["rollback-name-held services/s"]);
    assert!(rollback.is_done());
}

#[test]
fn a_secret_that_konnect_does_not_show_is_not_overwritten_with_nothing() {
    let credential = |secret: Value| {
        snapshot(&[
            ("consumers", json!({"id": "c", "username": "u"})),
            (
                "hmac-auths",
                json!({"id": "k", "username": "u", "secret": secret, "consumer": {"id": "c"}}),
            ),
        ])
    };
    let rollback = migrated(&credential(json!("new")), &credential(Value::Null)).rollback();
    assert_eq!(
        findings(&rollback),
        [
            "rollback-secret-unknown hmac-auths/k",
            "rollback-leaves-adopted consumers/c"
        ]
    );
    let rollback = migrated(&credential(json!("new")), &credential(json!("hunter2"))).rollback();
    assert_eq!(steps(&rollback), ["Restore hmac-auths/k"]);
    assert!(!format!("{rollback:?}").contains("hunter2"));
}

#[test]
fn what_konnect_manages_by_now_is_left_alone() {
    let mut migrated = migrated(&snapshot(&[service("h")]), &Snapshot::default());
    migrated.put(
        "services",
        json!({"id": "s", "name": "cart", "host": "h", "tags": ["konnect-managed"]}),
    );
    let told = migrated.rollback_with(Extent::Everything, ChangedSince::Undo);
    assert_eq!(findings(&told), ["rollback-managed-by-konnect services/s"]);
}

#[test]
fn deletion_deletes_what_was_created_and_leaves_what_was_overwritten() {
    let theirs = snapshot(&[service("theirs")]);
    let source = snapshot(&[service("ours"), route("r")]);
    let rollback = migrated(&source, &theirs).rollback_with(Extent::Created, ChangedSince::Keep);
    assert_eq!(steps(&rollback), ["Delete routes/r"]);
    assert_eq!(findings(&rollback), ["deletion-leaves-overwritten services/s"]);
    assert_eq!(rollback.kept, 0);
}

#[test]
fn a_run_that_was_interrupted_is_undone_too() {
    let source = snapshot(&[service("h"), route("r")]);
    let mut ledger = Ledger::default();
    let planned = build_plan(&PlanInput {
        notes: &[],
        source: &source,
        target: &Snapshot::default(),
        ledger: &ledger,
        version: None,
        policy: &Policy::default(),
        catalogue: Catalogue::bundled(),
        circumstances: &Circumstances::default(),
    });
    ledger.intend(&planned, &Snapshot::default(), Timestamp::UNIX_EPOCH);
    // Killed after the first write: the ledger knows no content of what it names.
    let migrated = Migrated {
        target: snapshot(&[service("h")]),
        ledger,
    };
    let rollback = migrated.rollback();
    assert_eq!(steps(&rollback), ["Delete services/s"]);
    assert_eq!(rollback.undone, [EntityKey::new(ROUTE, "r")]);
}
