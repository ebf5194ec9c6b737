//! What was read and planned, into status and conditions. Pure.

use super::backup::report_backup;
use super::error::Error;
use super::status::source_status;
use crate::api::conditions::{PREFLIGHT_PASSED, PRUNE_WITHHELD, SOURCE_READY, TARGET_READY, reason};
use crate::api::events;
use crate::api::workspace_migration::{Phase, WorkspaceMigration, WorkspaceMigrationStatus};
use crate::config::KonnectKinds;
use crate::controllers::migration::report::report_planned;
use crate::controllers::migration::verdict::report_approved;
use crate::controllers::runtime::draft::Draft;
use crate::controllers::runtime::error::{ReconcileError, chain};
use crate::controllers::runtime::words::entities;
use crate::k8s::conditions::ConditionStatus::{False, True, Unknown};
use crate::k8s::events::Note;
use crate::kong::engine::error::Side;
use crate::kong::engine::{Observed, ObservedSource};
use crate::kong::model::Snapshot;
use crate::kong::plan::planner_rules::BLOCKED_BY_DEPENDENCY;
use crate::kong::plan::rule_families::RULE_FAMILIES;
use crate::kong::plan::{Planned, prune};
use crate::migration::plan::Plan;

/// What was read from the source, into its condition.
pub(super) fn report_source(
    source: &ObservedSource,
    workspace: &str,
    draft: &mut Draft<WorkspaceMigrationStatus>,
) {
    let count = entities(source.snapshot.len());
    let version = source.version_text().map(|version| format!("Kong {version}, "));
    let (reason, of) = match &source.node {
        Some(_) => (reason::SOURCE_REACHABLE, ""),
        None => (reason::SOURCE_READ, "Declarative file of "),
    };
    let message = format!(
        "{of}{}workspace {workspace}, {count}.",
        version.unwrap_or_default()
    );
    draft.conditions.set(SOURCE_READY, True, reason, message);
}

/// What was read from the target, into its condition.
pub(super) fn report_target(
    target: &Snapshot,
    kinds: KonnectKinds,
    draft: &mut Draft<WorkspaceMigrationStatus>,
) {
    let whose = match kinds {
        KonnectKinds::Own => "",
        KonnectKinds::ReadOnly => " Its object is left to Kong's operator (--konnect-kinds=read-only).",
    };
    let count = entities(target.len());
    let message = format!("The control plane held {count} when it was read.{whose}");
    draft
        .conditions
        .set(TARGET_READY, True, reason::CONTROL_PLANE_READY, message);
    draft.status.checkpoint_mut().target_missing = false;
}

/// Turns the condition of the side that failed.
pub(super) fn report_failed_side(error: &Error, draft: &mut Draft<WorkspaceMigrationStatus>) {
    let type_ = match error.side() {
        Some(Side::Source) => SOURCE_READY,
        Some(Side::Target) => TARGET_READY,
        None => return,
    };
    draft.conditions.set(type_, False, error.reason(), chain(error));
    if type_ == TARGET_READY {
        draft.status.checkpoint_mut().target_missing = error.is_target_missing();
    }
    if draft.status.phase.is_none() {
        draft.status.phase = Some(Phase::Pending);
    }
}

/// Both sides could not be read: what was found before is not known to hold any more.
pub(super) fn mark_unchecked(error: &Error, draft: &mut Draft<WorkspaceMigrationStatus>) {
    let message = match error.side() {
        Some(_) => "Source and target could not both be read.",
        None => "There is no plan to check.",
    };
    draft
        .conditions
        .set(PREFLIGHT_PASSED, Unknown, reason::NOT_CHECKED, message);
}

/// What the plan says, into status and conditions.
pub(super) fn report_plan(
    object: &WorkspaceMigration,
    observed: &Observed,
    planned: &Planned,
    draft: &mut Draft<WorkspaceMigrationStatus>,
) {
    let plan = &planned.plan;
    draft.status.source = Some(source_status(&observed.source, plan));
    report_planned(plan, (RULE_FAMILIES, Some(&BLOCKED_BY_DEPENDENCY)), draft);
    report_prune(plan, draft);
    report_approved(object, "plan", draft);
    report_backup(plan, draft);
}

/// Why nothing is deleted of what the source has no more, as a condition; no condition when it is not so.
fn report_prune(plan: &Plan, draft: &mut Draft<WorkspaceMigrationStatus>) {
    let Some(finding) = prune::withheld(plan) else {
        return draft.conditions.remove(PRUNE_WITHHELD);
    };
    let reason = if finding.id == prune::PRUNE_LIMIT.id {
        reason::PRUNE_LIMIT_EXCEEDED
    } else {
        reason::SOURCE_INCOMPLETE
    };
    let message = format!(
        "Nothing is deleted in the target: {}. {}",
        finding.observed, finding.remedy
    );
    if draft.conditions.get(PRUNE_WITHHELD).is_none() {
        draft.note(Note::warning(events::PRUNE_WITHHELD, "Plan", message.clone()));
    }
    draft.conditions.set(PRUNE_WITHHELD, True, reason, message);
}

#[cfg(test)]
mod tests;
