//! A rollback as a document: every step with its reason, and why the rest stays. Stored and shown from this one form; values are
//! masked as in a plan.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Rollback, RollbackInput, Step, Undo, body_before};
use crate::kong::model::entity_kinds::named;
use crate::kong::model::{EntityKey, Subject};
use crate::kong::plan::catalogue::Catalogue;
use crate::kong::plan::compare::{FieldChange, differences};
use crate::kong::plan::finding::Finding;

/// Name and version of the form. A reader refuses any other; fields may be added without a new version.
pub const FORMAT: &str = "gatewaymigration.dev/rollback/v1";

/// One step for a reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedStep {
    /// Steps of a wave do not depend on each other; waves are carried out in their order.
    pub wave: u8,
    /// What is done.
    pub undo: Undo,
    /// To which entity of the target.
    pub subject: Subject,
    /// Why.
    pub reason: Cow<'static, str>,
    /// What a restored entity has now, and had before; secrets masked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<FieldChange>,
}

/// A rollback with everything a reader needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RollbackReport {
    /// [`FORMAT`].
    pub format: String,
    /// Name of the workspace that was migrated.
    pub workspace: String,
    /// Id of the control plane.
    pub control_plane: String,
    /// What an approval names.
    pub hash: String,
    /// The counts in one line.
    pub summary: String,
    /// What is undone, in the order in which it is.
    pub steps: Vec<ReportedStep>,
    /// What stays, and why, worst first.
    pub findings: Vec<Finding>,
}

impl RollbackReport {
    /// Everything about a rollback that was made from this input.
    #[must_use]
    pub fn new(rollback: &Rollback, input: &RollbackInput<'_>, ends: (&str, &str)) -> Self {
        let (workspace, control_plane) = ends;
        Self {
            format: FORMAT.to_owned(),
            workspace: workspace.to_owned(),
            control_plane: control_plane.to_owned(),
            hash: rollback.hash.clone(),
            summary: rollback.summary(),
            steps: rollback.steps.iter().map(|step| reported(step, input)).collect(),
            findings: rollback.findings.clone(),
        }
    }
}

fn reported(step: &Step, input: &RollbackInput<'_>) -> ReportedStep {
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
