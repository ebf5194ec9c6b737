//! `apply`: reads both sides, plans, writes what the plan creates, and verifies. The same engine as the operator's.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::Args;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::ends::{Ends, EndsArgs};
use super::output::{Output, OutputError, print};
use super::plan::{BLOCKED, LOG, PlanError, names, observe, runtime, waiting};
use super::progress::follow;
use crate::engine::apply::initial_progress;
use crate::engine::{self, Applied, Observed};
use crate::plan::report::Secrets;
use crate::plan::{Action, Planned, Report, Verification};
use crate::telemetry::shutdown;
use crate::telemetry::tracing::{LogFormat, init};

/// Options of `apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    #[command(flatten)]
    ends: EndsArgs,
    /// Write without asking.
    #[arg(long)]
    yes: bool,
    /// Write only if the plan is still the one with this hash, as `plan` showed it.
    #[arg(long, value_name = "HASH")]
    plan_hash: Option<String>,
}

/// Why nothing, or not everything, was written.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Ends, reading, logging.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Nobody agreed.
    #[error("nothing is written: agree with --yes, or with --plan-hash {hash}")]
    NotAgreed {
        /// Hash of the plan.
        hash: String,
    },
    /// Stopped by a signal before anything was written.
    #[error("stopped before the first write; the control plane is as it was")]
    StoppedBefore,
    /// Stopped by a signal while writing.
    #[error(
        "stopped between two writes: {created} of {of} entities are written, none is half-written. Run the same command again with --yes: it goes on with the rest"
    )]
    Stopped {
        /// Entities written.
        created: usize,
        /// Entities to write.
        of: usize,
    },
    /// Stopped by a signal while verifying.
    #[error("stopped while verifying: everything is written. Run the same command again: it verifies")]
    StoppedVerifying,
    /// A failure ended the run.
    #[error(
        "{created} of {of} entities are written. {source}. Solve it and run the same command again with --yes: it goes on with the rest"
    )]
    Interrupted {
        /// Entities written.
        created: usize,
        /// Entities to write.
        of: usize,
        /// What failed.
        source: engine::Error,
    },
    /// The control plane is not as it was written.
    #[error(
        "verification failed: {matched} entities are equal, {mismatched} differ, {missing} are missing. Somebody else writes to the control plane, or Konnect changed values: run plan to see them"
    )]
    Mismatch {
        /// Equal entities.
        matched: usize,
        /// Different ones.
        mismatched: usize,
        /// Missing ones.
        missing: usize,
    },
}

/// Applies. The exit status is 0 when everything is written and verified, 3 when something waits for a person.
///
/// # Errors
/// When a side fails, nobody agreed, or the run was stopped.
pub fn run(args: &ApplyArgs) -> Result<ExitCode, ApplyError> {
    init(LOG, LogFormat::Text).map_err(PlanError::from)?;
    runtime().map_err(PlanError::from)?.block_on(async {
        let stop = shutdown::on_signal().map_err(PlanError::from)?;
        let before = async {
            let ends = args.ends.connect().await.map_err(PlanError::from)?;
            let (observed, planned) = observe(&ends).await.map_err(PlanError::from)?;
            Ok::<_, ApplyError>((ends, observed, planned))
        };
        let (ends, observed, planned) = tokio::select! {
            done = before => done?,
            () = stop.cancelled() => return Err(ApplyError::StoppedBefore),
        };
        if let Some(blocked) = refusal(args, &planned) {
            say(&blocked);
            return Ok(ExitCode::from(BLOCKED));
        }
        agree(args, &ends, &observed, &planned)?;
        let applied = write(&ends, &planned, &stop).await?;
        let verification = tokio::select! {
            done = ends.migration.verify(&planned, observed.version()) => done.map_err(PlanError::from)?,
            () = stop.cancelled() => return Err(ApplyError::StoppedVerifying),
        };
        conclude(&planned, &applied, &verification)
    })
}

/// Why nothing may be written, if so.
fn refusal(args: &ApplyArgs, planned: &Planned) -> Option<String> {
    let plan = &planned.plan;
    if let Some(expected) = args.plan_hash.as_ref().filter(|hash| **hash != plan.hash) {
        return Some(format!(
            "Nothing is written: the plan {expected} is stale, because source or target changed. The plan is now {} ({}): look at it with plan, then agree to that one.",
            plan.hash,
            plan.summary()
        ));
    }
    let ids: BTreeSet<&str> = plan.blocking().map(|finding| finding.id.as_str()).collect();
    let ids: Vec<&str> = ids.into_iter().collect();
    plan.blocking().next().map(|finding| {
        format!(
            "Nothing is written: {}: {} {} In all {} findings stand against it ({}): solve them, or accept what may be \
             accepted with --waive ID=REASON.",
            finding.id,
            finding.observed,
            finding.remedy,
            plan.blocking().count(),
            ids.join(", ")
        )
    })
}

/// Asks the person at the terminal, unless a flag agreed already or there is nothing to write.
fn agree(args: &ApplyArgs, ends: &Ends, observed: &Observed, planned: &Planned) -> Result<(), ApplyError> {
    let plan = &planned.plan;
    let creations = plan.writes();
    if args.yes || args.plan_hash.is_some() || creations == 0 {
        return Ok(());
    }
    let not_agreed = || ApplyError::NotAgreed {
        hash: plan.hash.clone(),
    };
    if !io::stdin().is_terminal() {
        return Err(not_agreed());
    }
    let report = Report::without_entities(plan, names(ends, observed), Secrets::Masked);
    Output::Terminal.print(&report, false).map_err(PlanError::from)?;
    let name = &ends.control_plane.name;
    eprint!("Write {creations} entities to control plane {name}? Only yes is taken for yes: ");
    let mut answer = String::new();
    let read = io::stderr()
        .flush()
        .and_then(|()| io::stdin().read_line(&mut answer));
    read.map_err(PlanError::from)?;
    if answer.trim() == "yes" {
        Ok(())
    } else {
        Err(not_agreed())
    }
}

async fn write(ends: &Ends, planned: &Planned, stop: &CancellationToken) -> Result<Applied, ApplyError> {
    let of = planned.plan.writes();
    if of == 0 {
        return Ok(Applied::default());
    }
    let (sender, progress) = watch::channel(initial_progress(&planned.plan));
    let work = ends.migration.apply(planned, stop, &sender);
    let applied = follow(work, progress).await;
    if let Some(source) = applied.interrupted {
        return Err(ApplyError::Interrupted {
            created: applied.created,
            of,
            source,
        });
    }
    if stop.is_cancelled() && applied.created + applied.refused.len() < of {
        return Err(ApplyError::Stopped {
            created: applied.created,
            of,
        });
    }
    Ok(applied)
}

fn conclude(
    planned: &Planned,
    applied: &Applied,
    verification: &Verification,
) -> Result<ExitCode, ApplyError> {
    let plan = &planned.plan;
    for refusal in &applied.refused {
        let field = refusal.field.as_ref().map(|field| format!(" {field}"));
        let field = field.unwrap_or_default();
        say(&format!(
            "Not written: {}{field}: {}",
            refusal.subject, refusal.reason
        ));
    }
    let missing = verification.missing.len().saturating_sub(applied.refused.len());
    if missing > 0 || !verification.mismatched.is_empty() {
        return Err(ApplyError::Mismatch {
            matched: verification.matched,
            mismatched: verification.mismatched.len(),
            missing,
        });
    }
    let behind = plan.count(Action::StaysBehind);
    let done = format!(
        "{} created, {} of {} entities verified equal, {behind} stay behind.\n",
        applied.created,
        verification.matched,
        plan.operations.len()
    );
    print(&done).map_err(|error| PlanError::from(OutputError::from(error)))?;
    let waiting = waiting(plan) + applied.refused.len();
    if waiting > 0 {
        say(&format!(
            "{waiting} entities are not written: plan says why; solve it and run the same command again."
        ));
        return Ok(ExitCode::from(BLOCKED));
    }
    Ok(ExitCode::SUCCESS)
}

fn say(text: &str) {
    eprintln!("{text}");
}
