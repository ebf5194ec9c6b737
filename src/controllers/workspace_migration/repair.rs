//! Compares after the writes, and writes once more what is wrong if the spec asks for it.

use tokio::sync::watch;

use super::controller::WorkspaceMigrationController;
use super::error::Error;
use super::run::MigrationRun;
use super::status::verification_status;
use crate::api::events;
use crate::api::workspace_migration::{Repair, WorkspaceMigration};
use crate::controllers::migration::interrupts::Ended;
use crate::controllers::runtime::pass::Pass;
use crate::controllers::runtime::words::counted;
use crate::k8s::events::Note;
use crate::kong::engine::Applied;
use crate::kong::plan::{Ledger, Planned, build_repair};
use crate::migration::progress::Progress;
use crate::migration::verification::Verification;

impl WorkspaceMigrationController {
    /// Compares; where the target does not hold what this run wrote, writes that once more and compares again.
    pub(super) async fn verify_and_repair(
        &self,
        run: &MigrationRun<'_>,
        applied: &mut Applied,
        ledger: &mut Ledger,
        pass: &mut Pass<WorkspaceMigration>,
    ) -> Result<Result<Verification, Ended>, Error> {
        let verification = match self.verify_unless_ended(run, applied, ledger, pass).await? {
            Ok(verification) => verification,
            Err(ended) => return Ok(Err(ended)),
        };
        let Some(repair) = plan_repair(run.object, run.planned, applied, &verification) else {
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
        if ledger.intend_repair(&repair, self.context.clock.now()) {
            let both = (run.object, run.migration.control_plane.as_str());
            self.keep_ledger(both, ledger, &mut pass.draft).await?;
        }
        pass.publish_progress(message).await?;
        let (progress, _shown) = watch::channel(Progress::before(&repair.plan));
        let again = run
            .migration
            .apply(&repair, &run.interrupts.stop, &progress)
            .await;
        applied.receipts.extend(again.receipts);
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

    async fn verify_unless_ended(
        &self,
        run: &MigrationRun<'_>,
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

/// What is to be written once more: what was written and is not there as it was written, if the spec asks for it.
fn plan_repair(
    object: &WorkspaceMigration,
    planned: &Planned,
    applied: &Applied,
    verification: &Verification,
) -> Option<Planned> {
    let policy = object.spec.verification.as_ref()?;
    if verification.holds() || policy.repair == Repair::Never {
        return None;
    }
    let refused = applied.refused.iter().map(|refusal| &refusal.subject);
    let not_written = refused
        .chain(&applied.not_tried)
        .map(|subject| subject.key.clone())
        .collect();
    build_repair(planned, verification, &not_written)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::test_support::{NOW, object, observed, services};
    use super::*;
    use crate::kong::plan::Policy;

    const A: (&str, &str) = ("a", "a.example.com");
    const B: (&str, &str) = ("b", "b.example.com");

    /// How much is written once more, of A and B that were written into an empty target which now holds `held`.
    fn repaired(verification: Value, applied: &Applied, held: &[(&str, &str)]) -> Option<usize> {
        let source = services(&[A, B]);
        let before = observed(source.clone(), services(&[]));
        let planned = before.plan(&Policy::default(), NOW, &[], &Ledger::default());
        let after = observed(source, services(held)).verify(&planned);
        let object = object(json!({ "verification": verification }));
        let repair = plan_repair(&object, &planned, applied, &after)?;
        Some(repair.plan.operations.len())
    }

    #[test]
    fn what_is_wrong_is_written_once_more_only_where_that_is_asked_for() {
        let held = [("a", "other.example.com")];
        let run = Applied::default();
        for (verification, expected) in [
            (json!(null), None),
            (json!({"repair": "Never"}), None),
            (json!({"repair": "Once"}), Some(2)),
        ] {
            assert_eq!(
                repaired(verification.clone(), &run, &held),
                expected,
                "{verification}"
            );
        }
        assert_eq!(
            repaired(json!({"repair": "Once"}), &run, &[A, B]),
            None,
            "all is as written"
        );
    }

    #[test]
    fn what_this_run_did_not_write_is_not_repaired() {
        let mut b = super::super::test_support::subject("b");
        b.key.kind = "services".into();
        let run = Applied {
            not_tried: vec![b],
            ..Applied::default()
        };
        assert_eq!(repaired(json!({"repair": "Once"}), &run, &[]), Some(1));
    }
}
