//! What comes to `status.findings` after the plan's own: nothing but this and the report of the plan writes it. Pure.

use crate::api::workspace_migration::WorkspaceMigrationStatus;
use crate::controllers::migration::report::findings_status;
use crate::controllers::runtime::draft::Draft;
use crate::kong::engine::Applied;
use crate::kong::plan::planner_rules::NOT_TRIED;
use crate::kong::plan::rule_families::RULE_FAMILIES;
use crate::migration::finding::Finding;
use crate::migration::plan::Plan;
use crate::migration::rollback::Rollback;
use crate::migration::verification::Verification;

/// What the plan found, and what the writes and the comparison after them added: nothing that was told before them is taken back. What a
/// run that was cut short has not come to is no finding, because the next pass goes on with it.
pub(super) fn report_written(
    plan: &Plan,
    applied: &Applied,
    cut_short: bool,
    verification: Option<&Verification>,
    draft: &mut Draft<WorkspaceMigrationStatus>,
) {
    let added = applied
        .findings()
        .filter(|finding| !cut_short || finding.id != NOT_TRIED.id);
    let compared = verification
        .into_iter()
        .flat_map(|verification| &verification.findings);
    let findings = plan
        .findings
        .iter()
        .cloned()
        .chain(added)
        .chain(compared.cloned());
    write(findings.collect(), draft);
}

/// What stays when a migration is undone, and what Konnect refused to undo.
pub(super) fn report_undone(
    rollback: &Rollback,
    refused: &[Finding],
    draft: &mut Draft<WorkspaceMigrationStatus>,
) {
    write([&rollback.findings, refused].concat(), draft);
}

fn write(mut findings: Vec<Finding>, draft: &mut Draft<WorkspaceMigrationStatus>) {
    findings.sort_by(|a, b| a.rank().cmp(&b.rank()));
    findings.dedup();
    draft.status.findings = Some(findings_status(&findings, RULE_FAMILIES));
}

#[cfg(test)]
mod tests;
