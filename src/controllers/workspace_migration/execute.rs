//! Applies a plan while its progress goes into status, then verifies.

use std::time::{Duration, Instant};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::error::Error;
use super::status::{findings_status, progress_status, verification_status};
use super::{LOOK_AGAIN, WorkspaceMigrationController};
use crate::api::conditions::{APPLIED, VERIFIED, reason};
use crate::api::names::finalizers;
use crate::api::workspace_migration::{HistoryEntry, Mode, Phase, WorkspaceMigration, limits};
use crate::controllers::draft::Draft;
use crate::controllers::outcome::Outcome;
use crate::engine::apply::initial_progress;
use crate::engine::{Applied, Migration, Observed, Progress};
use crate::k8s::conditions::ConditionStatus::{False, True, Unknown};
use crate::k8s::conditions::bounded;
use crate::k8s::finalizer;
use crate::plan::{Action, Finding, Planned, Verification};

/// Between two writes of progress into status.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// One run of a migration: what it works on.
pub(super) struct Run<'a> {
    pub object: &'a WorkspaceMigration,
    pub migration: &'a Migration,
    pub observed: &'a Observed,
    pub planned: &'a Planned,
}

impl WorkspaceMigrationController {
    /// Writes what the plan creates, verifies, and says how it ended.
    pub(super) async fn execute(
        &self,
        run: &Run<'_>,
        draft: &mut Draft<WorkspaceMigration>,
    ) -> Result<Outcome, Error> {
        let started = self.context.clock.now();
        let applied = self.apply(run, draft).await?;
        let mut findings = run.planned.plan.findings.clone();
        findings.extend(applied.refused.iter().map(|refusal| refusal.finding()));
        draft.status.findings = Some(findings_status(&findings));
        if let Some(error) = applied.interrupted {
            let message = format!(
                "{} of {} entities are written. {error}",
                applied.created,
                run.planned.plan.count(Action::Create)
            );
            draft
                .conditions
                .set(APPLIED, False, reason::PROGRESSING_WITH_RETRY, message);
            return Err(error.into());
        }
        if self.context.stop.is_cancelled() {
            let message = "The operator is stopping; the next one goes on from what the target holds.";
            draft.conditions.set(APPLIED, Unknown, reason::APPLYING, message);
            return Ok(Outcome::wait(reason::PROGRESSING, message));
        }
        let verification = self.verify(run, findings, draft).await?;
        let outcome = conclude(run.planned, applied.refused.len(), &verification, draft);
        if draft.status.completed_at.is_none() && matches!(outcome, Outcome::Done(_)) {
            draft.status.completed_at = Some(Time(self.context.clock.now()));
        }
        let (label, summary) = match &outcome {
            Outcome::Done(verdict) | Outcome::Blocked(verdict) => (verdict.reason, verdict.message.clone()),
            Outcome::Wait(_) | Outcome::Held(_) | Outcome::Gone => (reason::PROGRESSING, String::new()),
        };
        let entry = HistoryEntry {
            started_at: Time(started),
            finished_at: Some(Time(self.context.clock.now())),
            mode: run.object.spec.mode,
            plan_hash: Some(run.planned.plan.hash.clone()),
            generation: run.object.metadata.generation,
            outcome: label.to_owned(),
            summary: bounded(summary, limits::TEXT),
        };
        remember(&mut draft.status.history, entry, applied.created);
        Ok(outcome)
    }

    async fn apply(&self, run: &Run<'_>, draft: &mut Draft<WorkspaceMigration>) -> Result<Applied, Error> {
        let (sender, progress) = watch::channel(initial_progress(&run.planned.plan));
        let creations = run.planned.plan.count(Action::Create);
        draft.status.progress = Some(progress_status(&progress.borrow(), None));
        if creations == 0 {
            return Ok(Applied::default());
        }
        let namespace = run.object.namespace().unwrap_or_default();
        finalizer::ensure(
            &self.context.namespaced(&namespace),
            run.object,
            finalizers::WORKSPACE_MIGRATION,
        )
        .await?;
        draft.status.phase = Some(Phase::Applying);
        draft
            .status
            .started_at
            .get_or_insert_with(|| Time(self.context.clock.now()));
        draft.conditions.set(
            APPLIED,
            Unknown,
            reason::APPLYING,
            format!("Writing {creations} entities."),
        );
        draft.conditions.set(
            VERIFIED,
            Unknown,
            reason::PENDING,
            "Verification follows the writes.",
        );
        // Before the first write: from here on source and target are frozen.
        draft
            .publish_progress(format!("Writing {creations} entities to the control plane."))
            .await?;
        let work = run.migration.apply(run.planned, &self.context.stop, &sender);
        Ok(self.follow(work, progress, run, draft).await)
    }

    /// Awaits the work and writes its progress meanwhile. A write of status that fails is left to the next one.
    async fn follow(
        &self,
        work: impl Future<Output = Applied>,
        progress: watch::Receiver<Progress>,
        run: &Run<'_>,
        draft: &mut Draft<WorkspaceMigration>,
    ) -> Applied {
        let begun = Instant::now();
        let before = progress.borrow().sum().completed;
        let mut work = std::pin::pin!(work);
        let mut tick = interval(PROGRESS_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tick.tick().await;
        let applied = loop {
            tokio::select! {
                applied = &mut work => break applied,
                _ = tick.tick() => {
                    let now = progress.borrow().clone();
                    self.show(&now, rate(&now, before, begun), run, draft);
                    if let Err(error) = draft.publish_progress(format!("{} entities are in the control plane.", now.summary())).await {
                        tracing::debug!(%error, "progress could not be written");
                    }
                }
            }
        };
        let now = progress.borrow().clone();
        self.show(&now, rate(&now, before, begun), run, draft);
        if let Some(shown) = &mut draft.status.progress {
            shown.in_flight = 0;
        }
        applied
    }

    fn show(&self, progress: &Progress, rate: f64, run: &Run<'_>, draft: &mut Draft<WorkspaceMigration>) {
        let mut status = progress_status(progress, Some(rate));
        status.in_flight = u64::try_from(run.migration.target.budget().in_flight()).unwrap_or(u64::MAX);
        draft.status.progress = Some(status);
    }

    async fn verify(
        &self,
        run: &Run<'_>,
        mut findings: Vec<Finding>,
        draft: &mut Draft<WorkspaceMigration>,
    ) -> Result<Verification, Error> {
        draft.status.phase = Some(Phase::Verifying);
        draft.conditions.set(
            VERIFIED,
            Unknown,
            reason::VERIFYING,
            "Reading the control plane again.",
        );
        draft
            .publish_progress("Reading the control plane again and comparing every entity.")
            .await?;
        let verification = run.migration.verify(run.planned, run.observed.version()).await?;
        draft.status.verification = Some(verification_status(&verification, self.context.clock.now()));
        findings.extend(verification.findings.iter().cloned());
        findings.sort_by(|a, b| a.rank().cmp(&b.rank()));
        findings.dedup();
        draft.status.findings = Some(findings_status(&findings));
        Ok(verification)
    }
}

/// Entities written per second since the run began.
fn rate(progress: &Progress, before: usize, begun: Instant) -> f64 {
    let written = progress.sum().completed.saturating_sub(before) as f64;
    written / begun.elapsed().as_secs_f64().max(0.001)
}

/// A run that wrote nothing and ended as the one before it is the same run again.
fn remember(history: &mut Vec<HistoryEntry>, entry: HistoryEntry, written: usize) {
    let same = |last: &HistoryEntry| last.generation == entry.generation && last.outcome == entry.outcome;
    if written == 0 && history.first().is_some_and(same) {
        return;
    }
    history.insert(0, entry);
    history.truncate(limits::HISTORY);
}

/// Conditions and outcome after the last step.
fn conclude(
    planned: &Planned,
    refused: usize,
    verification: &Verification,
    draft: &mut Draft<WorkspaceMigration>,
) -> Outcome {
    let plan = &planned.plan;
    let waiting = plan.count(Action::Update) + plan.count(Action::Blocked) + refused;
    let behind = plan.count(Action::StaysBehind);
    if verification.holds() {
        let message = format!("{} entities are equal on both sides.", verification.matched);
        draft.conditions.set(VERIFIED, True, reason::VERIFIED, message);
    } else {
        let message = format!(
            "{} entities are equal, {} differ, {} are missing in the control plane.",
            verification.matched,
            verification.mismatched.len(),
            verification.missing.len()
        );
        draft.conditions.set(VERIFIED, False, reason::MISMATCH, message);
    }
    let of = plan.operations.len();
    if waiting > 0 {
        let message = format!(
            "{} of {of} entities are in the control plane; {waiting} are not written: see status.findings, solve them, and they follow within 10 minutes.",
            verification.matched
        );
        draft
            .conditions
            .set(APPLIED, False, reason::PARTIALLY_APPLIED, message.clone());
        draft.status.phase = Some(Phase::Failed);
        return Outcome::blocked(reason::PARTIALLY_APPLIED, message).again_after(LOOK_AGAIN);
    }
    draft.conditions.set(
        APPLIED,
        True,
        reason::APPLIED,
        format!(
            "{} of {of} entities are in the control plane.",
            verification.matched
        ),
    );
    if !verification.holds() {
        draft.status.phase = Some(Phase::Failed);
        let message = "The control plane differs from the source after the writes: see status.findings, and look for somebody else who writes to it.";
        return Outcome::blocked(reason::MISMATCH, message).again_after(LOOK_AGAIN);
    }
    draft.status.phase = Some(Phase::Completed);
    let rest = match behind {
        0 => String::new(),
        _ => format!(" {behind} stay behind: status.findings names them and what to do."),
    };
    let message = format!(
        "{} of {of} entities moved and verified.{rest}",
        verification.matched
    );
    Outcome::done(reason::COMPLETED, message).again_after(LOOK_AGAIN)
}

/// True when this generation was applied and verified before.
pub(super) fn is_completed(draft: &Draft<WorkspaceMigration>, mode: Mode) -> bool {
    let holds = |type_| {
        let generation = Some(draft.conditions.generation());
        draft
            .conditions
            .get(type_)
            .is_some_and(|c| c.status == "True" && c.observed_generation == generation)
    };
    mode != Mode::Plan && holds(APPLIED) && holds(VERIFIED)
}
