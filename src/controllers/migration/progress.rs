//! Shows what a run does while it does it.

use std::time::{Duration, Instant};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::report::progress_status;
use crate::api::migration::{MigrationKind, MigrationStatus};
use crate::clock::Clock;
use crate::controllers::runtime::pass::Pass;
use crate::http::Budget;
use crate::k8s::status::ReconciledObject;
use crate::migration::pace::{Pace, waiting_for};
use crate::migration::progress::Progress;

/// Between two writes of progress into status.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// A run whose progress is shown.
pub struct Shown<'a> {
    /// The time that an end is told in.
    pub clock: &'a dyn Clock,
    /// What the run draws on.
    pub budget: &'a Budget,
    /// Whose answers it waits for.
    pub target: &'static str,
    /// What is done with entities, after "42/128 entities".
    pub done: &'static str,
    /// How far it is.
    pub progress: watch::Receiver<Progress>,
}

impl Shown<'_> {
    /// Awaits the work and writes its progress meanwhile. A write of status that fails is left to the next one; the work never waits for
    /// it.
    pub async fn follow<K: MigrationKind + ReconciledObject, T>(
        &self,
        work: impl Future<Output = T>,
        pass: &mut Pass<K>,
    ) -> T {
        let ended = CancellationToken::new();
        let work = async {
            let done = work.await;
            ended.cancel();
            done
        };
        // In one task: a pass that is dropped takes its work along, and no write goes on that nobody awaits.
        let (done, ()) = tokio::join!(work, self.report_until(&ended, pass));
        done
    }

    /// A write of status that has begun is awaited, so that it cannot overtake the next one.
    async fn report_until<K: MigrationKind + ReconciledObject>(
        &self,
        ended: &CancellationToken,
        pass: &mut Pass<K>,
    ) {
        let begun = Instant::now();
        let mut pace = Pace::new(Duration::ZERO, self.progress.borrow().sum().completed);
        let mut tick = interval(PROGRESS_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tick.tick().await;
        loop {
            tokio::select! {
                () = ended.cancelled() => break,
                _ = tick.tick() => {}
            }
            let now = self.progress.borrow().clone();
            pace.observe(begun.elapsed(), now.sum().completed);
            self.show(&now, &pace, &mut pass.draft.status);
            let message = format!("{} entities {}.", now.summary(), self.done);
            if let Err(error) = pass.publish_progress(message).await {
                tracing::debug!(%error, "progress could not be written");
            }
        }
        let now = self.progress.borrow().clone();
        pace.observe(begun.elapsed(), now.sum().completed);
        *pass.draft.status.progress_mut() = Some(progress_status(&now, Some(pace.average())));
    }

    fn show(&self, progress: &Progress, pace: &Pace, status: &mut impl MigrationStatus) {
        let mut shown = progress_status(progress, Some(pace.rate()));
        let now = self.clock.now();
        shown.in_flight = u64::try_from(self.budget.in_flight()).unwrap_or(u64::MAX);
        shown.waiting_for = waiting_for(pace, self.target, self.budget.paused_for(), now);
        if shown.waiting_for.is_none() {
            let sum = progress.sum();
            let left = pace.time_for(sum.total.saturating_sub(sum.completed + sum.failed));
            shown.eta = left.and_then(|left| now.checked_add(left).ok()).map(Time);
        }
        *status.progress_mut() = Some(shown);
    }
}
