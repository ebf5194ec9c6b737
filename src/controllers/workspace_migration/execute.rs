//! Applies a plan while its progress goes into status, then verifies.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use tokio::sync::watch;

use super::controller::WorkspaceMigrationController;
use super::drift::note_corrected;
use super::ending::{RunFacts, conclude};
use super::error::Error;
use super::findings::report_written;
use super::interrupted::end_early;
use super::report::report_target;
use super::rollback::{preview, report_rollback_ready, undone_by};
use super::run::MigrationRun;
use super::status::verification_status;
use crate::api::conditions::{APPLIED, VERIFIED, reason};
use crate::api::names::finalizers;
use crate::api::workspace_migration::{Phase, WorkspaceMigration};
use crate::controllers::migration::artefacts::keep_rollback;
use crate::controllers::migration::history::{FinishedRun, remember};
use crate::controllers::migration::progress::Shown;
use crate::controllers::migration::report::progress_status;
use crate::controllers::runtime::outcome::Outcome;
use crate::controllers::runtime::pass::Pass;
use crate::controllers::runtime::words::entities;
use crate::k8s::conditions::ConditionStatus::Unknown;
use crate::k8s::finalizer;
use crate::kong::engine::Applied;
use crate::kong::plan::Ledger;
use crate::migration::plan::{Action, Plan};
use crate::migration::progress::Progress;
use crate::migration::verification::Verification;

impl WorkspaceMigrationController {
    /// Backs up, writes what the plan creates and updates, verifies, and says how it ended.
    pub(super) async fn execute(
        &self,
        run: &MigrationRun<'_>,
        ledger: &mut Ledger,
        pass: &mut Pass<WorkspaceMigration>,
    ) -> Result<Outcome, Error> {
        let started = self.context.clock.now();
        let mut applied = self.apply(run, ledger, pass).await?;
        let plan = &run.planned.plan;
        report_written(plan, &applied, run.is_cut_short(&applied), None, &mut pass.draft);
        note_corrected(plan, &applied, &mut pass.draft);
        if applied.interrupted.is_some() {
            self.settle_early(run, &applied, ledger, &mut pass.draft).await;
            let facts = RunFacts {
                plan,
                applied: &applied,
                verification: None,
            };
            return Ok(conclude(&facts, &mut pass.draft)?);
        }
        if let Some(ended) = run.interrupts.ended() {
            self.settle_early(run, &applied, ledger, &mut pass.draft).await;
            return end_early(ended, &mut pass.draft);
        }
        if let Some(cause) = undone_by(run.object, &applied, &mut pass.draft) {
            self.settle_early(run, &applied, ledger, &mut pass.draft).await;
            return self.roll_back(run.object, run.interrupts, &cause, pass).await;
        }
        let verified = self.verify_and_repair(run, &mut applied, ledger, pass).await;
        let verification = match verified {
            Ok(Ok(verification)) => verification,
            Ok(Err(ended)) => {
                self.settle_early(run, &applied, ledger, &mut pass.draft).await;
                return end_early(ended, &mut pass.draft);
            }
            Err(error) => {
                self.settle_early(run, &applied, ledger, &mut pass.draft).await;
                return Err(error);
            }
        };
        let facts = RunFacts {
            plan,
            applied: &applied,
            verification: Some(&verification),
        };
        let outcome = conclude(&facts, &mut pass.draft)?;
        if pass.draft.status.completed_at.is_none() && matches!(outcome, Outcome::Done(_)) {
            pass.draft.status.completed_at = Some(Time(self.context.clock.now()));
        }
        let finished = FinishedRun {
            started,
            finished: self.context.clock.now(),
            hash: &plan.hash,
            written: applied.written(),
        };
        if finished.written > 0 {
            let applied = &mut pass.draft.status.sync.get_or_insert_default().last_applied;
            *applied = Some(Time(finished.finished));
        }
        remember(run.object, &finished, &outcome, &mut pass.draft.status);
        Ok(outcome)
    }

    async fn apply(
        &self,
        run: &MigrationRun<'_>,
        ledger: &mut Ledger,
        pass: &mut Pass<WorkspaceMigration>,
    ) -> Result<Applied, Error> {
        let (sender, progress) = watch::channel(Progress::before(&run.planned.plan));
        let writes = run.planned.plan.writes();
        pass.draft.status.progress = Some(progress_status(&progress.borrow(), None));
        // The ledger is kept also when nothing is written, and the finalizer cleans up after it.
        let namespace = run.object.namespace().unwrap_or_default();
        finalizer::ensure(
            &self.context.namespaced(&namespace),
            run.object,
            finalizers::WORKSPACE_MIGRATION,
        )
        .await?;
        if writes == 0 {
            return Ok(Applied::default());
        }
        self.back_up(run, ledger, &mut pass.draft).await?;
        pass.draft.status.phase = Some(Phase::Applying);
        pass.draft
            .status
            .started_at
            .get_or_insert_with(|| Time(self.context.clock.now()));
        pass.draft.status.checkpoint_mut().completed_generation = None;
        pass.draft.conditions.set(
            APPLIED,
            Unknown,
            reason::APPLYING,
            format!("{}.", work(&run.planned.plan)),
        );
        pass.draft.conditions.set(
            VERIFIED,
            Unknown,
            reason::PENDING,
            "Verification follows the writes.",
        );
        // Before the first write: from here on source and target are frozen.
        pass.publish_progress(format!("{} in the control plane.", work(&run.planned.plan)))
            .await?;
        let work = run.migration.apply(run.planned, &run.interrupts.stop, &sender);
        let shown = Shown {
            clock: &*self.context.clock,
            budget: run.migration.target.budget(),
            target: "Konnect",
            done: "are in the control plane",
            progress,
        };
        Ok(shown.follow(work, pass).await)
    }

    /// Reads the target again and compares every entity.
    pub(super) async fn verify(
        &self,
        run: &MigrationRun<'_>,
        applied: &Applied,
        ledger: &mut Ledger,
        pass: &mut Pass<WorkspaceMigration>,
    ) -> Result<Verification, Error> {
        pass.draft.status.phase = Some(Phase::Verifying);
        pass.draft.status.checkpoint_mut().completed_generation = None;
        pass.draft.conditions.set(
            VERIFIED,
            Unknown,
            reason::VERIFYING,
            "Reading the control plane again.",
        );
        pass.publish_progress("Reading the control plane again and comparing every entity.")
            .await?;
        let (planned, now) = (run.planned, self.context.clock.now());
        // What somebody else made of it since the answer is a change of what is ours.
        let mut settled = ledger.confirm(planned, &applied.receipts, now);
        let (mut expected, mut held) = (None, 0);
        let verification = run
            .migration
            .verify_and(planned, run.observed.version(), |target| {
                settled |= ledger.settle(planned, target, now);
                expected = Some(preview(run, ledger, target));
                held = target.len();
            });
        let mut verification = verification.await?;
        applied.explain(&mut verification);
        report_target(held, self.context.config.konnect_kinds, &mut pass.draft);
        if settled {
            self.keep_ledger(
                (run.object, &run.migration.control_plane),
                ledger,
                &mut pass.draft,
            )
            .await?;
        }
        if let Some((rollback, report)) = expected {
            report_rollback_ready(ledger, &rollback, &mut pass.draft);
            keep_rollback(&self.context.client, run.object, &report, &mut pass.draft).await;
        }
        pass.draft.status.verification = Some(verification_status(&verification, self.context.clock.now()));
        let (plan, cut_short) = (&planned.plan, run.is_cut_short(applied));
        report_written(plan, applied, cut_short, Some(&verification), &mut pass.draft);
        Ok(verification)
    }
}

/// What is to be done, in words.
fn work(plan: &Plan) -> String {
    let deletes = plan.count(Action::Delete);
    match (plan.writes() - deletes, deletes) {
        (writes, 0) => format!("Writing {}", entities(writes)),
        (0, deletes) => format!("Deleting {}", entities(deletes)),
        (writes, deletes) => format!("Writing {writes} and deleting {}", entities(deletes)),
    }
}
