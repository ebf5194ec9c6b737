//! What a plan says, into status and conditions, whatever it is a plan of. Pure.

use super::status::plan_status;
use crate::api::conditions::{PLAN_READY, PREFLIGHT_PASSED, reason};
use crate::api::events;
use crate::api::migration::{MigrationStatus, PlanStatus};
use crate::controllers::runtime::draft::Draft;
use crate::k8s::conditions::ConditionStatus::{False, True};
use crate::k8s::events::Note;
use crate::k8s::status::ObjectStatus;
use crate::migration::finding::Finding;
use crate::migration::plan::Plan;
use crate::migration::rule::{Rule, Severity};

/// That there is a plan, which one, and whether a finding forbids to carry it out. The Secret of a plan of the same hash still holds it.
/// Findings of `consequence` only follow from others, and are not told first.
pub fn report_planned<S: ObjectStatus + MigrationStatus>(
    plan: &Plan,
    consequence: Option<&Rule>,
    draft: &mut Draft<S>,
) {
    let before = draft.status.plan_mut().take();
    let same = before.filter(|before| before.hash == plan.hash);
    if same.is_none() {
        draft.note(Note::normal(events::PLANNED, "Plan", plan.summary()));
    }
    *draft.status.plan_mut() = Some(PlanStatus {
        artefact_ref: same.and_then(|same| same.artefact_ref),
        ..plan_status(plan)
    });
    draft
        .conditions
        .set(PLAN_READY, True, reason::PLANNED, plan.summary());
    report_preflight(plan, consequence, draft);
}

/// Whether a finding forbids the writes, which mode Plan tells too.
fn report_preflight<S: ObjectStatus>(plan: &Plan, consequence: Option<&Rule>, draft: &mut Draft<S>) {
    match plan.obstacle(consequence) {
        Some(finding) => draft.conditions.set(
            PREFLIGHT_PASSED,
            False,
            reason::BLOCKING_FINDINGS,
            blocked_by(plan, finding),
        ),
        None => draft.conditions.set(
            PREFLIGHT_PASSED,
            True,
            reason::NO_BLOCKING_FINDINGS,
            "No finding forbids the migration.",
        ),
    }
}

/// What forbids the writes, and what to do.
pub fn blocked_by(plan: &Plan, finding: &Finding) -> String {
    let accept = match finding.severity {
        Severity::Critical => "",
        Severity::Error | Severity::Warning | Severity::Info => {
            " Or accept it in spec.waivers, with a reason."
        }
    };
    let (count, others) = match plan.blocking().count() {
        1 => ("1 finding forbids".to_owned(), ""),
        count => (
            format!("{count} findings forbid"),
            " The others are in status.findings.",
        ),
    };
    format!(
        "{count} the writes. {} {}: {}. {}{accept}{others}",
        finding.id,
        finding.subject,
        finding.observed.trim_end_matches('.'),
        finding.remedy
    )
}
