//! `apply`: reads both sides, plans, writes what the plan creates, and verifies. The same engine as the operator's.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::advice::explain;
use super::ends::{ConnectedEnds, EndsArgs};
use super::files::private_file;
use super::plan::{BLOCKED, LOG, PlanError, names, observe, runtime, waiting};
use super::progress::follow;
use super::result::{End, ResultFormat, RunResult};
use crate::clock::{Clock as _, SystemClock};
use crate::kong::engine::{self, Applied, Observed};
use crate::kong::plan::document::PlanEnds;
use crate::kong::plan::planner_rules::BLOCKED_BY_DEPENDENCY;
use crate::kong::plan::render::text;
use crate::kong::plan::{Planned, backup};
use crate::migration::plan::{Action, Plan};
use crate::migration::progress::Progress;
use crate::migration::render::terminal::Style;
use crate::migration::report::{PlanReport, Secrets};
use crate::migration::subject::Subject;
use crate::migration::verification::Verification;
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
    /// Save what the control plane holds to a new file before the first write. Needed when anything of it is overwritten. The file holds
    /// credentials.
    #[arg(long, value_name = "FILE")]
    backup_file: Option<PathBuf>,
    /// Form of the result.
    #[arg(long, short, value_enum, default_value_t)]
    output: ResultFormat,
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
    /// The manifest wants an approval.
    #[error(
        "nothing is written: the manifest has approval.policy Required; look at the plan, then approve it with --plan-hash {hash}"
    )]
    NotApproved {
        /// Hash of the plan.
        hash: String,
    },
    /// Stopped by a signal before anything was written.
    #[error("stopped before the first write; the control plane is as it was")]
    StoppedBefore,
    /// Stopped by a signal while writing.
    #[error(
        "stopped between two writes: {created} of {of} entities are written, none is half-written. {again}: it goes on with the rest"
    )]
    Stopped {
        /// Entities written.
        created: usize,
        /// Entities to write.
        of: usize,
        /// The next command.
        again: &'static str,
    },
    /// Stopped by a signal while verifying.
    #[error("stopped while verifying: everything is written. Run the same command again: it verifies")]
    StoppedVerifying,
    /// Something would be overwritten, and nothing is saved.
    #[error(
        "nothing is written: {updates} entities of the control plane would be overwritten; name a file to save it to first with --backup-file"
    )]
    NoBackup {
        /// Entities to overwrite.
        updates: usize,
    },
    /// The file is there.
    #[error(
        "nothing is written: {path} exists, and a backup is never overwritten; keep it, and name another file with --backup-file"
    )]
    BackupExists {
        /// The file.
        path: String,
    },
    /// The backup could not be saved.
    #[error(
        "nothing is written: cannot save the backup to {path}: {source}; name another file with --backup-file"
    )]
    Backup {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A failure ended the run.
    #[error(
        "{created} of {of} entities are written. {}. Solve it. {again}: it goes on with the rest",
        explain(source)
    )]
    Interrupted {
        /// Entities written.
        created: usize,
        /// Entities to write.
        of: usize,
        /// What failed.
        source: engine::Error,
        /// The next command.
        again: &'static str,
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

/// What was done before a run ended, however it did.
#[derive(Default)]
struct ApplyRun {
    applied: Applied,
    verification: Option<Verification>,
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
            let ends = args.ends.connect().await;
            let ends = ends.map_err(PlanError::from)?;
            let (observed, planned) = observe(&ends).await.map_err(PlanError::from)?;
            Ok::<_, ApplyError>((ends, observed, planned))
        };
        let (ends, observed, planned) = tokio::select! {
            done = before => done?,
            () = stop.cancelled() => return Err(ApplyError::StoppedBefore),
        };
        let mut run = ApplyRun::default();
        let ended = match args.refusal(&ends, &planned) {
            Some(message) => Ok((End::Blocked, message)),
            None => args.execute(&ends, &observed, &planned, &stop, &mut run).await,
        };
        args.conclude(&planned, names(&ends, &observed), &run, ended)
    })
}

impl ApplyArgs {
    /// The hash that somebody has approved.
    fn approved<'a>(&'a self, ends: &'a ConnectedEnds) -> Option<&'a str> {
        let manifest = ends.approval.as_ref().map(|approval| approval.plan_hash.as_str());
        let manifest = manifest.filter(|hash| !hash.is_empty());
        self.plan_hash.as_deref().or(manifest)
    }

    /// Why nothing may be written, if so.
    fn refusal(&self, ends: &ConnectedEnds, planned: &Planned) -> Option<String> {
        let plan = &planned.plan;
        if let Some(expected) = self.approved(ends).filter(|hash| *hash != plan.hash) {
            return Some(format!(
                "Nothing is written: the plan {expected} is stale, because source or target changed. The plan is now {} ({}): look at it with plan, then agree to that one.",
                plan.hash,
                plan.summary()
            ));
        }
        let ids: BTreeSet<&str> = plan.blocking().map(|finding| finding.id.as_str()).collect();
        let ids: Vec<&str> = ids.into_iter().collect();
        plan.obstacle(Some(&BLOCKED_BY_DEPENDENCY)).map(|finding| {
            format!(
                "Nothing is written. {} {}: {}. {} Findings that stand against it: {} ({}). Solve them, or accept what may be \
                 accepted with --waive ID=REASON.",
                finding.id,
                finding.subject,
                finding.observed.trim_end_matches('.'),
                finding.remedy,
                plan.blocking().count(),
                ids.join(", ")
            )
        })
    }

    async fn execute(
        &self,
        ends: &ConnectedEnds,
        observed: &Observed,
        planned: &Planned,
        stop: &CancellationToken,
        run: &mut ApplyRun,
    ) -> Result<(End, String), ApplyError> {
        self.agree(ends, observed, planned)?;
        self.back_up(ends, observed, planned)?;
        write(ends, planned, stop, &mut run.applied).await;
        self.end_early(&planned.plan, &run.applied, stop)?;
        let verification = tokio::select! {
            done = ends.migration.verify(planned, observed.version()) => done.map_err(PlanError::from)?,
            () = stop.cancelled() => return Err(ApplyError::StoppedVerifying),
        };
        let ended = judge(&planned.plan, &run.applied, &verification);
        run.verification = Some(verification);
        ended
    }

    /// Saves what the control plane holds before anything of it is overwritten.
    fn back_up(
        &self,
        ends: &ConnectedEnds,
        observed: &Observed,
        planned: &Planned,
    ) -> Result<(), ApplyError> {
        if planned.plan.writes() == 0 {
            return Ok(());
        }
        let Some(path) = &self.backup_file else {
            return match planned.plan.count(Action::Update) {
                0 => Ok(()),
                updates => Err(ApplyError::NoBackup { updates }),
            };
        };
        let written = private_file(path).and_then(|mut file| {
            let (id, name) = (&ends.control_plane.id, ends.control_plane.name.clone());
            let head = backup::BackupHead::new(id, Some(name), SystemClock.now_to_the_second());
            backup::write(&observed.target, &head, &mut file)?;
            file.flush()?;
            file.get_ref().sync_all()
        });
        let path = path.display().to_string();
        written.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => ApplyError::BackupExists { path },
            _ => ApplyError::Backup { path, source },
        })
    }

    /// Fails when writing ended before its time.
    fn end_early(&self, plan: &Plan, applied: &Applied, stop: &CancellationToken) -> Result<(), ApplyError> {
        let (created, of) = (applied.written(), plan.writes());
        let again = match self.backup_file {
            None => "Run the same command again with --yes",
            Some(_) => "Run the same command again with --yes and another file for --backup-file",
        };
        if let Some(source) = applied.interrupted.clone() {
            return Err(ApplyError::Interrupted {
                created,
                of,
                source,
                again,
            });
        }
        if stop.is_cancelled() && !applied.not_tried.is_empty() {
            return Err(ApplyError::Stopped { created, of, again });
        }
        Ok(())
    }

    /// Asks the person at the terminal, unless a flag agreed already or there is nothing to write.
    fn agree(&self, ends: &ConnectedEnds, observed: &Observed, planned: &Planned) -> Result<(), ApplyError> {
        let plan = &planned.plan;
        let writes = plan.writes();
        if writes == 0 || self.approved(ends).is_some() {
            return Ok(());
        }
        let hash = || plan.hash.clone();
        if ends.approval.is_some() {
            return Err(ApplyError::NotApproved { hash: hash() });
        }
        if self.yes {
            return Ok(());
        }
        if !io::stdin().is_terminal() {
            return Err(ApplyError::NotAgreed { hash: hash() });
        }
        let report = PlanReport::without_entities(plan, names(ends, observed), Secrets::Masked);
        let style = Style {
            colour: false,
            full: false,
        };
        let (plan, name) = (text::terminal(&report, style), &ends.control_plane.name);
        // On standard error, so that standard output holds the result alone.
        eprint!("{plan}Write {writes} entities to control plane {name}? Only yes is taken for yes: ");
        let mut answer = String::new();
        let read = io::stderr()
            .flush()
            .and_then(|()| io::stdin().read_line(&mut answer));
        read.map_err(PlanError::from)?;
        if answer.trim() == "yes" {
            Ok(())
        } else {
            Err(ApplyError::NotAgreed { hash: hash() })
        }
    }

    /// Prints what was done, whether or not the run failed.
    fn conclude(
        &self,
        planned: &Planned,
        ends: PlanEnds,
        run: &ApplyRun,
        ended: Result<(End, String), ApplyError>,
    ) -> Result<ExitCode, ApplyError> {
        let told = match &ended {
            Ok(told) => told.clone(),
            Err(error) => (End::Failed, error.to_string()),
        };
        for refusal in &run.applied.refused {
            let field = refusal.field.as_ref().map(|field| format!(" {field}"));
            let field = field.unwrap_or_default();
            say(&format!(
                "Not written: {}{field}: {}",
                refusal.subject, refusal.reason
            ));
        }
        let result = RunResult::new(planned, ends, told, &run.applied, run.verification.as_ref());
        result.print(self.output).map_err(PlanError::from)?;
        let (end, message) = ended?;
        match end {
            End::Blocked => say(&message),
            End::Waiting => {
                let why = match run.applied.refused.is_empty() {
                    true => "plan says why",
                    false => "the lines above say why",
                };
                say(&format!(
                    "Not everything is written: {why}; solve it and run the same command again."
                ));
            }
            End::Done | End::Failed => {}
        }
        Ok(if end == End::Done {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(BLOCKED)
        })
    }
}

/// Writes, and leaves in `applied` what was written, whatever comes between.
async fn write(ends: &ConnectedEnds, planned: &Planned, stop: &CancellationToken, applied: &mut Applied) {
    if planned.plan.writes() > 0 {
        let (sender, progress) = watch::channel(Progress::before(&planned.plan));
        *applied = follow(ends.migration.apply(planned, stop, &sender), progress).await;
    }
}

/// What it comes to: everything done, or something waiting.
fn judge(plan: &Plan, applied: &Applied, verification: &Verification) -> Result<(End, String), ApplyError> {
    let unwritten = applied.unwritten();
    let unexpected = |subject: &&Subject| !unwritten.contains(&subject.key);
    let missing = verification.missing.iter().filter(unexpected).count();
    let differing = verification.mismatched.iter().map(|(subject, _)| subject);
    let mismatched = differing.filter(unexpected).count();
    if missing + mismatched > 0 {
        return Err(ApplyError::Mismatch {
            matched: verification.matched,
            mismatched,
            missing,
        });
    }
    let behind = plan.count(Action::StaysBehind);
    let waiting = waiting(plan) + unwritten.len();
    let mut message = format!(
        "{} created, {} of {} entities verified equal, {behind} {} behind",
        applied.created,
        verification.matched,
        plan.operations.len(),
        if behind == 1 { "stays" } else { "stay" }
    );
    if waiting > 0 {
        message.push_str(&format!(", {waiting} not written"));
    }
    message.push('.');
    let end = if waiting > 0 { End::Waiting } else { End::Done };
    Ok((end, message))
}

fn say(text: &str) {
    eprintln!("{text}");
}
