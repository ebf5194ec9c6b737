//! Plan, findings and progress in the words and limits of a status. Pure.

use crate::api::migration::{
    FindingGroup, FindingSeverity, FindingsStatus, KindProgressStatus, PlanStatus, ProgressStatus, limits,
};
use crate::k8s::conditions::bounded;
use crate::migration::finding::Finding;
use crate::migration::plan::{Action, Plan};
use crate::migration::progress::Progress;
use crate::migration::render::groups::by_rule;
use crate::migration::rule::{RuleRegistry, Severity};

/// What is to be done. What stays behind counts in the summary and has findings.
pub fn plan_status(plan: &Plan) -> PlanStatus {
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
        kind: (*kind).to_owned(),
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
