//! A rollback as a document: every step with its reason, and why the rest stays. Stored and shown from this one form; values are
//! masked as in a plan.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{RollbackInput, body_before};
use crate::kong::model::entity_kinds::named;
use crate::kong::plan::catalogue::Catalogue;
use crate::kong::plan::compare::differences;
use crate::migration::plan::FieldChange;
use crate::migration::rollback::{ReportedStep, Rollback, RollbackReport, RollbackStep, Undo};
use crate::migration::subject::EntityKey;

/// What is undone, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RollbackEnds {
    /// Name of the workspace that was migrated.
    pub workspace: String,
    /// Id of the control plane.
    pub control_plane: String,
}

/// Everything about a rollback that was made from this input. `ends` are the workspace and the control plane.
#[must_use]
pub fn rollback_report(
    rollback: &Rollback,
    input: &RollbackInput<'_>,
    (workspace, control_plane): (&str, &str),
) -> RollbackReport<RollbackEnds> {
    let ends = RollbackEnds {
        workspace: workspace.to_owned(),
        control_plane: control_plane.to_owned(),
    };
    let steps = rollback.steps.iter().map(|step| reported(step, input));
    RollbackReport::new(rollback, ends, steps.collect())
}

fn reported(step: &RollbackStep, input: &RollbackInput<'_>) -> ReportedStep {
    let reason = match step.undo {
        Undo::Delete => "this migration created it",
        Undo::Restore => "this migration overwrote it",
        Undo::Recreate => "this migration overwrote it, and it is gone",
    };
    ReportedStep {
        wave: step.wave,
        undo: step.undo,
        subject: step.subject.clone(),
        reason: Cow::Borrowed(reason),
        changes: match step.undo {
            Undo::Restore => restored(&step.subject.key, input).unwrap_or_default(),
            Undo::Delete | Undo::Recreate => Vec::new(),
        },
    }
}

fn restored(key: &EntityKey, input: &RollbackInput<'_>) -> Option<Vec<FieldChange>> {
    let before = body_before(input.ledger, key, Catalogue::bundled())?;
    let actual = input.target.get(key)?;
    Some(differences(named(&key.kind)?, &before, &actual.body))
}
