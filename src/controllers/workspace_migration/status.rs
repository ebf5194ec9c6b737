//! What the engine found, in the words and limits of the status. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::api::workspace_migration::{
    FindingGroup, FindingSeverity, FindingsStatus, KindProgressStatus, KindVerificationStatus, Phase,
    PlanStatus, ProgressStatus, RollbackStatus, SourceStatus, VerificationStatus, WorkspaceMigrationStatus,
    limits,
};
use crate::k8s::conditions::bounded;
use crate::k8s::status::ObjectStatus;
use crate::kong::admin::{Edition, Node};
use crate::kong::engine::ObservedSource;
use crate::kong::plan::rule_families::RULE_FAMILIES;
use crate::migration::finding::Finding;
use crate::migration::plan::{Action, Plan};
use crate::migration::progress::Progress;
use crate::migration::rollback::{Rollback, Undo};
use crate::migration::rule::Severity;
use crate::migration::verification::Verification;

impl ObjectStatus for WorkspaceMigrationStatus {
    fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    fn set_conditions(&mut self, conditions: Vec<Condition>) {
        self.conditions = conditions;
    }

    fn set_observed_generation(&mut self, generation: i64) {
        self.observed_generation = Some(generation);
    }

    fn set_settled_generation(&mut self, generation: Option<i64>) {
        if let Some(checkpoint) = &mut self.checkpoint {
            checkpoint.settled_generation = generation;
        }
    }

    fn at_first() -> Self {
        Self {
            phase: Some(Phase::Pending),
            ..Self::default()
        }
    }
}

/// What was read.
pub fn source_status(source: &ObservedSource, plan: &Plan) -> SourceStatus {
    SourceStatus {
        version: source.version_text(),
        edition: source.node.as_ref().map(|node| edition(node).to_owned()),
        topology: source.node.as_ref().and_then(topology),
        workspace_id: source.workspace_id.clone(),
        digest: Some(plan.source_digest.clone()),
        entities: count(source.snapshot.len()),
    }
}

fn edition(node: &Node) -> &'static str {
    match node.edition {
        Edition::Community => "community",
        Edition::Enterprise => "enterprise",
    }
}

/// A control plane with data planes makes a hybrid deployment.
fn topology(node: &Node) -> Option<String> {
    let role = if node.is_dbless() {
        Some("dbless")
    } else {
        node.role.as_deref()
    };
    role.map(|role| if role == "control_plane" { "hybrid" } else { role }.to_owned())
}

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

/// What undoing would do.
pub fn rollback_status(rollback: &Rollback) -> RollbackStatus {
    let of = |undo| count(rollback.count(undo));
    RollbackStatus {
        hash: rollback.hash.clone(),
        summary: rollback.summary(),
        delete: of(Undo::Delete),
        restore: of(Undo::Restore),
        recreate: of(Undo::Recreate),
        kept: count(rollback.kept),
        target_digest: None,
        generation: None,
        artefact_ref: None,
    }
}

/// Findings grouped by id, worst first, with the first subjects of each. What is waived comes last and is counted apart.
pub fn findings_status(findings: &[Finding]) -> FindingsStatus {
    let mut groups: BTreeMap<(Severity, &str), Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        groups
            .entry((finding.severity, &finding.id))
            .or_default()
            .push(finding);
    }
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
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, group)| group.iter().all(|finding| finding.waived.is_some()));
    status.top = groups
        .into_iter()
        .take(limits::TOP_FINDINGS)
        .map(|((severity, id), group)| entry(severity, id, &group))
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

fn entry(severity: Severity, id: &str, group: &[&Finding]) -> FindingGroup {
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
        message: bounded(format!("{}{example}", RULE_FAMILIES.title(id)), limits::TEXT),
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

/// Whether both sides are equal.
pub fn verification_status(verification: &Verification, now: Timestamp) -> VerificationStatus {
    VerificationStatus {
        digest: Some(verification.target_digest.clone()),
        matched: count(verification.matched),
        mismatched: count(verification.mismatched.len()),
        missing: count(verification.missing.len()),
        extra: count(verification.extra),
        repaired: count(verification.repaired),
        checked_at: Some(Time(now)),
        kinds: verification
            .kinds
            .iter()
            .take(limits::KINDS)
            .map(|(kind, of_kind)| KindVerificationStatus {
                kind: (*kind).to_owned(),
                digest: of_kind.target_digest.clone(),
                matched: count(of_kind.matched),
                failed: count(of_kind.failed),
            })
            .collect(),
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kong::plan::planner_rules::TARGET_ADDS_FIELD;
    use crate::kong::plan::preflight::plugins::PLUGIN_UNSUPPORTED;
    use crate::migration::subject::{EntityKey, Subject};

    fn subject(id: usize) -> Subject {
        Subject {
            key: EntityKey::new("plugins", id.to_string()),
            name: None,
        }
    }

    #[test]
    fn findings_are_grouped_with_counts_and_five_subjects() {
        let mut findings: Vec<_> = (0..7)
            .map(|id| Finding::new(&PLUGIN_UNSUPPORTED, subject(id), "plugin oauth2"))
            .collect();
        findings.push(
            Finding::new(&TARGET_ADDS_FIELD, subject(9), "config.ssl_verify = true").at("config.ssl_verify"),
        );
        let status = findings_status(&findings);
        assert_eq!(status.summary, "E7 W1");
        assert_eq!((status.top[0].count, status.top[0].subjects.len()), (7, 5));
        assert_eq!(status.top[1].subjects, ["plugins/9 config.ssl_verify"]);
    }

    #[test]
    fn what_is_waived_is_counted_apart_and_comes_last() {
        let mut waived = Finding::new(&PLUGIN_UNSUPPORTED, subject(1), "plugin oauth2");
        waived.waived = Some("replaced".into());
        let open = Finding::new(&TARGET_ADDS_FIELD, subject(9), "config.ssl_verify = true");
        let status = findings_status(&[waived, open]);
        assert_eq!((status.error, status.warning, status.waived), (0, 1, 1));
        assert_eq!(status.summary, "W1, 1 waived");
        assert_eq!(
            (status.top[0].id.as_str(), status.top[1].waived),
            ("target-adds-field", 1)
        );
    }

    #[test]
    fn a_status_with_every_finding_on_a_million_entities_stays_small() {
        let long = "я".repeat(5000);
        let findings: Vec<_> = RULE_FAMILIES
            .rules()
            .flat_map(|rule| (0..50).map(|id| Finding::new(rule, subject(id), long.clone())))
            .collect();
        let bytes = serde_json::to_vec(&findings_status(&findings)).unwrap().len();
        assert!(bytes < 48 * 1024, "{bytes}");
    }
}
