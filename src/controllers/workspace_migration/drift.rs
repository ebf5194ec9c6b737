//! How both sides differ from what the migration left, into status, conditions and events. Pure.

use crate::api::conditions::{DRIFTED, VERIFIED, reason};
use crate::api::events;
use crate::api::workspace_migration::{DriftStatus, Mode, WorkspaceMigrationStatus};
use crate::controllers::runtime::draft::Draft;
use crate::controllers::runtime::words::{entities, first_few};
use crate::k8s::conditions::ConditionStatus::{False, True};
use crate::k8s::events::Note;
use crate::kong::engine::Applied;
use crate::kong::plan::Planned;
use crate::kong::plan::drift::{Drift, DriftClass};
use crate::kong::plan::planner_rules::DRIFT_CORRECTED;
use crate::migration::plan::Plan;
use crate::migration::subject::Subject;

/// How many entities a message names.
const NAMED: usize = 5;

/// What this look found, in mode Sync. Before the first completion everything is new, and nothing has drifted.
pub(super) fn report_drift(mode: Mode, drift: &Drift, draft: &mut Draft<WorkspaceMigrationStatus>) {
    if mode != Mode::Sync {
        return;
    }
    if draft.status.completed_at.is_some() {
        draft.status.sync.get_or_insert_default().drift = Some(drift_status(drift));
    }
    tell_left(drift, draft);
}

/// What somebody changed or removed in the target and the plan leaves so, as a condition; no condition when there is nothing.
pub(super) fn tell_left(drift: &Drift, draft: &mut Draft<WorkspaceMigrationStatus>) {
    if drift.left.is_empty() {
        return draft.conditions.remove(DRIFTED);
    }
    let named = names(&drift.left);
    let message = format!(
        "Somebody changed or removed {} in the target after this migration had written there, and it is left so: {named}. Set \
         spec.sync.drift to Correct to put the source's content back, or make both sides equal.",
        entities(drift.left.len())
    );
    if draft.conditions.get(DRIFTED).is_none() {
        draft.note(Note::warning(events::DRIFTED, "Sync", message.clone()));
    }
    not_verified(reason::TARGET_CHANGED, draft);
    draft
        .conditions
        .set(DRIFTED, True, reason::TARGET_CHANGED, message);
}

/// Both sides were equal, and are not any more: how many still are, the last comparison says.
pub(super) fn not_verified(reason: &str, draft: &mut Draft<WorkspaceMigrationStatus>) {
    if draft.conditions.is_true(VERIFIED) {
        let message = "Source and target were equal, and differ now: see Drifted, or the plan.";
        draft.conditions.set(VERIFIED, False, reason, message);
    }
}

/// Mode Apply, after completion: whose changes there are, with the reason of the condition; none when both sides are as they were left.
pub(super) fn change_since(planned: &Planned) -> Option<(&'static str, String)> {
    let words = planned.plan.difference()?;
    let classes = match planned.drift.summary() {
        summary if summary.is_empty() => summary,
        summary => format!(" ({summary})"),
    };
    let reason = match planned.drift.by_another_hand() {
        0 => reason::SOURCE_CHANGED,
        _ => reason::TARGET_CHANGED,
    };
    Some((
        reason,
        format!("source and target differ since the migration{classes}: {words}"),
    ))
}

/// Tells in an event what was put back over somebody's changes.
pub(super) fn note_corrected(plan: &Plan, applied: &Applied, draft: &mut Draft<WorkspaceMigrationStatus>) {
    let refused = |subject: &Subject| {
        let refusals = applied.refused.iter().map(|refusal| &refusal.subject);
        refusals.chain(&applied.not_tried).any(|other| other == subject)
    };
    let corrections = plan
        .findings
        .iter()
        .filter(|finding| finding.id == DRIFT_CORRECTED.id && !refused(&finding.subject))
        .map(|finding| &finding.subject);
    let named = names(corrections);
    if !named.is_empty() {
        let message = format!(
            "Somebody had changed or removed entities in the target; the source's content is put back: {named}."
        );
        draft.note(Note::warning(events::DRIFT_CORRECTED, "Sync", message));
    }
}

fn names<'a>(subjects: impl IntoIterator<Item = &'a Subject>) -> String {
    first_few(subjects, NAMED, " and ", ("more", "more"))
}

fn drift_status(drift: &Drift) -> DriftStatus {
    let of = |class| u64::try_from(drift.count(class)).unwrap_or(u64::MAX);
    DriftStatus {
        changed_in_source: of(DriftClass::ChangedInSource),
        changed_in_target: of(DriftClass::ChangedInTarget),
        changed_in_both: of(DriftClass::ChangedInBoth),
        missing_in_target: of(DriftClass::NewInSource).saturating_add(of(DriftClass::RemovedFromTarget)),
        removed_from_target: of(DriftClass::RemovedFromTarget),
        missing_in_source: of(DriftClass::MissingInSource),
    }
}

#[cfg(test)]
mod tests;
