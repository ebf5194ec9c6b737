//! The latest runs of a migration, in its status. Pure.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::core::object::HasStatus;

use crate::api::conditions::reason;
use crate::api::migration::{HistoryEntry, MigrationKind, MigrationStatus, limits};
use crate::controllers::runtime::outcome::Outcome;
use crate::k8s::conditions::bounded;

/// A run that came to its end.
#[derive(Clone, Copy, Debug)]
pub struct FinishedRun<'a> {
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// Of what was carried out: a plan, or a rollback.
    pub hash: &'a str,
    /// Entities written or deleted.
    pub written: usize,
}

/// Puts a run first. One that wrote nothing and ended as the one before it is the same run again, and is left out.
pub fn remember<K: MigrationKind>(
    object: &K,
    run: &FinishedRun<'_>,
    outcome: &Outcome,
    status: &mut <K as HasStatus>::Status,
) {
    let (label, summary) = match outcome {
        Outcome::Done(verdict) | Outcome::Blocked(verdict) => (verdict.reason, verdict.message.clone()),
        Outcome::Wait(_) | Outcome::Held(_) | Outcome::Unchanged(_) | Outcome::Gone => {
            (reason::PROGRESSING, String::new())
        }
    };
    let entry = HistoryEntry {
        started_at: Time(run.started),
        finished_at: Some(Time(run.finished)),
        mode: object.mode(),
        plan_hash: Some(run.hash.to_owned()),
        generation: object.meta().generation,
        outcome: label.to_owned(),
        summary: bounded(summary, limits::TEXT),
    };
    let history = status.history_mut();
    let same = |last: &HistoryEntry| last.generation == entry.generation && last.outcome == entry.outcome;
    if run.written == 0 && history.first().is_some_and(same) {
        return;
    }
    history.insert(0, entry);
    history.truncate(limits::HISTORY);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::workspace_migration::{WorkspaceMigration, WorkspaceMigrationStatus};

    fn object(generation: i64) -> WorkspaceMigration {
        serde_json::from_value(json!({
            "apiVersion": "gatewaymigration.dev/v1alpha1", "kind": "WorkspaceMigration",
            "metadata": {"name": "x", "generation": generation},
            "spec": {"source": {"adminAPI": {"url": "https://gateway"}}, "target": {"controlPlaneRef": {"name": "x"}}, "mode": "Apply"},
        }))
        .unwrap()
    }

    fn run(written: usize) -> FinishedRun<'static> {
        FinishedRun {
            started: Timestamp::UNIX_EPOCH,
            finished: Timestamp::UNIX_EPOCH,
            hash: "sha256:plan",
            written,
        }
    }

    /// Reasons of the runs, the newest first.
    fn ends(status: &WorkspaceMigrationStatus) -> Vec<&str> {
        status.history.iter().map(|run| run.outcome.as_str()).collect()
    }

    #[test]
    fn the_newest_run_comes_first_and_the_oldest_goes() {
        let mut status = WorkspaceMigrationStatus::default();
        for _ in 0..limits::HISTORY {
            remember(
                &object(1),
                &run(1),
                &Outcome::done("Completed", "All."),
                &mut status,
            );
        }
        remember(
            &object(1),
            &run(1),
            &Outcome::blocked("Mismatch", "Apart."),
            &mut status,
        );
        assert_eq!(status.history.len(), limits::HISTORY);
        assert_eq!(ends(&status)[..2], ["Mismatch", "Completed"]);
        let newest = &status.history[0];
        assert_eq!((newest.generation, newest.summary.as_str()), (Some(1), "Apart."));
    }

    #[test]
    fn a_run_that_wrote_nothing_and_ended_alike_is_the_same_run() {
        let mut status = WorkspaceMigrationStatus::default();
        let mut end = |generation, written, reason| {
            let outcome = Outcome::blocked(reason, "Why.");
            remember(&object(generation), &run(written), &outcome, &mut status);
        };
        end(1, 0, "Mismatch");
        end(1, 0, "Mismatch");
        end(1, 2, "Mismatch");
        end(1, 0, "PartiallyApplied");
        end(2, 0, "PartiallyApplied");
        let ends = ends(&status);
        assert_eq!(
            ends,
            ["PartiallyApplied", "PartiallyApplied", "Mismatch", "Mismatch"]
        );
    }

    #[test]
    fn a_run_without_a_verdict_is_told_as_one_that_goes_on() {
        let mut status = WorkspaceMigrationStatus::default();
        remember(
            &object(1),
            &run(1),
            &Outcome::wait("Queued", "Later."),
            &mut status,
        );
        assert_eq!(ends(&status), ["Progressing"]);
        assert_eq!(status.history[0].summary, "");
    }
}
