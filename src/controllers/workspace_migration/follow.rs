//! Shows what a run does while it does it.

use std::time::{Duration, Instant};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::WorkspaceMigrationController;
use super::status::progress_status;
use crate::api::workspace_migration::{WorkspaceMigration, WorkspaceMigrationStatus};
use crate::controllers::runtime::draft::Draft;
use crate::controllers::runtime::pass::Pass;
use crate::http::Budget;
use crate::kong::engine::Applied;
use crate::migration::pace::{Pace, waiting_for};
use crate::migration::progress::Progress;

/// Between two writes of progress into status.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

impl WorkspaceMigrationController {
    /// Awaits the work and writes its progress meanwhile, with the budget that it draws on and in words for what is done. A write of status that fails is left to the next one; the work never waits for it.
    pub(super) async fn follow(
        &self,
        work: impl Future<Output = Applied>,
        progress: watch::Receiver<Progress>,
        words: (&Budget, &str),
        pass: &mut Pass<WorkspaceMigration>,
    ) -> Applied {
        let ended = CancellationToken::new();
        let work = async {
            let applied = work.await;
            ended.cancel();
            applied
        };
        let (applied, ()) = tokio::join!(work, self.report_until(&ended, &progress, words, pass));
        applied
    }

    /// A write of status that has begun is awaited, so that it cannot overtake the next one.
    async fn report_until(
        &self,
        ended: &CancellationToken,
        progress: &watch::Receiver<Progress>,
        (budget, done): (&Budget, &str),
        pass: &mut Pass<WorkspaceMigration>,
    ) {
        let begun = Instant::now();
        let mut pace = Pace::new(Duration::ZERO, progress.borrow().sum().completed);
        let mut tick = interval(PROGRESS_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tick.tick().await;
        loop {
            tokio::select! {
                () = ended.cancelled() => break,
                _ = tick.tick() => {}
            }
            let now = progress.borrow().clone();
            pace.observe(begun.elapsed(), now.sum().completed);
            self.show(&now, &pace, budget, &mut pass.draft);
            let message = format!("{} entities {done}.", now.summary());
            if let Err(error) = pass.publish_progress(message).await {
                tracing::debug!(%error, "progress could not be written");
            }
        }
        let now = progress.borrow().clone();
        pace.observe(begun.elapsed(), now.sum().completed);
        pass.draft.status.progress = Some(progress_status(&now, Some(pace.average())));
    }

    fn show(
        &self,
        progress: &Progress,
        pace: &Pace,
        budget: &Budget,
        draft: &mut Draft<WorkspaceMigrationStatus>,
    ) {
        let mut status = progress_status(progress, Some(pace.rate()));
        let now = self.context.clock.now();
        status.in_flight = u64::try_from(budget.in_flight()).unwrap_or(u64::MAX);
        status.waiting_for = waiting_for(pace, "Konnect", budget.paused_for(), now);
        if status.waiting_for.is_none() {
            let sum = progress.sum();
            let left = pace.time_for(sum.total.saturating_sub(sum.completed + sum.failed));
            status.eta = left.and_then(|left| now.checked_add(left).ok()).map(Time);
        }
        draft.status.progress = Some(status);
    }
}
