//! Shows what a run does while it does it.

use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::WorkspaceMigrationController;
use super::execute::Run;
use super::status::progress_status;
use crate::api::workspace_migration::WorkspaceMigration;
use crate::controllers::draft::Draft;
use crate::engine::{Applied, Progress};

/// Between two writes of progress into status.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

impl WorkspaceMigrationController {
    /// Awaits the work and writes its progress meanwhile. A write of status that fails is left to the next one.
    pub(super) async fn follow(
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
}

/// Entities written per second since the run began.
fn rate(progress: &Progress, before: usize, begun: Instant) -> f64 {
    let written = progress.sum().completed.saturating_sub(before) as f64;
    written / begun.elapsed().as_secs_f64().max(0.001)
}
