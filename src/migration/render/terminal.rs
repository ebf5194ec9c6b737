//! A plan for a person at a terminal: what changes, by kind, then what to know, the worst first.

use std::fmt::Write as _;

use super::groups::{KindGroup, by_kind, words};
use crate::migration::finding::{Finding, RuleRegistry, Severity, by_rule};
use crate::migration::plan::{Action, Operation};
use crate::migration::report::PlanReport;

/// How the text looks.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// With ANSI colours.
    pub colour: bool,
    /// Every operation and every subject, instead of the first ones.
    pub full: bool,
}

/// Operations of one kind and action that are listed unless everything is.
const MOST_OPERATIONS: usize = 20;
/// Subjects of one finding that are listed unless everything is.
const MOST_SUBJECTS: usize = 5;

#[derive(Clone, Copy)]
pub(super) enum Ink {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
    Blue,
}

impl Style {
    pub(super) fn ink(self, ink: Ink, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let code = match ink {
            Ink::Bold => 1,
            Ink::Dim => 2,
            Ink::Red => 31,
            Ink::Green => 32,
            Ink::Yellow => 33,
            Ink::Blue => 34,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    pub(super) fn most(self, most: usize) -> usize {
        if self.full { usize::MAX } else { most }
    }
}

/// The text, with a line end. `route` says from where to where, and `rules` has the titles of the findings.
#[must_use]
pub fn render<E>(report: &PlanReport<E>, route: &str, rules: RuleRegistry, style: Style) -> String {
    let mut out = String::new();
    line(&mut out, &style.ink(Ink::Bold, &clean(route)));
    for group in by_kind(&report.plan.operations) {
        kind(&mut out, &group, style);
    }
    findings(&mut out, &report.plan.findings, rules, style);
    line(&mut out, "");
    line(&mut out, &format!("Plan: {}.", report.summary));
    line(
        &mut out,
        &style.ink(Ink::Dim, &format!("Plan hash: {}", report.plan.hash)),
    );
    out
}

fn kind(out: &mut String, group: &KindGroup<'_>, style: Style) {
    let folded = folded(group);
    if group.count(Action::Unchanged) + group.count(Action::NotSelected) == group.operations.len() {
        return line(out, &style.ink(Ink::Dim, &format!("{}: {folded}", group.kind)));
    }
    line(out, "");
    line(out, &style.ink(Ink::Bold, group.kind));
    for action in [
        Action::Create,
        Action::Update,
        Action::Delete,
        Action::Blocked,
        Action::StaysBehind,
        Action::Skipped,
    ] {
        let all = group.operations.iter().filter(|o| o.action == action);
        for operation in all.take(style.most(MOST_OPERATIONS)) {
            one(out, operation, style);
        }
        let more = group.count(action).saturating_sub(style.most(MOST_OPERATIONS));
        if more > 0 {
            let folded = format!("    and {more} more: {}", words(action));
            line(out, &style.ink(Ink::Dim, &folded));
        }
    }
    if !folded.is_empty() {
        line(out, &style.ink(Ink::Dim, &format!("  = {folded}")));
    }
}

/// What nothing happens to, as counts.
fn folded(group: &KindGroup<'_>) -> String {
    let counts = [Action::Unchanged, Action::NotSelected].map(|action| (group.count(action), words(action)));
    let parts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    parts.join(", ")
}

fn one(out: &mut String, operation: &Operation, style: Style) {
    let (sign, ink) = match operation.action {
        Action::Create => ("+", Ink::Green),
        Action::Update => ("~", Ink::Yellow),
        Action::Blocked => ("!", Ink::Red),
        Action::Delete | Action::StaysBehind => ("-", Ink::Red),
        Action::Unchanged | Action::Skipped | Action::NotSelected => ("=", Ink::Dim),
    };
    let reason = match operation.reason.as_str() {
        "" => String::new(),
        reason => format!(": {} ({})", clean(reason), words(operation.action)),
    };
    let name = match &operation.subject.name {
        Some(name) => format!(
            "{} {}",
            clean(name),
            style.ink(Ink::Dim, &operation.subject.key.id)
        ),
        None => operation.subject.key.id.to_string(),
    };
    line(out, &format!("  {} {name}{reason}", style.ink(ink, sign)));
    for change in &operation.changes {
        let (from, to) = (clean(&change.from), clean(&change.to));
        line(out, &format!("      {}: {from} -> {to}", change.field));
    }
}

pub(super) fn findings(out: &mut String, findings: &[Finding], rules: RuleRegistry, style: Style) {
    for ((severity, id), group) in by_rule(findings) {
        let (word, ink) = match severity {
            Severity::Critical => ("Critical", Ink::Red),
            Severity::Error => ("Error", Ink::Red),
            Severity::Warning => ("Warning", Ink::Yellow),
            Severity::Info => ("Info", Ink::Blue),
        };
        line(out, "");
        line(
            out,
            &format!(
                "{} {id} ({}): {}",
                style.ink(ink, word),
                group.len(),
                rules.title(id)
            ),
        );
        for finding in group.iter().take(style.most(MOST_SUBJECTS)) {
            line(
                out,
                &format!(
                    "    {}: {}",
                    clean(&finding.subject.to_string()),
                    clean(&finding.observed)
                ),
            );
        }
        let more = group.len().saturating_sub(style.most(MOST_SUBJECTS));
        if more > 0 {
            line(out, &style.ink(Ink::Dim, &format!("    and {more} more")));
        }
        if let Some(first) = group.first() {
            line(out, &format!("    What to do: {}", first.remedy));
        }
    }
}

pub(super) fn line(out: &mut String, text: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(out, "{text}");
}

/// Names come from the source: a control character in one must not reach the terminal.
pub(super) fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}
