//! Values for the tests of what only decides and tells: drafts, plans, runs and rollbacks, made without a cluster.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::workspace_migration::{WorkspaceMigration, WorkspaceMigrationStatus};
use crate::controllers::runtime::draft::Draft;
use crate::kong::engine::{Applied, Observed, ObservedSource, Refusal};
use crate::kong::model::entity_kinds::named;
use crate::kong::model::{Entity, KongVersion, Snapshot};
use crate::kong::plan::{Ledger, Planned, Policy};
use crate::migration::finding::{Finding, Rule};
use crate::migration::plan::{Action, Operation, Plan};
use crate::migration::rollback::{Rollback, RollbackStep, Undo};
use crate::migration::subject::{EntityKey, Subject};
use crate::migration::verification::Verification;

/// The generation of every object of these tests.
pub const GENERATION: i64 = 3;
/// The time of every pass of these tests.
pub const NOW: Timestamp = Timestamp::UNIX_EPOCH;

pub type MigrationDraft = Draft<WorkspaceMigrationStatus>;

/// The draft of an object with nothing in its status.
pub fn draft() -> MigrationDraft {
    draft_of(WorkspaceMigrationStatus::default())
}

/// The draft of an object with a status.
pub fn draft_of(status: WorkspaceMigrationStatus) -> MigrationDraft {
    let mut draft = Draft::new(Some(&status), GENERATION, NOW);
    super::checkpoint::fill(&mut draft);
    draft
}

/// The draft of the next pass, when this one is written.
pub fn next(draft: &MigrationDraft) -> MigrationDraft {
    draft_of(draft.to_status())
}

/// `status reason` of a condition; `-` when it is absent.
pub fn says(draft: &MigrationDraft, type_: &str) -> String {
    let told = draft.conditions.get(type_);
    told.map_or_else(
        || "-".to_owned(),
        |told| format!("{} {}", told.status, told.reason),
    )
}

/// The message of a condition; empty when it is absent.
pub fn message<'a>(draft: &'a MigrationDraft, type_: &str) -> &'a str {
    draft
        .conditions
        .get(type_)
        .map_or("", |told| told.message.as_str())
}

/// Reasons of the events so far.
pub fn events(draft: &MigrationDraft) -> Vec<&str> {
    draft.notes().iter().map(|note| note.reason.as_str()).collect()
}

/// A migration, with fields of the spec beside those that must be there.
pub fn object(spec: Value) -> WorkspaceMigration {
    let mut object = json!({
        "apiVersion": "gatewaymigration.dev/v1alpha1", "kind": "WorkspaceMigration",
        "metadata": {"name": "sales", "namespace": "kong", "uid": "one", "generation": GENERATION},
        "spec": {"source": {"adminAPI": {"url": "https://kong"}}, "target": {"controlPlaneRef": {"name": "sales"}}, "mode": "Apply"},
    });
    if let (Some(own), Value::Object(extra)) = (object["spec"].as_object_mut(), spec) {
        own.extend(extra);
    }
    serde_json::from_value(object).unwrap()
}

pub fn subject(id: &str) -> Subject {
    Subject {
        key: EntityKey::new("routes", id),
        name: None,
    }
}

pub fn finding(rule: &Rule, id: &str) -> Finding {
    Finding::new(rule, subject(id), "seen")
}

/// A plan with an operation for each action, on routes `0`, `1` and so on.
pub fn plan(actions: &[Action]) -> Plan {
    let operation = |(id, action): (usize, &Action)| Operation {
        wave: 0,
        action: *action,
        subject: subject(&id.to_string()),
        target_id: None,
        reason: String::new(),
        changes: Vec::new(),
    };
    Plan {
        hash: "sha256:plan".into(),
        source_digest: "sha256:source".into(),
        target_digest: "sha256:target".into(),
        operations: actions.iter().enumerate().map(operation).collect(),
        findings: Vec::new(),
    }
}

pub fn planned(plan: Plan) -> Planned {
    Planned {
        plan,
        seen: Default::default(),
        desired: Default::default(),
        drift: Default::default(),
        deletions: Default::default(),
    }
}

/// A comparison that found so many entities equal, and nothing else.
pub fn verification(matched: usize) -> Verification {
    Verification {
        matched,
        mismatched: Vec::new(),
        missing: Vec::new(),
        remaining: Vec::new(),
        extra: 0,
        repaired: 0,
        source_digest: "sha256:source".into(),
        target_digest: "sha256:source".into(),
        kinds: Default::default(),
        findings: Vec::new(),
    }
}

pub fn refusal(id: &str, dependent: bool) -> Refusal {
    Refusal {
        subject: subject(id),
        action: Action::Create,
        field: None,
        reason: "schema violation".into(),
        dependent,
        conflict: false,
        found: None,
    }
}

/// A run that created so much, and was refused these.
pub fn applied(created: usize, refused: Vec<Refusal>) -> Applied {
    Applied {
        created,
        refused,
        ..Applied::default()
    }
}

/// A rollback that would delete so much, and keeps what these findings name.
pub fn rollback(deletes: usize, findings: Vec<Finding>) -> Rollback {
    let step = |id: usize| RollbackStep {
        wave: 0,
        undo: Undo::Delete,
        subject: subject(&id.to_string()),
    };
    Rollback {
        hash: "sha256:rollback".into(),
        steps: (0..deletes).map(step).collect(),
        undone: Vec::new(),
        left: Vec::new(),
        kept: findings.len(),
        findings,
    }
}

/// Services by id and host.
pub fn services(services: &[(&str, &str)]) -> Snapshot {
    let service = |(id, host): &(&str, &str)| {
        let body = json!({"id": id, "name": id, "host": host});
        Entity::from_body(named("services").unwrap(), body.as_object().unwrap().clone()).unwrap()
    };
    services.iter().map(service).collect()
}

/// Both sides as they were read.
pub fn observed(source: Snapshot, target: Snapshot) -> Observed {
    Observed {
        source: ObservedSource {
            node: None,
            version: KongVersion::parse("3.9.1"),
            workspace_id: None,
            snapshot: source,
            notes: Vec::new(),
        },
        target,
    }
}

/// The ledger after everything of a source was written into an empty target.
pub fn ledger_after(source: &Snapshot) -> Ledger {
    let mut ledger = Ledger::default();
    let observed = observed(source.clone(), Snapshot::default());
    let planned = observed.plan(&Policy::default(), NOW, &[], &ledger);
    ledger.intend(&planned, &observed.target, NOW);
    let mut target = Snapshot::default();
    for desired in planned.desired.values() {
        target.insert_packed(desired.entity.clone());
    }
    ledger.settle(&planned, &target, NOW);
    ledger
}
