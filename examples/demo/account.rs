//! What became of one workspace in one run, and whether that is everything.

use std::time::Duration;

use gateway_migration_operator::api::workspace_migration::{Finding, Severity, WorkspaceMigrationStatus};
use gateway_migration_operator::plan::finding::{
    CUSTOM_PLUGIN_SCHEMA_MISSING, ENTITY_NOT_MOVABLE, PLUGIN_UNSUPPORTED, PLUGIN_VALUE_UNSUPPORTED,
};
use serde_json::Value;
use simulators::server::Below;

use crate::table::table;

/// One run of one migration.
pub struct Account {
    /// Name of the workspace.
    pub workspace: &'static str,
    /// Entities that the source holds, by the test bed's own count.
    pub expected: u64,
    /// What the migration reports.
    pub status: WorkspaceMigrationStatus,
    /// Requests for entities of the control plane, by the simulator's own count.
    pub requests: Below,
    /// From the change of the manifest until Ready.
    pub took: Duration,
}

impl Account {
    /// Entities that were not moved, by the migration's own numbers.
    pub fn stay_behind(&self) -> u64 {
        self.entities().saturating_sub(self.matched())
    }

    /// Findings that name what stays behind.
    pub fn left(&self) -> impl Iterator<Item = &Finding> {
        let rules = [&ENTITY_NOT_MOVABLE, &PLUGIN_UNSUPPORTED, &PLUGIN_VALUE_UNSUPPORTED, &CUSTOM_PLUGIN_SCHEMA_MISSING];
        self.findings().filter(move |finding| rules.iter().any(|rule| rule.id == finding.id))
    }

    /// All findings, the gravest first.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.status.findings.iter().flat_map(|findings| &findings.top)
    }

    fn entities(&self) -> u64 {
        self.status.source.as_ref().map_or(0, |source| source.entities)
    }

    fn matched(&self) -> u64 {
        self.status.verification.as_ref().map_or(0, |verification| verification.matched)
    }

    /// What is wrong, in words; nothing when every entity is accounted for and both sides are equal.
    pub fn complaints(&self, run: Run) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut claim = |holds: bool, words: String| {
            if !holds {
                wrong.push(format!("{} ({}): {words}", self.workspace, run.name()));
            }
        };
        let (entities, matched) = (self.entities(), self.matched());
        claim(entities == self.expected, format!("{entities} entities read, the source holds {}", self.expected));
        let named: u64 = self.left().map(|finding| finding.count).sum();
        claim(
            matched + named == entities,
            format!("{matched} moved and {named} named do not make {entities}"),
        );
        let source = self.status.source.as_ref().and_then(|source| source.digest.as_ref());
        let target = self.status.verification.as_ref().and_then(|verification| verification.digest.as_ref());
        claim(
            source.is_some() && source == target,
            format!("the digests differ: source {source:?}, target {target:?}"),
        );
        if let Some(seen) = &self.status.verification {
            claim(
                seen.mismatched + seen.missing == 0,
                format!("{} entities differ and {} are missing", seen.mismatched, seen.missing),
            );
        }
        let writes = match run {
            Run::First => matched,
            Run::Second => 0,
        };
        claim(
            self.requests.writes == writes,
            format!("{} writes by the simulator's count, expected {writes}", self.requests.writes),
        );
        wrong
    }
}

/// Which run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// Into an empty control plane.
    First,
    /// With nothing left to do.
    Second,
}

impl Run {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first run",
            Self::Second => "second run",
        }
    }
}

/// Entities in a dump; its list of tags repeats what the entities say.
pub fn entities_of(dump: &str) -> anyhow::Result<u64> {
    let dump: serde_json::Map<String, Value> = serde_json::from_str(dump)?;
    let lists = dump.iter().filter(|(path, _)| *path != "/tags");
    let counts = lists.filter_map(|(_, list)| u64::try_from(list.as_array()?.len()).ok());
    Ok(counts.sum())
}

/// The accounts of one run as a table.
pub fn summary(accounts: &[Account]) -> String {
    let rows: Vec<_> = accounts.iter().map(row).collect();
    let headings = [
        "WORKSPACE", "ENTITIES", "CREATED", "UNCHANGED", "STAY BEHIND", "FINDINGS", "VERIFIED", "REQUESTS", "WRITES",
        "SECONDS",
    ];
    table(headings, &rows)
}

fn row(account: &Account) -> [String; 10] {
    let plan = account.status.plan.clone().unwrap_or_default();
    let findings = account.status.findings.as_ref();
    [
        account.workspace.to_owned(),
        account.entities().to_string(),
        plan.create.to_string(),
        plan.unchanged.to_string(),
        account.stay_behind().to_string(),
        findings.map(|findings| findings.summary.clone()).unwrap_or_default(),
        format!("{}/{}", account.matched(), account.entities() - account.stay_behind()),
        account.requests.total.to_string(),
        account.requests.writes.to_string(),
        format!("{:.1}", account.took.as_secs_f64()),
    ]
}

/// One finding for a person, indented.
pub fn describe(finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Critical => "Critical",
        Severity::Error => "Error",
        Severity::Warning => "Warning",
        Severity::Info => "Info",
    };
    let hidden = finding.count.saturating_sub(u64::try_from(finding.subjects.len()).unwrap_or(u64::MAX));
    let more = if hidden > 0 { format!(", and {hidden} more") } else { String::new() };
    format!(
        "    {severity:<8} {}: {}{more}\n             {}\n             To do: {}",
        finding.id,
        finding.subjects.join(", "),
        finding.message,
        finding.remedy.as_deref().unwrap_or("nothing"),
    )
}
