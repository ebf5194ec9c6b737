//! What a plan, its findings and its progress say, in the words and limits of a status, whatever it is a plan of. Pure.

use crate::api::conditions::{PLAN_READY, PREFLIGHT_PASSED, reason};
use crate::api::events;
use crate::api::migration::{
    FindingGroup, FindingSeverity, FindingsStatus, KindProgressStatus, MigrationStatus, PlanStatus,
    ProgressStatus, limits,
};
use crate::controllers::runtime::draft::Draft;
use crate::k8s::conditions::ConditionStatus::{False, True};
use crate::k8s::conditions::bounded;
use crate::k8s::events::Note;
use crate::k8s::status::ObjectStatus;
use crate::migration::finding::{Finding, Rule, RuleRegistry, Severity, by_rule};
use crate::migration::plan::{Action, Plan};
use crate::migration::progress::Progress;

/// That there is a plan, which one, and whether a finding forbids to carry it out. The Secret of a plan of the same hash still holds it.
/// Findings of `consequence` only follow from others, and are not told first; `rules` has the titles.
pub fn report_planned<S: ObjectStatus + MigrationStatus>(
    plan: &Plan,
    (rules, consequence): (RuleRegistry, Option<&Rule>),
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
    *draft.status.progress_mut() = Some(progress_status(&Progress::before(plan), None));
    // Worst first already.
    *draft.status.findings_mut() = Some(findings_status(&plan.findings, rules));
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

/// What is to be done. What stays behind counts in the summary and has findings.
fn plan_status(plan: &Plan) -> PlanStatus {
    let of = |action| count(plan.count(action));
    PlanStatus {
        hash: plan.hash.clone(),
        summary: plan.summary(),
        create: of(Action::Create),
        update: of(Action::Update),
        delete: of(Action::Delete),
        unchanged: of(Action::Unchanged),
        blocked: of(Action::Blocked),
        artefact_ref: None,
    }
}

/// Findings grouped by id, worst first, with the first subjects of each and the title of the rule. What is waived comes last and is counted apart.
pub fn findings_status(findings: &[Finding], rules: RuleRegistry) -> FindingsStatus {
    let open = || findings.iter().filter(|finding| finding.waived.is_none());
    let with = |severity| count(open().filter(|finding| finding.severity == severity).count());
    let mut status = FindingsStatus {
        critical: with(Severity::Critical),
        error: with(Severity::Error),
        warning: with(Severity::Warning),
        info: with(Severity::Info),
        waived: count(findings.len() - open().count()),
        ..FindingsStatus::default()
    };
    status.summary = summary(&status);
    let mut groups: Vec<_> = by_rule(findings).into_iter().collect();
    groups.sort_by_key(|(_, group)| group.iter().all(|finding| finding.waived.is_some()));
    status.top = groups
        .into_iter()
        .take(limits::TOP_FINDINGS)
        .map(|((severity, id), group)| entry(severity, rules.title(id), id, &group))
        .collect();
    status
}

/// `E5 W2`, and `E5 W2, 3 waived`.
fn summary(status: &FindingsStatus) -> String {
    let counts = [
        ('C', status.critical),
        ('E', status.error),
        ('W', status.warning),
        ('I', status.info),
    ];
    let words: Vec<String> = counts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(letter, count)| format!("{letter}{count}"))
        .collect();
    let words = if words.is_empty() {
        "none".to_owned()
    } else {
        words.join(" ")
    };
    match status.waived {
        0 => words,
        waived => format!("{words}, {waived} waived"),
    }
}

fn entry(severity: Severity, title: &str, id: &str, group: &[&Finding]) -> FindingGroup {
    let subjects = group
        .iter()
        .take(limits::SUBJECTS)
        .map(|finding| match &finding.field {
            Some(field) => format!("{} {field}", finding.subject),
            None => finding.subject.to_string(),
        });
    let first = group.first();
    let example = first
        .map(|finding| format!(" For example: {}", finding.observed))
        .unwrap_or_default();
    FindingGroup {
        id: id.to_owned(),
        severity: match severity {
            Severity::Critical => FindingSeverity::Critical,
            Severity::Error => FindingSeverity::Error,
            Severity::Warning => FindingSeverity::Warning,
            Severity::Info => FindingSeverity::Info,
        },
        count: count(group.len()),
        waived: count(group.iter().filter(|finding| finding.waived.is_some()).count()),
        subjects: subjects.map(|subject| bounded(subject, 256)).collect(),
        message: bounded(format!("{title}{example}"), limits::TEXT),
        remedy: first.map(|finding| bounded(finding.remedy.clone(), limits::TEXT)),
    }
}

/// What is done, by kind.
pub fn progress_status(progress: &Progress, rate: Option<f64>) -> ProgressStatus {
    let kinds = progress.kinds.iter().map(|(kind, counts)| KindProgressStatus {
        kind: kind.to_string(),
        completed: count(counts.completed),
        total: count(counts.total),
        failed: count(counts.failed),
    });
    ProgressStatus {
        summary: progress.summary(),
        kinds: kinds.take(limits::KINDS).collect(),
        rate: rate.map(|rate| format!("{rate:.1}")),
        ..ProgressStatus::default()
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
