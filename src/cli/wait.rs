//! `wait`: until a migration is done, has failed, or needs a person.

use std::io;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use futures::StreamExt as _;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::watch_object;

use super::cluster::{ClusterError, FoundMigration, MigrationArgs, MigrationName};
use super::kinds::StatusExcerpt;
use super::output::print;
use super::plan::runtime;
use crate::api::conditions::READY;
use crate::k8s::conditions::ending::{Ending, ending};
use crate::k8s::conditions::find;

/// Exit status when somebody has to decide something.
const PERSON: u8 = 2;

/// Options of `wait`.
#[derive(Debug, Args)]
pub struct WaitArgs {
    #[command(flatten)]
    migration: MigrationArgs,
    /// How long to wait, for example 90s, 30m or 2h.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    timeout: Duration,
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<jiff::SignedDuration>().ok();
    parsed
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| "write a number with a unit, as 90s, 30m or 2h".to_owned())
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// No cluster, or no such migration.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// It went away.
    #[error("{0} was deleted while it was waited for")]
    Deleted(MigrationName),
    /// It takes too long.
    #[error("{name} is not done after {after:?}: {last}. It goes on: wait again, or longer with --timeout")]
    Timeout {
        /// Which migration.
        name: MigrationName,
        /// How long was waited.
        after: Duration,
        /// What was seen last.
        last: String,
    },
    /// Threads or standard output.
    #[error("cannot go on: {0}")]
    System(#[from] io::Error),
}

/// Waits. The exit status is 0 when the migration is as its spec wants it, 2 when somebody has to decide something before it
/// goes on, and 1 when it has failed.
///
/// # Errors
/// When there is no such migration, it is deleted, or the time is over.
pub fn run(args: &WaitArgs) -> Result<ExitCode, WaitError> {
    runtime()?.block_on(async {
        let found = args.migration.fetch().await?;
        let mut last = describe(&found.status);
        let verdict = tokio::time::timeout(args.timeout, follow(&found, &mut last)).await;
        let Ok(verdict) = verdict else {
            return Err(WaitError::Timeout {
                name: found.name,
                after: args.timeout,
                last,
            });
        };
        let (ending, ready) = verdict?;
        print(&format!("{}: {}\n", found.name, words(&ready)))?;
        Ok(match ending {
            Ending::Done => ExitCode::SUCCESS,
            Ending::Failed => ExitCode::FAILURE,
            Ending::NeedsPerson => ExitCode::from(PERSON),
        })
    })
}

/// Watches until there is a verdict, and says on standard error what changes meanwhile. A watch that breaks is begun again.
async fn follow(found: &FoundMigration, last: &mut String) -> Result<(Ending, Condition), WaitError> {
    let mut seen = pin!(watch_object(found.api.clone(), &found.name.name).default_backoff());
    eprintln!("{last}");
    while let Some(next) = seen.next().await {
        let now = match next {
            Ok(Some(object)) => match StatusExcerpt::of(&object) {
                Ok(status) => {
                    if let Some((ending, ready)) = ending(&status.conditions, object.metadata.generation) {
                        return Ok((ending, ready.clone()));
                    }
                    describe(&status)
                }
                Err(error) => format!("its status cannot be read: {error}"),
            },
            Ok(None) => break,
            Err(error) => format!("the watch broke and is begun again: {error}"),
        };
        if now != *last {
            eprintln!("{now}");
            *last = now;
        }
    }
    Err(WaitError::Deleted(found.name.clone()))
}

/// Where a migration is, in one line.
fn describe(status: &StatusExcerpt) -> String {
    let ready = find(&status.conditions, READY);
    let progress = status.progress.as_ref();
    match (ready, progress.filter(|progress| !progress.summary.is_empty())) {
        (None, _) => "no controller has looked at it yet; check that the operator runs".to_owned(),
        (Some(ready), None) => words(ready),
        (Some(ready), Some(progress)) => format!("{} ({})", words(ready), progress.summary),
    }
}

fn words(condition: &Condition) -> String {
    if condition.message.is_empty() {
        condition.reason.clone()
    } else {
        format!("{}: {}", condition.reason, condition.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_needs_a_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        for bad in ["90", "", "-1s", "soon"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
