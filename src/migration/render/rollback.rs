//! A rollback for a person at a terminal and for programs: what is undone, step by step, and why the rest stays.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::json::ReadError;
use super::terminal::{Ink, Style, clean, findings, line};
use crate::migration::finding::RuleRegistry;
use crate::migration::rollback::{FORMAT, ReportedStep, RollbackReport, Undo};

/// Steps of one kind that are listed unless everything is.
const MOST_STEPS: usize = 20;

/// The text, with a line end. Steps come in the order in which they are carried out. `route` says what was migrated, and whereto;
/// `rules` has the titles of the findings.
#[must_use]
pub fn terminal<E>(report: &RollbackReport<E>, route: &str, rules: RuleRegistry, style: Style) -> String {
    let mut out = String::new();
    line(&mut out, &style.ink(Ink::Bold, &clean(route)));
    for kind in report
        .steps
        .chunk_by(|a, b| a.subject.key.kind == b.subject.key.kind)
    {
        line(&mut out, "");
        let name = kind.first().map_or("", |step| &*step.subject.key.kind);
        line(&mut out, &style.ink(Ink::Bold, name));
        for step in kind.iter().take(style.most(MOST_STEPS)) {
            one(&mut out, step, style);
        }
        let more = kind.len().saturating_sub(style.most(MOST_STEPS));
        if more > 0 {
            line(&mut out, &style.ink(Ink::Dim, &format!("    and {more} more")));
        }
    }
    findings(&mut out, &report.findings, rules, style);
    line(&mut out, "");
    line(&mut out, &format!("Rollback: {}.", report.summary));
    let hash = format!("Rollback hash: {}", report.hash);
    line(&mut out, &style.ink(Ink::Dim, &hash));
    out
}

fn one(out: &mut String, step: &ReportedStep, style: Style) {
    let (sign, ink, words) = match step.undo {
        Undo::Delete => ("-", Ink::Red, "delete"),
        Undo::Restore => ("~", Ink::Yellow, "restore"),
        Undo::Recreate => ("+", Ink::Green, "make again"),
    };
    let id = &step.subject.key.id;
    let name = match &step.subject.name {
        Some(name) => format!("{} {}", clean(name), style.ink(Ink::Dim, id)),
        None => id.to_string(),
    };
    let sign = style.ink(ink, sign);
    line(out, &format!("  {sign} {name}: {} ({words})", step.reason));
    for change in &step.changes {
        let (from, to) = (clean(&change.from), clean(&change.to));
        line(out, &format!("      {}: {from} -> {to}", change.field));
    }
}

/// Indented, with a line end.
///
/// # Errors
/// Only when serde does not write a string map, which cannot be.
pub fn json<E: Serialize>(report: &RollbackReport<E>) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(text)
}

/// Reads what [`json`] wrote, or a report as it is stored: as small as JSON is.
///
/// # Errors
/// Anything else.
pub fn read<E: DeserializeOwned>(bytes: &[u8]) -> Result<RollbackReport<E>, ReadError> {
    let value: serde_json::Value = serde_json::from_slice(bytes)?;
    let found = value.get("format").and_then(serde_json::Value::as_str);
    match found {
        Some(FORMAT) => Ok(serde_json::from_value(value)?),
        other => Err(ReadError::Format {
            found: other.unwrap_or_default().to_owned(),
            expected: FORMAT,
        }),
    }
}
