//! What no two parts of one status may say beside each other, for checks: a status that contradicts itself is a defect.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::conditions::{
    APPLIED, APPROVED, BACKED_UP, DRIFTED, IN_SYNC, PLAN_READY, PREFLIGHT_PASSED, PRUNE_WITHHELD, READY,
    RECONCILING, ROLLED_BACK, SOURCE_READY, STALLED, TARGET_READY, VERIFIED, reason,
};

/// One status, as generic tools and people read it. Conditions of an older generation than the newest one speak of a
/// former spec, and contradict nothing.
struct Told<'a> {
    object: &'a Value,
    conditions: BTreeMap<&'a str, &'a Value>,
}

impl<'a> Told<'a> {
    fn of(object: &'a Value) -> Self {
        let all = object["status"]["conditions"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        let newest = all.iter().filter_map(|c| c["observedGeneration"].as_i64()).max();
        let present = all.iter().filter(|c| c["observedGeneration"].as_i64() == newest);
        Self {
            object,
            conditions: present.filter_map(|c| Some((c["type"].as_str()?, c))).collect(),
        }
    }

    fn field(&self, type_: &str, field: &str) -> &'a str {
        self.conditions
            .get(type_)
            .and_then(|c| c[field].as_str())
            .unwrap_or_default()
    }

    fn is_true(&self, type_: &str) -> bool {
        self.field(type_, "status") == "True"
    }

    fn is_false(&self, type_: &str) -> bool {
        self.field(type_, "status") == "False"
    }

    fn reason(&self, type_: &str) -> &'a str {
        self.field(type_, "reason")
    }

    /// Text below a pointer such as `/status/phase`; empty when there is none.
    fn text(&self, pointer: &str) -> &'a str {
        self.object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    fn phase(&self) -> &'a str {
        self.text("/status/phase")
    }

    /// True when the newest conditions speak of the spec as it is.
    fn speaks_of_this_spec(&self) -> bool {
        self.conditions.get(READY).is_some_and(|ready| {
            ready["observedGeneration"].as_i64() == self.object["metadata"]["generation"].as_i64()
        })
    }
}

/// One row: when the first holds, the second must.
struct Row {
    /// The sentence that a violation breaks.
    law: &'static str,
    when: fn(&Told<'_>) -> bool,
    then: fn(&Told<'_>) -> bool,
}

const fn row(law: &'static str, when: fn(&Told<'_>) -> bool, then: fn(&Told<'_>) -> bool) -> Row {
    Row { law, when, then }
}

/// Of every kind.
const SUMMARY: &[Row] = &[
    row(
        "Ready is told when anything is",
        |told| !told.conditions.is_empty(),
        |told| told.conditions.contains_key(READY),
    ),
    row(
        "what is Ready is neither at work nor stuck",
        |told| told.is_true(READY),
        |told| !told.conditions.contains_key(RECONCILING) && !told.conditions.contains_key(STALLED),
    ),
    row(
        "what is at work is not stuck",
        |told| told.is_true(RECONCILING),
        |told| !told.conditions.contains_key(STALLED),
    ),
    row(
        "Reconciling and Stalled are there only while they are so",
        |_| true,
        |told| !told.is_false(RECONCILING) && !told.is_false(STALLED),
    ),
    row(
        "Stalled has the reason and the words of Ready",
        |told| told.is_true(STALLED),
        |told| {
            told.reason(STALLED) == told.reason(READY)
                && told.field(STALLED, "message") == told.field(READY, "message")
        },
    ),
];

/// Of migrations.
const MIGRATION: &[Row] = &[
    row(
        "a phase Failed is not Ready",
        |told| told.phase() == "Failed",
        |told| !told.is_true(READY),
    ),
    row(
        "what is Ready has come to an end: planned, completed, following, undone",
        |told| told.is_true(READY),
        |told| ["Planned", "Completed", "Syncing", "RolledBack"].contains(&told.phase()),
    ),
    row(
        "a phase that is an end good or bad is not at work for a reason of work",
        |told| ["Planned", "Completed", "RolledBack"].contains(&told.phase()),
        |told| ![reason::APPLYING, reason::VERIFYING, reason::BACKING_UP].contains(&told.reason(READY)),
    ),
    row(
        "Ready does not say more than the two sides",
        |told| told.is_true(READY),
        |told| {
            ![SOURCE_READY, TARGET_READY, PLAN_READY, BACKED_UP]
                .iter()
                .any(|type_| told.is_false(type_))
        },
    ),
    row(
        "a plan that may not be written is Ready only where nothing was to be written",
        |told| told.is_true(READY) && told.is_false(PREFLIGHT_PASSED),
        |told| ["Planned", "Completed", "RolledBack"].contains(&told.phase()),
    ),
    row(
        "who waits for an approval is not approved",
        |told| told.phase() == "AwaitingApproval",
        |told| !told.is_true(APPROVED),
    ),
    row(
        "an approval is of what is shown",
        |told| {
            {
                told.is_true(APPROVED)
                    && told.reason(APPROVED) == reason::APPROVED
                    && told.speaks_of_this_spec()
                    && !told.phase().starts_with("Roll")
            }
        },
        |told| {
            let given = told.text("/spec/approval/planHash");
            !given.is_empty()
                && [told.text("/status/plan/hash"), told.text("/status/rollback/hash")].contains(&given)
        },
    ),
    row(
        "nothing is automatic where an approval is required",
        |told| told.reason(APPROVED) == reason::APPROVED_AUTOMATICALLY && told.speaks_of_this_spec(),
        |told| told.text("/spec/approval/policy") != "Required",
    ),
    row(
        "a target that differs is not verified",
        |told| told.is_true(DRIFTED),
        |told| !told.is_true(VERIFIED) && !told.is_true(IN_SYNC),
    ),
    row(
        "a target that keeps what the source has no more is not in sync",
        |told| told.is_true(PRUNE_WITHHELD),
        |told| !told.is_true(IN_SYNC),
    ),
    row(
        "who is Ready because it is in sync is in sync",
        |told| told.is_true(READY) && told.reason(READY) == reason::IN_SYNC,
        |told| told.is_true(IN_SYNC),
    ),
    row(
        "who is in sync does not say otherwise",
        |told| told.is_true(READY) && told.conditions.contains_key(IN_SYNC),
        |told| !told.is_false(IN_SYNC) || told.reason(READY) == told.reason(IN_SYNC),
    ),
    row(
        "PlanOnly is said in mode Plan",
        |told| {
            [APPLIED, VERIFIED]
                .iter()
                .any(|type_| told.reason(type_) == reason::PLAN_ONLY)
                && told.speaks_of_this_spec()
        },
        |told| told.text("/spec/mode") == "Plan" || told.text("/spec/mode").is_empty(),
    ),
    row(
        "suspended is what waits for spec.suspend",
        |told| told.text("/status/progress/waitingFor").contains("spec.suspend") || told.phase() == "Paused",
        |told| told.reason(READY) == reason::SUSPENDED,
    ),
    row(
        "what is undone is neither applied nor verified",
        |told| told.is_true(ROLLED_BACK),
        |told| !told.is_true(APPLIED) && !told.is_true(VERIFIED) && told.phase() != "Completed",
    ),
    row(
        "a side that is not there has nothing verified now",
        |told| told.is_true(VERIFIED) && told.is_false(TARGET_READY),
        |told| told.is_false(READY),
    ),
    row(
        "the target held at least what was verified there",
        |told| told.phase() == "Completed" && told.is_true(VERIFIED) && told.is_true(TARGET_READY),
        |told| !told.field(TARGET_READY, "message").contains(" 0 entities"),
    ),
];

/// The sentences that a stored object's status breaks; empty for one that does not contradict itself.
#[must_use]
pub fn contradictions(object: &Value) -> Vec<&'static str> {
    let told = Told::of(object);
    let migration = object["kind"]
        .as_str()
        .is_some_and(|kind| kind.ends_with("Migration"));
    let rows = SUMMARY.iter().chain(MIGRATION.iter().filter(|_| migration));
    rows.filter(|row| (row.when)(&told) && !(row.then)(&told))
        .map(|row| row.law)
        .collect()
}
