//! What a run of `apply` did, in the forms in which it is printed.

use std::fmt::{self, Write as _};

use clap::ValueEnum;
use serde::Serialize;

use super::output::{OutputError, print};
use crate::kong::engine::{Applied, Refusal};
use crate::kong::plan::document::{PlanEnds, Planned};
use crate::migration::finding::Finding;
use crate::migration::plan::Action;
use crate::migration::subject::Subject;
use crate::migration::verification::Verification;

/// Name and version of the JSON form; fields may be added without a new version.
const FORMAT: &str = "gatewaymigration.dev/result/v1";

/// A form of the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ResultFormat {
    /// One line for a person.
    #[default]
    Terminal,
    /// For programs.
    Json,
    /// For a review.
    Markdown,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum End {
    /// Everything is written and verified.
    Done,
    /// What can be written is; the rest waits for a person.
    Waiting,
    /// Nothing was written, because something is in the way.
    Blocked,
    /// An error or a signal ended the run; running it again goes on.
    Failed,
}

/// A run, told to somebody who was not there.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunResult {
    format: &'static str,
    ends: PlanEnds,
    /// How it ended.
    pub end: End,
    /// The same in words, with what to do next.
    pub message: String,
    plan_hash: String,
    plan_summary: String,
    created: usize,
    to_create: usize,
    updated: usize,
    to_update: usize,
    not_written: Vec<NotWritten>,
    /// None when the run ended before.
    verification: Option<Verified>,
    findings: Vec<Finding>,
}

/// An entity that the control plane does not have.
#[derive(Debug, Serialize)]
struct NotWritten {
    #[serde(flatten)]
    subject: Subject,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    reason: String,
}

/// What the control plane holds afterwards.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    matched: usize,
    mismatched: Vec<Subject>,
    missing: Vec<Subject>,
    source_digest: String,
    target_digest: String,
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} equal, {} different, {} missing. Digest of the source {}, of the target {}.",
            self.matched,
            self.mismatched.len(),
            self.missing.len(),
            self.source_digest,
            self.target_digest
        )
    }
}

impl From<&Refusal> for NotWritten {
    fn from(refusal: &Refusal) -> Self {
        Self {
            subject: refusal.subject.clone(),
            field: refusal.field.clone(),
            reason: refusal.reason.clone(),
        }
    }
}

impl From<&Verification> for Verified {
    fn from(verification: &Verification) -> Self {
        let differing = verification.mismatched.iter();
        Self {
            matched: verification.matched,
            mismatched: differing.map(|(subject, _)| subject.clone()).collect(),
            missing: verification.missing.clone(),
            source_digest: verification.source_digest.clone(),
            target_digest: verification.target_digest.clone(),
        }
    }
}

impl RunResult {
    /// The result of a run of this plan.
    #[must_use]
    pub fn new(
        planned: &Planned,
        ends: PlanEnds,
        (end, message): (End, String),
        applied: &Applied,
        verification: Option<&Verification>,
    ) -> Self {
        let plan = &planned.plan;
        let operations = plan.operations.iter();
        let waiting = operations.filter(|one| matches!(one.action, Action::Update | Action::Blocked));
        let not_written = waiting.map(|operation| NotWritten {
            subject: operation.subject.clone(),
            field: None,
            reason: operation.reason.clone(),
        });
        Self {
            format: FORMAT,
            ends,
            end,
            message,
            plan_hash: plan.hash.clone(),
            plan_summary: plan.summary(),
            created: applied.created,
            to_create: plan.count(Action::Create),
            updated: applied.updated,
            to_update: plan.count(Action::Update),
            not_written: applied
                .refused
                .iter()
                .map(Into::into)
                .chain(not_written)
                .collect(),
            verification: verification.map(Into::into),
            findings: plan.findings.clone(),
        }
    }

    /// Prints it on standard output; the message of a terminal goes where messages go.
    ///
    /// # Errors
    /// When standard output does not take it.
    pub fn print(&self, form: ResultFormat) -> Result<(), OutputError> {
        let text = match form {
            ResultFormat::Terminal if self.end == End::Done || self.end == End::Waiting => self.line(),
            ResultFormat::Terminal => return Ok(()),
            ResultFormat::Json => format!("{}\n", serde_json::to_string_pretty(self)?),
            ResultFormat::Markdown => self.markdown(),
        };
        Ok(print(&text)?)
    }

    fn line(&self) -> String {
        format!("{}\n", self.message)
    }

    fn markdown(&self) -> String {
        let mut out = String::new();
        let target = self
            .ends
            .control_plane_name
            .as_ref()
            .unwrap_or(&self.ends.control_plane);
        // Writing to a text cannot fail.
        let _ = writeln!(
            out,
            "# Migration of workspace `{}` to control plane `{target}`\n\n**{:?}**: {}\n\nPlan `{}`: {}.\n\n{} of {} entities created, {} of {} updated.",
            self.ends.workspace,
            self.end,
            cell(&self.message),
            self.plan_hash,
            self.plan_summary,
            self.created,
            self.to_create,
            self.updated,
            self.to_update
        );
        if let Some(verified) = &self.verification {
            let _ = writeln!(out, "\nVerified: {verified}");
        }
        if !self.not_written.is_empty() {
            out.push_str("\n## Not written\n\n| entity | field | why |\n|---|---|---|\n");
            for entity in &self.not_written {
                let field = entity.field.as_deref().unwrap_or_default();
                let (subject, reason) = (cell(&entity.subject.to_string()), cell(&entity.reason));
                let _ = writeln!(out, "| {subject} | {} | {reason} |", cell(field));
            }
        }
        out
    }
}

/// Text that ends neither its cell nor its row.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(char::is_control, " ")
}
