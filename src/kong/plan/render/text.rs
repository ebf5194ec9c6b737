//! What every plan is shown as, with the two ends and the rules of this product.

use crate::kong::plan::document::PlanEnds;
use crate::kong::plan::rollback::report::RollbackEnds;
use crate::kong::plan::rule_families::RULE_FAMILIES;
use crate::migration::render;
use crate::migration::render::markdown::code;
use crate::migration::render::terminal::Style;
use crate::migration::report::PlanReport;
use crate::migration::rollback::RollbackReport;

/// A plan for a person at a terminal.
#[must_use]
pub fn terminal(report: &PlanReport<PlanEnds>, style: Style) -> String {
    let ends = &report.ends;
    let version = match ends.source_version.as_str() {
        "" => String::new(),
        version => format!(" (Kong {version})"),
    };
    let control_plane = ends.control_plane_shown();
    let route = format!(
        "workspace {}{version} to control plane {control_plane}",
        ends.workspace
    );
    render::terminal::render(report, &route, RULE_FAMILIES, style)
}

/// A plan for a review.
#[must_use]
pub fn markdown(report: &PlanReport<PlanEnds>) -> String {
    let ends = &report.ends;
    let route = format!(
        "Workspace {} to control plane {} ({}).",
        code(&ends.workspace),
        code(ends.control_plane_shown()),
        code(&ends.control_plane)
    );
    render::markdown::render(report, &route, RULE_FAMILIES)
}

/// A rollback for a person at a terminal.
#[must_use]
pub fn rollback(report: &RollbackReport<RollbackEnds>, style: Style) -> String {
    let RollbackEnds {
        workspace,
        control_plane,
    } = &report.ends;
    let route = format!("workspace {workspace} in control plane {control_plane}");
    render::rollback::terminal(report, &route, RULE_FAMILIES, style)
}
