//! Accounts and findings for people.

use gateway_migration_operator::api::workspace_migration::{FindingGroup, FindingSeverity};

use crate::account::Account;
use crate::table::table;

/// The accounts of one run as a table.
pub fn summary(accounts: &[Account]) -> String {
    let headings = [
        "WORKSPACE",
        "ENTITIES",
        "CREATED",
        "UNCHANGED",
        "STAY BEHIND",
        "FINDINGS",
        "VERIFIED",
        "REQUESTS",
        "WRITES",
        "SECONDS",
    ];
    let rows: Vec<_> = accounts.iter().map(row).collect();
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
        findings
            .map(|findings| findings.summary.clone())
            .unwrap_or_default(),
        format!("{}/{}", account.matched(), plan.create + plan.unchanged),
        account.requests.total.to_string(),
        account.requests.writes.to_string(),
        format!("{:.1}", account.took.as_secs_f64()),
    ]
}

/// One finding, indented, with a line for each subject that the status names.
pub fn describe(finding: &FindingGroup) -> String {
    let severity = match finding.severity {
        FindingSeverity::Critical => "Critical",
        FindingSeverity::Error => "Error",
        FindingSeverity::Warning => "Warning",
        FindingSeverity::Info => "Info",
    };
    let mut lines = vec![format!(
        "    {severity:<8} {} ({}): {}",
        finding.id, finding.count, finding.message
    )];
    lines.extend(
        finding
            .subjects
            .iter()
            .map(|subject| format!("               {subject}")),
    );
    let named = u64::try_from(finding.subjects.len()).unwrap_or(u64::MAX);
    if finding.count > named {
        lines.push(format!("               and {} more", finding.count - named));
    }
    lines.extend(
        finding
            .remedy
            .as_ref()
            .map(|remedy| format!("             To do: {remedy}")),
    );
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_that_the_status_leaves_out_are_counted() {
        let finding = FindingGroup {
            id: "plugin-unsupported".to_owned(),
            severity: FindingSeverity::Error,
            count: 7,
            waived: 0,
            subjects: vec!["plugins/a".to_owned(), "plugins/b".to_owned()],
            message: "Konnect does not run it.".to_owned(),
            remedy: Some("Replace it.".to_owned()),
        };
        let text = describe(&finding);
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        assert_eq!(
            lines,
            [
                "Error    plugin-unsupported (7): Konnect does not run it.",
                "plugins/a",
                "plugins/b",
                "and 5 more",
                "To do: Replace it.",
            ]
        );
    }
}
