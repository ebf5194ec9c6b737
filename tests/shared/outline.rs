//! The part of a plan that a reviewer reads.

use gateway_migration_operator::kong::plan::Planned;

/// The summary, then one line per operation with its changes, then one per finding.
pub fn outline(planned: &Planned) -> String {
    let plan = &planned.plan;
    let mut lines = vec![plan.summary(), plan.source_digest.clone(), String::new()];
    for operation in &plan.operations {
        let target = operation.target_id.as_ref();
        let target = target.map_or_else(String::new, |id| format!(" as {id}"));
        let reason = if operation.reason.is_empty() {
            String::new()
        } else {
            format!(": {}", operation.reason)
        };
        lines.push(format!(
            "{} {:?} {}{target}{reason}",
            operation.wave, operation.action, operation.subject
        ));
        for change in &operation.changes {
            lines.push(format!(
                "      {}: {} -> {}",
                change.field, change.from, change.to
            ));
        }
    }
    lines.push(String::new());
    for finding in &plan.findings {
        let waived = finding.waived.as_ref();
        let waived = waived.map_or_else(String::new, |reason| format!(" (waived: {reason})"));
        lines.push(format!(
            "{:?} {} {}: {}{waived}",
            finding.severity, finding.id, finding.subject, finding.observed
        ));
    }
    lines.join("\n")
}
