//! How a run ended: one decision over its facts, and one table of what is said of each ending. Pure.

use super::drift::not_verified;
use crate::api::conditions::{APPLIED, DRIFTED, VERIFIED, reason};
use crate::api::workspace_migration::{Phase, WorkspaceMigrationStatus};
use crate::controllers::migration::verdict::LOOK_AGAIN;
use crate::controllers::runtime::draft::Draft;
use crate::controllers::runtime::outcome::Outcome;
use crate::controllers::runtime::words::{counted, first_few};
use crate::k8s::conditions::ConditionStatus::{self, False, True};
use crate::kong::engine::{self, Applied, Refusal};
use crate::migration::plan::{Action, Plan};
use crate::migration::verification::Verification;

/// Entities that a message names.
const NAMED: usize = 3;

/// The endings of a run that was not called off.
#[derive(Debug)]
pub(super) enum RunEnding<'a> {
    /// All is written, and both sides are equal.
    Completed,
    /// All is written, and the control plane holds something else.
    Mismatch,
    /// Some entities are blocked or were refused; all others are written.
    PartiallyApplied,
    /// An entity was refused, and the failure policy ended the run there.
    StoppedAtRefusal,
    /// Something that passes ended the run; the next one goes on from what the target holds.
    Interrupted(&'a engine::Error),
}

/// What a run was to do, did, and found afterwards.
#[derive(Clone, Copy)]
pub(super) struct RunFacts<'a> {
    /// What was to be done.
    pub plan: &'a Plan,
    /// What was done.
    pub applied: &'a Applied,
    /// The comparison after the writes; none of a run that was interrupted.
    pub verification: Option<&'a Verification>,
}

impl<'a> RunFacts<'a> {
    /// How the run ended.
    pub fn ending(&self) -> RunEnding<'a> {
        if let Some(error) = &self.applied.interrupted {
            RunEnding::Interrupted(error)
        } else if !self.applied.not_tried.is_empty() {
            RunEnding::StoppedAtRefusal
        } else if self.unwritten() > 0 {
            RunEnding::PartiallyApplied
        } else if !self.verification.is_some_and(Verification::holds) {
            RunEnding::Mismatch
        } else {
            RunEnding::Completed
        }
    }

    /// Entities that are blocked or were refused.
    fn unwritten(&self) -> usize {
        self.plan.count(Action::Blocked) + self.applied.refused.len()
    }

    fn matched(&self) -> usize {
        self.verification.map_or(0, |verification| verification.matched)
    }
}

/// One row of the table of words.
struct Row {
    /// Status, reason and message of `Applied`.
    applied: (ConditionStatus, &'static str, String),
    /// None where it stays what it was.
    phase: Option<Phase>,
    /// What `Ready` says of it.
    result: Result<Outcome, engine::Error>,
}

impl Row {
    /// All is written.
    fn written(run: &RunFacts<'_>, phase: Phase, outcome: Outcome) -> Self {
        let (matched, of) = (run.matched(), run.plan.entities());
        let written = format!("{matched} of {of} entities are in the control plane.");
        Self {
            applied: (True, reason::APPLIED, written),
            phase: Some(phase),
            result: Ok(outcome.again_after(LOOK_AGAIN)),
        }
    }

    /// Not all is written, which both conditions say in the same words.
    fn unwritten(reason: &'static str, message: String) -> Self {
        Self {
            applied: (False, reason, message.clone()),
            phase: Some(Phase::Failed),
            result: Ok(Outcome::blocked(reason, message).again_after(LOOK_AGAIN)),
        }
    }
}

/// The table: what is said of each ending.
fn row(run: &RunFacts<'_>, ending: &RunEnding<'_>) -> Row {
    let of = run.plan.entities();
    match ending {
        RunEnding::Completed => {
            let outcome = Outcome::done(reason::COMPLETED, completed(run));
            Row::written(run, Phase::Completed, outcome)
        }
        RunEnding::Mismatch => {
            let message = format!(
                "The control plane differs from the source after the writes: see status.findings, and look for somebody else who writes to it.{}",
                repaired(run.verification)
            );
            Row::written(run, Phase::Failed, Outcome::blocked(reason::MISMATCH, message))
        }
        RunEnding::PartiallyApplied => {
            let message = format!(
                "{} of {of} entities are in the control plane; {} not written: see status.findings and solve what they say; the rest follows within 10 minutes.",
                run.matched(),
                counted(run.unwritten(), "is", "are")
            );
            Row::unwritten(reason::PARTIALLY_APPLIED, message)
        }
        RunEnding::StoppedAtRefusal => Row::unwritten(reason::STOPPED_AT_REFUSAL, stopped(run.applied)),
        RunEnding::Interrupted(error) => {
            let (written, of) = (run.applied.written(), run.plan.writes());
            let message = format!("{written} of {of} entities are written. {error}");
            Row {
                applied: (False, reason::PROGRESSING_WITH_RETRY, message),
                phase: None,
                result: Err((*error).clone()),
            }
        }
    }
}

/// How much moved, and what did not.
fn completed(run: &RunFacts<'_>) -> String {
    let deleted = match run.applied.deleted {
        0 => String::new(),
        deleted => format!(
            " {} deleted.",
            counted(
                deleted,
                "that the source has no more is",
                "that the source has no more are"
            )
        ),
    };
    let rest = match run.plan.count(Action::StaysBehind) {
        0 => String::new(),
        behind => format!(
            " {} behind: status.findings says why and what to do.",
            counted(behind, "stays", "stay")
        ),
    };
    format!(
        "{} of {} entities moved and verified.{}{deleted}{rest}",
        run.matched(),
        run.plan.entities(),
        repaired(run.verification)
    )
}

/// What was written before the refusal that ended the run, what was refused, and what was not tried.
fn stopped(applied: &Applied) -> String {
    let (dependents, refused): (Vec<_>, Vec<_>) =
        applied.refused.iter().partition(|refusal| refusal.dependent);
    let dependents = if dependents.is_empty() {
        String::new()
    } else {
        let depend = counted(dependents.len(), "depends", "depend");
        format!(" {depend} on it: {}.", names(&dependents))
    };
    format!(
        "{} written. Konnect refused {}, and spec.failurePolicy ended the run there.{dependents} {} not tried. \
         See status.findings, solve what was refused, then change the spec, or wait 10 minutes: the next run writes only what is left.",
        counted(applied.written(), "entity is", "entities are"),
        names(&refused),
        counted(applied.not_tried.len(), "more was", "more were")
    )
}

fn names(refusals: &[&Refusal]) -> String {
    let subjects = refusals.iter().map(|refusal| &refusal.subject);
    first_few(subjects, NAMED, ", ", ("other", "others"))
}

/// How much was written once more.
fn repaired(verification: Option<&Verification>) -> String {
    match verification.map_or(0, |verification| verification.repaired) {
        0 => String::new(),
        count => format!(
            " {} written once more after a first comparison.",
            counted(count, "of them was", "of them were")
        ),
    }
}

/// What the comparison after the writes found, into its condition.
fn report_verification(verification: &Verification, draft: &mut Draft<WorkspaceMigrationStatus>) {
    let equal = counted(verification.matched, "entity is", "entities are");
    let repaired = repaired(Some(verification));
    if verification.holds() {
        let message = format!("{equal} equal on both sides.{repaired}");
        draft.conditions.set(VERIFIED, True, reason::VERIFIED, message);
        // Not of what the run wrote, but of what it was told to leave as somebody has made it.
        if draft.conditions.get(DRIFTED).is_some() {
            not_verified(reason::TARGET_CHANGED, draft);
        }
        return;
    }
    let message = format!(
        "{equal} equal, {}, {} missing in the control plane, {} there again.{repaired}",
        counted(verification.mismatched.len(), "differs", "differ"),
        counted(verification.missing.len(), "is", "are"),
        counted(
            verification.remaining.len(),
            "was deleted and is",
            "were deleted and are"
        )
    );
    draft.conditions.set(VERIFIED, False, reason::MISMATCH, message);
}

/// Says how a run ended.
///
/// # Errors
/// What interrupted it.
pub(super) fn conclude(
    run: &RunFacts<'_>,
    draft: &mut Draft<WorkspaceMigrationStatus>,
) -> Result<Outcome, engine::Error> {
    if let Some(verification) = run.verification {
        report_verification(verification, draft);
    }
    let ending = run.ending();
    let Row {
        applied: (status, reason, message),
        phase,
        result,
    } = row(run, &ending);
    draft.conditions.set(APPLIED, status, reason, message);
    draft.status.phase = phase.or(draft.status.phase);
    let generation = draft.conditions.generation();
    draft.status.checkpoint_mut().completed_generation =
        matches!(ending, RunEnding::Completed).then_some(generation);
    result
}

#[cfg(test)]
mod tests;
