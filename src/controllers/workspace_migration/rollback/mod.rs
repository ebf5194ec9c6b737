//! Undoes a migration: on request (`spec.rollback`), after a refusal (`failurePolicy: RollbackOnFailure`), or as far as deletion asks for
//! it (`deletionPolicy: DeleteMigrated`). The source is not needed for it, and not read.
//!
//! The target is the journal here too: a rollback that was interrupted finds what it has done already, and goes on with what is left.

mod on_failure;
mod report;

use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(super) use self::on_failure::{Cause, refused_before, undone_before, undone_by};
pub(super) use self::report::report_rollback_ready;
use self::report::{Undone, await_approval, conclude, report_begun, report_expected, report_interrupted};
use super::checkpoint::{forget_rollback, rollback_of};
use super::controller::WorkspaceMigrationController;
use super::earlier;
use super::error::Error;
use super::fetch;
use super::interrupted::end_early;
use super::report::report_target;
use super::run::MigrationRun;
use crate::api::names::finalizers;
use crate::api::workspace_migration::{RollbackPolicy, WorkspaceMigration, WorkspaceMigrationStatus};
use crate::controllers::konnect::session::Trust;
use crate::controllers::migration::artefacts::keep_rollback;
use crate::controllers::migration::history::{FinishedRun, remember};
use crate::controllers::migration::interrupts::Interrupts;
use crate::controllers::migration::progress::Shown;
use crate::controllers::migration::report::progress_status;
use crate::controllers::runtime::draft::Draft;
use crate::controllers::runtime::outcome::Outcome;
use crate::controllers::runtime::pass::Pass;
use crate::http::Throttle;
use crate::k8s::finalizer;
use crate::kong::engine::undo::plan_rollback;
use crate::kong::engine::{Applied, FoundInstead, Refusal, Target};
use crate::kong::model::Snapshot;
use crate::kong::plan::ledger::Receipt;
use crate::kong::plan::rollback::findings::{CHANGED_SINCE, STILL_REFERENCED, UNDO_REFUSED};
use crate::kong::plan::rollback::report::{RollbackEnds, rollback_report};
use crate::kong::plan::{Ledger, RollbackInput};
use crate::migration::finding::Finding;
use crate::migration::progress::Progress;
use crate::migration::rollback::{ChangedSince, Extent, Rollback, RollbackReport};

/// What undoing works on.
pub(super) struct Reversal<'a> {
    pub object: &'a WorkspaceMigration,
    pub target: Target,
    pub extent: Extent,
    /// Ends it between two writes.
    pub stop: &'a CancellationToken,
}

/// What undoing found.
pub(super) struct FoundRollback {
    pub ledger: Ledger,
    pub held: Snapshot,
    pub rollback: Rollback,
}

impl Reversal<'_> {
    /// What undoing depends on, for a ledger and what a target holds.
    fn input<'i>(&self, ledger: &'i Ledger, held: &'i Snapshot) -> RollbackInput<'i> {
        RollbackInput {
            extent: self.extent,
            ..whole(self.object, ledger, held)
        }
    }

    /// What undoing would do.
    fn plan(&self, ledger: &Ledger, held: &Snapshot) -> Rollback {
        plan_rollback(&self.input(ledger, held))
    }
}

/// What is done about entities that somebody changed.
fn changed_since(object: &WorkspaceMigration) -> ChangedSince {
    match object.spec.rollback_policy {
        RollbackPolicy::KeepChanged => ChangedSince::Keep,
        RollbackPolicy::UndoChanged => ChangedSince::Undo,
    }
}

/// What a whole rollback depends on.
fn whole<'i>(object: &WorkspaceMigration, ledger: &'i Ledger, held: &'i Snapshot) -> RollbackInput<'i> {
    RollbackInput {
        ledger,
        target: held,
        extent: Extent::Everything,
        changed: changed_since(object),
    }
}

/// What a whole rollback would do now.
fn expected(object: &WorkspaceMigration, ledger: &Ledger, held: &Snapshot) -> Rollback {
    plan_rollback(&whole(object, ledger, held))
}

/// The same as a document beside it.
pub(super) fn preview(
    run: &MigrationRun<'_>,
    ledger: &Ledger,
    held: &Snapshot,
) -> (Rollback, RollbackReport<RollbackEnds>) {
    let input = whole(run.object, ledger, held);
    let rollback = plan_rollback(&input);
    let ends = (
        run.object.spec.source.workspace.as_str(),
        run.migration.control_plane.as_str(),
    );
    let report = rollback_report(&rollback, &input, ends);
    (rollback, report)
}

impl WorkspaceMigrationController {
    /// Tells and keeps what a rollback would do, unless that was told of this spec and of the very same target.
    pub(super) async fn report_preview(
        &self,
        run: &MigrationRun<'_>,
        ledger: &Ledger,
        draft: &mut Draft<WorkspaceMigrationStatus>,
    ) {
        let digest = Some(&run.planned.plan.target_digest);
        let told = draft.status.rollback.as_ref();
        let generation = Some(draft.conditions.generation());
        let same = told.is_some_and(|told| {
            told.target_digest.as_ref() == digest
                && told.artefact_ref.is_some()
                && told.generation == generation
        });
        if same && !ledger.is_empty() {
            return;
        }
        let (expected, report) = preview(run, ledger, &run.observed.target);
        report_rollback_ready(ledger, &expected, draft);
        if let Some(told) = &mut draft.status.rollback {
            told.target_digest = digest.cloned();
        }
        keep_rollback(&self.context.client, run.object, &report, draft).await;
    }

    /// Begins the way forward after a rollback: takes out of the ledger what one that did not come to its end has undone.
    pub(super) async fn leave_rollback(
        &self,
        (object, control_plane): (&WorkspaceMigration, &str),
        ledger: &mut Ledger,
        held: &Snapshot,
        draft: &mut Draft<WorkspaceMigrationStatus>,
    ) -> Result<(), Error> {
        if rollback_of(draft).is_none() {
            return Ok(());
        }
        let undone = expected(object, ledger, held).undone;
        for key in &undone {
            ledger.forget(key);
        }
        if !undone.is_empty() {
            self.keep_ledger((object, control_plane), ledger, draft).await?;
        }
        forget_rollback(draft);
        Ok(())
    }

    /// Undoes everything that may be undone, and says how it ended.
    pub(super) async fn roll_back(
        &self,
        object: &WorkspaceMigration,
        interrupts: &Interrupts,
        cause: &Cause,
        pass: &mut Pass<WorkspaceMigration>,
    ) -> Result<Outcome, Error> {
        let started = self.context.clock.now();
        let reversal = Reversal {
            object,
            target: self
                .fetch_reversed(object, &interrupts.throttle, &mut pass.draft)
                .await?,
            extent: Extent::Everything,
            stop: &interrupts.stop,
        };
        let mut found = match interrupts
            .unless_ended(self.look(&reversal, &mut pass.draft))
            .await
        {
            Ok(found) => found?,
            Err(ended) => return end_early(ended, &mut pass.draft),
        };
        report_expected(&found.ledger, &found.rollback, cause, &mut pass.draft);
        let input = reversal.input(&found.ledger, &found.held);
        let ends = (
            object.spec.source.workspace.as_str(),
            reversal.target.control_plane.as_str(),
        );
        let report = rollback_report(&found.rollback, &input, ends);
        keep_rollback(&self.context.client, object, &report, &mut pass.draft).await;
        if matches!(cause, Cause::Asked)
            && !found.rollback.is_done()
            && let Some(held) = await_approval(object, &found.rollback, &mut pass.draft)
        {
            return Ok(held);
        }
        if !found.rollback.is_done() {
            report_begun(&found.rollback, cause, &mut pass.draft);
            pass.publish_progress("Undoing what this migration wrote.")
                .await?;
        }
        let hash = found.rollback.hash.clone();
        let applied = self.undo(&reversal, &mut found, pass).await?;
        if let Some(ended) = interrupts.ended() {
            return end_early(ended, &mut pass.draft);
        }
        let undone = Undone {
            refused: refused(&applied, &found.rollback),
            applied: &applied,
            left: &found.rollback,
        };
        let outcome = conclude(&undone, &found.ledger, cause, &mut pass.draft);
        if applied.written() > 0 {
            let finished = FinishedRun {
                started,
                finished: self.context.clock.now(),
                hash: &hash,
                written: applied.written(),
            };
            remember(object, &finished, &outcome, &mut pass.draft.status);
        }
        Ok(on_failure::begin_anew(cause, &mut pass.draft).unwrap_or(outcome))
    }

    /// The target of a migration, for undoing.
    pub(super) async fn fetch_reversed(
        &self,
        object: &WorkspaceMigration,
        throttle: &Throttle,
        draft: &mut Draft<WorkspaceMigrationStatus>,
    ) -> Result<Target, Error> {
        // What goes is undone with the token that it was written with, also when that lacks a label since.
        let trust = match object.metadata.deletion_timestamp {
            Some(_) => Trust::UsedBefore,
            None => Trust::Accepted,
        };
        let found = fetch::fetch_target(&self.context, object, trust).await?;
        let owner = ObjectRef::from_obj(object);
        self.secrets.set(&self.context.client, &owner, &found.token_read);
        earlier::resolve(found.status, draft);
        let share = throttle.share_of(found.client.budget());
        Ok(Target {
            client: found.client.with_budget(share),
            control_plane: found.id,
            throttle: throttle.clone(),
        })
    }

    /// Reads the target and the ledger, and tells what undoing would do. Without the ledger of what was written nothing may be undone.
    pub(super) async fn look(
        &self,
        reversal: &Reversal<'_>,
        draft: &mut Draft<WorkspaceMigrationStatus>,
    ) -> Result<FoundRollback, Error> {
        let control_plane = &reversal.target.control_plane;
        let ledger = self.load_ledger(reversal.object, control_plane, draft).await?;
        let known = draft
            .status
            .backup
            .as_ref()
            .and_then(|backup| backup.ledger_ref.as_ref());
        if known.is_none() && draft.status.started_at.is_some() {
            return Err(Error::LedgerGone {
                name: super::backup::ledger_artefact(control_plane).name(&reversal.object.name_any()),
            });
        }
        let held = reversal.target.observe().await?;
        let (object, mut ledger) = (reversal.object, ledger);
        self.take_claims((object, control_plane), &mut ledger, &held, draft)
            .await?;
        report_target(held.len(), self.context.config.konnect_kinds, draft);
        let rollback = reversal.plan(&ledger, &held);
        Ok(FoundRollback {
            ledger,
            held,
            rollback,
        })
    }

    /// Carries out the steps, reads the target again, and takes what is undone out of the ledger. What undoing would still do is then in
    /// `found`.
    pub(super) async fn undo(
        &self,
        reversal: &Reversal<'_>,
        found: &mut FoundRollback,
        pass: &mut Pass<WorkspaceMigration>,
    ) -> Result<Applied, Error> {
        let mut applied = Applied::default();
        if !found.rollback.is_done() {
            let namespace = reversal.object.namespace().unwrap_or_default();
            let api = self.context.namespaced(&namespace);
            if reversal.object.metadata.deletion_timestamp.is_none() {
                finalizer::ensure(&api, reversal.object, finalizers::WORKSPACE_MIGRATION).await?;
            }
            let (sender, progress) = watch::channel(Progress::before_undoing(&found.rollback));
            pass.draft.status.progress = Some(progress_status(&progress.borrow(), None));
            let work = reversal.target.undo(
                &found.rollback,
                (&found.ledger, &found.held),
                reversal.stop,
                &sender,
            );
            let shown = Shown {
                clock: &*self.context.clock,
                budget: reversal.target.client.budget(),
                target: "Konnect",
                done: "are undone",
                progress,
            };
            applied = shown.follow(work, pass).await;
            if let Some(error) = &applied.interrupted {
                self.forget_answered(reversal, found, &applied, &mut pass.draft)
                    .await;
                report_interrupted(&applied, &found.rollback, error, &mut pass.draft);
                return Err(error.clone().into());
            }
            if reversal.stop.is_cancelled() {
                self.forget_answered(reversal, found, &applied, &mut pass.draft)
                    .await;
                return Ok(applied);
            }
            found.held = match reversal.target.observe().await {
                Ok(held) => held,
                Err(error) => {
                    self.forget_answered(reversal, found, &applied, &mut pass.draft)
                        .await;
                    return Err(error.into());
                }
            };
            report_target(
                found.held.len(),
                self.context.config.konnect_kinds,
                &mut pass.draft,
            );
            found.rollback = reversal.plan(&found.ledger, &found.held);
        }
        let settled: Vec<_> = match reversal.extent {
            Extent::Everything => found.rollback.settled().cloned().collect(),
            // What is left can still be restored by whoever keeps the ledger.
            Extent::Created => found.rollback.undone.clone(),
        };
        if !settled.is_empty() {
            for key in &settled {
                found.ledger.forget(key);
            }
            self.keep_ledger(
                (reversal.object, &reversal.target.control_plane),
                &found.ledger,
                &mut pass.draft,
            )
            .await?;
        }
        Ok(applied)
    }

    /// An undoing ends early: what the answers say is undone is not the migration's any more, whoever makes it again until the next pass.
    async fn forget_answered(
        &self,
        reversal: &Reversal<'_>,
        found: &mut FoundRollback,
        applied: &Applied,
        draft: &mut Draft<WorkspaceMigrationStatus>,
    ) {
        let before = found.ledger.len();
        for (key, receipt) in &applied.receipts {
            if matches!(receipt, Receipt::Written(_) | Receipt::Shared | Receipt::Deleted) {
                found.ledger.forget(key);
            }
        }
        if found.ledger.len() == before {
            return;
        }
        let both = (reversal.object, reversal.target.control_plane.as_str());
        if let Err(error) = self.keep_ledger(both, &found.ledger, draft).await {
            tracing::warn!(%error, "what was undone before it ended could not be recorded");
        }
    }
}

/// What is still to be undone and was not, as findings: what Konnect refused, and what was left because of what a last look found. What
/// `left` keeps by now for the same reason is told there.
pub(super) fn refused(applied: &Applied, left: &Rollback) -> Vec<Finding> {
    let still_planned = |refusal: &&Refusal| {
        let mut steps = left.steps.iter();
        refusal.found.is_none() || steps.any(|step| step.subject.key == refusal.subject.key)
    };
    let finding = |refusal: &Refusal| {
        let rule = match refusal.found {
            None => &UNDO_REFUSED,
            Some(FoundInstead::Below(_)) => &STILL_REFERENCED,
            Some(FoundInstead::Another | FoundInstead::Changed | FoundInstead::Nothing) => &CHANGED_SINCE,
        };
        let finding = Finding::new(rule, refusal.subject.clone(), refusal.reason.clone());
        match &refusal.field {
            Some(field) => finding.at(field.clone()),
            None => finding,
        }
    };
    applied
        .refused
        .iter()
        .filter(still_planned)
        .map(finding)
        .collect()
}
