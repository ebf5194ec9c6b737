//! What was read and planned, into status and conditions. Pure.

use super::backup::report_backup;
use super::status::source_status;
use crate::api::conditions::{PRUNE_WITHHELD, SOURCE_READY, TARGET_READY, reason};
use crate::api::events;
use crate::api::workspace_migration::{WorkspaceMigration, WorkspaceMigrationStatus};
use crate::config::KonnectKinds;
use crate::controllers::migration::report::report_planned;
use crate::controllers::migration::verdict::report_approved;
use crate::controllers::runtime::draft::Draft;
use crate::controllers::runtime::words::entities;
use crate::k8s::conditions::ConditionStatus::True;
use crate::k8s::events::Note;
use crate::kong::engine::{Observed, ObservedSource};
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

/// How many entities were read from the target, into its condition.
pub(super) fn report_target(held: usize, kinds: KonnectKinds, draft: &mut Draft<WorkspaceMigrationStatus>) {
    let whose = match kinds {
        KonnectKinds::Own => "",
        KonnectKinds::ReadOnly => " Its object is left to Kong's operator (--konnect-kinds=read-only).",
    };
    let count = entities(held);
    let message = format!("The control plane held {count} when it was read.{whose}");
    draft
        .conditions
        .set(TARGET_READY, True, reason::CONTROL_PLANE_READY, message);
    draft.status.checkpoint_mut().target_missing = false;
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
    report_approved(object, plan, draft);
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
