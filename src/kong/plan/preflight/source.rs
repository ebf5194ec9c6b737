//! The source as a whole: its version, and whether it is the right workspace.

use jiff::tz::TimeZone;

use super::super::planner_rules::DEFAULT_CHANGES_UNKNOWN;
use super::facts::Facts;
use crate::kong::model::{GapCause, KongVersion};
use crate::migration::finding::{Finding, rules};
use crate::migration::subject::Subject;

rules! {
    SOURCE_EMPTY: Warning, waivable, "source-empty",
        "The workspace has no entities.",
        "Check spec.source.workspace and the rights of the token.",
        "A misspelt workspace that exists.";
    VERSION_OUT_OF_SUPPORT: Warning, waivable, "source-version-out-of-support",
        "Data planes of the source's version are out of full support, so Konnect may send them no configuration.",
        "Run new data planes of a supported version, the nearest long-term one where possible.",
        "A source of 3.9 in 2026.";
    AUDIT_LOG: Info, waivable, "audit-log-not-moved",
        "The gateway keeps an audit log of its Admin API; its history stays, and Konnect keeps a log of its own for a few days.",
        "Send Konnect's audit log to a webhook where it must be kept longer.",
        "A kong.conf with audit_log = on.";
    MAJOR_VERSION_DIFFERS: Warning, waivable, "source-major-version-differs",
        "The source is older than 3.0, and Konnect's entities mean what they mean in 3.x.",
        "Upgrade the source to 2.8 and then 3.4 first, or compare the traffic of both sides with care.",
        "A source of 2.8.";
}

const V3: KongVersion = KongVersion { major: 3, minor: 0 };

/// Judges the source.
pub fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let input = facts.input;
    let unread = input.source.gaps.iter().any(|gap| gap.cause != GapCause::Absent);
    if input.source.is_empty() && !unread {
        findings.push(Finding::new(
            &SOURCE_EMPTY,
            Subject::whole_kind("workspaces"),
            "no entities",
        ));
    }
    if input.circumstances.audit_log {
        findings.push(Finding::new(
            &AUDIT_LOG,
            Subject::whole_kind("workspaces"),
            "audit_log is on",
        ));
    }
    let Some(version) = input.version else {
        let observed = "the source tells no version";
        findings.push(Finding::new(
            &DEFAULT_CHANGES_UNKNOWN,
            Subject::whole_kind("plugins"),
            observed,
        ));
        return findings;
    };
    if version < V3 {
        let observed = format!("version {version}");
        findings.push(Finding::new(
            &MAJOR_VERSION_DIFFERS,
            Subject::whole_kind("workspaces"),
            observed,
        ));
    }
    let today = input
        .circumstances
        .now
        .map(|now| now.to_zoned(TimeZone::UTC).date());
    let until = input.catalogue.full_support_until(version);
    if today.zip(until).is_some_and(|(today, until)| today > until) {
        let observed = format!("version {version}");
        findings.push(Finding::new(
            &VERSION_OUT_OF_SUPPORT,
            Subject::whole_kind("workspaces"),
            observed,
        ));
    }
    findings
}
