//! What became of one workspace in one run, and whether that is everything.

use std::time::Duration;

use gateway_migration_operator::api::workspace_migration::{FindingGroup, WorkspaceMigrationStatus};
use gateway_migration_operator::kong::plan::planner_rules::ENTITY_NOT_MOVABLE;
use gateway_migration_operator::kong::plan::preflight::plugins::{
    CUSTOM_PLUGIN_SCHEMA_MISSING, PLUGIN_UNSUPPORTED, PLUGIN_VALUE_UNSUPPORTED,
};
use simulators::server::Below;

use crate::recorded::Holding;

/// One run of one migration.
pub struct Account {
    /// Name of the workspace.
    pub workspace: &'static str,
    /// What the source holds, by the test bed's own count.
    pub holding: Holding,
    /// What the migration reports.
    pub status: WorkspaceMigrationStatus,
    /// Requests for entities of the control plane, by the simulator's own count.
    pub requests: Below,
    /// From the manifest's arrival in the API server until Ready.
    pub took: Duration,
}

impl Account {
    /// Entities that were not moved, by the migration's own numbers.
    pub fn stay_behind(&self) -> u64 {
        self.entities().saturating_sub(self.matched())
    }

    /// Findings that name what stays behind.
    pub fn left(&self) -> impl Iterator<Item = &FindingGroup> {
        let rules = [
            &ENTITY_NOT_MOVABLE,
            &PLUGIN_UNSUPPORTED,
            &PLUGIN_VALUE_UNSUPPORTED,
            &CUSTOM_PLUGIN_SCHEMA_MISSING,
        ];
        self.findings()
            .filter(move |finding| rules.iter().any(|rule| rule.id == finding.id))
    }

    /// All findings, the gravest first.
    pub fn findings(&self) -> impl Iterator<Item = &FindingGroup> {
        self.status.findings.iter().flat_map(|findings| &findings.top)
    }

    /// Entities that the migration read.
    pub fn entities(&self) -> u64 {
        self.status.source.as_ref().map_or(0, |source| source.entities)
    }

    /// Entities that are equal on both sides.
    pub fn matched(&self) -> u64 {
        self.status
            .verification
            .as_ref()
            .map_or(0, |verification| verification.matched)
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
        claim(
            entities == self.holding.entities,
            format!(
                "{entities} entities read, the source holds {}",
                self.holding.entities
            ),
        );
        let named: u64 = self.left().map(|finding| finding.count).sum();
        claim(
            matched + named == entities,
            format!("{matched} moved and {named} named do not make {entities}"),
        );
        let unmovable = self.holding.unmovable;
        claim(
            named == unmovable,
            format!("{named} entities are named as not movable, the source holds {unmovable} such"),
        );
        let source = self
            .status
            .source
            .as_ref()
            .and_then(|source| source.digest.as_ref());
        let target = self
            .status
            .verification
            .as_ref()
            .and_then(|verification| verification.digest.as_ref());
        claim(
            source.is_some() && source == target,
            format!("the digests differ: source {source:?}, target {target:?}"),
        );
        if let Some(seen) = &self.status.verification {
            claim(
                seen.mismatched + seen.missing == 0,
                format!(
                    "{} entities differ and {} are missing",
                    seen.mismatched, seen.missing
                ),
            );
        }
        let writes = match run {
            // The first create of a control plane is sent twice: whether the server refuses an id that it has is learnt by that.
            Run::First => matched.saturating_add(1),
            Run::Second => 0,
        };
        claim(
            self.requests.writes == writes,
            format!(
                "{} writes by the simulator's count, expected {writes}",
                self.requests.writes
            ),
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Three entities, one of which stays behind.
    fn account() -> Account {
        let status = json!({
            "source": {"entities": 3, "digest": "sha256:a"},
            "verification": {"digest": "sha256:a", "matched": 2},
            "findings": {"top": [
                {"id": "plugin-unsupported", "severity": "Error", "count": 1, "message": ""},
                {"id": "target-adds-field", "severity": "Warning", "count": 7, "message": ""},
            ]},
        });
        Account {
            workspace: "default",
            holding: Holding {
                entities: 3,
                unmovable: 1,
            },
            status: serde_json::from_value(status).unwrap(),
            requests: Below { total: 9, writes: 3 },
            took: Duration::ZERO,
        }
    }

    fn complaint(account: &Account, run: Run) -> String {
        let complaints = account.complaints(run);
        assert_eq!(complaints.len(), 1, "{complaints:?}");
        complaints.concat()
    }

    #[test]
    fn moved_and_named_entities_are_all_there_is() {
        assert_eq!(account().complaints(Run::First), Vec::<String>::new());
        assert_eq!(account().stay_behind(), 1);
    }

    #[test]
    fn an_entity_that_nothing_names_is_missed() {
        let mut account = account();
        account.status.findings = None;
        let complaints = account.complaints(Run::First).join("; ");
        assert!(
            complaints.contains("2 moved and 0 named do not make 3"),
            "{complaints}"
        );
    }

    #[test]
    fn an_entity_that_was_not_read_is_missed() {
        let account = Account {
            holding: Holding {
                entities: 4,
                unmovable: 1,
            },
            ..account()
        };
        assert!(complaint(&account, Run::First).contains("the source holds 4"));
    }

    #[test]
    fn a_difference_is_told() {
        let mut account = account();
        if let Some(verification) = &mut account.status.verification {
            verification.digest = Some("sha256:b".to_owned());
        }
        assert!(complaint(&account, Run::First).contains("digests differ"));
    }

    #[test]
    fn the_second_run_may_not_write() {
        assert!(complaint(&account(), Run::Second).contains("3 writes"));
    }
}
