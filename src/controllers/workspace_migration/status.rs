//! What the engine found, in the words and limits of the status. Pure.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::api::workspace_migration::{
    KindVerificationStatus, Phase, RollbackStatus, SourceStatus, VerificationStatus,
    WorkspaceMigrationStatus, limits,
};
use crate::controllers::runtime::draft::Draft;
use crate::k8s::status::ObjectStatus;
use crate::kong::admin::{Edition, Node};
use crate::kong::engine::ObservedSource;
use crate::migration::plan::Plan;
use crate::migration::rollback::{Rollback, Undo};
use crate::migration::verification::Verification;

impl ObjectStatus for WorkspaceMigrationStatus {
    fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    fn set_conditions(&mut self, conditions: Vec<Condition>) {
        self.conditions = conditions;
    }

    fn set_observed_generation(&mut self, generation: i64) {
        self.observed_generation = Some(generation);
    }

    fn set_settled_generation(&mut self, generation: Option<i64>) {
        if let Some(checkpoint) = &mut self.checkpoint {
            checkpoint.settled_generation = generation;
        }
    }

    fn begin_generation(&mut self) {
        if let Some(progress) = &mut self.progress {
            progress.waiting_for = None;
        }
        if matches!(self.phase, Some(Phase::Paused | Phase::AwaitingApproval)) {
            self.phase = Some(Phase::Preflight);
        }
    }

    fn at_first() -> Self {
        Self {
            phase: Some(Phase::Pending),
            ..Self::default()
        }
    }
}

/// What was read.
pub fn source_status(source: &ObservedSource, plan: &Plan) -> SourceStatus {
    SourceStatus {
        version: source.version_text(),
        edition: source.node.as_ref().map(|node| edition(node).to_owned()),
        topology: source.node.as_ref().and_then(topology),
        workspace_id: source.workspace_id.clone(),
        digest: Some(plan.source_digest.clone()),
        entities: count(source.snapshot.len()),
    }
}

fn edition(node: &Node) -> &'static str {
    match node.edition {
        Edition::Community => "community",
        Edition::Enterprise => "enterprise",
    }
}

/// A control plane with data planes makes a hybrid deployment.
fn topology(node: &Node) -> Option<String> {
    let role = if node.is_dbless() {
        Some("dbless")
    } else {
        node.role.as_deref()
    };
    role.map(|role| if role == "control_plane" { "hybrid" } else { role }.to_owned())
}

/// What undoing would do.
pub fn rollback_status(rollback: &Rollback) -> RollbackStatus {
    let of = |undo| count(rollback.count(undo));
    RollbackStatus {
        hash: rollback.hash.clone(),
        summary: rollback.summary(),
        delete: of(Undo::Delete),
        restore: of(Undo::Restore),
        recreate: of(Undo::Recreate),
        kept: count(rollback.kept),
        target_digest: None,
        generation: None,
        artefact_ref: None,
    }
}

/// Whether both sides are equal.
pub fn verification_status(verification: &Verification, now: Timestamp) -> VerificationStatus {
    VerificationStatus {
        digest: Some(verification.target_digest.clone()),
        matched: count(verification.matched),
        mismatched: count(verification.mismatched.len()),
        missing: count(verification.missing.len()),
        extra: count(verification.extra),
        repaired: count(verification.repaired),
        checked_at: Some(Time(now)),
        kinds: verification
            .kinds
            .iter()
            .take(limits::KINDS)
            .map(|(kind, of_kind)| KindVerificationStatus {
                kind: (*kind).to_owned(),
                digest: of_kind.target_digest.clone(),
                matched: count(of_kind.matched),
                failed: count(of_kind.failed),
            })
            .collect(),
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// What both sides held when they were last read.
pub fn known_entities(draft: &Draft<WorkspaceMigrationStatus>) -> Option<u64> {
    draft.status.source.as_ref().map(|source| source.entities)
}
