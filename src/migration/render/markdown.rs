//! A report for a review: tables that code hosts and wikis show.

use std::fmt::Write as _;

use super::groups::{by_kind, words};
use crate::migration::finding::{RuleRegistry, by_rule};
use crate::migration::plan::{Action, Operation};
use crate::migration::report::PlanReport;

/// Rows of a table; a page with more is not read.
const MOST_ROWS: usize = 500;

/// The text, with a line end. `route` says from where to where, as Markdown, and `rules` has the titles of the findings.
#[must_use]
pub fn render<E>(report: &PlanReport<E>, route: &str, rules: RuleRegistry) -> String {
    let mut out = String::new();
    line(&mut out, "# Migration plan\n");
    line(&mut out, &format!("{route}\n"));
    line(&mut out, &format!("**{}**\n", report.summary));
    line(&mut out, &format!("Plan hash: {}\n", code(&report.plan.hash)));
    kinds(&mut out, report);
    operations(&mut out, report);
    findings(&mut out, report, rules);
    out
}

fn kinds<E>(out: &mut String, report: &PlanReport<E>) {
    line(
        out,
        "| kind | create | update | delete | unchanged | blocked | stays behind | skipped | not selected |",
    );
    line(out, "|---|---:|---:|---:|---:|---:|---:|---:|---:|");
    for group in by_kind(&report.plan.operations) {
        let columns = [
            Action::Create,
            Action::Update,
            Action::Delete,
            Action::Unchanged,
            Action::Blocked,
            Action::StaysBehind,
            Action::Skipped,
            Action::NotSelected,
        ];
        let counts: Vec<_> = columns
            .iter()
            .map(|action| group.count(*action).to_string())
            .collect();
        line(out, &format!("| {} | {} |", group.kind, counts.join(" | ")));
    }
}

fn operations<E>(out: &mut String, report: &PlanReport<E>) {
    let changing: Vec<&Operation> = report
        .plan
        .operations
        .iter()
        .filter(|operation| !matches!(operation.action, Action::Unchanged | Action::NotSelected))
        .collect();
    if changing.is_empty() {
        return;
    }
    line(out, "\n## Changes\n");
    line(out, "| action | kind | name | id | why |");
    line(out, "|---|---|---|---|---|");
    for operation in changing.iter().take(MOST_ROWS) {
        let subject = &operation.subject;
        let changes = operation
            .changes
            .iter()
            .map(|change| format!("{}: {} -> {}", change.field, change.from, change.to));
        let why: Vec<String> = std::iter::once(operation.reason.clone())
            .chain(changes)
            .filter(|part| !part.is_empty())
            .collect();
        line(
            out,
            &format!(
                "| {} | {} | {} | {} | {} |",
                words(operation.action),
                subject.key.kind,
                cell(subject.name.as_deref().unwrap_or_default()),
                code(&subject.key.id),
                cell(&why.join("; "))
            ),
        );
    }
    if changing.len() > MOST_ROWS {
        line(out, &format!("\nAnd {} more.", changing.len() - MOST_ROWS));
    }
}

fn findings<E>(out: &mut String, report: &PlanReport<E>, rules: RuleRegistry) {
    if report.plan.findings.is_empty() {
        return;
    }
    line(out, "\n## Findings");
    for ((severity, id), group) in by_rule(&report.plan.findings) {
        line(out, &format!("\n### {severity:?}: {}\n", code(id)));
        line(out, &format!("{}\n", rules.title(id)));
        if let Some(first) = group.first() {
            line(out, &format!("What to do: {}\n", first.remedy));
        }
        for finding in group.iter().take(MOST_ROWS) {
            let subject = cell(&finding.subject.to_string());
            line(out, &format!("- {subject}: {}", cell(&finding.observed)));
        }
        if group.len() > MOST_ROWS {
            line(out, &format!("- and {} more", group.len() - MOST_ROWS));
        }
    }
}

fn line(out: &mut String, text: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(out, "{text}");
}

/// Text that neither ends the cell nor becomes markup.
fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '*' | '_' | '`' | '<' | '>' | '[' | ']' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Text that stands as it is, as code.
#[must_use]
pub fn code(text: &str) -> String {
    let text: String = text.chars().filter(|c| *c != '`' && !c.is_control()).collect();
    format!("`{text}`")
}
