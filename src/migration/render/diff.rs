//! A plan as a diff: every entity that changes, with its fields. Lines begin with `+`, `-` or a blank, so that pagers colour it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::groups::words;
use crate::migration::plan::{Action, Operation};
use crate::migration::report::{PlanReport, PlannedEntity};

/// The text; empty when nothing changes.
#[must_use]
pub fn render<E>(report: &PlanReport<E>) -> String {
    let bodies: BTreeMap<_, _> = report
        .entities
        .iter()
        .map(|entity| (entity.key.clone(), entity))
        .collect();
    let mut out = String::new();
    for operation in &report.plan.operations {
        match operation.action {
            Action::Unchanged | Action::StaysBehind | Action::Skipped | Action::NotSelected => {}
            Action::Create => create(&mut out, operation, bodies.get(&operation.target_key()).copied()),
            Action::Update | Action::Blocked => change(&mut out, operation),
            Action::Delete => line(
                &mut out,
                '-',
                &format!("{} ({})", operation.subject, operation.reason),
            ),
        }
    }
    out
}

fn create(out: &mut String, operation: &Operation, entity: Option<&PlannedEntity>) {
    line(out, '+', &operation.subject.to_string());
    for (field, value) in entity.into_iter().flat_map(|entity| &entity.body) {
        if !value.is_null() {
            line(out, '+', &format!("    {field}: {}", shown(value)));
        }
    }
}

fn change(out: &mut String, operation: &Operation) {
    let why = words(operation.action);
    line(
        out,
        ' ',
        &format!("{} ({why}: {})", operation.subject, operation.reason),
    );
    for change in &operation.changes {
        line(out, '-', &format!("    {}: {}", change.field, change.from));
        line(out, '+', &format!("    {}: {}", change.field, change.to));
    }
}

fn shown(value: &Value) -> String {
    value.to_string()
}

fn line(out: &mut String, sign: char, text: &str) {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    // Writing to a string does not fail.
    let _ = writeln!(out, "{sign} {text}");
}
