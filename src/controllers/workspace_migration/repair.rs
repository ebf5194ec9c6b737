//! Compares after the writes, and writes once more what is wrong if the spec asks for it.

use tokio::sync::watch;

use super::controller::WorkspaceMigrationController;
use super::error::Error;
use super::run::Run;
use super::status::verification_status;
use crate::api::events;
use crate::api::workspace_migration::{Repair, WorkspaceMigration};
use crate::controllers::migration::interrupts::Ended;
use crate::controllers::runtime::pass::Pass;
use crate::controllers::runtime::words::counted;
use crate::k8s::events::Note;
use crate::kong::engine::Applied;
use crate::kong::engine::apply::initial_progress;
use crate::kong::plan::{Ledger, Planned, build_repair};
use crate::migration::verification::Verification;

impl WorkspaceMigrationController {
    /// Compares; where the target does not hold what this run wrote, writes that once more and compares again.
    pub(super) async fn verify_and_repair(
        &self,
        run: &Run<'_>,
        applied: &mut Applied,
        ledger: &mut Ledger,
        pass: &mut Pass<WorkspaceMigration>,
    ) -> Result<Result<Verification, Ended>, Error> {
        let verification = match self.verify_unless_ended(run, applied, ledger, pass).await? {
            Ok(verification) => verification,
            Err(ended) => return Ok(Err(ended)),
        };
        let Some(repair) = self.plan_repair(run, applied, &verification) else {
            return Ok(Ok(verification));
        };
        let count = repair.plan.operations.len();
        let message = format!(
            "{} not in the control plane as written, and written once more.",
            counted(count, "entity is", "entities are")
        );
        pass.draft
            .note(Note::warning(events::REPAIRED, "Verify", message.clone()));
        // What is missing is no longer in the ledger, and has to be again before it is written.
        if ledger.intend(&repair, &run.observed.target, self.context.clock.now()) {
            let both = (run.object, run.migration.control_plane.as_str());
            self.keep_ledger(both, ledger, &mut pass.draft).await?;
        }
        pass.publish_progress(message).await?;
        let (progress, _shown) = watch::channel(initial_progress(&repair.plan));
        let again = run
            .migration
            .apply(&repair, &run.interrupts.stop, &progress)
            .await;
        applied.refused.extend(again.refused);
        applied.not_tried.extend(again.not_tried);
        if let Some(error) = again.interrupted {
            return Err(error.into());
        }
        if let Some(ended) = run.interrupts.ended() {
            return Ok(Err(ended));
        }
        let verified = self.verify_unless_ended(run, applied, ledger, pass).await?;
        Ok(verified.map(|verification| {
            let verification = Verification {
                repaired: count,
                ..verification
            };
            let now = self.context.clock.now();
            pass.draft.status.verification = Some(verification_status(&verification, now));
            verification
        }))
    }

    /// What is to be written once more.
    fn plan_repair(&self, run: &Run<'_>, applied: &Applied, verification: &Verification) -> Option<Planned> {
        let policy = run.object.spec.verification.as_ref()?;
        if verification.holds() || policy.repair == Repair::Never {
            return None;
        }
        let refused = applied.refused.iter().map(|refusal| &refusal.subject);
        let not_written = refused
            .chain(&applied.not_tried)
            .map(|subject| subject.key.clone())
            .collect();
        build_repair(run.planned, verification, &not_written)
    }

    async fn verify_unless_ended(
        &self,
        run: &Run<'_>,
        applied: &Applied,
        ledger: &mut Ledger,
        pass: &mut Pass<WorkspaceMigration>,
    ) -> Result<Result<Verification, Ended>, Error> {
        let verifying = self.verify(run, applied, ledger, pass);
        match run.interrupts.unless_ended(verifying).await {
            Ok(verification) => verification.map(Ok),
            Err(ended) => Ok(Err(ended)),
        }
    }
}
